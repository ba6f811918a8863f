"""The JSON API: every answer of the dashboard under a path, for those who automate.

One short route an answer, and one handler for all errors, which are RFC 9457 problems with a stable ``code``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import date
from http import HTTPStatus
from inspect import cleandoc
from typing import Annotated, Any, Literal, get_origin

from fastapi import Body, Depends, FastAPI, Path, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from cohort_core import class_report as reporting
from cohort_core import errors, exports, reports
from cohort_core.cohort import Cohort, of_type
from cohort_core.metrics import listing
from cohort_core.store.runs import Job
from cohort_core.web import ApiAnswers, BrowserGuard, problem
from cohort_core.workspace import Reader, Workspace, shared_workspace

STATUS_OF_ERROR: dict[type[errors.CohortError], HTTPStatus] = {
    errors.NotConnected: HTTPStatus.CONFLICT,
    errors.BadSettings: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.NotInstalled: HTTPStatus.NOT_IMPLEMENTED,
    errors.DatabaseNewer: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.DatabaseUnusable: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.LoginRefused: HTTPStatus.BAD_GATEWAY,
    errors.NoNetwork: HTTPStatus.BAD_GATEWAY,
    errors.UpstreamDown: HTTPStatus.BAD_GATEWAY,
    errors.UpstreamChanged: HTTPStatus.BAD_GATEWAY,
    errors.ClassInaccessible: HTTPStatus.BAD_GATEWAY,
    errors.SyncRunning: HTTPStatus.CONFLICT,
    errors.SyncCancelled: HTTPStatus.CONFLICT,
    errors.SyncFailed: HTTPStatus.BAD_GATEWAY,
    errors.RemovalsRefused: HTTPStatus.CONFLICT,
    errors.UnknownClass: HTTPStatus.NOT_FOUND,
    errors.UnknownJob: HTTPStatus.NOT_FOUND,
    errors.BadInput: HTTPStatus.UNPROCESSABLE_ENTITY,
}

DASHBOARD_PATH = "/dashboard"
EVENT_SECONDS = 0.25
STUDENT = "/classes/{class_id}/students/{student_id}"
ASSIGNMENT = "/classes/{class_id}/assignments/{assignment_id}"
METRICS = (
    *("time_to_complete", "stuck", "reteach", "activity", "engagement_gap", "velocity", "cohort_alarm"),
    *("pace", "forecast", "grade_distribution", "by_type", "by_section", "by_group", "by_weekday", "by_hour"),
    "habits",
)
OF_STUDENT = {
    STUDENT: "student",
    f"{STUDENT}/timeline": "student_timeline",
    f"{STUDENT}/assignments": "student_assignments",
    f"{STUDENT}/risk-history": "risk_history",
    f"{STUDENT}/habits": "habits",
    f"{STUDENT}/pace": "pace",
    f"{STUDENT}/forecast": "forecast",
}
OF_ASSIGNMENT = {
    f"{ASSIGNMENT}/students": "assignment_students",
    f"{ASSIGNMENT}/grades": "assignment_grades",
    f"{ASSIGNMENT}/durations": "assignment_durations",
}
ONE_ROW = frozenset(
    {"/classes/{class_id}/metrics/cohort-alarm", STUDENT, f"{STUDENT}/pace", f"{STUDENT}/forecast"}
)
"""Paths whose answer is an object; that of the others is a list."""


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    title: str
    status: int
    detail: str = Field(description="What happened, and what to do about it.")
    code: str = Field(description="Stable name of the error, for programs.")


class Health(BaseModel):
    status: str = Field(examples=["ok"])
    last_sync: str | None = Field(
        examples=["2025-01-04T15:30:00Z"], description="UTC; null before the first."
    )


class ClassItem(BaseModel):
    """A class and how much of it is here."""

    id: str
    friendly_id: str | None
    name: str
    is_active: bool = Field(description="Whether a sync that names no class includes this one.")
    is_published: bool | None
    synced_at: str | None = Field(description="End of the last successful sync, UTC.")
    students: int = Field(description="Students seen in progressions; the roster may know more.")
    assignments: int
    progressions: int
    quarantined: int = Field(description="Records that OpenClass sent in a form that cannot be used.")


class SetAsideItem(BaseModel):
    """A record that could not be used."""

    class_id: str
    id: str = Field(description="Its OpenClass id, or a hash of it if it has none.")
    reason: str
    first_seen_at: str
    last_seen_at: str = Field(description="When it was last seen in another form, UTC.")


class TriageAnswer(BaseModel):
    """The needs that are shown, the longest first, and how many more there are."""

    entries: list[reports.NeedRow]
    more: int


class MarkRequest(BaseModel):
    """*done* with the day on which triage lists the student again, or *exempt* for good."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["done", "exempt"]
    until: date | None = None


