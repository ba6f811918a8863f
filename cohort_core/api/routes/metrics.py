"""The metrics: of all classes, a class, a student and an assignment."""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import cleandoc
from typing import Annotated

from fastapi import Query
from fastapi.responses import Response

from cohort_core.api.dependencies import (
    ASSIGNMENT_PATH,
    CLASS_PATH,
    STUDENT_PATH,
    AsOf,
    AssignmentId,
    InCohort,
    Read,
    StudentId,
    api_router,
)
from cohort_core.api.pagination import MAX_ROWS, Moment, SendList, SendRow, list_of
from cohort_core.http.encoded_paths import find_id
from cohort_core.metrics.cohort import Cohort
from cohort_core.reports import catalog
from cohort_core.reports.catalog import ReportSpec, Scope, Shape
from cohort_core.reports.row_models import (
    BlockerRow,
    CompletionRow,
    NeedRow,
    ProgressSummaryRow,
    Ranking,
    RiskBandRow,
    StudentHealthRow,
    WeekRow,
)

router = api_router()

Endpoint = Callable[..., Response]


@router.get("/triage", response_model=list_of(NeedRow), tags=["Metrics"])
def triage(read: Read, send: SendList, as_of: AsOf = None) -> Response:
    """List who needs a mentor, over all active classes, the most urgent first.

    Without `limit` as many as the settings say: 7, unless they were changed.
    """
    return send(
        read.triage(MAX_ROWS, as_of),
        Moment.of(read.class_triages(as_of)),
        default_limit=read.thresholds.triage_length,
    )


@router.get("/risk-bands", response_model=list_of(RiskBandRow), tags=["Metrics"])
def risk_bands(read: Read, send: SendList) -> Response:
    """List the risk bands with what may be said about their students, the worst first.

    The counts are those of the closed classes that the token may see.
    """
    return send(read.risk_bands(), Moment(synced_at=read.last_sync()))


@router.get(f"{CLASS_PATH}/progress-summary", response_model=ProgressSummaryRow, tags=["Metrics"])
def progress_summary(cohort: InCohort, send: SendRow) -> Response:
    """Summarize the class in a few numbers."""
    return send(catalog.progress_summary(cohort), Moment.of(cohort))


@router.get(f"{CLASS_PATH}/metrics/completion", response_model=CompletionRow, tags=["Metrics"])
def completion(cohort: InCohort, send: SendRow) -> Response:
    """Show how completions spread over the assignments."""
    return send(catalog.completion(cohort), Moment.of(cohort))


@router.get(f"{CLASS_PATH}/metrics/blockers", response_model=list[BlockerRow], tags=["Metrics"])
def blockers(
    cohort: InCohort,
    send: SendList,
    by: Annotated[Ranking, Query(description="What makes one worse.")] = "difficulty",
) -> Response:
    """List the assignments that stand in the way, the worst first."""
    return send(catalog.blockers(cohort, by), Moment.of(cohort))


@router.get(f"{CLASS_PATH}/metrics/student-health", response_model=list[StudentHealthRow], tags=["Metrics"])
def student_health(cohort: InCohort, send: SendList) -> Response:
    """List who is falling behind, the worst first."""
    return send(catalog.student_health(cohort), Moment.of(cohort))


@router.get(f"{CLASS_PATH}/metrics/progress-over-time", response_model=list[WeekRow], tags=["Metrics"])
def progress_over_time(cohort: InCohort, send: SendList) -> Response:
    """Show the cumulative progress at the end of each week."""
    return send(catalog.progress_over_time(cohort), Moment.of(cohort))


def _add_routes(spec: ReportSpec) -> None:
    """Add the paths of a report."""
    match spec.scope:
        case "class":
            _add_route(spec, f"{CLASS_PATH}/metrics/{spec.slug}", "class", spec.shape)
            if spec.of_student:
                _add_route(spec, f"{STUDENT_PATH}/{spec.slug}", "student", spec.of_student)
        case "student":
            _add_route(spec, f"{STUDENT_PATH}{_last_part(spec)}", "student", spec.shape)
        case "assignment":
            _add_route(spec, f"{ASSIGNMENT_PATH}{_last_part(spec)}", "assignment", spec.shape)


def _last_part(spec: ReportSpec) -> str:
    """Return the path after the id: "/timeline" for student_timeline."""
    rest = spec.slug.removeprefix(spec.scope).removeprefix("-")
    return f"/{rest}" if rest else ""


def _add_route(spec: ReportSpec, path: str, scope: Scope, shape: Shape) -> None:
    tag = {"class": "Metrics", "student": "Student", "assignment": "Assignment"}[scope]
    prefix = "" if scope == "class" or spec.name.startswith(scope) else f"{scope}_"
    router.get(
        path,
        name=f"{prefix}{spec.name}",
        summary=spec.title,
        description=_http_description(spec.function.__doc__ or ""),
        response_model=spec.row if shape == "one" else list_of(spec.row),
        tags=[tag],
    )(_endpoint(spec, scope, shape))


def _endpoint(spec: ReportSpec, scope: Scope, shape: Shape) -> Endpoint:
    """Return a function whose parameters are those of a path of this scope and shape."""

    def of_class(cohort: InCohort, send: SendList) -> Response:
        return send(spec.function(cohort), Moment.of(cohort))

    def row_of_class(cohort: InCohort, send: SendRow) -> Response:
        return send(spec.function(cohort), Moment.of(cohort))

    def of_student(cohort: InCohort, student_id: StudentId, send: SendList) -> Response:
        return send(spec.function(cohort, _student(cohort, student_id)), Moment.of(cohort))

    def row_of_student(cohort: InCohort, student_id: StudentId, send: SendRow) -> Response:
        return send(spec.function(cohort, _student(cohort, student_id)), Moment.of(cohort))

    def of_assignment(cohort: InCohort, assignment_id: AssignmentId, send: SendList) -> Response:
        return send(spec.function(cohort, _assignment(cohort, assignment_id)), Moment.of(cohort))

    def row_of_assignment(cohort: InCohort, assignment_id: AssignmentId, send: SendRow) -> Response:
        return send(spec.function(cohort, _assignment(cohort, assignment_id)), Moment.of(cohort))

    endpoints: dict[tuple[Scope, Shape], Endpoint] = {
        ("class", "list"): of_class,
        ("class", "one"): row_of_class,
        ("student", "list"): of_student,
        ("student", "one"): row_of_student,
        ("assignment", "list"): of_assignment,
        ("assignment", "one"): row_of_assignment,
    }
    return endpoints[scope, shape]


def _student(cohort: Cohort, part: str) -> str:
    return find_id(part, cohort.students.index)


def _assignment(cohort: Cohort, part: str) -> str:
    return find_id(part, cohort.assignments.index)


def _http_description(docstring: str) -> str:
    """Rewrite the docstring of a report for the API, where its error is a 404."""
    return re.sub(r"Raises\s+`*BadInput`*\s+(for|if)", r"A 404 \1", cleandoc(docstring))


for report_spec in catalog.REPORTS.values():
    if not report_spec.has_own_route:
        _add_routes(report_spec)
