"""API tokens. The database holds only their digests, with which nobody can log in.

A token has 256 random bits, so that a slow hash would add no safety to SHA-256: it cannot be guessed.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cohort_core.errors import BadInput
from cohort_core.store.audit import CREATED_TOKEN, add_event
from cohort_core.store.classes import find_class
from cohort_core.store.database import Database, utc_text
from cohort_core.store.roles import TOKEN_ROLES, Role
from cohort_core.time_spans import parse_span

PREFIX = "cohort_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MIN_LIFETIME, MAX_LIFETIME = timedelta(hours=1), timedelta(days=99_999)


@dataclass(frozen=True)
class Token:
    """The record of a token, without the token itself.

    Times are UTC text. ``class_ids`` is None for a token that sees all classes.
    """

    name: str
    role: Role
    class_ids: frozenset[str] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    digest: str = field(repr=False)

    def is_expired(self, now: datetime) -> bool:
        """Return True if the token's life has ended."""
        return self.expires_at is not None and self.expires_at <= utc_text(now)

    def is_live(self, now: datetime) -> bool:
        """Return True if the token is neither revoked nor expired."""
        return self.revoked_at is None and not self.is_expired(now)


def digest(token: str) -> str:
    """Hash a token, as the database holds it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def parse_lifetime(text: str) -> timedelta:
    """Parse a token's life such as ``12h``, ``90d`` or ``8w``.

    Raises ``BadInput`` for any other text.
    """
    lifetime = parse_span(text, MIN_LIFETIME, MAX_LIFETIME)
    if lifetime is None:
        raise BadInput(
            "A token's life cannot be used. Write one such as 12h, 90d or 8w.", parameter="expires"
        )
    return lifetime


def create_token(
    database: Database,
    name: str,
    role: str,
    references: Iterable[str] | None = None,
    *,
    lifetime: timedelta | None = None,
    asked_by: str,
    now: datetime,
    show: Callable[[str], None] | None = None,
) -> str:
    """Create a token and return it; it cannot be read again.

    ``references`` are the ids or friendly ids of the classes that it sees, None for all. ``show`` prints the
    token; if that raises, no token is made. Raises ``BadInput`` for a name in use, an unknown role or an
    empty list of classes, and ``UnknownClass``.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(
            "A token's name has letters, digits, dots, hyphens and underscores, at most 64. Choose another.",
            parameter="name",
        )
    if role not in TOKEN_ROLES:
        raise BadInput(f"There is no such role. Choose one of: {', '.join(TOKEN_ROLES)}.", parameter="role")
    class_ids = None if references is None else sorted({find_class(database, name) for name in references})
    if class_ids == []:
        # A script whose list is empty by mistake must not get access to all classes.
        raise BadInput(
            "The list of classes is empty. Name at least one, or leave it out.", parameter="class_ids"
        )
    if class_ids and role == "admin":
        raise BadInput(
            "An admin sees all classes. Leave the classes out, or choose the role viewer or mentor.",
            parameter="role",
        )
    token = PREFIX + secrets.token_urlsafe(32)
    detail = f"{name}, {role}, {', '.join(class_ids) if class_ids else 'all classes'}"
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
                json.dumps(class_ids, allow_nan=False) if class_ids else None,
                utc_text(now),
                utc_text(now + lifetime) if lifetime else None,
            ),
        )
        add_event(connection, asked_by, CREATED_TOKEN, detail)
        if show is not None:
            show(token)
    database.home.mark_guarded()
    return token


def revoke_token(database: Database, name: str, *, asked_by: str, now: datetime) -> None:
    """Revoke the token of this name at once. Raises ``BadInput`` if there is none."""
    with database.writing() as connection:
        updated = connection.execute(
            "UPDATE tokens SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL", (utc_text(now), name)
        )
        if not updated.rowcount:
            raise BadInput(
                "There is no token of this name. `cohort-tracker token list` lists all.", parameter="name"
            )
        add_event(connection, asked_by, "token revoked", name)


def load_tokens(database: Database) -> list[Token]:
    """Load all tokens, revoked ones too, in the order of their creation."""
    if not database.exists:
        return []
    with database.reading() as connection:
        rows = connection.execute("SELECT * FROM tokens ORDER BY id").fetchall()
    return [_read_token(row) for row in rows]


def _read_token(row: sqlite3.Row) -> Token:
    values = {name: row[name] for name in row.keys() if name not in ("id", "class_ids")}  # noqa: SIM118
    class_ids = frozenset(json.loads(row["class_ids"])) if row["class_ids"] else None
    return Token(class_ids=class_ids, **values)


def note_use(database: Database, digests: Iterable[str], now: datetime) -> None:
    """Note the last use of the tokens with these digests."""
    at = utc_text(now)
    with database.writing() as connection:
        connection.executemany(
            "UPDATE tokens SET last_used_at = ? WHERE digest = ?", [(at, token) for token in digests]
        )
