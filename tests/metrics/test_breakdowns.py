"""Breakdowns by grade, section, type, group, weekday and hour, worked out by hand."""

from __future__ import annotations

from datetime import date

import pytest

from cohort_core.errors import BadInput
from cohort_core.metrics.cohort import build, of_type
from cohort_core.reports import catalog
from cohort_core.store.class_data import empty

from .school import columns, data_of, small_class, work


def test_grades_on_a_border_belong_to_the_next_range_but_for_full_marks() -> None:
    grades = [0.0, 0.499999, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, None]
    rows = [work(f"s{n}", "a1", None, "2025-03-03 10:00", grade) for n, grade in enumerate(grades)]
    report = catalog.grade_distribution(build(data_of(rows)))
    assert columns(report, "lower", "upper", "count", "share") == [
        (0.0, 0.5, 2, 0.25),
        (0.5, 0.6, 1, 0.125),
        (0.6, 0.7, 1, 0.125),
        (0.7, 0.8, 1, 0.125),
        (0.8, 0.9, 1, 0.125),
        (0.9, 1.0, 2, 0.25),
    ]


def test_by_section_and_type_by_hand() -> None:
    # Ana and Bo have both of Basics. A4 was never named, so its type is not known.
    assert [tuple(row.values()) for row in catalog.by_section(small_class()).records()] == [
        ("Basics", 2, 6, 2, 0.5, 2, pytest.approx(1 / 3), 5, pytest.approx(0.7)),
        ("More", 2, 2, 1, pytest.approx(1 / 6), 0, 0.0, 1, 0.75),
    ]
    assert [tuple(row.values()) for row in catalog.by_type(small_class()).records()] == [
        ("lesson", 3, 8, 3, pytest.approx(8 / 18), 1, pytest.approx(1 / 6), 6, pytest.approx(4.25 / 6)),
        (None, 1, 0, 0, 0.0, 0, 0.0, 0, None),
    ]


def test_by_group_by_hand() -> None:
    rows = catalog.by_group(small_class()).records()
    assert columns(catalog.by_group(small_class()), "kind", "label", "students", "not_started_count") == [
        ("night", "Tue", 1, 1),
        ("night", None, 5, 0),
    ]
    assert rows[1]["group_id"] is None
    # 3, 2, 1, 2 and 0 of four.
    assert (rows[1]["avg_completion"], rows[1]["completed"], rows[1]["in_progress"]) == (0.4, 8, 3)
    assert (rows[1]["graded"], rows[1]["avg_grade"]) == (6, pytest.approx(4.25 / 6))
    assert (rows[1]["active_this_week_count"], rows[1]["in_progress_count"]) == (3, 5)


def test_by_weekday_by_hand() -> None:
    # Mondays: Ana, Bo, Cy and Bo again begin, Ana completes a2.
    report = catalog.by_weekday(small_class())
    assert columns(report, "weekday", "name", "started", "completed", "active_students") == [
        (1, "Monday", 4, 1, 3),
        (2, "Tuesday", 2, 2, 3),
        (3, "Wednesday", 0, 1, 1),
        (4, "Thursday", 2, 1, 2),
        (5, "Friday", 1, 2, 2),
        (6, "Saturday", 2, 1, 2),
        (7, "Sunday", 0, 0, 0),
    ]
    assert report.records()[0]["completed_share"] == 0.125
    assert report.records()[0]["avg_grade"] == 0.5


@pytest.mark.parametrize(
    ("timezone", "moment", "weekday", "hour"),
    [
        # The hour from two to three is left out in spring, and that from one to two comes twice in autumn.
        ("America/New_York", "2025-03-09 06:59", 7, 1),
        ("America/New_York", "2025-03-09 07:00", 7, 3),
        ("America/New_York", "2025-11-02 05:30", 7, 1),
        ("America/New_York", "2025-11-02 06:30", 7, 1),
        ("Europe/Berlin", "2025-03-30 00:59", 7, 1),
        ("Europe/Berlin", "2025-03-30 01:00", 7, 3),
        ("Europe/Berlin", "2025-10-26 00:30", 7, 2),
        ("Europe/Berlin", "2025-10-26 01:30", 7, 2),
        ("America/New_York", "2025-03-11 03:59", 1, 23),
        ("America/New_York", "2025-03-11 04:00", 2, 0),
    ],
)
def test_hours_and_days_are_those_of_the_class(timezone: str, moment: str, weekday: int, hour: int) -> None:
    cohort = build(data_of([work("ana", "a1", None, moment)], timezone=timezone))
    hours = catalog.by_hour(cohort).frame
    assert hours.loc[hours["completed"] > 0, "hour"].tolist() == [hour]
    days = catalog.by_weekday(cohort).frame
    assert days.loc[days["completed"] > 0, "weekday"].tolist() == [weekday]
    cells = catalog.habits(cohort, "ana").frame
    assert cells.loc[cells["completed"] > 0, ["weekday", "hour"]].to_numpy().tolist() == [[weekday, hour]]


def test_a_type_changes_counts_and_nothing_about_one_student_or_assignment() -> None:
    rows = [
        work("ana", "a1", "2025-03-03 10:00", "2025-03-04 10:00", 1.0),
        work("ana", "q1", "2025-03-05 10:00", "2025-03-06 10:00", 0.5, kind="quiz"),
        work("bo", "a1", "2025-03-03 10:00", "2025-03-04 10:00", 1.0),
    ]
    units = [{"name": "One", "assignments": ["a1", "q1"]}]
    whole = build(data_of(rows, units), date(2025, 3, 8))
    quizzes = build(data_of(rows, units), date(2025, 3, 8), type=" QUIZ ")
    assert quizzes.type == "quiz"
    summary = catalog.progress_summary(quizzes).record()
    assert (summary["avg_completion"], summary["completed_count"], summary["not_started_count"]) == (
        0.5,
        1,
        1,
    )
    assert summary["active_this_week_count"] == 2
    assert catalog.completion(quizzes).record()["total_assignments"] == 1
    (blocker,) = catalog.blockers(quizzes).records()
    assert blocker == next(row for row in catalog.blockers(whole).records() if row["name"] == "Q1")
    for filtered, unfiltered in zip(
        catalog.student_health(quizzes).records(), catalog.student_health(whole).records(), strict=True
    ):
        same = ("student_id", "risk", "risk_score", "reasons", "stage", "days_silent")
        assert [filtered[name] for name in same] == [unfiltered[name] for name in same]
        assert filtered["total"] == 1
    assert columns(catalog.by_type(quizzes), "type", "completed") == [("quiz", 1)]
    assert catalog.student_assignments(quizzes, "bo").record()["status"] == "not_started"


def test_an_unknown_type_names_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"Choose one of: lesson\.") as caught:
        of_type(small_class(), "exam")
    assert caught.value.details == {"parameter": "type"}
    with pytest.raises(BadInput, match="have no types"):
        build(empty("c1"), type="quiz")
