"""The text and the table of the Assignment page."""

from __future__ import annotations

import pandas as pd

from cohort_core.dashboard.components.lists import Part
from cohort_core.dashboard.components.tables import Column
from cohort_core.reports.labels import STUDENT_STATES

COLUMNS = {
    "name": Column("Student", pinned=True, width="medium"),
    "state": Column("State"),
    "days": Column("Days", "days"),
    "grade": Column("Grade", "percent"),
    "night": Column("Night"),
    "region": Column("Region"),
}


def place(assignment: pd.Series, total: int) -> str:
    """Describe the place of an assignment in the course.

    For example "Number 12 of 90 · Loops and lists · quiz".
    """
    parts = [f"Number {assignment['position'] + 1} of {total}", assignment["section"], assignment["type"]]
    return " · ".join(part for part in parts if isinstance(part, str))


def parts(students: pd.DataFrame) -> list[Part]:
    counts = students["state"].value_counts()
    return [
        Part(label, int(counts.get(state, 0)), colour) for state, (label, colour) in STUDENT_STATES.items()
    ]


def to_rows(students: pd.DataFrame) -> pd.DataFrame:
    """Return the students with their states as labels, ready for the table."""
    labels = students["state"].map({state: label for state, (label, _) in STUDENT_STATES.items()})
    return students.assign(state=labels.where(~students["is_parked"], "Stuck, works on something else"))
