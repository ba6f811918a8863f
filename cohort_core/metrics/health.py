"""The students, those who need a mentor most first."""

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
from cohort_core.metrics.risk import PARTS, evidence, risk


@cached_on
def student_health(cohort: Cohort) -> pd.DataFrame:
    """One row a student: progress, risk with its parts, activity. By risk, then least done, then name."""
    students, total = cohort.students, len(cohort.assignments)
    progress, proof = by_student(cohort), evidence(cohort.classwide)
    danger = risk(cohort)
    frame = pd.DataFrame(
        {
            "name": students["name"],
            "completed": progress["completed"],
            "total": total,
            "pct": progress["completed"] / total if total else np.nan,
            "risk": danger["band"],
            "risk_score": danger["score"],
            "risk_gap": danger["gap"],
            "risk_parts": pd.Series(danger[list(PARTS)].to_dict("records"), students.index, dtype="object"),
            "reasons": pd.Series(reasons(cohort, danger, proof), students.index, dtype="object"),
            **{f"{part}_points": danger[part] for part in PARTS},
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
    """The places of the students, the highest risk first, then least done, then name."""
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
    """One row a student who is on pace (risk low or medium) but cooling or quiet, the longest silent first.

    Columns: student_id, name, risk, risk_score, risk_gap, stage, days_silent, last_activity_at, completed,
    total, pct. The early warning: the work is done, and the student has stopped coming.
    """
    seen, danger, progress = last_activity(cohort), risk(cohort), by_student(cohort)
    total = len(cohort.assignments)
    chosen = danger["band"].isin(["low", "medium"]) & seen["stage"].isin(["cooling", "quiet"])
    frame = pd.DataFrame(
        {
            "name": cohort.students["name"],
            "risk": danger["band"],
            "risk_score": danger["score"],
            "risk_gap": danger["gap"],
            **seen[["stage", "days_silent", "last_activity_at"]],
            "completed": progress["completed"],
            "total": total,
            "pct": progress["completed"] / total if total else np.nan,
        }
    )[chosen].reset_index()
    order = frame.assign(folded=frame["name"].str.casefold(), silent=-frame["days_silent"])
    return frame.loc[order.sort_values(["silent", "folded", "student_id"]).index].reset_index(drop=True)