class PdfResponse(Response):
    media_type = "application/pdf"


Answer = reports.Report | exports.Table
Deliver = Callable[[Answer], Response]


class SyncRequest(BaseModel):
    """Which classes to sync (ids or friendly ids; the active ones if none), and whether to read all pages."""

    model_config = ConfigDict(extra="forbid")
    class_ids: list[str] | None = None
    full: bool = False
    accept_removals: Annotated[
        bool, Field(description="Remove what OpenClass no longer has, however much it is.")
    ] = False


def _workspace(request: Request) -> Workspace:
    workspace: Workspace = request.app.state.workspace
    return workspace


InWorkspace = Annotated[Workspace, Depends(_workspace)]
Anonymous = Annotated[
    bool,
    Query(description="Pseudonyms for names and emails, and other ids for students and records."),
]


def _reader(workspace: InWorkspace, anonymous: Anonymous = False) -> Reader:
    return Reader(workspace, workspace.is_anonymous(anonymous))


Read = Annotated[Reader, Depends(_reader)]
"""What a route takes that tells about people: with it comes anonymous mode."""

ClassReference = Annotated[str, Path(alias="class_id", description="A class's id or friendly id.")]
Group = Annotated[str | None, Query(description="A night or region of the roster, or a group's id.")]
AsOf = Annotated[
    str | None,
    Query(
        description="Answer as it was at this instant, or at the end of this day in the class's time zone. "
        "Default: the end of the last sync.",
        examples=["2025-01-04", "2025-01-04T15:30:00Z"],
    ),
]
Type = Annotated[
    str | None,
    Query(
        alias="type",
        description="Count assignments of this type only, such as quiz. Risk and activity stay.",
    ),
]
Limit = Annotated[int | None, Query(ge=0, description="At most so many rows; all by default.")]
Offset = Annotated[int, Query(ge=0, description="Leave out so many rows first.")]


def _cohort(
    read: Read,
    class_id: ClassReference,
    as_of: AsOf = None,
    group: Group = None,
    type_: Type = None,
) -> Cohort:
    cohort = read.cohort(class_id, as_of=as_of, group=group)
    return cohort if type_ is None else of_type(cohort, type_)


InCohort = Annotated[Cohort, Depends(_cohort)]


