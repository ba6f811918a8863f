"""Every report against a second, naive computation, on random classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort_core.errors import BadInput
from cohort_core.metrics.cohort import Cohort, build
from cohort_core.metrics.groups import groups
from cohort_core.reports import catalog
from cohort_core.store.class_data import ClassData

from . import naive
from .naive import Row, School
from .random_classes import QUICK, assert_same, classes, instants
from .report_names import ASSIGNMENT_REPORTS, MAIN_REPORTS
from .school import data_of


def records(name: str, *arguments: Any) -> Any:
    """Return the rows of a report, checked against the model of its rows."""
    report = catalog.REPORTS[name].function(*arguments)
    rows = report.records()
    for row in rows:
        report.row.model_validate(row)
    return [{k: v for k, v in row.items() if k != "group_id"} for row in rows]


def main_reports(class_data: ClassData, as_of: datetime, group: str | None = None) -> Row:
    """Return the main reports by name, as the API sends them."""
    made = build(class_data, as_of, group)
    result: Row = {}
    for name in MAIN_REPORTS:
        report = catalog.REPORTS[name].function(made)
        result[name] = report.record() if catalog.REPORTS[name].shape == "one" else report.records()
    return result


def other_reports(made: Cohort, names: Iterable[str]) -> Row:
    """Return these reports about the class by name."""
    result: Row = {}
    for name in names:
        rows = records(name, made)
        (result[name],) = rows if catalog.REPORTS[name].shape == "one" else (rows,)
    return result


def cohort_if_there(
    class_data: ClassData, as_of: datetime, group: str | None, kind: str | None
) -> Cohort | None:
    """Return the cohort, or None if the class has no such group or type."""
    try:
        return build(class_data, as_of, group, kind)
    except BadInput:
        return None


def naive_school(school: Row, as_of: datetime, kind: str | None = None) -> School:
    """Return the same class for the naive computation."""
    return School(
        school["rows"],
        school["units"],
        school["roster"],
        ZoneInfo(school["timezone"]),
        as_of,
        school["starts_on"],
        kind,
    )


selections = st.sampled_from([(None, None), (None, None), ("Tue", None), (None, "quiz"), ("North", "lesson")])


@QUICK
@given(classes(), instants)
def test_both_agree_on_the_main_reports(school: Row, as_of: datetime) -> None:
    assert_same(main_reports(data_of(**school), as_of), naive.main_reports(**school, as_of=as_of))


@QUICK
@given(classes(), instants)
def test_both_agree_on_the_main_reports_of_a_group(school: Row, as_of: datetime) -> None:
    class_data = data_of(**school)
    for group in groups(build(class_data)):
        assert_same(
            main_reports(class_data, as_of, group.label.lower()),
            naive.main_reports(**school, as_of=as_of, group=group.label),
        )


@QUICK
@given(classes(), instants, st.sampled_from(["quiz", "lesson"]))
def test_both_agree_on_the_main_reports_of_a_type(school: Row, as_of: datetime, kind: str) -> None:
    made = cohort_if_there(data_of(**school), as_of, None, kind)
    if made is not None:
        expected = naive.main_reports(**school, as_of=as_of, kind=kind)
        for name in MAIN_REPORTS:
            got = records(name, made)
            assert_same(got if isinstance(expected[name], list) else got[0], expected[name], name)


@QUICK
@given(classes(), instants, selections)
def test_both_agree_on_the_other_reports(
    school: Row, as_of: datetime, selection: tuple[str | None, str | None]
) -> None:
    group, kind = selection
    made = cohort_if_there(data_of(**school), as_of, group, kind)
    if made is not None:
        expected = naive.other_reports(**school, as_of=as_of, group=group, kind=kind)
        assert_same(other_reports(made, expected), expected)


@QUICK
@given(classes(), instants, selections, st.integers(0, 99))
def test_both_agree_on_a_student_and_an_assignment(
    school: Row, as_of: datetime, selection: tuple[str | None, str | None], which: int
) -> None:
    group, kind = selection
    made = cohort_if_there(data_of(**school), as_of, group, kind)
    if made is None or made.students.empty:
        return
    raw = naive_school(school, as_of, kind)
    inside = [s for s in raw.students if group is None or raw.in_group(s, group)]
    s = inside[which % len(inside)]
    a = raw.assignments[which % len(raw.assignments)] if raw.assignments else None
    expected = naive.detail_reports(raw, s, a, inside)
    for name, rows in expected.items():
        subject = a if name in ASSIGNMENT_REPORTS else s
        assert_same(records(name, made, subject), rows, name)
    (health,) = records("student", made, s)
    assert health == next(row for row in records("student_health", made) if row["student_id"] == s)
    for name in ("pace", "forecast"):
        (of_student,) = records(name, made, s)
        assert of_student in records(name, made)


@QUICK
@given(classes(), instants, st.integers(0, 99))
def test_risk_history_is_the_risk_at_the_end_of_each_week(school: Row, as_of: datetime, which: int) -> None:
    class_data = data_of(**school)
    made = build(class_data, as_of)
    if made.students.empty:
        return
    s = made.students.index[which % len(made.students)]
    tz = ZoneInfo(school["timezone"])
    for row in records("risk_history", made, s):
        monday = datetime.fromisoformat(row["week"]).replace(tzinfo=tz)
        end = (monday + naive.WEEK).astimezone(naive.UTC) - timedelta(microseconds=1)
        health = naive.main_reports(**school, as_of=min(end, as_of))["student_health"]
        expected = next(student for student in health if student["student_id"] == s)
        assert row["risk"] == expected["risk"]
        assert_same(row["risk_score"], expected["risk_score"])
        assert_same(row["risk_gap"], expected["risk_gap"])
        assert_same({part: row[part] for part in expected["risk_parts"]}, expected["risk_parts"])
        assert (row["completed"], row["total"]) == (expected["completed"], expected["total"])
    weeks = [row["week"] for row in records("risk_history", made, s)]
    assert weeks == sorted(set(weeks))


@QUICK
@given(st.lists(classes(), min_size=1, max_size=2), instants)
def test_both_agree_on_the_triage(schools: list[Row], as_of: datetime) -> None:
    cohorts, raw = [], []
    for number, school in enumerate(schools):
        class_data = data_of(**school)
        class_data = replace(class_data, class_id=f"class {number}", name="Class")
        cohorts.append(build(class_data, as_of))
        before = naive_school(school, as_of - timedelta(days=7))
        raw.append((naive_school(school, as_of), naive.other_reports(**school, as_of=as_of), before))
    expected = naive.triage(raw)
    report = catalog.triage(cohorts)
    got = report.records()
    assert (len(got), report.more) == (min(len(expected), 7), max(len(expected) - 7, 0))
    for row, entry in zip(catalog.triage(cohorts, limit=1000).records(), expected, strict=True):
        report.row.model_validate(row)
        subject = row["student_id"] or row["class_id"]
        assert (row["urgency"], row["risk"]) == (entry["urgency"], entry["risk"])
        assert (row["kind"], subject, row["name"], row["days"], set(row["also"])) == (
            entry["kind"],
            entry["subject"],
            entry["name"],
            entry["days"],
            entry["also"],
        )
        assert row["reason"].endswith(".")
        assert row["ends"].endswith(".")
    assert got == catalog.triage(cohorts, limit=1000).records()[:7]


def test_an_unknown_field_would_be_noticed() -> None:
    with pytest.raises(AssertionError):
        assert_same({"a": 1, "b": 2}, {"a": 1})
