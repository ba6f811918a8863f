"""Syncs, and what a mentor has settled."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Body
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from cohort_core.api.dependencies import (
    STUDENT,
    ClassReference,
    CommandsFor,
    JobNumber,
    Read,
    StudentId,
    api_router,
)
from cohort_core.api.pagination import Moment, SendList, list_of
from cohort_core.api.schemas import (
    EventStream,
    MarkRequest,
    SyncRequest,
    SyncResponse,
    SyncRow,
)
from cohort_core.export import tables
from cohort_core.services.commands import Commands
from cohort_core.store.sync_runs import Job

router = api_router()


EVENT_SECONDS = 0.25


STILL_SECONDS = 5.0
"""How long a stream of events says nothing at most: then it shows who is gone, or has no right to it now."""


SYNCS_TOLD, SYNCS_KNOWN = 20, 1000


@router.put(f"{STUDENT}/mark", status_code=HTTPStatus.NO_CONTENT, tags=["Student"])
def settle(act: CommandsFor, class_id: ClassReference, student_id: StudentId, mark: MarkRequest) -> None:
    """Leave a student out of triage, until a day or for good."""
    act.hide_student(class_id, student_id, mark.kind, mark.until)


@router.delete(f"{STUDENT}/mark", status_code=HTTPStatus.NO_CONTENT, tags=["Student"])
def unsettle(act: CommandsFor, class_id: ClassReference, student_id: StudentId) -> None:
    """List a student in triage again."""
    act.show_again(class_id, student_id)


@router.post("/sync", response_model=SyncResponse, status_code=HTTPStatus.ACCEPTED, tags=["Sync"])
def start_sync(act: CommandsFor, wanted: Annotated[SyncRequest | None, Body()] = None) -> JSONResponse:
    """Start a sync in the background; `GET /sync/{job}` tells how far it is."""
    wanted = wanted or SyncRequest()
    job = act.start_sync(
        wanted.class_ids, asked_by="api", full=wanted.full, accept_removals=wanted.accept_removals
    )
    return _job_answer(job, HTTPStatus.ACCEPTED, {"Location": f"/sync/{job.id}"})


@router.post(
    "/sync/{job}/cancel", response_model=SyncResponse, status_code=HTTPStatus.ACCEPTED, tags=["Sync"]
)
def cancel_sync(act: CommandsFor, job: JobNumber) -> JSONResponse:
    """Stop a running sync between two pages. What it has read is kept."""
    return _job_answer(act.cancel_sync(job), HTTPStatus.ACCEPTED)


@router.get("/sync/{job}/events", response_class=EventStream, tags=["Sync"])
def sync_events(act: CommandsFor, job: JobNumber) -> StreamingResponse:
    """The sync's answer as server-sent events: `progress` whenever it changes, `ended` at its end."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(_events(act, act.job(job)), headers=headers)


@router.get("/sync", response_model=list_of(SyncRow), tags=["Sync"])
def syncs(act: CommandsFor, read: Read, send: SendList) -> Response:
    """The last 1,000 syncs, the latest first; without `limit` the last 20."""
    jobs = act.jobs(SYNCS_KNOWN)
    rows = tables.Table("syncs", SyncRow, [_sync_row(job) for job in jobs])
    synced_at = max((one.synced_at for one in read.statuses() if one.synced_at), default=None)
    # One that is killed writes no more.
    moment = Moment(synced_at=synced_at, is_passing=any(job.is_running for job in jobs))
    return send(rows, moment, default_limit=SYNCS_TOLD)


@router.get("/sync/{job}", response_model=SyncResponse, tags=["Sync"])
def sync_job(act: CommandsFor, job: JobNumber) -> JSONResponse:
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


async def _events(act: Commands, job: Job) -> AsyncIterator[str]:
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
