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
from cohort_core.reports import catalog
from cohort_core.reports.rows import (
    BlockerRow,
    CompletionRow,
    NeedRow,
    ProgressSummaryRow,
    Ranking,
    StudentHealthRow,
    WeekRow,
)

router = api_router()


METRICS = (
    *("time_to_complete", "stuck", "reteach", "activity", "engagement_gap", "velocity", "cohort_alarm"),
    *("pace", "forecast", "grade_distribution", "by_type", "by_section", "by_group", "by_weekday", "by_hour"),
    *("habits", "by_course_week", "matrix"),
)


OF_STUDENT = {
    STUDENT_PATH: "student",
    f"{STUDENT_PATH}/timeline": "student_timeline",
    f"{STUDENT_PATH}/assignments": "student_assignments",
    f"{STUDENT_PATH}/risk-history": "risk_history",
    f"{STUDENT_PATH}/habits": "habits",
    f"{STUDENT_PATH}/pace": "pace",
    f"{STUDENT_PATH}/forecast": "forecast",
}


OF_ASSIGNMENT = {
    f"{ASSIGNMENT_PATH}/students": "assignment_students",
    f"{ASSIGNMENT_PATH}/grades": "assignment_grades",
    f"{ASSIGNMENT_PATH}/durations": "assignment_durations",
}


ONE_ROW = frozenset(
    {f"{CLASS_PATH}/metrics/cohort-alarm", STUDENT_PATH, f"{STUDENT_PATH}/pace", f"{STUDENT_PATH}/forecast"}
)
"""The paths that answer with an object; the others answer with a list."""


@router.get("/triage", response_model=list_of(NeedRow), tags=["Metrics"])
def triage(read: Read, send: SendList, as_of: AsOf = None) -> Response:
    """List who needs a mentor, over all active classes, the longest need first.

    Without `limit` as many as the settings say: 7, unless they were changed.
    """
    return send(
        read.triage(MAX_ROWS, as_of),
        Moment.of(read.active_cohorts(as_of)),
        default_limit=read.thresholds.triage_length,
    )


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


def _add_metric(path: str, name: str) -> None:
    def of_class(cohort: InCohort, send: SendList) -> Response:
        return send(catalog.REPORTS[name].function(cohort), Moment.of(cohort))

    def row_of_class(cohort: InCohort, send: SendRow) -> Response:
        return send(catalog.REPORTS[name].function(cohort), Moment.of(cohort))

    _add_report(path, name, row_of_class if path in ONE_ROW else of_class, "Metrics")


def _add_student_report(path: str, name: str) -> None:
    def of_student(cohort: InCohort, student_id: StudentId, send: SendList) -> Response:
        return send(catalog.REPORTS[name].function(cohort, student_id), Moment.of(cohort))

    def row_of_student(cohort: InCohort, student_id: StudentId, send: SendRow) -> Response:
        return send(catalog.REPORTS[name].function(cohort, student_id), Moment.of(cohort))

    _add_report(path, name, row_of_student if path in ONE_ROW else of_student, "Student")


def _add_assignment_report(path: str, name: str) -> None:
    def of_assignment(cohort: InCohort, assignment_id: AssignmentId, send: SendList) -> Response:
        return send(catalog.REPORTS[name].function(cohort, assignment_id), Moment.of(cohort))

    _add_report(path, name, of_assignment, "Assignment")


def _add_report(path: str, name: str, endpoint: Callable[..., Response], tag: str) -> None:
    spec = catalog.REPORTS[name]
    prefix = "" if tag == "Metrics" or name.startswith(tag.lower()) else f"{tag.lower()}_"
    router.get(
        path,
        name=f"{prefix}{name}",
        summary=spec.title,
        description=_http_description(spec.function.__doc__ or ""),
        response_model=spec.row if path in ONE_ROW else list_of(spec.row),
        tags=[tag],
    )(endpoint)


def _http_description(docstring: str) -> str:
    """Rewrite the docstring of a report for the API, where its error is a 404."""
    return re.sub(r"Raises\s+`*BadInput`*\s+(for|if)", r"A 404 \1", cleandoc(docstring))


for name in METRICS:
    _add_metric(f"{CLASS_PATH}/metrics/{name.replace('_', '-')}", name)
for path, name in OF_STUDENT.items():
    _add_student_report(path, name)
for path, name in OF_ASSIGNMENT.items():
    _add_assignment_report(path, name)
