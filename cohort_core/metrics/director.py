"""The figures of a class at two instants, for a programme director; without names."""

from __future__ import annotations

import math

import pandas as pd

from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.completion import progress_summary
from cohort_core.metrics.outcomes import outcomes
from cohort_core.metrics.risk import risk
from cohort_core.metrics.velocity import cohort_alarm

BANDS = ("critical", "high", "medium", "low")
_SUMMARY = {
    "students": "total_students",
    "avg_completion": "avg_completion",
    "completed_all": "completed_count",
    "active_in_7_days": "active_this_week_count",
    "never_started": "not_started_count",
}


def director(before: Cohort, after: Cohort, contacts: pd.DataFrame) -> pd.DataFrame:
    """Return each figure then and now.

    `before` and `after` are one class or group at two instants, `contacts` a frame as in `metrics.outcomes`.
    Columns: figure, before, now, change (now − before; NaN if one of them is missing). The figures from
    `messages` on count what was noted between the two instants, so they have no `before`.
    """
    then, now = _state(before), _state(after)
    rows = [(figure, then[figure], now[figure]) for figure in now]
    rows += [(figure, math.nan, number) for figure, number in _messages(before, after, contacts).items()]
    frame = pd.DataFrame(rows, columns=["figure", "before", "now"]).astype(
        {"before": "float64", "now": "float64"}
    )
    return frame.assign(change=frame["now"] - frame["before"])


def _state(cohort: Cohort) -> dict[str, float]:
    summary = progress_summary(cohort).iloc[0]
    figures = {name: float(summary[column]) for name, column in _SUMMARY.items()}
    figures["velocity"] = float(cohort_alarm(cohort)["velocity"].iloc[0])
    bands = risk(cohort)["band"].value_counts()
    return figures | {band: float(bands.get(band, 0)) for band in BANDS}


def _messages(before: Cohort, after: Cohort, contacts: pd.DataFrame) -> dict[str, float]:
    judged = outcomes(after, contacts)
    is_between = (judged["at"] > before.as_of) & (judged["at"] <= after.as_of)
    words = judged[is_between]["outcome_7"]
    return {
        "messages": float(len(words)),
        "came_back": float(words.isin(["came_back", "reason_gone"]).sum()),
        "nothing_since": float((words == "nothing_since").sum()),
    }
