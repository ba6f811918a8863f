"""The audit log: actions that the data itself does not show, such as exports.

A line names no student and holds no secret, so it may be kept as long as the database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from cohort_core.clock import utc_now
from cohort_core.store.database import Database, utc_text

CREATED_TOKEN, CREATED_ACCOUNT = "token created", "account created"
OPENED, REMOVED_ACCOUNTS = "opened without tokens", "all accounts removed"


@dataclass(frozen=True)
class Event:
    """An action of a person or program.

    ``at`` is UTC text; ``who`` is cli, dashboard, api, token or account with its name, or program for what
    nobody asked.
    """

    at: str
    who: str
    action: str
    detail: str


def save_event(database: Database, who: str, action: str, detail: str = "") -> None:
    """Write an event, such as ``("dashboard", "settings", "timezone, sync_every")``."""
    save_events(database, [(who, action, detail)])


def save_events(database: Database, events: Iterable[tuple[str, str, str]]) -> None:
    """Write events, each as who, action and detail, in one transaction."""
    with database.writing() as connection:
        for who, action, detail in events:
            add_event(connection, who, action, detail)


def add_event(connection: sqlite3.Connection, who: str, action: str, detail: str = "") -> None:
    """Write an event within the transaction of the action itself."""
    connection.execute(
        "INSERT INTO audit (at, who, action, detail) VALUES (?, ?, ?, ?)",
        (utc_text(utc_now()), who, action, detail),
    )


def load_events(database: Database, limit: int | None = None) -> list[Event]:
    """Load the latest events, newest first; all by default."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT at, who, action, detail FROM audit ORDER BY id DESC LIMIT ?",
            (-1 if limit is None else limit,),
        ).fetchall()
    return [Event(**dict(row)) for row in rows]


def load_details(database: Database, action: str) -> list[str]:
    """Load the details of all events of an action, newest first."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT detail FROM audit WHERE action = ? ORDER BY id DESC", (action,)
        ).fetchall()
    return [row["detail"] for row in rows]
