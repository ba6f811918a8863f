"""Progress, risk and activity of each student, and the early warning."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.caching import cached_on
from cohort_core.metrics import group_stats
from cohort_core.metrics.activity import last_activity
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.completion import by_student
from cohort_core.metrics.durations import is_stuck
from cohort_core.metrics.reasons import reasons
from cohort_core.metrics.risk import PARTS, gather_evidence, risk


@cached_on
def student_health(cohort: Cohort) -> pd.DataFrame:
    """Describe each student: progress, risk with its parts and reasons, activity.

    Returns one row a student, with the columns of `StudentHealthRow`: by risk score, the highest first, then
    least completed, then name. Without students there are no rows.
    """
    students, total = cohort.students, len(cohort.assignments)
    progress, evidence = by_student(cohort), gather_evidence(cohort.classwide)
    scored = risk(cohort)
    frame = pd.DataFrame(
        {
            "name": students["name"],
            "completed": progress["completed"],
            "total": total,
            "pct": progress["completed"] / total if total else np.nan,
            "risk": scored["band"],
            "risk_score": scored["score"],
            "risk_gap": scored["gap"],
            "risk_parts": pd.Series(scored[list(PARTS)].to_dict("records"), students.index, dtype="object"),
            "reasons": pd.Series(reasons(cohort, scored, evidence), students.index, dtype="object"),
            **{f"{part}_points": scored[part] for part in PARTS},
            "avg_grade": progress["avg_grade"],
            "in_progress": progress["in_progress"],
            "stuck": group_stats.count(cohort.student[is_stuck(cohort)], len(students)),
            **last_activity(cohort),
            "night": students["night"],
            "region": students["region"],
        },
        index=students.index,
    )
    return frame.iloc[by_risk(cohort)].reset_index()


@cached_on
def by_risk(cohort: Cohort) -> NDArray[np.intp]:
    """Order the students by risk, the highest first, then least completed, then name.

    Returns the rows of the students in `cohort.students`.
    """
    order = pd.DataFrame(
        {
            "safety": -risk(cohort)["score"],
            "completed": by_student(cohort)["completed"],
            "folded": cohort.students["name"].str.casefold(),
        }
    ).reset_index()
    return order.sort_values(["safety", "completed", "folded", "student_id"]).index.to_numpy()


@cached_on
def engagement_gap(cohort: Cohort) -> pd.DataFrame:
    """List the students who are on pace but have gone silent, the longest silent first.

    This is the early warning: the work is done, and the student has stopped coming. Returns one row a student
    with low or medium risk who is cooling or quiet; without any there are no rows. Columns: student_id, name,
    risk, risk_score, risk_gap, stage, days_silent, last_activity_at (UTC), completed and total (assignments),
    pct (completed ÷ total, NaN without assignments).
    """
    seen, scored, progress = last_activity(cohort), risk(cohort), by_student(cohort)
    total = len(cohort.assignments)
    chosen = scored["band"].isin(["low", "medium"]) & seen["stage"].isin(["cooling", "quiet"])
    frame = pd.DataFrame(
        {
            "name": cohort.students["name"],
            "risk": scored["band"],
            "risk_score": scored["score"],
            "risk_gap": scored["gap"],
            **seen[["stage", "days_silent", "last_activity_at"]],
            "completed": progress["completed"],
            "total": total,
            "pct": progress["completed"] / total if total else np.nan,
        }
    )[chosen].reset_index()
    order = frame.assign(folded=frame["name"].str.casefold(), silent=-frame["days_silent"])
    return frame.loc[order.sort_values(["silent", "folded", "student_id"]).index].reset_index(drop=True)
