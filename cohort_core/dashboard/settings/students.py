"""Settings, Students: whether students see their own progress."""

from __future__ import annotations

import streamlit as st

from cohort_core.config.settings import Preferences, set_by_environment
from cohort_core.dashboard.components import notices
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.dashboard.page_words import FIXED

_NOTICE = "students-notice"


def show(view: View) -> None:
    """Show the two switches, and what they change."""
    notices.show(_NOTICE)
    settings = admin_of(view).settings()
    st.header("Students' own pages", anchor=False)
    st.write(
        "Each student can have a page of their own: what comes next, what they completed with grades, their "
        "weeks, what is kept about them, and a way to ask for help. It shows no risk level, no reason, no "
        "comparison and nobody else."
    )
    _switch(
        view,
        "student_page",
        "Students may see their own page",
        settings.student_page,
        "Mentors make a link on the page of a student. It works for 30 days and can be ended. Switched off, "
        "no link opens anything.",
    )
    _switch(
        view,
        "student_notes",
        "With the notes of messages and talks",
        settings.student_notes,
        "Days and ways of messages and talks are shown in any case. Notes for a handover are not.",
        disabled=not settings.student_page,
    )
    if settings.student_page and not view.accounts.has_public_address:
        st.caption(
            "Links open on this computer alone, as long as no public address is set. The guide says how "
            "people at other computers come in."
        )


def _switch(view: View, name: str, label: str, is_on: bool, meaning: str, *, disabled: bool = False) -> None:
    is_fixed = name in set_by_environment()
    st.toggle(
        label,
        value=is_on,
        key=f"{name}-{is_on}",
        on_change=_save,
        args=(view, name, not is_on),
        disabled=disabled or is_fixed,
        help=meaning,
    )
    if is_fixed:
        st.caption(FIXED)


def _save(view: View, name: str, wanted: bool) -> None:
    with guarded("settings", stop=False) as problems:
        admin_of(view).change_settings(Preferences.model_validate({name: wanted}))
    notices.keep(_NOTICE, problems, None)
