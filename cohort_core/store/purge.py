"""Purging: removing a person for good, and refusing them when OpenClass sends them again.

Two kinds of digests stay: of the student's id, to recognise them in later syncs, and of their records' ids,
so that the number of records here can still be compared with upstream's total.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cohort_core.config.paths import open_private
from cohort_core.errors import BadInput, StoreError, SystemRefused
from cohort_core.store.audit import add_event
from cohort_core.store.classes import bump_revision
from cohort_core.store.database import Database
from cohort_core.store.identity import address, full_name
from cohort_core.store.records import Student
from cohort_core.store.roster import Enrolment, folded, load_seen_students, load_students
from cohort_core.store.roster_matching import match_lines
from cohort_core.store.stand_ins import kept_tables, load_aliases, student_tables

PersonReader = Callable[[str], tuple[str | None, str | None]]
"""Reads the student's id and email in the payload of a quarantined record."""


@dataclass(frozen=True)
class Purged:
    """The records that a purge removed, and the copies that it deleted."""

    progressions: int
    changes: int
    quarantined: int
    enrolments: int
    copies: tuple[Path, ...] = ()


def digest(identity: str) -> str:
    """Hash an id, so that it can be recognised without being kept."""
    return hashlib.sha256(identity.encode()).hexdigest()


def purge_student(database: Database, student_id: str, *, read_person: PersonReader, asked_by: str) -> Purged:
    """Remove a student from every table and from the file's free pages.

    The caller must hold the sync lock. `student_id` is an OpenClass id, or the stand-in id of someone who is
    only on the roster. The copies from before a restore or a migration are deleted, as they hold the student.
    Raises ``BadInput`` if nobody has the id. If a copy cannot be deleted, or the file not be compacted, as on
    a full disk, it raises a `SystemRefused` or `StoreError` that says so; doing it again then finishes it.
    """
    copies: list[Path] = []
    unfinished = database.home.unfinished_purge
    with database.writer() as connection:
        purged = Purged(0, 0, 0, 0)
        if not (unfinished.exists() and digest(student_id) in load_purged(connection)):
            with database.transaction(connection):
                # SQLite overwrites deleted content with zeros.
                connection.execute("PRAGMA secure_delete = ON")
                purged = _purge(connection, student_id, read_person)
                # Without the student's id, which must not stay here either.
                add_event(connection, asked_by, "purge", f"{purged.progressions} progressions")
                open_private(unfinished, "a").close()
        removed = (
            f"The student is removed ({purged.progressions} progressions, {purged.changes} changes, "
            f"{purged.enrolments} lines of the roster)"
        )
        for copy in database.home.automatic_copies():
            try:
                copy.unlink(missing_ok=True)
            except OSError as error:
                raise SystemRefused(
                    f"{removed}, but {copy} still has them: it cannot be deleted ({error.strerror}). Do the "
                    "same again when it can: it finishes it."
                ) from None
            copies.append(copy)
        try:
            database.compact(connection)
        except StoreError as error:
            raise type(error)(
                f"{removed}, but the file could not be compacted, so traces may be left in its free parts. "
                "Free some space on the disk, end other programs that read the data, and do the same again: "
                "it finishes it."
            ) from error
    unfinished.unlink(missing_ok=True)
    return replace(purged, copies=tuple(copies))


def _purge(connection: sqlite3.Connection, student_id: str, read_person: PersonReader) -> Purged:
    class_ids = [row["id"] for row in connection.execute("SELECT id FROM classes").fetchall()]
    aliases = {class_id: load_aliases(connection, class_id) for class_id in class_ids}
    student_id = _present_id(student_id, aliases.values())
    student = next(iter(load_students(connection, [student_id])), None)
    enrolments = 0
    for class_id in class_ids:
        ids = {student_id} | {old for old, now in aliases[class_id].items() if now == student_id}
        enrolments += _purge_rosters(connection, class_id, ids, aliases[class_id], student)
    emails = [student.email] if student is not None and student.email else []
    quarantined = _purge_quarantine(connection, student_id, emails, read_person)
    if not (student or enrolments or quarantined):
        raise BadInput("Nobody here has this id. The API's /students lists ids.", parameter="student")
    of_student = "SELECT class_id, id FROM progressions WHERE student_id = ?"
    rows = connection.execute(of_student, (student_id,)).fetchall()
    save_purged_rows(connection, [tuple(row) for row in rows])
    counts = {
        table: connection.execute(f"DELETE FROM {table} WHERE student_id = ?", (student_id,)).rowcount  # noqa: S608
        for table in student_tables(connection)
        if table not in _ROSTER_TABLES
    }
    connection.execute("DELETE FROM students WHERE id = ?", (student_id,))
    connection.execute("INSERT OR IGNORE INTO purged_students VALUES (?)", (digest(student_id),))
    for class_id in class_ids:
        bump_revision(connection, class_id)
    return Purged(counts["progressions"] + counts["tombstones"], counts["changes"], quarantined, enrolments)


_ROSTER_TABLES = frozenset({"enrolments", "earlier_enrolments", "roster_answers"})
"""Their ``student_id`` is what a file said, which is often a number of the school."""


def _present_id(student_id: str, aliases: Iterable[Mapping[str, str]]) -> str:
    """Return the present id of a student, given any that they had.

    Raises ``BadInput`` for an id that several students had.
    """
    present = {of_class[student_id] for of_class in aliases if student_id in of_class}
    if len(present) > 1:
        raise BadInput(
            "Several students had this id before they started. Use the present id; the API's /students lists "
            "them.",
            parameter="student",
        )
    return present.pop() if present else student_id


