"""The outbox: messages that wait to be sent, and what came of each.

A message is claimed in a transaction of its own before it goes out, so that of two processes one sends it. A
claim whose process was killed ends by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cohort_core.errors import BadInput
from cohort_core.store.database import Database, utc_text

CLAIM = timedelta(minutes=2)
"""How long a process may take to send a message."""
BODY_LIFE = timedelta(days=7)
ROW_LIFE = timedelta(days=60)
FINAL = ("delivered", "accepted")
"""Nothing is left to do, and the body is deleted."""
REPEATED = ("perhaps_sent", "failed", "dropped")
"""A person may send it again."""


@dataclass(frozen=True)
class Message:
    """A message to a destination. Times are UTC text.

    ``state`` is waiting, sending, delivered, accepted (its receiver does the rest later), perhaps_sent (the
    outcome is not clear), failed (refused for good) or dropped (too late).
    """

    id: int
    destination_id: int
    kind: str
    key: str
    """The day of a digest, or the id of an event; unique for each destination."""
    body: str | None = field(repr=False)
    made_at: str
    next_try_at: str | None
    tries: int
    state: str
    answer: str | None
    tried_at: str | None = None

    @property
    def may_repeat(self) -> bool:
        """True if a person may send it again."""
        return self.state in REPEATED and self.body is not None


_COLUMNS = "id, destination_id, kind, key, body, made_at, next_try_at, tries, state, answer"


def add_message(
    connection: sqlite3.Connection,
    destination_id: int,
    kind: str,
    key: str,
    body: str,
    now: datetime,
    students: Iterable[tuple[str, str]] = (),
) -> int | None:
    """Write a message, and return its id; None if the key is there.

    `students` are those in it, each as class id and student id.
    """
    moment = utc_text(now)
    row = connection.execute(
        "INSERT INTO outbox (destination_id, kind, key, body, made_at, next_try_at, state) "
        "VALUES (?, ?, ?, ?, ?, ?, 'waiting') ON CONFLICT DO NOTHING RETURNING id",
        (destination_id, kind, key, body, moment, moment),
    ).fetchone()
    if row is None:
        return None
    connection.executemany(
        "INSERT OR IGNORE INTO outbox_students VALUES (?, ?, ?)",
        [(row["id"], class_id, student_id) for class_id, student_id in students],
    )
    return int(row["id"])


def has_message(connection: sqlite3.Connection, destination_id: int, key: str) -> bool:
    """Return True if a destination has a message of this key, in whatever state."""
    query = "SELECT 1 FROM outbox WHERE destination_id = ? AND key = ?"
    return connection.execute(query, (destination_id, key)).fetchone() is not None


def last_digest_students(connection: sqlite3.Connection, destination_id: int) -> set[tuple[str, str]] | None:
    """Return who was in the last digest of a destination, None without an earlier one."""
    last = connection.execute(
        "SELECT max(id) FROM outbox WHERE destination_id = ? AND kind = 'digest'", (destination_id,)
    ).fetchone()[0]
    if last is None:
        return None
    rows = connection.execute("SELECT class_id, student_id FROM outbox_students WHERE outbox_id = ?", (last,))
    return {(row["class_id"], row["student_id"]) for row in rows}


def last_digest_at(connection: sqlite3.Connection, destination_id: int) -> str | None:
    """Return when the last digest of a destination was made, as UTC text."""
    row = connection.execute(
        "SELECT max(made_at) FROM outbox WHERE destination_id = ? AND kind = 'digest'", (destination_id,)
    ).fetchone()
    return None if row is None else row[0]


def claim_next(
    database: Database, me: str, now: datetime, *, without: Collection[int] = (), only: int | None = None
) -> Message | None:
    """Claim the message that is due next; None if there is none.

    Messages to destinations in ``without`` wait, and those to destinations that are off. With ``only`` it is
    the message of this id.
    """
    moment = utc_text(now)
    due = (
        f"SELECT {_COLUMNS} FROM outbox WHERE state = 'waiting' AND next_try_at <= ? "  # noqa: S608
        "AND destination_id IN (SELECT id FROM destinations WHERE is_on) "
        f"AND destination_id NOT IN ({', '.join('?' * len(without))}) AND (? IS NULL OR id = ?) "
        "ORDER BY next_try_at, id LIMIT 1"
    )
    parameters = (moment, *without, only, only)
    with database.reading() as connection:
        # Most of the time nothing waits, and then no lock is taken.
        if connection.execute(due, parameters).fetchone() is None:
            return None
    with database.writing() as connection:
        row = connection.execute(due, parameters).fetchone()
        if row is None:
            return None
        connection.execute(
            "UPDATE outbox SET state = 'sending', claimed_by = ?, claimed_until = ? WHERE id = ?",
            (me, utc_text(now + CLAIM), row["id"]),
        )
        return Message(**dict(row))


def end_lost_claims(database: Database, now: datetime, repeated: Collection[str]) -> int:
    """End the claims of processes that were killed while they sent; return how many.

    Messages of the kinds of destinations in ``repeated`` go out again. Of the others nobody can say whether
    they arrived, so they become *perhaps sent*.
    """
    lost = "state = 'sending' AND claimed_until <= ?"
    moment = utc_text(now)
    with database.reading() as connection:
        if connection.execute(f"SELECT 1 FROM outbox WHERE {lost}", (moment,)).fetchone() is None:  # noqa: S608
            return 0
    places = ", ".join("?" * len(repeated))
    with database.writing() as connection:
        rows = connection.execute(
            f"SELECT id, destination_id IN (SELECT id FROM destinations WHERE kind IN ({places})) AS again "  # noqa: S608
            f"FROM outbox WHERE {lost}",
            (*repeated, moment),
        ).fetchall()
        for row in rows:
            state = "waiting" if row["again"] else "perhaps_sent"
            answer = "the program ended while it was sent"
            _end_claim(connection, row["id"], state, moment if row["again"] else None, answer)
            _add_delivery(connection, row["id"], moment, "unknown", answer)
    return len(rows)


def save_outcome(
    connection: sqlite3.Connection,
    message: Message,
    me: str,
    now: datetime,
    *,
    outcome: str,
    answer: str,
    state: str,
    next_try_at: datetime | None,
    tries: int,
) -> bool:
    """Note what came of an attempt. Return False if the claim was lost meanwhile."""
    held = connection.execute(
        "SELECT 1 FROM outbox WHERE id = ? AND state = 'sending' AND claimed_by = ?", (message.id, me)
    ).fetchone()
    if held is None:
        return False
    moment = None if next_try_at is None else utc_text(next_try_at)
    _end_claim(connection, message.id, state, moment, answer, tries)
    _add_delivery(connection, message.id, utc_text(now), outcome, answer)
    return True


def _end_claim(
    connection: sqlite3.Connection,
    message_id: int,
    state: str,
    next_try_at: str | None,
    answer: str,
    tries: int | None = None,
) -> None:
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(
        "UPDATE outbox SET state = ?, next_try_at = ?, answer = ?, tries = coalesce(?, tries), "
        "claimed_by = NULL, claimed_until = NULL, body = iif(? IN ('delivered', 'accepted'), NULL, body) "
        "WHERE id = ?",
        (state, next_try_at, answer, tries, state, message_id),
    )
    if state in FINAL:
        _forget_students(connection, message_id)


def _forget_students(connection: sqlite3.Connection, message_id: int) -> None:
    """Forget who was in a message that is over.

    The last digest keeps them, to say who is new.
    """
    connection.execute(
        "DELETE FROM outbox_students WHERE outbox_id = ? AND outbox_id NOT IN ("
        "SELECT max(id) FROM outbox WHERE kind = 'digest' GROUP BY destination_id)",
        (message_id,),
    )


def _add_delivery(
    connection: sqlite3.Connection, message_id: int, at: str, outcome: str, answer: str
) -> None:
    connection.execute(
        "INSERT INTO deliveries (outbox_id, at, outcome, answer) VALUES (?, ?, ?, ?)",
        (message_id, at, outcome, answer),
    )


def load_messages(database: Database, destination_id: int, limit: int) -> list[Message]:
    """Load the latest messages to a destination, newest first, without their bodies' content."""
    with database.reading() as connection:
        rows = connection.execute(
            f"SELECT {_COLUMNS}, (SELECT max(at) FROM deliveries d WHERE d.outbox_id = o.id) AS tried_at "  # noqa: S608
            "FROM outbox o WHERE destination_id = ? ORDER BY id DESC LIMIT ?",
            (destination_id, limit),
        ).fetchall()
    return [Message(**dict(row)) for row in rows]


