"""Purging: removing a person for good, and refusing them when OpenClass sends them again.

Two kinds of digests stay: of the student's id, to recognise them in later syncs, and of their records' ids,
so that the number of records here can still be compared with upstream's total.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cohort_core.config.paths import open_private
from cohort_core.errors import BadInput, StoreError
from cohort_core.store.audit import add_event
from cohort_core.store.classes import bump_revision
from cohort_core.store.database import Database
from cohort_core.store.roster import Enrolment, folded, load_roster, load_seen_students, match_roster

PersonReader = Callable[[str], tuple[str | None, str | None]]
"""Reads the student's id and email in the payload of a quarantined record."""


@dataclass(frozen=True)
class Purged:
    """The counts of the records that a purge removed."""

    progressions: int
    changes: int
    quarantined: int
    enrolments: int


def digest(identity: str) -> str:
    """Hash an id, so that it can be recognised without being kept."""
    return hashlib.sha256(identity.encode()).hexdigest()


def purge_student(database: Database, student_id: str, *, read_person: PersonReader, asked_by: str) -> Purged:
    """Remove a student from every table and from the file's free pages.

    The caller must hold the sync lock. `student_id` is an OpenClass id, or the stand-in id of someone who is
    only on the roster. Raises ``BadInput`` if nobody has it. If the file cannot be compacted, as on a full
    disk, it raises a `StoreError` that says so; doing it again then finishes it.
    """
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
        for copy in database.home.automatic_copies():
            copy.unlink(missing_ok=True)
        try:
            database.compact(connection)
        except StoreError as error:
            raise type(error)(
                f"The student is removed ({purged.progressions} progressions, {purged.changes} changes, "
                f"{purged.enrolments} lines of the roster), but the file could not be compacted, so "
                f"traces may be "
                "left in its free parts. Free some space on the disk, end other programs that read the "
                "data, and do the same again: it finishes it."
            ) from error
    unfinished.unlink(missing_ok=True)
    return purged


def _purge(connection: sqlite3.Connection, student_id: str, read_person: PersonReader) -> Purged:
    emails = [
        row["email"]
        for row in connection.execute("SELECT email FROM students WHERE id = ? AND email > ''", (student_id,))
    ]
    is_stored = connection.execute("SELECT 1 FROM students WHERE id = ?", (student_id,)).fetchone()
    class_ids = [row["id"] for row in connection.execute("SELECT id FROM classes").fetchall()]
    enrolments = sum(_purge_roster(connection, class_id, student_id) for class_id in class_ids)
    quarantined = _purge_quarantine(connection, student_id, emails, read_person)
    has_group = connection.execute(
        "SELECT 1 FROM imported_groups WHERE student_id = ?", (student_id,)
    ).fetchone()
    if not (is_stored or enrolments or quarantined or has_group):
        raise BadInput("Nobody here has this id. The API's /students lists ids.", parameter="student")
    of_student = "SELECT class_id, id FROM progressions WHERE student_id = ?"
    rows = connection.execute(of_student, (student_id,)).fetchall()
    save_purged_rows(connection, [tuple(row) for row in rows])
    counts = {
        table: connection.execute(f"DELETE FROM {table} WHERE student_id = ?", (student_id,)).rowcount  # noqa: S608
        for table in ("progressions", "tombstones", "changes", "marks", "imported_groups")
    }
    connection.execute("DELETE FROM students WHERE id = ?", (student_id,))
    connection.execute("INSERT OR IGNORE INTO purged_students VALUES (?)", (digest(student_id),))
    for class_id in class_ids:
        bump_revision(connection, class_id)
    return Purged(counts["progressions"] + counts["tombstones"], counts["changes"], quarantined, enrolments)


def _purge_roster(connection: sqlite3.Connection, class_id: str, student_id: str) -> int:
    """Remove all lines of a roster that mean the student; return how many."""
    lines = load_roster(connection, class_id)
    match = match_roster(lines, load_seen_students(connection, class_id))
    matched = match.by_student.get(student_id)
    keys = {matched.key} if matched else set()
    keys |= {line.key for line in match.unseen if student_id in {line.stand_in_id, line.student_id}}
    numbered = connection.execute(
        "SELECT id, student_id, email, first_name, last_name FROM enrolments WHERE class_id = ?", (class_id,)
    ).fetchall()
    ids = [row["id"] for row in numbered if Enrolment(*tuple(row)[1:]).key in keys]
    connection.executemany("DELETE FROM enrolments WHERE id = ?", [(line_id,) for line_id in ids])
    return len(ids)


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
