"""A class in which some need a message, and receivers on this computer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from cohort_core.clock import utc_now
from cohort_core.practice.school import hex_id, progression
from cohort_core.practice.server import Running
from cohort_core.services.messages import MessageCommands
from cohort_core.services.messenger import Messenger
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import set_active
from cohort_core.store.destinations import DAYS, Destination, Wanted
from cohort_core.store.sync_runs import Job
from tests.notify.receivers import Receiver, receiving

EVIL = "<!channel> @everyone *b* _i_ [x](http://evil.test) <script>alert(1)</script>\u202e"


def moment(days_ago: float) -> str:
    at: datetime = utc_now() - timedelta(days=days_ago)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class School:
    """A class of twelve students. The first `silent` ones have done nothing for weeks."""

    def __init__(self, workspace: Workspace, served: Running, *, silent: int = 3, students: int = 12) -> None:
        self.workspace = workspace
        self.served = served
        self.names = {number: (f"First{number}", f"Last{number}") for number in range(students)}
        self.done = 8
        self.rows: list[dict[str, Any]] = []
        for student in range(students):
            is_silent = student < silent
            for assignment in range(2 if is_silent else self.done):
                ago = 40 - assignment if is_silent else 40 - 5 * assignment
                self.rows.append(self.row(student, assignment, ago))
        units = [{"name": "Week 1", "assignments": [hex_id("assignment", f"a {n}") for n in range(10)]}]
        self.class_id = served.school.add_class("Class", units=units, rows=self.rows)
        workspace.connect_to_practice(served.url, asked_by="test")
        set_active(workspace.database, [self.class_id], active=True)

    def row(self, student: int, assignment: int, days_ago: float) -> dict[str, Any]:
        first, last = self.names[student]
        made = progression(
            f"row {student} {assignment}",
            student=f"student {student}",
            assignment=f"a {assignment}",
            # What is of this moment was not there at the sync before.
            started=moment(days_ago + 0.5 if days_ago else 0),
            completed=moment(days_ago),
        )
        made["user"] |= {"first_name": first, "last_name": last, "email": f"mail{student}@secret.test"}
        return made

    def student_id(self, number: int) -> str:
        return hex_id("student", f"student {number}")

    def add_row(self, student: int, assignment: int, days_ago: float) -> None:
        self.served.school.put_row(self.class_id, self.row(student, assignment, days_ago))

    def sync(self, **options: Any) -> Job:
        return self.workspace.prepare_sync(asked_by="test", **options).run()

    @property
    def messages(self) -> MessageCommands:
        return Services(self.workspace).messages(CLI_OWNER)

    @property
    def messenger(self) -> Messenger:
        return self.workspace.messages.messenger()

    def add(self, kind: str, url: str, **wanted: Any) -> Destination:
        choices = {"days": DAYS, "name": kind} | wanted
        made, self.secret = self.messages.add(Wanted(kind=kind, **choices), {"url": url})
        return made

    def value(self, sql: str, *parameters: Any) -> Any:
        with self.workspace.database.reading() as connection:
            return connection.execute(sql, parameters).fetchone()[0]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def made(workspace: Workspace, school: Running, monkeypatch: pytest.MonkeyPatch) -> School:
    monkeypatch.setenv("COHORT_SYNC_RATE", "0")
    monkeypatch.setenv("COHORT_TIMEZONE", "UTC")
    return School(workspace, school)
