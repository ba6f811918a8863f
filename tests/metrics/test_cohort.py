"""The cohort at an instant: as of, enrolment, attempts, groups."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from cohort_core.errors import BadInput
from cohort_core.metrics.cohort import build
from cohort_core.metrics.groups import groups
from cohort_core.reports import catalog
from cohort_core.store.class_data import empty
from cohort_core.timeutils import parse_as_of

from .school import Row, data_of, work

NEW_YORK, BERLIN = "America/New_York", "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "tz", "instant"),
    [
        ("2025-01-04", "UTC", "2025-01-04T23:59:59.999999Z"),
        ("2025-01-04", NEW_YORK, "2025-01-05T04:59:59.999999Z"),
        # The days on which the clocks change have 23 and 25 hours.
        ("2025-03-09", NEW_YORK, "2025-03-10T03:59:59.999999Z"),
        ("2025-03-30", BERLIN, "2025-03-30T21:59:59.999999Z"),
        ("2025-10-26", BERLIN, "2025-10-26T22:59:59.999999Z"),
        ("2025-01-04T15:30:00Z", NEW_YORK, "2025-01-04T15:30:00Z"),
        ("2025-01-04T15:30:00.250Z", NEW_YORK, "2025-01-04T15:30:00.250Z"),
        # As the clocks of some languages write it, down to nanoseconds.
        ("2025-01-04t15:30:00.123456789z", NEW_YORK, "2025-01-04T15:30:00.123456Z"),
        ("2025-01-04T15:30:00+02:00", NEW_YORK, "2025-01-04T13:30:00Z"),
        ("2025-01-04T15:30:00 02:00", NEW_YORK, "2025-01-04T13:30:00Z"),
        ("2025-01-04T15:30", NEW_YORK, "2025-01-04T20:30:00Z"),
        (" 2025-07-04 15:30 ", BERLIN, "2025-07-04T13:30:00Z"),
        # 02:30 does not exist on this day, and comes twice on the other; the first one is meant.
        ("2025-03-30T02:30", BERLIN, "2025-03-30T01:30:00Z"),
        ("2025-10-26T02:30", BERLIN, "2025-10-26T00:30:00Z"),
    ],
)
def test_as_of_is_understood(text: str, tz: str, instant: str) -> None:
    assert parse_as_of(text, tz) == pd.Timestamp(instant)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2025-13-01", "2025-02-30", "04/01/2025", "20250104", "2025-01-04T25:00", "9999-12-31"],
)
def test_as_of_that_cannot_be_used_says_what_to_write(text: str) -> None:
    with pytest.raises(BadInput, match="Write a date such as") as caught:
        parse_as_of(text, "UTC")
    assert caught.value.details == {"parameter": "as_of"}


def test_as_of_takes_instants_dates_and_defaults_to_the_last_sync() -> None:
    class_data = data_of([], timezone=NEW_YORK, synced_at="2025-06-01T12:00:00Z")
    assert build(class_data).as_of == pd.Timestamp("2025-06-01T12:00Z")
    assert build(class_data, date(2025, 1, 4)).as_of == parse_as_of("2025-01-04", NEW_YORK)
    assert build(class_data, datetime(2025, 1, 4, 12)).as_of == pd.Timestamp("2025-01-04T17:00Z")  # noqa: DTZ001
    assert build(class_data, datetime(2025, 1, 4, 12, tzinfo=UTC)).as_of == pd.Timestamp("2025-01-04T12:00Z")


def test_before_the_first_sync_there_is_nothing() -> None:
    cohort = build(empty("c1"))
    assert cohort.as_of == pd.Timestamp(0, tz="UTC")
    assert cohort.starts_at is None
    assert cohort.students.empty
    assert cohort.records.empty
    assert cohort.records["completed_at"].dtype == "datetime64[us, UTC]"
    assert cohort.records["student_id"].dtype == "str"


def test_what_comes_after_as_of_is_invisible() -> None:
    rows = [
        work("ana", "a1", "2025-03-03 10:00", "2025-03-05 10:00", 0.5, "2025-03-06 10:00"),
        work("ana", "a2", "2025-03-05 10:00", "2025-03-07 10:00", 1.0),
    ]
    class_data = data_of(rows)
    record = build(class_data, pd.Timestamp("2025-03-04T00:00Z")).records.iloc[0]
    assert record["started_at"] == pd.Timestamp("2025-03-03T10:00Z")
    assert pd.isna(record["completed_at"])
    assert pd.isna(record["grade"])
    assert list(build(class_data, date(2025, 3, 4)).records["assignment_id"]) == ["a1"]
    at_completion = build(class_data, pd.Timestamp("2025-03-05T10:00Z")).records
    assert at_completion["grade"].iloc[0] == 0.5
    assert at_completion["reviewed_at"].isna().all()


def test_attempts_become_one_record() -> None:
    rows = [
        work("ana", "a1", "2025-03-03 10:00", "2025-03-04 10:00", 0.4, "2025-03-04 12:00"),
        work("ana", "a1", "2025-03-05 10:00", "2025-03-06 10:00", 0.9, "2025-03-07 10:00"),
        work("ana", "a1", "2025-03-08 10:00", "2025-03-08 11:00", None),
        work("ana", "a1", "2025-03-09 10:00"),
    ]
    (record,) = build(data_of(rows)).records.to_dict("records")
    assert record["started_at"] == pd.Timestamp("2025-03-03T10:00Z")
    assert record["completed_at"] == pd.Timestamp("2025-03-04T10:00Z")
    assert record["grade"] == 0.9
    assert record["reviewed_at"] == pd.Timestamp("2025-03-07T10:00Z")
    (earlier,) = build(data_of(rows), date(2025, 3, 5)).records.to_dict("records")
    assert earlier["grade"] == 0.4


def test_of_attempts_completed_together_the_one_reviewed_later_counts_then_the_better() -> None:
    together = ("2025-03-03 10:00", "2025-03-04 10:00")
    reviewed = [
        work("ana", "a1", *together, 0.4, "2025-03-06 10:00"),
        work("ana", "a1", *together, 0.9, "2025-03-05 10:00"),
        work("ana", "a1", *together, 1.0),
    ]
    unreviewed = [work("bo", "a1", *together, 0.9), work("bo", "a1", *together, 0.4)]
    records = build(data_of([*reviewed, *unreviewed])).records
    assert dict(zip(records["student_id"], records["grade"], strict=True)) == {"ana": 0.4, "bo": 0.9}


def test_students_count_between_enrolment_and_withdrawal() -> None:
    roster = [
        {"student_id": "dated", "first_name": "D", "enrolled_on": "2025-03-10"},
        {"student_id": "undated", "first_name": "U"},
        {"student_id": "left", "first_name": "L", "enrolled_on": "2025-03-01", "withdrawn_on": "2025-03-12"},
    ]
    # 23:30 on Monday the 3rd in New York.
    rows = [work("seen", "a1", "2025-03-04 04:30")]
    class_data = data_of(rows, roster=roster, timezone=NEW_YORK)

    def counted(day: date) -> set[str]:
        return set(build(class_data, day).students.index)

    assert counted(date(2025, 2, 28)) == set()
    assert counted(date(2025, 3, 2)) == {"left"}
    assert counted(date(2025, 3, 3)) == {"left", "seen", "undated"}
    assert counted(date(2025, 3, 10)) == {"left", "seen", "undated", "dated"}
    assert counted(date(2025, 3, 12)) == {"seen", "undated", "dated"}
    assert build(class_data, date(2025, 3, 10)).starts_at == pd.Timestamp("2025-03-03T05:00Z")


def test_a_class_that_starts_in_the_future_has_no_undated_students_yet() -> None:
    rows = [work("early", "a1", "2025-03-01 10:00", "2025-03-01 11:00")]
    class_data = data_of(rows, starts_on="2025-03-10")
    assert build(class_data, date(2025, 3, 9)).students.empty
    assert build(class_data, date(2025, 3, 9)).records.empty
    assert list(build(class_data, date(2025, 3, 10)).students.index) == ["early"]


def test_a_person_has_one_name_which_is_never_an_id() -> None:
    def person(number: int, first: str | None, last: str | None, email: str | None) -> Row:
        return {"student_id": f"s{number}", "first_name": first, "last_name": last, "email": email}

    roster = [
        person(1, "Zoë", "O'Neil", "zoe@x.org"),
        person(2, None, "Li", None),
        person(3, None, "  ", "lee.q@x.org"),
        person(4, "Jo", "Smith", "jo.1@x.org"),
        person(5, "jo", "smith", "jo.2@x.org"),
        person(6, "Jo", "Smith", None),
        person(7, "Ann", "Lee", "ann@a.org"),
        person(8, "Ann", "Lee", "ann@b.org"),
        person(9, "Bo", "Ek", None),
        person(10, "Bo", "Ek", "n/a"),
        person(11, None, None, None),
    ]
    made = build(data_of([], roster=roster, starts_on="2025-03-01"))
    assert made.students["name"].to_dict() == {
        "s1": "Zoë O'Neil",
        "s2": "Li",
        "s3": "lee.q",
        "s4": "Jo Smith (jo.1)",
        "s5": "jo smith (jo.2)",
        "s6": "Jo Smith",
        "s7": "Ann Lee (ann@a.org)",
        "s8": "Ann Lee (ann@b.org)",
        "s9": "Bo Ek (2)",
        "s10": "Bo Ek (1)",
        "s11": "Unnamed student",
    }


def test_the_scale_of_grades_belongs_to_the_assignment() -> None:
    sent: dict[str, list[float]] = {
        "share": [1.0001, 0.5, 1, 0.0],
        "bonus": [1.05, 0.9, 0.9, 0.8, 1],
        "percent": [85, 1, 100, 0, 60, 70, 55.5],
        "most percent": [85, 0.9, 70],
        "most share": [85, 0.9, 1, 0.7, 0],
        "tie": [85, 1],
    }
    rows = [
        work(f"s{number}", a, "2025-03-03 10:00", "2025-03-03 12:00", grade)
        for a, grades in sent.items()
        for number, grade in enumerate(grades)
    ]
    made = build(data_of(rows))
    shown = {a: catalog.assignment_students(made, a).frame.set_index("student_id")["grade"] for a in sent}
    assert {
        a: [round(grade, 9) for grade in grades.sort_index().dropna()] for a, grades in shown.items()
    } == {
        "share": [1, 0.5, 1, 0],
        "bonus": [1.05, 0.9, 0.9, 0.8, 1],
        "percent": [0.85, 0.01, 1, 0, 0.6, 0.7, 0.555],
        "most percent": [0.85, 0.7],
        "most share": [0.9, 1, 0.7, 0],
        "tie": [0.85],
    }
    numbers = catalog.blockers(made).frame.set_index("assignment_id")
    assert numbers["avg_grade"].round(9).to_dict() == {
        "share": 0.625,
        "bonus": 0.92,
        "percent": pytest.approx(3.715 / 7),
        "most percent": 0.775,
        "most share": 0.65,
        "tie": 0.85,
    }
    assert numbers["grade_scale"].to_dict() == {
        "share": "share",
        "bonus": "share_with_bonus",
        "percent": "percent",
        "most percent": "unclear",
        "most share": "unclear",
        "tie": "unclear",
    }
    left_out = numbers.loc[numbers["grades_left_out"] > 0, "left_out_students"].to_dict()
    assert left_out == {"most percent": ["s1"], "most share": ["s0"], "tie": ["s1"]}


def test_a_few_records_of_years_before_are_no_beginning() -> None:
    rows = [work(f"s{number}", "a1", "2025-03-03 10:00", "2025-03-04 10:00") for number in range(3)]
    early = work("s0", "a2", "2001-05-01 10:00", "2001-05-02 10:00")
    made = build(data_of([*rows, early]), date(2025, 3, 12))
    assert str(made.starts_at) == "2025-03-03 00:00:00+00:00"
    weeks = catalog.progress_over_time(made).records()
    assert [(row["week"], row["completed"], row["completed_in_week"]) for row in weeks] == [
        ("2025-03-03", 4, 3),
        ("2025-03-10", 4, 0),
    ]
    assert catalog.progress_summary(made).record()["early_records"] == 1
    assert len(catalog.velocity(made).frame) == len(catalog.by_course_week(made).frame) == 2
    # Half of a class is no exception.
    halves = build(data_of([*rows[:1], early]), date(2025, 3, 12))
    assert str(halves.starts_at) == "2001-05-01 00:00:00+00:00"


def test_without_units_the_order_is_that_of_the_work() -> None:
    rows = [
        work("ana", "z", "2025-03-03 10:00", "2025-03-04 10:00"),
        work("bo", "z", "2025-03-03 10:00", "2025-03-20 10:00"),
        work("cy", "z", "2025-03-03 10:00", "2025-03-05 10:00"),
        work("ana", "lesson 10", "2025-03-07 10:00", "2025-03-08 10:00"),
        work("ana", "lesson 9", "2025-03-07 10:00", "2025-03-08 10:00"),
        work("ana", "b", "2025-03-10 10:00"),
        work("ana", "a", "2025-03-11 10:00"),
    ]
    assert list(build(data_of(rows)).assignments.index) == ["z", "lesson 9", "lesson 10", "b", "a"]


def test_one_type_has_one_spelling() -> None:
    rows = [
        work("ana", a, "2025-03-03 10:00", kind=kind)
        for a, kind in (("a1", "Quiz"), ("a2", "quiz"), ("a3", "quiz"), ("a4", "Lesson"))
    ]
    made = build(data_of(rows))
    assert list(made.assignments["type"]) == ["quiz", "quiz", "quiz", "Lesson"]
    assert len(catalog.by_type(made).frame) == 2


def test_an_assignment_without_a_name_is_called_by_its_place() -> None:
    rows = [{**work("ana", a, "2025-03-03 10:00"), "name": None} for a in ("a1", "x", "y")]
    units = [{"name": "Week 8", "assignments": ["a1", "a2", "a3"]}]
    assert list(build(data_of(rows, units)).assignments["name"]) == [
        "Week 8, assignment 1",
        "Week 8, assignment 2",
        "Week 8, assignment 3",
        "Unnamed assignment 1",
        "Unnamed assignment 2",
    ]


def test_groups_are_chosen_by_label_in_any_case_and_by_id() -> None:
    roster: list[Row] = [
        {"student_id": "s1", "first_name": "A", "night": "Tuesday", "region": "North"},
        {"student_id": "s2", "first_name": "B", "night": "tuesday ", "region": None},
        {"student_id": "s3", "first_name": "C", "night": "Wednesday", "region": "Tuesday"},
    ]
    class_data = data_of([work("s3", "a1", "2025-03-03 10:00")], roster=roster)
    all_groups = groups(build(class_data))
    assert [(g.kind, g.label, g.students) for g in all_groups] == [
        ("night", "Tuesday", 2),
        ("night", "Wednesday", 1),
        ("region", "North", 1),
        ("region", "Tuesday", 1),
    ]
    assert len({g.id for g in all_groups}) == 4
    assert all_groups == groups(build(class_data))
    assert not any(g.label.casefold() in g.id for g in all_groups)
    assert set(build(class_data, group="TUESDAY").students.index) == {"s1", "s2", "s3"}
    assert set(build(class_data, group=all_groups[0].id).students.index) == {"s1", "s2"}
    narrowed = build(class_data, group="wednesday")
    assert narrowed.group == "Wednesday"
    assert list(narrowed.records["student_id"]) == ["s3"]
    assert list(narrowed.student) == [0]


def test_an_unknown_group_names_the_known_ones() -> None:
    class_data = data_of([], roster=[{"student_id": "s1", "night": "Tuesday", "region": "North"}])
    with pytest.raises(BadInput, match=r"Choose one of: Tuesday, North\.") as caught:
        build(class_data, group="Friday")
    assert caught.value.details == {"parameter": "group"}
    with pytest.raises(BadInput, match="Import a roster"):
        build(empty("c1"), group="Friday")
