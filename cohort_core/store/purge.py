"""Purging: removing a person for good, and refusing them when OpenClass sends them again.

Two kinds of digests stay: of the student's id, to recognise them in later syncs, and of their records' ids,
so that the number of records here can still be compared with upstream's total.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cohort_core.config.paths import open_private
from cohort_core.errors import BadInput, StoreError, SystemRefused
from cohort_core.store.audit import add_event
from cohort_core.store.classes import bump_revision
from cohort_core.store.database import Database
from cohort_core.store.outbox import remove_pending_about
from cohort_core.store.person_rows import (
    ROSTER_TABLES,
    PersonReader,
    RosterRows,
    find_quarantined,
    find_roster_rows,
)
from cohort_core.store.roster import load_students
from cohort_core.store.stand_ins import kept_tables, load_aliases, student_tables


@dataclass(frozen=True)
class Purged:
    """The records that a purge removed, and the copies that it deleted."""

    progressions: int
    changes: int
    quarantined: int
    enrolments: int
    kept: int = 0
    """Contacts, handover notes and hides."""
    copies: tuple[Path, ...] = ()


def digest(identity: str) -> str:
    """Hash an id, so that it can be recognised without being kept."""
    return hashlib.sha256(identity.encode()).hexdigest()


def purge_student(database: Database, student_id: str, *, read_person: PersonReader, asked_by: str) -> Purged:
    """Remove a student from every table and from the file's free pages.

    The caller must hold the sync lock. `student_id` is an OpenClass id, or the stand-in id of someone who is
    only on the roster, or was on an earlier one. The copies from before a restore or a migration are deleted,
    as they hold the student. Raises ``BadInput`` if nobody has the id. If a copy cannot be deleted, or the
    file not be compacted, as on a full disk, it raises a `SystemRefused` or `StoreError` that says so; doing
    it again then finishes it.
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
    changes_before = connection.total_changes
    enrolments = kept = 0
    for class_id in class_ids:
        ids = {student_id} | {old for old, now in aliases[class_id].items() if now == student_id}
        rows = find_roster_rows(connection, class_id, ids, aliases[class_id], student)
        kept += _purge_class(connection, class_id, rows)
        enrolments += len(rows.by_table["enrolments"])
    quarantined = find_quarantined(connection, {student_id}, student, read_person)
    _purge_quarantined(connection, [(row["class_id"], row["row_key"]) for row in quarantined])
    of_student = "SELECT class_id, id FROM progressions WHERE student_id = ?"
    records = connection.execute(of_student, (student_id,)).fetchall()
    save_purged_rows(connection, [tuple(row) for row in records])
    counts = {
        table: connection.execute(f"DELETE FROM {table} WHERE student_id = ?", (student_id,)).rowcount  # noqa: S608
        for table in student_tables(connection)
        if table not in ROSTER_TABLES
    }
    connection.execute("DELETE FROM students WHERE id = ?", (student_id,))
    if connection.total_changes == changes_before:
        raise BadInput("Nobody here has this id. The API's /students lists ids.", parameter="student")
    connection.execute("INSERT OR IGNORE INTO purged_students VALUES (?)", (digest(student_id),))
    for class_id in class_ids:
        bump_revision(connection, class_id)
    kept += sum(counts[table] for table in kept_tables(connection))
    removed = counts["progressions"] + counts["tombstones"]
    return Purged(removed, counts["changes"], len(quarantined), enrolments, kept)


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


def _purge_class(connection: sqlite3.Connection, class_id: str, rows: RosterRows) -> int:
    """Remove the roster rows of a person, and what people kept about them.

    Returns the number of rows that people kept.
    """
    # OpenClass may know somebody by the id of their line before it has a record of them.
    lines = [*rows.by_table["enrolments"]]
    lines += [row for row in rows.by_table["earlier_enrolments"] if row["stand_in_id"] in rows.ids]
    said_ids = {row["student_id"] for row in lines} - {None, ""}
    connection.executemany(
        "INSERT OR IGNORE INTO purged_students VALUES (?)",
        [(digest(said_id),) for said_id in said_ids],
    )
    for table, gone in rows.by_table.items():
        connection.executemany(f"DELETE FROM {table} WHERE id = ?", [(row["id"],) for row in gone])  # noqa: S608
    remove_pending_about(connection, rows.ids)
    kept = 0
    for table in kept_tables(connection):
        kept += connection.executemany(
            f"DELETE FROM {table} WHERE class_id = ? AND student_id = ?",  # noqa: S608
            [(class_id, an_id) for an_id in rows.ids],
        ).rowcount
    return kept


def _purge_quarantined(connection: sqlite3.Connection, keys: Sequence[tuple[str, str]]) -> None:
    connection.executemany("DELETE FROM quarantine WHERE class_id = ? AND row_key = ?", keys)
    save_purged_rows(connection, keys)


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
