"""The answers beyond the plan's five, each worked out by hand on a small class."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import pytest

from cohort_core.errors import BadInput
from cohort_core.metrics.cohort import Cohort, build, of_type
from cohort_core.reports import catalog
from cohort_core.reports.report import Report
from cohort_core.store.class_data import empty

from .school import Row, data_of, work
from .test_reports import UNITS, small_class

CLASSWIDE = (
    *("time_to_complete", "stuck", "reteach", "activity", "engagement_gap", "velocity", "cohort_alarm"),
    *("pace", "forecast", "grade_distribution", "by_type", "by_section", "by_group", "by_weekday", "by_hour"),
    *("habits", "by_course_week", "matrix"),
)
OF_STUDENT = ("student", "student_timeline", "student_assignments", "risk_history", "habits")
OF_ASSIGNMENT = ("assignment_students", "assignment_grades", "assignment_durations")


def columns(report: Report, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in report.records()]


def test_time_to_complete_by_hand() -> None:
    # As in the blockers; the longest is that of Cy, Bo and Ana.
    assert columns(
        catalog.time_to_complete(small_class()), "name", "timed_count", "median_days", "longest_days"
    ) == [("A1", 3, 1.0, 3.0), ("A2", 2, 4.0, 4.0), ("A3", 1, 4.0, 4.0), ("a4", 0, None, None)]


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


@pytest.mark.parametrize(("completed", "parked"), [("2025-03-23 10:01", True), ("2025-03-23 10:00", False)])
def test_work_is_parked_by_who_completed_something_else_within_seven_days(
    completed: str, parked: bool
) -> None:
    rows = [work("ana", "a1", "2025-03-03 10:00"), work("ana", "a2", None, completed, kind="quiz")]
    cohort = build(data_of(rows), pd.Timestamp("2025-03-30T10:00Z"))
    assert catalog.stuck(cohort).record()["is_parked"] is parked
    # What else it was is of no matter, also when only lessons are shown.
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


def test_activity_by_hand() -> None:
    assert columns(catalog.activity(small_class()), "name", "stage", "days_silent") == [
        ("Fay", "never_started", None),
        ("cy", "quiet", 18),
        ("ana", "cooling", 13),
        ("bo", "active", 4),
        ("di", "active", 1),
        ("ed", "active", 1),
    ]


def test_who_is_on_pace_but_silent() -> None:
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


def weekly(*counts: int, day: str = "2025-03-03") -> list[Row]:
    """Two students; so many completions in each week."""
    monday = pd.Timestamp(day)
    return [
        work(f"s{n % 2}", f"a{week}-{n}", None, f"{monday + pd.Timedelta(weeks=week, hours=10)}")
        for week, count in enumerate(counts)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("counts", "as_of", "answer"),
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
def test_the_cohort_alarm(counts: tuple[int, ...], as_of: str, answer: tuple[Any, ...]) -> None:
    record = catalog.cohort_alarm(build(data_of(weekly(*counts)), pd.Timestamp(as_of))).record()
    assert tuple(record.values()) == pytest.approx(answer)


def test_who_joined_later_does_not_count_in_the_weeks_before() -> None:
    roster = [{"student_id": "late", "first_name": "Late", "enrolled_on": "2025-03-16"}]
    frame = catalog.velocity(build(data_of(weekly(2, 2, 2), roster=roster), date(2025, 3, 18))).frame
    assert list(frame["enrolled_students"]) == [2, 3, 3]


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
    # Bo and Di: one a week, two left. Cy: one in two weeks, three left. Ed has begun this week only.
    report = catalog.forecast(small_class())
    assert columns(report, "name", "outcome", "finishes_on", "active_weeks", "per_week") == [
        ("ed", "not_at_this_pace", None, 1, 0.0),
        ("Fay", "not_at_this_pace", None, 0, None),
        ("cy", "date", "2025-05-09", 2, 0.5),
        ("bo", "date", "2025-04-11", 2, 1.0),
        ("di", "date", "2025-04-11", 1, 1.0),
        ("ana", "date", "2025-04-02", 2, 1.5),
    ]


def test_forecast_of_who_has_finished_and_of_who_would_take_for_ever() -> None:
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
        ("a4", "not_started", None, None, None, 0.0),
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


def stalled_class() -> Cohort:
    """Two students who did six assignments in each of four weeks and one in the fifth, and two others."""
    roster = [
        {"student_id": "new", "first_name": "New", "enrolled_on": "2025-03-20"},
        {"student_id": "old", "first_name": "Old"},
    ]
    class_data = data_of(weekly(6, 6, 6, 6, 1), roster=roster)
    return build(replace(class_data, class_id="c2", name="Stalled"), date(2025, 4, 6))


def test_triage_by_hand() -> None:
    answer = catalog.triage([small_class(), stalled_class()])
    shown = ("kind", "class_name", "name", "days", "also")
    assert columns(answer, *shown) == [
        # Since the 3rd of March, by the 6th of April and the 28th of March.
        ("never_started", "Stalled", "Old", 34, ["risk"]),
        ("risk", "Class", "ed", 25, []),
        ("never_started", "Class", "Fay", 25, ["risk"]),
        # Cy has been in a2 for as long as silent: of the two, being stuck is named.
        ("stuck", "Class", "cy", 18, ["engagement_gap"]),
        ("never_started", "Stalled", "New", 17, ["risk"]),
        ("engagement_gap", "Stalled", "s1", 13, []),
        ("engagement_gap", "Class", "ana", 13, []),
    ]
    assert answer.more == 1
    everything = catalog.triage([small_class(), stalled_class()], limit=20).records()
    alarm = everything[-1]
    assert (alarm["kind"], alarm["student_id"], alarm["days"]) == ("cohort_alarm", None, 6)
    assert alarm["reason"] == (
        "The class completed 0.2 assignments a student in its last full week, where it had 1.8 in the four "
        "weeks before."
    )
    assert everything[0]["reason"] == "Enrolled 34 days ago and has started nothing."
    assert everything[0]["ends"] == "Ends with the first start, or a day of withdrawal on the roster."
    assert catalog.triage([]).records() == []


def test_a_student_of_two_classes_is_on_the_list_once() -> None:
    first, second = small_class(), small_class()
    second = build(replace(first.class_data, class_id="c2", name="Other"), date(2025, 3, 30))
    rows = catalog.triage([first, second], limit=20).records()
    assert len({row["student_id"] for row in rows}) == len(rows)
    assert {row["class_name"] for row in rows} == {"Other"}


def test_a_type_counts_its_own_and_says_nothing_else_of_anybody() -> None:
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
    for one, other in zip(
        catalog.student_health(quizzes).records(), catalog.student_health(whole).records(), strict=True
    ):
        same = ("student_id", "risk", "risk_score", "reasons", "stage", "days_silent")
        assert [one[name] for name in same] == [other[name] for name in same]
        assert one["total"] == 1
    assert columns(catalog.by_type(quizzes), "type", "completed") == [("quiz", 1)]
    assert catalog.student_assignments(quizzes, "bo").record()["status"] == "not_started"


def test_an_unknown_type_names_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"Choose one of: lesson\.") as caught:
        of_type(small_class(), "exam")
    assert caught.value.details == {"parameter": "type"}
    with pytest.raises(BadInput, match="have no types"):
        build(empty("c1"), type="quiz")


@pytest.mark.parametrize("name", [*OF_STUDENT, "pace", "forecast"])
def test_an_unknown_student_is_refused(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        catalog.REPORTS[name].function(small_class(), "nobody")
    assert caught.value.details == {"parameter": "student_id"}


@pytest.mark.parametrize("name", OF_ASSIGNMENT)
def test_an_unknown_assignment_is_refused(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        catalog.REPORTS[name].function(small_class(), "nothing")
    assert caught.value.details == {"parameter": "assignment_id"}


EDGES = {
    "empty": lambda: build(empty("c1")),
    "one student": lambda: build(data_of([work("ana", "a1", "2025-03-03 10:00")]), date(2025, 4, 3)),
    "nobody has begun": lambda: build(data_of([], UNITS, [{"student_id": "a"}], starts_on="2025-03-01")),
    "no grades, all instant": lambda: build(
        data_of([work(f"s{n}", "a1", "2025-03-03 10:00", "2025-03-03 10:00") for n in range(6)])
    ),
    "starts in the future": lambda: build(
        data_of([work("ana", "a1", "2025-03-03 10:00")], starts_on="2025-05-01"), date(2025, 3, 4)
    ),
    "everybody has left": lambda: build(
        data_of(
            [work("ana", "a1", "2025-03-03 10:00", "2025-03-04 10:00")],
            roster=[{"student_id": "ana", "withdrawn_on": "2025-03-05"}],
        ),
        date(2025, 3, 6),
    ),
    "before everything": lambda: build(small_class().class_data, date(2024, 1, 1)),
}


@pytest.mark.parametrize("edge", EDGES)
def test_every_answer_holds_at_the_edges(edge: str) -> None:
    cohort = EDGES[edge]()
    full = small_class()

    def check(name: str, *what: str) -> None:
        report = catalog.REPORTS[name].function(cohort, *what)
        for row in report.records():
            report.row.model_validate(row)
        assert list(report.frame.columns) == list(report.row.model_fields)
        known = ("a2" if name in OF_ASSIGNMENT else "cy",) if what else ()
        like = catalog.REPORTS[name].function(full, *known)
        assert dict(report.frame.dtypes) == dict(like.frame.dtypes)

    for name in CLASSWIDE:
        check(name)
    for student in cohort.students.index:
        for name in OF_STUDENT:
            check(name, student)
    for assignment in cohort.assignments.index:
        for name in OF_ASSIGNMENT:
            check(name, assignment)
    answer = catalog.triage([cohort])
    for row in answer.records():
        answer.row.model_validate(row)


def test_what_an_empty_class_gives() -> None:
    cohort = build(empty("c1"))
    lengths = {name: len(catalog.REPORTS[name].function(cohort).records()) for name in CLASSWIDE}
    some = {"cohort_alarm": 1, "grade_distribution": 6, "by_weekday": 7, "by_hour": 24, "habits": 168}
    assert {name: length for name, length in lengths.items() if length} == some
