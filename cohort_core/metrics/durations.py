"""How long assignments take, and who is stuck in one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.cohort import Cohort, days
from cohort_core.metrics import grouped

KNOWN_DURATION = np.timedelta64(60, "s")
"""Below this a start was only stamped together with the completion, and says nothing about the work."""
STUCK_DAYS = 7.0
_ROUNDING = 1e-9


def time_to_complete(cohort: Cohort) -> pd.DataFrame:
    """Days from start to completion by assignment, by Kaplan–Meier: open work counts as longer than its age.

    Columns: timed_count (completed records whose start is known), untimed_share (of the completed ones, those
    left out), median_days, p80_days (NaN: not reached, or nothing timed), longest_days (of the timed).
    """
    n = len(cohort.assignments)
    elapsed = cohort.completed - cohort.started
    timed = elapsed >= KNOWN_DURATION
    used = timed | cohort.is_open
    position, finished = cohort.position[used], timed[used]
    spans = days(np.where(finished, elapsed[used], cohort.now - cohort.started[used]))

    # Completions come before open work of the same age: that work was still at risk then.
    order = np.lexsort((~finished, spans, position))
    position, finished, spans = position[order], finished[order], spans[order]
    size = grouped.count(position, n)
    at_risk = size[position] - (np.arange(len(position)) - (np.cumsum(size) - size)[position])
    remaining = 1.0 - finished / at_risk
    unfinished_share = np.asarray(pd.Series(remaining).groupby(position).cumprod(), dtype=np.float64)

    timed_count = grouped.count(cohort.position[timed], n)
    completed = grouped.count(cohort.position[cohort.is_completed], n)
    longest = np.full(n, np.nan)
    np.fmax.at(longest, position[finished], spans[finished])
    return pd.DataFrame(
        {
            "timed_count": timed_count,
            "untimed_share": grouped.ratio(completed - timed_count, completed),
            "median_days": _first_reached(position, n, spans, unfinished_share, 0.5),
            "p80_days": _first_reached(position, n, spans, unfinished_share, 0.2),
            "longest_days": longest,
        },
        index=cohort.assignments.index,
    )


def is_stuck(cohort: Cohort) -> NDArray[np.bool_]:
    """For each record: open for longer than 7 days and than the assignment's 80th percentile in the class.

    Where the 80th percentile is not reached, the longest known time stands in for it: it lies beyond that,
    and an assignment that half the class cannot finish must not hide them.
    """
    times = time_to_complete(cohort.classwide)
    usual = times["p80_days"].fillna(times["longest_days"]).fillna(0.0).to_numpy()
    limit = np.maximum(usual, STUCK_DAYS)[cohort.records["position"]]
    return cohort.is_open & (days(cohort.now - cohort.started) > limit)


def _first_reached(
    position: grouped.Codes, n: int, spans: grouped.Floats, unfinished_share: grouped.Floats, share: float
) -> grouped.Floats:
    """By assignment the first time at which no more than `share` are unfinished; rows are ordered by time."""
    reached = unfinished_share <= share + _ROUNDING
    result = np.full(n, np.nan)
    np.fmin.at(result, position[reached], spans[reached])
    return result
