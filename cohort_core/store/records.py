"""What a sync writes: progressions, the people and assignments they name, quarantine, removals.

Every function takes the connection of an open write transaction and the id of the run it works for.
Rows are compared before they are written, so that the counts of new and changed rows are true and a sync
of an unchanged class writes nothing.
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
    """One upstream record, validated. Times are UTC text with milliseconds; grades are 0 to 1."""

    id: str
    student_id: str
    assignment_id: str
    grade: float | None
    started_at: str | None
    completed_at: str | None
    reviewed_at: str | None
    raw_grade: float | None


class Student(NamedTuple):
    id: str
    first_name: str | None
    last_name: str | None
    email: str | None


class Assignment(NamedTuple):
    id: str
    name: str | None
    type: str | None


class BadRow(NamedTuple):
    """An upstream record that does not fit. ``key`` is its id, or a hash of it where it has none."""

    key: str
    reason: str
    payload: str


@dataclass
class PageEffect:
    """What storing one page did. ``differs`` says whether anything in it was not as we held it."""

    added: int = 0
    changed: int = 0
    identity_changes: int = 0
    quarantine_changes: int = 0

    @property
    def differs(self) -> bool:
        return bool(self.added or self.changed or self.identity_changes or self.quarantine_changes)


class RunContext(NamedTuple):
    """For whom and when something is stored. The first sync of a class is a baseline, not news."""

    run_id: int
    class_id: str
    now: datetime
    is_baseline: bool


_COLUMNS = "id, student_id, assignment_id, grade, started_at, completed_at, reviewed_at, raw_grade"
_VALUES = ("grade", "started_at", "completed_at", "reviewed_at")
_COMPARED = (*_VALUES, "student_id", "assignment_id")


def save_students(connection: sqlite3.Connection, students: Collection[Student]) -> int:
    """Insert or correct students; returns how many were new or different."""
    new, corrected = _upsert_different(connection, "students", Student._fields, students)
    _tell_classes(connection, "progressions", "student_id", corrected)
    return len(new) + len(corrected)


def save_assignments(connection: sqlite3.Connection, assignments: Collection[Assignment]) -> int:
    """Insert or correct assignments; returns how many were new or different."""
    new, corrected = _upsert_different(connection, "assignments", Assignment._fields, assignments)
    _tell_classes(connection, "progressions", "assignment_id", corrected)
    # A course may have had one of which nothing but the id was known.
    _tell_classes(connection, "unit_assignments", "assignment_id", new + corrected)
    return len(new) + len(corrected)


def _upsert_different(
    connection: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    rows: Collection[tuple[str | None, ...]],
) -> tuple[list[str], list[str]]:
    """Write only rows that differ; returns the ids of the new and of the corrected ones.

    The table and its columns, of which the first is the id, are named by this module alone.
    """
    held = {
        found[0]: tuple(found)
        for found in connection.execute(
            f"SELECT {', '.join(columns)} FROM {table} WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608
            (json.dumps([row[0] for row in rows]),),
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
    return [one for one in different if one not in held], [one for one in different if one in held]


def _tell_classes(connection: sqlite3.Connection, table: str, column: str, ids: Sequence[str]) -> None:
    """Tell readers that what they hold of the classes with these people or assignments is old.

    The table and its column are named by this module alone.
    """
    if ids:
        connection.execute(
            f"""
            UPDATE classes SET revision = revision + 1
            WHERE id IN (
                SELECT class_id FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))
            )
            """,  # noqa: S608
            (json.dumps(ids),),
        )


def save_page(
    connection: sqlite3.Connection,
    context: RunContext,
    rows: Sequence[Progression],
    bad_rows: Sequence[BadRow],
) -> PageEffect:
    """Store a page's rows. A row seen lives, even one that was suspect or removed."""
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
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
        ON CONFLICT (class_id, id) DO UPDATE SET
          student_id = excluded.student_id, assignment_id = excluded.assignment_id, grade = excluded.grade,
          started_at = excluded.started_at, completed_at = excluded.completed_at,
          reviewed_at = excluded.reviewed_at, raw_grade = excluded.raw_grade, synced_at = excluded.synced_at,
          is_suspect = 0
        """,  # noqa: S608
        written,
    )
    # A bad row is no less there than a good one.
    revived.extend(bad.key for bad in bad_rows)
    connection.executemany(
        "UPDATE progressions SET is_suspect = 0 WHERE class_id = ? AND id = ? AND is_suspect",
        [(context.class_id, one) for one in revived],
    )
    _save_changes(connection, changes)
    _save_quarantine(connection, context, rows, bad_rows, effect)
    return effect


def _held_rows(
    connection: sqlite3.Connection, class_id: str, ids: Sequence[str]
) -> dict[str, tuple[Progression, bool]]:
    """What we hold of these ids, and whether it is suspect."""
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS}, is_suspect FROM progressions
        WHERE class_id = ? AND id IN (SELECT value FROM json_each(?))
        """,  # noqa: S608
        (class_id, json.dumps(ids)),
    )
    return {one: (Progression(one, *values), bool(is_suspect)) for one, *values, is_suspect in rows}


