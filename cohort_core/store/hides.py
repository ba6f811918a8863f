"""Hides: students taken out of triage for a time or for good."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypedDict, Unpack

from cohort_core.errors import BadInput
from cohort_core.store.database import Database, utc_text

Kind = Literal["done", "exempt"]
Reason = Literal["until_active", "wrong"]


@dataclass(frozen=True)
class Hide:
    """A student hidden from triage in one class.

    *done* holds until the local day ``until`` begins, or with ``until_active`` until the student starts or
    completes something; *exempt* holds for good, with ``wrong`` because the student was wrongly listed.
    ``made_at`` is UTC text. ``entry_kind`` and ``entry_level`` are the triage entry and risk level of then; a
    level of None means that they were not noted. ``contact_id`` is the contact that made the hide.
    """

    class_id: str
    student_id: str
    kind: Kind
    until: date | None
    made_at: str
    reason: Reason | None = None
    entry_kind: str | None = None
    entry_level: str | None = None
    who: str | None = None
    contact_id: int | None = None
    earlier: str | None = None
    """The hide that the contact replaced, as JSON."""

    def holds_on(self, today: date) -> bool:
        """Return True if the day of return has not come on this day."""
        return self.until is None or today < self.until


class HideDetails(TypedDict, total=False):
    """The fields of a hide that may be left out."""

    reason: Reason | None
    entry_kind: str | None
    entry_level: str | None
    who: str | None


_NOT_IN_EARLIER = ("class_id", "student_id")
_COLUMNS = ", ".join(Hide.__dataclass_fields__)


def check_hide(kind: Kind, until: date | None, reason: Reason | None) -> None:
    """Raise ``BadInput`` for a kind, day and reason that do not belong together."""
    if reason == "until_active" and (kind != "done" or until is not None):
        raise BadInput("Until they come back is done, without a day. Correct that.", parameter="until_active")
    if reason == "wrong" and kind != "exempt":
        raise BadInput("Wrongly listed is exempt. Correct that.", parameter="wrong")
    if (kind == "done" and reason is None) != (until is not None):
        raise BadInput("Done needs a day of return, and exempt has none. Correct that.", parameter="until")


def save_hide(
    database: Database,
    class_id: str,
    student_id: str,
    kind: Kind,
    *,
    until: date | None,
    now: datetime,
    **details: Unpack[HideDetails],
) -> Hide | None:
    """Hide a student, and return the hide that this replaces. Raises what `check_hide` raises."""
    check_hide(kind, until, details.get("reason"))
    hide = Hide(class_id, student_id, kind, until, utc_text(now), **details)
    with database.writing() as connection:
        replaced = load_hide(connection, class_id, student_id)
        put_hide(connection, hide)
    return replaced


def put_hide(connection: sqlite3.Connection, hide: Hide) -> None:
    """Write a hide, in place of an earlier one of the same student."""
    values = _as_row(hide)
    connection.execute(
        f"INSERT OR REPLACE INTO marks ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})",  # noqa: S608
        tuple(values.values()),
    )


def hide_by_contact(connection: sqlite3.Connection, hide: Hide, *, holds: Callable[[Hide], bool]) -> Hide:
    """Hide a student because of a contact; return the hide that holds now.

    A hide that still `holds` and lasts longer stays, also one without a day.
    """
    present = load_hide(connection, hide.class_id, hide.student_id)
    is_longer = present is not None and (
        present.until is None or (hide.until is not None and present.until >= hide.until)
    )
    if present is not None and is_longer and holds(present):
        return present
    row = None
    if present is not None:
        earlier = {name: value for name, value in _as_row(present).items() if name not in _NOT_IN_EARLIER}
        row = json.dumps(earlier, allow_nan=False)
    hide = Hide(**{**vars(hide), "earlier": row})
    put_hide(connection, hide)
    return hide


def undo_hide_by_contact(
    connection: sqlite3.Connection, class_id: str, student_id: str, contact_id: int
) -> None:
    """Bring back the hide of before a contact. A later hide of another origin stays."""
    hide = load_hide(connection, class_id, student_id)
    if hide is None or hide.contact_id != contact_id:
        return
    live = "SELECT 1 FROM contacts WHERE id = ? AND deleted_at IS NULL"
    earlier = hide.earlier
    while earlier is not None:
        values = json.loads(earlier)
        origin = values["contact_id"]
        if origin is None or connection.execute(live, (origin,)).fetchone():
            put_hide(connection, _from_row({"class_id": class_id, "student_id": student_id, **values}))
            return
        earlier = values["earlier"]
    _delete(connection, class_id, student_id)


def remove_hide(database: Database, class_id: str, student_id: str, *, replaced: Hide | None = None) -> None:
    """Show a student in triage again, or hide them as before by `replaced`."""
    with database.writing() as connection:
        _delete(connection, class_id, student_id)
        if replaced is not None:
            put_hide(connection, replaced)


def load_hides(database: Database) -> list[Hide]:
    """Load all hides, the latest first, including those whose day has come."""
    with database.reading() as connection:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM marks ORDER BY made_at DESC, class_id, student_id"  # noqa: S608
        ).fetchall()
    return [_from_row(dict(row)) for row in rows]


def load_hide(connection: sqlite3.Connection, class_id: str, student_id: str) -> Hide | None:
    """Load the hide of a student in a class, or None."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM marks WHERE class_id = ? AND student_id = ?",  # noqa: S608
        (class_id, student_id),
    ).fetchone()
    return None if row is None else _from_row(dict(row))


def _delete(connection: sqlite3.Connection, class_id: str, student_id: str) -> None:
    connection.execute("DELETE FROM marks WHERE class_id = ? AND student_id = ?", (class_id, student_id))


def _as_row(hide: Hide) -> dict[str, Any]:
    return vars(hide) | {"until": hide.until.isoformat() if hide.until else None}


def _from_row(row: dict[str, Any]) -> Hide:
    return Hide(**row | {"until": date.fromisoformat(row["until"]) if row["until"] else None})