def _window(request: Request, read: Read, limit: Limit = None, offset: Offset = 0) -> Deliver:
    """Cuts a list to what was asked for, and sends it in the format that the address or the header names."""

    def send(answer: Answer) -> Response:
        part = slice(offset, None if limit is None else offset + limit)
        if isinstance(answer, exports.Table):
            shown = replace(answer, rows=answer.rows[part])
        else:
            shown = exports.table(replace(answer, frame=answer.frame[part]))
        extension = _wanted_format(request)
        if extension is None:
            return JSONResponse(shown.rows, headers={"Vary": "Accept"})
        kind = exports.KINDS[extension]
        reference = request.path_params.get("class_id")
        about = {"Class": reference} if reference else {}
        about |= {name: text for name, text in request.query_params.items() if name in ("as_of", "type")}
        name = exports.file_name(reference, answer.name, extension, anonymous=read.anonymous)
        headers = {"Vary": "Accept", "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(kind.write(shown, about), headers=headers, media_type=kind.media_type)

    return send


Windowed = Annotated[Deliver, Depends(_window)]


def _wanted_format(request: Request) -> exports.FileFormat | None:
    """The format in which the address ends, else the first in Accept that is known; None for JSON."""
    path = request.scope["route"].path
    for extension in exports.KINDS:
        if path.endswith(f".{extension}"):
            return extension
    for entry in request.headers.get("accept", "").split(","):
        media_type = entry.split(";")[0].strip().lower()
        if media_type in {"application/json", "*/*"}:
            return None
        for extension, kind in exports.KINDS.items():
            if media_type == kind.media_type.split(";")[0]:
                return extension
    return None


def _refuse_unknown_parameters(request: Request) -> None:
    """A misspelt parameter would be an answer to another question than the one that was asked."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not route.include_in_schema:
        return
    known = _parameters(route.dependant)
    for name in request.query_params:
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise errors.BadInput(
                f"There is a parameter that this path does not know. It knows: {names}.", parameter="query"
            )


def _parameters(dependant: Dependant) -> set[str]:
    """The names of the query parameters that a route knows, those of what it depends on included."""
    own = {field.alias for field in dependant.query_params}
    return own.union(*(_parameters(one) for one in dependant.dependencies))


def create_app(workspace: Workspace | None = None, **options: Any) -> FastAPI:
    """The API over one workspace (default: that of the environment). ``options`` go to FastAPI."""
    app = FastAPIOffline(
        redoc_url=None,
        dependencies=[Depends(_refuse_unknown_parameters)],
        title="Cohort Tracker",
        summary="Who needs a message today, and which assignment to teach again.",
        version="1",
        responses={"4XX": {"model": Problem}, "5XX": {"model": Problem}},
        **options,
    )
    app.state.workspace = workspace or shared_workspace()
    app.add_middleware(ApiAnswers, beside=DASHBOARD_PATH)
    # Outside of the tags, since compressed bytes carry the time at which they were made.
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(BrowserGuard)
    app.add_exception_handler(errors.CohortError, _cohort_problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(Exception, _unexpected_problem)
    _add_routes(app)
    _add_metric_routes(app)
    _add_files(app)
    return app


def _add_routes(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    @app.get("/health", response_model=Health)
    def health(workspace: InWorkspace) -> Health:
        """Whether the service runs, and when any class was last synced."""
        return Health(status="ok", last_sync=workspace.last_sync())

    @app.get("/classes", response_model=list[ClassItem])
    def classes(workspace: InWorkspace, send: Windowed) -> Response:
        """Every class that OpenClass lists for the mentor, active ones first."""
        names = ClassItem.model_fields
        rows = [{name: getattr(one, name) for name in names} for one in workspace.statuses()]
        return send(exports.Table("classes", ClassItem, rows))

    @app.get("/classes/{class_id}/students", response_model=list[reports.StudentRow])
    def students(read: Read, class_id: ClassReference, send: Windowed, group: Group = None) -> Response:
        """Everyone enrolled, withdrawn students included."""
        return send(reports.students(read.facts(class_id), group))

    @app.get("/classes/{class_id}/assignments", response_model=list[reports.AssignmentRow])
    def assignments(read: Read, class_id: ClassReference, send: Windowed) -> Response:
        """The assignment set in course order."""
        return send(reports.assignments(read.facts(class_id)))

    @app.get("/classes/{class_id}/progressions", response_model=list[reports.ProgressionRow])
    def progressions(
        read: Read,
        class_id: ClassReference,
        send: Windowed,
        student_id: str | None = None,
        assignment_id: str | None = None,
        completed_after: Annotated[
            str | None, Query(description="Completed at this instant or later, or on this day or later.")
        ] = None,
        completed_before: Annotated[
            str | None, Query(description="Completed before this instant, or before this day.")
        ] = None,
        status: listing.Status | None = None,
    ) -> Response:
        """The records as OpenClass has them, newest completion first. Nothing is merged or left out."""
        report = reports.progressions(
            read.facts(class_id),
            student_id=student_id,
            assignment_id=assignment_id,
            completed_after=completed_after,
            completed_before=completed_before,
            status=status,
        )
        return send(report)

    @app.get("/classes/{class_id}/progress-summary", response_model=reports.ProgressSummaryRow)
    def progress_summary(cohort: InCohort) -> JSONResponse:
        """The class in a few numbers."""
        return JSONResponse(reports.progress_summary(cohort).record())

    @app.get("/classes/{class_id}/metrics/completion", response_model=reports.CompletionRow)
    def completion(cohort: InCohort) -> JSONResponse:
        """How completions spread over the assignments."""
        return JSONResponse(reports.completion(cohort).record())

    @app.get("/classes/{class_id}/metrics/blockers", response_model=list[reports.BlockerRow])
    def blockers(cohort: InCohort, send: Windowed, by: reports.Ranking = "difficulty") -> Response:
        """Which assignments stand in the way, the worst first."""
        return send(reports.blockers(cohort, by))

    @app.get("/classes/{class_id}/metrics/student-health", response_model=list[reports.StudentHealthRow])
    def student_health(cohort: InCohort, send: Windowed) -> Response:
        """Who is falling behind, the worst first."""
        return send(reports.student_health(cohort))

    @app.get("/classes/{class_id}/metrics/progress-over-time", response_model=list[reports.WeekRow])
    def progress_over_time(cohort: InCohort, send: Windowed) -> Response:
        """Cumulative progress at the end of each week."""
        return send(reports.progress_over_time(cohort))

    @app.get("/classes/{class_id}/changes", response_model=list[reports.ChangeRow])
    def changes(
        read: Read,
        class_id: ClassReference,
        send: Windowed,
        since: Annotated[
            str | None, Query(description="After this instant or from this day on; default: the sync before.")
        ] = None,
        until: Annotated[
            str | None,
            Query(description="Up to this instant or the end of this day; default: the last sync."),
        ] = None,
        group: Group = None,
    ) -> Response:
        """What happened between two instants, newest first."""
        return send(read.changes(class_id, since, until, group))

    @app.put("/classes/{class_id}/students/{student_id}/mark", status_code=HTTPStatus.NO_CONTENT)
    def settle(workspace: InWorkspace, class_id: ClassReference, student_id: str, mark: MarkRequest) -> None:
        """Leave a student out of triage, until a day or for good."""
        workspace.settle(class_id, student_id, mark.kind, mark.until)

    @app.delete("/classes/{class_id}/students/{student_id}/mark", status_code=HTTPStatus.NO_CONTENT)
    def unsettle(workspace: InWorkspace, class_id: ClassReference, student_id: str) -> None:
        """List a student in triage again."""
        workspace.unsettle(class_id, student_id)

    @app.get("/classes/{class_id}/report.pdf", response_class=PdfResponse)
    def class_report(
        read: Read, class_id: ClassReference, as_of: AsOf = None, group: Group = None
    ) -> PdfResponse:
        """The class report: summary, who needs attention, blockers, trends, definitions."""
        file = reporting.pdf(read.cohort(class_id, as_of, group), anonymous=read.anonymous)
        name = exports.file_name(class_id, "report", "pdf", anonymous=read.anonymous)
        return PdfResponse(file, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    @app.post("/sync", status_code=HTTPStatus.ACCEPTED)
    def start_sync(
        workspace: InWorkspace, wanted: Annotated[SyncRequest | None, Body()] = None
    ) -> JSONResponse:
        """Start a sync in the background; `GET /sync/{job}` tells how far it is."""
        wanted = wanted or SyncRequest()
        job_id = workspace.start_sync(
            wanted.class_ids, asked_by="api", full=wanted.full, accept_removals=wanted.accept_removals
        )
        return JSONResponse(
            workspace.job(job_id).as_dict(),
            status_code=HTTPStatus.ACCEPTED,
            headers={"Location": f"/sync/{job_id}"},
        )

    @app.get("/classes/{class_id}/quarantine", response_model=list[SetAsideItem])
    def quarantine(read: Read, class_id: ClassReference, send: Windowed) -> Response:
        """Records that OpenClass sent in a form that cannot be used, with the reason; tried at every sync."""
        rows = [asdict(one) for one in read.set_aside(class_id)]
        return send(exports.Table("quarantine", SetAsideItem, rows))

    @app.post("/sync/{job}/cancel", status_code=HTTPStatus.ACCEPTED)
    def cancel_sync(workspace: InWorkspace, job: int) -> JSONResponse:
        """Stop a running sync between two pages. What it has read is kept."""
        workspace.job(job)
        workspace.cancel_sync(job)
        return JSONResponse(workspace.job(job).as_dict(), HTTPStatus.ACCEPTED)

    @app.get("/sync/{job}/events", response_class=StreamingResponse)
    def sync_events(workspace: InWorkspace, job: int) -> StreamingResponse:
        """The sync's answer as server-sent events: `progress` whenever it changes, `ended` at its end."""
        first = workspace.job(job)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_events(workspace, first), headers=headers, media_type="text/event-stream")

    @app.get("/sync/{job}")
    def sync_job(workspace: InWorkspace, job: int) -> dict[str, Any]:
        """A sync: its state, and for each class what was read and what had changed."""
        return workspace.job(job).as_dict()


