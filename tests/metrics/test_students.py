"""Health, activity, pace and forecast of students, each number worked out by hand."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from cohort_core.metrics.cohort import build
from cohort_core.reports import catalog

from .school import columns, data_of, small_class, weekly, work


def test_student_health_by_hand() -> None:
    report = catalog.student_health(small_class())
    rows = {row["name"]: row for row in report.records()}
    assert set(rows) == {"ana", "bo", "cy", "di", "ed", "Fay"}
    shown = ("completed", "total", "pct", "avg_grade", "in_progress", "stuck", "days_silent", "stage")
    assert {name: tuple(row[field] for field in shown) for name, row in rows.items()} == {
        "ana": (3, 4, 0.75, 0.75, 0, 0, 13, "cooling"),
        "bo": (2, 4, 0.5, 0.75, 1, 0, 4, "active"),
        "cy": (1, 4, 0.25, 0.5, 1, 1, 18, "quiet"),
        "di": (2, 4, 0.5, 0.75, 0, 0, 1, "active"),
        "ed": (0, 4, 0.0, None, 1, 0, 1, "active"),
        "Fay": (0, 4, 0.0, None, 0, 0, None, "never_started"),
    }
    assert rows["ana"]["last_activity_at"] == "2025-03-15T10:00:00.000Z"
    assert rows["Fay"]["last_activity_at"] is None
    assert (rows["Fay"]["night"], rows["Fay"]["region"]) == ("Tue", None)
    # Ed and Fay have the same score and the same share; the name decides.
    assert [row["name"] for row in report.records()][:2] == ["ed", "Fay"]
    assert list(report.frame["risk_score"]) == sorted(report.frame["risk_score"], reverse=True)
    parts = ["missing_points", "marks_points", "late_points", "quiet_points"]
    assert list(report.frame[parts].sum(axis=1)) == pytest.approx(list(report.frame["risk_score"]))
    assert [row["risk_parts"] for row in report.records()] == [
        {name.removesuffix("_points"): row[name] for name in parts} for row in report.records()
    ]


@pytest.mark.parametrize(
    ("day", "stage"), [(6, "new"), (7, "active"), (9, "cooling"), (16, "quiet"), (32, "gone")]
)
def test_stages_of_activity(day: int, stage: str) -> None:
    # The class starts on the 1st; the only completion comes two days later.
    class_data = data_of([work("ana", "a1", None, "2025-03-03 12:00")], starts_on="2025-03-01")
    as_of = pd.Timestamp("2025-03-01T12:00Z") + pd.Timedelta(days=day)
    assert catalog.student_health(build(class_data, as_of)).record()["stage"] == stage


def test_activity_by_hand() -> None:
    assert columns(catalog.activity(small_class()), "name", "stage", "days_silent") == [
        ("Fay", "never_started", None),
        ("cy", "quiet", 18),
        ("ana", "cooling", 13),
        ("bo", "active", 4),
        ("di", "active", 1),
        ("ed", "active", 1),
    ]


def test_students_on_pace_but_silent() -> None:
    # Zoe has done everything that the class has, and has not come for ten days. Yan is behind and silent.
    rows = [
        work(f"s{n}", f"a{a}", None, f"2025-03-{2 * a + 8:02d} 10:00", 1.0)
        for n in range(5)
        for a in range(5)
    ]
    rows += [work("zoe", f"a{a}", None, "2025-03-08 10:00", 1.0) for a in range(5)]
    rows += [work("yan", "a0", None, "2025-03-08 10:00", 1.0)]
    cohort = build(data_of(rows), pd.Timestamp("2025-03-18T10:00Z"))
    assert catalog.engagement_gap(cohort).records() == [
        {
            "student_id": "zoe",
            "name": "zoe",
            "stage": "cooling",
            "days_silent": 10,
            "last_activity_at": "2025-03-08T10:00:00.000Z",
            "risk": "medium",
            "risk_score": pytest.approx(15 * (10 / 7 - 1) / 3),
            "risk_gap": pytest.approx(15 * (10 / 7 - 1) / 3),
            "completed": 5,
            "total": 5,
            "pct": 1.0,
        }
    ]


def test_pace_by_hand() -> None:
    # Only a1 was completed by half of the class: Ana and Bo together, then Cy and Di together.
    assert columns(catalog.pace(small_class()), "name", "pace_percentile", "compared") == [
        ("ed", pytest.approx(5 / 6), 1),
        ("Fay", pytest.approx(5 / 6), 1),
        ("cy", 0.5, 1),
        ("di", 0.5, 1),
        ("ana", pytest.approx(1 / 6), 1),
        ("bo", pytest.approx(1 / 6), 1),
    ]
    assert catalog.pace(small_class(), "cy").record()["pace_percentile"] == 0.5
    # A group is compared with the whole class.
    alone = build(small_class().class_data, small_class().as_of, "Tue")
    assert columns(catalog.pace(alone), "name", "pace_percentile") == [("Fay", pytest.approx(5 / 6))]


def test_pace_takes_the_last_five_assignments_that_half_completed() -> None:
    # Ana comes first in a0 and a1, Bo in the five after it; of a7 only one of three has finished anything.
    rows = [
        work(student, f"a{a}", None, f"2025-03-{a + 1:02d} {10 + ((student == 'ana') == (a > 1))}:00")
        for student in ("ana", "bo")
        for a in range(7)
    ]
    rows += [work("cy", "a7", None, "2025-03-20 10:00")]
    frame = catalog.pace(build(data_of(rows), date(2025, 3, 21))).frame.set_index("name")
    assert frame["compared"].eq(5).all()
    assert list(frame["pace_percentile"][["bo", "ana", "cy"]]) == pytest.approx([1 / 6, 3 / 6, 5 / 6])


def test_forecast_by_hand() -> None:
    # Today is Friday the 28th. Ana: three in her two active weeks that are over, one left, 14/3 days.
    # Bo and Di: one a week, two left. Cy: one in two weeks, three left, but silent for 18 days. Ed has begun
    # this week only.
    report = catalog.forecast(small_class())
    assert columns(report, "name", "outcome", "finishes_on", "active_weeks", "per_week") == [
        ("cy", "not_at_this_pace", None, 2, 0.5),
        ("ed", "not_at_this_pace", None, 1, 0.0),
        ("Fay", "not_at_this_pace", None, 0, None),
        ("bo", "date", "2025-04-11", 2, 1.0),
        ("di", "date", "2025-04-11", 1, 1.0),
        ("ana", "date", "2025-04-02", 2, 1.5),
    ]


def test_forecast_of_a_finished_student_and_of_one_who_would_take_for_ever() -> None:
    rows = [work("ana", f"a{n}", None, "2025-03-04 03:30") for n in range(300)]
    rows += [work("bo", "a0", None, "2025-03-04 10:00"), work("bo", "a1", "2025-03-11 10:00")]
    report = catalog.forecast(build(data_of(rows, timezone="America/New_York"), date(2025, 3, 20)))
    # Half an assignment a week leaves 598 weeks. Ana finished on the evening of the 3rd in New York.
    assert columns(report, "name", "outcome", "finishes_on") == [
        ("bo", "not_at_this_pace", None),
        ("ana", "finished", "2025-03-03"),
    ]


def test_only_the_last_four_active_weeks_make_the_pace() -> None:
    rows = weekly(0, 6, 2, 0, 2, 2, 2)
    # Student s0 completed 3 in the first of these weeks and then 1 in each of four; 2 in all are left.
    cohort = build(data_of([*rows, work("x", "b1", "2025-04-01 10:00"), work("x", "b2", "2025-04-01 10:00")]))
    row = next(r for r in catalog.forecast(cohort).records() if r["student_id"] == "s0")
    assert (row["active_weeks"], row["per_week"]) == (4, 1.0)


def test_a_student_in_detail() -> None:
    cohort = small_class()
    assert columns(catalog.student_timeline(cohort, "cy"), "at", "event", "assignment", "grade") == [
        ("2025-03-10T10:00:00.000Z", "started", "A2", None),
        ("2025-03-07T10:00:00.000Z", "completed", "A1", 0.5),
        ("2025-03-04T10:00:00.000Z", "started", "A1", None),
    ]
    shown = ("name", "status", "grade", "days", "class_avg_grade", "class_completion_rate_all")
    assert columns(catalog.student_assignments(cohort, "cy"), *shown) == [
        ("A1", "completed", 0.5, 3.0, pytest.approx(2.5 / 3), pytest.approx(4 / 6)),
        ("A2", "stuck", None, 18.0, 0.5, pytest.approx(2 / 6)),
        ("A3", "not_started", None, None, 0.75, pytest.approx(2 / 6)),
        ("More, assignment 2", "not_started", None, None, None, 0.0),
    ]
    assert catalog.student(cohort, "cy").record()["stuck"] == 1


def test_the_history_of_a_students_risk() -> None:
    cohort = small_class()
    history = catalog.risk_history(cohort, "cy").records()
    assert [row["week"] for row in history] == ["2025-03-03", "2025-03-10", "2025-03-17", "2025-03-24"]
    for row, as_of in zip(
        history, (date(2025, 3, 9), date(2025, 3, 16), date(2025, 3, 23), None), strict=True
    ):
        then = build(cohort.class_data, as_of or cohort.as_of)
        said = catalog.student(then, "cy").record()
        assert (row["risk"], row["risk_score"]) == (said["risk"], said["risk_score"])
        assert row["completed"] == 1
    roster = [{"student_id": "cy", "enrolled_on": "2025-03-12"}]
    joined = build(data_of([*weekly(2, 2, 2)], roster=roster), date(2025, 3, 20))
    assert [row["week"] for row in catalog.risk_history(joined, "cy").records()] == [
        "2025-03-10",
        "2025-03-17",
    ]
