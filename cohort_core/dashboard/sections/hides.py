"""Hide students from the triage list for some time, and show them again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import streamlit as st

from cohort_core.dashboard.components.text import about, count, literal
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View
from cohort_core.dashboard.sync_panel import commands_of
from cohort_core.reports.labels import describe_hide
from cohort_core.services.hiding import holds
from cohort_core.store.hides import Hide

TODAY, WEEK, ACTIVE, EXEMPT, WRONG = "today", "week", "active", "exempt", "wrong"
CHOICES = {
    TODAY: "Until tomorrow",
    WEEK: "For a week",
    ACTIVE: "Until they come back",
    EXEMPT: "For good",
    WRONG: "Wrongly listed",
}
_PROBLEM, _NOTICE = "hide-problem", "hide-notice"


@dataclass(frozen=True)
class Notice:
    """The result of the last click."""

    text: str
    class_id: str
    hidden: str | None = None
    """The student who was hidden without a contact."""
    replaced: Hide | None = None
    """The hide of before, which *Undo* brings back."""
    contacts: tuple[tuple[str, int], ...] = ()
    """Students and the contacts with them that were noted."""

    @property
    def can_undo(self) -> bool:
        return self.hidden is not None or bool(self.contacts)


def offer(view: View, class_id: str, student_id: str, name: str) -> None:
    """Show the menu for hiding a student."""
    key = f"hide-{class_id}-{student_id}"
    st.menu_button(
        about("Hide until …", name),
        list(CHOICES),
        format_func=CHOICES.__getitem__,
        key=key,
        on_click=_hide,
        args=(view, class_id, student_id, name, key),
        type="tertiary",
        icon=":material/visibility_off:",
    )


def show_notice(view: View) -> None:
    """Show the notice about the last click once, with a button that undoes it."""
    # The place is there without a notice too, so that nothing below moves.
    with st.container():
        if problem := st.session_state.pop(_PROBLEM, None):
            st.error(literal(problem))
        notice: Notice | None = st.session_state.pop(_NOTICE, None)
        if notice is None:
            return
        with st.container(horizontal=True, vertical_alignment="center", key="notice"):
            st.caption(literal(notice.text), width="content")
            if notice.can_undo:
                st.button("Undo", key="undo", type="tertiary", on_click=_undo, args=(view, notice))


def show_state(view: View, student_id: str, name: str) -> None:
    """Show until when and why a student is hidden, with a button that ends it."""
    hides = [hide for hide in view.reader.holding_hides(view.cohort) if hide.student_id == student_id]
    for hide in hides:
        with st.container(horizontal=True, vertical_alignment="center", key="hidden"):
            text = f"Hidden from Needs attention {describe_hide(hide)}."
            st.caption(literal(text), width="content")
            if view.commands is not None:
                st.button(
                    about("Show again", name),
                    key=f"list-again-{view.class_id}-{student_id}",
                    type="tertiary",
                    on_click=_show_again,
                    args=(view, view.class_id, student_id),
                )


def keep_notice(text: str, class_id: str, contacts: Iterable[tuple[str, int]]) -> None:
    """Keep a notice for the next run; without new contacts there is no Undo."""
    st.session_state[_NOTICE] = Notice(text, class_id, contacts=tuple(contacts))


def show(view: View) -> None:
    """Show the hidden students, each with a button that lists the student again."""
    hidden = _hidden_students(view)
    if not hidden:
        return
    if view.as_of:
        st.caption(f"{count(len(hidden), 'student is', 'students are')} hidden today, and left out above.")
    expander = st.expander(f"Hidden ({len(hidden)})", icon=":material/visibility_off:", key="hidden")
    with expander, guarded("hide"):
        for (class_id, student_id), description in hidden.items():
            with st.container(
                horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
            ):
                st.text(description, width="content")
                st.button(
                    about("Show again", description.rpartition(": ")[0]),
                    key=f"list-again-{class_id}-{student_id}",
                    on_click=_show_again,
                    args=(view, class_id, student_id),
                )


# These callbacks run before the page does. So the page needs to run only once, and no rerun loses a click.


def _hide(view: View, class_id: str, student_id: str, name: str, key: str) -> None:
    chosen = st.session_state[key]
    # A day of the mentor's calendar: the first sync of that day lists the student again.
    until = view.now.date() + timedelta(days=7 if chosen == WEEK else 1)
    if chosen is None:
        return
    hide = partial(commands_of(view).hide_student, class_id, student_id)
    with guarded("hide", stop=False) as problems:
        if chosen in (EXEMPT, WRONG):
            replaced = hide("exempt", wrong=chosen == WRONG)
        elif chosen == ACTIVE:
            replaced = hide("done", until_active=True)
        else:
            replaced = hide("done", until)
    keep_problem(problems)
    if not problems:
        how = {EXEMPT: "for good", WRONG: "as wrongly listed", ACTIVE: "until they come back"}
        text = f"{name} is hidden {how.get(chosen, f'until {until:%A} {until.day} {until:%B}')}."
        st.session_state[_NOTICE] = Notice(text, class_id, student_id, replaced)


def _show_again(view: View, class_id: str, student_id: str) -> None:
    with guarded("hide", stop=False) as problems:
        commands_of(view).show_again(class_id, student_id)
    keep_problem(problems)


def _undo(view: View, notice: Notice) -> None:
    with guarded("undo", stop=False) as problems:
        if notice.hidden is not None:
            commands_of(view).show_again(notice.class_id, notice.hidden, replaced=notice.replaced)
        for student_id, contact_id in notice.contacts:
            commands_of(view).delete_contact(notice.class_id, student_id, contact_id)
    keep_problem(problems)


def keep_problem(problems: list[str]) -> None:
    """Keep the problem for the run of the page that follows the callback."""
    if problems:
        st.session_state[_PROBLEM] = problems[0]


def _hidden_students(view: View) -> dict[tuple[str, str], str]:
    """Describe the students who are hidden today, by class id and student id.

    With pseudonyms on, the student ids are the anonymous ones.
    """
    descriptions = {}
    classes = {part.class_id: part for part in view.reader.class_triages(view.as_of)}
    for hide in view.reader.load_hides():
        part = classes.get(hide.class_id)
        # The day of the numbers, as in the list itself. Before the first sync of a day it is an earlier day.
        if part is None or not holds(hide, part):
            continue
        if name := part.names.get(hide.student_id):
            descriptions[hide.class_id, hide.student_id] = f"{name}: {describe_hide(hide)}"
    return descriptions
