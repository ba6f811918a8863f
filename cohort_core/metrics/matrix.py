"""Every student in every assignment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cohort_core.cohort import Cohort
from cohort_core.metrics.durations import stuck
from cohort_core.metrics.health import student_health


def matrix(cohort: Cohort) -> pd.DataFrame:
    """One row a student and assignment: students by risk, the highest first, and for each the assignment set
    in course order.

    Columns: student_id, name, assignment_id, assignment, position (in the course), state (completed,
    in_progress, stuck, not_started), grade, started_at, completed_at.
    """
    n, m = len(cohort.students), len(cohort.assignments)
    state = np.full((n, m), "not_started", dtype="<U11")
    state[cohort.student, cohort.position] = np.where(cohort.is_completed, "completed", "in_progress")
    waiting = stuck(cohort)
    who = cohort.students.index.get_indexer(pd.Index(waiting["student_id"]))
    what = cohort.assignments.index.get_indexer(pd.Index(waiting["assignment_id"]))
    state[who, what] = "stuck"
    record = np.full((n, m), -1, dtype=np.intp)
    record[cohort.student, cohort.position] = np.arange(len(cohort.rows))

    order = cohort.students.index.get_indexer(pd.Index(student_health(cohort)["student_id"]))
    of_cell = record[order].ravel()
    known = cohort.records.reindex(of_cell)[["grade", "started_at", "completed_at"]].reset_index(drop=True)
    people, course = cohort.students.iloc[order], cohort.assignments
    return pd.DataFrame(
        {
            "student_id": np.repeat(people.index.to_numpy(), m),
            "name": np.repeat(people["name"].to_numpy(), m),
            "assignment_id": np.tile(course.index.to_numpy(), n),
            "assignment": np.tile(course["name"].to_numpy(), n),
            "position": np.tile(course["position"].to_numpy(), n),
            "state": state[order].ravel(),
            **{name: known[name] for name in known},
        }
    )
