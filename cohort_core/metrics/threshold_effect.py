"""The effect of other thresholds: students who change band or stage, assignments that are ranked.

The settings page shows it before a mentor saves them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cohort_core.config.thresholds import Thresholds
from cohort_core.metrics import group_stats
from cohort_core.metrics.activity import last_activity
from cohort_core.metrics.blockers import students_reached
from cohort_core.metrics.cohort import Cohort, judged_by
from cohort_core.metrics.durations import is_stuck
from cohort_core.metrics.risk import risk

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Effect:
    """A class under its own thresholds and under others.

    students: one row a student, index student_id, the highest risk score first; name, and for each of band,
    stage and stuck (a number of assignments) the columns band_before, band_after and so on.
    ranked_before, ranked_after: the number of assignments that are ranked.
    """

    students: pd.DataFrame
    ranked_before: int
    ranked_after: int


def effect(cohort: Cohort, thresholds: Thresholds) -> Effect:
    """Compare the cohort under its own thresholds with the same cohort under these."""
    reached = students_reached(cohort)
    columns: dict[str, Any] = {}
    ranked = {}
    for when, judged in ((BEFORE, cohort), (AFTER, judged_by(cohort, thresholds))):
        scored = risk(judged)
        stuck = is_stuck(judged)
        columns[f"band_{when}"] = scored["band"]
        columns[f"stage_{when}"] = last_activity(judged)["stage"]
        columns[f"stuck_{when}"] = group_stats.count(judged.student[stuck], len(judged.students))
        ranked[when] = int((reached >= judged.thresholds.least_ranked).sum())
    order = np.argsort(-scored["score"].to_numpy(), kind="stable")
    students = pd.DataFrame({"name": cohort.students["name"], **columns}, index=cohort.students.index)
    return Effect(students.iloc[order], ranked[BEFORE], ranked[AFTER])
