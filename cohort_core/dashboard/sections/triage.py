"""The students who need a message first, in all followed classes or in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.components import downloads, lists
from cohort_core.dashboard.components.text import count, literal
from cohort_core.dashboard.files.questions import Source
from cohort_core.dashboard.layout import View, lazy_expander, link
from cohort_core.dashboard.sections import contacts, hides, student_filter
from cohort_core.reports import catalog
from cohort_core.reports.labels import NEEDS
from cohort_core.reports.report import Report

EVERYONE = 100_000
THIS_CLASS, ALL_CLASSES = "this", "all"
ORDERS = {ALL_CLASSES: "Who waits longest comes", THIS_CLASS: "Who is furthest behind comes"}
SCOPES = {ALL_CLASSES: "All my classes", THIS_CLASS: "This class"}


def show(view: View) -> None:
    heading_place = st.container()
    listed = [status for status in view.classes if status.is_open and status.synced_at]
    is_closed = view.shown is not None and not view.shown.is_open
    scope = ALL_CLASSES if is_closed else THIS_CLASS
    if len(listed) > 1 and not is_closed:
        scope = url_state.choose(
            "scope",
            st.segmented_control,
            "Look at",
            tuple(SCOPES),
            # A mentor who has chosen a group wants to see that group.
            default=THIS_CLASS if view.group_id else ALL_CLASSES,
            format_func=SCOPES.__getitem__,
            label_visibility="collapsed",
        )
    order = f"{ORDERS[scope]} first. A name opens the student's page, where a first message is ready."
    if is_closed:
        order = f"This class is closed, so nobody of it is listed. {order}"
    st.caption(literal(order))
    hides.show_notice(view)
    shown = _show_class(view) if scope == THIS_CLASS else _show_all_classes(view)
    ask = at_risk if scope == THIS_CLASS else all_entries
    with heading_place:
        downloads.heading(
            view,
            "Who needs attention first",
            report=shown,
            ask=ask,
            name="attention",
            help="Students at risk, stuck, keeping up but silent, or who never started.",
        )
    link("risk", "All students by risk")


def at_risk(source: Source) -> Report:
    """Return the rows of ``student_health`` at risk, without hidden students, for a file."""
    return _at_risk(catalog.student_health(source.cohort), source.reader.hidden_students(source.cohort))


def all_entries(source: Source) -> Report:
    """Return the triage list of all followed classes, for a file."""
    return source.reader.triage(EVERYONE, source.selection.as_of)


def _at_risk(health: Report, hidden: set[str]) -> Report:
    is_open = ~health.frame["student_id"].isin(hidden)
    return replace(health, frame=health.frame[is_open & (health.frame["risk"] != "low")])


def _show_class(view: View) -> Report:
    thresholds = view.cohort.thresholds
    beside = partial(contacts.offer, view)
    wrote = contacts.last_contacts(view)
    hidden = view.reader.hidden_students(view.cohort)
    shown = _at_risk(catalog.student_health(view.cohort), hidden)
    urgent = replace(shown, frame=shown.frame.head(thresholds.triage_length)).records()
    if not urgent:
        st.write("Nobody stands out: everyone is on pace with the cohort.")
    lists.people(
        [_with_contact(lists.person_from_health(row), view.class_id, wrote) for row in urgent],
        "attention",
        beside,
    )
    listed = hidden | {row["student_id"] for row in urgent}
    gap = [row for row in catalog.engagement_gap(view.cohort).records() if row["student_id"] not in listed]
    gap = gap[: thresholds.triage_length]
    if gap:
        st.markdown(
            f"**{student_filter.KEEPING_UP}**",
            help="The early warning: on pace with the class or little behind it, and nothing done for "
            f"{count(thresholds.cooling_days, 'day')} or more.",
        )
        lists.people(
            [_with_contact(_silent_person(row), view.class_id, wrote) for row in gap], "silent", beside
        )
    hides.show(view)
    return shown


def _show_all_classes(view: View) -> Report:
    everyone = view.reader.triage(EVERYONE, view.as_of)
    shown = everyone.frame.head(view.cohort.thresholds.triage_length)
    if shown.empty:
        st.write("Nobody in your classes needs attention at the moment.")
    _list(view, replace(everyone, frame=shown), "needs")
    rest = replace(everyone, frame=everyone.frame[len(shown) :])
    if not rest.frame.empty:
        lazy_expander(f"{len(rest.frame):,} more, less urgent", "more-needs", _list, view, rest, "more")
    hides.show(view)
    return everyone


def _list(view: View, entries: Report, key: str) -> None:
    wrote = contacts.last_contacts(view)
    persons = [_with_contact(_person_from_triage(row), row["class_id"], wrote) for row in entries.records()]
    lists.people(persons, key, partial(contacts.offer, view))


def _with_contact(person: lists.Person, class_id: str, wrote: Mapping[tuple[str, str], str]) -> lists.Person:
    """Add a line about the last contact, if there is one."""
    text = wrote.get((class_id, person.student_id or ""))
    return replace(person, why=[*person.why, text]) if text else person


def _person_from_triage(row: Mapping[str, Any]) -> lists.Person:
    mark = lists.mark(*NEEDS[row["kind"]])
    others = [NEEDS[kind][1].lower() for kind in row["also"]]
    of = [row["class_name"]] if row["student_id"] else []
    also = [f"also {' and '.join(others)}"] if others else []
    why = [row["reason"], *([" · ".join(of + also)] if of + also else [])]
    return lists.Person(row["student_id"], mark, row["name"], why, row["class_id"])


def _silent_person(row: Mapping[str, Any]) -> lists.Person:
    return lists.Person(
        row["student_id"],
        lists.mark(*NEEDS["engagement_gap"]),
        row["name"],
        [f"{row['completed']} of {row['total']} done · last active {count(row['days_silent'], 'day')} ago"],
    )
