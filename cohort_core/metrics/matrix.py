"""The state of every student in every assignment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.durations import is_stuck
from cohort_core.metrics.health import by_risk

_NOT_STARTED, _IN_PROGRESS, _STUCK, _COMPLETED = range(4)
_STATES = pd.array(["not_started", "in_progress", "stuck", "completed"], dtype="str")


def matrix(cohort: Cohort) -> pd.DataFrame:
    """Lay out the state of every student in every assignment.

    Returns one row a student and assignment: the students by risk, the highest first, and for each of them
    the assignments in course order. Without students or assignments there are no rows. Columns: student_id,
    name, assignment_id, assignment, position (in the course), state (completed, in_progress, stuck,
    not_started), grade (0 to 1 or NaN), started_at, completed_at (UTC or NaT).
    """
    n, m = len(cohort.students), len(cohort.assignments)
    state = np.full((n, m), _NOT_STARTED)
    state[cohort.student, cohort.position] = np.select(
        [cohort.is_completed, is_stuck(cohort)], [_COMPLETED, _STUCK], _IN_PROGRESS
    )
    record = np.full((n, m), -1, dtype=np.intp)
    record[cohort.student, cohort.position] = np.arange(len(cohort.arrays))

    order = by_risk(cohort)
    record_of_cell = record[order].ravel()
    # Cells without a record have -1, which is no row of the frame and so becomes missing values.
    details = cohort.records.reindex(record_of_cell).reset_index(drop=True)
    people, course = np.repeat(order, m), np.tile(np.arange(m), n)
    return pd.DataFrame(
        {
            "student_id": cohort.students.index.array.take(people),
            "name": cohort.students["name"].array.take(people),
            "assignment_id": cohort.assignments.index.array.take(course),
            "assignment": cohort.assignments["name"].array.take(course),
            "position": cohort.assignments["position"].array.take(course),
            "state": _STATES.take(state[order].ravel()),
            **{name: details[name] for name in ("grade", "started_at", "completed_at")},
        }
    )
