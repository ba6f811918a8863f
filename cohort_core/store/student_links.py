"""Students' links to their own page, and the browsers in which it is open.

The database holds only the SHA-256 of a link and of a cookie, since both have 256 random bits. Both tables
name the student, so a purge ends them.
"""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from cohort_core.store.database import utc_text
from cohort_core.store.tokens import digest

LINK_LIFETIME = timedelta(days=30)
REMEMBERED = timedelta(days=365)
"""For so long after its end, a link still says that it is over."""
MAX_SESSIONS = 20
"""Browsers of one student in which the page may be open.

A further one ends the oldest.
"""
_SECRET_BYTES = 32

LinkState = Literal["works", "expired", "revoked"]


class StudentKey(NamedTuple):
    """A student of a class, by the real ids."""

    class_id: str
    student_id: str


@dataclass(frozen=True)
class StudentLink:
    """A link to a student's own page, without its secret. Times are UTC text."""

    digest: str = field(repr=False)
    class_id: str
    student_id: str
    made_by: str
    made_at: str
    ends_at: str
    revoked_at: str | None

    @property
    def key(self) -> StudentKey:
        """The student whose page it opens."""
        return StudentKey(self.class_id, self.student_id)

    def state(self, now: datetime) -> LinkState:
        """Return whether the link works, or why it does not."""
        if self.revoked_at is not None:
            return "revoked"
        return "works" if self.ends_at > utc_text(now) else "expired"


def create_link(connection: sqlite3.Connection, key: StudentKey, made_by: str, now: datetime) -> str:
    """Return the secret of a new link.

    Earlier links of the student in this class end, with their sessions.
    """
    revoke_links(connection, key, now)
    connection.execute("DELETE FROM student_links WHERE ends_at < ?", (utc_text(now - REMEMBERED),))
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    connection.execute(
        "INSERT INTO student_links (digest, class_id, student_id, made_by, made_at, ends_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (digest(secret), *key, made_by, utc_text(now), utc_text(now + LINK_LIFETIME)),
    )
    return secret


def revoke_links(connection: sqlite3.Connection, key: StudentKey, now: datetime) -> int:
    """End the links of a student in a class, with their sessions.

    Return how many worked.
    """
    at = utc_text(now)
    revoked = connection.execute(
        "UPDATE student_links SET revoked_at = ? "
        "WHERE class_id = ? AND student_id = ? AND revoked_at IS NULL AND ends_at > ?",
        (at, *key, at),
    )
    connection.execute(
        "DELETE FROM student_sessions WHERE class_id = ? AND student_id = ? AND link IS NOT NULL", key
    )
    return revoked.rowcount


def find_link(connection: sqlite3.Connection, secret: str) -> StudentLink | None:
    """Return the link of a secret, in any state; None if there is none."""
    row = connection.execute("SELECT * FROM student_links WHERE digest = ?", (digest(secret),)).fetchone()
    return None if row is None else StudentLink(**dict(row))


def load_links(connection: sqlite3.Connection, class_id: str) -> list[StudentLink]:
    """Load the links of a class, the latest first."""
    rows = connection.execute(
        "SELECT * FROM student_links WHERE class_id = ? ORDER BY made_at DESC, digest", (class_id,)
    )
    return [StudentLink(**dict(row)) for row in rows]


def open_session(
    connection: sqlite3.Connection, key: StudentKey, ends_at: str, now: datetime, *, link: str | None
) -> str:
    """Return the secret of a new session.

    `link` is the digest of the link that opened it, if one did.
    """
    connection.execute("DELETE FROM student_sessions WHERE ends_at <= ?", (utc_text(now),))
    connection.execute(
        "DELETE FROM student_sessions WHERE digest IN (SELECT digest FROM student_sessions "
        "WHERE class_id = ? AND student_id = ? ORDER BY opened_at DESC LIMIT -1 OFFSET ?)",
        (*key, MAX_SESSIONS - 1),
    )
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    connection.execute(
        "INSERT INTO student_sessions (digest, class_id, student_id, link, opened_at, ends_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (digest(secret), *key, link, utc_text(now), ends_at),
    )
    return secret


def find_session(connection: sqlite3.Connection, secret: str, now: datetime) -> tuple[StudentKey, str] | None:
    """Return the student of a session and its end, as UTC text; None without one."""
    row = connection.execute(
        "SELECT class_id, student_id, ends_at FROM student_sessions WHERE digest = ? AND ends_at > ?",
        (digest(secret), utc_text(now)),
    ).fetchone()
    return None if row is None else (StudentKey(row["class_id"], row["student_id"]), row["ends_at"])


def end_session(connection: sqlite3.Connection, secret: str) -> None:
    """End a session, if there is such a session."""
    connection.execute("DELETE FROM student_sessions WHERE digest = ?", (digest(secret),))
