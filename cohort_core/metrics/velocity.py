"""How fast the class moves, and whether it has stalled as a whole."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.metrics import group_stats
from cohort_core.metrics.activity import has_ended, is_active_in, local_midnights, week_of, weeks
from cohort_core.metrics.cohort import Cohort

WEEKS_BEFORE = 4
ALARM_BELOW = 0.5


@cached_on
def velocity(cohort: Cohort) -> pd.DataFrame:
    """One row a week from that of the first activity to that of *as of*.

    Columns: week (its Monday, local), completed_in_week, active_students, enrolled_students (of those who
    count at *as of*, the ones enrolled by the week's end), per_active and per_enrolled (completions ÷ those
    students, NaN for none), is_full (the week is over).
    """
    mondays, starts = weeks(cohort)
    n = len(mondays)
    completed = group_stats.count(week_of(starts, cohort.completed[cohort.is_completed]), n)
    active = is_active_in(cohort, starts).sum(axis=0)
    since = cohort.enrolled_since.sort_values().to_numpy()
    enrolled = np.searchsorted(since, (mondays + timedelta(days=6)).to_numpy(), side="right")
    return pd.DataFrame(
        {
            "week": mondays,
            "completed_in_week": completed,
            "active_students": active,
            "enrolled_students": enrolled,
            "per_active": group_stats.ratio(completed, active),
            "per_enrolled": group_stats.ratio(completed, enrolled),
            "is_full": has_ended(cohort, starts) if n else np.zeros(0, dtype=bool),
        }
    )


@cached_on
def by_course_week(cohort: Cohort) -> pd.DataFrame:
    """One row a week of the course, counted from the local day on which the class starts, to that of *as of*:
    so that classes which began at different times can be laid side by side.

    Columns: course_week (from 1), starts_on (local), completed (records, by the week's end; what was done
    before the start is in the first), avg_completion (÷ students × assignments), active_students (a start or
    completion in the week), active_share (÷ students), is_full (the week is over). The students who count at
    *as of* make up every week. Without a start, or before it, there are no rows.
    """
    first = cohort.starts_at
    days = pd.DatetimeIndex([], dtype="datetime64[us]")
    if first is not None:
        day = first.tz_convert(cohort.tz).date()
        days = pd.date_range(day, cohort.local_date + timedelta(days=7), freq="7D", unit="us")
    starts = local_midnights(days, cohort.tz)
    n, students = max(len(days) - 1, 0), len(cohort.students)
    completed = np.zeros(n, dtype=np.int64)
    active = np.zeros((students, n), dtype=bool)
    if n:
        week = np.maximum(week_of(starts, cohort.completed[cohort.is_completed]), 0)
        completed = np.cumsum(group_stats.count(week, n))
        for moments in (cohort.started, cohort.completed):
            within = moments >= starts[0]
            active[cohort.student[within], week_of(starts, moments[within])] = True
    active_students = active.sum(axis=0)
    return pd.DataFrame(
        {
            "course_week": np.arange(1, n + 1),
            "starts_on": days[:n],
            "completed": completed,
            "avg_completion": group_stats.ratio(completed, np.full(n, students * len(cohort.assignments))),
            "active_students": active_students,
            "active_share": group_stats.ratio(active_students, np.full(n, students)),
            "is_full": has_ended(cohort, starts) if n else np.zeros(0, dtype=bool),
        }
    )


@cached_on
def cohort_alarm(cohort: Cohort) -> pd.DataFrame:
    """One row: whether completions per enrolled student in the last full week fell below half of the mean of
    the four weeks before it.

    Columns: alarm, week (NaT before the first full one), velocity, usual_velocity (NaN with fewer than four
    weeks before it), share (of the usual; NaN if that is 0).
    """
    full = velocity(cohort).query("is_full")
    pace = full["per_enrolled"].to_numpy()
    last = pace[-1] if len(pace) else np.nan
    before = pace[-1 - WEEKS_BEFORE : -1]
    usual = before.mean() if len(before) == WEEKS_BEFORE else np.nan
    share = last / usual if usual > 0 else np.nan
    return pd.DataFrame(
        {
            "alarm": [bool(share < ALARM_BELOW)],
            "week": pd.DatetimeIndex([full["week"].iloc[-1] if len(full) else pd.NaT]).as_unit("us"),
            "velocity": [last],
            "usual_velocity": [usual],
            "share": [share],
        }
    )
