"""How long assignments take, and who is stuck in one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.caching import cached_on
from cohort_core.metrics import group_stats
from cohort_core.metrics.cohort import Cohort
from cohort_core.timeutils import days

KNOWN_DURATION = np.timedelta64(60, "s")
"""Below this a start was only stamped together with the completion, and says nothing about the work."""
PARKED_DAYS = 7
_ROUNDING = 1e-9
_DECIMALS = 9


@cached_on
def time_to_complete(cohort: Cohort) -> pd.DataFrame:
    """Days from start to completion by assignment, by Kaplan–Meier: open work counts as longer than its age.

    Columns: timed_count (completed records whose start is known), untimed_share (of the completed ones, those
    left out), median_days, p80_days (NaN: not reached, or nothing timed), longest_days (of the timed),
    longest_seen_days (of the timed and the open).
    """
    n = len(cohort.assignments)
    timed = is_timed(cohort)
    seen = observed(cohort)
    finished = seen["finished"].to_numpy(dtype=bool)
    position, spans = seen["position"].to_numpy(dtype=np.intp), seen["days"].to_numpy()
    at_risk = seen["at_risk"].to_numpy()
    remaining = 1.0 - finished / at_risk
    unfinished_share = np.asarray(pd.Series(remaining).groupby(position).cumprod(), dtype=np.float64)

    timed_count = group_stats.count(cohort.position[timed], n)
    completed = group_stats.count(cohort.position[cohort.is_completed], n)
    longest, longest_seen = np.full(n, np.nan), np.full(n, np.nan)
    np.fmax.at(longest, position[finished], spans[finished])
    np.fmax.at(longest_seen, position, spans)
    return pd.DataFrame(
        {
            "timed_count": timed_count,
            "untimed_share": group_stats.ratio(completed - timed_count, completed),
            "median_days": _first_reached(position, n, spans, unfinished_share, 0.5),
            "p80_days": _first_reached(position, n, spans, unfinished_share, 0.2),
            "longest_days": longest,
            "longest_seen_days": longest_seen,
        },
        index=cohort.assignments.index,
    )


def is_timed(cohort: Cohort) -> NDArray[np.bool_]:
    """For each record whether it is completed and its start is known."""
    return (cohort.completed - cohort.started) >= KNOWN_DURATION


@cached_on
def observed(cohort: Cohort) -> pd.DataFrame:
    """One row a record that is timed or open, by assignment and time: position (row of the assignment), days
    from start to completion or to *as of*, finished, at_risk (records in work for at least so long).
    """
    timed = is_timed(cohort)
    used = timed | cohort.is_open
    position, finished = cohort.position[used], timed[used]
    took = np.where(finished, cohort.completed[used], cohort.now) - cohort.started[used]
    # Completions come before open work of the same age: that work was still at risk then.
    order = group_stats.order(position, len(cohort.assignments), took.view("i8") * 2 + ~finished)
    position, finished, spans = position[order], finished[order], days(took[order])
    size = group_stats.count(position, len(cohort.assignments))
    at_risk = size[position] - (np.arange(len(position)) - (np.cumsum(size) - size)[position])
    return pd.DataFrame({"position": position, "days": spans, "finished": finished, "at_risk": at_risk})


def durations(cohort: Cohort, row: int) -> pd.DataFrame:
    """The Kaplan–Meier curve of the assignment in this row: one row a time at which somebody completed it.

    Columns: days, at_risk (records in work for at least so long), completed (after exactly so long),
    finished_share (share expected to be done by then).
    """
    seen = observed(cohort)
    seen = seen[seen["position"] == row]
    steps = seen.groupby("days").agg(at_risk=("at_risk", "max"), completed=("finished", "sum"))
    steps = steps[steps["completed"] > 0]
    share = 1.0 - (1.0 - steps["completed"] / steps["at_risk"]).cumprod()
    return steps.assign(finished_share=share).reset_index()


@cached_on
def is_stuck(cohort: Cohort) -> NDArray[np.bool_]:
    """For each record: open for longer than 7 days (by default) and than the assignment's 80th percentile.

    Where the 80th percentile is not reached, the longest known time stands in for it: it lies beyond that,
    and an assignment that half the class cannot finish must not hide them.
    """
    open_for = days(cohort.now - cohort.started)
    return cohort.is_open & (open_for > stuck_after(cohort)[cohort.rows.in_course])


def stuck_after(cohort: Cohort) -> group_stats.Floats:
    """For each assignment of the whole class the days after which open work is stuck."""
    # One array for the class and all its parts.
    return _stuck_after(cohort.classwide)


@cached_on
def _stuck_after(cohort: Cohort) -> group_stats.Floats:
    return np.maximum(usually_done_after(cohort), float(cohort.thresholds.stuck_days))


def usually_done_after(cohort: Cohort) -> group_stats.Floats:
    """For each assignment of the whole class the days within which four in five complete it; where that is
    not reached the longest known time, 0 where there is none.
    """
    times = time_to_complete(cohort.classwide)
    return times["p80_days"].fillna(times["longest_days"]).fillna(0.0).to_numpy()


@cached_on
def stuck(cohort: Cohort) -> pd.DataFrame:
    """One row a student and assignment that is stuck, open for longest first.

    Columns: student_id, name, assignment_id, assignment, type, section, started_at, days_open, limit_days
    (after which it counts as stuck), is_parked (something else, of any type, completed in the last 7 days).
    """
    limit = stuck_after(cohort)
    chosen = is_stuck(cohort)
    records, student = cohort.records[chosen], cohort.student[chosen]
    course = cohort.assignments.iloc[cohort.position[chosen]]
    frame = pd.DataFrame(
        {
            "student_id": records["student_id"].to_numpy(),
            "name": cohort.students["name"].to_numpy()[student],
            "assignment_id": records["assignment_id"].to_numpy(),
            "assignment": course["name"].to_numpy(),
            "type": course["type"].to_numpy(),
            "section": course["section"].to_numpy(),
            "started_at": records["started_at"].array,
            "days_open": days(cohort.now - cohort.started[chosen]),
            "limit_days": limit[records["position"]],
            "is_parked": completes_elsewhere(cohort)[student],
        }
    )
    by_id = cohort.students.index.argsort().argsort()
    order = np.lexsort((records["position"], by_id[student], -frame["days_open"].round(_DECIMALS)))
    return frame.iloc[order].reset_index(drop=True)


def completes_elsewhere(cohort: Cohort) -> NDArray[np.bool_]:
    """For each student a completion, of any type, in the 7 days before *as of*."""
    everything = cohort.all_types
    recent = everything.completed > everything.now - np.timedelta64(PARKED_DAYS, "D")
    return group_stats.count(everything.student[recent], len(everything.students)) > 0


def _first_reached(
    position: group_stats.Codes,
    n: int,
    spans: group_stats.Floats,
    unfinished_share: group_stats.Floats,
    share: float,
) -> group_stats.Floats:
    """By assignment the first time at which no more than `share` are unfinished; rows are ordered by time."""
    reached = unfinished_share <= share + _ROUNDING
    result = np.full(n, np.nan)
    np.fmin.at(result, position[reached], spans[reached])
    return result
