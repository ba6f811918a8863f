"""The main numbers about a student, for a row of a list."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.formatting import days, points
from cohort_core.metrics import group_stats
from cohort_core.metrics.activity import enrolled_days, last_activity
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.durations import stuck
from cohort_core.metrics.reasons import is_expected
from cohort_core.metrics.risk import gather_evidence, risk

BEHIND_FROM = 0.5
"""Points above the middle of the class from which a student is called behind."""


@cached_on
def brief_reasons(cohort: Cohort) -> dict[str, str]:
    """Describe each student in a few words, by id.

    For example "silent for 12 days · 38 behind · stuck in Loops for 9 days". Behind are assignments
    that at least half of the class has completed and the student has not. Without any of the three it gives
    the points above the middle of the class, or says that the student is on pace.
    """
    behind, activity = count_behind(cohort), last_activity(cohort)
    longest = stuck(cohort.all_types).drop_duplicates("student_id").set_index("student_id")
    stuck_in = dict(
        zip(longest.index, zip(longest["assignment"], longest["days_open"], strict=True), strict=True)
    )
    texts = {}
    columns = (activity["days_silent"], risk(cohort)["gap"], enrolled_days(cohort), behind)
    for student_id, silent, gap, enrolled, missing in zip(activity.index, *columns, strict=True):
        if pd.isna(silent):
            since = f"enrolled {days(max(enrolled, 0))} ago"
            texts[student_id] = f"{since}, nothing started"
            continue
        parts = [f"silent for {days(silent)}"] if silent >= cohort.thresholds.cooling_days else []
        parts += [f"{missing:,} behind"] if missing else []
        if student_id in stuck_in:
            name, open_for = stuck_in[student_id]
            parts.append(f"stuck in {name} for {days(open_for)}")
        if not parts:
            parts = [f"{points(gap)} behind the class" if gap >= BEHIND_FROM else "on pace"]
        texts[student_id] = " · ".join(parts)
    return texts


@cached_on
def count_behind(cohort: Cohort) -> list[int]:
    """Count for each student the assignments in which most are ahead.

    At least half of the class has completed them, and the student has not. Assignments of every type count.
    """
    whole = cohort.classwide
    evidence = gather_evidence(whole)
    expected = is_expected(evidence, len(whole.students))
    of_these = expected[evidence.position]
    done = group_stats.count(evidence.student[of_these], len(whole.students))
    place = whole.students.index.get_indexer(cohort.students.index)
    behind: list[int] = (int(np.sum(expected)) - done[place]).tolist()
    return behind
