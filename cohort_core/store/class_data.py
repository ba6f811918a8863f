"""Class data: the tables of one class from which all metrics are computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

_LOCAL_DATE = "datetime64[us]"
_INSTANT = "datetime64[us, UTC]"

STUDENT_COLUMNS = {
    "student_id": "str",
    "first_name": "str",
    "last_name": "str",
    "email": "str",
    "night": "str",
    "region": "str",
    "enrolled_on": _LOCAL_DATE,
    "withdrawn_on": _LOCAL_DATE,
}
ASSIGNMENT_COLUMNS = {
    "assignment_id": "str",
    "name": "str",
    "type": "str",
    "section": "str",
    "position": "int64",
    "grade_scale": "str",
}
PROGRESSION_COLUMNS = {
    "id": "str",
    "student_id": "str",
    "assignment_id": "str",
    "grade": "float64",
    "started_at": _INSTANT,
    "completed_at": _INSTANT,
    "reviewed_at": _INSTANT,
    "synced_at": _INSTANT,
    "raw_grade": "float64",
}


@dataclass(frozen=True)
class ClassData:
    """The data of one class as of its last sync.

    `revision` grows with every change; caches use it as their key.

    students: one row an enrolment, columns STUDENT_COLUMNS; dates are local, at midnight, without a zone.
    assignments: the assignment set in course order, columns ASSIGNMENT_COLUMNS; position counts from 0,
    grade_scale is a scale of `grade_scales`. progressions: live upstream rows, columns PROGRESSION_COLUMNS;
    raw_grade as it was sent, grade as a share: 0 to 1, with a bonus up to 2, NaN where raw_grade does not fit
    the scale of the assignment; instants in UTC. A student may have several of one assignment (attempts).
    former_students: those whose records are all gone, with the columns of students.
    aliases: earlier ids of students, each with the present one; addresses of before still lead to them.
    """

    class_id: str
    friendly_id: str | None
    name: str
    timezone: str
    starts_on: date | None
    revision: int
    synced_at: pd.Timestamp | None
    students: pd.DataFrame
    assignments: pd.DataFrame
    progressions: pd.DataFrame
    former_students: pd.DataFrame = field(default_factory=lambda: empty_frame(STUDENT_COLUMNS))
    aliases: Mapping[str, str] = field(default_factory=dict)


def typed_frame(columns: Mapping[str, Sequence[Any]], types: Mapping[str, str]) -> pd.DataFrame:
    """Return a frame of plain values, with the dtypes of `types`.

    A missing value is None. Instants and days are text in ISO 8601.
    """
    typed: dict[str, Any] = {}
    for name, values in columns.items():
        dtype = types[name]
        if dtype.startswith("datetime64"):
            typed[name] = pd.to_datetime(values, format="ISO8601", utc="UTC" in dtype).astype(dtype)
        else:
            typed[name] = pd.array(values, dtype="str") if dtype == "str" else np.array(values, dtype=dtype)
    return pd.DataFrame(typed)


def empty_frame(columns: dict[str, str]) -> pd.DataFrame:
    """Return a frame without rows, with these columns and dtypes."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in columns.items()})


def empty(class_id: str, timezone: str = "UTC", name: str = "") -> ClassData:
    """Return the data of a class that has never been synced."""
    return ClassData(
        class_id=class_id,
        friendly_id=None,
        name=name,
        timezone=timezone,
        starts_on=None,
        revision=0,
        synced_at=None,
        students=empty_frame(STUDENT_COLUMNS),
        assignments=empty_frame(ASSIGNMENT_COLUMNS),
        progressions=empty_frame(PROGRESSION_COLUMNS),
    )
