"""The last activity of each student, and the activity of the class week by week."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.caching import cached_on
from cohort_core.metrics import group_stats
from cohort_core.metrics.cohort import Cohort
from cohort_core.timeutils import Instants, days, instants

NEW_DAYS, WEEK_DAYS = 7, 7
RECENT_DAYS, SILENT_DAYS = 7, 14
"""Days of new activity, after days of silence, with which a student has come back."""


@cached_on
def last_activity(cohort: Cohort) -> pd.DataFrame:
    """Find the last activity of each student, and the stage that follows from it.

    Returns one row a student, index student_id. Columns: last_activity_at (last start or completion, UTC; NaT
    without any), days_silent (whole days since then, NA without any), stage (new, active, cooling, quiet,
    gone or never_started, by the days of `Thresholds`). Work of every type counts, whichever type is chosen.
    """
    cohort = cohort.all_types
    n = len(cohort.students)
    last = np.fmax(
        group_stats.latest(cohort.student, n, cohort.started),
        group_stats.latest(cohort.student, n, cohort.completed),
    )
    silent = np.floor(days(cohort.now - last))
    limits = cohort.thresholds
    stage = np.select(
        [
            enrolled_days(cohort) < NEW_DAYS,
            np.isnat(last),
            silent < limits.cooling_days,
            silent < limits.quiet_days,
            silent < limits.gone_days,
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


class Return(NamedTuple):
    """The first start or completion of the last 7 days, after a long silence."""

    at: pd.Timestamp
    silent_days: int
    """Full days without a start or completion before it."""


@cached_on
def returns(cohort: Cohort) -> dict[str, Return]:
    """Return who came back in the last 7 days, by the id of the student.

    Before, they were silent for 14 days or more. Activity is a start or completion of any type. Without any
    before the 7 days nobody comes back.
    """
    cohort = cohort.all_types
    n = len(cohort.students)
    since = cohort.now - np.timedelta64(RECENT_DAYS, "D")
    student = np.concatenate([cohort.student, cohort.student])
    moments = np.concatenate([cohort.started, cohort.completed])
    has_moment = ~np.isnat(moments)
    student, ticks = student[has_moment], moments[has_moment].astype("datetime64[us]").view("i8")
    is_recent = ticks > since.astype("datetime64[us]").view("i8")
    first = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(first, student[is_recent], ticks[is_recent])
    last = np.full(n, np.iinfo(np.int64).min // 2)
    np.maximum.at(last, student[~is_recent], ticks[~is_recent])
    has_both = (first < np.iinfo(np.int64).max) & (last > np.iinfo(np.int64).min // 2)
    day = 24 * 3600 * 1_000_000
    rows = np.flatnonzero(has_both)
    rows = rows[first[rows] - last[rows] >= SILENT_DAYS * day]
    return {
        str(cohort.students.index[row]): Return(
            pd.Timestamp(int(first[row]), unit="us", tz="UTC"),
            int((first[row] - last[row]) // day),
        )
        for row in rows
    }


@cached_on
def activity(cohort: Cohort) -> pd.DataFrame:
    """List the students by their silence: those without activity first, then the longest silent.

    Returns one row a student. Columns: student_id, name, and those of `last_activity`.
    """
    frame = last_activity(cohort).reset_index()
    frame.insert(1, "name", cohort.students["name"].to_numpy())
    order = frame.assign(folded=frame["name"].str.casefold(), silent=-frame["days_silent"])
    order = order.sort_values(["silent", "folded", "student_id"], na_position="first")
    return frame.loc[order.index].reset_index(drop=True)


def enrolled_days(cohort: Cohort) -> NDArray[np.float64]:
    """Count the whole days since each student's enrolment.

    Students without a day of enrolment count from the class's start.
    """
    since = pd.Timestamp(cohort.local_date) - cohort.enrolled_since
    whole_days: NDArray[np.float64] = since.dt.days.to_numpy(dtype=np.float64)
    return whole_days


@cached_on
def is_active_this_week(cohort: Cohort) -> NDArray[np.bool_]:
    """Return for each student whether they were active in the 7 days before *as of*.

    Any start or completion counts, of an assignment of any type.
    """
    cohort = cohort.all_types
    since = cohort.now - np.timedelta64(WEEK_DAYS, "D")
    seen = (cohort.started > since) | (cohort.completed > since)
    return group_stats.count(cohort.student[seen], len(cohort.students)) > 0


@cached_on
def progress_over_time(cohort: Cohort) -> pd.DataFrame:
    """Count the records completed and in progress at the end of each week.

    Returns one row a week, from the week of the first activity to that of *as of*; weeks without activity are
    included, and without any activity there are no rows. Columns: week (its Monday, local), completed and
    in_progress (records, at the week's end), completed_in_week (records), active_students.

    The last week ends at *as of*. Every week counts the students who are enrolled at *as of*: if a student
    leaves, the earlier weeks change too. What happened years before the class began counts as done or begun
    before the first week.
    """
    mondays, starts = weeks(cohort)
    n = len(mondays)
    done = cohort.is_completed
    begun = ~np.isnat(cohort.started)
    began, finished = week_of(starts, cohort.started[begun]), week_of(starts, cohort.completed[done])
    began, earlier = np.maximum(began, 0), int((finished < 0).sum())
    # A record is closed when it is completed, but never before it was started.
    both = begun & done
    closed = np.maximum(week_of(starts, np.maximum(cohort.started[both], cohort.completed[both])), 0)

    if not n:
        began, closed, earlier = began[:0], closed[:0], 0
    completed_in_week = group_stats.count(finished[finished >= 0], n)
    change = group_stats.count(began, n) - group_stats.count(closed, n)
    return pd.DataFrame(
        {
            "week": mondays,
            "completed": earlier + np.cumsum(completed_in_week),
            "in_progress": np.cumsum(change),
            "completed_in_week": completed_in_week,
            "active_students": is_active_in(cohort, starts).sum(axis=0),
        }
    )


@cached_on
def weeks(cohort: Cohort) -> tuple[pd.DatetimeIndex, Instants]:
    """Return the weeks from that of the first activity to that of *as of*.

    Weeks are local and begin on Monday, as in ISO 8601. The first value holds their n Mondays. The second
    holds n + 1 instants: the starts of the weeks, and the end of the last. Without activity both are empty.
    Records from years before the class began are left out.
    """
    moments = np.concatenate([cohort.started, cohort.completed])
    moments = moments[moments >= cohort.first_moment]
    if not len(moments):
        return pd.DatetimeIndex([], dtype="datetime64[us]"), np.array([], dtype="datetime64[us]")
    first = pd.Timestamp(moments.min(), tz="UTC").tz_convert(cohort.tz).date()
    mondays = pd.date_range(
        first - timedelta(days=first.weekday()), cohort.local_date + timedelta(days=7), freq="7D", unit="us"
    )
    return mondays[:-1], local_midnights(mondays, cohort.tz)


def local_midnights(days: pd.DatetimeIndex, tz: ZoneInfo) -> Instants:
    """Return the first instant of each local day, as `timeutils.local_midnight` does for one day."""
    repeated = np.ones(len(days), dtype=bool)
    return instants(pd.Series(days.tz_localize(tz, ambiguous=repeated, nonexistent="shift_forward")))


def has_ended(cohort: Cohort, starts: Instants) -> NDArray[np.bool_]:
    """Return for each week whether it is over.

    A week is over from the last microsecond of its Sunday on.
    """
    ended: NDArray[np.bool_] = starts[1:] <= cohort.now + np.timedelta64(1, "us")
    return ended


def is_active_in(cohort: Cohort, starts: Instants) -> NDArray[np.bool_]:
    """Return whether a student started or completed anything in a week: students by weeks."""
    active = np.zeros((len(cohort.students), max(len(starts) - 1, 0)), dtype=bool)
    for moments in (cohort.started, cohort.completed) if active.size else ():
        happened = moments >= starts[0]
        active[cohort.student[happened], week_of(starts, moments[happened])] = True
    return active


def week_of(starts: Instants, moments: Instants) -> NDArray[np.intp]:
    """Return the week of each instant, as an index into `starts`; -1 before the first."""
    return np.searchsorted(starts, moments, side="right") - 1
