"""Each answer worked out by hand on a small class, and what all reports have in common."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cohort_core.errors import BadInput
from cohort_core.metrics.cohort import Cohort, build
from cohort_core.reports import catalog
from cohort_core.reports.document import markdown
from cohort_core.store.class_data import empty

from .school import data_of, work

ANSWERS = ["progress_summary", "completion", "blockers", "student_health", "progress_over_time"]
UNITS = [{"name": "Basics", "assignments": ["a1", "a2"]}, {"name": "More", "assignments": ["a3", "a4"]}]
ROSTER = [{"student_id": "fay", "first_name": "Fay", "night": "Tue", "region": None}]


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


def test_progress_summary_by_hand() -> None:
    # Shares of the four assignments: 3/4, 2/4, 1/4, 2/4, 0, 0.
    assert catalog.progress_summary(small_class()).record() == {
        "total_students": 6,
        "avg_completion": pytest.approx(2 / 6),
        "completed_count": 0,
        "in_progress_count": 5,
        "not_started_count": 1,
        "active_this_week_count": 3,
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


def test_blockers_by_hand() -> None:
    rows = {row["assignment_id"]: row for row in catalog.blockers(small_class()).records()}
    # a1: all but Fay came that far. Of 1, 1, 1 (Ed's, open) and 3 days, half are done after one.
    assert rows["a1"] == {
        "rank": 1,
        "assignment_id": "a1",
        "name": "A1",
        "type": "lesson",
        "section": "Basics",
        "position": 0,
        "completion_rate": 0.8,
        "avg_grade": pytest.approx(2.5 / 3),
        "completion_rate_all": pytest.approx(4 / 6),
        "students_reached": 5,
        "completed": 4,
        "in_progress": 1,
        "stuck": 0,
        "median_days": 1.0,
        "p80_days": 3.0,
        "timed_count": 3,
        "untimed_share": 0.25,
        "difficulty": pytest.approx(10 + 5),
        "incomplete_points": pytest.approx(10),
        "marks_points": pytest.approx(5),
        "slow_points": 0.0,
    }
    # a2: Di skipped it and came past it. After 4 days two of three are done; the third is open for 18 days.
    a2 = rows["a2"]
    assert (a2["students_reached"], a2["completed"], a2["in_progress"], a2["stuck"]) == (4, 2, 1, 1)
    assert (a2["completion_rate"], a2["rank"]) == (0.5, None)
    assert (a2["median_days"], a2["p80_days"]) == (4.0, None)
    # The medians are 1, 4 and 4 days: the typical assignment takes 4, so none is slow.
    assert a2["slow_points"] == 0.0
    assert a2["difficulty"] == pytest.approx(25 + 15)
    # a3: at 4 days one of the two in work is done; the other has been open for exactly as long.
    assert (rows["a3"]["median_days"], rows["a3"]["p80_days"], rows["a3"]["untimed_share"]) == (
        4.0,
        None,
        0.5,
    )
    # a4: nobody has come that far.
    a4 = rows["a4"]
    assert (a4["students_reached"], a4["completed"], a4["timed_count"], a4["completion_rate_all"]) == (
        0,
        0,
        0,
        0.0,
    )
    for name in (
        "completion_rate",
        "avg_grade",
        "difficulty",
        "median_days",
        "untimed_share",
        "rank",
        "type",
    ):
        assert a4[name] is None, name
    assert a4["name"] == "a4"


def test_slowness_is_measured_against_the_typical_assignment() -> None:
    rows = [
        work("ana", "a1", "2025-03-01 10:00", "2025-03-02 10:00"),
        work("ana", "a2", "2025-03-01 10:00", "2025-03-03 10:00"),
        work("ana", "a3", "2025-03-01 10:00", "2025-03-06 10:00"),
        work("ana", "a4", "2025-03-01 10:00", "2025-03-31 10:00"),
    ]
    # Medians 1, 2, 5 and 30 days; the typical one takes 3.5.
    frame = catalog.blockers(build(data_of(rows))).frame.set_index("assignment_id")
    expected = [0, 0, 20 * (5 / 3.5 - 1) / 3, 20]
    assert list(frame["slow_points"].sort_index()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("by", "order"),
    [
        ("difficulty", ["a1", "a2", "a3", "a4"]),
        ("completions", ["a1", "a2", "a3", "a4"]),
        ("grade", ["a1", "a2", "a3", "a4"]),
        ("duration", ["a1", "a2", "a3", "a4"]),
        ("stuck", ["a1", "a2", "a3", "a4"]),
    ],
)
def test_few_students_are_not_ranked_above_many(by: Any, order: list[str]) -> None:
    report = catalog.blockers(small_class(), by)
    assert list(report.frame["assignment_id"]) == order
    assert list(report.frame["rank"].isna()) == [False, True, True, True]


def test_each_ranking_has_its_own_order() -> None:
    rows = []
    for number in range(6):
        student = f"s{number}"
        rows += [
            # Low grades, quick.
            work(student, "a1", "2025-03-01 10:00", "2025-03-02 10:00", 0.25),
            # Half of them never finish it.
            work(student, "a2", "2025-03-02 10:00", "2025-03-03 10:00" if number < 3 else None, 1.0),
            # Takes long.
            work(student, "a3", "2025-03-03 10:00", "2025-03-23 10:00", 1.0),
        ]
    cohort = build(data_of(rows), date(2025, 3, 30))
    first = {
        by: catalog.blockers(cohort, by).frame["assignment_id"].iloc[0] for by in ("completions", "stuck")
    }
    assert first == {"completions": "a2", "stuck": "a2"}
    assert catalog.blockers(cohort, "grade").frame["assignment_id"].iloc[0] == "a1"
    assert catalog.blockers(cohort, "duration").frame["assignment_id"].iloc[0] == "a3"
    assert list(catalog.blockers(cohort).frame["rank"]) == [1, 2, 3]


def test_an_unknown_ranking_names_the_known_ones() -> None:
    with pytest.raises(BadInput, match="Choose one of: difficulty, completions") as caught:
        catalog.blockers(small_class(), "size")  # type: ignore[arg-type]
    assert caught.value.details == {"parameter": "by"}


def test_work_is_stuck_when_open_for_longer_than_a_week_and_than_is_usual() -> None:
    rows = [work(f"s{n}", "a1", "2025-03-01 10:00", f"2025-03-{n + 11} 10:00") for n in range(8)]
    rows += [work("open", "a1", "2025-03-01 10:00")]

    def stuck(as_of: str) -> int:
        return int(catalog.blockers(build(data_of(rows), pd.Timestamp(as_of))).frame["stuck"].sum())

    # Nine in all, so four in five are done with the eighth, after 17 days.
    assert stuck("2025-03-18T10:00Z") == 0
    assert stuck("2025-03-18T10:01Z") == 1


def test_an_assignment_that_few_finish_does_not_hide_who_is_stuck() -> None:
    rows = [work("ana", "a1", "2025-03-01 10:00", "2025-03-11 10:00")]
    rows += [work(f"s{n}", "a1", "2025-03-01 10:00") for n in range(4)]

    def stuck(as_of: str) -> int:
        return int(catalog.blockers(build(data_of(rows), pd.Timestamp(as_of))).frame["stuck"].sum())

    # Four in five never finish, so no percentile is reached: the ten days of the one who did are the measure.
    assert stuck("2025-03-11T10:00Z") == 0
    assert stuck("2025-03-11T10:01Z") == 4


def test_who_is_stuck_does_not_hang_on_the_group_that_is_shown() -> None:
    slow = [work(f"slow{n}", "a1", "2025-03-01 10:00", "2025-03-21 10:00") for n in range(6)]
    quick = [work(f"quick{n}", "a1", "2025-03-01 10:00", "2025-03-02 10:00") for n in range(3)]
    rows = [*slow, *quick, work("open", "a1", "2025-03-12 10:00")]
    roster = [{"student_id": f"quick{n}", "night": "Tue"} for n in range(3)] + [
        {"student_id": "open", "night": "Tue"}
    ]
    class_data = data_of(rows, roster=roster)
    as_of = pd.Timestamp("2025-03-25T10:00Z")
    # Open for 13 days: long for Tuesday, not for the class, four in five of whom need 20.
    for group in (None, "Tue"):
        health = catalog.student_health(build(class_data, as_of, group)).frame.set_index("student_id")
        assert health["stuck"]["open"] == 0
    assert catalog.blockers(build(class_data, as_of, "Tue")).frame["p80_days"].isna().all()


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


def test_one_student_is_a_class() -> None:
    cohort = build(
        data_of([work("ana", "a1", "2025-03-03 10:00", "2025-03-03 12:00", 0.5)]), date(2025, 3, 5)
    )
    health = catalog.student_health(cohort).record()
    assert (health["risk"], health["risk_gap"], health["pct"]) == ("low", 0.0, 1.0)
    assert catalog.blockers(cohort).record()["completion_rate"] == 1.0
    assert catalog.progress_summary(cohort).record()["completed_count"] == 1


@pytest.mark.parametrize("name", ANSWERS)
def test_an_empty_class_gives_empty_frames_of_the_same_types(name: str) -> None:
    answer = catalog.REPORTS[name]
    full, none = answer.function(small_class()), answer.function(build(empty("c1")))
    assert dict(full.frame.dtypes) == dict(none.frame.dtypes)
    assert list(none.frame.columns) == list(answer.row.model_fields)
    if name in ("progress_summary", "completion"):
        assert set(none.record().values()) == {0, None}
    else:
        assert none.records() == []


@pytest.mark.parametrize("name", ANSWERS)
def test_before_the_class_everything_answers(name: str) -> None:
    report = catalog.REPORTS[name].function(build(small_class().class_data, date(2024, 1, 1)))
    for row in report.records():
        report.row.model_validate(row)


@pytest.mark.parametrize("name", list(catalog.REPORTS))
def test_every_field_says_what_it_means(name: str) -> None:
    answer = catalog.REPORTS[name]
    assert answer.function.__doc__
    for field in answer.row.model_fields.values():
        assert field.description
        assert field.description.endswith(".")


def test_students_are_listed_by_name_with_those_who_left() -> None:
    roster = [
        {**ROSTER[0], "last_name": "Young", "enrolled_on": "2025-03-01", "withdrawn_on": "2025-03-09"},
        {"student_id": "gil", "first_name": "Gil", "last_name": "Adler", "night": "Wed"},
    ]
    class_data = data_of([], UNITS, roster)
    fay = {
        "id": "fay",
        "first_name": "Fay",
        "last_name": "Young",
        "email": None,
        "night": "Tue",
        "region": None,
        "enrolled_on": "2025-03-01",
        "withdrawn_on": "2025-03-09",
    }
    listed = catalog.students(class_data).records()
    assert [one["id"] for one in listed] == ["gil", "fay"]
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

    def found(**conditions: Any) -> list[tuple[str, str]]:
        listed = catalog.progressions(class_data, **conditions).records()
        return [(one["student_id"], one["assignment_id"]) for one in listed]

    ana, bo = [("ana", "a2"), ("ana", "a1")], [("bo", "a1"), ("bo", "a2")]
    assert found() == ana + bo
    assert found(student_id="bo") == bo
    assert found(assignment_id="a1", status="completed") == [("ana", "a1")]
    assert found(status="in_progress") == [("bo", "a1")]
    assert found(status="not_started") == [("bo", "a2")]
    # Midnight in New York lies between the two completions.
    assert found(completed_after="2025-03-04") == [("ana", "a2")]
    assert found(completed_before="2025-03-04") == [("ana", "a1")]
    with pytest.raises(BadInput, match="completed_after is not") as caught:
        catalog.progressions(class_data, completed_after="soon")
    assert caught.value.details == {"parameter": "completed_after"}


def test_the_document_of_the_metrics_is_current() -> None:
    document = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert document.read_text(encoding="utf-8") == markdown(), "run `make docs`"
