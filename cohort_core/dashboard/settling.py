"""Settling students of the triage list: done for today, never to be listed, and listed again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import streamlit as st

from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.frame import View


def show(view: View, needs: Sequence[dict[str, Any]]) -> None:
    """``needs`` are the entries that are listed."""
    listed = {row["student_id"]: row for row in needs if row["student_id"] is not None}
    settled = _settled(view)
    if not (listed or settled):
        return
    with st.expander("Settle someone", icon=":material/task_alt:"), guarded("settle"):
        if listed:
            _choose(view, listed)
        for (class_id, student_id), told in settled.items():
            words, button = st.columns([3, 1], vertical_alignment="center")
            words.text(told)
            if button.button("List again", key=f"list-again-{class_id}-{student_id}", width="stretch"):
                view.workspace.unsettle(class_id, student_id)
                st.rerun()


def _choose(view: View, listed: dict[str, dict[str, Any]]) -> None:
    student_id = st.selectbox(
        "Student", list(listed), format_func=lambda one: str(listed[one]["name"]), key="settle-student"
    )
    done, exempt = st.columns(2)
    tomorrow = view.now.date() + timedelta(days=1)
    if done.button("Done for today", help="Listed again by tomorrow's first sync.", width="stretch"):
        _settle(view, listed[student_id], "done", tomorrow)
    if exempt.button("Exempt", help="Not listed any more, until you list them again.", width="stretch"):
        _settle(view, listed[student_id], "exempt", None)


def _settle(view: View, row: dict[str, Any], kind: Any, until: date | None) -> None:
    view.workspace.settle(row["class_id"], row["student_id"], kind, until)
    st.rerun()


def _settled(view: View) -> dict[tuple[str, str], str]:
    """Those who are left out today, by class and the id that goes here, with what to say of them."""
    told = {}
    followed = {one.id for one in view.classes if one.is_active}
    for mark in view.workspace.marks():
        if mark.class_id not in followed:
            continue
        # The day of the numbers, as in the list itself: before the day's first sync that is an earlier one.
        if not mark.holds_on(view.reader.cohort(mark.class_id, view.as_of).local_date):
            continue
        facts = view.reader.facts(mark.class_id)
        student_id = view.workspace.student_id_for(
            mark.class_id, mark.student_id, anonymous=view.reader.anonymous
        )
        person = facts.students[facts.students["student_id"] == student_id].fillna("")
        if student_id is None or person.empty:
            continue
        name = f"{person['first_name'].iloc[0]} {person['last_name'].iloc[0]}".strip() or student_id
        state = "exempt" if mark.until is None else f"done until {mark.until:%d %B}"
        told[mark.class_id, student_id] = f"{name}: {state}"
    return told
