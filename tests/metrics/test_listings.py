"""Lists of students, assignments and records."""

from __future__ import annotations

from typing import Any

import pytest

from cohort_core.errors import BadInput
from cohort_core.reports import catalog

from .school import ROSTER, UNITS, Row, data_of, work


def test_students_are_listed_by_name_with_those_who_left() -> None:
    roster: list[Row] = [
        {**ROSTER[0], "last_name": "Young", "enrolled_on": "2025-03-01", "withdrawn_on": "2025-03-09"},
        {"student_id": "gil", "first_name": "Gil", "last_name": "Adler", "night": "Wed"},
    ]
    class_data = data_of([], UNITS, roster)
    fay: Row = {
        "id": "fay",
        "first_name": "Fay",
        "last_name": "Young",
        "name": "Fay Young",
        "same_name_ids": [],
        "email": None,
        "night": "Tue",
        "region": None,
        "enrolled_on": "2025-03-01",
        "withdrawn_on": "2025-03-09",
    }
    listed = catalog.students(class_data).records()
    assert [student["id"] for student in listed] == ["gil", "fay"]
    assert listed[1] == fay
    assert catalog.students(class_data, "tue").records() == [fay]
    sections = [row["section"] for row in catalog.assignments(class_data).records()]
    assert sections == ["Basics", "Basics", "More", "More"]


def test_progressions_are_listed_and_filtered() -> None:
    rows = [
        work("ana", "a1", "2025-03-03 10:00", "2025-03-04 04:59", 1.0),
        work("ana", "a2", "2025-03-03 10:00", "2025-03-04 05:00", 0.5),
        work("bo", "a1", "2025-03-03 10:00"),
        work("bo", "a2"),
    ]
    class_data = data_of(
        [{**row, "synced_at": "2025-03-05T00:00:00Z"} for row in rows], timezone="America/New_York"
    )

    def listed(**conditions: Any) -> list[tuple[str, str]]:
        records = catalog.progressions(class_data, **conditions).records()
        return [(record["student_id"], record["assignment_id"]) for record in records]

    ana, bo = [("ana", "a2"), ("ana", "a1")], [("bo", "a1"), ("bo", "a2")]
    assert listed() == ana + bo
    assert listed(student_id="bo") == bo
    assert listed(assignment_id="a1", status="completed") == [("ana", "a1")]
    assert listed(status="in_progress") == [("bo", "a1")]
    assert listed(status="not_started") == [("bo", "a2")]
    # Midnight in New York lies between the two completions.
    assert listed(completed_after="2025-03-04") == [("ana", "a2")]
    assert listed(completed_before="2025-03-04") == [("ana", "a1")]
    with pytest.raises(BadInput, match="completed_after is not") as caught:
        catalog.progressions(class_data, completed_after="soon")
    assert caught.value.details == {"parameter": "completed_after"}
