"""Closed classes, and the counts of lost students that stay of them.

The counts name nobody. They go when a class is opened again, or deleted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cohort_core.errors import BadInput, StoreError
from cohort_core.store.audit import add_event
from cohort_core.store.contacts import erase_contacts
from cohort_core.store.database import Database, utc_text


@dataclass(frozen=True)
class BandCount:
    """The students of a risk band at the end of a quarter, and those lost."""

    quarter: int
    """1 to 4."""
    band: str
    students: int
    lost: int


@dataclass(frozen=True)
class BandTotal:
    """The counts of a band, summed over the closed classes that have students in it."""

    band: str
    classes: int
    students: int
    lost: int


KEPT_FOR = timedelta(days=365)
"""How long contacts and notes stay after a class was closed."""


def close_class(
    database: Database,
    class_id: str,
    closed_on: date,
    counts: Iterable[BandCount],
    *,
    now: datetime,
    erases_contacts: bool = False,
) -> None:
    """Close a class on a day, and keep its counts.

    `erases_contacts` erases its contacts and handover notes at once; call `remove_traces` afterwards. Raises
    ``BadInput`` if it is closed already.
    """
    with database.writing() as connection:
        closed = connection.execute(
            "UPDATE classes SET closed_on = ?, closed_at = ? WHERE id = ? AND closed_on IS NULL",
            (closed_on.isoformat(), utc_text(now), class_id),
        )
        if not closed.rowcount:
            raise BadInput("This class is closed already. Open it first to close it anew.")
        connection.execute("DELETE FROM band_counts WHERE class_id = ?", (class_id,))
        connection.executemany(
            "INSERT INTO band_counts VALUES (?, ?, ?, ?, ?)",
            [(class_id, count.quarter, count.band, count.students, count.lost) for count in counts],
        )
        if erases_contacts:
            erase_contacts(connection, class_id)


def remove_traces(database: Database) -> None:
    """Remove what was erased from the free parts of the file.

    SQLite leaves copies of rows there when it moves them from page to page, and in the write-ahead log. If
    the file cannot be compacted, as on a full disk, it raises a ``StoreError`` that says so.
    """
    try:
        with database.writer() as connection:
            database.compact(connection)
    except StoreError as error:
        raise type(error)(
            "The class is closed, and its contacts and notes are deleted. But the file could not be "
            "compacted, so traces may be left in its free parts. Free some space on the disk, end other "
            "programs that read the data, then open the class and close it again with the same answer."
        ) from error


def erase_expired_contacts(database: Database, now: datetime) -> None:
    """Erase the contacts and notes of classes that were closed a year ago or earlier.

    Those that are younger than a year stay until they are that old. Each class has a line in the audit.
    """
    limit = now - KEPT_FOR
    with database.reading() as connection:
        if not _expired(connection, limit):
            return
    with database.writing() as connection:
        # Once more: meanwhile somebody may have opened the class again.
        for class_id in _expired(connection, limit):
            erase_contacts(connection, class_id, limit)
            add_event(connection, "program", "contacts erased", f"class {class_id}, a year after it closed")
    remove_traces(database)


def _expired(connection: sqlite3.Connection, limit: datetime) -> list[str]:
    """Return the ids of classes closed until then that have contacts or notes of before."""
    rows = connection.execute(
        """
        SELECT id FROM classes
        WHERE closed_on IS NOT NULL AND coalesce(closed_at, closed_on || 'T24') <= ?1 AND (
          EXISTS (SELECT 1 FROM contacts WHERE class_id = classes.id AND at < ?1)
          OR EXISTS (SELECT 1 FROM handover_notes WHERE class_id = classes.id AND at < ?1))
        """,
        (utc_text(limit),),
    )
    return [row["id"] for row in rows]


def open_class(database: Database, class_id: str) -> None:
    """Open a closed class again; its counts go.

    Raises ``BadInput`` if it is open.
    """
    with database.writing() as connection:
        opened = connection.execute(
            "UPDATE classes SET closed_on = NULL, closed_at = NULL WHERE id = ? AND closed_on IS NOT NULL",
            (class_id,),
        )
        if not opened.rowcount:
            raise BadInput("This class is open already, so there is nothing to do.")
        connection.execute("DELETE FROM band_counts WHERE class_id = ?", (class_id,))


def load_band_totals(database: Database, class_ids: Collection[str] | None = None) -> list[BandTotal]:
    """Sum the counts of each band over all closed classes, or over these."""
    with database.reading() as connection:
        rows = connection.execute("SELECT class_id, band, students, lost FROM band_counts").fetchall()
    rows = [row for row in rows if class_ids is None or row["class_id"] in class_ids]
    totals = []
    for band in dict.fromkeys(row["band"] for row in rows):
        of_band = [row for row in rows if row["band"] == band]
        totals.append(
            BandTotal(
                band,
                len({row["class_id"] for row in of_band}),
                sum(row["students"] for row in of_band),
                sum(row["lost"] for row in of_band),
            )
        )
    return totals
