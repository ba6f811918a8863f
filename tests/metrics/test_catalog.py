"""Rules that hold for every report, also for empty and odd classes."""

from __future__ import annotations

import inspect
from datetime import date
from pathlib import Path

import pytest

from cohort_core.errors import BadInput
from cohort_core.metrics.cohort import build
from cohort_core.reports import catalog
from cohort_core.reports.document import markdown
from cohort_core.store.class_data import empty

from .report_names import ASSIGNMENT_REPORTS, MAIN_REPORTS, OTHER_REPORTS, STUDENT_REPORTS
from .school import UNITS, data_of, small_class, work


@pytest.mark.parametrize("name", MAIN_REPORTS)
def test_an_empty_class_gives_empty_frames_of_the_same_types(name: str) -> None:
    spec = catalog.REPORTS[name]
    full, none = spec.function(small_class()), spec.function(build(empty("c1")))
    assert dict(full.frame.dtypes) == dict(none.frame.dtypes)
    assert list(none.frame.columns) == list(spec.row.model_fields)
    if spec.shape == "one":
        assert set(none.record().values()) == {0, None}
    else:
        assert none.records() == []


@pytest.mark.parametrize("name", MAIN_REPORTS)
def test_every_report_works_before_the_class(name: str) -> None:
    report = catalog.REPORTS[name].function(build(small_class().class_data, date(2024, 1, 1)))
    for row in report.records():
        report.row.model_validate(row)


@pytest.mark.parametrize("name", list(catalog.REPORTS))
def test_every_field_has_a_meaning(name: str) -> None:
    spec = catalog.REPORTS[name]
    assert spec.function.__doc__
    for field in spec.row.model_fields.values():
        assert field.description
        assert field.description.endswith(".")


@pytest.mark.parametrize("name", list(catalog.REPORTS))
def test_a_spec_says_what_its_function_takes(name: str) -> None:
    spec = catalog.REPORTS[name]
    if spec.scope in {"span", "classes", "contacts", "periods"}:
        assert spec.has_own_route
        return
    subject, *others = inspect.signature(spec.function).parameters.values()
    assert subject.name == ("class_data" if spec.scope == "data" else "cohort")
    assert {item.name for item in others if item.default is item.empty} == set(spec.required)
    assert {item.name for item in others} == spec.parameters - ({"as_of", "group", "type"} - set(spec.takes))


@pytest.mark.parametrize("name", STUDENT_REPORTS)
def test_an_unknown_student_is_refused(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        catalog.REPORTS[name].function(small_class(), "nobody")
    assert caught.value.details == {"parameter": "student_id"}


@pytest.mark.parametrize("name", ASSIGNMENT_REPORTS)
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
def test_every_report_holds_at_the_edges(edge: str) -> None:
    cohort = EDGES[edge]()
    full = small_class()

    def check(name: str, *ids: str) -> None:
        report = catalog.REPORTS[name].function(cohort, *ids)
        for row in report.records():
            report.row.model_validate(row)
        assert list(report.frame.columns) == list(report.row.model_fields)
        full_ids = ("a2" if name in ASSIGNMENT_REPORTS else "cy",) if ids else ()
        like = catalog.REPORTS[name].function(full, *full_ids)
        assert dict(report.frame.dtypes) == dict(like.frame.dtypes)

    for name in OTHER_REPORTS:
        check(name)
    for student in cohort.students.index:
        for name in STUDENT_REPORTS:
            check(name, student)
    for assignment in cohort.assignments.index:
        for name in ASSIGNMENT_REPORTS:
            check(name, assignment)
    entries = catalog.triage([cohort])
    for row in entries.records():
        entries.row.model_validate(row)


@pytest.mark.parametrize("name", ["student_health", "blockers", "velocity", "progress_over_time", "matrix"])
def test_a_report_of_many_rows_is_made_once_for_a_cohort(name: str) -> None:
    cohort, function = small_class(), catalog.REPORTS[name].function
    assert function(cohort) is function(cohort)


def test_the_rows_of_an_empty_class() -> None:
    cohort = build(empty("c1"))
    lengths = {name: len(catalog.REPORTS[name].function(cohort).records()) for name in OTHER_REPORTS}
    some = {"cohort_alarm": 1, "grade_distribution": 6, "by_weekday": 7, "by_hour": 24, "habits": 168}
    assert {name: length for name, length in lengths.items() if length} == some


def test_the_document_of_the_metrics_is_current() -> None:
    document = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert document.read_text(encoding="utf-8") == markdown(), "run `make docs`"
