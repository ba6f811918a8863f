"""Counts of everything, and the mentors."""

from __future__ import annotations

from fastapi.responses import JSONResponse, Response

from cohort_core.api.dependencies import Read, api_router
from cohort_core.api.pagination import Moment, SendList, list_of
from cohort_core.api.schemas import MentorRow, StatusResponse
from cohort_core.export import tables

router = api_router()


@router.get("/status", response_model=StatusResponse, tags=["Service"])
def status(read: Read) -> JSONResponse:
    """Count everything in the classes that may be seen.

    The sync that runs is named by its number.
    """
    running = read.running_job()
    statuses = read.statuses()
    counts = {
        name: sum(getattr(item, name) for item in statuses)
        for name in ("assignments", "progressions", "quarantined")
    }
    return JSONResponse(
        {
            "last_sync": read.last_sync(),
            "running": running.id if running else None,
            "classes": len(statuses),
            "active_classes": sum(item.is_active for item in statuses),
            "students": read.count_students(),
            **counts,
        }
    )


@router.get("/mentors", response_model=list_of(MentorRow), tags=["Service"])
def mentors(read: Read, send: SendList) -> Response:
    """List the mentors of the last import by name, with their class nights."""
    rows = [{"name": mentor.name, "night": mentor.night} for mentor in read.mentors()]
    return send(tables.Table("mentors", MentorRow, rows), Moment(synced_at=read.last_sync()))
