"""The answers beyond the plan's five against a naive computation, on the same random classes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cohort_core.errors import BadInput
from cohort_core.metrics.cohort import Cohort, build
from cohort_core.metrics.groups import group_labels
from cohort_core.reports import catalog
from cohort_core.store.class_data import ClassData

from . import naive_more
from .naive import Row, School
from .naive import answers as five_answers
from .school import data_of
from .test_agreement import ANSWERS as FIVE
from .test_agreement import QUICK, assert_same, classes, instants_of_asking

LISTS = (
    *("time_to_complete", "stuck", "reteach", "activity", "engagement_gap", "velocity", "pace", "forecast"),
    *("grade_distribution", "by_type", "by_section", "by_group", "by_weekday", "by_hour"),
    *("by_course_week", "matrix"),
)
OF_STUDENT = ("student_timeline", "student_assignments", "habits")
OF_ASSIGNMENT = ("assignment_students", "assignment_grades", "assignment_durations")


def records(name: str, *question: Any) -> Any:
    """What a report answers, checked against the model of its rows."""
    report = catalog.REPORTS[name].function(*question)
    rows = report.records()
    for row in rows:
        report.row.model_validate(row)
    return [{k: v for k, v in row.items() if k != "group_id"} for row in rows]


def ask(made: Cohort) -> Row:
    (alarm,) = records("cohort_alarm", made)
    return {"cohort_alarm": alarm, **{name: records(name, made) for name in LISTS}}


def made_for(class_data: ClassData, as_of: datetime, group: str | None, kind: str | None) -> Cohort | None:
    """The cohort, None if the class has no such group or type."""
    try:
        return build(class_data, as_of, group, kind)
    except BadInput:
        return None


selections = st.sampled_from([(None, None), (None, None), ("Tue", None), (None, "quiz"), ("North", "lesson")])


@QUICK
@given(classes(), instants_of_asking, selections)
def test_both_agree(school: Row, as_of: datetime, selection: tuple[str | None, str | None]) -> None:
    group, kind = selection
    made = made_for(data_of(**school), as_of, group, kind)
    if made is not None:
        assert_same(ask(made), naive_more.answers(**school, as_of=as_of, group=group, kind=kind))


@QUICK
@given(classes(), instants_of_asking, st.sampled_from(["quiz", "lesson"]))
def test_both_agree_on_the_five_answers_for_one_type(school: Row, as_of: datetime, kind: str) -> None:
    made = made_for(data_of(**school), as_of, None, kind)
    if made is not None:
        expected = five_answers(**school, as_of=as_of, kind=kind)
        for name in FIVE:
            got = records(name, made)
            assert_same(got if isinstance(expected[name], list) else got[0], expected[name], name)


@QUICK
@given(classes(), instants_of_asking, selections, st.integers(0, 99))
def test_both_agree_on_a_student_and_an_assignment(
    school: Row, as_of: datetime, selection: tuple[str | None, str | None], which: int
) -> None:
    group, kind = selection
    made = made_for(data_of(**school), as_of, group, kind)
    if made is None or made.students.empty:
        return
    raw = School(
        school["rows"],
        school["units"],
        school["roster"],
        ZoneInfo(school["timezone"]),
        as_of,
        school["starts_on"],
        kind,
    )
    inside = [s for s in raw.students if group is None or raw.in_group(s, group)]
    s = inside[which % len(inside)]
    a = raw.assignments[which % len(raw.assignments)] if raw.assignments else None
    expected = naive_more.details(raw, s, a, inside)
    for name in OF_STUDENT:
        assert_same(records(name, made, s), expected[name], name)
    if a is not None:
        for name in OF_ASSIGNMENT:
            assert_same(records(name, made, a), expected[name], name)
    (health,) = records("student", made, s)
    assert health == next(row for row in records("student_health", made) if row["student_id"] == s)
    for name in ("pace", "forecast"):
        (one,) = records(name, made, s)
        assert one in records(name, made)


@QUICK
@given(classes(), instants_of_asking, st.integers(0, 99))
def test_risk_history_is_what_was_said_at_the_end_of_each_week(
    school: Row, as_of: datetime, which: int
) -> None:
    class_data = data_of(**school)
    made = build(class_data, as_of)
    if made.students.empty:
        return
    s = made.students.index[which % len(made.students)]
    tz = ZoneInfo(school["timezone"])
    for row in records("risk_history", made, s):
        monday = datetime.fromisoformat(row["week"]).replace(tzinfo=tz)
        end = (monday + naive_more.WEEK).astimezone(naive_more.UTC) - naive_more.timedelta(microseconds=1)
        said = five_answers(**school, as_of=min(end, as_of))["student_health"]
        expected = next(one for one in said if one["student_id"] == s)
        assert row["risk"] == expected["risk"]
        assert_same(row["risk_score"], expected["risk_score"])
        assert_same(row["risk_gap"], expected["risk_gap"])
        assert_same({part: row[part] for part in expected["risk_parts"]}, expected["risk_parts"])
        assert (row["completed"], row["total"]) == (expected["completed"], expected["total"])
    weeks = [row["week"] for row in records("risk_history", made, s)]
    assert weeks == sorted(set(weeks))


@QUICK
@given(st.lists(classes(), min_size=1, max_size=2), instants_of_asking)
def test_both_agree_on_the_triage(schools: list[Row], as_of: datetime) -> None:
    cohorts, raw = [], []
    for number, school in enumerate(schools):
        class_data = data_of(**school)
        class_data = replace(class_data, class_id=f"class {number}", name="Class")
        cohorts.append(build(class_data, as_of))
        naive_school = School(
            school["rows"],
            school["units"],
            school["roster"],
            ZoneInfo(school["timezone"]),
            as_of,
            school["starts_on"],
            None,
        )
        raw.append((naive_school, naive_more.answers(**school, as_of=as_of)))
    expected = naive_more.needs(raw)
    answer = catalog.triage(cohorts)
    got = answer.records()
    assert (len(got), answer.more) == (min(len(expected), 7), max(len(expected) - 7, 0))
    for row, need in zip(catalog.triage(cohorts, limit=1000).records(), expected, strict=True):
        answer.row.model_validate(row)
        who = row["student_id"] or row["class_id"]
        assert (row["kind"], who, row["name"], row["days"], set(row["also"])) == (
            need["kind"],
            need["who"],
            need["name"],
            need["days"],
            need["also"],
        )
        assert row["reason"].endswith(".")
        assert row["ends"].endswith(".")
    assert got == catalog.triage(cohorts, limit=1000).records()[:7]


@QUICK
@given(classes(), instants_of_asking)
def test_the_groups_and_types_of_a_class_sum_to_it(school: Row, as_of: datetime) -> None:
    class_data = data_of(**school)
    made = build(class_data, as_of)
    completed = catalog.student_health(made).frame["completed"].sum()
    for name in ("by_type", "by_section", "by_weekday", "by_hour", "habits"):
        assert catalog.REPORTS[name].function(made).frame["completed"].sum() == completed, name
    for _, frame in catalog.by_group(made).frame.groupby("kind"):
        assert frame["students"].sum() == len(made.students)
        assert frame["completed"].sum() == completed
    if group_labels(class_data) and len(made.students):
        assert set(catalog.by_group(made).frame["kind"]) == {kind for kind, _ in group_labels(class_data)}
    counts = catalog.grade_distribution(made).frame
    assert counts["count"].sum() == catalog.by_type(made).frame["graded"].sum()
    if counts["count"].sum():
        assert abs(counts["share"].sum() - 1) < 1e-9
