"""The imported roster and mentors.

OpenClass has no roster, so a student who never started anything appears only here. `roster_matching` says
whom a line means, `roster_imports` replaces a roster and brings it back.
"""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from cohort_core.store.database import Database
from cohort_core.store.records import Student


@dataclass(frozen=True)
class Enrolment:
    """A line of a roster. Dates are local, such as ``2026-09-01``.

    ``stand_in_id`` stands for the student until OpenClass has records of them. A stored line has one.
    """

    student_id: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    night: str | None = None
    region: str | None = None
    enrolled_on: str | None = None
    withdrawn_on: str | None = None
    stand_in_id: str | None = None


@dataclass(frozen=True)
class Mentor:
    """A mentor and the night on which they teach."""

    name: str
    night: str | None = None


def folded(text: str) -> str:
    """Normalise text for comparison: equal for two spellings of an email or name."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def save_mentors(database: Database, mentors: Iterable[Mentor]) -> None:
    """Replace all mentors."""
    with database.writing() as connection:
        connection.execute("DELETE FROM mentors")
        connection.executemany(
            "INSERT INTO mentors (name, night) VALUES (?, ?)",
            [(mentor.name, mentor.night) for mentor in mentors],
        )


def load_mentors(database: Database) -> list[Mentor]:
    """Load all mentors by name."""
    with database.reading() as connection:
        rows = connection.execute("SELECT name, night FROM mentors ORDER BY name").fetchall()
    return [Mentor(row["name"], row["night"]) for row in rows]


def load_roster(connection: sqlite3.Connection, class_id: str) -> list[Enrolment]:
    """Load the roster of a class, in the order of its import."""
    rows = connection.execute(
        """
        SELECT student_id, email, first_name, last_name, night, region, enrolled_on, withdrawn_on, stand_in_id
        FROM enrolments WHERE class_id = ? ORDER BY id
        """,
        (class_id,),
    )
    return [Enrolment(**dict(row)) for row in rows]


def load_seen_students(connection: sqlite3.Connection, class_id: str) -> list[Student]:
    """Load the students who have a progression in the class."""
    ids = connection.execute("SELECT DISTINCT student_id FROM progressions WHERE class_id = ?", (class_id,))
    return load_students(connection, [row[0] for row in ids])


def load_students(connection: sqlite3.Connection, ids: Iterable[str]) -> list[Student]:
    """Load these students, sorted by id."""
    rows = connection.execute(
        """
        SELECT id, first_name, last_name, email FROM students
        WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id
        """,
        (json.dumps(list(ids), allow_nan=False),),
    )
    return [Student(*row) for row in rows]
