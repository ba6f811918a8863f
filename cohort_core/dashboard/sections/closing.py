"""Closing a class that has ended, and opening it again."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import streamlit as st

from cohort_core.clock import utc_now
from cohort_core.dashboard import url_state
from cohort_core.dashboard.components.text import count, literal
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, lazy_expander
from cohort_core.formatting import long_day
from cohort_core.metrics.cohort import names_of_all
from cohort_core.store.class_data import ClassData
from cohort_core.store.classes import ClassStatus

KEEP, ERASE = "Keep them for a year", "Delete them now"
_NOTICE = "closing-notice"


def offer(view: View, status: ClassStatus) -> None:
    """Offer to close a class or to open it again."""
    if view.commands is None or status.synced_at is None or not status.is_active:
        return
    if status.closed_on is None:
        lazy_expander("Close this class", f"close-{status.id}", _ask, view, status)
        return
    st.button(
        "Open again",
        key=f"open-{status.id}",
        on_click=_open,
        args=(view, status),
        icon=":material/lock_open:",
        help="The class is synced again, and its students can be on the list. The counts that its closing "
        "kept are removed.",
    )


def pop_notice() -> str | None:
    """Return the result of the last closing or opening, once."""
    notice: str | None = st.session_state.pop(_NOTICE, None)
    return notice


def closed_text(closed_on: str) -> str:
    """Say since when a class is closed, such as "closed since 4 March 2025"."""
    return f"closed since {long_day(date.fromisoformat(closed_on))}"


def _ask(view: View, status: ClassStatus) -> None:
    """Ask who was lost; withdrawn students are filled in."""
    data = view.reader.class_data(status.id)
    names = _names(data)
    st.caption(
        "A closed class is not synced automatically, and nobody of it is listed under Needs attention. You "
        "can still look at it, and open it again. Say who was lost, that is who failed or withdrew. "
        "Students who are withdrawn on the roster are filled in. Only counts by risk level are kept, and no "
        "names. They are added to what Student risk says about a risk level."
    )
    lost = st.multiselect(
        "Who was lost",
        list(names),
        default=view.reader.lost_by_roster(status.id),
        format_func=names.__getitem__,
        key=f"lost-{status.id}",
        placeholder="Nobody",
    )
    today = utc_now().astimezone(ZoneInfo(data.timezone)).date()
    closed_on = st.date_input(
        "Last day of the class",
        value=today,
        min_value=min(view.reader.first_day(status.id) or url_state.EARLIEST, today),
        max_value=today,
        format="YYYY-MM-DD",
        key=f"closed-on-{status.id}",
    )
    at_day = st.empty()
    kept = view.reader.count_contacts(status.id)
    answer = KEEP
    if kept:
        answer = st.radio(
            f"Messages, talks and handover notes of this class ({kept})",
            (KEEP, ERASE),
            key=f"contacts-{status.id}",
            help="They say when you were in touch with a student, and what you noted about it. Backups "
            "keep them until you delete the backups.",
        )
    if st.button("Close the class", key=f"close-now-{status.id}", type="primary"):
        with guarded("closing", stop=False) as problems:
            assert view.commands is not None
            view.commands.close_class(status.id, lost, closed_on, erases_contacts=answer == ERASE)
            counts = (
                f"with {count(len(lost), 'student')} of {len(names):,} lost"
                if view.reader.has_band_counts(status.id)
                else "without counts, since nobody has begun"
            )
            st.session_state[_NOTICE] = f"{status.name} is closed, {counts}."
        for problem in problems:
            at_day.error(literal(problem))
        if not problems:
            # The whole page, since the class has another place and another state now.
            st.rerun()


def _names(data: ClassData) -> dict[str, str]:
    """Return the names of the students by id, in alphabetical order."""
    names = names_of_all(data).reindex(data.students["student_id"].unique())
    return {
        str(student_id): name
        for student_id, name in names.sort_values(key=lambda name: name.str.casefold()).items()
    }


def _open(view: View, status: ClassStatus) -> None:
    with guarded("closing", stop=False) as problems:
        assert view.commands is not None
        view.commands.open_class(status.id)
    st.session_state[_NOTICE] = problems[0] if problems else f"{status.name} is open again."
