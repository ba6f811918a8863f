"""The time that assignments take, and the work that is stuck.

Times are estimated as Kaplan and Meier do ("Nonparametric estimation from incomplete observations", Journal
of the American Statistical Association 53, 1958): work that is still open counts as longer than its age.
Leaving it out would make hard assignments look quick.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.caching import cached_on
from cohort_core.metrics import group_stats
from cohort_core.metrics.cohort import Cohort
from cohort_core.timeutils import days

MIN_DURATION = np.timedelta64(60, "s")
"""Shorter work has no known duration: its start was only recorded together with the completion."""
PARKED_DAYS = 7
_TOLERANCE = 1e-9
_DECIMALS = 9


@cached_on
def time_to_complete(cohort: Cohort) -> pd.DataFrame:
    """Estimate how many days each assignment takes from start to completion.

    Returns one row an assignment, in course order, index assignment_id. Columns: timed_count (completed
    records with a known duration), untimed_share (of completed records, those without it; NaN without any),
    median_days and p80_days (Kaplan–Meier; NaN if so many have not completed it yet), longest_days (of the
    timed records, NaN without any), longest_seen_days (of timed and open records, NaN without any). All times
    are in days.
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
    """Return for each record whether it is completed and its duration is known."""
    timed: NDArray[np.bool_] = (cohort.completed - cohort.started) >= MIN_DURATION
    return timed


@cached_on
def observed(cohort: Cohort) -> pd.DataFrame:
    """List the durations from which the times are estimated, by assignment and duration.

    Returns one row a record that is timed or open. Columns: position (row of the assignment), days (from
    start to completion, or to *as of* if it is open), finished, at_risk (records of the assignment that were
    in work for at least so long).
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
    """Estimate the Kaplan–Meier curve of an assignment: the share completed by each duration.

    `row` is the row of the assignment in `cohort.assignments`. Returns one row for each duration after which
    somebody completed it, the shortest first; without any there are no rows. Columns: days, at_risk (records
    in work for at least so long), completed (records, after exactly so long), finished_share (expected to be
    done by then, 0 to 1).
    """
    seen = observed(cohort)
    seen = seen[seen["position"] == row]
    steps = seen.groupby("days").agg(at_risk=("at_risk", "max"), completed=("finished", "sum"))
    steps = steps[steps["completed"] > 0]
    share = 1.0 - (1.0 - steps["completed"] / steps["at_risk"]).cumprod()
    return steps.assign(finished_share=share).reset_index()


@cached_on
def is_stuck(cohort: Cohort) -> NDArray[np.bool_]:
    """Return for each record whether it is stuck.

    Work is stuck when it has been open for longer than 7 days (by default) and than the 80th percentile of
    the assignment in the whole class. Where that percentile is not reached, the longest known duration takes
    its place. It is shorter than the percentile, so an assignment that half of the class cannot finish does
    not hide the students who are stuck in it.
    """
    open_for = days(cohort.now - cohort.started)
    overdue: NDArray[np.bool_] = open_for > stuck_after(cohort)[cohort.arrays.in_course]
    return cohort.is_open & overdue


def stuck_after(cohort: Cohort) -> group_stats.Floats:
    """Return for each assignment of the class the days after which work is stuck."""
    # The class and all its parts share the array that is cached on the class.
    return _stuck_after(cohort.classwide)


@cached_on
def _stuck_after(cohort: Cohort) -> group_stats.Floats:
    return np.maximum(usually_done_after(cohort), float(cohort.thresholds.stuck_days))


def usually_done_after(cohort: Cohort) -> group_stats.Floats:
    """Return the days within which four in five of the class complete each assignment.

    Where that is not reached, it is the longest known duration, and 0 without any.
    """
    times = time_to_complete(cohort.classwide)
    return times["p80_days"].fillna(times["longest_days"]).fillna(0.0).to_numpy()


@cached_on
def stuck(cohort: Cohort) -> pd.DataFrame:
    """List the work that is stuck, open for longest first.

    Returns one row a student and assignment; without stuck work there are no rows. Columns: student_id, name,
    assignment_id, assignment, type, section, started_at (UTC), days_open, limit_days (after so many it counts
    as stuck), is_parked (the student completed something else, of any type, in the last 7 days).
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
    """Return for each student whether anything was completed in the 7 days before *as of*.

    Assignments of every type count.
    """
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
    """Return for each assignment the first time at which no more than `share` are unfinished.

    The arrays are ordered by time within each assignment. NaN if there is no such time.
    """
    reached = unfinished_share <= share + _TOLERANCE
    result = np.full(n, np.nan)
    np.fmin.at(result, position[reached], spans[reached])
    return result
