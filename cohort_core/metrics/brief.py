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
from cohort_core.metrics.urgency import SLIPPING_DAYS, urgency

BEHIND_FROM = 0.5
"""Points above the middle of the class from which a student is called behind."""


LEVEL_WORDS = {"low": "on pace", "medium": "medium", "high": "high", "critical": "critical"}


@cached_on
def brief_reasons(cohort: Cohort) -> dict[str, str]:
    """Describe each student in a few words, by id.

    For example "was medium a week ago, now high · silent for 12 days · 38 behind · stuck in Loops for 9
    days". The facts that decide the group of the student in triage are always among them. Behind are
    assignments that at least half of the class has completed and the student has not. Who is far behind
    has the points behind the class. So has everybody without another fact, unless the student is on pace.
    """
    behind, activity = count_behind(cohort), last_activity(cohort)
    longest = stuck(cohort.all_types).drop_duplicates("student_id").set_index("student_id")
    stuck_in = dict(
        zip(longest.index, zip(longest["assignment"], longest["days_open"], strict=True), strict=True)
    )
    silent_from = min(cohort.thresholds.cooling_days, SLIPPING_DAYS[0])
    urgencies = urgency(cohort)
    texts = {}
    columns = (activity["days_silent"], risk(cohort)["gap"], enrolled_days(cohort), behind)
    for student_id, silent, gap, enrolled, missing in zip(activity.index, *columns, strict=True):
        urgent = urgencies[student_id]
        has_started = not pd.isna(silent)
        parts = [] if has_started else [f"enrolled {days(max(enrolled, 0))} ago, nothing started"]
        if urgent.group == "never_started":
            texts[student_id] = parts[0]
            continue
        if urgent.level_before:
            was, now = LEVEL_WORDS[urgent.level_before], LEVEL_WORDS[urgent.level]
            parts.append(f"was {was} a week ago, now {now}")
        if urgent.group == "far_behind":
            parts.append(f"{points(gap)} behind the class")
        parts += [f"silent for {days(silent)}"] if has_started and silent >= silent_from else []
        if urgent.newly_stuck_in:
            name, open_for = urgent.newly_stuck_in
            parts.append(f"stuck since this week in {name}, open for {days(open_for)}")
        parts += [f"{missing:,} behind"] if missing and has_started else []
        if student_id in stuck_in and not urgent.newly_stuck_in:
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
