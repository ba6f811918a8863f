"""Replacing the roster of a class, undoing that, and answers about lines.

A person keeps their stand-in id from one roster to the next. An import that changes nothing leaves no trace,
so that one that runs every night does not push the last real change out of reach.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, count
from typing import Literal

from cohort_core.clock import utc_now
from cohort_core.errors import BadInput
from cohort_core.store.classes import bump_revision
from cohort_core.store.database import Database, utc_text
from cohort_core.store.identity import address, comparable, full_name, without_accents
from cohort_core.store.records import Student
from cohort_core.store.roster import Enrolment, load_roster
from cohort_core.store.roster_matching import match_lines
from cohort_core.store.stand_ins import move_histories

MAX_EARLIER_ROSTERS = 20
"""How many rosters of a class can be brought back."""


@dataclass(frozen=True)
class Answer:
    """An answer of a mentor about a line.

    *enrol*: the person is a student of the class. *leave*: leave the line out, and do not ask again. *same*:
    the line means the student with the id ``meant_id``.
    """

    line: Enrolment
    kind: Literal["enrol", "leave", "same"]
    meant_id: str | None = None


@dataclass(frozen=True)
class EarlierRoster:
    """The roster of a class before an import, which was made at ``made_at`` (UTC text)."""

    import_id: int
    made_at: str
    lines: int


def save_roster(
    database: Database,
    rosters: Mapping[str, Sequence[Enrolment]],
    answers: Mapping[str, Sequence[Answer]] | None = None,
) -> None:
    """Replace the rosters of these classes, and keep the answers, in one transaction.

    Without ``answers`` every line counts as confirmed.
    """
    with database.writing() as connection:
        for class_id, lines in rosters.items():
            said = (answers or {}).get(class_id)
            if said is None:
                said = [Answer(line, "enrol") for line in lines]
            _replace(connection, class_id, lines, said, utc_now())


def _replace(
    connection: sqlite3.Connection,
    class_id: str,
    lines: Sequence[Enrolment],
    answers: Sequence[Answer],
    now: datetime,
) -> None:
    before = load_roster(connection, class_id)
    after = with_stand_ins(before, lines, class_id)
    news = _new_answers(connection, class_id, answers)
    if after != before or news:
        import_id = connection.execute(
            "INSERT INTO roster_imports (class_id, made_at) VALUES (?, ?)", (class_id, utc_text(now))
        ).lastrowid
        columns = ", ".join(_line_columns(connection))
        connection.execute(
            f"INSERT INTO earlier_enrolments (import_id, {columns}) "  # noqa: S608
            f"SELECT ?, {columns} FROM enrolments WHERE class_id = ? ORDER BY id",
            (import_id, class_id),
        )
        _write_lines(connection, class_id, after)
        connection.executemany(
            """
            INSERT INTO roster_answers
              (class_id, import_id, student_id, email, first_name, last_name, answer, meant_id)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [(class_id, import_id, *_identity(answer.line), answer.kind, answer.meant_id) for answer in news],
        )
        connection.execute(
            """
            DELETE FROM roster_imports WHERE class_id = ?1 AND id NOT IN
              (SELECT id FROM roster_imports WHERE class_id = ?1 ORDER BY id DESC LIMIT ?2)
            """,
            (class_id, MAX_EARLIER_ROSTERS),
        )
        bump_revision(connection, class_id)
    move_histories(connection, class_id)


