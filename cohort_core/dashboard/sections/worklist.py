"""The place of a student in the list Needs attention."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.components.text import count
from cohort_core.dashboard.layout import View, link
from cohort_core.dashboard.sections import triage


def show(view: View, student_id: str) -> None:
    """Show "2 of 7", with links to the next student and the one before.

    For a student who is not in the list there is nothing. A hidden student is not counted, and keeps the
    place between the others, so that the next one is one click away.
    """
    entries = [
        row
        for row in triage.listed(view, triage.current_scope(view), also_listed=student_id).records()
        if row["student_id"] is not None
    ]
    place = next((place for place, row in enumerate(entries) if row["student_id"] == student_id), None)
    if place is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        if place > 0:
            _link("← previous", "previous-student", entries[place - 1])
        st.caption(_describe(view, student_id, place, len(entries)), width="content")
        if place + 1 < len(entries):
            _link("next →", "next-student", entries[place + 1])


def _describe(view: View, student_id: str, place: int, entries: int) -> str:
    """Return "2 of 7 who need attention"; for a hidden student, how many others.

    For example "Hidden · 6 others need attention".
    """
    hidden = {hide.student_id for hide in view.reader.holding_hides(view.cohort)}
    if student_id in hidden:
        return f"Hidden · {count(entries - 1, 'other needs', 'others need')} attention"
    return f"{place + 1:,} of {entries:,} who need attention"


def _link(label: str, key: str, row: dict[str, Any]) -> None:
    also = {url_state.CLASS: row["class_id"], "student": row["student_id"]}
    with st.container(key=key, width="content"):
        link("student", label, icon=False, also=also, width="content")
