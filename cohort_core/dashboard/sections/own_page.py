"""The link to a student's own page, on the Student page."""

from __future__ import annotations

import streamlit as st

from cohort_core.clock import utc_now
from cohort_core.dashboard.components import notices
from cohort_core.dashboard.components.text import literal, parse_instant
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View
from cohort_core.dashboard.sync_panel import commands_of
from cohort_core.formatting import long_day
from cohort_core.services.commands import LOCAL_ADDRESS

_NOTICE, _ADDRESS = "own-page-notice", "own-page-address"


def show(view: View, student_id: str) -> None:
    """Offer a link to the student's own page, if such pages are in use."""
    if view.commands is None or view.as_of or not view.reader.has_student_pages:
        return
    popover = st.popover(
        "Their own page", key="own-page", type="tertiary", icon=":material/link:", on_change="rerun"
    )
    if popover.open:
        with popover, guarded("own page"):
            _show_link(view, student_id)


def _show_link(view: View, student_id: str) -> None:
    notices.show(_NOTICE)
    st.caption(
        "With a link the student sees what comes next, their own work and grades, and can ask for help. "
        "They see no risk level, no reason and nobody else."
    )
    mine = [link for link in view.reader.student_links(view.class_id) if link.student_id == student_id]
    live = next((link for link in mine if link.state(utc_now()) == "works"), None)
    made = st.session_state.get(_ADDRESS)
    address = made[1] if made and made[0] == (view.class_id, student_id) and live else None
    if live is not None:
        st.write(f"A link works until {long_day(parse_instant(live.ends_at).astimezone(view.cohort.tz))}.")
    if address:
        st.code(address, language=None, wrap_lines=True)
        st.caption("Send it to the student alone. It is shown this once.")
        if not address.startswith("https:"):
            st.caption("It opens on this computer alone, until an administrator names a public address.")
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Make a new link" if live else "Make a link",
            key="own-page-make",
            on_click=_make,
            args=(view, student_id),
            help=literal("The present one ends then.") if live else None,
        )
        if live is not None:
            st.button(
                "End the link", key="own-page-end", type="tertiary", on_click=_end, args=(view, student_id)
            )


# These run before the page does, so that one rerun shows the result.


def _make(view: View, student_id: str) -> None:
    with guarded("own page", stop=False) as problems:
        here = (st.context.url or LOCAL_ADDRESS).partition("/dashboard")[0].rstrip("/")
        address = commands_of(view).make_student_link(view.class_id, student_id, base=here)
        st.session_state[_ADDRESS] = ((view.class_id, student_id), address)
    notices.keep(_NOTICE, problems, None)


def _end(view: View, student_id: str) -> None:
    with guarded("own page", stop=False) as problems:
        commands_of(view).end_student_link(view.class_id, student_id)
        st.session_state.pop(_ADDRESS, None)
    notices.keep(_NOTICE, problems, "The link has ended, and the page is closed wherever it was open.")
