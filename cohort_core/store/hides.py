"""What a mentor has settled about a student: done for today, or not to be listed at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from cohort_core.errors import BadInput
from cohort_core.store.database import Database, utc_text

Kind = Literal["done", "exempt"]


@dataclass(frozen=True)
class Hide:
    """A student of a class whom triage leaves out: *done* until a local day begins, or *exempt* for good."""

    class_id: str
    student_id: str
    kind: Kind
    until: date | None
    made_at: str

    def holds_on(self, today: date) -> bool:
        return self.until is None or today < self.until


def save_hide(
    database: Database, class_id: str, student_id: str, kind: Kind, *, until: date | None, now: datetime
) -> None:
    """Replace what was settled before. *done* needs the day on which the student is listed again."""
    if (kind == "done") != (until is not None):
        raise BadInput("Done needs a day of return, and exempt has none. Correct that.", parameter="until")
    with database.writing() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?)",
            (class_id, student_id, kind, until.isoformat() if until else None, utc_text(now)),
        )


def remove_hide(database: Database, class_id: str, student_id: str) -> None:
    with database.writing() as connection:
        connection.execute("DELETE FROM marks WHERE class_id = ? AND student_id = ?", (class_id, student_id))


def load_hides(database: Database) -> list[Hide]:
    """All marks, the latest first; those whose day has come included."""
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
