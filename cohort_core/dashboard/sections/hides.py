"""Settling students of the triage list: done for a while, never to be listed, and listed again."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from cohort_core.dashboard.components import lists
from cohort_core.dashboard.components.text import literal
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View

TODAY, WEEK, EXEMPT = "today", "week", "exempt"
CHOICES = {
    TODAY: "Done for today",
    WEEK: "Done for a week",
    EXEMPT: "Never list again",
}
_TOLD, _DONE = "settling-told", "settling-done"


def offer(view: View, one: lists.Person) -> None:
    """The choices for somebody who is listed, beside their name."""
    class_id = one.class_id or view.class_id
    if one.student_id is None:
        return
    key = f"hide-{class_id}-{one.student_id}"
    st.menu_button(
        "Settle",
        list(CHOICES),
        format_func=CHOICES.__getitem__,
        key=key,
        on_click=_settle,
        args=(view, class_id, one.student_id, one.name, key),
        type="tertiary",
        icon=":material/task_alt:",
    )


def done() -> str | None:
    """What the last click has hidden, told once."""
    told: str | None = st.session_state.pop(_DONE, None)
    return told


def show(view: View) -> None:
    """Whom the mentor has hidden, each with the way back."""
    if told := st.session_state.pop(_TOLD, None):
        st.error(literal(told))
    hidden = _settled(view)
    if not hidden:
        return
    folded = st.expander(f"Settled ({len(hidden)})", icon=":material/task_alt:", key="hidden")
    with folded, guarded("hide"):
        for (class_id, student_id), told in hidden.items():
            with st.container(
                horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
            ):
                st.text(told, width="content")
                st.button(
                    "List again",
                    key=f"list-again-{class_id}-{student_id}",
                    on_click=_list_again,
                    args=(view, class_id, student_id),
                )


# These run before the page does, so that it needs to run only once, and no click is lost to another rerun.


def _settle(view: View, class_id: str, student_id: str, name: str, key: str) -> None:
    chosen = st.session_state[key]
    # By the mentor's calendar: listed again with the first sync of that day.
    until = view.now.date() + timedelta(days=7 if chosen == WEEK else 1)
    with guarded("hide", stop=False) as told:
        if chosen == EXEMPT:
            view.workspace.hide_student(class_id, student_id, "exempt")
        elif chosen is not None:
            view.workspace.hide_student(class_id, student_id, "done", until)
    _tell(told)
    if not told and chosen is not None:
        state = "exempt" if chosen == EXEMPT else f"done until {until:%A}"
        st.session_state[_DONE] = f"{name}: {state}. The way back is under Settled, below the list."


def _list_again(view: View, class_id: str, student_id: str) -> None:
    with guarded("hide", stop=False) as told:
        view.workspace.show_again(class_id, student_id)
    _tell(told)


def _tell(told: list[str]) -> None:
    if told:
        st.session_state[_TOLD] = told[0]


def _settled(view: View) -> dict[tuple[str, str], str]:
    """Those who are left out today, by class and the id that goes here, with what to say of them."""
    told = {}
    followed = {one.id for one in view.classes if one.is_active}
    for hide in view.workspace.load_hides():
        if hide.class_id not in followed:
            continue
        # The day of the numbers, as in the list itself: before the day's first sync that is an earlier one.
        if not hide.holds_on(view.reader.cohort(hide.class_id, view.as_of).local_date):
            continue
        class_data = view.reader.class_data(hide.class_id)
        student_id = view.workspace.cohorts.student_id_for(
            hide.class_id, hide.student_id, anonymous=view.reader.anonymous
        )
        person = class_data.students[class_data.students["student_id"] == student_id].fillna("")
        if student_id is None or person.empty:
            continue
        name = f"{person['first_name'].iloc[0]} {person['last_name'].iloc[0]}".strip() or student_id
        state = "exempt" if hide.until is None else f"done until {hide.until:%d %B}"
        told[hide.class_id, student_id] = f"{name}: {state}"
    return told
