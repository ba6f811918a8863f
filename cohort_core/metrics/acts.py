"""Starts and completions: what students did, in order of time."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.store.class_data import ClassData

_ORDER = ["student_id", "at", "event", "assignment_id"]


@dataclass(frozen=True)
class Act:
    """A start or completion."""

    at: pd.Timestamp
    event: str
    assignment_id: str


@cached_on
def acts(class_data: ClassData) -> pd.DataFrame:
    """Return the first start and completion of each assignment.

    They are in order of the student, then of time. Columns: student_id, assignment_id, at (UTC), event
    (completed, started).
    """
    rows = class_data.progressions
    parts = []
    for event in ("completed", "started"):
        keys, moment = ["student_id", "assignment_id"], f"{event}_at"
        first = rows.dropna(subset=[moment]).groupby(keys)[moment].min()
        parts.append(first.rename("at").reset_index().assign(event=event))
    # Of a start and a completion at one instant the completion comes first: it says more.
    together: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return together.sort_values(_ORDER, ignore_index=True)


def acts_of(class_data: ClassData, student_id: str) -> tuple[Act, ...]:
    """Return a student's rows of `acts`, in order of time."""
    places = _places(class_data).get(student_id)
    if places is None:
        return ()
    mine = acts(class_data).iloc[places]
    return tuple(map(Act, mine["at"], mine["event"], mine["assignment_id"]))


@cached_on
def _places(class_data: ClassData) -> dict[Hashable, Any]:
    """Return the rows of `acts` by student."""
    return acts(class_data).groupby("student_id", sort=False).indices
