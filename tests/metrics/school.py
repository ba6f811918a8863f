"""Small classes for the tests, written as upstream would send them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from cohort_core.store.class_data import (
    ASSIGNMENT_COLUMNS,
    PROGRESSION_COLUMNS,
    STUDENT_COLUMNS,
    ClassData,
    empty_frame,
)

Row = dict[str, Any]


def work(
    student: str,
    assignment: str,
    started: str | None = None,
    completed: str | None = None,
    grade: float | None = None,
    reviewed: str | None = None,
    kind: str = "lesson",
) -> Row:
    """A row as upstream sends it; times like "2025-03-03 10:00" are UTC."""

    def iso(text: str | None) -> str | None:
        return text and text.replace(" ", "T") + "+00:00"

    return {
        "id": f"{student}-{assignment}-{started}-{completed}",
        "student_id": student,
        "first_name": student,
        "last_name": None,
        "assignment_id": assignment,
        "name": assignment.upper(),
        "type": kind,
        "grade": grade,
        "started_at": iso(started),
        "completed_at": iso(completed),
        "reviewed_at": iso(reviewed),
    }


def data_of(
    rows: list[Row],
    units: list[Row] | None = None,
    roster: list[Row] | None = None,
    timezone: str = "UTC",
    synced_at: str | None = "2025-12-01T00:00:00Z",
    starts_on: str | None = None,
) -> ClassData:
    """What the store would hand out for these rows."""
    section = {a: unit["name"] for unit in units or [] for a in unit["assignments"]}
    outside = sorted({row["assignment_id"] for row in rows} - set(section))
    kinds = {row["assignment_id"]: (row["name"], row["type"]) for row in rows}
    assignments = [
        {
            "assignment_id": a,
            "name": kinds.get(a, (a, None))[0],
            "type": kinds.get(a, (a, None))[1],
            "section": section.get(a),
            "position": position,
        }
        for position, a in enumerate([*section, *outside])
    ]
    students: dict[str, Row] = {}
    for row in rows:
        students[row["student_id"]] = {k: row[k] for k in ("student_id", "first_name", "last_name")}
    for entry in roster or []:
        known = students.setdefault(entry["student_id"], dict(entry))
        known.update({k: entry.get(k) for k in ("night", "region", "enrolled_on", "withdrawn_on")})
    return ClassData(
        class_id="c1",
        friendly_id=None,
        name="Class",
        timezone=timezone,
        starts_on=date.fromisoformat(starts_on) if starts_on else None,
        revision=1,
        synced_at=pd.Timestamp(synced_at) if synced_at else None,
        students=_frame(list(students.values()), STUDENT_COLUMNS),
        assignments=_frame(assignments, ASSIGNMENT_COLUMNS),
        progressions=_frame(rows, PROGRESSION_COLUMNS),
    )


def _frame(rows: list[Row], columns: dict[str, str]) -> pd.DataFrame:
    if not rows:
        return empty_frame(columns)
    frame = pd.DataFrame({name: [row.get(name) for row in rows] for name in columns}, dtype="object")
    for name, dtype in columns.items():
        if dtype.startswith("datetime64"):
            moments = pd.to_datetime(frame[name], utc="UTC" in dtype, format="ISO8601")
            frame[name] = moments.dt.as_unit("us")
    return frame.astype(columns)
