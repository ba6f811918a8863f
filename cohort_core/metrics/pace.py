"""The pace of each student, and a forecast of the day on which each finishes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.metrics import group_stats
from cohort_core.metrics.activity import has_ended, is_active_in, last_activity, week_of, weeks
from cohort_core.metrics.cohort import Cohort

MAX_COMPARED = 5
"""Assignments at most by which students are compared."""
MAX_WEEKS = 4
"""Active weeks at most from which a forecast takes the pace."""
MAX_DAYS = 5 * 365
"""A day further off than this is no forecast."""


@cached_on
def pace(cohort: Cohort) -> pd.DataFrame:
    """Rank the students by the pace at which they complete assignments, the slowest first.

    Returns one row a student. Columns: student_id, name, pace_percentile (0 to 1), compared (assignments).

    The students are compared in the last five assignments, in course order, that half of the class completed.
    In each the class is ranked by the time of completion; students of the same time share the middle of their
    ranks, and so do, at the end, those who have not completed it. That mid-rank ÷ students is near 0 for the
    first and near 1 for the last, as in scipy.stats.percentileofscore(kind="mean"). pace_percentile is its
    median over the assignments, NaN without any.
    """
    whole = cohort.classwide
    students = len(whole.students)
    completed_by = group_stats.count(whole.position[whole.is_completed], len(whole.assignments))
    eligible = cohort.assignments["position"].to_numpy()
    eligible = eligible[(completed_by[eligible] > 0) & (completed_by[eligible] * 2 >= students)]
    eligible = eligible[-MAX_COMPARED:]
    ranks = np.full((len(eligible), students), np.nan)
    for row, position in enumerate(eligible):
        completions_here = (whole.position == position) & whole.is_completed
        moment = np.full(students, np.iinfo(np.int64).max)
        moment[whole.student[completions_here]] = whole.completed[completions_here].view("i8")
        ordered = np.sort(moment)
        before = np.searchsorted(ordered, moment, side="left")
        with_ties = np.searchsorted(ordered, moment, side="right")
        ranks[row] = (before + with_ties) / (2 * students)
    percentile = np.median(ranks, axis=0) if len(eligible) else np.full(students, np.nan)
    mine = whole.students.index.get_indexer(cohort.students.index)
    frame = pd.DataFrame(
        {
            "student_id": cohort.students.index,
            "name": cohort.students["name"].to_numpy(),
            "pace_percentile": percentile[mine],
            "compared": len(eligible),
        }
    )
    return by_name(frame, -frame["pace_percentile"].round(9))


@cached_on
def forecast(cohort: Cohort) -> pd.DataFrame:
    """Forecast the day on which each student finishes at the present pace.

    Returns one row a student: first those who will not finish, then the others by day, the latest first, and
    last those who have finished. Columns: student_id, name, completed and total (assignments), active_weeks
    (the weeks that count), per_week (completions ÷ these weeks, NaN without any), outcome (finished, date or
    not_at_this_pace), finishes_on (local date; NaT if outcome is not_at_this_pace).

    The weeks that count are the student's last four with activity that are over. A student without any such
    week is judged by the running one. The pace is assumed to go on from *as of*: the days left are
    assignments left ÷ per_week · 7, rounded up. More than five years counts as not_at_this_pace, and so does
    every student who is quiet or gone: nobody goes on at a pace without working. finishes_on of a student who
    has finished is the day of the last completion.
    """
    students, total = len(cohort.students), len(cohort.assignments)
    _, starts = weeks(cohort)
    done = cohort.is_completed
    n = max(len(starts) - 1, 0)
    active = is_active_in(cohort, starts)
    in_week = np.zeros((students, n), dtype=np.int64)
    week = week_of(starts, cohort.completed[done])
    np.add.at(in_week, (cohort.student[done][week >= 0], week[week >= 0]), 1)
    ended = active & has_ended(cohort, starts) if n else active
    used = np.where(ended.any(axis=1, keepdims=True), ended, active)
    from_the_end = used[:, ::-1].cumsum(axis=1)[:, ::-1]
    used &= from_the_end <= MAX_WEEKS
    weeks_used, completed_then = used.sum(axis=1), (in_week * used).sum(axis=1)

    completed = group_stats.count(cohort.student[done], students)
    remaining = total - completed
    finished = (remaining == 0) & (total > 0)
    # Days rounded up by integer division, so that no float decides about a day.
    needed = -(-7 * remaining * weeks_used // np.maximum(completed_then, 1))
    is_silent = last_activity(cohort)["stage"].isin(["quiet", "gone"]).to_numpy()
    on_the_way = ~finished & ~is_silent & (completed_then > 0) & (needed <= MAX_DAYS)
    today = pd.Timestamp(cohort.local_date).as_unit("us")
    coming = today + pd.to_timedelta(np.where(on_the_way, needed, 0), unit="D").as_unit("us")
    last = group_stats.latest(cohort.student[done], students, cohort.completed[done])
    past = pd.DatetimeIndex(last).tz_localize("UTC").tz_convert(cohort.tz).tz_localize(None).normalize()
    frame = pd.DataFrame(
        {
            "student_id": cohort.students.index,
            "name": cohort.students["name"].to_numpy(),
            "completed": completed,
            "total": total,
            "active_weeks": weeks_used,
            "per_week": group_stats.ratio(completed_then, weeks_used),
            "outcome": np.select([finished, on_the_way], ["finished", "date"], default="not_at_this_pace"),
            "finishes_on": coming.where(on_the_way, past.where(finished)),
        }
    )
    order = np.select([finished, on_the_way], [MAX_DAYS + 1, -needed], default=-MAX_DAYS - 1)
    return by_name(frame, pd.Series(order))


def by_name(frame: pd.DataFrame, key: pd.Series[float]) -> pd.DataFrame:
    """Sort rows by the key, ascending with missing keys last, then by name and student."""
    order = frame.assign(key=key, folded=frame["name"].str.casefold())
    index = order.sort_values(["key", "folded", "student_id"]).index
    return frame.loc[index].reset_index(drop=True)
