"""The engine against a school in memory: the real wire format and a real database file, but no network."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cohort_core.config.paths import Home
from cohort_core.practice.protocol import newest_first, page_of
from cohort_core.practice.school import MemorySchool, hex_id, progression
from cohort_core.sources.base import Page
from cohort_core.sources.openclass import parser
from cohort_core.sources.openclass.client import OpenClassClient
from cohort_core.store import classes
from cohort_core.store.classes import ListedClass, Unit
from cohort_core.store.database import Database, WriteConnection
from tests.sync.model import SPOILT_GRADE, Raw, SeenPage, is_bad

OPERATIONS = (
    "insert completed",
    "insert started",
    "insert between",
    "insert nameless",
    "complete",
    "reopen",
    "regrade",
    "review",
    "rename student",
    "rename assignment",
    "rename in one row",
    "drop",
    "put back",
    "spoil",
    "mend",
)
GRADES = (None, 0, 0.25, 1, 85, 0.5)


class ChangingSchool:
    """A school of one class that changes by operations: a name, the place of a row, and a value."""

    def __init__(self, class_id: str = "class") -> None:
        self.school = MemorySchool()
        self.class_id = self.school.add_class("Class", class_id=class_id)
        self._made = 0
        self._instants = 0
        self._dropped: list[Raw] = []

    @property
    def rows(self) -> list[Raw]:
        return self.school.rows(self.class_id)

    def newest(self) -> list[Raw]:
        return newest_first(self.rows)

    def change(self, operation: str, which: int = 0, value: int = 0) -> None:
        if operation.startswith("insert"):
            self._insert(operation, value)
        elif operation == "put back":
            if self._dropped:
                self._put(self._dropped.pop(which % len(self._dropped)))
        elif self.rows:
            self._change_row(operation, dict(self.newest()[which % len(self.rows)]), value)

    def _insert(self, operation: str, value: int) -> None:
        self._made += 1
        at = self._next_instant()
        made = progression(
            f"made {self._made}",
            student=f"student {self._made % 3}",
            assignment=f"assignment {self._made % 4}",
            grade=GRADES[value % len(GRADES)],
            started=at,
            completed=at,
            plain_id=self._made % 2 == 0,
        )
        if operation == "insert started":
            made["completed_assignment_at"] = None
        if operation == "insert between":
            made["completed_assignment_at"] = _instant(value * self._instants // 6, "500")
        if operation == "insert nameless":
            made["_id"] = None
        self._put(made)

    def _change_row(self, operation: str, row: Raw, value: int) -> None:
        if operation == "drop":
            self._drop(row)
            self._dropped.append(row)
        elif operation.startswith("rename"):
            self._rename(operation, row)
        else:
            self._replace(row, row | self._edit(operation, row, value))

    def _edit(self, operation: str, row: Raw, value: int) -> Raw:
        if operation == "complete":
            return {"completed_assignment_at": self._next_instant()}
        if operation == "reopen":
            return {"completed_assignment_at": None}
        if operation == "regrade":
            return {"grade": GRADES[value % len(GRADES)]}
        if operation == "review":
            return {"reviewed_at": self._next_instant()}
        if operation == "spoil":
            return {"grade": SPOILT_GRADE} if value % 2 else {"user": None}
        return {
            "_id": row["_id"] or {"$oid": hex_id("mended", self._next_instant())},
            "user": row["user"] or progression("any", student="student 1")["user"],
            "grade": 1 if row["grade"] == SPOILT_GRADE else row["grade"],
        }

    def _rename(self, operation: str, row: Raw) -> None:
        """Rename in all rows, as upstream does; or in one row, in case it keeps old names."""
        part, name = ("assignment", "name") if operation == "rename assignment" else ("user", "first_name")
        if row[part] is None:
            return
        renamed = row[part] | {name: f"Named at {self._next_instant()}"}
        if operation == "rename in one row":
            self._replace(row, row | {part: renamed})
            return
        for other in self.newest():
            if other[part] is not None and other[part]["id"] == renamed["id"]:
                self._replace(other, other | {part: renamed})

    def _replace(self, old: Raw, new: Raw) -> None:
        if old["_id"] is None:
            self._drop(old)
        self._put(new)

    def _put(self, row: Raw) -> None:
        self.school.put_row(self.class_id, row)

    def _drop(self, row: Raw) -> None:
        rows = self.school._rows[self.class_id]
        del rows[next(name for name, other in rows.items() if other == row)]
        self.school._snapshots.pop(self.class_id, None)

    def _next_instant(self) -> str:
        self._instants += 1
        return _instant(self._instants)


def _instant(minutes: int, milliseconds: str = "000") -> str:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{milliseconds}Z"


class LocalUpstream(OpenClassClient):
    """An upstream without a network. ``before`` is called with the number of each page request."""

    def __init__(self, changing: ChangingSchool, page_size: int) -> None:
        self.changing = changing
        self.page_size = page_size
        self.pages: list[SeenPage] = []
        self.before: Callable[[int], None] = lambda request: None

    def load_units(self, class_id: str) -> list[Unit]:
        text = json.dumps({"data": [{"units": self.changing.school.units(self.changing.class_id)}]})
        return parser.read_units({"result": {"objects": [text]}})

    def load_page(self, class_id: str, number: int) -> Page:
        self.before(len(self.pages))
        body = page_of(self.changing.newest(), number, self.page_size, {})
        self.pages.append(self._seen(number))
        return self._read(number, body)

    def _read(self, number: int, body: bytes) -> Page:
        return parser.read_page(json.loads(body))

    def _seen(self, number: int) -> SeenPage:
        rows = self.changing.newest()
        end = (number + 1) * self.page_size
        return SeenPage(number, len(rows), end < len(rows), rows[end - self.page_size : end])


class HttpUpstream(LocalUpstream):
    """An upstream over real HTTP: ``client`` must be connected to the same school."""

    def __init__(self, changing: ChangingSchool, page_size: int, client: OpenClassClient) -> None:
        super().__init__(changing, page_size)
        self.client = client

    def load_units(self, class_id: str) -> list[Unit]:
        return self.client.load_units(class_id)

    def _read(self, number: int, body: bytes) -> Page:
        return self.client.load_page(self.changing.class_id, number)


class Death(BaseException):
    """The end of a process that was killed."""


class MortalDatabase(Database):
    """A database whose process can die just before a commit, and then does nothing more."""

    dies_at: int | None = None
    is_dead = False
    transactions = 0

    @contextmanager
    def transaction(self, connection: WriteConnection) -> Iterator[None]:
        if self.is_dead:
            raise Death
        with super().transaction(connection):
            yield
            self.transactions += 1
            if self.transactions == self.dies_at:
                self.is_dead = True
                raise Death


class Folder:
    """A temporary home with an empty database and these classes in it."""

    def __init__(self, class_ids: list[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="cohort-sync-")
        self.home = Home(Path(self._folder.name))
        shutil.copyfile(_template(), self.home.database)
        listed = [ListedClass(class_id, class_id, class_id, True) for class_id in class_ids]
        classes.save_classes(Database(self.home), listed)

    def close(self) -> None:
        self._folder.cleanup()


def _template() -> Path:
    """A migrated database to copy, since migrating takes longer than most examples."""
    if not _TEMPLATE:
        folder = tempfile.TemporaryDirectory(prefix="cohort-template-")
        home = Home(Path(folder.name))
        Database(home).migrate()
        _TEMPLATE.append((folder, home.database))
    return _TEMPLATE[0][1]


_TEMPLATE: list[tuple[tempfile.TemporaryDirectory[str], Path]] = []


def upstream_good(changing: ChangingSchool) -> list[Raw]:
    return [raw for raw in changing.newest() if not is_bad(raw)]


def rows_of(connection: Any, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(sql, values)]
