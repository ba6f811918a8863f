"""Classes, their units, and what the store holds of each."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from cohort_core.errors import BadInput, UnknownClass
from cohort_core.store.database import Database, utc_text


@dataclass(frozen=True)
class Unit:
    """A section or week of a course: its name and its assignments' ids, in course order."""

    name: str
    assignment_ids: tuple[str, ...]


@dataclass(frozen=True)
class ListedClass:
    """A class as OpenClass lists it."""

    id: str
    friendly_id: str | None
    name: str
    is_published: bool | None


@dataclass(frozen=True)
class ClassStatus:
    """A class and how much of it the store holds. ``synced_at`` is UTC text, None before the first sync."""

    id: str
    friendly_id: str | None
    name: str
    is_active: bool
    is_published: bool | None
    synced_at: str | None
    students: int
    assignments: int
    progressions: int
    quarantined: int


def save_classes(database: Database, listed: Iterable[ListedClass]) -> None:
    """Keep what OpenClass lists, in its order. A class that it lists no more keeps its data."""
    with database.writing() as connection:
        connection.executemany(
            """
            INSERT INTO classes (id, friendly_id, name, is_published, position) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET
              friendly_id = excluded.friendly_id, name = excluded.name,
              is_published = excluded.is_published, position = excluded.position
            """,
            [
                (one.id, one.friendly_id, one.name, one.is_published, position)
                for position, one in enumerate(listed)
            ],
        )


def deactivate_unlisted(database: Database, listed: Iterable[ListedClass]) -> None:
    """Leave out of syncs what another school, or another account, had listed. Its data stays."""
    ids = [one.id for one in listed]
    with database.writing() as connection:
        marks = ", ".join("?" * len(ids))
        connection.execute(f"UPDATE classes SET is_active = 0 WHERE id NOT IN ({marks})", ids)  # noqa: S608


def set_active(database: Database, references: Iterable[str], *, active: bool) -> list[str]:
    """Say which classes a sync without a class means. Returns their ids; ``UnknownClass`` changes nothing."""
    ids = [find_class(database, reference) for reference in references]
    with database.writing() as connection:
        connection.executemany(
            "UPDATE classes SET is_active = ? WHERE id = ?", [(active, one) for one in ids]
        )
    return ids


def find_class(database: Database, reference: str, among: Collection[str] | None = None) -> str:
    """The id of the class with this id or friendly id; raises ``UnknownClass``.

    Of all classes, or only ``among`` these: others are as if they were not there.
    """
    if not _is_text(reference):
        raise unknown_class()
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT id FROM classes WHERE id = ?1 OR friendly_id = ?1 ORDER BY id = ?1 DESC", (reference,)
        ).fetchall()
    rows = [row for row in rows if among is None or row["id"] in among]
    if not rows:
        raise unknown_class()
    if len(rows) > 1 and rows[0]["id"] != reference:
        raise BadInput("Several classes share this friendly id. Use the class's id.", parameter="class_id")
    return str(rows[0]["id"])


