"""How far ahead or behind each student runs, and when each will have finished."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.metrics import group_stats
from cohort_core.metrics.activity import has_ended, is_active_in, week_of, weeks
from cohort_core.metrics.cohort import Cohort

ASSIGNMENTS_COMPARED = 5
WEEKS_OF_PACE = 4
MAX_DAYS = 5 * 365


@cached_on
def pace(cohort: Cohort) -> pd.DataFrame:
    """One row a student, the last of the class first: student_id, name, pace_percentile (0 to 1), compared.

    For each of the last five assignments in course order that half of the class completed, the mid-rank of
    the student's completion among those of the class, those who have not completed it last together, ÷ the
    students: near 0 for the first, near 1 for the last. The median over these assignments, NaN without any.
    """
    whole = cohort.classwide
    students = len(whole.students)
    completions = group_stats.count(whole.position[whole.is_completed], len(whole.assignments))
    eligible = cohort.assignments["position"].to_numpy()
    eligible = eligible[(completions[eligible] > 0) & (completions[eligible] * 2 >= students)]
    eligible = eligible[-ASSIGNMENTS_COMPARED:]
    ranks = np.full((len(eligible), students), np.nan)
    for row, position in enumerate(eligible):
        of_it = (whole.position == position) & whole.is_completed
        moment = np.full(students, np.iinfo(np.int64).max)
        moment[whole.student[of_it]] = whole.completed[of_it].view("i8")
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
    """One row a student, those who will not finish first, then the latest first.

    Columns: student_id, name, completed, total, active_weeks (of the last four weeks with activity of the
    student that have ended; the running one counts for who has no other), per_week (completions ÷ these
    weeks), outcome (finished, date or not_at_this_pace), finishes_on (local date; of who has finished, that
    of the last completion). The pace is taken to go on from *as of*; more than five years is not a forecast.
    """
    students, total = len(cohort.students), len(cohort.assignments)
    _, starts = weeks(cohort)
    done = cohort.is_completed
    n = max(len(starts) - 1, 0)
    active = is_active_in(cohort, starts)
    in_week = np.zeros((students, n), dtype=np.int64)
    np.add.at(in_week, (cohort.student[done], week_of(starts, cohort.completed[done])), 1)
    ended = active & has_ended(cohort, starts) if n else active
    used = np.where(ended.any(axis=1, keepdims=True), ended, active)
    from_the_end = used[:, ::-1].cumsum(axis=1)[:, ::-1]
    used &= from_the_end <= WEEKS_OF_PACE
    weeks_used, completed_then = used.sum(axis=1), (in_week * used).sum(axis=1)

    completed = group_stats.count(cohort.student[done], students)
    remaining = total - completed
    finished = (remaining == 0) & (total > 0)
    # Whole days, rounded up, in whole numbers.
    needed = -(-7 * remaining * weeks_used // np.maximum(completed_then, 1))
    on_the_way = ~finished & (completed_then > 0) & (needed <= MAX_DAYS)
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
    """Rows by the key, ascending and what has none last, then by name and student."""
    order = frame.assign(key=key, folded=frame["name"].str.casefold())
    index = order.sort_values(["key", "folded", "student_id"]).index
    return frame.loc[index].reset_index(drop=True)
