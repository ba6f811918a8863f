"""The records that a sync writes: progressions, students, assignments, quarantine and removals.

Every function needs the connection of an open write transaction. Rows are compared before they are written,
so that the counts of new and changed rows are correct and a sync of an unchanged class writes nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from cohort_core.store.database import utc_text


class Progression(NamedTuple):
    """A validated upstream record. Times are UTC text with milliseconds.

    ``grade`` is the number that was sent, on the scale of the assignment (see `grade_scales`).
    """

    id: str
    student_id: str
    assignment_id: str
    grade: float | None
    started_at: str | None
    completed_at: str | None
    reviewed_at: str | None


class Student(NamedTuple):
    """A student as OpenClass names them."""

    id: str
    first_name: str | None
    last_name: str | None
    email: str | None


class Assignment(NamedTuple):
    """An assignment as OpenClass names it."""

    id: str
    name: str | None
    type: str | None


class BadRow(NamedTuple):
    """An upstream record that cannot be used, with the reason and its JSON as ``payload``.

    ``key`` is its id, or a hash of the payload if it has none.
    """

    key: str
    reason: str
    payload: str


@dataclass
class PageEffect:
    """The counts of what storing one page changed."""

    added: int = 0
    changed: int = 0
    identity_changes: int = 0
    quarantine_changes: int = 0

    @property
    def differs(self) -> bool:
        """True if anything on the page was not as we held it."""
        return bool(self.added or self.changed or self.identity_changes or self.quarantine_changes)


class RunContext(NamedTuple):
    """The run that stores records, and its time.

    The first sync of a class is a baseline: its records are not logged as changes.
    """

    run_id: int
    class_id: str
    now: datetime
    is_baseline: bool


_COLUMNS = "id, student_id, assignment_id, grade, started_at, completed_at, reviewed_at"
_VALUES = ("grade", "started_at", "completed_at", "reviewed_at")
_COMPARED = (*_VALUES, "student_id", "assignment_id")


def save_students(connection: sqlite3.Connection, students: Collection[Student]) -> int:
    """Insert or correct students; return how many were new or different."""
    new, corrected = _upsert_different(connection, "students", Student._fields, students)
    _bump_revisions(connection, "progressions", "student_id", corrected)
    return len(new) + len(corrected)


def save_assignments(connection: sqlite3.Connection, assignments: Collection[Assignment]) -> int:
    """Insert or correct assignments; return how many were new or different."""
    new, corrected = _upsert_different(connection, "assignments", Assignment._fields, assignments)
    _bump_revisions(connection, "progressions", "assignment_id", corrected)
    # The units of a class may have had its id without its name.
    _bump_revisions(connection, "unit_assignments", "assignment_id", new + corrected)
    return len(new) + len(corrected)


def _upsert_different(
    connection: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    rows: Collection[tuple[str | None, ...]],
) -> tuple[list[str], list[str]]:
    """Write only rows that differ; return the ids of the new and the corrected ones.

    The names of the table and its columns come from this module alone. The first column is the id.
    """
    held = {
        row[0]: tuple(row)
        for row in connection.execute(
            f"SELECT {', '.join(columns)} FROM {table} WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608
            (json.dumps([row[0] for row in rows], allow_nan=False),),
        )
    }
    different = {str(row[0]): row for row in rows if held.get(row[0]) != row}
    connection.executemany(
        f"""
        INSERT INTO {table} ({", ".join(columns)}) VALUES ({", ".join("?" * len(columns))})
        ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in columns[1:])}
        """,  # noqa: S608
        different.values(),
    )
    new = [row_id for row_id in different if row_id not in held]
    corrected = [row_id for row_id in different if row_id in held]
    return new, corrected


def _bump_revisions(connection: sqlite3.Connection, table: str, column: str, ids: Sequence[str]) -> None:
    """Mark the classes with these students or assignments as changed.

    The names of the table and its column come from this module alone.
    """
    if ids:
        connection.execute(
            f"""
            UPDATE classes SET revision = revision + 1
            WHERE id IN (
                SELECT class_id FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))
            )
            """,  # noqa: S608
            (json.dumps(ids, allow_nan=False),),
        )


def save_page(
    connection: sqlite3.Connection,
    context: RunContext,
    rows: Sequence[Progression],
    bad_rows: Sequence[BadRow],
) -> PageEffect:
    """Store a page's rows. A row that was suspect or removed is live again."""
    effect = PageEffect()
    held = _held_rows(connection, context.class_id, [row.id for row in rows])
    synced_at = utc_text(context.now)
    written: list[tuple[object, ...]] = []
    changes: list[tuple[object, ...]] = []
    revived: list[str] = []
    added_ids: list[str] = []
    for row in rows:
        old, is_suspect = held.get(row.id, (None, False))
        if old is None:
            effect.added += 1
            added_ids.append(row.id)
        elif old == row:
            if is_suspect:
                revived.append(row.id)
            continue
        else:
            effect.changed += 1
            changes.extend(
                _change(context, synced_at, row, "changed", name, getattr(old, name), getattr(row, name))
                for name in _COMPARED
                if getattr(old, name) != getattr(row, name)
            )
        written.append((*row, synced_at, context.class_id))
    if added_ids and not context.is_baseline:
        returned = _clear_tombstones(connection, context.class_id, added_ids)
        changes.extend(
            _change(
                context,
                synced_at,
                row,
                "returned" if row.id in returned else "added",
                None,
                None,
                _values_of(row),
            )
            for row in rows
            if row.id not in held
        )
    connection.executemany(
        f"""
        INSERT INTO progressions ({_COLUMNS}, synced_at, class_id, is_suspect)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
        ON CONFLICT (class_id, id) DO UPDATE SET
          student_id = excluded.student_id, assignment_id = excluded.assignment_id, grade = excluded.grade,
          started_at = excluded.started_at, completed_at = excluded.completed_at,
          reviewed_at = excluded.reviewed_at, synced_at = excluded.synced_at, is_suspect = 0
        """,  # noqa: S608
        written,
    )
    # A bad row exists upstream, so its last good version is not suspect.
    revived.extend(bad.key for bad in bad_rows)
    connection.executemany(
        "UPDATE progressions SET is_suspect = 0 WHERE class_id = ? AND id = ? AND is_suspect",
        [(context.class_id, row_id) for row_id in revived],
    )
    _save_changes(connection, changes)
    _save_quarantine(connection, context, rows, bad_rows, effect)
    return effect


