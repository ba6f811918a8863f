"""The group of each student in the list Needs attention, and its facts."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.metrics.activity import last_activity
from cohort_core.metrics.cohort import Cohort, build
from cohort_core.metrics.durations import stuck
from cohort_core.metrics.risk import NEEDS_ATTENTION, risk

URGENCIES = ("class", "slipping", "far_behind", "never_started", "silent")
"""The groups of the list, in its order."""
LEVELS = ("low", "medium", "high", "critical")
COMPARED_DAYS = 7
"""A risk level is compared with that of so many days before."""
SLIPPING_DAYS = (7, 21)
"""Silent for so many days: long enough to be noticed, and not yet for long."""
NEWLY_STUCK_DAYS = 7


@dataclass(frozen=True)
class Urgency:
    """The group of a student, and facts about slipping."""

    group: str
    level: str
    level_before: str | None = None
    """The risk level 7 days before, if it was lower than now."""
    newly_stuck_in: tuple[str, float] | None = None
    """Work that became stuck in the last 7 days: its name and open days."""


@cached_on
def urgency(cohort: Cohort) -> dict[str, Urgency]:
    """Return the group of each student in the list, by id: the first that fits.

    never_started; slipping (a higher risk level than 7 days before, or silent for 7 to 21 days, or stuck
    since 7 days or less and not parked); far_behind (critical or high); silent (the rest). A student who did
    not count 7 days before had no level then.
    """
    before, newly_stuck = _levels_before(cohort), _newly_stuck(cohort)
    activity = last_activity(cohort)
    groups = {}
    days_silent = activity["days_silent"].astype("float64")
    columns = (activity.index, risk(cohort)["band"], activity["stage"], days_silent)
    for student_id, level, stage, silent in zip(*columns, strict=True):
        was = before.get(student_id)
        risen = was if was is not None and LEVELS.index(was) < LEVELS.index(level) else None
        work = newly_stuck.get(student_id)
        if stage == "never_started":
            group = "never_started"
        elif risen or work or SLIPPING_DAYS[0] <= silent <= SLIPPING_DAYS[1]:
            group = "slipping"
        else:
            group = "far_behind" if level in NEEDS_ATTENTION else "silent"
        groups[student_id] = Urgency(group, level, risen, work)
    return groups


def _levels_before(cohort: Cohort) -> dict[str, str]:
    """Return each student's risk level 7 days before *as of*, by id."""
    then = cohort.as_of - pd.Timedelta(days=COMPARED_DAYS)
    scored = risk(build(cohort.class_data, then, thresholds=cohort.thresholds))
    return dict(zip(scored.index, scored["band"], strict=True))


def _newly_stuck(cohort: Cohort) -> dict[str, tuple[str, float]]:
    """Return the work that became stuck last, by student id: its name and open days."""
    work = stuck(cohort.all_types)
    is_new = ~work["is_parked"] & (work["days_open"] - work["limit_days"] <= NEWLY_STUCK_DAYS)
    latest = work[is_new].drop_duplicates("student_id", keep="last")
    pieces = zip(latest["assignment"], latest["days_open"], strict=True)
    return dict(zip(latest["student_id"], pieces, strict=True))
