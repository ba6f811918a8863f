"""Classes: their units, calendars, counts and the state of their syncs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from cohort_core.errors import BadInput, UnknownClass
from cohort_core.store.database import Database, utc_text
from cohort_core.store.identity import comparable

MISFIT_SYNCS = 3
"""After so many syncs with no other fault, a total is not believed any more."""


class Unit(NamedTuple):
    """A section or week of a course, with its assignments' ids in course order."""

    name: str
    assignment_ids: tuple[str, ...]


class ListedClass(NamedTuple):
    """A class as OpenClass lists it."""

    id: str
    friendly_id: str | None
    name: str
    is_published: bool | None


class ClassStatus(NamedTuple):
    """A class with the counts of its records.

    ``synced_at`` is UTC text, None before the first sync. ``closed_on`` is the local day on which the class
    was closed, None while it is open.
    """

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
    closed_on: str | None
    count_fits: bool
    """False if OpenClass's count differs from what it sends, sync after sync."""

    @property
    def is_open(self) -> bool:
        """True if the class is active and not closed, so synced automatically and in triage."""
        return self.is_active and self.closed_on is None


def save_classes(database: Database, listed: Iterable[ListedClass]) -> None:
    """Save the classes that OpenClass lists, in its order.

    A class that it no longer lists keeps its data.
    """
    with database.writing() as connection:
        connection.executemany(
            """
            INSERT INTO classes (id, friendly_id, name, is_published, position) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET
              friendly_id = excluded.friendly_id, name = excluded.name,
              is_published = excluded.is_published, position = excluded.position
            """,
            [
                (item.id, item.friendly_id, item.name, item.is_published, position)
                for position, item in enumerate(listed)
            ],
        )


def deactivate_unlisted(database: Database, listed: Iterable[ListedClass]) -> None:
    """Deactivate classes of another school or account. Their data stays."""
    ids = [item.id for item in listed]
    with database.writing() as connection:
        placeholders = ", ".join("?" * len(ids))
        connection.execute(
            f"UPDATE classes SET is_active = 0 WHERE id NOT IN ({placeholders})",  # noqa: S608
            ids,
        )


def set_active(database: Database, references: Iterable[str], *, active: bool) -> list[str]:
    """Activate or deactivate classes, and return their ids.

    A sync that names no class syncs the active ones. If an id or friendly id does not exist, it raises
    ``UnknownClass`` and changes nothing.
    """
    index = load_index(database)
    ids = [index.find(reference) for reference in references]
    with database.writing() as connection:
        connection.executemany(
            "UPDATE classes SET is_active = ? WHERE id = ?", [(active, class_id) for class_id in ids]
        )
    return ids


def find_class(database: Database, reference: str, among: Collection[str] | None = None) -> str:
    """Find the id of the class with this id or friendly id.

    ``among`` limits the search to the classes with these ids. Raises ``UnknownClass`` if there is none, and
    ``BadInput`` if several classes share the friendly id.
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
        raise _ambiguous_class()
    return str(rows[0]["id"])


def _ambiguous_class() -> BadInput:
    return BadInput("Several classes share this friendly id. Use the class's id.", parameter="class_id")


def find_class_by_name(database: Database, reference: str) -> str:
    """Find the id of a class by its id, friendly id or name.

    People write it in files, so case, blanks and kinds of dashes do not matter. Raises ``UnknownClass`` if
    there is none, and ``BadInput`` if it could be several.
    """
    try:
        return find_class(database, reference)
    except UnknownClass:
        pass
    wanted = comparable(reference)
    with database.reading() as connection:
        rows = connection.execute("SELECT id, friendly_id, name FROM classes").fetchall()
    for column in ("friendly_id", "name"):
        fitting = [row["id"] for row in rows if wanted and comparable(row[column]) == wanted]
        if len(fitting) > 1:
            raise BadInput("Several classes have this name. Use the class's id.", parameter="class_id")
        if fitting:
            return str(fitting[0])
    raise unknown_class()


def _is_text(text: str) -> bool:
    """Return False for half a surrogate pair, which JSON can hold but UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def unknown_class() -> UnknownClass:
    """Make the error for a class that does not exist or must not be seen.

    Both have the same message, so that it gives nothing away.
    """
    return UnknownClass(
        "There is no class with this id or friendly id. `cohort-tracker classes --all` lists all."
    )


class ClassIndex(NamedTuple):
    """The names and revisions of all classes.

    ``references`` maps every id and friendly id to the ids of its classes, ``revisions`` maps ids to numbers
    that grow with every change of a class's data.
    """

    references: Mapping[str, frozenset[str]]
    revisions: Mapping[str, int]

    def find(self, reference: str) -> str:
        """Find the id of a class, as ``find_class`` does."""
        ids = self.references.get(reference)
        if not ids:
            raise unknown_class()
        if len(ids) > 1:
            raise _ambiguous_class()
        return next(iter(ids))


