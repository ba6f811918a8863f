"""Blockers, durations, stuck work and reteaching, each number worked out by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from cohort_core.errors import BadInput
from cohort_core.metrics.cohort import Cohort, build, of_type
from cohort_core.reports import catalog

from .school import columns, data_of, small_class, work


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
        "grade_scale": "share",
        "grades_left_out": 0,
        "left_out_students": [],
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
    assert a4["name"] == "More, assignment 2"


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


def test_time_to_complete_by_hand() -> None:
    # As in the blockers; the longest is that of Cy, Bo and Ana.
    assert columns(
        catalog.time_to_complete(small_class()), "name", "timed_count", "median_days", "longest_days"
    ) == [
        ("A1", 3, 1.0, 3.0),
        ("A2", 2, 4.0, 4.0),
        ("A3", 1, 4.0, 4.0),
        ("More, assignment 2", 0, None, None),
    ]


def test_stuck_by_hand() -> None:
    assert catalog.stuck(small_class()).records() == [
        {
            "student_id": "cy",
            "name": "cy",
            "assignment_id": "a2",
            "assignment": "A2",
            "type": "lesson",
            "section": "Basics",
            "started_at": "2025-03-10T10:00:00.000Z",
            "days_open": 18.0,
            "limit_days": 7.0,
            "is_parked": False,
        }
    ]


def test_work_is_stuck_when_open_for_longer_than_a_week_and_than_is_usual() -> None:
    rows = [work(f"s{n}", "a1", "2025-03-01 10:00", f"2025-03-{n + 11} 10:00") for n in range(8)]
    rows += [work("open", "a1", "2025-03-01 10:00")]

    def stuck(as_of: str) -> int:
        return int(catalog.blockers(build(data_of(rows), pd.Timestamp(as_of))).frame["stuck"].sum())

    # Nine in all, so four in five are done with the eighth, after 17 days.
    assert stuck("2025-03-18T10:00Z") == 0
    assert stuck("2025-03-18T10:01Z") == 1


def test_an_assignment_that_few_finish_does_not_hide_stuck_students() -> None:
    rows = [work("ana", "a1", "2025-03-01 10:00", "2025-03-11 10:00")]
    rows += [work(f"s{n}", "a1", "2025-03-01 10:00") for n in range(4)]

    def stuck(as_of: str) -> int:
        return int(catalog.blockers(build(data_of(rows), pd.Timestamp(as_of))).frame["stuck"].sum())

    # Four in five never finish, so no percentile is reached: the ten days of Ana, who did, are the measure.
    assert stuck("2025-03-11T10:00Z") == 0
    assert stuck("2025-03-11T10:01Z") == 4


def test_stuck_work_does_not_depend_on_the_group_that_is_shown() -> None:
    slow = [work(f"slow{n}", "a1", "2025-03-01 10:00", "2025-03-21 10:00") for n in range(6)]
    quick = [work(f"quick{n}", "a1", "2025-03-01 10:00", "2025-03-02 10:00") for n in range(3)]
    rows = [*slow, *quick, work("open", "a1", "2025-03-12 10:00")]
    roster = [{"student_id": f"quick{n}", "night": "Tue"} for n in range(3)] + [
        {"student_id": "open", "night": "Tue"}
    ]
    class_data = data_of(rows, roster=roster)
    as_of = pd.Timestamp("2025-03-25T10:00Z")
    # Open for 13 days: long for Tuesday, but not for the class, where four in five need 20.
    for group in (None, "Tue"):
        health = catalog.student_health(build(class_data, as_of, group)).frame.set_index("student_id")
        assert health["stuck"]["open"] == 0
    assert catalog.blockers(build(class_data, as_of, "Tue")).frame["p80_days"].isna().all()


@pytest.mark.parametrize(("completed", "parked"), [("2025-03-23 10:01", True), ("2025-03-23 10:00", False)])
def test_work_is_parked_after_another_completion_within_seven_days(completed: str, parked: bool) -> None:
    rows = [work("ana", "a1", "2025-03-03 10:00"), work("ana", "a2", None, completed, kind="quiz")]
    cohort = build(data_of(rows), pd.Timestamp("2025-03-30T10:00Z"))
    assert catalog.stuck(cohort).record()["is_parked"] is parked
    # Work of any type counts, also when only lessons are shown.
    assert catalog.stuck(of_type(cohort, "lesson")).record()["is_parked"] is parked


def reteach_class(students: int = 5) -> Cohort:
    """A1 takes a day, a2 two days; two of those who began a2 are still in it."""
    rows = [work(f"s{n}", "a1", "2025-03-01 10:00", "2025-03-02 10:00") for n in range(students)]
    done = [work(f"s{n}", "a2", "2025-03-03 10:00", "2025-03-05 10:00") for n in range(2, students)]
    rows += [*done, work("s0", "a2", "2025-03-04 10:00"), work("s1", "a2", "2025-03-03 10:00")]
    return build(data_of(rows), pd.Timestamp("2025-03-30T10:00Z"))


def test_reteach_by_hand() -> None:
    # Two of five are stuck. Half are done with a2 after two days; the median assignment takes 1.5.
    assert catalog.reteach(reteach_class()).records() == [
        {
            "assignment_id": "a2",
            "name": "A2",
            "type": "lesson",
            "section": None,
            "position": 1,
            "score": pytest.approx(0.4 * 2 / 1.5),
            "started": 5,
            "stuck": 2,
            "stuck_share": 0.4,
            "slowness": pytest.approx(2 / 1.5),
            "student_ids": ["s1", "s0"],
            "students": ["s1", "s0"],
        }
    ]
    assert catalog.reteach(reteach_class(4)).records() == []


def test_an_assignment_that_most_never_finish_is_as_slow_as_its_oldest_work() -> None:
    rows = [work(f"s{n}", "a1", "2025-03-01 10:00", "2025-03-03 10:00") for n in range(5)]
    rows += [work(f"s{n}", "a2", "2025-03-19 10:00") for n in range(4)]
    rows += [work("s4", "a2", "2025-03-19 10:00", "2025-03-20 10:00")]
    # Four of five are in it for eight days: that is four times the two days of the only known median.
    record = catalog.reteach(build(data_of(rows), pd.Timestamp("2025-03-27T10:00Z"))).record()
    assert (record["assignment_id"], record["slowness"], record["score"]) == ("a2", 4.0, pytest.approx(3.2))


def test_an_assignment_in_detail() -> None:
    cohort = small_class()
    assert columns(catalog.assignment_students(cohort, "a2"), "name", "state", "grade", "days") == [
        ("cy", "stuck", None, 18.0),
        ("di", "skipped", None, None),
        ("ana", "completed", 0.5, 2.0),
        ("bo", "completed", 0.5, 4.0),
        ("ed", "not_reached", None, None),
        ("Fay", "not_reached", None, None),
    ]
    assert [row["count"] for row in catalog.assignment_grades(cohort, "a2").records()] == [0, 2, 0, 0, 0, 0]
    # After two days one of three is done, after four one of the two that are left.
    assert columns(
        catalog.assignment_durations(cohort, "a2"), "days", "at_risk", "completed", "finished_share"
    ) == [(2.0, 3, 1, pytest.approx(1 / 3)), (4.0, 2, 1, pytest.approx(2 / 3))]