def _held_rows(
    connection: sqlite3.Connection, class_id: str, ids: Sequence[str]
) -> dict[str, tuple[Progression, bool]]:
    """Load the live rows with these ids, each with whether it is suspect."""
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS}, is_suspect FROM progressions
        WHERE class_id = ? AND id IN (SELECT value FROM json_each(?))
        """,  # noqa: S608
        (class_id, json.dumps(ids, allow_nan=False)),
    )
    return {row_id: (Progression(row_id, *values), bool(is_suspect)) for row_id, *values, is_suspect in rows}


def _clear_tombstones(connection: sqlite3.Connection, class_id: str, ids: Sequence[str]) -> set[str]:
    """Delete the tombstones of these ids; return the ids that had one."""
    deleted = connection.execute(
        """
        DELETE FROM tombstones WHERE class_id = ? AND id IN (SELECT value FROM json_each(?)) RETURNING id
        """,
        (class_id, json.dumps(ids, allow_nan=False)),
    )
    return {row_id for (row_id,) in deleted.fetchall()}


def _change(
    context: RunContext,
    at: str,
    row: Progression | sqlite3.Row,
    kind: str,
    name: str | None,
    old: object,
    new: object,
) -> tuple[object, ...]:
    identity = (
        (row["id"], row["student_id"], row["assignment_id"]) if isinstance(row, sqlite3.Row) else row[:3]
    )
    values = (None if value is None else str(value) for value in (old, new))
    return (context.run_id, context.class_id, at, kind, *identity, name, *values)


def _values_of(row: Progression | sqlite3.Row) -> str:
    """Format a record's values as JSON.

    They are kept with a change, so that the log can be read without the records.
    """
    return json.dumps(
        {name: row[name] if isinstance(row, sqlite3.Row) else getattr(row, name) for name in _VALUES},
        allow_nan=False,
    )


def _save_changes(connection: sqlite3.Connection, changes: Iterable[tuple[object, ...]]) -> None:
    connection.executemany(
        """
        INSERT INTO changes (run_id, class_id, changed_at, kind, progression_id, student_id, assignment_id,
                             field, old, new)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        changes,
    )