def load_index(database: Database) -> ClassIndex:
    """Load the names and revisions of all classes."""
    with database.reading() as connection:
        rows = connection.execute("SELECT id, friendly_id, revision FROM classes").fetchall()
    references: dict[str, frozenset[str]] = {}
    for row in rows:
        for reference in {row["id"], row["friendly_id"]} - {None}:
            references[reference] = references.get(reference, frozenset()) | {row["id"]}
    # An id always means its own class, even if it is another's friendly id.
    references |= {row["id"]: frozenset({row["id"]}) for row in rows}
    return ClassIndex(references, {row["id"]: row["revision"] for row in rows})


def active_class_ids(database: Database) -> list[str]:
    """Load the ids of the active classes that are not closed, in OpenClass's order."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT id FROM classes WHERE is_active AND closed_on IS NULL ORDER BY position, name, id"
        ).fetchall()
    return [row["id"] for row in rows]


class Counts(NamedTuple):
    """The counts of a class's records.

    ``students`` counts those with a progression; the roster may have more. ``assignments`` counts those of
    the units and any others with a progression.
    """

    students: int
    assignments: int
    progressions: int
    quarantined: int


def load_counts(connection: sqlite3.Connection, class_id: str) -> Counts:
    """Count the records of a class."""
    row = connection.execute(
        """
        SELECT
          (SELECT count(DISTINCT student_id) FROM progressions WHERE class_id = ?1),
          (SELECT count(*) FROM (
             SELECT assignment_id FROM unit_assignments WHERE class_id = ?1
             UNION SELECT assignment_id FROM progressions WHERE class_id = ?1)),
          (SELECT count(*) FROM progressions WHERE class_id = ?1),
          (SELECT count(*) FROM quarantine WHERE class_id = ?1)
        """,
        (class_id,),
    ).fetchone()
    return Counts(*row)


KeptCounts = dict[str, tuple[tuple[int, int | None, str | None], Counts]]
"""Counts by class id, with the revision and the latest run that they belong to."""


def load_statuses(
    database: Database,
    *,
    kept: KeptCounts | None = None,
) -> list[ClassStatus]:
    """Load every class with its counts, in the order of the screen.

    Active classes come first, of these the open ones; then OpenClass's order counts. ``kept``
    holds the counts of earlier calls: only classes that have changed since are counted.
    """
    with database.reading() as connection:
        rows = connection.execute(
            """
            SELECT c.id, friendly_id, name, is_active, is_published, synced_at, closed_on, misfit_syncs,
              revision, r.id AS run_id, r.state AS run_state
            FROM classes c LEFT JOIN runs r ON r.id = (SELECT max(id) FROM runs WHERE class_id = c.id)
            ORDER BY is_active DESC, closed_on IS NOT NULL, position, name, c.id
            """
        ).fetchall()
        kept = {} if kept is None else kept
        for row in rows:
            version = (row["revision"], row["run_id"], row["run_state"])
            if row["id"] not in kept or kept[row["id"]][0] != version:
                kept[row["id"]] = (version, load_counts(connection, row["id"]))
    return [
        ClassStatus(
            id=row["id"],
            friendly_id=row["friendly_id"],
            name=row["name"],
            is_active=bool(row["is_active"]),
            is_published=None if row["is_published"] is None else bool(row["is_published"]),
            synced_at=row["synced_at"],
            closed_on=row["closed_on"],
            count_fits=row["misfit_syncs"] < MISFIT_SYNCS,
            **kept[row["id"]][1]._asdict(),
        )
        for row in rows
    ]


def limited(
    statuses: Iterable[ClassStatus], *, active_only: bool = False, open_only: bool = False
) -> list[ClassStatus]:
    """Return all classes, or the active or open ones alone."""
    return [
        status
        for status in statuses
        if (status.is_active or not active_only) and (status.is_open or not open_only)
    ]


def count_students(database: Database, class_ids: Sequence[str]) -> int:
    """Count the students with records in these classes, each once."""
    with database.reading() as connection:
        row = connection.execute(
            """
            SELECT count(DISTINCT student_id) FROM progressions
            WHERE class_id IN (SELECT value FROM json_each(?))
            """,
            (json.dumps(list(class_ids), allow_nan=False),),
        ).fetchone()
    return int(row[0])


def roster_sizes(database: Database) -> dict[str, int]:
    """Count the lines of each class's roster, without those that withdrew."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT class_id, count(*) FROM enrolments WHERE withdrawn_on IS NULL GROUP BY class_id"
        ).fetchall()
    return {row[0]: row[1] for row in rows}


