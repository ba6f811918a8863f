"""The students who deserve a word of praise, each with a draft."""

from __future__ import annotations

from functools import partial

import streamlit as st

from cohort_core.dashboard.components import lists, message
from cohort_core.dashboard.components.text import count, parse_instant
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, lazy_expander
from cohort_core.dashboard.sections import contacts
from cohort_core.reports import catalog

SHOWN = 5
HELP = (
    "Students who completed three assignments or more in the last 7 days, after 14 silent days or more. You "
    "have not written to them since they came back."
)


def show(view: View) -> None:
    """Show the students to praise, if there are any."""
    persons = _persons(view)
    if not persons:
        return
    st.markdown("**Deserve a word**", help=HELP)
    beside = partial(_offer, view)
    lists.people(persons[:SHOWN], "praise", beside)
    if more := persons[SHOWN:]:
        lazy_expander(f"{len(more)} more", "more-praise", lists.people, more, "praise-more", beside)


def _persons(view: View) -> list[lists.Person]:
    latest: dict[str, str] = {}
    for contact in view.reader.contacts(view.class_id):
        latest.setdefault(contact.student_id, contact.at)
    persons = []
    for row in catalog.praise(view.cohort).records():
        at = latest.get(row["student_id"])
        is_written_to = at is not None and parse_instant(at) >= parse_instant(row["back_at"])
        if view.as_of or not is_written_to:
            why = (
                f"{row['completed']} completed in 7 days, after {count(row['silent_days'], 'silent day')}. "
                f"The latest: {row['assignment']}."
            )
            persons.append(lists.Person(row["student_id"], "", row["name"], [why]))
    return persons


def _offer(view: View, person: lists.Person) -> None:
    if view.commands is None or person.student_id is None:
        return
    popover = st.popover(
        "Message",
        key=f"praise-{view.class_id}-{person.student_id}",
        type="tertiary",
        icon=":material/chat:",
        on_change="rerun",
    )
    if popover.open:
        with popover, guarded("message"):
            templates = message.Templates.of_reader(view.reader)
            draft = message.of_student(view.cohort, person.student_id, templates, "praise")
            st.code(draft.text, language=None, wrap_lines=True)
            # Praise is no reason to leave somebody out of the list of those who need attention.
            contacts.actions(view, view.class_id, person.student_id, person.name, draft, hide_days=0)
