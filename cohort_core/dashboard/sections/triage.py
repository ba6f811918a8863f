"""The students who need a message first, in all followed classes or in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.components import downloads, rows
from cohort_core.dashboard.components.text import literal
from cohort_core.dashboard.files.questions import Source
from cohort_core.dashboard.layout import View, link
from cohort_core.dashboard.sections import contacts, hides
from cohort_core.reports.labels import URGENCIES, student_look
from cohort_core.reports.report import Report

EVERYONE = 100_000
MAX_CLASSES = 2
THIS_CLASS, ALL_CLASSES = "this", "all"
SCOPES = {ALL_CLASSES: "All my classes", THIS_CLASS: "This class"}
_SCOPE, _CHOSEN = "scope", "scope-chosen"
_HELP = (
    "Students at risk, stuck, silent, or who never started. Those who slip now come first: a message helps "
    "them most. In each group the highest risk comes first."
)


def show(view: View) -> None:
    """Show the list, the most urgent first, each with a message."""
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="titled-attention",
    ):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            st.header("Needs attention", anchor=False, help=_HELP, width="content")
            scope = _choose_scope(view)
        menu_place = st.container(width="content")
    report = listed(view, scope)
    ask = entries_of_class if scope == THIS_CLASS else all_entries
    with menu_place:
        downloads.bare_menu(view, report=report, ask=ask, name="attention", title="Needs attention")
    hides.show_notice(view)
    if view.shown is not None and not view.shown.is_open:
        st.caption("This class is closed, so nobody of it is listed.")
    entries = report.records()
    if not entries:
        st.write(
            "Nobody in this class needs attention at the moment."
            if scope == THIS_CLASS
            else "Nobody in your classes needs attention at the moment."
        )
    _list(view, entries, scope)
    hides.show(view)
    link("risk", "All students by risk")


def listed(view: View, scope: str, also_listed: str | None = None) -> Report:
    """Return the entries of the list.

    `also_listed` is a student who is in it even if hidden.
    """
    class_ids = [view.class_id] if scope == THIS_CLASS else None
    report = view.reader.triage(EVERYONE, view.as_of, class_ids=class_ids, also_listed=also_listed)
    if scope == THIS_CLASS and view.group_id:
        return of_group(report, set(view.cohort.students.index))
    return report


def of_group(report: Report, students: set[str]) -> Report:
    """Keep the entries about these students."""
    return replace(report, frame=report.frame[report.frame["student_id"].isin(students)])


def current_scope(view: View) -> str:
    """Return the scope that the address or this session asks for.

    That is all classes, or the class that is shown.
    """
    if view.shown is not None and not view.shown.is_open:
        return ALL_CLASSES
    if len(_open_classes(view)) < 2:
        return THIS_CLASS
    # A mentor who has chosen a group wants to see that group.
    default = THIS_CLASS if view.group_id else st.session_state.get(_CHOSEN, ALL_CLASSES)
    asked = st.query_params.get(_SCOPE)
    return asked if asked in SCOPES else default


def all_entries(source: Source) -> Report:
    """Return the list of all followed classes, for a file."""
    return source.reader.triage(EVERYONE, source.selection.as_of)


def entries_of_class(source: Source) -> Report:
    """Return the list of one class or group, for a file."""
    report = source.reader.triage(EVERYONE, source.selection.as_of, class_ids=[source.class_id])
    return of_group(report, set(source.cohort.students.index)) if source.selection.group else report


def _open_classes(view: View) -> list[str]:
    return [status.id for status in view.classes if status.is_open and status.synced_at]


def _choose_scope(view: View) -> str:
    """Show the choice of classes, and remember it for the other pages of this session."""
    scope = current_scope(view)
    is_closed = view.shown is not None and not view.shown.is_open
    if len(_open_classes(view)) < 2 or is_closed:
        return scope
    key = f"{_SCOPE}-widget"

    def save_choice() -> None:
        picked = st.session_state.get(key) or ALL_CLASSES
        st.session_state[_CHOSEN] = picked
        url_state.write(_SCOPE, picked)

    st.session_state[key] = scope
    st.session_state[_CHOSEN] = scope
    st.segmented_control(
        "Look at",
        tuple(SCOPES),
        format_func=SCOPES.__getitem__,
        key=key,
        on_change=save_choice,
        label_visibility="collapsed",
    )
    return scope


def _list(view: View, entries: list[dict[str, Any]], scope: str) -> None:
    if slow := [row for row in entries if row["urgency"] == "class"]:
        _show_classes(slow)
    students = [row for row in entries if row["urgency"] != "class"]
    list_place, more_place = st.container(gap="xsmall"), st.container()
    with more_place, st.container(horizontal=True, vertical_alignment="center"):
        # The list of another class begins anew.
        key = f"attention-{scope}-{view.class_id if scope == THIS_CLASS else ''}"
        shown = rows.more(
            key, len(students), view.arrangement.list_length or view.cohort.thresholds.triage_length
        )
        if left := _describe_rest(students[shown:]):
            st.caption(left, width="content")
    wrote = contacts.last_contacts(view)
    with list_place:
        for urgency, (word, meaning) in URGENCIES.items():
            group = [row for row in students[:shown] if row["urgency"] == urgency]
            if not group:
                continue
            total = sum(row["urgency"] == urgency for row in students)
            with st.container(key=f"group-{urgency}"):
                st.markdown(f"**{word}** · {total:,}", help=meaning, width="content")
            rows.show(
                [_row(row, scope, wrote) for row in group],
                f"attention-{urgency}",
                partial(contacts.offer, view),
            )


def _show_classes(entries: list[dict[str, Any]]) -> None:
    """Show the classes that have slowed down, in one line."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="slow-classes"):
        word = "The whole class has slowed down:" if len(entries) == 1 else "Whole classes have slowed down:"
        st.markdown(
            f"▼ **{word}**", width="content", help=literal(" ".join(row["reason"] for row in entries[:3]))
        )
        for row in entries[:MAX_CLASSES]:
            link(
                "trends",
                literal(row["name"]),
                icon=False,
                also={url_state.CLASS: row["class_id"]},
                width="content",
            )
        if len(entries) > MAX_CLASSES:
            st.caption(f"and {len(entries) - MAX_CLASSES} more", width="content")


def _describe_rest(entries: list[dict[str, Any]]) -> str:
    """Count the entries that are not shown yet.

    For example "Not shown yet: 12 slipping now · 8 far behind".
    """
    counts = {
        word.lower(): sum(row["urgency"] == urgency for row in entries)
        for urgency, (word, _) in URGENCIES.items()
    }
    parts = [f"{number:,} {word}" for word, number in counts.items() if number]
    return f"Not shown yet: {' · '.join(parts)}" if parts else ""


def _row(row: Mapping[str, Any], scope: str, wrote: Mapping[tuple[str, str], str]) -> rows.StudentRow:
    return rows.StudentRow(
        row["class_id"],
        row["student_id"],
        row["name"],
        # Nobody on pace is listed but for silence, or for work in which they are stuck.
        student_look(row["risk"], is_slowing=True) if row["risk"] else None,
        row["brief"],
        wrote.get((row["class_id"], row["student_id"]), ""),
        row["class_name"] if scope == ALL_CLASSES else "",
    )