def _is_text(text: str) -> bool:
    """JSON can hold halves of characters, which no file can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def unknown_class() -> UnknownClass:
    """The same words for a class that is not there and for one that is not for whoever asks."""
    return UnknownClass(
        "There is no class with this id or friendly id. `cohort-tracker classes --all` lists all."
    )


def load_references(database: Database) -> dict[str, frozenset[str]]:
    """Every id and friendly id, with the ids of the classes that go by it."""
    with database.reading() as connection:
        rows = connection.execute("SELECT id, friendly_id FROM classes").fetchall()
    found: dict[str, frozenset[str]] = {}
    for row in rows:
        for reference in {row["id"], row["friendly_id"]} - {None}:
            found[reference] = found.get(reference, frozenset()) | {row["id"]}
    # An id means its own class, even if another class is called so.
    return found | {row["id"]: frozenset({row["id"]}) for row in rows}


def active_class_ids(database: Database) -> list[str]:
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT id FROM classes WHERE is_active ORDER BY position, name, id"
        ).fetchall()
    return [row["id"] for row in rows]


def load_statuses(database: Database, *, active_only: bool = False) -> list[ClassStatus]:
    """Every class with its counts, active ones first, then in the order in which OpenClass lists them.

    ``students`` are those seen in a progression; the roster may know more. ``assignments`` is the size of
    the assignment set: those of the units and any that only progressions name.
    """
    with database.reading() as connection:
        rows = connection.execute(
            f"""
            SELECT c.id, c.friendly_id, c.name, c.is_active, c.is_published, c.synced_at,
              (SELECT count(DISTINCT student_id) FROM progressions p WHERE p.class_id = c.id) AS students,
              (SELECT count(*) FROM (
                 SELECT assignment_id FROM unit_assignments u WHERE u.class_id = c.id
                 UNION SELECT assignment_id FROM progressions p WHERE p.class_id = c.id)) AS assignments,
              (SELECT count(*) FROM progressions p WHERE p.class_id = c.id) AS progressions,
              (SELECT count(*) FROM quarantine q WHERE q.class_id = c.id) AS quarantined
            FROM classes c {"WHERE c.is_active" if active_only else ""}
            ORDER BY c.is_active DESC, c.position, c.name, c.id
            """  # noqa: S608 - no value enters the statement
        ).fetchall()
    return [
        ClassStatus(
            id=row["id"],
            friendly_id=row["friendly_id"],
            name=row["name"],
            is_active=bool(row["is_active"]),
            is_published=None if row["is_published"] is None else bool(row["is_published"]),
            synced_at=row["synced_at"],
            students=row["students"],
            assignments=row["assignments"],
            progressions=row["progressions"],
            quarantined=row["quarantined"],
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Calendar:
    """What a mentor said of a class's time: a zone (None: the default one), and the day on which it starts
    (None: that of the first activity).
    """

    timezone: str | None
    starts_on: date | None


def load_calendars(database: Database) -> dict[str, Calendar]:
    """By class id."""
    with database.reading() as connection:
        rows = connection.execute("SELECT id, timezone, starts_on FROM classes").fetchall()
    return {
        row["id"]: Calendar(
            row["timezone"], date.fromisoformat(row["starts_on"]) if row["starts_on"] else None
        )
        for row in rows
    }


def save_calendar(database: Database, class_id: str, calendar: Calendar) -> None:
    """Keep it, so that every answer about the class is made anew. The zone is one that is known."""
    starts_on = calendar.starts_on and calendar.starts_on.isoformat()
    with database.writing() as connection:
        connection.execute(
            "UPDATE classes SET timezone = ?, starts_on = ? WHERE id = ?",
            (calendar.timezone, starts_on, class_id),
        )
        bump_revision(connection, class_id)


def last_sync(database: Database) -> str | None:
    """UTC text of the latest successful sync of any class, None before the first."""
    with database.reading() as connection:
        return connection.execute("SELECT max(synced_at) FROM classes").fetchone()[0]


def save_units(connection: sqlite3.Connection, class_id: str, units: Sequence[Unit]) -> None:
    """Replace a class's units. An assignment that stands in several counts where it comes first."""
    rows = []
    placed: set[str] = set()
    for unit_position, unit in enumerate(units):
        for assignment_id in unit.assignment_ids:
            if assignment_id not in placed:
                rows.append((class_id, assignment_id, unit_position, len(placed)))
                placed.add(assignment_id)
    connection.execute("DELETE FROM unit_assignments WHERE class_id = ?", (class_id,))
    connection.execute("DELETE FROM units WHERE class_id = ?", (class_id,))
    connection.executemany(
        "INSERT INTO units VALUES (?, ?, ?)",
        [(class_id, position, unit.name) for position, unit in enumerate(units)],
    )
    connection.executemany("INSERT INTO unit_assignments VALUES (?, ?, ?, ?)", rows)


@dataclass(frozen=True)
class SyncState:
    """What earlier syncs of a class left. ``clean_full_at`` is None unless the last run ended well and a
    clean full run stands behind it.
    """

    was_synced: bool
    clean_full_at: str | None
    next_deep_page: int


def begin_sync(connection: sqlite3.Connection, class_id: str) -> SyncState:
    """The state to build on. Taken away until ``end_sync``, so that after an interruption there is none."""
    row = connection.execute(
        "SELECT synced_at, clean_full_at, next_deep_page FROM classes WHERE id = ?", (class_id,)
    ).fetchone()
    connection.execute("UPDATE classes SET clean_full_at = NULL WHERE id = ?", (class_id,))
    return SyncState(row["synced_at"] is not None, row["clean_full_at"], row["next_deep_page"])


def end_sync(
    connection: sqlite3.Connection, class_id: str, ended_at: datetime, clean_full_at: str | None
) -> None:
    """Note the end of a successful sync, which is what "now" means for the class until the next one."""
    connection.execute(
        "UPDATE classes SET synced_at = ?, clean_full_at = ? WHERE id = ?",
        (utc_text(ended_at), clean_full_at, class_id),
    )
    bump_revision(connection, class_id)


def bump_revision(connection: sqlite3.Connection, class_id: str) -> None:
    """Tell readers that what they hold of this class is old."""
    connection.execute("UPDATE classes SET revision = revision + 1 WHERE id = ?", (class_id,))


def set_next_deep_page(connection: sqlite3.Connection, class_id: str, number: int) -> None:
    connection.execute("UPDATE classes SET next_deep_page = ? WHERE id = ?", (number, class_id))
