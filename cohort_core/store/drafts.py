"""The drafts that people have written in place of ours."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from cohort_core.store.database import Database


@dataclass(frozen=True)
class SavedDraft:
    """A template that somebody wrote. ``changed_at`` is UTC text."""

    kind: str
    subject: str
    body: str
    changed_at: str
    who: str


_COLUMNS = ", ".join(SavedDraft.__dataclass_fields__)


def save_draft(connection: sqlite3.Connection, draft: SavedDraft) -> None:
    """Save a template in place of the earlier one of its kind."""
    connection.execute(
        f"INSERT OR REPLACE INTO drafts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608
        tuple(vars(draft).values()),
    )


def delete_draft(connection: sqlite3.Connection, kind: str) -> bool:
    """Delete the template of a kind; return whether there was one."""
    return connection.execute("DELETE FROM drafts WHERE kind = ?", (kind,)).rowcount > 0


def load_drafts(database: Database) -> dict[str, SavedDraft]:
    """Load the saved templates by kind."""
    if not database.exists:
        return {}
    with database.reading() as connection:
        rows = connection.execute(f"SELECT {_COLUMNS} FROM drafts").fetchall()  # noqa: S608
    return {row["kind"]: SavedDraft(**dict(row)) for row in rows}
