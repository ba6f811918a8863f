"""When students were last seen, and how the class moves week by week."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.cohort import Cohort, Instants, days, instants
from cohort_core.metrics import grouped

NEW_DAYS, COOLING_DAYS, QUIET_DAYS, GONE_DAYS = 7, 7, 14, 30


def last_activity(cohort: Cohort) -> pd.DataFrame:
    """Index student_id; last_activity_at (last start or completion, UTC), days_silent (whole days), stage."""
    n = len(cohort.students)
    last = np.fmax(
        grouped.latest(cohort.student, n, cohort.started), grouped.latest(cohort.student, n, cohort.completed)
    )
    silent = np.floor(days(cohort.now - last))
    stage = np.select(
        [
            _enrolled_days(cohort) < NEW_DAYS,
            np.isnat(last),
            silent < COOLING_DAYS,
            silent < QUIET_DAYS,
            silent < GONE_DAYS,
        ],
        ["new", "never_started", "active", "cooling", "quiet"],
        default="gone",
    )
    return pd.DataFrame(
        {
            "last_activity_at": pd.DatetimeIndex(last).tz_localize("UTC"),
            "days_silent": pd.array(silent, dtype="Float64").astype("Int64"),
            "stage": pd.array(stage, dtype="str"),
        },
        index=cohort.students.index,
    )


def is_active_this_week(cohort: Cohort) -> NDArray[np.bool_]:
    """For each student: a start or completion in the 7 days before *as of*, as in the stage *active*."""
    since = cohort.now - np.timedelta64(COOLING_DAYS, "D")
    seen = (cohort.started > since) | (cohort.completed > since)
    return grouped.count(cohort.student[seen], len(cohort.students)) > 0


def progress_over_time(cohort: Cohort) -> pd.DataFrame:
    """One row a week, from that of the first activity to that of *as of*, weeks without activity included.

    Columns: week (its Monday, local), completed, in_progress (records, at the week's end), completed_in_week,
    active_students. The last week ends at *as of*. The students of today in every week: one who has left
    leaves the whole line.
    """
    moments = np.concatenate([cohort.started, cohort.completed])
    moments = moments[~np.isnat(moments)]
    if not len(moments):
        mondays = pd.DatetimeIndex([], dtype="datetime64[us]")
    else:
        first = pd.Timestamp(moments.min(), tz="UTC").tz_convert(cohort.tz).date()
        mondays = pd.date_range(
            first - timedelta(days=first.weekday()), cohort.local_date, freq="7D", unit="us"
        )
    n = len(mondays)
    starts = instants(
        pd.Series(
            mondays.tz_localize(cohort.tz, ambiguous=np.ones(n, dtype=bool), nonexistent="shift_forward")
        )
    )
    done = cohort.is_completed
    begun = ~np.isnat(cohort.started)
    began, finished = _week(starts, cohort.started[begun]), _week(starts, cohort.completed[done])
    # A record stops being open when it is completed, but not before it was started.
    both = begun & done
    closed = _week(starts, np.maximum(cohort.started[both], cohort.completed[both]))

    completed_in_week = grouped.count(finished, n)
    change = grouped.count(began, n) - grouped.count(closed, n)
    seen = np.concatenate(
        [
            began * len(cohort.students) + cohort.student[begun],
            finished * len(cohort.students) + cohort.student[done],
        ]
    )
    active = np.unique(seen) // max(len(cohort.students), 1)
    return pd.DataFrame(
        {
            "week": mondays,
            "completed": np.cumsum(completed_in_week),
            "in_progress": np.cumsum(change),
            "completed_in_week": completed_in_week,
            "active_students": grouped.count(active, n),
        }
    )


def _enrolled_days(cohort: Cohort) -> NDArray[np.float64]:
    """Whole days since enrolment; without a roster date, since the class's start."""
    today = pd.Timestamp(cohort.local_date)
    enrolled = cohort.students["enrolled_on"]
    if cohort.starts_at is not None:
        enrolled = enrolled.fillna(pd.Timestamp(cohort.starts_at.tz_convert(cohort.tz).date()))
    return (today - enrolled).dt.days.to_numpy(dtype=np.float64)


def _week(starts: Instants, moments: Instants) -> NDArray[np.intp]:
    """In which week each instant lies, given the instants at which weeks start."""
    return np.searchsorted(starts, moments, side="right") - 1
