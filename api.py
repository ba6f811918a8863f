"""The JSON API: every answer of the dashboard under a path, for those who automate.

One short route an answer. How they are asked, what lists look like and how errors do is in
`cohort_core.answers`; what all have in common on the wire in `cohort_core.web`.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import asdict
from http import HTTPStatus
from inspect import cleandoc
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.concurrency import run_in_threadpool

from cohort_core import class_report as reporting
from cohort_core import exports, reports
from cohort_core.access import Gate, Limits
from cohort_core.acting import Actor, Administrator
from cohort_core.answers.asking import (
    Act,
    Administer,
    AsOf,
    AssignmentId,
    ClassReference,
    Group,
    InCohort,
    InWorkspace,
    JobNumber,
    Read,
    StudentId,
    TokenName,
    instant,
    refuse_unclear_parameters,
)
from cohort_core.answers.kept import KeptAnswers
from cohort_core.answers.lists import HEADERS, KEEP, MOST_ROWS, Moment, SendList, SendRow, list_of
from cohort_core.answers.models import (
    AuditRow,
    ClassRow,
    EventStream,
    Health,
    MarkRequest,
    NewToken,
    PdfResponse,
    SetAsideRow,
    SettingsAnswer,
    SettingsChange,
    SyncAnswer,
    SyncRequest,
    SyncRow,
    TokenRequest,
    TokenRow,
)
from cohort_core.answers.problems import add_problems
from cohort_core.answers.schema import describe, has_files
from cohort_core.journal import Journaled
from cohort_core.metrics import listing
from cohort_core.store.runs import Job
from cohort_core.store.tokens import Token
from cohort_core.web import ApiCors, BrowserGuard
from cohort_core.workspace import Workspace, shared_workspace

DASHBOARD_PATH = "/dashboard"
EVENT_SECONDS = 0.25
STILL_SECONDS = 5.0
"""How long a stream of events says nothing at most: then it shows who is gone, or has no right to it now."""
SYNCS_TOLD, SYNCS_KNOWN = 20, 1000
CLASS = "/classes/{class_id}"
STUDENT = f"{CLASS}/students/{{student_id}}"
ASSIGNMENT = f"{CLASS}/assignments/{{assignment_id}}"
METRICS = (
    *("time_to_complete", "stuck", "reteach", "activity", "engagement_gap", "velocity", "cohort_alarm"),
    *("pace", "forecast", "grade_distribution", "by_type", "by_section", "by_group", "by_weekday", "by_hour"),
    *("habits", "by_course_week", "matrix"),
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
ONE_ROW = frozenset({f"{CLASS}/metrics/cohort-alarm", STUDENT, f"{STUDENT}/pace", f"{STUDENT}/forecast"})
"""Paths whose answer is an object; that of the others is a list."""

Since = Annotated[
    str | None, instant("What happened after this instant or from this day on. Default: the sync before.")
]
Until = Annotated[
    str | None, instant("What happened up to this instant or the end of this day. Default: the last sync.")
]
CompletedAfter = Annotated[
    str | None, instant("Completed at this instant or later, or on this day or later.")
]
CompletedBefore = Annotated[str | None, instant("Completed before this instant, or before this day.")]


def create_app(
    workspace: Workspace | None = None,
    *,
    exposed: bool = False,
    hosts: Collection[str] = (),
    limits: Limits | None = None,
    **options: Any,
) -> FastAPI:
    """The API over one workspace (default: that of the environment). ``options`` go to FastAPI.

    ``exposed`` if others than this computer can connect; ``hosts`` are the names by which they may ask.
    """
    workspace = workspace or shared_workspace()
    app = FastAPIOffline(
        redoc_url=None,
        # A redirection names the scheme that arrives here, which a proxy with TLS before it has changed.
        redirect_slashes=False,
        dependencies=[Depends(refuse_unclear_parameters)],
        generate_unique_id_function=lambda route: route.name,
        title="Cohort Tracker",
        summary="Who needs a message today, and which assignment to teach again.",
        version="1",
        **options,
    )
    app.state.workspace = workspace
    # For the pages of the documentation; answers are compressed once and kept.
    app.add_middleware(KeptAnswers, workspace=workspace, beside=DASHBOARD_PATH)
    _add_guards(app, workspace, exposed, hosts, limits)
    add_problems(app)
    _add_class_routes(app)
    _add_metric_routes(app)
    _add_sync_routes(app)
    _add_admin_routes(app)
    _add_files(app)
    describe(app)
    return app


def _add_guards(
    app: FastAPI, workspace: Workspace, exposed: bool, hosts: Collection[str], limits: Limits | None
) -> None:
    """What stands before the routes; the last one added stands first."""
    origins = workspace.settings().cors_origins
    app.add_middleware(
        Gate,
        database=workspace.database,
        watch=workspace.watch,
        beside=DASHBOARD_PATH,
        exposed=exposed,
        limits=limits,
    )
    if origins:
        app.add_middleware(
            ApiCors,
            beside=DASHBOARD_PATH,
            origins=origins,
            told_headers=("ETag", "Location", "Retry-After", "X-Request-ID", *HEADERS.values()),
        )
    app.add_middleware(BrowserGuard, beside=DASHBOARD_PATH, hosts=hosts, origins=origins)
    app.add_middleware(Journaled, home=workspace.home, beside=DASHBOARD_PATH)


def _add_class_routes(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    @app.get("/health", response_model=Health, tags=["Service"])
    def health(request: Request, workspace: InWorkspace) -> JSONResponse:
        """Whether the service runs, and when any class was last synced."""
        request.scope["state"][KEEP] = None
        return JSONResponse({"status": "ok", "last_sync": workspace.last_sync()})

    @app.get("/classes", response_model=list[ClassRow], tags=["Class"])
    def classes(read: Read, send: SendList) -> Response:
        """Every class that OpenClass lists for the mentor, active ones first."""
        rows = [{name: getattr(one, name) for name in ClassRow.model_fields} for one in read.statuses()]
        synced_at = max((row["synced_at"] for row in rows if row["synced_at"]), default=None)
        return send(exports.Table("classes", ClassRow, rows), Moment(synced_at=synced_at))

    @app.get(f"{CLASS}/students", response_model=list[reports.StudentRow], tags=["Class"])
    def students(read: Read, class_id: ClassReference, send: SendList, group: Group = None) -> Response:
        """Everyone enrolled, withdrawn students included, by last name."""
        facts = read.facts(class_id)
        return send(reports.students(facts, group), Moment.of(facts))

    @app.get(f"{CLASS}/assignments", response_model=list[reports.AssignmentRow], tags=["Class"])
    def assignments(read: Read, class_id: ClassReference, send: SendList) -> Response:
        """The assignment set in course order."""
        facts = read.facts(class_id)
        return send(reports.assignments(facts), Moment.of(facts))

    @app.get(f"{CLASS}/progressions", response_model=list[reports.ProgressionRow], tags=["Class"])
    def progressions(
        read: Read,
        class_id: ClassReference,
        send: SendList,
        student_id: Annotated[str | None, Query(description="Of this student only.")] = None,
        assignment_id: Annotated[str | None, Query(description="Of this assignment only.")] = None,
        completed_after: CompletedAfter = None,
        completed_before: CompletedBefore = None,
        status: Annotated[listing.Status | None, Query(description="In this state only.")] = None,
    ) -> Response:
        """The records as OpenClass has them, newest completion first. Nothing is merged or left out."""
        facts = read.facts(class_id)
        report = reports.progressions(
            facts,
            student_id=student_id,
            assignment_id=assignment_id,
            completed_after=completed_after,
            completed_before=completed_before,
            status=status,
        )
        return send(report, Moment.of(facts))

    @app.get(f"{CLASS}/changes", response_model=list_of(reports.ChangeRow), tags=["Class"])
    def changes(
        read: Read,
        class_id: ClassReference,
        send: SendList,
        since: Since = None,
        until: Until = None,
        group: Group = None,
    ) -> Response:
        """What happened between two instants, newest first."""
        report = read.changes(class_id, since, until, group)
        return send(report, Moment.of(read.cohort(class_id, until), is_all=False))

    @app.get(f"{CLASS}/quarantine", response_model=list_of(SetAsideRow), tags=["Class"])
    def quarantine(read: Read, class_id: ClassReference, send: SendList) -> Response:
        """Records that OpenClass sent in a form that cannot be used, with the reason; tried at every sync."""
        rows = [asdict(one) for one in read.set_aside(class_id)]
        return send(
            exports.Table("quarantine", SetAsideRow, rows), Moment.of(read.facts(class_id), is_all=False)
        )

    @app.get(f"{CLASS}/report.pdf", response_class=PdfResponse, tags=["Class"])
    def class_report(
        request: Request, read: Read, class_id: ClassReference, as_of: AsOf = None, group: Group = None
    ) -> PdfResponse:
        """The class report: summary, who needs attention, blockers, trends, definitions."""
        request.scope["state"][KEEP] = class_id
        file = reporting.pdf(read.cohort(class_id, as_of, group), anonymous=read.anonymous)
        name = exports.file_name(class_id, "report", "pdf", anonymous=read.anonymous)
        return PdfResponse(file, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _add_metric_routes(app: FastAPI) -> None:
    @app.get("/triage", response_model=list_of(reports.NeedRow), tags=["Metrics"])
    def triage(read: Read, send: SendList, as_of: AsOf = None) -> Response:
        """Who needs a mentor, over all active classes, the longest need first.

        Without `limit` as many as the settings say: 7, unless they were changed.
        """
        return send(
            read.triage(MOST_ROWS, as_of),
            Moment.of(read.active_cohorts(as_of)),
            default_limit=read.workspace.settings().thresholds.triage_length,
        )

    @app.get(f"{CLASS}/progress-summary", response_model=reports.ProgressSummaryRow, tags=["Metrics"])
    def progress_summary(cohort: InCohort, send: SendRow) -> Response:
        """The class in a few numbers."""
        return send(reports.progress_summary(cohort), Moment.of(cohort))

    @app.get(f"{CLASS}/metrics/completion", response_model=reports.CompletionRow, tags=["Metrics"])
    def completion(cohort: InCohort, send: SendRow) -> Response:
        """How completions spread over the assignments."""
        return send(reports.completion(cohort), Moment.of(cohort))

    @app.get(f"{CLASS}/metrics/blockers", response_model=list[reports.BlockerRow], tags=["Metrics"])
    def blockers(
        cohort: InCohort,
        send: SendList,
        by: Annotated[reports.Ranking, Query(description="What makes one worse.")] = "difficulty",
    ) -> Response:
        """Which assignments stand in the way, the worst first."""
        return send(reports.blockers(cohort, by), Moment.of(cohort))

    @app.get(
        f"{CLASS}/metrics/student-health", response_model=list[reports.StudentHealthRow], tags=["Metrics"]
    )
    def student_health(cohort: InCohort, send: SendList) -> Response:
        """Who is falling behind, the worst first."""
        return send(reports.student_health(cohort), Moment.of(cohort))

    @app.get(f"{CLASS}/metrics/progress-over-time", response_model=list[reports.WeekRow], tags=["Metrics"])
    def progress_over_time(cohort: InCohort, send: SendList) -> Response:
        """Cumulative progress at the end of each week."""
        return send(reports.progress_over_time(cohort), Moment.of(cohort))

    for name in METRICS:
        _add_metric(app, f"{CLASS}/metrics/{name.replace('_', '-')}", name)
    for path, name in OF_STUDENT.items():
        _add_student_report(app, path, name)
    for path, name in OF_ASSIGNMENT.items():
        _add_assignment_report(app, path, name)


def _add_metric(app: FastAPI, path: str, name: str) -> None:
    def of_class(cohort: InCohort, send: SendList) -> Response:
        return send(reports.REPORTS[name].ask(cohort), Moment.of(cohort))

    def row_of_class(cohort: InCohort, send: SendRow) -> Response:
        return send(reports.REPORTS[name].ask(cohort), Moment.of(cohort))

    _add_report(app, path, name, row_of_class if path in ONE_ROW else of_class, "Metrics")


def _add_student_report(app: FastAPI, path: str, name: str) -> None:
    def of_student(cohort: InCohort, student_id: StudentId, send: SendList) -> Response:
        return send(reports.REPORTS[name].ask(cohort, student_id), Moment.of(cohort))

    def row_of_student(cohort: InCohort, student_id: StudentId, send: SendRow) -> Response:
        return send(reports.REPORTS[name].ask(cohort, student_id), Moment.of(cohort))

    _add_report(app, path, name, row_of_student if path in ONE_ROW else of_student, "Student")


def _add_assignment_report(app: FastAPI, path: str, name: str) -> None:
    def of_assignment(cohort: InCohort, assignment_id: AssignmentId, send: SendList) -> Response:
        return send(reports.REPORTS[name].ask(cohort, assignment_id), Moment.of(cohort))

    _add_report(app, path, name, of_assignment, "Assignment")


def _add_report(app: FastAPI, path: str, name: str, endpoint: Callable[..., Response], tag: str) -> None:
    answer = reports.REPORTS[name]
    of_one = "" if tag == "Metrics" or name.startswith(tag.lower()) else f"{tag.lower()}_"
    app.get(
        path,
        name=f"{of_one}{name}",
        summary=answer.title,
        description=_for_readers(answer.ask.__doc__ or ""),
        response_model=answer.row if path in ONE_ROW else list_of(answer.row),
        tags=[tag],
    )(endpoint)


def _for_readers(docstring: str) -> str:
    """What a report tells those who write code, as those who ask for it over HTTP see it."""
    return re.sub(r"Raises\s+BadInput\s+for", "A 404 for", cleandoc(docstring))


def _add_sync_routes(app: FastAPI) -> None:
    @app.put(f"{STUDENT}/mark", status_code=HTTPStatus.NO_CONTENT, tags=["Student"])
    def settle(act: Act, class_id: ClassReference, student_id: StudentId, mark: MarkRequest) -> None:
        """Leave a student out of triage, until a day or for good."""
        act.settle(class_id, student_id, mark.kind, mark.until)

    @app.delete(f"{STUDENT}/mark", status_code=HTTPStatus.NO_CONTENT, tags=["Student"])
    def unsettle(act: Act, class_id: ClassReference, student_id: StudentId) -> None:
        """List a student in triage again."""
        act.unsettle(class_id, student_id)

    @app.post("/sync", response_model=SyncAnswer, status_code=HTTPStatus.ACCEPTED, tags=["Sync"])
    def start_sync(act: Act, wanted: Annotated[SyncRequest | None, Body()] = None) -> JSONResponse:
        """Start a sync in the background; `GET /sync/{job}` tells how far it is."""
        wanted = wanted or SyncRequest()
        job = act.start_sync(
            wanted.class_ids, asked_by="api", full=wanted.full, accept_removals=wanted.accept_removals
        )
        return _job_answer(job, HTTPStatus.ACCEPTED, {"Location": f"/sync/{job.id}"})

    @app.post("/sync/{job}/cancel", response_model=SyncAnswer, status_code=HTTPStatus.ACCEPTED, tags=["Sync"])
    def cancel_sync(act: Act, job: JobNumber) -> JSONResponse:
        """Stop a running sync between two pages. What it has read is kept."""
        return _job_answer(act.cancel_sync(job), HTTPStatus.ACCEPTED)

    @app.get("/sync/{job}/events", response_class=EventStream, tags=["Sync"])
    def sync_events(act: Act, job: JobNumber) -> StreamingResponse:
        """The sync's answer as server-sent events: `progress` whenever it changes, `ended` at its end."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return EventStream(_events(act, act.job(job)), headers=headers)

    @app.get("/sync", response_model=list_of(SyncRow), tags=["Sync"])
    def syncs(act: Act, read: Read, send: SendList) -> Response:
        """The last 1,000 syncs, the latest first; without `limit` the last 20."""
        jobs = act.jobs(SYNCS_KNOWN)
        rows = exports.Table("syncs", SyncRow, [_sync_row(job) for job in jobs])
        synced_at = max((one.synced_at for one in read.statuses() if one.synced_at), default=None)
        # One that is killed writes no more.
        moment = Moment(synced_at=synced_at, is_passing=any(job.is_running for job in jobs))
        return send(rows, moment, default_limit=SYNCS_TOLD)

    @app.get("/sync/{job}", response_model=SyncAnswer, tags=["Sync"])
    def sync_job(act: Act, job: JobNumber) -> JSONResponse:
        """A sync: its state, and for each class what was read and what had changed."""
        return _job_answer(act.job(job))


