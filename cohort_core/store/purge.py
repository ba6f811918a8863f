"""Removing a person for good, and keeping them away when OpenClass sends them again.

What stays are digests: of the student's id, to know whom to keep away, and of their records' ids, so that
the count of what we hold can still be compared with upstream's total.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cohort_core.errors import BadInput
from cohort_core.store.audit import add_event
from cohort_core.store.classes import bump_revision
from cohort_core.store.database import Database
from cohort_core.store.records import BadRow
from cohort_core.store.roster import Enrolment, folded, load_roster, load_seen_students, match_roster


@dataclass(frozen=True)
class Purged:
    """How much of a person was removed."""

    progressions: int
    changes: int
    quarantined: int
    enrolments: int


def digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()


def purge_student(database: Database, student_id: str, *, asked_by: str) -> Purged:
    """Remove a student from every table, and the file's free pages too. For who holds the claim to sync.

    `student_id` is an OpenClass id, or the stand-in id of someone who is only on the roster. Raises
    ``BadInput`` if nobody has it.
    """
    with database.writer() as connection:
        with database.transaction(connection):
            # Deleted content is overwritten, in the file and in what the log of writes still holds.
            connection.execute("PRAGMA secure_delete = ON")
            purged = _purge(connection, student_id)
            # Not whom: they are to be forgotten here as well.
            add_event(connection, asked_by, "purge", f"{purged.progressions} progressions")
        database.compact(connection)
    database.path.with_name("cohort.before-restore.db").unlink(missing_ok=True)
    return purged


def _purge(connection: sqlite3.Connection, student_id: str) -> Purged:
    emails = [
        row["email"]
        for row in connection.execute("SELECT email FROM students WHERE id = ? AND email > ''", (student_id,))
    ]
    is_known = connection.execute("SELECT 1 FROM students WHERE id = ?", (student_id,)).fetchone()
    class_ids = [row["id"] for row in connection.execute("SELECT id FROM classes").fetchall()]
    enrolments = sum(_purge_roster(connection, class_id, student_id) for class_id in class_ids)
    quarantined = _purge_quarantine(connection, student_id, emails)
    if not (is_known or enrolments or quarantined):
        raise BadInput("Nobody here has this id. The API's /students lists ids.", parameter="student")
    of_student = "SELECT class_id, id FROM progressions WHERE student_id = ?"
    keep_away(connection, [tuple(row) for row in connection.execute(of_student, (student_id,)).fetchall()])
    counts = {
        table: connection.execute(f"DELETE FROM {table} WHERE student_id = ?", (student_id,)).rowcount  # noqa: S608
        for table in ("progressions", "tombstones", "changes", "marks")
    }
    connection.execute("DELETE FROM students WHERE id = ?", (student_id,))
    connection.execute("INSERT OR IGNORE INTO purged_students VALUES (?)", (digest(student_id),))
    for class_id in class_ids:
        bump_revision(connection, class_id)
    return Purged(counts["progressions"] + counts["tombstones"], counts["changes"], quarantined, enrolments)


def _purge_roster(connection: sqlite3.Connection, class_id: str, student_id: str) -> int:
    """Remove the roster's lines that mean the student, however they name them."""
    lines = load_roster(connection, class_id)
    match = match_roster(lines, load_seen_students(connection, class_id))
    meant = match.by_student.get(student_id)
    keys = {meant.key} if meant else set()
    keys |= {one.key for one in match.unseen if student_id in {one.stand_in_id, one.student_id}}
    numbered = connection.execute(
        "SELECT id, student_id, email, first_name, last_name FROM enrolments WHERE class_id = ?", (class_id,)
    ).fetchall()
    gone = [row["id"] for row in numbered if Enrolment(*tuple(row)[1:]).key in keys]
    connection.executemany("DELETE FROM enrolments WHERE id = ?", [(one,) for one in gone])
    return len(gone)


def _purge_quarantine(connection: sqlite3.Connection, student_id: str, emails: Sequence[str]) -> int:
    known_emails = {folded(email) for email in emails}
    rows = connection.execute("SELECT class_id, row_key, payload FROM quarantine").fetchall()
    gone = []
    for row in rows:
        who, email = _user_of(row["payload"])
        if who == student_id or (email is not None and folded(email) in known_emails):
            gone.append((row["class_id"], row["row_key"]))
    connection.executemany("DELETE FROM quarantine WHERE class_id = ? AND row_key = ?", gone)
    keep_away(connection, gone)
    return len(gone)


def _user_of(payload: str) -> tuple[str | None, str | None]:
    raw = json.loads(payload)
    user = raw.get("user") if isinstance(raw, dict) else None
    if not isinstance(user, dict):
        return None, None
    who, email = user.get("id"), user.get("email")
    return who if isinstance(who, str) else None, email if isinstance(email, str) else None


def allow_return(database: Database, student_id: str, *, asked_by: str) -> None:
    """Let the next sync bring a purged student back. Raises ``BadInput`` if they were not purged."""
    with database.writing() as connection:
        gone = connection.execute("DELETE FROM purged_students WHERE id_digest = ?", (digest(student_id),))
        if not gone.rowcount:
            raise BadInput("Nobody with this id was purged.", parameter="student")
        # Which of the records are theirs is not known any more; a full sync finds all of them again.
        connection.execute("DELETE FROM purged_rows")
        connection.execute("UPDATE classes SET clean_full_at = NULL")
        add_event(connection, asked_by, "purge undone")


def load_purged(connection: sqlite3.Connection) -> frozenset[str]:
    """Digests of the ids of everyone who was purged."""
    return frozenset(row["id_digest"] for row in connection.execute("SELECT id_digest FROM purged_students"))


def is_of_purged(bad_row: BadRow, purged: frozenset[str]) -> bool:
    """Whether a record that cannot be used is one of somebody who was purged."""
    who, _email = _user_of(bad_row.payload)
    return who is not None and digest(who) in purged


def keep_away(connection: sqlite3.Connection, rows: Iterable[tuple[str, ...]]) -> None:
    """Remember, by digest, records that upstream has and we do not: class id and record id of each."""
    connection.executemany(
        "INSERT OR IGNORE INTO purged_rows VALUES (?, ?)",
        [(class_id, digest(row_id)) for class_id, row_id in rows],
    )


def forget_absent(connection: sqlite3.Connection, class_id: str, seen: Iterable[str]) -> None:
    """After a clean pass, forget purged records that upstream no longer has."""
    held = connection.execute("SELECT row_digest FROM purged_rows WHERE class_id = ?", (class_id,)).fetchall()
    there = {digest(row_id) for row_id in seen} if held else set()
    connection.executemany(
        "DELETE FROM purged_rows WHERE class_id = ? AND row_digest = ?",
        [(class_id, row["row_digest"]) for row in held if row["row_digest"] not in there],
    )
