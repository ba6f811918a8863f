"""The students of the Assignment page, by where they are in it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import get_args

import pandas as pd
import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.components import downloads, lists, tables
from cohort_core.dashboard.components.lists import Part
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.components.text import count
from cohort_core.dashboard.files.questions import report_of
from cohort_core.dashboard.layout import View
from cohort_core.dashboard.sections import bulk
from cohort_core.reports import catalog
from cohort_core.reports.labels import STUDENT_STATES
from cohort_core.reports.row_models import State

ALL = "all"
COLUMNS = {
    "name": Column("Student", pinned=True, width="medium"),
    "state": Column("State"),
    "days": Column("Days", "days"),
    "grade": Column("Grade", "percent"),
    "night": Column("Class night"),
    "region": Column("Region"),
}


def place(assignment: pd.Series, total: int) -> str:
    """Describe the place of an assignment in the course.

    For example "Number 12 of 90 · Loops and lists · quiz".
    """
    parts = [f"Number {assignment['position'] + 1} of {total}", assignment["section"], assignment["type"]]
    return " · ".join(part for part in parts if isinstance(part, str))


def show_students(view: View, assignment_id: str) -> None:
    """Show the students in one state, first the stuck, if there are any."""
    report = catalog.assignment_students(view.cohort, assignment_id)
    lists.stacked_bar(parts(report.frame), "student")
    counts = report.frame["state"].value_counts()
    states = [state for state in get_args(State) if counts.get(state)]
    state = url_state.choose(
        "state",
        st.pills,
        "Show",
        (ALL, *states),
        default="stuck" if "stuck" in states else ALL,
        format_func=lambda state: (
            f"All {len(report.frame):,}" if state == ALL else f"{STUDENT_STATES[state][0]}: {counts[state]:,}"
        ),
        required=True,
        wrap=True,
    )
    narrow = partial(in_state, state=state)
    shown = narrow(report.frame)
    downloads.heading(
        view,
        heading(state, len(shown)),
        report=replace(report, frame=shown),
        ask=partial(report_of, name="assignment_students", assignment_id=assignment_id),
        narrow=narrow,
    )
    write_place = st.container()
    columns = {name: column for name, column in COLUMNS.items() if shown[name].notna().any()}
    ticked = tables.show(
        to_rows(shown),
        report.row,
        columns if state == ALL or shown["is_parked"].any() else _without_state(columns),
        key="students",
        alt="Students by where they are in it",
        opens="student",
        has_ticks=view.commands is not None,
    )
    with write_place:
        if view.commands is not None and len(shown):
            # Without ticks it is about all who are shown, such as all who are stuck.
            bulk.offer(
                view,
                ticked or shown["student_id"].tolist(),
                assignment_id if state == "stuck" else None,
            )
    can_write = " Tick some to write to these alone." if view.commands is not None else ""
    st.caption(f"Click a row to open the student.{can_write}")


def in_state(students: pd.DataFrame, state: str) -> pd.DataFrame:
    return students if state == ALL else students[students["state"] == state]


def heading(state: str, number: int) -> str:
    """Say how many students are shown, such as "17 students are stuck"."""
    students, are = count(number, "student"), "is" if number == 1 else "are"
    match state:
        case "stuck":
            return f"{students} {are} stuck"
        case "in_progress":
            return f"{students} {are} working on it"
        case "skipped":
            return f"{students} skipped it"
        case "completed":
            return f"{students} completed it"
        case "not_reached":
            return f"{students} {'has' if number == 1 else 'have'} not reached it"
        case _:
            return students


def parts(students: pd.DataFrame) -> list[Part]:
    counts = students["state"].value_counts()
    return [
        Part(label, int(counts.get(state, 0)), colour) for state, (label, colour) in STUDENT_STATES.items()
    ]


def to_rows(students: pd.DataFrame) -> pd.DataFrame:
    """Return the students with their states as labels, ready for the table."""
    labels = students["state"].map({state: label for state, (label, _) in STUDENT_STATES.items()})
    return students.assign(state=labels.where(~students["is_parked"], "Stuck, works on something else"))


def _without_state(columns: dict[str, Column]) -> dict[str, Column]:
    return {name: column for name, column in columns.items() if name != "state"}
