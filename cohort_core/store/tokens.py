"""Tokens that let programs in. Only a digest of each is here: whoever reads the database cannot use it.

A token is 256 random bits, so a plain SHA-256 of it is as good as a slow one: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args

from cohort_core.errors import BadInput
from cohort_core.store.audit import add_event
from cohort_core.store.classes import find_class
from cohort_core.store.database import Database, utc_text

Role = Literal["viewer", "mentor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may: read; sync and write notes; settings and tokens."""

PREFIX = "cohort_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SPAN = re.compile(r"(\d{1,5})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Token:
    """What is known of a token. Times are UTC text; ``class_ids`` is None for one that sees all classes."""

    name: str
    role: Role
    class_ids: frozenset[str] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    digest: str = field(repr=False)

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= utc_text(now)

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and not self.is_expired(now)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def parse_lifetime(text: str) -> timedelta:
    """``12h``, ``90d``, ``8w``. Raises ``BadInput`` for anything else."""
    match = _SPAN.fullmatch(text.strip().casefold())
    if match is None or not int(match[1]):
        raise BadInput(
            "A token's life cannot be used. Write one such as 12h, 90d or 8w.", parameter="expires"
        )
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def create_token(
    database: Database,
    name: str,
    role: str,
    references: Iterable[str] | None = None,
    *,
    lifetime: timedelta | None = None,
    asked_by: str,
    now: datetime,
) -> str:
    """A new token, which nobody can read again. ``references`` are ids or friendly ids of the classes that it
    sees, None for all.

    Raises ``BadInput`` for a name in use or a role that is not there, and ``UnknownClass``.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(
            "A token's name has letters, digits, dots, hyphens and underscores, at most 64. Choose another.",
            parameter="name",
        )
    if role not in ROLES:
        raise BadInput(f"There is no such role. Choose one of: {', '.join(ROLES)}.", parameter="role")
    class_ids = None if references is None else sorted({find_class(database, one) for one in references})
    if class_ids == []:
        # A script whose list came out empty does not mean everything.
        raise BadInput(
            "The list of classes is empty. Name at least one, or leave it out.", parameter="class_ids"
        )
    if class_ids and role == "admin":
        raise BadInput(
            "An admin sees all classes. Leave the classes out, or choose the role viewer or mentor.",
            parameter="role",
        )
    token = PREFIX + secrets.token_urlsafe(32)
    told = f"{name}, {role}, {', '.join(class_ids) if class_ids else 'all classes'}"
    with database.writing() as connection:
        if connection.execute(
            "SELECT 1 FROM tokens WHERE name = ? AND revoked_at IS NULL", (name,)
        ).fetchone():
            raise BadInput(
                "There is a token of this name. Choose another, or revoke that one first.", parameter="name"
            )
        connection.execute(
            "INSERT INTO tokens (name, digest, role, class_ids, created_at, expires_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (
                name,
                digest(token),
                role,
                json.dumps(class_ids) if class_ids else None,
                utc_text(now),
                utc_text(now + lifetime) if lifetime else None,
            ),
        )
        add_event(connection, asked_by, "token created", told)
    return token


def revoke_token(database: Database, name: str, *, asked_by: str, now: datetime) -> None:
    """Let a token in no more, from this moment on. Raises ``BadInput`` if there is none of this name."""
    with database.writing() as connection:
        done = connection.execute(
            "UPDATE tokens SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL", (utc_text(now), name)
        )
        if not done.rowcount:
            raise BadInput(
                "There is no token of this name. `cohort-tracker token list` lists all.", parameter="name"
            )
        add_event(connection, asked_by, "token revoked", name)


def load_tokens(database: Database) -> list[Token]:
    """All tokens, those that are revoked included, in the order in which they were made."""
    if not database.exists:
        return []
    with database.reading() as connection:
        rows = connection.execute("SELECT * FROM tokens ORDER BY id").fetchall()
    return [_token(row) for row in rows]


def _token(row: sqlite3.Row) -> Token:
    known = {name: row[name] for name in row.keys() if name not in ("id", "class_ids")}  # noqa: SIM118
    class_ids = frozenset(json.loads(row["class_ids"])) if row["class_ids"] else None
    return Token(class_ids=class_ids, **known)


def note_use(database: Database, digests: Iterable[str], now: datetime) -> None:
    """Keep when tokens were last used."""
    with database.writing() as connection:
        connection.executemany(
            "UPDATE tokens SET last_used_at = ? WHERE digest = ?", [(utc_text(now), one) for one in digests]
        )
