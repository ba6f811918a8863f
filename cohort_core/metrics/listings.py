"""Students, assignments and records as they stand in the store, without arithmetic."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from cohort_core.metrics.groups import group_members
from cohort_core.store.class_data import ClassData
from cohort_core.store.grade_scales import UNCLEAR, UNCLEAR_PERCENT

Status = Literal["completed", "in_progress", "not_started"]


def students(class_data: ClassData, group: str | None = None) -> pd.DataFrame:
    """List the students of the class or of one group, by last and first name.

    Returns one row a student, also for those who have left: id, and the columns of `class_data.students`.
    Raises BadInput for a group that the class does not have.
    """
    chosen = class_data.students if group is None else class_data.students[group_members(class_data, group)]
    return chosen.rename(columns={"student_id": "id"}).sort_values(["last_name", "first_name", "id"])


def assignments(class_data: ClassData) -> pd.DataFrame:
    """List the assignments in course order.

    Returns one row an assignment: id, name, type, section, position (from 0), grade_scale.
    """
    frame = class_data.assignments.rename(columns={"assignment_id": "id"})
    return frame.assign(grade_scale=frame["grade_scale"].replace(UNCLEAR_PERCENT, UNCLEAR))


def progressions(
    class_data: ClassData,
    *,
    student_id: str | None = None,
    assignment_id: str | None = None,
    completed_after: pd.Timestamp | None = None,
    completed_before: pd.Timestamp | None = None,
    status: Status | None = None,
) -> pd.DataFrame:
    """List the upstream records that fit every condition, newest completion first.

    Returns one row a record, those without completion last: the columns of `class_data.progressions`. A
    record completed at `completed_after` is in, one completed at `completed_before` is not.
    """
    rows = class_data.progressions
    if student_id is not None:
        rows = rows[rows["student_id"] == student_id]
    if assignment_id is not None:
        rows = rows[rows["assignment_id"] == assignment_id]
    if completed_after is not None:
        rows = rows[rows["completed_at"] >= completed_after]
    if completed_before is not None:
        rows = rows[rows["completed_at"] < completed_before]
    is_completed, is_started = rows["completed_at"].notna(), rows["started_at"].notna()
    if status == "completed":
        rows = rows[is_completed]
    elif status == "in_progress":
        rows = rows[is_started & ~is_completed]
    elif status == "not_started":
        rows = rows[~is_started & ~is_completed]
    return rows.sort_values(["completed_at", "id"], ascending=[False, True])
