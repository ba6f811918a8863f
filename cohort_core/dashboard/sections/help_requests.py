"""Requests for help, which students send from their own pages: first on the Overview."""

from __future__ import annotations

import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.components import notices, rows
from cohort_core.dashboard.components.text import about, ago, literal, parse_instant
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, link, part
from cohort_core.dashboard.sync_panel import commands_of
from cohort_core.metrics.cohort import names_of_all
from cohort_core.store.help_requests import HelpRequest

FIRST = 5
_NOTICE = "help-notice"
_HELP = (
    "These students asked for help on their own page. Answer them as you like, then press Answered: the "
    "student sees that, and the line goes. The draft of a message is on the student's page."
)


def show(view: View) -> None:
    """Show the requests that nobody answered, if there are any; who waits longest is first."""
    # Without requests there is no place for them either: it would move the list below down.
    if view.commands is not None and not view.as_of and _waiting(view):
        part(_show_waiting, view)


def _waiting(view: View) -> list[HelpRequest]:
    return [item for item in view.reader.help_requests() if item.answered_at is None][::-1]


def _show_waiting(view: View) -> None:
    notices.show(_NOTICE)
    waiting = _waiting(view)
    if not waiting:
        return
    st.header("Asked for help", anchor=False, help=_HELP)
    list_place, more_place = st.container(gap="xsmall"), st.container()
    with more_place:
        shown = rows.more("help-requests", len(waiting), FIRST)
    with list_place:
        for item in waiting[:shown]:
            _show_request(view, item)


def _show_request(view: View, item: HelpRequest) -> None:
    data = view.reader.class_data(item.class_id)
    name = str(names_of_all(data).get(item.student_id, "A student who left"))
    names = dict(zip(data.assignments["assignment_id"], data.assignments["name"], strict=True))
    parts = [names.get(item.assignment_id), ago(parse_instant(item.at), view.now)]
    if view.shown is None or item.class_id != view.shown.id:
        parts.append(data.name)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"help-{item.id}"):
        also = {url_state.CLASS: item.class_id, "student": item.student_id}
        link("student", literal(name), icon=False, also=also, width=176)
        with st.container(gap=None):
            st.caption(literal(" · ".join(part for part in parts if part)))
            if item.text:
                st.text(item.text)
        st.button(
            about("Answered", name),
            key=f"answered-{item.id}",
            icon=":material/check:",
            type="tertiary",
            on_click=_answer,
            args=(view, item),
        )


# This runs before the page does, so that one rerun shows the shorter list.


def _answer(view: View, item: HelpRequest) -> None:
    with guarded("help", stop=False) as problems:
        commands_of(view).answer_help(item.class_id, item.id)
    notices.keep(_NOTICE, problems, "Noted that you answered. The student sees it too.")
