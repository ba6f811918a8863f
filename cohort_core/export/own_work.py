"""A student's own work as a file."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from cohort_core.export.tables import Table, csv_bytes
from cohort_core.metrics.own_progress import OwnProgress


class OwnWorkRow(BaseModel):
    """An assignment of the course, with the student's own work in it."""

    number: int = Field(description="Place in the course, from 1.")
    assignment: str = Field(description="Its name.")
    section: str | None = Field(description="The part of the course.")
    type: str | None = Field(description="The kind of the assignment, such as quiz.")
    state: str = Field(description="completed, in progress or to come.")
    started_at: datetime | None = Field(description="When you started it, UTC.")
    completed_at: datetime | None = Field(description="When you completed it, UTC.")
    reviewed_at: datetime | None = Field(description="When it was reviewed, UTC.")
    grade: float | None = Field(description="Your grade, 0 to 1; with a bonus more.")


def own_work_csv(progress: OwnProgress) -> bytes:
    """Write the work of a student as CSV, in course order."""
    rows = [
        {
            "number": number,
            "assignment": item.name,
            "section": item.section,
            "type": item.type,
            "state": item.state.replace("_", " "),
            "started_at": _text(item.started_at),
            "completed_at": _text(item.completed_at),
            "reviewed_at": _text(item.reviewed_at),
            "grade": item.grade,
        }
        for number, item in enumerate(progress.work, 1)
    ]
    return csv_bytes(Table("my-progress", OwnWorkRow, rows))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
