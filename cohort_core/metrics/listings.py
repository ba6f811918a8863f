"""Students, assignments and records as they stand in the store, without arithmetic."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.display_names import same_names
from cohort_core.metrics.cohort import names_of_all, people_of
from cohort_core.metrics.groups import group_members
from cohort_core.store.class_data import ClassData
from cohort_core.store.grade_scales import UNCLEAR, UNCLEAR_PERCENT

Status = Literal["completed", "in_progress", "not_started"]


def students(class_data: ClassData, group: str | None = None) -> pd.DataFrame:
    """List the students of the class or of one group, by last and first name.

    Returns one row a student, also for those who have left: id, name, the columns of `class_data.students`,
    and same_name_ids (the other students with this first and last name).
    Raises BadInput for a group that the class does not have.
    """
    everyone = class_data.students.assign(
        name=class_data.students["student_id"].map(names_of_all(class_data)),
        same_name_ids=pd.Series(namesakes(class_data), class_data.students.index, dtype="object"),
    )
    chosen = everyone if group is None else everyone[group_members(class_data, group)]
    return chosen.rename(columns={"student_id": "id"}).sort_values(["last_name", "first_name", "id"])


@cached_on
def namesakes(class_data: ClassData) -> list[list[str]]:
    """Return for each row of `class_data.students` the ids of the others with the same name."""
    ids = class_data.students["student_id"].tolist()
    people = people_of(class_data.students)
    return [[ids[place] for place in places] for places in same_names(person[:2] for person in people)]


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
