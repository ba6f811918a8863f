"""The interface of a school, and a school in memory for tests."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Protocol

from cohort_core.practice import APP_ID, EMAIL, ORIGIN, PASSWORD

Row = dict[str, Any]
"""A progression as upstream sends it; see ``progression`` for the shape."""


class School(Protocol):
    """The source of the server's responses. Unknown classes raise ``KeyError``."""

    app_id: str
    origin: str

    def login(self, email: str, password: str) -> Row | None:
        """Return the user with these credentials, or None."""

    def classes(self) -> list[Row]:
        """Return the classes in the order in which they are listed, without their units."""

    def units(self, class_id: str) -> list[Row]:
        """Return ``{"name", "assignments": [id, …]}`` for each unit, in course order."""

    def rows(self, class_id: str) -> Sequence[Row]:
        """Return the progressions of a class in any order.

        The same object as before means that nothing has changed.
        """

    def put_row(self, class_id: str, row: Row) -> None:
        """Add a progression, or replace the progression with the same id."""

    def roster(self, class_id: str) -> list[dict[str, str]]:
        """Return lines of ``students.csv``, with the columns of ``STUDENT_COLUMNS``."""

    def rosters(self) -> list[str]:
        """Return the ids of the classes in ``students.csv`` when no class is chosen."""

    def mentors(self) -> list[dict[str, str]]:
        """Return lines of ``mentors.csv``: ``name``, ``night``."""


STUDENT_COLUMNS = (
    "email",
    "first_name",
    "last_name",
    "night",
    "region",
    "enrolled_on",
    "withdrawn_on",
    "class",
)
MENTOR_COLUMNS = ("name", "night")


def hex_id(*parts: object) -> str:
    """Make 24 hex digits that look like an upstream id and depend on ``parts`` alone."""
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=12).hexdigest()


def row_id(row: Any) -> str | None:
    """Return the id of a progression in either form that upstream uses, or None."""
    identity = row.get("_id") if isinstance(row, dict) else None
    if isinstance(identity, dict):
        identity = identity.get("$oid")
    return identity if isinstance(identity, str) else None


def progression(
    name: str,
    *,
    student: str = "student",
    assignment: str = "assignment",
    type: str = "lesson",
    grade: Any = 1,
    started: str | None = None,
    completed: str | None = None,
    reviewed: str | None = None,
    plain_id: bool = False,
) -> Row:
    """Make a progression as upstream sends it, from short names instead of hex digits.

    >>> progression("p1", student="ada", completed="2026-01-05T10:00:00.000Z")["user"]["email"]
    'ada@practice.example'
    """
    identity = hex_id("progression", name)
    return {
        "_id": identity if plain_id else {"$oid": identity},
        "user": {
            "id": hex_id("student", student),
            "first_name": student.title(),
            "last_name": "Practice",
            "email": f"{student}@practice.example",
        },
        "assignment": {"id": hex_id("assignment", assignment), "name": assignment.title(), "type": type},
        "grade": grade,
        "started_assignment_at": started,
        "completed_assignment_at": completed,
        "reviewed_at": reviewed,
    }


class MemorySchool:
    """A school in memory that can be changed while it is served, from any thread."""

    def __init__(self, *, email: str = EMAIL, password: str = PASSWORD) -> None:
        self.app_id = APP_ID
        self.origin = ORIGIN
        self.email = email
        self.password = password
        self._lock = threading.RLock()
        self._classes: dict[str, Row] = {}
        self._units: dict[str, list[Row]] = {}
        self._rows: dict[str, dict[str, Row]] = {}
        self._snapshots: dict[str, list[Row]] = {}
        self._rosters: dict[str, list[dict[str, str]]] = {}
        self._mentors: list[dict[str, str]] = []
        self._nameless = 0

    def login(self, email: str, password: str) -> Row | None:
        if (email, password) != (self.email, self.password):
            return None
        return {"id": hex_id("mentor", email), "email": email, "first_name": "Mira", "last_name": "Mentor"}

    def classes(self) -> list[Row]:
        with self._lock:
            return copy.deepcopy(list(self._classes.values()))

    def units(self, class_id: str) -> list[Row]:
        with self._lock:
            return copy.deepcopy(self._units[class_id])

    def rows(self, class_id: str) -> list[Row]:
        """Return the rows in the order in which they were added; do not change them."""
        with self._lock:
            if class_id not in self._snapshots:
                self._snapshots[class_id] = list(self._rows[class_id].values())
            return self._snapshots[class_id]

    def roster(self, class_id: str) -> list[dict[str, str]]:
        with self._lock:
            return list(self._rosters.get(class_id, []))

    def rosters(self) -> list[str]:
        with self._lock:
            return list(self._rosters)

    def mentors(self) -> list[dict[str, str]]:
        return list(self._mentors)

    def add_class(
        self,
        name: str = "A class",
        *,
        class_id: str | None = None,
        friendly_id: str | None = None,
        units: Iterable[Row] = (),
        is_published: bool = True,
        rows: Iterable[Row] = (),
    ) -> str:
        """Add a class and return its id, which comes from its name unless given."""
        with self._lock:
            class_id = class_id or hex_id("class", name)
            self._classes[class_id] = {
                "_id": {"$oid": class_id},
                "id": class_id,
                "friendly_id": friendly_id or name.lower().replace(" ", "-"),
                "name": name,
                "is_published": is_published,
            }
            self._units[class_id] = copy.deepcopy(list(units))
            self._rows[class_id] = {}
            self.put_rows(class_id, rows)
        return class_id

    def set_units(self, class_id: str, units: Iterable[Row]) -> None:
        with self._lock:
            self._units[class_id] = copy.deepcopy(list(units))

    def set_roster(
        self, class_id: str, students: Iterable[dict[str, str]], mentors: Iterable[dict[str, str]] = ()
    ) -> None:
        with self._lock:
            self._rosters[class_id] = list(students)
            self._mentors = list(mentors)

    def put_row(self, class_id: str, row: Row) -> None:
        self.put_rows(class_id, [row])

    def put_rows(self, class_id: str, rows: Iterable[Row]) -> None:
        """Add or replace rows; a row without an id is always added."""
        with self._lock:
            for row in rows:
                identity = row_id(row)
                if identity is None:
                    self._nameless += 1
                    identity = f"nameless {self._nameless}"
                self._rows[class_id][identity] = copy.deepcopy(row)
            self._snapshots.pop(class_id, None)

    def change_row(self, class_id: str, identity: str, **changes: Any) -> None:
        with self._lock:
            self._rows[class_id][identity] = {**self._rows[class_id][identity], **copy.deepcopy(changes)}
            self._snapshots.pop(class_id, None)

    def drop_row(self, class_id: str, identity: str) -> None:
        with self._lock:
            del self._rows[class_id][identity]
            self._snapshots.pop(class_id, None)
