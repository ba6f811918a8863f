"""The change to a new version of the risk score, and the students it moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cohort_core.store.database import Database, utc_text


@dataclass(frozen=True)
class ScoreChange:
    """A new version of the score in a database that has classes from before it.

    ``moved`` of ``students`` are in another band by the new version alone; None until they were counted.
    """

    version: int
    moved: int | None
    students: int | None


def load_unseen(database: Database) -> ScoreChange | None:
    """Load the change that nobody has confirmed yet, None if there is none."""
    with database.reading() as connection:
        row = connection.execute(
            "SELECT version, moved, students FROM score_changes WHERE seen_at IS NULL ORDER BY version DESC"
        ).fetchone()
    return row and ScoreChange(row["version"], row["moved"], row["students"])


def save_moved(database: Database, version: int, moved: int, students: int) -> bool:
    """Save the counts of a change. Returns True if they were not there yet."""
    with database.writing() as connection:
        saved = connection.execute(
            "UPDATE score_changes SET moved = ?, students = ? WHERE version = ? AND moved IS NULL",
            (moved, students, version),
        )
        return bool(saved.rowcount)


def mark_seen(database: Database, now: datetime) -> None:
    """Note that the change was read, so that it is not shown again."""
    with database.writing() as connection:
        connection.execute("UPDATE score_changes SET seen_at = ? WHERE seen_at IS NULL", (utc_text(now),))
