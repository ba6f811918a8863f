"""Requests for help, which students send from their own page."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from cohort_core.errors import BadInput
from cohort_core.store.database import utc_text
from cohort_core.store.student_links import StudentKey

MAX_TEXT = 500
MAX_OPEN = 10
"""Unanswered requests that a student may have."""


@dataclass(frozen=True)
class HelpRequest:
    """A request for help with an assignment, or with anything if there is none.

    Times are UTC text. ``who`` answered it: dashboard, cli, api, token:NAME or account:NAME.
    """

    id: int
    class_id: str
    student_id: str
    assignment_id: str | None
    text: str | None
    at: str
    answered_at: str | None = None
    who: str | None = None


def add_request(
    connection: sqlite3.Connection,
    key: StudentKey,
    assignment_id: str | None,
    text: str | None,
    now: datetime,
) -> bool:
    """Save a request; return False if there is an unanswered one about the same assignment.

    Raises ``BadInput`` for a text that is too long, and for too many unanswered requests.
    """
    if text is not None and len(text) > MAX_TEXT:
        raise BadInput(f"That is too long. Say it in {MAX_TEXT} characters.", parameter="text")
    unanswered = [item for item in load_requests(connection, key) if item.answered_at is None]
    if any(item.assignment_id == assignment_id for item in unanswered):
        return False
    if len(unanswered) >= MAX_OPEN:
        raise BadInput(
            f"You have asked {MAX_OPEN} times already. Your mentor sees it all. Talk to them, or take one "
            "back first.",
            parameter="text",
        )
    connection.execute(
        "INSERT INTO help_requests (class_id, student_id, assignment_id, text, at) VALUES (?, ?, ?, ?, ?)",
        (*key, assignment_id, text, utc_text(now)),
    )
    return True


def take_back(connection: sqlite3.Connection, key: StudentKey, request_id: int) -> bool:
    """Delete an unanswered request of a student; return whether there was one."""
    # SQLite overwrites deleted content with zeros.
    connection.execute("PRAGMA secure_delete = ON")
    deleted = connection.execute(
        "DELETE FROM help_requests WHERE id = ? AND class_id = ? AND student_id = ? AND answered_at IS NULL",
        (request_id, *key),
    )
    return bool(deleted.rowcount)


def answer_request(
    connection: sqlite3.Connection, class_id: str, request_id: int, who: str, now: datetime
) -> bool:
    """Note who answered a request; return False if somebody had answered it before.

    Raises ``BadInput`` if the class has no such request.
    """
    row = connection.execute(
        "SELECT answered_at FROM help_requests WHERE id = ? AND class_id = ?", (request_id, class_id)
    ).fetchone()
    if row is None:
        raise BadInput("The class has no such request. The student took it back.", parameter="request")
    if row["answered_at"] is not None:
        return False
    connection.execute(
        "UPDATE help_requests SET answered_at = ?, who = ? WHERE id = ?", (utc_text(now), who, request_id)
    )
    return True


def load_requests(
    connection: sqlite3.Connection, key: StudentKey | None = None, class_id: str | None = None
) -> list[HelpRequest]:
    """Load the requests of a student, of a class or of all, newest first."""
    wanted_class, student_id = key or (class_id, None)
    rows = connection.execute(
        """
        SELECT * FROM help_requests
        WHERE (?1 IS NULL OR class_id = ?1) AND (?2 IS NULL OR student_id = ?2)
        ORDER BY at DESC, id DESC
        """,
        (wanted_class, student_id),
    )
    return [HelpRequest(**dict(row)) for row in rows]
