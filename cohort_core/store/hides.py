"""Hides: students taken out of triage by a mentor, until a day or for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from cohort_core.errors import BadInput
from cohort_core.store.database import Database, utc_text

Kind = Literal["done", "exempt"]


@dataclass(frozen=True)
class Hide:
    """A student hidden from triage in one class.

    *done* holds until the local day ``until`` begins, *exempt* for good. ``made_at`` is UTC text.
    """

    class_id: str
    student_id: str
    kind: Kind
    until: date | None
    made_at: str

    def holds_on(self, today: date) -> bool:
        """Return True if the student is still hidden on this local day of the class."""
        return self.until is None or today < self.until


def save_hide(
    database: Database, class_id: str, student_id: str, kind: Kind, *, until: date | None, now: datetime
) -> None:
    """Hide a student, in place of an earlier hide.

    *done* needs ``until``, the day on which triage lists the student again. Raises ``BadInput`` if *done* has
    no day or *exempt* has one.
    """
    if (kind == "done") != (until is not None):
        raise BadInput("Done needs a day of return, and exempt has none. Correct that.", parameter="until")
    with database.writing() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?)",
            (class_id, student_id, kind, until.isoformat() if until else None, utc_text(now)),
        )


def remove_hide(database: Database, class_id: str, student_id: str) -> None:
    """Show a student in triage again."""
    with database.writing() as connection:
        connection.execute("DELETE FROM marks WHERE class_id = ? AND student_id = ?", (class_id, student_id))


def load_hides(database: Database) -> list[Hide]:
    """Load all hides, the latest first, including those whose day has come."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT * FROM marks ORDER BY made_at DESC, class_id, student_id"
        ).fetchall()
    return [
        Hide(
            row["class_id"],
            row["student_id"],
            row["kind"],
            date.fromisoformat(row["until"]) if row["until"] else None,
            row["made_at"],
        )
        for row in rows
    ]
