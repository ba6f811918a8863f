"""The imported roster and mentors, and the matching of roster lines to students.

OpenClass has no roster, so a student who never started anything appears only here. A line is matched when
it is read: by student id, else by email, else by name, and only if exactly one student fits. A line that
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
    """A line of a roster. Dates are local, such as ``2026-09-01``."""

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
        """The identity of the person: lines with equal keys mean the same one."""
        if self.student_id:
            return ("id", self.student_id)
        if self.email:
            return ("email", folded(self.email))
        return ("name", _name(self.first_name, self.last_name))

    @property
    def stand_in_id(self) -> str:
        """The id that stands for a student who is not at OpenClass yet."""
        digest = hashlib.blake2b("\0".join(self.key).encode(), digest_size=8).hexdigest()
        return self.student_id or f"roster-{digest}"


@dataclass(frozen=True)
class Mentor:
    """A mentor and the night on which they teach."""

    name: str
    night: str | None = None


def folded(text: str) -> str:
    """Normalise text for comparison: equal for two spellings of an email or name."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _name(first_name: str | None, last_name: str | None) -> str:
    return folded(f"{first_name or ''} {last_name or ''}")


def save_roster(database: Database, enrolments_by_class: Mapping[str, Sequence[Enrolment]]) -> None:
    """Replace the rosters of these classes, in one transaction."""
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
                        line.student_id,
                        line.email,
                        line.first_name,
                        line.last_name,
                        line.night,
                        line.region,
                        line.enrolled_on,
                        line.withdrawn_on,
                    )
                    for line in enrolments
                ],
            )
            bump_revision(connection, class_id)


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
        SELECT student_id, email, first_name, last_name, night, region, enrolled_on, withdrawn_on
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
        (json.dumps(list(ids)),),
    )
    return [Student(*row) for row in rows]


@dataclass(frozen=True)
class RosterMatch:
    """The lines of a roster by the students that they mean.

    ``by_student`` maps the id of a student with progressions to their line. ``unseen`` lines fit no such
    student, ``ambiguous`` ones fit several.
    """

    by_student: dict[str, Enrolment]
    unseen: list[Enrolment]
    ambiguous: list[Enrolment]


def match_roster(roster: Sequence[Enrolment], seen: Sequence[Student]) -> RosterMatch:
    """Match each line to a student. Of several lines for a student the first counts."""
    ids = {student.id for student in seen}
    by_email = _unique((folded(student.email), student.id) for student in seen if student.email)
    by_name = _unique((_name(student.first_name, student.last_name), student.id) for student in seen)
    matched: dict[str, Enrolment] = {}
    unseen: list[Enrolment] = []
    ambiguous: list[Enrolment] = []
    for line in roster:
        name = _name(line.first_name, line.last_name)
        student_id: str | None
        if line.student_id:
            student_id = line.student_id if line.student_id in ids else None
        elif line.email and folded(line.email) in by_email:
            student_id = by_email[folded(line.email)]
            if student_id is None:
                ambiguous.append(line)
                continue
        elif name and name in by_name:
            student_id = by_name[name]
            if student_id is None:
                ambiguous.append(line)
                continue
        else:
            student_id = None
        if student_id is None:
            unseen.append(line)
        else:
            matched.setdefault(student_id, line)
    return RosterMatch(matched, unseen, ambiguous)


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """Map each key to its student; a key that several students share to None."""
    pairs = list(pairs)
    counts = Counter(key for key, _ in pairs)
    return {key: value if counts[key] == 1 else None for key, value in pairs}
