"""Syncs, and students that a mentor leaves out of triage."""

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
    STUDENT_PATH,
    ClassReference,
    CommandsFor,
    JobNumber,
    Read,
    ReadSyncs,
    StudentInPath,
    api_router,
)
from cohort_core.api.pagination import Moment, SendList, list_of
from cohort_core.api.schemas import EventStream, MarkRequest, SyncRequest, SyncResponse, SyncRow
from cohort_core.export import tables
from cohort_core.services.reader import Reader
from cohort_core.store.sync_runs import Job

router = api_router()


EVENT_SECONDS = 0.25


HEARTBEAT_SECONDS = 5.0
"""A stream of events is never silent for longer.

Only a write shows that the client is gone, or has lost the right to read on.
"""


DEFAULT_SYNCS, MAX_SYNCS = 20, 1000


@router.put(f"{STUDENT_PATH}/mark", status_code=HTTPStatus.NO_CONTENT, tags=["Student"])
def settle(
    commands: CommandsFor, class_id: ClassReference, student_id: StudentInPath, mark: MarkRequest
) -> None:
    """Leave a student out of triage for a time or for good.

    A time is until a day, or until the student is active again. A student who becomes worse in that
    time is listed at once.
    """
    commands.hide_student(
        *(class_id, student_id, mark.kind, mark.until), until_active=mark.until_active, wrong=mark.wrong
    )


@router.delete(f"{STUDENT_PATH}/mark", status_code=HTTPStatus.NO_CONTENT, tags=["Student"])
def unsettle(commands: CommandsFor, class_id: ClassReference, student_id: StudentInPath) -> None:
    """List a student in triage again."""
    commands.show_again(class_id, student_id)


@router.post("/sync", response_model=SyncResponse, status_code=HTTPStatus.ACCEPTED, tags=["Sync"])
def start_sync(commands: CommandsFor, wanted: Annotated[SyncRequest | None, Body()] = None) -> JSONResponse:
    """Start a sync in the background; `GET /sync/{job}` shows its progress."""
    wanted = wanted or SyncRequest()
    job = commands.start_sync(wanted.class_ids, full=wanted.full, accept_removals=wanted.accept_removals)
    return _job_response(job, HTTPStatus.ACCEPTED, {"Location": f"/sync/{job.id}"})


@router.post(
    "/sync/{job}/cancel", response_model=SyncResponse, status_code=HTTPStatus.ACCEPTED, tags=["Sync"]
)
def cancel_sync(commands: CommandsFor, job: JobNumber) -> JSONResponse:
    """Stop a running sync between two pages. The pages that it has read are kept."""
    return _job_response(commands.cancel_sync(job), HTTPStatus.ACCEPTED)


@router.get("/sync/{job}/events", response_class=EventStream, tags=["Sync"])
def sync_events(read: ReadSyncs, job: JobNumber) -> StreamingResponse:
    """Stream the state of a sync as server-sent events.

    There is an event `progress` whenever the state changes, and `ended` at the end of the sync.
    """
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(_events(read, read.job(job)), headers=headers)


@router.get("/sync", response_model=list_of(SyncRow), tags=["Sync"])
def syncs(read: Read, send: SendList) -> Response:
    """List the last 1,000 syncs, the latest first; without `limit` the last 20."""
    jobs = read.jobs(MAX_SYNCS)
    rows = tables.Table("syncs", SyncRow, [_sync_row(job) for job in jobs])
    # A sync that is killed ends without a write, so a response with a running one is not cached.
    moment = Moment(synced_at=read.last_sync(), is_passing=any(job.is_running for job in jobs))
    return send(rows, moment, default_limit=DEFAULT_SYNCS)


@router.get("/sync/{job}", response_model=SyncResponse, tags=["Sync"])
def sync_job(read: ReadSyncs, job: JobNumber) -> JSONResponse:
    """Return the state of a sync, with the records read and changed in each class."""
    return _job_response(read.job(job))


def _sync_row(job: Job) -> dict[str, Any]:
    state = job.as_dict()
    row = {name: state[name] for name in SyncRow.model_fields if name in state}
    return row | {"error_code": job.error_code, "class_ids": [run.class_id for run in job.runs]}


def _job_response(
    job: Job, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(job.as_dict(), status, headers)


async def _events(reader: Reader, job: Job) -> AsyncIterator[str]:
    last, sent_at = "", 0.0
    while True:
        data = json.dumps(job.as_dict(), allow_nan=False)
        if data != last:
            name = "progress" if job.is_running else "ended"
            yield f"event: {name}\ndata: {data}\n\n"
            last, sent_at = data, time.monotonic()
        elif time.monotonic() - sent_at > HEARTBEAT_SECONDS:
            # A comment, which every client ignores.
            yield ":\n\n"
            sent_at = time.monotonic()
        if not job.is_running:
            return
        # Do not sleep in a thread: many open streams would leave no threads for other requests.
        await asyncio.sleep(EVENT_SECONDS)
        job = await run_in_threadpool(reader.job, job.id)