def _save_quarantine(
    connection: sqlite3.Connection,
    context: RunContext,
    rows: Sequence[Progression],
    bad_rows: Sequence[BadRow],
    effect: PageEffect,
) -> None:
    """Keep bad rows with their reason, and release rows that are good now."""
    held = _held_quarantine(
        connection, context.class_id, [row.id for row in rows] + [bad.key for bad in bad_rows]
    )
    mended = [row.id for row in rows if row.id in held]
    different = [bad for bad in bad_rows if held.get(bad.key) != (bad.reason, bad.payload)]
    effect.quarantine_changes = len(mended) + len(different)
    _delete_quarantine(connection, context.class_id, mended)
    connection.executemany(
        """
        INSERT INTO quarantine (class_id, row_key, reason, payload, first_run_id, last_run_id)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (class_id, row_key) DO UPDATE SET
          reason = excluded.reason, payload = excluded.payload, last_run_id = excluded.last_run_id
        """,
        [(context.class_id, *bad, context.run_id, context.run_id) for bad in different],
    )


def _held_quarantine(
    connection: sqlite3.Connection, class_id: str, keys: Sequence[str]
) -> dict[str, tuple[str, str]]:
    rows = connection.execute(
        """
        SELECT row_key, reason, payload FROM quarantine
        WHERE class_id = ? AND row_key IN (SELECT value FROM json_each(?))
        """,
        (class_id, json.dumps(keys, allow_nan=False)),
    )
    return {row["row_key"]: (row["reason"], row["payload"]) for row in rows}


def _delete_quarantine(connection: sqlite3.Connection, class_id: str, keys: Iterable[str]) -> None:
    connection.executemany(
        "DELETE FROM quarantine WHERE class_id = ? AND row_key = ?", [(class_id, key) for key in keys]
    )


def held_count(connection: sqlite3.Connection, class_id: str) -> int:
    """Count the rows held: good, bad and purged ones. Upstream's total should equal it."""
    only_bad = connection.execute(
        """
        SELECT count(*) FROM quarantine q
        WHERE class_id = ? AND NOT EXISTS
          (SELECT 1 FROM progressions p WHERE p.class_id = q.class_id AND p.id = q.row_key)
        """,
        (class_id,),
    ).fetchone()[0]
    purged = connection.execute("SELECT count(*) FROM purged_rows WHERE class_id = ?", (class_id,)).fetchone()
    return live_count(connection, class_id) + int(only_bad) + int(purged[0])


def live_count(connection: sqlite3.Connection, class_id: str) -> int:
    """Count the live rows of a class."""
    return int(
        connection.execute("SELECT count(*) FROM progressions WHERE class_id = ?", (class_id,)).fetchone()[0]
    )


@dataclass(frozen=True)
class Absent:
    """The ids of live rows missing from one clean pass, and from a second one."""

    first: list[str]
    second: list[str]


def absent_rows(connection: sqlite3.Connection, class_id: str, seen: Collection[str]) -> Absent:
    """Find the live rows that a clean pass has not seen."""
    rows = connection.execute("SELECT id, is_suspect FROM progressions WHERE class_id = ?", (class_id,))
    absent = [(row_id, is_suspect) for row_id, is_suspect in rows if row_id not in seen]
    return Absent(
        first=[row_id for row_id, is_suspect in absent if not is_suspect],
        second=[row_id for row_id, is_suspect in absent if is_suspect],
    )


def mark_suspect(connection: sqlite3.Connection, class_id: str, ids: Iterable[str]) -> None:
    """Mark live rows as missed by one clean pass."""
    connection.executemany(
        "UPDATE progressions SET is_suspect = 1 WHERE class_id = ? AND id = ?",
        [(class_id, row_id) for row_id in ids],
    )


def remove_rows(connection: sqlite3.Connection, context: RunContext, ids: Sequence[str]) -> None:
    """Move live rows to the tombstones, and log their removal."""
    removed_at = utc_text(context.now)
    for row_id in ids:
        where = (context.class_id, row_id)
        row = connection.execute("SELECT * FROM progressions WHERE class_id = ? AND id = ?", where).fetchone()
        _save_changes(connection, [_change(context, removed_at, row, "removed", None, _values_of(row), None)])
        connection.execute(
            f"""
            INSERT OR REPLACE INTO tombstones ({_COLUMNS}, synced_at, class_id, removed_at)
            SELECT {_COLUMNS}, synced_at, class_id, ? FROM progressions WHERE class_id = ? AND id = ?
            """,  # noqa: S608
            (removed_at, *where),
        )
        connection.execute("DELETE FROM progressions WHERE class_id = ? AND id = ?", where)


def forget_absent_quarantine(connection: sqlite3.Connection, class_id: str, seen: Collection[str]) -> None:
    """Delete quarantined rows that a clean pass did not see."""
    rows = connection.execute("SELECT row_key FROM quarantine WHERE class_id = ?", (class_id,)).fetchall()
    _delete_quarantine(connection, class_id, [row["row_key"] for row in rows if row["row_key"] not in seen])