def _add_metric_routes(app: FastAPI) -> None:
    for name in METRICS:
        _add_metric(app, f"/classes/{{class_id}}/metrics/{name.replace('_', '-')}", name)
    for path, name in OF_STUDENT.items():
        _add_student_report(app, path, name)
    for path, name in OF_ASSIGNMENT.items():
        _add_assignment_report(app, path, name)

    @app.get("/triage", response_model=TriageAnswer)
    def triage(
        read: Read,
        as_of: AsOf = None,
        limit: Annotated[
            int | None, Query(ge=0, description="At most so many entries; by default as the settings say, 7.")
        ] = None,
    ) -> JSONResponse:
        """Who needs a mentor, over all active classes."""
        answer = read.triage(limit, as_of)
        return JSONResponse({"entries": answer.records(), "more": answer.more})


def _add_metric(app: FastAPI, path: str, name: str) -> None:
    def of_class(cohort: InCohort, send: Windowed) -> Response:
        return _answer(path, reports.REPORTS[name].ask(cohort), send)

    _add_report(app, path, name, of_class)


def _add_student_report(app: FastAPI, path: str, name: str) -> None:
    def of_student(cohort: InCohort, student_id: str, send: Windowed) -> Response:
        return _answer(path, reports.REPORTS[name].ask(cohort, student_id), send)

    _add_report(app, path, name, of_student)


