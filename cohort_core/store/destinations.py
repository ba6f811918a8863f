"""Destinations: places outside to which digests and events go.

An address may let everybody write into a channel, so addresses and secrets are kept where the password is
(`config.credentials`), under the ``secret_ref`` of a destination, and never here.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args
from zoneinfo import available_timezones

from cohort_core.errors import BadInput
from cohort_core.store.database import Database, utc_text

Kind = Literal["slack", "discord", "teams", "email", "webhook"]
Names = Literal["pseudonym", "initial", "full"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NAMES: tuple[Names, ...] = get_args(Names)
"""How students are named, from the least to the most that leaves the school."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORKDAYS = DAYS[:5]
DEFAULT_EVENTS = (
    "student.needs_attention",
    "student.need_ended",
    "student.came_back",
    "class.alarm",
)
EVENTS = (*DEFAULT_EVENTS, "sync.failed", "sync.finished")
"""The events that a webhook may choose; ``ping`` is sent to try it."""
DEFAULT_AT = "08:00"
_AT = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,60}")
_JSON_COLUMNS = ("class_ids", "days", "events")


@dataclass(frozen=True)
class Destination:
    """A place outside, without its address. Times are UTC text."""

    id: int
    name: str
    kind: Kind
    account_id: int | None
    """Whose it is; None for the owner of a home, or for the school."""
    class_ids: tuple[str, ...] | None
    """The classes that it is about, None for all that its owner sees."""
    names: Names
    at: str
    """The local time of the digest, such as 08:00."""
    days: tuple[str, ...]
    timezone: str | None
    """The time zone of `at`, None for that of the settings."""
    events: tuple[str, ...]
    allow_private: bool
    """True if the address may lie inside a private network."""
    is_on: bool
    notice: str | None
    """The last problem, in words for its owner."""
    made_at: str
    changed_at: str
    who: str
    secret_ref: str = field(repr=False)

    @property
    def gets_digests(self) -> bool:
        """True for all kinds but webhooks, which get events."""
        return self.kind != "webhook"


@dataclass(frozen=True)
class Wanted:
    """The choices for a destination. Raises ``BadInput`` for one that cannot be."""

    name: str
    kind: str
    names: str = "pseudonym"
    at: str = DEFAULT_AT
    days: Sequence[str] = WORKDAYS
    timezone: str | None = None
    class_ids: Sequence[str] | None = None
    events: Sequence[str] = DEFAULT_EVENTS
    allow_private: bool = False

    def __post_init__(self) -> None:
        _choose(self.kind, KINDS, "kind", "There is no such kind of destination.")
        _choose(self.names, NAMES, "names", "Students cannot be named so.")
        if not _NAME.fullmatch(self.name) or not self.name.strip():
            raise BadInput("Give it a name of one line, at most 60 characters.", parameter="name")
        if not _AT.fullmatch(self.at):
            raise BadInput("Write the time as hours and minutes, such as 08:00.", parameter="at")
        for day in self.days:
            _choose(day, DAYS, "days", "There is no such day.")
        if not self.days and self.kind != "webhook":
            raise BadInput("Choose at least one day.", parameter="days")
        for event in self.events:
            _choose(event, EVENTS, "events", "There is no such event.")
        if self.timezone is not None and self.timezone not in available_timezones():
            raise BadInput("Name a time zone such as Europe/Berlin.", parameter="timezone")


def _choose(value: str, among: Sequence[str], parameter: str, problem: str) -> None:
    if value not in among:
        raise BadInput(f"{problem} Choose one of: {', '.join(among)}.", parameter=parameter)


def has_destinations(database: Database, kinds: Collection[str] = KINDS) -> bool:
    """Return True if there is a destination of these kinds, by a small query."""
    if not database.exists:
        return False
    places = ", ".join("?" * len(kinds))
    with database.reading() as connection:
        query = f"SELECT 1 FROM destinations WHERE kind IN ({places}) LIMIT 1"  # noqa: S608
        return connection.execute(query, tuple(kinds)).fetchone() is not None


def load_destinations(database: Database) -> list[Destination]:
    """Load all destinations in the order of their creation."""
    if not database.exists:
        return []
    with database.reading() as connection:
        return read_destinations(connection)


def read_destinations(connection: sqlite3.Connection) -> list[Destination]:
    """Load all destinations within a transaction."""
    return [_read(row) for row in connection.execute("SELECT * FROM destinations ORDER BY id").fetchall()]


def _read(row: sqlite3.Row) -> Destination:
    values: dict[str, Any] = dict(row)
    for name in _JSON_COLUMNS:
        loaded = None if values[name] is None else json.loads(values[name])
        values[name] = None if loaded is None else tuple(loaded)
    for name in ("allow_private", "is_on"):
        values[name] = bool(values[name])
    return Destination(**values)


def add_destination(
    connection: sqlite3.Connection,
    wanted: Wanted,
    *,
    account_id: int | None,
    who: str,
    secret_ref: str,
    now: datetime,
) -> int:
    """Write a new destination; return its id. Raises ``BadInput`` for a name that is taken."""
    moment = utc_text(now)
    try:
        row = connection.execute(
            "INSERT INTO destinations (name, kind, account_id, class_ids, names, at, days, timezone, events, "
            "allow_private, made_at, changed_at, who, secret_ref) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
            "?, ?, ?) RETURNING id",
            (
                *(wanted.name.strip(), wanted.kind, account_id),
                None if wanted.class_ids is None else json.dumps(list(wanted.class_ids), allow_nan=False),
                *(wanted.names, wanted.at),
                json.dumps([day for day in DAYS if day in wanted.days], allow_nan=False),
                wanted.timezone,
                json.dumps([event for event in EVENTS if event in wanted.events], allow_nan=False),
                *(wanted.allow_private, moment, moment, who, secret_ref),
            ),
        ).fetchone()
    except sqlite3.IntegrityError:
        raise BadInput(
            "There is a destination of this name already. Choose another name.", parameter="name"
        ) from None
    return int(row["id"])


def change_destination(
    connection: sqlite3.Connection,
    destination_id: int,
    now: datetime,
    *,
    names: str,
    at: str,
    days: Sequence[str],
    is_on: bool,
) -> None:
    """Change what a person may change later. An earlier notice goes."""
    connection.execute(
        "UPDATE destinations SET names = ?, at = ?, days = ?, is_on = ?, changed_at = ?, notice = NULL "
        "WHERE id = ?",
        (
            *(names, at, json.dumps([day for day in DAYS if day in days], allow_nan=False)),
            *(is_on, utc_text(now)),
            destination_id,
        ),
    )


def remove_destination(connection: sqlite3.Connection, destination_id: int) -> None:
    """Remove a destination with all that waits for it."""
    connection.execute("DELETE FROM destinations WHERE id = ?", (destination_id,))


def save_notice(
    connection: sqlite3.Connection, destination_id: int, notice: str | None, *, off: bool = False
) -> None:
    """Note for its owner what went wrong, and with ``off`` send it nothing more."""
    connection.execute(
        "UPDATE destinations SET notice = ?, is_on = is_on AND NOT ? WHERE id = ?",
        (notice, off, destination_id),
    )
