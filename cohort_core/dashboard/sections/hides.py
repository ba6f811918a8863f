"""Hide students from the triage list for some time, and show them again."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from cohort_core.dashboard.components import lists
from cohort_core.dashboard.components.text import literal
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View
from cohort_core.dashboard.sync_panel import commands_of
from cohort_core.metrics.cohort import names_of_all

TODAY, WEEK, EXEMPT = "today", "week", "exempt"
CHOICES = {
    TODAY: "Done for today",
    WEEK: "Done for a week",
    EXEMPT: "Never list again",
}
_PROBLEM, _NOTICE = "hide-problem", "hide-notice"


def offer(view: View, person: lists.Person) -> None:
    """Show the menu for hiding a student, beside the name in the list."""
    class_id = person.class_id or view.class_id
    if person.student_id is None or view.commands is None:
        return
    key = f"hide-{class_id}-{person.student_id}"
    st.menu_button(
        "Settle",
        list(CHOICES),
        format_func=CHOICES.__getitem__,
        key=key,
        on_click=_hide,
        args=(view, class_id, person.student_id, person.name, key),
        type="tertiary",
        icon=":material/task_alt:",
    )


def pop_notice() -> str | None:
    """Return the notice about the last click, once."""
    notice: str | None = st.session_state.pop(_NOTICE, None)
    return notice


def show(view: View) -> None:
    """Show the hidden students, each with a button that lists the student again."""
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(literal(problem))
    hidden = _hidden_students(view)
    if not hidden:
        return
    expander = st.expander(f"Settled ({len(hidden)})", icon=":material/task_alt:", key="hidden")
    with expander, guarded("hide"):
        for (class_id, student_id), description in hidden.items():
            with st.container(
                horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
            ):
                st.text(description, width="content")
                st.button(
                    "List again",
                    key=f"list-again-{class_id}-{student_id}",
                    on_click=_show_again,
                    args=(view, class_id, student_id),
                )


# These callbacks run before the page does. So the page needs to run only once, and no rerun loses a click.


def _hide(view: View, class_id: str, student_id: str, name: str, key: str) -> None:
    chosen = st.session_state[key]
    # A day of the mentor's calendar: the first sync of that day lists the student again.
    until = view.now.date() + timedelta(days=7 if chosen == WEEK else 1)
    with guarded("hide", stop=False) as problems:
        if chosen == EXEMPT:
            commands_of(view).hide_student(class_id, student_id, "exempt")
        elif chosen is not None:
            commands_of(view).hide_student(class_id, student_id, "done", until)
    _keep_problem(problems)
    if not problems and chosen is not None:
        state = "exempt" if chosen == EXEMPT else f"done until {until:%A}"
        st.session_state[_NOTICE] = f"{name}: {state}. The way back is under Settled, below the list."


def _show_again(view: View, class_id: str, student_id: str) -> None:
    with guarded("hide", stop=False) as problems:
        commands_of(view).show_again(class_id, student_id)
    _keep_problem(problems)


def _keep_problem(problems: list[str]) -> None:
    """Keep the problem for the run of the page that follows the callback."""
    if problems:
        st.session_state[_PROBLEM] = problems[0]


def _hidden_students(view: View) -> dict[tuple[str, str], str]:
    """Describe the students who are hidden today, by class id and student id.

    With pseudonyms on, the student ids are the anonymous ones.
    """
    descriptions = {}
    followed = {status.id for status in view.classes if status.is_active}
    for hide in view.reader.load_hides():
        if hide.class_id not in followed:
            continue
        # The day of the numbers, as in the list itself. Before the first sync of a day it is an earlier day.
        if not hide.holds_on(view.reader.cohort(hide.class_id, view.as_of).local_date):
            continue
        names = names_of_all(view.reader.class_data(hide.class_id))
        student_id = view.reader.student_id_for(hide.class_id, hide.student_id)
        if student_id is None or student_id not in names:
            continue
        state = "exempt" if hide.until is None else f"done until {hide.until:%d %B}"
        descriptions[hide.class_id, student_id] = f"{names[student_id]}: {state}"
    return descriptions