def load_message(database: Database, destination_id: int, message_id: int) -> Message:
    """Load a message to a destination. Raises ``BadInput`` if there is none."""
    with database.reading() as connection:
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM outbox WHERE id = ? AND destination_id = ?",  # noqa: S608
            (message_id, destination_id),
        ).fetchone()
    if row is None:
        raise BadInput("This destination has no such message. Its list has all.", parameter="delivery")
    return Message(**dict(row))


def send_again(connection: sqlite3.Connection, message_id: int, now: datetime) -> None:
    """Let a message that failed, or was perhaps sent, go out once more.

    Raises ``BadInput`` if it cannot: it was delivered, waits anyway, or its content was deleted.
    """
    row = connection.execute("SELECT state, body FROM outbox WHERE id = ?", (message_id,)).fetchone()
    if row is None or row["state"] not in REPEATED or row["body"] is None:
        raise BadInput(
            "Only what failed or was perhaps sent can be sent again, for seven days. Send a test instead.",
            parameter="delivery",
        )
    connection.execute(
        "UPDATE outbox SET state = 'waiting', tries = 0, next_try_at = ?, made_at = ? WHERE id = ?",
        (utc_text(now), utc_text(now), message_id),
    )


def count_waiting(database: Database) -> int:
    """Count the messages that wait or are being sent."""
    with database.reading() as connection:
        query = "SELECT count(*) FROM outbox WHERE state IN ('waiting', 'sending')"
        return int(connection.execute(query).fetchone()[0])