def _add_assignment_report(app: FastAPI, path: str, name: str) -> None:
    def of_assignment(cohort: InCohort, assignment_id: str, send: Windowed) -> Response:
        return _answer(path, reports.REPORTS[name].ask(cohort, assignment_id), send)

    _add_report(app, path, name, of_assignment)


def _add_report(app: FastAPI, path: str, name: str, endpoint: Callable[..., Response]) -> None:
    answer = reports.REPORTS[name]
    app.get(
        path,
        name=name,
        summary=answer.title,
        description=cleandoc(answer.ask.__doc__ or ""),
        response_model=answer.row if path in ONE_ROW else list[answer.row],  # type: ignore[name-defined]
    )(endpoint)


def _answer(path: str, report: reports.Report, send: Deliver) -> Response:
    return JSONResponse(report.record()) if path in ONE_ROW else send(report)


def _add_files(app: FastAPI) -> None:
    """Every list also as a file: its address with .csv or .xlsx after it."""
    for route in list(app.routes):
        if isinstance(route, APIRoute) and get_origin(route.response_model) is list:
            for extension, kind in exports.KINDS.items():
                path, name = f"{route.path}.{extension}", f"{route.name}_{extension}"
                app.get(path, name=name, include_in_schema=False)(route.endpoint)
                content = route.responses.setdefault(200, {}).setdefault("content", {})
                content[kind.media_type.split(";")[0]] = {"schema": {"type": "string", "format": "binary"}}


def _events(workspace: Workspace, job: Job) -> Iterator[str]:
    told = ""
    while True:
        data = json.dumps(job.as_dict())
        if data != told:
            name = "progress" if job.is_running else "ended"
            yield f"event: {name}\ndata: {data}\n\n"
            told = data
        if not job.is_running:
            return
        time.sleep(EVENT_SECONDS)
        job = workspace.job(job.id)


def _cohort_problem(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, errors.CohortError):
        raise error
    return problem(STATUS_OF_ERROR[type(error)], error.message, error.code, **error.details)


def _validation_problem(_request: Request, error: Exception) -> JSONResponse:
    """Names every parameter that cannot be used, and says what it should be; never repeats what was sent."""
    if not isinstance(error, RequestValidationError):
        raise error
    problems = [{"parameter": _parameter(one["loc"]), "reason": one["msg"]} for one in error.errors()]
    detail = "; ".join(f"{one['parameter']}: {one['reason']}" for one in problems)
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"{detail}. Correct this and ask again.",
        errors.BadInput.code,
        parameter=problems[0]["parameter"],
        problems=problems,
    )


def _parameter(location: tuple[str | int, ...]) -> str:
    """The name of what was wrong; of a body that is no JSON, which has no parts, the body."""
    names = [part for part in location[1:] if isinstance(part, str)]
    return ".".join(names) or str(location[0])


def _http_problem(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    hint = "The paths there are stand at /docs." if status == HTTPStatus.NOT_FOUND else "See /docs."
    answer = problem(status, f"{status.description or status.phrase}. {hint}", status.name.lower())
    answer.headers.update(error.headers or {})
    return answer


def _unexpected_problem(_request: Request, _error: Exception) -> JSONResponse:
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something unexpected happened. Ask again; if it stays so, report it with the time of this answer.",
        "unexpected",
    )
