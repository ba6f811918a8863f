"""A class to sync, with helpers that read the store."""

from __future__ import annotations

from typing import Any

import pytest

from cohort_core.practice.school import hex_id, progression
from cohort_core.practice.server import Running
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import set_active
from cohort_core.store.sync_runs import Job

COLUMNS = "id, student_id, assignment_id, grade, started_at, completed_at, reviewed_at"


def instant(number: int) -> str:
    return f"2026-03-{number // 24 + 1:02d}T{number % 24:02d}:00:00.000Z"


def row(number: int, **changes: Any) -> dict[str, Any]:
    """Make the completed record `number` of a class of four students."""
    at = instant(number)
    return progression(
        f"row {number}",
        student=f"student {number % 4}",
        assignment=f"assignment {number // 4}",
        **({"started": at, "completed": at} | changes),
    )


def id_of(number: int) -> str:
    return hex_id("progression", f"row {number}")


class SyncedClass:
    """One class with 12 records, connected and active."""

    def __init__(self, workspace: Workspace, served: Running) -> None:
        self.workspace = workspace
        self.served = served
        self.school = served.school
        units = [
            {"name": "Week 1", "assignments": [hex_id("assignment", f"assignment {n}") for n in range(3)]}
        ]
        self.id = self.school.add_class("Class", units=units, rows=[row(number) for number in range(12)])
        workspace.connect_to_practice(served.url, asked_by="test")
        set_active(workspace.database, [self.id], active=True)

    def sync(self, **options: Any) -> Job:
        return self.workspace.prepare_sync(asked_by="test", **options).run()

    def held(self) -> dict[str, tuple[Any, ...]]:
        """Return the live rows of the store, by id."""
        with self.workspace.database.reading() as connection:
            rows = connection.execute(f"SELECT {COLUMNS} FROM progressions WHERE class_id = ?", (self.id,))
            return {row["id"]: tuple(row) for row in rows}

    def value(self, sql: str) -> Any:
        with self.workspace.database.reading() as connection:
            return connection.execute(sql).fetchone()[0]

    def page_requests(self) -> int:
        return sum("/progressions" in request.path for request in self.served.requests)


@pytest.fixture
def synced(workspace: Workspace, school: Running) -> SyncedClass:
    with pytest.MonkeyPatch.context() as environment:
        # Otherwise connecting keeps the pace for a real school, a fifth of a second in every test.
        environment.setenv("COHORT_SYNC_RATE", "0")
        return SyncedClass(workspace, school)