def _purge_rosters(
    connection: sqlite3.Connection,
    class_id: str,
    ids: set[str],
    aliases: Mapping[str, str],
    student: Student | None,
) -> int:
    """Remove a student from the rosters of a class.

    ``ids`` are those that the student has or had. What was said about their lines goes too.

    Returns the number of lines of the present roster that were removed.
    """
    rows = connection.execute(
        f"SELECT id, {_LINE} FROM enrolments WHERE class_id = ? ORDER BY id",  # noqa: S608
        (class_id,),
    ).fetchall()
    lines = [Enrolment(**_line(row)) for row in rows]
    matches = match_lines(lines, load_seen_students(connection, class_id), aliases)
    meant: list[int] = []
    for place, (line, match) in enumerate(zip(lines, matches, strict=True)):
        is_meant = match.student is not None and match.student.id in ids
        is_repeat = match.state == "repeated" and match.other in meant
        if is_meant or is_repeat or ids & {line.stand_in_id, line.student_id}:
            meant.append(place)
    # OpenClass may know somebody by the id of their line before it has a record of them.
    connection.executemany(
        "INSERT OR IGNORE INTO purged_students VALUES (?)",
        [(digest(lines[place].student_id or ""),) for place in meant if lines[place].student_id],
    )
    people = [student, *(lines[place] for place in meant)]
    ids = ids | {lines[place].stand_in_id or "" for place in meant} - {""}
    for table, of_class in (
        ("earlier_enrolments", "import_id IN (SELECT id FROM roster_imports WHERE class_id = ?)"),
        ("roster_answers", "class_id = ?"),
    ):
        traces = connection.execute(f"SELECT * FROM {table} WHERE {of_class}", (class_id,)).fetchall()  # noqa: S608
        gone = [
            (row["id"],)
            for row in traces
            if ids.intersection(row) or any(_is_same(Enrolment(**_line(row)), who) for who in people)
        ]
        connection.executemany(f"DELETE FROM {table} WHERE id = ?", gone)  # noqa: S608
    connection.executemany("DELETE FROM enrolments WHERE id = ?", [(rows[place]["id"],) for place in meant])
    for table in kept_tables(connection):
        connection.executemany(
            f"DELETE FROM {table} WHERE class_id = ? AND student_id = ?",  # noqa: S608
            [(class_id, one_id) for one_id in ids],
        )
    return len(meant)


_LINE = "student_id, email, first_name, last_name, stand_in_id"


def _line(row: sqlite3.Row) -> dict[str, str | None]:
    return {name: row[name] for name in _LINE.split(", ") if name in row.keys()}  # noqa: SIM118


def _is_same(line: Enrolment, who: Enrolment | Student | None) -> bool:
    """Return True for the name or email of a person without a contradiction."""
    if who is None:
        return False
    names = {full_name(line.first_name, line.last_name), full_name(who.first_name, who.last_name)}
    addresses = {address(line.email), address(who.email)}
    has_one_name, has_one_address = len(names - {""}) == 1, len(addresses - {""}) == 1
    is_same_name = has_one_name and "" not in names
    is_same_address = has_one_address and "" not in addresses
    return (is_same_name and len(addresses - {""}) < 2) or (is_same_address and len(names - {""}) < 2)


def _purge_quarantine(
    connection: sqlite3.Connection, student_id: str, emails: Sequence[str], read_person: PersonReader
) -> int:
    folded_emails = {folded(email) for email in emails}
    purged = []
    for row in connection.execute("SELECT class_id, row_key, payload FROM quarantine").fetchall():
        row_student_id, email = read_person(row["payload"])
        if row_student_id == student_id or (email is not None and folded(email) in folded_emails):
            purged.append((row["class_id"], row["row_key"]))
    connection.executemany("DELETE FROM quarantine WHERE class_id = ? AND row_key = ?", purged)
    save_purged_rows(connection, purged)
    return len(purged)


def allow_return(database: Database, student_id: str, *, asked_by: str) -> None:
    """Let the next sync bring a purged student back.

    Raises ``BadInput`` if nobody with this id was purged.
    """
    with database.writing() as connection:
        deleted = connection.execute("DELETE FROM purged_students WHERE id_digest = ?", (digest(student_id),))
        if not deleted.rowcount:
            raise BadInput("Nobody with this id was purged.", parameter="student")
        # The digests do not say whose records they are, so all of them go. A full sync finds the records of
        # other purged students again.
        connection.execute("DELETE FROM purged_rows")
        connection.execute("UPDATE classes SET clean_full_at = NULL")
        add_event(connection, asked_by, "purge undone")


def load_purged(connection: sqlite3.Connection) -> frozenset[str]:
    """Load the digests of the ids of all purged students."""
    return frozenset(row["id_digest"] for row in connection.execute("SELECT id_digest FROM purged_students"))


def save_purged_rows(connection: sqlite3.Connection, rows: Iterable[tuple[str, ...]]) -> None:
    """Save the digests of purged records that upstream still has.

    Each row is a class id and a record id.
    """
    connection.executemany(
        "INSERT OR IGNORE INTO purged_rows VALUES (?, ?)",
        [(class_id, digest(row_id)) for class_id, row_id in rows],
    )


def forget_absent(connection: sqlite3.Connection, class_id: str, seen: Iterable[str]) -> None:
    """Delete the digests of purged records that a clean pass did not see."""
    held = connection.execute("SELECT row_digest FROM purged_rows WHERE class_id = ?", (class_id,)).fetchall()
    seen_digests = {digest(row_id) for row_id in seen} if held else set()
    connection.executemany(
        "DELETE FROM purged_rows WHERE class_id = ? AND row_digest = ?",
        [(class_id, row["row_digest"]) for row in held if row["row_digest"] not in seen_digests],
    )
