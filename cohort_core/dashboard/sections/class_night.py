"""The class night: students to talk to and topics, with a tick for each talk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import streamlit as st

from cohort_core.dashboard.components import lists
from cohort_core.dashboard.components.text import literal, parse_instant
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, lazy_expander
from cohort_core.dashboard.sections import hides
from cohort_core.dashboard.sync_panel import commands_of
from cohort_core.metrics.class_night import ClassNight, Person, class_night
from cohort_core.metrics.groups import groups
from cohort_core.store.contacts import Contact

SHOWN = 12
_KEPT, _TICK = "night-kept", "tick-"


def describe(view: View) -> str:
    """Say what the page is for, and how to choose the night."""
    ticks = (
        "" if view.commands is None or view.as_of else " A tick notes that you talked to the student today."
    )
    where = ""
    if view.group_id is None and groups(view.cohort):
        where = " Choose the class night under Group in the sidebar."
    return f"Students to talk to and what about, without risk or grades.{ticks}{where}"


def show(view: View) -> None:
    """Show the lists of the class night side by side."""
    hides.show_notice(view)
    met = _met_today(view)
    kept = {student_id: contact for student_id, contact in met.items() if student_id in _kept()}
    night = _night(view, kept)
    left, right = st.columns(2, gap="large")
    with left:
        st.header("Talk to first", anchor=False)
        if not night.first:
            st.write("Nobody stands out.")
        topics = {
            talk.student_id: f"Talk about “{talk.about}”." if talk.about else "Ask how it goes."
            for talk in night.first
        }
        first = [Person(talk.student_id, talk.name) for talk in night.first]
        _show_people(view, "first", first, met, topics)
        st.header("Teach again", anchor=False)
        if not night.teach_again:
            st.write("Nobody is stuck where many have started.")
        for lesson in night.teach_again:
            st.markdown(f"**{literal(lesson.assignment)}**")
            st.caption(literal(", ".join(lesson.students)))
    names = view.cohort.students["name"]
    done = tuple(Person(id_, names[id_]) for id_ in met if id_ not in kept and id_ in names)
    with right:
        parts = {
            "Talked to today": done,
            "Came back this week": night.returned,
            "New": night.enrolled,
            "Not talked to for three weeks": night.not_met,
        }
        for title, people in parts.items():
            if not people:
                continue
            st.header(f"{title} ({len(people)})", anchor=False)
            key = title.split()[0].lower()
            _show_people(view, key, people[:SHOWN], met)
            if rest := people[SHOWN:]:
                lazy_expander(
                    f"{len(rest)} more", f"more-{key}", _show_people, view, f"{key}-rest", rest, met
                )


def _kept() -> set[str]:
    """Return the ids of the students who were ticked since the page was opened.

    Their rows stay where they are, so that none jumps away under a finger and a tick can be taken back.
    Streamlit forgets the boxes when another page opens; without any box this is a new opening.
    """
    if not any(str(key).startswith(_TICK) for key in st.session_state):
        st.session_state[_KEPT] = set()
    kept: set[str] = st.session_state.setdefault(_KEPT, set())
    return kept


def _night(view: View, met: Mapping[str, Contact]) -> ClassNight:
    """Return the lists as they were before these talks of today."""
    frame = view.reader.contact_frame(view.class_id)
    frame = frame[~frame["contact_id"].isin([contact.id for contact in met.values()])]
    hidden = {
        hide.student_id
        for hide in view.reader.holding_hides(view.cohort)
        if hide.contact_id not in {contact.id for contact in met.values()}
    }
    return class_night(view.cohort, frame, hidden)


def _met_today(view: View) -> dict[str, Contact]:
    """Return the talks that were noted today, by student."""
    if view.as_of:
        return {}
    today = view.now.date()
    return {
        contact.student_id: contact
        for contact in view.reader.contacts(view.class_id)
        if contact.channel == "met" and parse_instant(contact.at).astimezone(view.cohort.tz).date() == today
    }


def _show_people(
    view: View,
    key: str,
    people: Iterable[Person],
    met: Mapping[str, Contact],
    topics: Mapping[str, str] | None = None,
) -> None:
    persons = [
        lists.Person(person.student_id, "", person.name, [(topics or {}).get(person.student_id, "")])
        for person in people
    ]
    lists.people(persons, f"night-{key}", partial(_offer_tick, view, key, met))


def _offer_tick(view: View, part: str, met: Mapping[str, Contact], person: lists.Person) -> None:
    if view.commands is None or view.as_of or person.student_id is None:
        return
    contact = met.get(person.student_id)
    key = f"{_TICK}{part}-{person.student_id}-{contact.id if contact else 0}"
    st.checkbox(
        "Talked to them",
        value=contact is not None,
        key=key,
        on_change=_tick,
        args=(view, key, person.student_id, contact),
    )


# This runs before the page does, so that one rerun shows the tick everywhere.


def _tick(view: View, key: str, student_id: str, contact: Contact | None) -> None:
    # Streamlit may call this for a box that nobody touched. Only its value says what is wanted.
    if st.session_state.get(key, contact is not None) == (contact is not None):
        return
    with guarded("contact", stop=False) as problems:
        if contact is None:
            _kept().add(student_id)
            commands_of(view).add_contact(view.class_id, student_id, "met")
        else:
            commands_of(view).delete_contact(view.class_id, student_id, contact.id)
    hides.keep_problem(problems)
