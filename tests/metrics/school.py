"""Small classes for the tests, written as upstream would send them, and small enough to count by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from cohort_core.metrics.cohort import Cohort, build
from cohort_core.reports.report import Report
from cohort_core.store.class_data import (
    PROGRESSION_COLUMNS,
    STUDENT_COLUMNS,
    ClassData,
    empty_frame,
)
from cohort_core.store.course import CourseRow, complete_course

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
    """Return the class data that the store would return for these rows."""
    section = {a: unit["name"] for unit in units or [] for a in unit["assignments"]}
    outside = sorted({row["assignment_id"] for row in rows} - set(section))
    kinds = {row["assignment_id"]: (row["name"], row["type"]) for row in rows}
    places = {a: place for unit in units or [] for place, a in enumerate(unit["assignments"], start=1)}
    course = [
        CourseRow(a, *kinds.get(a, (None, None)), section.get(a), places.get(a)) for a in [*section, *outside]
    ]
    progressions = _frame(
        [{**row, "raw_grade": row["grade"], "grade": None} for row in rows], PROGRESSION_COLUMNS
    )
    assignments, progressions["grade"] = complete_course(course, progressions)
    students: dict[str, Row] = {}
    for row in rows:
        students[row["student_id"]] = {
            k: row.get(k) for k in ("student_id", "first_name", "last_name", "email")
        }
    for entry in roster or []:
        student = students.setdefault(entry["student_id"], dict(entry))
        student.update({k: entry.get(k) for k in ("night", "region", "enrolled_on", "withdrawn_on")})
    return ClassData(
        class_id="c1",
        friendly_id=None,
        name="Class",
        timezone=timezone,
        starts_on=date.fromisoformat(starts_on) if starts_on else None,
        revision=1,
        synced_at=pd.Timestamp(synced_at) if synced_at else None,
        students=_frame(list(students.values()), STUDENT_COLUMNS),
        assignments=assignments,
        progressions=progressions,
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


UNITS = [{"name": "Basics", "assignments": ["a1", "a2"]}, {"name": "More", "assignments": ["a3", "a4"]}]


ROSTER: list[Row] = [{"student_id": "fay", "first_name": "Fay", "night": "Tue", "region": None}]


def small_class() -> Cohort:
    """Five students and one who has not begun, as of Friday the 28th of March.

    |     | a1               | a2                    | a3                   | a4 |
    |-----|------------------|-----------------------|----------------------|----|
    | ana | done in 1 d, 1.0 | done in 2 d, 0.5      | done in 4 d          | -  |
    | bo  | done in 1 d, 1.0 | done in 4 d, 0.5      | open since the 24th  | -  |
    | cy  | done in 3 d, 0.5 | open since the 10th   | -                    | -  |
    | di  | done, untimed    | -                     | done, untimed, 0.75  | -  |
    | ed  | open, the 27th   | -                     | -                    | -  |
    """
    rows = [
        work("ana", "a1", "2025-03-03 10:00", "2025-03-04 10:00", 1.0),
        work("bo", "a1", "2025-03-03 10:00", "2025-03-04 10:00", 1.0),
        work("cy", "a1", "2025-03-04 10:00", "2025-03-07 10:00", 0.5),
        work("di", "a1", "2025-03-07 10:00", "2025-03-07 10:00"),
        work("ed", "a1", "2025-03-27 10:00"),
        work("ana", "a2", "2025-03-08 10:00", "2025-03-10 10:00", 0.5),
        work("bo", "a2", "2025-03-08 10:00", "2025-03-12 10:00", 0.5),
        work("cy", "a2", "2025-03-10 10:00"),
        work("ana", "a3", "2025-03-11 10:00", "2025-03-15 10:00"),
        work("bo", "a3", "2025-03-24 10:00"),
        work("di", "a3", "2025-03-27 10:00", "2025-03-27 10:00", 0.75),
    ]
    return build(data_of(rows, UNITS, ROSTER), pd.Timestamp("2025-03-28T10:00Z"))


def weekly(*counts: int, day: str = "2025-03-03") -> list[Row]:
    """Return rows of two students with so many completions in each week."""
    monday = pd.Timestamp(day)
    return [
        work(f"s{n % 2}", f"a{week}-{n}", None, f"{monday + pd.Timedelta(weeks=week, hours=10)}")
        for week, count in enumerate(counts)
        for n in range(count)
    ]


def stalled_class() -> Cohort:
    """Two students who did six assignments in each of four weeks and one in the fifth, and two others."""
    roster = [
        {"student_id": "new", "first_name": "New", "enrolled_on": "2025-03-20"},
        {"student_id": "old", "first_name": "Old"},
    ]
    class_data = data_of(weekly(6, 6, 6, 6, 1), roster=roster)
    return build(replace(class_data, class_id="c2", name="Stalled"), date(2025, 4, 6))


def columns(report: Report, *names: str) -> list[tuple[Any, ...]]:
    """Return some columns of a report, one tuple a row."""
    return [tuple(row[name] for name in names) for row in report.records()]
