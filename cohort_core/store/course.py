"""The assignments of a class in course order, with names, types and scales."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.store.class_data import ASSIGNMENT_COLUMNS, typed_frame
from cohort_core.store.grade_scales import SHARE, decide_scales, to_shares
from cohort_core.timeutils import instants

UNNAMED = "Unnamed assignment"


class CourseRow(NamedTuple):
    """A stored assignment, with its section and its place in that, from 1."""

    assignment_id: str
    name: str | None
    type: str | None
    section: str | None
    place: int | None
    """None outside all units."""


def complete_course(
    course: Iterable[CourseRow], progressions: pd.DataFrame
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Complete the assignments of a class by its records, and give the records their grades.

    The rows of `course` inside units come in their order. Returns them in course order as a frame with the
    columns ASSIGNMENT_COLUMNS, and the grade of each record as a share.

    An assignment outside all units has the place of its median completion, then of its median start, then of
    its name, in which numbers count as numbers.
    """
    codes, seen_ids = pd.factorize(progressions["assignment_id"])
    inside: list[CourseRow] = []
    outside: list[CourseRow] = []
    for row in course:
        (outside if row.place is None else inside).append(row)
    rows = inside + _in_order_of_work(outside, progressions, codes, seen_ids)
    raw = progressions["raw_grade"].to_numpy()
    scales = decide_scales(codes, len(seen_ids), raw)
    scale_of = dict(zip(seen_ids, scales, strict=True))
    columns: dict[str, Sequence[Any]] = {
        "assignment_id": [row.assignment_id for row in rows],
        "name": _names(rows),
        "type": _types([row.type for row in rows]),
        "section": [row.section for row in rows],
        "position": range(len(rows)),
        "grade_scale": [scale_of.get(row.assignment_id, SHARE) for row in rows],
    }
    return typed_frame(columns, ASSIGNMENT_COLUMNS), to_shares(raw, scales, codes)


def natural_key(text: str) -> list[str | int]:
    """Return a sort key by which "Lesson 10" comes after "Lesson 9"."""
    return [int(part) if part.isdecimal() else part.casefold() for part in re.split(r"(\d+)", text)]


def _in_order_of_work(
    outside: list[CourseRow], progressions: pd.DataFrame, codes: NDArray[np.intp], seen_ids: pd.Index[Any]
) -> list[CourseRow]:
    if len(outside) < 2:
        return outside
    places = {row.assignment_id: place for place, row in enumerate(outside)}
    place = np.array([places.get(seen_id, -1) for seen_id in seen_ids], dtype=np.intp)[codes]
    completed, started = (
        _medians(place, progressions[name], len(outside)) for name in ("completed_at", "started_at")
    )
    keys = [
        (completed[place], started[place], natural_key(row.name or ""), row.assignment_id)
        for place, row in enumerate(outside)
    ]
    return [outside[place] for place in sorted(range(len(outside)), key=keys.__getitem__)]


def _medians(place: NDArray[np.intp], moments: pd.Series[Any], n: int) -> list[float]:
    """Return the median moment of each of n places as a number, infinite for none.

    Places below 0 are none.
    """
    times = instants(moments)
    chosen = (place >= 0) & ~np.isnat(times)
    place, numbers = place[chosen], times[chosen].view("i8")
    order = np.lexsort((numbers, place))
    first = np.searchsorted(place[order], np.arange(n + 1))
    counts, numbers = np.diff(first), numbers[order]
    medians = np.full(n, np.inf)
    (some,) = np.nonzero(counts)
    below, above = first[some] + (counts[some] - 1) // 2, first[some] + counts[some] // 2
    medians[some] = (numbers[below] + numbers[above]) / 2
    return list(medians)


def _names(rows: Sequence[CourseRow]) -> list[str]:
    """Return the names; without one it is the section and the place in it."""
    unnamed = sum(row.name is None and row.section is None for row in rows)
    number, names = 0, []
    for row in rows:
        if row.name is not None:
            names.append(row.name)
        elif row.section is not None:
            names.append(f"{row.section}, assignment {row.place}")
        else:
            number += 1
            names.append(f"{UNNAMED} {number}" if unnamed > 1 else UNNAMED)
    return names


def _types(types: Sequence[str | None]) -> list[str | None]:
    """Give the spellings of a type, such as Quiz and quiz, the most common one."""
    spellings: dict[str, Counter[str]] = {}
    for text in types:
        if text is not None:
            spellings.setdefault(_folded(text), Counter())[text] += 1
    # Of equally common ones the first in the course counts.
    best = {key: counter.most_common(1)[0][0] for key, counter in spellings.items()}
    return [None if text is None else best[_folded(text)] for text in types]


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
