"""Handover notes: a mentor's answers for the next mentor."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from cohort_core.errors import AnswerChanged, BadInput
from cohort_core.store.database import utc_text

QUESTIONS = {
    "helps": "What helps",
    "careful": "What to be careful with",
    "promised": "What was promised",
    "else": "What else",
}
MAX_TEXT = 2000


@dataclass(frozen=True)
class HandoverNote:
    """An answer about a student, a group, or the whole class."""

    class_id: str
    group_id: str | None
    student_id: str | None
    question: str
    text: str
    who: str
    at: str


_COLUMNS = ", ".join(HandoverNote.__dataclass_fields__)


def save_handover_note(
    connection: sqlite3.Connection, note: HandoverNote, now: datetime, before: str | None = None
) -> None:
    """Write an answer in place of the earlier one; an empty text removes it.

    `before` is the text that the writer saw, None for any. Raises ``AnswerChanged`` if the present one is
    neither that nor the new one, and ``BadInput`` for an unknown question or a text that is too long.
    """
    if note.question not in QUESTIONS:
        raise BadInput(
            f"There is no such question. Choose one of: {', '.join(QUESTIONS)}.", parameter="question"
        )
    if len(note.text) > MAX_TEXT:
        raise BadInput(f"The text is too long. Keep it to {MAX_TEXT} characters.", parameter="text")
    place = "FROM handover_notes WHERE class_id = ? AND group_id IS ? AND student_id IS ? AND question = ?"
    key = (note.class_id, note.group_id, note.student_id, note.question)
    row = connection.execute(f"SELECT text {place}", key).fetchone()
    present = row["text"] if row else ""
    if before is not None and present not in (before.strip(), note.text):
        raise AnswerChanged(
            "Somebody changed this answer while you wrote, so yours is not saved. Look at theirs first.",
            present=present,
        )
    connection.execute(f"DELETE {place}", key)
    if note.text:
        values = vars(note) | {"at": utc_text(now)}
        connection.execute(
            f"INSERT INTO handover_notes ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})",  # noqa: S608
            tuple(values.values()),
        )


def load_handover_notes(connection: sqlite3.Connection, class_id: str) -> list[HandoverNote]:
    """Load the answers about a class, in the order in which they were given."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM handover_notes WHERE class_id = ? ORDER BY at, id",  # noqa: S608
        (class_id,),
    )
    return [HandoverNote(**dict(row)) for row in rows]