def tidy(database: Database, now: datetime) -> None:
    """Delete contents after seven days, and messages after sixty."""
    old_body, old_row = utc_text(now - BODY_LIFE), utc_text(now - ROW_LIFE)
    is_old = "(body IS NOT NULL AND made_at <= ? AND state != 'sending')"
    parameters = (old_body, old_row)
    with database.reading() as connection:
        query = f"SELECT 1 FROM outbox WHERE {is_old} OR made_at <= ? LIMIT 1"  # noqa: S608
        if connection.execute(query, parameters).fetchone() is None:
            return
    with database.writing() as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(
            "UPDATE outbox SET state = 'dropped', answer = 'too old', next_try_at = NULL "  # noqa: S608
            f"WHERE {is_old} AND state = 'waiting'",
            (old_body,),
        )
        connection.execute(f"UPDATE outbox SET body = NULL WHERE {is_old}", (old_body,))  # noqa: S608
        # The last digest stays: its key says that its day is over, and its students who is new.
        connection.execute(
            "DELETE FROM outbox WHERE made_at <= ? AND id NOT IN ("
            "SELECT max(id) FROM outbox WHERE kind = 'digest' GROUP BY destination_id)",
            (old_row,),
        )
        connection.execute(
            "DELETE FROM outbox_students WHERE outbox_id IN (SELECT id FROM outbox WHERE body IS NULL) AND "
            "outbox_id NOT IN (SELECT max(id) FROM outbox WHERE kind = 'digest' GROUP BY destination_id)"
        )


def remove_pending_about(connection: sqlite3.Connection, student_ids: Collection[str]) -> None:
    """Remove the messages in which a student is, by all ids of the student."""
    places = ", ".join("?" * len(student_ids))
    connection.execute(
        "DELETE FROM outbox WHERE body IS NOT NULL AND id IN ("  # noqa: S608
        f"SELECT outbox_id FROM outbox_students WHERE student_id IN ({places}))",
        tuple(student_ids),
    )
