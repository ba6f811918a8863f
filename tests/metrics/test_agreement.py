"""Every answer against a second, naive computation, on classes that nobody would think of."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cohort_core.metrics import cohort
from cohort_core.metrics.cohort import build
from cohort_core.metrics.groups import groups
from cohort_core.reports import catalog
from cohort_core.store.class_data import ClassData

from .naive import answers
from .school import data_of

Row = dict[str, Any]
ANSWERS = ("progress_summary", "completion", "blockers", "student_health", "progress_over_time")
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Around both clock changes of New York and Berlin, so that hours are lost and repeated in most classes.
SPRING = datetime(2025, 3, 1, tzinfo=UTC)


@st.composite
def classes(draw: st.DrawFn) -> Row:
    """Shapes are drawn, the many values come from a seed: drawn one by one they make nearly empty classes."""
    students = [f"s{i}" for i in range(draw(st.sampled_from([12, 12, 12, 10, 10, 8, 8, 6, 3, 1, 0])))]
    assignments = [f"a{i}" for i in range(draw(st.sampled_from([6, 6, 5, 5, 4, 3, 1, 0])))]
    share_touched = draw(st.sampled_from([1.0, 1.0, 0.6, 0.2]))
    random = Random(draw(st.integers(0, 2**32)))
    names = {student: random.choice(["Ana", "ana", "Bo", student]) for student in students}
    rows = [
        random_work(random, student, names[student], assignment)
        for student in students
        for assignment in assignments
        for _ in range(random.choice([1, 1, 1, 1, 2, 3]))
        if random.random() < share_touched
    ]

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
    """Rounded times, so that ties are common; some within a millisecond of local midnight in either zone."""
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
        # Exact in binary, so that sums in any order agree to the last bit.
        "grade": random.choice([None, 0.0, 0.0625, 0.5, 0.75, 1.0, 1.0]),
        "started_at": started.isoformat() if has_start else None,
        "completed_at": completed.isoformat() if has_end else None,
        "reviewed_at": random.choice([None, reviewed.isoformat()]),
    }


instants_of_asking = st.builds(
    lambda day, hour: SPRING + timedelta(days=day, hours=hour),
    st.sampled_from([32, 25, 45, 30, 20, 28, 60, 15, 8, 0, -2]),
    st.integers(0, 23),
)


def ask(class_data: ClassData, as_of: datetime, group: str | None = None) -> Row:
    made = build(class_data, as_of, group)
    result: Row = {}
    for name in ANSWERS:
        report = catalog.REPORTS[name].function(made)
        one = name in ("progress_summary", "completion")
        result[name] = report.record() if one else report.records()
    return result


def assert_same(got: Any, expected: Any, where: str = "") -> None:
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


@QUICK
@given(classes(), instants_of_asking)
def test_both_agree(school: Row, as_of: datetime) -> None:
    assert_same(ask(data_of(**school), as_of), answers(**school, as_of=as_of))


@QUICK
@given(classes(), instants_of_asking)
def test_both_agree_on_a_group(school: Row, as_of: datetime) -> None:
    class_data = data_of(**school)
    for group in groups(cohort.build(class_data)):
        assert_same(
            ask(class_data, as_of, group.label.lower()), answers(**school, as_of=as_of, group=group.label)
        )


@QUICK
@given(classes(), instants_of_asking)
def test_nothing_leaks_from_the_future(school: Row, as_of: datetime) -> None:
    def known_then(row: Row) -> Row:
        def past(text: str | None) -> str | None:
            return text if text and datetime.fromisoformat(text) <= as_of else None

        completed = past(row["completed_at"])
        return {
            **row,
            "started_at": past(row["started_at"]),
            "completed_at": completed,
            "grade": row["grade"] if completed else None,
            "reviewed_at": past(row["reviewed_at"]) if completed else None,
        }

    now = data_of(**school)
    then = data_of(**{**school, "rows": [known_then(row) for row in school["rows"]]})
    assert ask(now, as_of) == ask(then, as_of)


@QUICK
@given(classes(), instants_of_asking)
def test_rates_stay_in_bounds_and_counts_add_up(school: Row, as_of: datetime) -> None:
    made = build(data_of(**school), as_of)
    for name in ANSWERS:
        report = catalog.REPORTS[name].function(made)
        for field_name, field in report.row.model_fields.items():
            extra = field.json_schema_extra
            if isinstance(extra, dict) and extra.get("unit") == "0 to 1":
                values = report.frame[field_name].dropna()
                assert values.between(0, 1).all(), field_name
        for row in report.records():
            report.row.model_validate(row)
    summary = catalog.progress_summary(made).record()
    parts = ("completed_count", "in_progress_count", "not_started_count")
    assert sum(summary[part] for part in parts) == summary["total_students"]
    health = catalog.student_health(made).frame
    blockers = catalog.blockers(made).frame
    weeks = catalog.progress_over_time(made).frame
    assert health["completed"].sum() == blockers["completed"].sum() == weeks["completed_in_week"].sum()
    assert health["stuck"].sum() == blockers["stuck"].sum()
    assert health["risk_score"].between(0, 100).all()
    assert (blockers["completed"] + blockers["in_progress"] <= blockers["students_reached"]).all()
    if len(weeks):
        assert weeks["completed"].iloc[-1] == health["completed"].sum()
        assert weeks["in_progress"].iloc[-1] <= health["in_progress"].sum()


@QUICK
@given(classes(), instants_of_asking)
def test_a_group_keeps_its_students_bands_and_its_counts_sum_to_the_class(
    school: Row, as_of: datetime
) -> None:
    school = {
        **school,
        "roster": [{**r, "night": r["night"] or "Tue", "region": None} for r in school["roster"]],
    }
    listed = {entry["student_id"] for entry in school["roster"]}
    school["rows"] = [row for row in school["rows"] if row["student_id"] in listed]
    class_data = data_of(**school)
    whole = {row["student_id"]: row for row in ask(class_data, as_of)["student_health"]}
    seen: dict[str, Row] = {}
    for group in groups(cohort.build(class_data)):
        seen |= {row["student_id"]: row for row in ask(class_data, as_of, group.id)["student_health"]}
    assert seen == whole


def test_an_unknown_field_would_be_noticed() -> None:
    with pytest.raises(AssertionError):
        assert_same({"a": 1, "b": 2}, {"a": 1})
