"""Spells: the entries of triage that hold, as events were made of them.

Spells, the events and the revision up to which they were made are written in one transaction. So a process
that is killed before it has said nothing, and the next one says all of it once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cohort_core.store.database import utc_text

Subject = tuple[str, str]
"""A student's id, empty for the class itself, and the kind of the entry."""


@dataclass(frozen=True)
class Progress:
    """The revision of a class up to which events were made, and their basis."""

    class_id: str
    revision: int
    events_revision: int | None
    events_basis: str | None

    @property
    def is_behind(self) -> bool:
        """True if the class has changed since."""
        return self.events_revision is None or self.events_revision < self.revision


def load_progress(connection: sqlite3.Connection) -> list[Progress]:
    """Load the progress of all open classes that were synced."""
    rows = connection.execute(
        "SELECT id AS class_id, revision, events_revision, events_basis FROM classes "
        "WHERE is_active AND closed_on IS NULL AND synced_at IS NOT NULL ORDER BY id"
    )
    return [Progress(**dict(row)) for row in rows.fetchall()]


def save_progress(connection: sqlite3.Connection, before: Progress, basis: str) -> bool:
    """Note that events of a class were made; return False if another process did."""
    changed = connection.execute(
        "UPDATE classes SET events_revision = ?, events_basis = ? "
        "WHERE id = ? AND events_revision IS ? AND events_basis IS ?",
        (before.revision, basis, before.class_id, before.events_revision, before.events_basis),
    )
    return bool(changed.rowcount)


def load_spells(connection: sqlite3.Connection, class_id: str) -> Mapping[Subject, bool]:
    """Load the open spells of a class, each with whether it was announced."""
    rows = connection.execute(
        "SELECT student_id, kind, is_announced FROM spells WHERE class_id = ?", (class_id,)
    )
    return {(row["student_id"], row["kind"]): bool(row["is_announced"]) for row in rows}


def save_spells(
    connection: sqlite3.Connection,
    class_id: str,
    *,
    begun: Mapping[Subject, bool],
    ended: Iterable[Subject],
    now: datetime,
) -> None:
    """Write spells that began, each with whether it is announced, and remove those that ended."""
    connection.executemany(
        "DELETE FROM spells WHERE class_id = ? AND student_id = ? AND kind = ?",
        [(class_id, *subject) for subject in ended],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO spells VALUES (?, ?, ?, ?, ?)",
        [(class_id, *subject, utc_text(now), announced) for subject, announced in begun.items()],
    )


def begin_anew(connection: sqlite3.Connection) -> None:
    """Forget all spells. The next events begin with silence, as after a first sync."""
    connection.execute("DELETE FROM spells")
    connection.execute("UPDATE classes SET events_revision = NULL, events_basis = NULL")