def _clear_tombstones(connection: sqlite3.Connection, class_id: str, ids: Sequence[str]) -> set[str]:
    found = connection.execute(
        """
        DELETE FROM tombstones WHERE class_id = ? AND id IN (SELECT value FROM json_each(?)) RETURNING id
        """,
        (class_id, json.dumps(ids)),
    )
    return {one for (one,) in found.fetchall()}


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
    """What a record says, as JSON: kept with a change, so that the log tells all that happened by itself."""
    return json.dumps(
        {name: row[name] if isinstance(row, sqlite3.Row) else getattr(row, name) for name in _VALUES}
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
    """Keep bad rows with their reason, and release those that upstream has mended."""
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
        (class_id, json.dumps(keys)),
    )
    return {row["row_key"]: (row["reason"], row["payload"]) for row in rows}


def _delete_quarantine(connection: sqlite3.Connection, class_id: str, keys: Iterable[str]) -> None:
    connection.executemany(
        "DELETE FROM quarantine WHERE class_id = ? AND row_key = ?", [(class_id, key) for key in keys]
    )


def held_count(connection: sqlite3.Connection, class_id: str) -> int:
    """How many upstream rows we hold, good or bad, or keep away: what upstream's total should equal."""
    only_bad = connection.execute(
        """
        SELECT count(*) FROM quarantine q
        WHERE class_id = ? AND NOT EXISTS
          (SELECT 1 FROM progressions p WHERE p.class_id = q.class_id AND p.id = q.row_key)
        """,
        (class_id,),
    ).fetchone()[0]
    kept_away = connection.execute(
        "SELECT count(*) FROM purged_rows WHERE class_id = ?", (class_id,)
    ).fetchone()[0]
    return live_count(connection, class_id) + int(only_bad) + int(kept_away)


def live_count(connection: sqlite3.Connection, class_id: str) -> int:
    return int(
        connection.execute("SELECT count(*) FROM progressions WHERE class_id = ?", (class_id,)).fetchone()[0]
    )


@dataclass(frozen=True)
class Absent:
    """Live rows that a clean pass did not see: for the first time, or for the second."""

    first: list[str]
    second: list[str]


def absent_rows(connection: sqlite3.Connection, class_id: str, seen: Collection[str]) -> Absent:
    rows = connection.execute("SELECT id, is_suspect FROM progressions WHERE class_id = ?", (class_id,))
    absent = [(one, is_suspect) for one, is_suspect in rows if one not in seen]
    return Absent(
        first=[one for one, is_suspect in absent if not is_suspect],
        second=[one for one, is_suspect in absent if is_suspect],
    )


def mark_suspect(connection: sqlite3.Connection, class_id: str, ids: Iterable[str]) -> None:
    connection.executemany(
        "UPDATE progressions SET is_suspect = 1 WHERE class_id = ? AND id = ?",
        [(class_id, one) for one in ids],
    )


def bury(connection: sqlite3.Connection, context: RunContext, ids: Sequence[str]) -> None:
    """Move rows that two clean passes did not see out of the living, remembering what they were."""
    removed_at = utc_text(context.now)
    for one in ids:
        where = (context.class_id, one)
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
    """After a clean pass, drop quarantined rows that upstream no longer has."""
    rows = connection.execute("SELECT row_key FROM quarantine WHERE class_id = ?", (class_id,)).fetchall()
    _delete_quarantine(connection, class_id, [row["row_key"] for row in rows if row["row_key"] not in seen])
