"""The share of the course that is done, by student and in all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.metrics import activity, group_stats
from cohort_core.metrics.cohort import Cohort


@cached_on
def by_student(cohort: Cohort) -> pd.DataFrame:
    """Count the assignments of each student.

    Returns one row a student, index student_id. Columns: completed and in_progress (assignments), avg_grade
    (mean grade of completed work, 0 to 1; NaN without any).
    """
    n = len(cohort.students)
    done = cohort.is_completed
    return pd.DataFrame(
        {
            "completed": group_stats.count(cohort.student[done], n),
            "in_progress": group_stats.count(cohort.student[cohort.is_open], n),
            "avg_grade": group_stats.mean(cohort.student[done], n, cohort.grade[done]),
        },
        index=cohort.students.index,
    )


@cached_on
def progress_summary(cohort: Cohort) -> pd.DataFrame:
    """Sum the class up in eight numbers.

    Always returns one row. Columns: total_students, avg_completion (mean over students of completed ÷ all
    assignments; NaN without students or assignments), avg_grade (mean over students of their average grade;
    NaN without any), completed_count, in_progress_count and not_started_count (students, which sum to
    total_students), active_this_week_count (students), early_records (begun years before the class).
    """
    students, assignments = len(cohort.students), len(cohort.assignments)
    progress = by_student(cohort)
    completed = progress["completed"].to_numpy()
    finished = (completed == assignments) & (assignments > 0)
    begun = completed + progress["in_progress"].to_numpy() > 0
    return pd.DataFrame(
        {
            "total_students": [students],
            "avg_completion": [completed.mean() / assignments if students and assignments else np.nan],
            "avg_grade": [progress["avg_grade"].mean()],
            "completed_count": [int(finished.sum())],
            "in_progress_count": [int((begun & ~finished).sum())],
            "not_started_count": [int((~begun).sum())],
            "active_this_week_count": [int(activity.is_active_this_week(cohort).sum())],
            "early_records": [int(cohort.is_early.sum())],
        }
    )


@cached_on
def completion(cohort: Cohort) -> pd.DataFrame:
    """Sum up how the completions spread over the assignments.

    Always returns one row. Columns: total_assignments, assignments_with_0_completions,
    avg_students_per_assignment (mean number of students who completed one; NaN without assignments),
    total_students.
    """
    completed = group_stats.count(cohort.position[cohort.is_completed], len(cohort.assignments))
    return pd.DataFrame(
        {
            "total_assignments": [len(completed)],
            "assignments_with_0_completions": [int((completed == 0).sum())],
            "avg_students_per_assignment": [completed.mean() if len(completed) else np.nan],
            "total_students": [len(cohort.students)],
        }
    )
