"""Random classes for property tests, and the comparison of nested results."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

Row = dict[str, Any]


QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# Around both clock changes of New York and Berlin, so that hours are lost and repeated in most classes.
SPRING = datetime(2025, 3, 1, tzinfo=UTC)


# Exact in binary, so that sums in any order agree to the last bit.
SHARES: list[float | None] = [None, 0.0, 0.0625, 0.5, 0.75, 1.0, 1.0]
ODD_SCALES: list[list[float | None]] = [
    [None, 0.5, 0.75, 1.0, 1.0, 1.0, 1.25],
    [None, 0.0, 25, 50, 75, 100],
    [0.5, 1, 50, 75, 100],
    [0.0, 0.5, 1, 1, 75],
]


@st.composite
def classes(draw: st.DrawFn) -> Row:
    """Draw the shape of a class; its values come from a seed.

    Values that are drawn one by one make nearly empty classes. Some assignments are lessons, without grades
    or with full ones.
    """
    students = [f"s{i}" for i in range(draw(st.sampled_from([12, 12, 12, 10, 10, 8, 8, 6, 3, 1, 0])))]
    assignments = [f"a{i}" for i in range(draw(st.sampled_from([6, 6, 5, 5, 4, 3, 1, 0])))]
    share_touched = draw(st.sampled_from([1.0, 1.0, 0.6, 0.2]))
    random = Random(draw(st.integers(0, 2**32)))
    names = {student: random.choice(["Ana", "ana", "Bo", student]) for student in students}
    emails = {student: random.choice([None, f"{student}@x.org", "a@x.org"]) for student in students}
    scales = {assignment: random.choice([SHARES, SHARES, *ODD_SCALES]) for assignment in assignments}
    rows = [
        random_work(random, student, names[student], assignment)
        | {"email": emails[student], "grade": random.choice(scales[assignment])}
        for student in students
        for assignment in assignments
        for _ in range(random.choice([1, 1, 1, 1, 2, 3]))
        if random.random() < share_touched
    ]
    lessons = set(assignments) - set(random.sample(assignments, min(len(assignments), random.randrange(7))))
    for row in rows:
        if row["assignment_id"] in lessons:
            row["grade"] = random.choice([None, 1.0, 1.0])
    if rows and random.random() < 0.2:
        early = random.choice(rows)
        for moment in ("started_at", "completed_at", "reviewed_at"):
            early[moment] = str(early[moment]).replace("2025", "2019") if early[moment] else None

    def some_date() -> str | None:
        return random.choice([None, None, (SPRING + timedelta(random.randrange(45))).date().isoformat()])

    roster = [
        {
            "student_id": student,
            "first_name": "Roster",
            "last_name": student,
            "night": random.choice([None, "Tue", "Wed"]),
            "region": random.choice([None, "North", "TUE"]),
            "enrolled_on": some_date(),
            "withdrawn_on": some_date() if random.random() < 0.3 else None,
        }
        for student in [*students, "new"]
        if random.random() < 0.7
    ]
    inside = assignments[: random.randint(0, len(assignments))]
    half = len(inside) // 2
    return {
        "rows": rows,
        "units": [
            {"name": "One", "assignments": inside[:half]},
            {"name": "Two", "assignments": inside[half:]},
        ],
        "roster": roster,
        "timezone": draw(st.sampled_from(["America/New_York", "Europe/Berlin", "UTC"])),
        "starts_on": draw(st.sampled_from([None, "2025-03-04"])),
    }


def random_work(random: Random, student: str, name: str, assignment: str) -> Row:
    """Make a row with rounded times, so that ties are common; some are within 1 ms of a local midnight."""
    started = SPRING + timedelta(days=random.randrange(20))
    started += random.choice(
        [
            timedelta(0),
            timedelta(hours=random.randrange(24)),
            timedelta(hours=random.choice([4, 5, 22, 23]), milliseconds=random.choice([-1, 0, 1])),
        ]
    )
    took = random.choice(
        [
            timedelta(0),
            timedelta(seconds=random.choice([-3600, 30, 59, 60])),
            timedelta(days=random.randrange(1, 6)),
            timedelta(days=random.randrange(1, 25)),
        ]
    )
    completed = started + took
    has_start, has_end = random.choice(
        [(True, True)] * 4 + [(True, False)] * 2 + [(False, True), (False, False)]
    )
    reviewed = completed + timedelta(days=random.choice([0, 3, 9]))
    return {
        "id": f"{student}-{assignment}-{random.random()}",
        "student_id": student,
        "first_name": name,
        "last_name": None,
        "assignment_id": assignment,
        "name": assignment,
        "type": {"a1": "quiz", "a3": "quiz", "a5": None}.get(assignment, "lesson"),
        "grade": None,
        "started_at": started.isoformat() if has_start else None,
        "completed_at": completed.isoformat() if has_end else None,
        "reviewed_at": random.choice([None, reviewed.isoformat()]),
    }


instants = st.builds(
    lambda day, hour: SPRING + timedelta(days=day, hours=hour),
    st.sampled_from([32, 25, 45, 30, 20, 28, 60, 15, 8, 0, -2]),
    st.integers(0, 23),
)


def assert_same(got: Any, expected: Any, where: str = "") -> None:
    """Compare nested results; numbers may differ in their last bits."""
    if isinstance(expected, dict):
        assert got.keys() == expected.keys(), where
        for key, value in expected.items():
            assert_same(got[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(got) == len(expected), where
        for number, (g, e) in enumerate(zip(got, expected, strict=True)):
            assert_same(g, e, f"{where}[{number}]")
    elif isinstance(expected, float):
        assert got is not None, where
        assert math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-7), (where, got, expected)
    else:
        assert got == expected, where