def _line_columns(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info('enrolments')")
    return [row[0] for row in rows if row[0] not in {"id", "class_id"}]


def _write_lines(connection: sqlite3.Connection, class_id: str, lines: Sequence[Enrolment]) -> None:
    names = list(Enrolment.__dataclass_fields__)
    connection.execute("DELETE FROM enrolments WHERE class_id = ?", (class_id,))
    connection.executemany(
        f"INSERT INTO enrolments (class_id, {', '.join(names)}) VALUES (?{', ?' * len(names)})",  # noqa: S608
        [(class_id, *(getattr(line, name) for name in names)) for line in lines],
    )


def _identity(line: Enrolment) -> tuple[str | None, ...]:
    return (line.student_id, line.email, line.first_name, line.last_name)


def _new_answers(connection: sqlite3.Connection, class_id: str, answers: Sequence[Answer]) -> list[Answer]:
    """Return the answers that differ from the last ones about the same line."""
    last = {_identity(held.line): held for held in load_answers(connection, class_id)}
    news = []
    for answer in answers:
        held = last.get(_identity(answer.line))
        if held is None or (held.kind, held.meant_id) != (answer.kind, answer.meant_id):
            last[_identity(answer.line)] = answer
            news.append(answer)
    return news


def load_answers(connection: sqlite3.Connection, class_id: str) -> list[Answer]:
    """Load what was said about lines of a class, oldest first."""
    rows = connection.execute(
        """
        SELECT student_id, email, first_name, last_name, answer, meant_id
        FROM roster_answers WHERE class_id = ? ORDER BY id
        """,
        (class_id,),
    )
    return [Answer(Enrolment(*tuple(row)[:4]), row["answer"], row["meant_id"]) for row in rows]


def same_people(before: Sequence[Enrolment], after: Sequence[Enrolment]) -> list[Enrolment | None]:
    """Return the earlier line of the person of each later line."""
    people = [
        Student(f"\0{place}", line.first_name, line.last_name, line.email)
        for place, line in enumerate(before)
    ]
    by_id = {line.student_id: line for line in before if line.student_id}
    # An id of the school is no proof, so it counts only where a line has nothing else.
    bare = [replace(line, student_id=None) for line in after]
    same: list[Enrolment | None] = []
    taken: set[int] = set()
    for line, match in zip(after, match_lines(bare, people), strict=True):
        earlier = None
        if match.state == "matched" and match.student is not None:
            earlier = before[int(match.student.id[1:])]
        elif not (full_name(line.first_name, line.last_name) or address(line.email)):
            earlier = by_id.get(line.student_id or "")
        if earlier is not None and id(earlier) in taken:
            earlier = None
        if earlier is not None:
            taken.add(id(earlier))
        same.append(earlier)
    return same


def with_stand_ins(before: Sequence[Enrolment], after: Sequence[Enrolment], class_id: str) -> list[Enrolment]:
    """Keep the stand-in ids of before, and give new people new ones."""
    same = same_people(before, after)
    taken = {earlier.stand_in_id for earlier in same if earlier is not None}
    lines = []
    for line, earlier in zip(after, same, strict=True):
        stand_in_id = earlier.stand_in_id if earlier is not None else None
        if stand_in_id is None:
            stand_in_id = _new_stand_in_id(line, class_id, taken)
            taken.add(stand_in_id)
        lines.append(replace(line, stand_in_id=stand_in_id))
    return lines


def _new_stand_in_id(line: Enrolment, class_id: str, taken: set[str | None]) -> str:
    """Return an id by the email, else by the name or number within the class."""
    name = full_name(line.first_name, line.last_name)
    key = ("email", address(line.email)) if address(line.email) else ("name", class_id, name)
    if not any(key[1:]) or (key[0] == "name" and not name):
        key = ("id", class_id, line.student_id or "")
    endings = chain([(), (name,)], ((name, str(number)) for number in count()))
    ids = (_digest_id(*key, *ending) for ending in endings)
    return next(stand_in_id for stand_in_id in ids if stand_in_id not in taken)


def _digest_id(*parts: str) -> str:
    return f"roster-{hashlib.blake2b(chr(0).join(parts).encode(), digest_size=8).hexdigest()}"


# Bringing a roster back


def load_earlier_rosters(connection: sqlite3.Connection, class_id: str) -> list[EarlierRoster]:
    """Load the rosters of a class that can be brought back, the latest first."""
    rows = connection.execute(
        """
        SELECT i.id, i.made_at, (SELECT count(*) FROM earlier_enrolments e WHERE e.import_id = i.id) AS lines
        FROM roster_imports i WHERE i.class_id = ? ORDER BY i.id DESC
        """,
        (class_id,),
    )
    return [EarlierRoster(row["id"], row["made_at"], row["lines"]) for row in rows]


def undo_import(database: Database, class_id: str) -> EarlierRoster:
    """Bring the roster of before the last import back, and forget its answers.

    Raises ``BadInput`` if there is none.
    """
    with database.writing() as connection:
        earlier = load_earlier_rosters(connection, class_id)
        if not earlier:
            raise BadInput(
                "There is no earlier roster of this class left. Import the file of before instead.",
                parameter="class_id",
            )
        _forget_aliases(connection, class_id, earlier[0].import_id)
        columns = ", ".join(_line_columns(connection))
        connection.execute("DELETE FROM enrolments WHERE class_id = ?", (class_id,))
        connection.execute(
            f"INSERT INTO enrolments (class_id, {columns}) "  # noqa: S608
            f"SELECT ?, {columns} FROM earlier_enrolments WHERE import_id = ? ORDER BY id",
            (class_id, earlier[0].import_id),
        )
        connection.execute("DELETE FROM roster_answers WHERE import_id = ?", (earlier[0].import_id,))
        connection.execute("DELETE FROM roster_imports WHERE id = ?", (earlier[0].import_id,))
        bump_revision(connection, class_id)
        move_histories(connection, class_id)
    return earlier[0]


def _forget_aliases(connection: sqlite3.Connection, class_id: str, import_id: int) -> None:
    """Forget the aliases that the answers of an import made.

    Otherwise the lines would go on to match.
    """
    connection.execute(
        """
        DELETE FROM student_aliases AS a WHERE class_id = ?1 AND EXISTS
          (SELECT 1 FROM enrolments e JOIN roster_answers r ON r.meant_id = e.student_id
           WHERE r.import_id = ?2 AND r.answer = 'same' AND e.class_id = ?1
             AND a.old_id = e.stand_in_id AND a.student_id = e.student_id)
        """,
        (class_id, import_id),
    )


def classes_with_earlier_rosters(database: Database) -> list[str]:
    """Load the ids of the classes whose last import can be undone."""
    with database.reading() as connection:
        rows = connection.execute("SELECT DISTINCT class_id FROM roster_imports ORDER BY class_id")
        return [row["class_id"] for row in rows]


# What was said about lines


class Answers:
    """The answers about lines of a class, found by id, email or name.

    One answer counts for one line of a file: of two people with one email, an answer about the first says
    nothing about the second.
    """

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = list(reversed(answers))

    def about(self, lines: Sequence[Enrolment]) -> list[Answer | None]:
        """Return the latest answer about each line, or None."""
        answers: list[Answer | None] = [None] * len(lines)
        used: set[int] = set()
        served: set[str] = set()
        for keys_of in (_person_keys, _address_keys, _name_keys, _id_keys):
            by_key: dict[tuple[str, ...], list[int]] = defaultdict(list)
            for place, answer in enumerate(self._answers):
                for key in keys_of(answer.line):
                    by_key[key].append(place)
            for number, line in enumerate(lines):
                for key in keys_of(line) if answers[number] is None else ():
                    for place in by_key.get(key, ()):
                        answer = self._answers[place]
                        if place in used or (keys_of is _id_keys and _contradict(line, answer.line)):
                            continue
                        if keys_of in (_name_keys, _id_keys) and address(answer.line.email) in served:
                            continue
                        used.add(place)
                        served.add(address(line.email) or "-")
                        answers[number] = answer
                        break
        return answers


def _person_keys(line: Enrolment) -> list[tuple[str, ...]]:
    name = without_accents(full_name(line.first_name, line.last_name))
    return [(address(line.email), name)] if name or address(line.email) else []


def _address_keys(line: Enrolment) -> list[tuple[str, ...]]:
    return [(address(line.email),)] if address(line.email) else []


def _name_keys(line: Enrolment) -> list[tuple[str, ...]]:
    name = without_accents(full_name(line.first_name, line.last_name))
    return [(name,)] if name else []


def _id_keys(line: Enrolment) -> list[tuple[str, ...]]:
    return [(comparable(line.student_id),)] if comparable(line.student_id) else []


def _contradict(line: Enrolment, other: Enrolment) -> bool:
    """Return True if two lines with one id have both another name and another email."""
    names = {key for entry in (line, other) for key in _name_keys(entry)}
    addresses = {key for entry in (line, other) for key in _address_keys(entry)}
    return len(names) == 2 and len(addresses) != 1
