"""The roster and the mentors, as a mentor imports them; and whom each line of the roster means.

OpenClass has no roster, so a student who never started anything appears only here. A line is matched when
it is read: by student id, else by email, else by name, and only where exactly one student fits. A line that
matches nobody is a student who has not been seen yet.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cohort_core.store.classes import bump_revision
from cohort_core.store.database import Database
from cohort_core.store.records import Student


@dataclass(frozen=True)
class Enrolment:
    """One line of a roster. Dates are local ones, ``2026-09-01``."""

    student_id: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    night: str | None = None
    region: str | None = None
    enrolled_on: str | None = None
    withdrawn_on: str | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two lines mean the same person."""
        if self.student_id:
            return ("id", self.student_id)
        if self.email:
            return ("email", folded(self.email))
        return ("name", _name(self.first_name, self.last_name))

    @property
    def stand_in_id(self) -> str:
        """The id of a student whom OpenClass has not named yet."""
        digest = hashlib.blake2b("\0".join(self.key).encode(), digest_size=8).hexdigest()
        return self.student_id or f"roster-{digest}"


@dataclass(frozen=True)
class Mentor:
    name: str
    night: str | None = None


def folded(text: str) -> str:
    """Text for comparing: the same for two spellings of one email or name."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _name(first_name: str | None, last_name: str | None) -> str:
    return folded(f"{first_name or ''} {last_name or ''}")


def save_roster(database: Database, enrolments_by_class: Mapping[str, Sequence[Enrolment]]) -> None:
    """Replace the roster of each class that is named, in one transaction."""
    with database.writing() as connection:
        for class_id, enrolments in enrolments_by_class.items():
            connection.execute("DELETE FROM enrolments WHERE class_id = ?", (class_id,))
            connection.executemany(
                """
                INSERT INTO enrolments (class_id, student_id, email, first_name, last_name, night, region,
                                        enrolled_on, withdrawn_on)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    (
                        class_id,
                        one.student_id,
                        one.email,
                        one.first_name,
                        one.last_name,
                        one.night,
                        one.region,
                        one.enrolled_on,
                        one.withdrawn_on,
                    )
                    for one in enrolments
                ],
            )
            bump_revision(connection, class_id)


def save_mentors(database: Database, mentors: Iterable[Mentor]) -> None:
    """Replace the mentors."""
    with database.writing() as connection:
        connection.execute("DELETE FROM mentors")
        connection.executemany(
            "INSERT INTO mentors (name, night) VALUES (?, ?)", [(one.name, one.night) for one in mentors]
        )


def load_mentors(database: Database) -> list[Mentor]:
    with database.reading() as connection:
        rows = connection.execute("SELECT name, night FROM mentors ORDER BY name").fetchall()
    return [Mentor(row["name"], row["night"]) for row in rows]


def load_roster(connection: sqlite3.Connection, class_id: str) -> list[Enrolment]:
    rows = connection.execute(
        """
        SELECT student_id, email, first_name, last_name, night, region, enrolled_on, withdrawn_on
        FROM enrolments WHERE class_id = ? ORDER BY id
        """,
        (class_id,),
    )
    return [Enrolment(**dict(row)) for row in rows]


def load_seen_students(connection: sqlite3.Connection, class_id: str) -> list[Student]:
    """The students that the class's progressions name."""
    ids = connection.execute("SELECT DISTINCT student_id FROM progressions WHERE class_id = ?", (class_id,))
    return load_students(connection, [row[0] for row in ids])


def load_students(connection: sqlite3.Connection, ids: Iterable[str]) -> list[Student]:
    """What is known of these students, by id."""
    rows = connection.execute(
        """
        SELECT id, first_name, last_name, email FROM students
        WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id
        """,
        (json.dumps(list(ids)),),
    )
    return [Student(*row) for row in rows]


@dataclass(frozen=True)
class RosterMatch:
    """``by_student`` maps a seen student's id to the line that means them; the rest is ``unseen`` or, where
    several students fit, ``ambiguous``.
    """

    by_student: dict[str, Enrolment]
    unseen: list[Enrolment]
    ambiguous: list[Enrolment]


def match_roster(roster: Sequence[Enrolment], seen: Sequence[Student]) -> RosterMatch:
    """Find whom each line means. The first line that means a student counts."""
    ids = {student.id for student in seen}
    by_email = _unique((folded(student.email), student.id) for student in seen if student.email)
    by_name = _unique((_name(student.first_name, student.last_name), student.id) for student in seen)
    matched: dict[str, Enrolment] = {}
    unseen: list[Enrolment] = []
    ambiguous: list[Enrolment] = []
    for one in roster:
        name = _name(one.first_name, one.last_name)
        found: str | None
        if one.student_id:
            found = one.student_id if one.student_id in ids else None
        elif one.email and folded(one.email) in by_email:
            found = by_email[folded(one.email)]
            if found is None:
                ambiguous.append(one)
                continue
        elif name and name in by_name:
            found = by_name[name]
            if found is None:
                ambiguous.append(one)
                continue
        else:
            found = None
        if found is None:
            unseen.append(one)
        else:
            matched.setdefault(found, one)
    return RosterMatch(matched, unseen, ambiguous)


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """A map in which a key that several students share leads to None."""
    pairs = list(pairs)
    counts = Counter(key for key, _ in pairs)
    return {key: value if counts[key] == 1 else None for key, value in pairs}
