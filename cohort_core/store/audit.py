"""Who did what that cannot be seen in the data itself: exports, purges, tokens, settings.

A line names no student and holds no secret, so that it may be kept for as long as the database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cohort_core.store.database import Database, utc_text


@dataclass(frozen=True)
class Event:
    """Something that was done. ``who`` is cli, dashboard, api, or token and its name."""

    at: str
    who: str
    action: str
    detail: str


def save_event(database: Database, who: str, action: str, detail: str = "") -> None:
    """Keep that someone did something, such as ``("dashboard", "settings", "timezone, sync_every")``."""
    save_events(database, [(who, action, detail)])


def save_events(database: Database, events: Iterable[tuple[str, str, str]]) -> None:
    with database.writing() as connection:
        for who, action, detail in events:
            add_event(connection, who, action, detail)


def add_event(connection: sqlite3.Connection, who: str, action: str, detail: str = "") -> None:
    """As ``save_event``, inside the transaction of what is done."""
    connection.execute(
        "INSERT INTO audit (at, who, action, detail) VALUES (?, ?, ?, ?)",
        (utc_text(datetime.now(UTC)), who, action, detail),
    )


def load_events(database: Database, limit: int | None = None) -> list[Event]:
    """The latest events, newest first; all by default."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT at, who, action, detail FROM audit ORDER BY id DESC LIMIT ?",
            (-1 if limit is None else limit,),
        ).fetchall()
    return [Event(**dict(row)) for row in rows]
