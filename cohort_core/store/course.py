"""The assignments of a class in course order, with names, types and scales."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.store.class_data import ASSIGNMENT_COLUMNS
from cohort_core.store.grade_scales import SHARE, decide_scales, to_shares
from cohort_core.timeutils import instants

UNNAMED = "Unnamed assignment"


def complete_course(
    assignments: pd.DataFrame, progressions: pd.DataFrame
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Complete the assignments of a class by its records, and give the records their grades.

    `assignments` has the columns assignment_id, name, type, section and place (in the section, from 1), those
    of the units first and in their order. Returns them in course order with the columns ASSIGNMENT_COLUMNS,
    and the grade of each record as a share.

    An assignment outside all units has the place of its median completion, then of its median start, then of
    its name, in which numbers count as numbers.
    """
    codes, seen_ids = pd.factorize(progressions["assignment_id"])
    in_units = assignments["place"].notna()
    inside, outside = assignments[in_units], assignments[~in_units]
    frame = pd.concat([inside, _in_order_of_work(outside, progressions, codes, seen_ids)], ignore_index=True)
    raw = progressions["raw_grade"].to_numpy()
    scales = decide_scales(codes, len(seen_ids), raw)
    completed = frame.assign(
        name=_names(frame),
        type=pd.Series(_types(frame["type"]), dtype="object"),
        position=range(len(frame)),
        grade_scale=pd.Series(scales, seen_ids, dtype="object")
        .reindex(frame["assignment_id"], fill_value=SHARE)
        .array,
    )
    typed = completed[list(ASSIGNMENT_COLUMNS)].astype(ASSIGNMENT_COLUMNS)
    return typed, to_shares(raw, scales, codes)


def natural_key(text: str) -> list[str | int]:
    """Return a sort key by which "Lesson 10" comes after "Lesson 9"."""
    return [int(part) if part.isdecimal() else part.casefold() for part in re.split(r"(\d+)", text)]


def _in_order_of_work(
    outside: pd.DataFrame, progressions: pd.DataFrame, codes: NDArray[np.intp], seen_ids: pd.Index[Any]
) -> pd.DataFrame:
    if len(outside) < 2:
        return outside
    place = pd.Index(outside["assignment_id"]).get_indexer(seen_ids)[codes]
    medians = [_medians(place, progressions[name], len(outside)) for name in ("completed_at", "started_at")]
    names = outside["name"].astype("object").where(outside["name"].notna(), "").tolist()
    ids = outside["assignment_id"].tolist()
    order = sorted(
        range(len(outside)),
        key=lambda row: (medians[0][row], medians[1][row], natural_key(names[row]), ids[row]),
    )
    return outside.iloc[order]


def _medians(place: NDArray[np.intp], moments: pd.Series[Any], n: int) -> list[float]:
    """Return the median moment of each of n places as a number, infinite for none.

    Places below 0 are none.
    """
    numbers = instants(moments).view("i8")
    chosen = (place >= 0) & moments.notna().to_numpy()
    medians = pd.Series(numbers[chosen]).groupby(place[chosen]).median().reindex(range(n))
    return list(np.nan_to_num(medians.to_numpy(), nan=np.inf))


def _names(frame: pd.DataFrame) -> list[str]:
    """Return the names; without one it is the section and the place in it."""
    unnamed = int((frame["name"].isna() & frame["section"].isna()).sum())
    number, names = 0, []
    for name, section, place in zip(frame["name"], frame["section"], frame["place"], strict=True):
        if not pd.isna(name):
            names.append(name)
        elif not pd.isna(section):
            names.append(f"{section}, assignment {int(place)}")
        else:
            number += 1
            names.append(f"{UNNAMED} {number}" if unnamed > 1 else UNNAMED)
    return names


def _types(types: Sequence[str | None] | pd.Series[Any]) -> list[str | None]:
    """Give the spellings of a type, such as Quiz and quiz, the most common one."""
    spellings: dict[str, Counter[str]] = {}
    for text in types:
        if not pd.isna(text):
            spellings.setdefault(_folded(text), Counter())[text] += 1
    # Of equally common ones the first in the course counts.
    best = {key: counter.most_common(1)[0][0] for key, counter in spellings.items()}
    return [None if pd.isna(text) else best[_folded(text)] for text in types]


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
