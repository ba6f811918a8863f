"""Contacts: when a mentor wrote or talked to a student, never what."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from cohort_core.errors import BadInput
from cohort_core.store.database import utc_text

Channel = Literal["copied", "email", "call", "met", "other"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
MAX_NOTE = 500
REPEATED_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Contact:
    """A message or a talk.

    ``kind``, ``assignment_id`` and ``days`` are those of the triage entry that it was about, ``template`` is
    the draft that was used. ``at`` is UTC text; ``who`` is dashboard, cli, api, token:NAME or account:ID.
    """

    id: int
    class_id: str
    student_id: str
    at: str
    who: str
    channel: str
    kind: str | None = None
    assignment_id: str | None = None
    template: str | None = None
    days: int | None = None
    note: str | None = None


_COLUMNS = ", ".join(Contact.__dataclass_fields__)


def check_contact(channel: str, note: str | None) -> None:
    """Raise ``BadInput`` for an unknown channel or a note that is too long."""
    if channel not in CHANNELS:
        raise BadInput(
            f"There is no such channel. Choose one of: {', '.join(CHANNELS)}.", parameter="channel"
        )
    if note is not None and len(note) > MAX_NOTE:
        raise BadInput(f"The note is too long. Keep it to {MAX_NOTE} characters.", parameter="note")


def add_contact(connection: sqlite3.Connection, contact: Contact, now: datetime) -> tuple[Contact, bool]:
    """Save a contact; return it, and whether it is new.

    Its id and instant are set here. Within ten minutes the same contact by the same person is one contact;
    the first is returned then.
    """
    repeated = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM contacts
        WHERE class_id = ? AND student_id = ? AND who = ? AND channel = ? AND kind IS ? AND assignment_id IS ?
          AND template IS ? AND (?8 IS NULL OR note IS ?8) AND at >= ? AND at <= ? AND deleted_at IS NULL
        ORDER BY id DESC LIMIT 1
        """,  # noqa: S608
        (
            *(contact.class_id, contact.student_id, contact.who, contact.channel, contact.kind),
            *(contact.assignment_id, contact.template, contact.note),
            *(utc_text(now - REPEATED_WITHIN), utc_text(now)),
        ),
    ).fetchone()
    if repeated is not None:
        return Contact(**dict(repeated)), False
    values = vars(contact) | {"at": utc_text(now)}
    del values["id"]
    cursor = connection.execute(
        f"INSERT INTO contacts ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",  # noqa: S608
        tuple(values.values()),
    )
    return Contact(id=int(cursor.lastrowid or 0), **values), True


def delete_contact(
    connection: sqlite3.Connection, class_id: str, student_id: str, contact_id: int, now: datetime
) -> None:
    """Delete a contact and blank its note.

    Raises ``BadInput`` if the student has no such contact.
    """
    deleted = connection.execute(
        """
        UPDATE contacts SET deleted_at = ?, note = NULL
        WHERE id = ? AND class_id = ? AND student_id = ? AND deleted_at IS NULL
        """,
        (utc_text(now), contact_id, class_id, student_id),
    )
    if not deleted.rowcount:
        raise BadInput("The student has no contact with this number.", parameter="contact")


def load_contacts(
    connection: sqlite3.Connection, class_id: str | None = None, student_id: str | None = None
) -> list[Contact]:
    """Load the contacts of all classes, a class or a student, newest first.

    Deleted ones are left out.
    """
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM contacts
        WHERE (?1 IS NULL OR class_id = ?1) AND (?2 IS NULL OR student_id = ?2) AND deleted_at IS NULL
        ORDER BY at DESC, id DESC
        """,  # noqa: S608
        (class_id, student_id),
    )
    return [Contact(**dict(row)) for row in rows]


def count_kept(connection: sqlite3.Connection, class_id: str) -> int:
    """Count the contacts of a class, its handover notes and requests for help.

    Deleted contacts count too.
    """
    row = connection.execute(
        """
        SELECT (SELECT count(*) FROM contacts WHERE class_id = ?1)
             + (SELECT count(*) FROM handover_notes WHERE class_id = ?1)
             + (SELECT count(*) FROM help_requests WHERE class_id = ?1)
        """,
        (class_id,),
    ).fetchone()
    return int(row[0])


def erase_contacts(connection: sqlite3.Connection, class_id: str, before: datetime | None = None) -> int:
    """Erase contacts, notes, requests for help and the hides that contacts made; return how many.

    With `before` only those that are older.
    """
    # SQLite overwrites deleted content with zeros.
    connection.execute("PRAGMA secure_delete = ON")
    limit = None if before is None else utc_text(before)
    erased = 0
    for statement in (
        "DELETE FROM marks WHERE class_id = ?1 AND contact_id IS NOT NULL AND (?2 IS NULL OR made_at < ?2)",
        "DELETE FROM contacts WHERE class_id = ?1 AND (?2 IS NULL OR at < ?2)",
        "DELETE FROM handover_notes WHERE class_id = ?1 AND (?2 IS NULL OR at < ?2)",
        "DELETE FROM help_requests WHERE class_id = ?1 AND (?2 IS NULL OR at < ?2)",
    ):
        erased += connection.execute(statement, (class_id, limit)).rowcount
    return erased