class Calendar(NamedTuple):
    """The time zone and the first day of a class, as a mentor set them.

    None stands for the default time zone, and for the day of the first activity.
    """

    timezone: str | None
    starts_on: date | None


def load_names(database: Database) -> dict[str, str]:
    """Load the names of all classes, by id."""
    with database.reading() as connection:
        rows = connection.execute("SELECT id, name FROM classes").fetchall()
    return {row["id"]: row["name"] for row in rows}


def load_calendars(database: Database) -> dict[str, Calendar]:
    """Load the calendars of all classes, by class id."""
    with database.reading() as connection:
        rows = connection.execute("SELECT id, timezone, starts_on FROM classes").fetchall()
    return {
        row["id"]: Calendar(
            row["timezone"], date.fromisoformat(row["starts_on"]) if row["starts_on"] else None
        )
        for row in rows
    }


def load_first_day(database: Database, class_id: str) -> date | None:
    """Load the first day of a class, or the UTC day of its first record.

    It says near which dates those of a roster lie; the local day is `metrics.closing.first_day`.
    """
    with database.reading() as connection:
        row = connection.execute(
            """
            SELECT coalesce(
              (SELECT starts_on FROM classes WHERE id = ?1),
              (SELECT min(min(coalesce(started_at, completed_at), coalesce(completed_at, started_at)))
               FROM progressions WHERE class_id = ?1)
            )
            """,
            (class_id,),
        ).fetchone()
    return date.fromisoformat(row[0][:10]) if row[0] else None


def save_calendar(database: Database, class_id: str, calendar: Calendar) -> None:
    """Save a class's calendar; its metrics are computed anew. The time zone must exist."""
    starts_on = calendar.starts_on and calendar.starts_on.isoformat()
    with database.writing() as connection:
        connection.execute(
            "UPDATE classes SET timezone = ?, starts_on = ? WHERE id = ?",
            (calendar.timezone, starts_on, class_id),
        )
        bump_revision(connection, class_id)


def last_sync(database: Database) -> str | None:
    """Load the end of the latest successful sync of any class: UTC text, or None."""
    with database.reading() as connection:
        synced_at: str | None = connection.execute("SELECT max(synced_at) FROM classes").fetchone()[0]
    return synced_at


def save_units(connection: sqlite3.Connection, class_id: str, units: Sequence[Unit]) -> None:
    """Replace a class's units. An assignment of several units counts in the first."""
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


class SyncState(NamedTuple):
    """The state in which earlier syncs left a class.

    ``clean_full_at`` is the UTC time of the last clean full run. It is None if there was none, or if a later
    run did not end well. ``misfit_syncs`` counts the syncs with no other fault than OpenClass's total.
    """

    was_synced: bool
    clean_full_at: str | None
    next_deep_page: int
    misfit_syncs: int


def begin_sync(connection: sqlite3.Connection, class_id: str) -> SyncState:
    """Load the state that earlier syncs left, and take back their trust until ``end_sync``.

    So ``clean_full_at`` is None after an interruption, and the next sync is a full one.
    """
    row = connection.execute(
        "SELECT synced_at, clean_full_at, next_deep_page, misfit_syncs FROM classes WHERE id = ?",
        (class_id,),
    ).fetchone()
    connection.execute("UPDATE classes SET clean_full_at = NULL WHERE id = ?", (class_id,))
    return SyncState(row["synced_at"] is not None, *row[1:])


def end_sync(
    connection: sqlite3.Connection,
    class_id: str,
    ended_at: datetime,
    clean_full_at: str | None,
    misfit_syncs: int,
) -> None:
    """Note the end of a successful sync, which is the class's "now" from then on."""
    connection.execute(
        "UPDATE classes SET synced_at = ?, clean_full_at = ?, misfit_syncs = ? WHERE id = ?",
        (utc_text(ended_at), clean_full_at, misfit_syncs, class_id),
    )
    bump_revision(connection, class_id)


def bump_revision(connection: sqlite3.Connection, class_id: str) -> None:
    """Mark the data of a class as changed, so that readers load it anew."""
    connection.execute("UPDATE classes SET revision = revision + 1 WHERE id = ?", (class_id,))


def set_next_deep_page(connection: sqlite3.Connection, class_id: str, number: int) -> None:
    """Note the old page that the next incremental run reads."""
    connection.execute("UPDATE classes SET next_deep_page = ? WHERE id = ?", (number, class_id))