def _sync_row(job: Job) -> dict[str, Any]:
    told = job.as_dict()
    known = {name: told[name] for name in SyncRow.model_fields if name in told}
    return known | {"error_code": job.error_code, "class_ids": [run.class_id for run in job.runs]}


def _job_answer(
    job: Job, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(job.as_dict(), status, headers)


def _add_admin_routes(app: FastAPI) -> None:
    """For admins only, since no rule of ``cohort_core.access`` names these paths."""

    @app.get("/tokens", response_model=list_of(TokenRow), tags=["Administration"])
    def tokens(admin: Administer, send: SendList) -> Response:
        """The tokens in the order in which they were made, those that are revoked included."""
        rows = [_told_token(one) for one in admin.tokens()]
        return send(exports.Table("tokens", TokenRow, rows), Moment())

    @app.post("/tokens", response_model=NewToken, status_code=HTTPStatus.CREATED, tags=["Administration"])
    def create_token(admin: Administer, wanted: TokenRequest) -> JSONResponse:
        """Make a token and tell it, this once. As soon as there is one, every request needs one.

        Make the first one an admin's, or later ones can be made on the server's own computer only.
        """
        made, secret = admin.create_token(wanted.name, wanted.role, wanted.class_ids, wanted.expires)
        answer = _told_token(made) | {"token": secret}
        return JSONResponse(answer, HTTPStatus.CREATED, {"Cache-Control": "no-store"})

    @app.delete("/tokens/{name}", status_code=HTTPStatus.NO_CONTENT, tags=["Administration"])
    def revoke_token(admin: Administer, name: TokenName) -> None:
        """Let a token in no more, from this moment on."""
        admin.revoke_token(name)

    @app.get("/audit", response_model=list_of(AuditRow), tags=["Administration"])
    def audit(admin: Administer, send: SendList) -> Response:
        """Exports, reports, backups, purges, changes of settings and tokens, the newest first."""
        rows = [asdict(one) for one in admin.events()]
        return send(exports.Table("audit", AuditRow, rows), Moment())

    @app.get("/settings", response_model=SettingsAnswer, tags=["Administration"])
    def settings(request: Request, admin: Administer) -> SettingsAnswer:
        """The settings that can be changed while everything runs."""
        request.scope["state"][KEEP] = None
        return _told_settings(admin)

    @app.patch("/settings", response_model=SettingsAnswer, tags=["Administration"])
    def change_settings(admin: Administer, wanted: SettingsChange) -> SettingsAnswer:
        """Change the settings that are named, and tell all of them. They hold at once and everywhere."""
        admin.change_settings(wanted)
        return _told_settings(admin)


def _told_token(one: Token) -> dict[str, Any]:
    class_ids = None if one.class_ids is None else sorted(one.class_ids)
    return {name: getattr(one, name) for name in TokenRow.model_fields} | {"class_ids": class_ids}


def _told_settings(admin: Administrator) -> SettingsAnswer:
    return SettingsAnswer(**dict(admin.settings()), set_by_environment=admin.fixed_settings())


def _add_files(app: FastAPI) -> None:
    """Every table also as a file: its address with .csv or .xlsx after it."""
    routes = list(app.router.routes)
    for route in routes:
        if isinstance(route, APIRoute) and has_files(route):
            for extension in exports.KINDS:
                path, name = f"{route.path}.{extension}", f"{route.name}_{extension}"
                app.get(path, name=name, include_in_schema=False, response_model=None)(route.endpoint)
    # Before the others: a path of one student would take an address with an extension for an id.
    files = app.router.routes[len(routes) :]
    app.router.routes[:] = files + routes


async def _events(act: Actor, job: Job) -> AsyncIterator[str]:
    told, told_at = "", 0.0
    while True:
        data = json.dumps(job.as_dict())
        if data != told:
            name = "progress" if job.is_running else "ended"
            yield f"event: {name}\ndata: {data}\n\n"
            told, told_at = data, time.monotonic()
        elif time.monotonic() - told_at > STILL_SECONDS:
            # A comment, which every reader of events leaves out.
            yield ":\n\n"
            told_at = time.monotonic()
        if not job.is_running:
            return
        # Not in a thread: those who watch would leave none to those who ask.
        await asyncio.sleep(EVENT_SECONDS)
        job = await run_in_threadpool(act.job, job.id)
