"""What other thresholds would change: who would be in another band or stage, and what would be ranked."""

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
    """A class by its own thresholds and by others.

    students: index student_id in the order of the class's scores, the highest first; name, and for each of
    band, stage and stuck (assignments) the columns band_before, band_after and so on.
    """

    students: pd.DataFrame
    ranked_before: int
    ranked_after: int


def effect(cohort: Cohort, thresholds: Thresholds) -> Effect:
    """The cohort by its thresholds and by these."""
    reached = students_reached(cohort)
    columns: dict[str, Any] = {}
    ranked = {}
    for when, one in ((BEFORE, cohort), (AFTER, judged_by(cohort, thresholds))):
        danger = risk(one)
        stuck = is_stuck(one)
        columns[f"band_{when}"] = danger["band"]
        columns[f"stage_{when}"] = last_activity(one)["stage"]
        columns[f"stuck_{when}"] = group_stats.count(one.student[stuck], len(one.students))
        ranked[when] = int((reached >= one.thresholds.least_ranked).sum())
    order = np.argsort(-danger["score"].to_numpy(), kind="stable")
    students = pd.DataFrame({"name": cohort.students["name"], **columns}, index=cohort.students.index)
    return Effect(students.iloc[order], ranked[BEFORE], ranked[AFTER])
