"""The progress of a class, each number worked out by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from cohort_core.metrics.cohort import build
from cohort_core.reports import catalog

from .school import columns, data_of, small_class, weekly, work


def test_progress_summary_by_hand() -> None:
    # Shares of the four assignments: 3/4, 2/4, 1/4, 2/4, 0, 0.
    assert catalog.progress_summary(small_class()).record() == {
        "total_students": 6,
        "avg_completion": pytest.approx(2 / 6),
        "avg_grade": 0.6875,
        "completed_count": 0,
        "in_progress_count": 5,
        "not_started_count": 1,
        "active_this_week_count": 3,
        "early_records": 0,
    }


def test_a_student_who_completed_everything_is_no_longer_in_progress() -> None:
    rows = [work("ana", "a1", "2025-03-03 10:00", "2025-03-04 10:00"), work("bo", "a1", "2025-03-03 10:00")]
    summary = catalog.progress_summary(build(data_of(rows))).record()
    assert (summary["completed_count"], summary["in_progress_count"]) == (1, 1)
    assert summary["avg_completion"] == 0.5


def test_this_week_is_the_seven_days_before_as_of_whatever_day_it_is() -> None:
    # Monday morning: Ana was here on Friday, Bo a minute less than seven days ago, Cy exactly seven.
    rows = [
        work("ana", "a1", "2025-03-14 10:00"),
        work("bo", "a1", "2025-03-10 08:01"),
        work("cy", "a1", "2025-03-10 08:00"),
    ]
    monday = build(data_of(rows), pd.Timestamp("2025-03-17T08:00Z"))
    assert catalog.progress_summary(monday).record()["active_this_week_count"] == 2


def test_completion_by_hand() -> None:
    # Completed by 4, 2, 2 and 0 students.
    assert catalog.completion(small_class()).record() == {
        "total_assignments": 4,
        "assignments_with_0_completions": 1,
        "avg_students_per_assignment": 2.0,
        "total_students": 6,
    }


def test_progress_over_time_by_hand() -> None:
    rows = [
        work("ana", "a1", "2025-03-03 10:00", "2025-03-04 10:00"),
        work("ana", "a2", "2025-03-09 10:00", "2025-03-17 10:00"),
        work("bo", "a1", "2025-03-25 10:00"),
    ]
    report = catalog.progress_over_time(build(data_of(rows), date(2025, 3, 25)))
    assert [tuple(row.values()) for row in report.records()] == [
        ("2025-03-03", 1, 1, 1, 1),
        ("2025-03-10", 1, 1, 0, 0),
        ("2025-03-17", 2, 0, 1, 1),
        ("2025-03-24", 2, 1, 0, 1),
    ]


@pytest.mark.parametrize(
    ("timezone", "midnight"),
    [
        ("America/New_York", "2025-03-10T04:00:00.000"),
        ("America/New_York", "2025-11-03T05:00:00.000"),
        ("Europe/Berlin", "2025-03-30T22:00:00.000"),
        ("Europe/Berlin", "2025-10-26T23:00:00.000"),
    ],
)
def test_weeks_turn_at_local_midnight_after_a_clock_change(timezone: str, midnight: str) -> None:
    # Each of these is the local midnight that begins a Monday, the day after the clocks changed.
    monday = pd.Timestamp(midnight, tz="UTC")
    before = (monday - pd.Timedelta(1, "ms")).isoformat()[:-6]
    rows = [work("ana", "a1", None, before), work("ana", "a2", None, midnight)]
    weeks = catalog.progress_over_time(build(data_of(rows, timezone=timezone), monday)).records()
    day = monday.tz_convert(timezone).date()
    assert [(w["week"], w["completed_in_week"]) for w in weeks] == [
        ((day - pd.Timedelta(days=7)).isoformat(), 1),
        (day.isoformat(), 1),
    ]


def test_velocity_by_hand() -> None:
    assert columns(
        catalog.velocity(small_class()),
        *("week", "completed_in_week", "active_students", "enrolled_students", "per_active", "is_full"),
    ) == [
        ("2025-03-03", 4, 4, 6, 1.0, True),
        ("2025-03-10", 3, 3, 6, 1.0, True),
        ("2025-03-17", 0, 0, 6, None, True),
        ("2025-03-24", 1, 3, 6, pytest.approx(1 / 3), False),
    ]
    per_enrolled = [row["per_enrolled"] for row in catalog.velocity(small_class()).records()]
    assert per_enrolled == pytest.approx([4 / 6, 3 / 6, 0, 1 / 6])


def test_a_student_who_joined_later_does_not_count_in_the_weeks_before() -> None:
    roster = [{"student_id": "late", "first_name": "Late", "enrolled_on": "2025-03-16"}]
    frame = catalog.velocity(build(data_of(weekly(2, 2, 2), roster=roster), date(2025, 3, 18))).frame
    assert list(frame["enrolled_students"]) == [2, 3, 3]


def test_by_course_week_by_hand() -> None:
    # Monday the 3rd is the day of the first activity. Six students with four assignments each: 24 records.
    assert [tuple(row.values()) for row in catalog.by_course_week(small_class()).records()] == [
        (1, "2025-03-03", 4, pytest.approx(4 / 24), 4, pytest.approx(4 / 6), True),
        (2, "2025-03-10", 7, pytest.approx(7 / 24), 3, 0.5, True),
        (3, "2025-03-17", 7, pytest.approx(7 / 24), 0, 0.0, True),
        (4, "2025-03-24", 8, pytest.approx(8 / 24), 3, 0.5, False),
    ]


def test_course_weeks_begin_on_the_day_of_the_class_and_not_on_monday() -> None:
    # The class starts on a Thursday in New York; what came before it counts in the first week's completion.
    rows = [
        work("ana", "a1", None, "2025-03-01 10:00"),
        work("ana", "a2", None, "2025-03-13 03:59"),
        work("bo", "a1", None, "2025-03-13 04:00"),
    ]
    cohort = build(
        data_of(rows, timezone="America/New_York", starts_on="2025-03-06"),
        pd.Timestamp("2025-03-14T10:00Z"),
    )
    report = catalog.by_course_week(cohort)
    assert columns(report, "course_week", "starts_on", "completed", "active_students", "is_full") == [
        (1, "2025-03-06", 2, 1, True),
        (2, "2025-03-13", 3, 1, False),
    ]


@pytest.mark.parametrize(
    ("counts", "as_of", "expected"),
    [
        # Six completions by two students in each week, then two: a third of the usual three each.
        ((6, 6, 6, 6, 2), "2025-04-07T00:00Z", (True, "2025-03-31", 1.0, 3.0, 1 / 3)),
        # The last instant of Sunday is enough for the week to be over.
        ((6, 6, 6, 6, 2), "2025-04-06T23:59:59.999999Z", (True, "2025-03-31", 1.0, 3.0, 1 / 3)),
        # A minute before, the week before is the last full one, and only three come before it.
        ((6, 6, 6, 6, 2), "2025-04-06T23:59Z", (False, "2025-03-24", 3.0, None, None)),
        ((6, 6, 6, 6, 3), "2025-04-07T00:00Z", (False, "2025-03-31", 1.5, 3.0, 0.5)),
        ((9, 6, 6, 6, 6, 2), "2025-04-14T00:00Z", (True, "2025-04-07", 1.0, 3.0, 1 / 3)),
        ((6, 0, 0, 0, 0, 0), "2025-04-14T00:00Z", (False, "2025-04-07", 0.0, 0.0, None)),
        ((2,), "2025-03-05T00:00Z", (False, None, None, None, None)),
    ],
)
def test_the_cohort_alarm(counts: tuple[int, ...], as_of: str, expected: tuple[Any, ...]) -> None:
    record = catalog.cohort_alarm(build(data_of(weekly(*counts)), pd.Timestamp(as_of))).record()
    assert tuple(record.values()) == pytest.approx(expected)


def test_matrix_by_hand() -> None:
    rows = catalog.matrix(small_class()).records()
    assert len(rows) == 6 * 4
    health = catalog.student_health(small_class()).records()
    assert [row["name"] for row in rows[::4]] == [row["name"] for row in health]
    marks = {"completed": "x", "in_progress": "o", "stuck": "!", "not_started": "-"}
    drawn = {
        name: "".join(marks[row["state"]] for row in rows if row["name"] == name)
        for name in ("ana", "bo", "cy", "di", "ed", "Fay")
    }
    assert drawn == {"ana": "xxx-", "bo": "xxo-", "cy": "x!--", "di": "x-x-", "ed": "o---", "Fay": "----"}
    (cell,) = [row for row in rows if (row["name"], row["assignment_id"]) == ("ana", "a2")]
    assert cell == {
        "student_id": "ana",
        "name": "ana",
        "assignment_id": "a2",
        "assignment": "A2",
        "position": 1,
        "state": "completed",
        "grade": 0.5,
        "started_at": "2025-03-08T10:00:00.000Z",
        "completed_at": "2025-03-10T10:00:00.000Z",
    }


def test_one_student_is_a_class() -> None:
    cohort = build(
        data_of([work("ana", "a1", "2025-03-03 10:00", "2025-03-03 12:00", 0.5)]), date(2025, 3, 5)
    )
    health = catalog.student_health(cohort).record()
    assert (health["risk"], health["risk_gap"], health["pct"]) == ("low", 0.0, 1.0)
    assert catalog.blockers(cohort).record()["completion_rate"] == 1.0
    assert catalog.progress_summary(cohort).record()["completed_count"] == 1
