"""The completions of the class week by week, and the alarm when they stall."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.metrics import group_stats
from cohort_core.metrics.activity import has_ended, is_active_in, local_midnights, week_of, weeks
from cohort_core.metrics.cohort import Cohort

WEEKS_BEFORE = 4
"""Weeks from which the usual velocity is taken."""
MIN_SHARE = 0.5
"""Below this share of the usual velocity there is an alarm."""


@cached_on
def velocity(cohort: Cohort) -> pd.DataFrame:
    """Count the completions of each week, and divide them by its students.

    Returns one row a week, from the week of the first activity to that of *as of*; without activity there are
    no rows. Columns: week (its Monday, local), completed_in_week (records), active_students (with a start or
    completion in the week), enrolled_students (enrolled by the week's end and still at *as of*), per_active
    and per_enrolled (completions ÷ those students, NaN without any), is_full (the week is over).
    """
    mondays, starts = weeks(cohort)
    n = len(mondays)
    finished = week_of(starts, cohort.completed[cohort.is_completed])
    completed = group_stats.count(finished[finished >= 0], n)
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
    """Describe the class week by week of its course, so that classes can be compared.

    Returns one row a week, to that of *as of*. Weeks are counted from the local day on which the class
    starts; before the start, and without one, there are no rows. Columns: course_week (from 1), starts_on
    (local day), completed (records, by the week's end; those from before the start are in the first week),
    avg_completion (completed ÷ (students · assignments)), active_students (with a start or completion in the
    week), active_share (÷ students), is_full (the week is over). Shares are NaN without students or
    assignments.

    Every week counts the students who are enrolled at *as of*.
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
    """Raise an alarm if the last full week fell below half of the usual velocity.

    Velocity is completions per enrolled student in the last full week, and the usual velocity its mean over
    the four weeks before. Always returns one row. Columns: alarm, week (Monday of the last full week, NaT
    without any), velocity, usual_velocity (NaN with fewer than four weeks before), share (velocity ÷
    usual_velocity; NaN if that is 0).
    """
    full = velocity(cohort).query("is_full")
    pace = full["per_enrolled"].to_numpy()
    last = pace[-1] if len(pace) else np.nan
    before = pace[-1 - WEEKS_BEFORE : -1]
    usual = before.mean() if len(before) == WEEKS_BEFORE else np.nan
    share = last / usual if usual > 0 else np.nan
    return pd.DataFrame(
        {
            "alarm": [bool(share < MIN_SHARE)],
            "week": pd.DatetimeIndex([full["week"].iloc[-1] if len(full) else pd.NaT]).as_unit("us"),
            "velocity": [last],
            "usual_velocity": [usual],
            "share": [share],
        }
    )
