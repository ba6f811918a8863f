"""Groups of a class: the nights and regions of its roster."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.caching import cached_on
from cohort_core.errors import BadInput
from cohort_core.store.class_data import ClassData

if TYPE_CHECKING:
    from cohort_core.metrics.cohort import Cohort

LABEL_KINDS = ("night", "region")


@dataclass(frozen=True)
class Group:
    """A night or region that students share.

    Addresses have its `id`, since labels must not appear there.
    """

    id: str
    kind: str
    label: str
    students: int


@cached_on
def groups(cohort: Cohort) -> list[Group]:
    """Return the groups of a class: nights, then regions, each by label.

    `students` counts the members at *as of*. A class without nights and regions gives an empty list.
    """
    return [
        Group(group_id(kind, label), kind, label, int(has_label(cohort.students, kind, label).sum()))
        for kind, label in group_labels(cohort.class_data)
    ]


def group_members(class_data: ClassData, group: str) -> NDArray[np.bool_]:
    """Return for each row of `class_data.students` whether it is in the group.

    Raises BadInput as `build` does.
    """
    chosen = labels_of_group(class_data, group)
    members: NDArray[np.bool_] = np.logical_or.reduce(
        [has_label(class_data.students, kind, label) for kind, label in chosen]
    )
    return members


def group_labels(class_data: ClassData) -> list[tuple[str, str]]:
    """Return kind and label of each group.

    Spellings that differ only in case are the same label.
    """
    labels = []
    for kind in LABEL_KINDS:
        spellings: dict[str, str] = {}
        for label in sorted(class_data.students[kind].dropna().str.strip().unique()):
            if label:
                spellings.setdefault(label.casefold(), label)
        labels += [(kind, spellings[folded]) for folded in sorted(spellings)]
    return labels


def labels_of_group(class_data: ClassData, wanted: str) -> list[tuple[str, str]]:
    """Return kind and label of the groups that `wanted` names.

    An id names one group. A label names a night, a region, or one of each. Raises BadInput if there is none.
    """
    labels = group_labels(class_data)
    folded = wanted.strip().casefold()
    if chosen := [entry for entry in labels if folded in (group_id(*entry), entry[1].casefold())]:
        return chosen
    choice = ", ".join(dict.fromkeys(label for _, label in labels))
    advice = f"Choose one of: {choice}." if labels else "Import a roster that has nights or regions first."
    raise BadInput(f"This class has no such group. {advice}", parameter="group")


def has_label(students: pd.DataFrame, kind: str, label: str) -> NDArray[np.bool_]:
    return (students[kind].str.strip().str.casefold() == label.casefold()).to_numpy(dtype=bool)


def group_id(kind: str, label: str) -> str:
    return "g" + hashlib.sha256(f"{kind}\n{label.casefold()}".encode()).hexdigest()[:10]
