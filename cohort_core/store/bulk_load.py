"""Bulk load of classes that another tool had synced, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cohort_core.store.classes import ListedClass, Unit, bump_revision, save_units
from cohort_core.store.database import Database
from cohort_core.store.records import Assignment, Progression, Student, save_assignments, save_students

UNKNOWN_INSTANT = "1970-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class ImportedClass:
    """A class of the other tool. ``synced_at`` is UTC text, None if never synced."""

    listed: ListedClass
    is_active: bool
    synced_at: str | None


def synced_class_ids(database: Database) -> set[str]:
    """Load the ids of classes that hold synced data, which an import must not replace."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT id FROM classes WHERE synced_at IS NOT NULL OR id IN (SELECT class_id FROM progressions)"
        ).fetchall()
    return {row["id"] for row in rows}


def save_classes(
    database: Database,
    imported: Sequence[ImportedClass],
    students: Sequence[Student],
    assignments: Sequence[Assignment],
    progressions: Iterable[tuple[str, str | None, Progression]],
    units: Mapping[str, Sequence[Unit]],
) -> None:
    """Store everything or nothing.

    Each progression comes with its class id and with the time of its sync, None if unknown. ``units`` maps
    class ids. ``clean_full_at`` stays empty, so the first sync reads every page.
    """
    with database.writing() as connection:
        connection.executemany(
            """
            INSERT INTO classes (id, friendly_id, name, is_active, synced_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET
              is_active = excluded.is_active OR classes.is_active, synced_at = excluded.synced_at
            """,
            [
                (item.listed.id, item.listed.friendly_id, item.listed.name, item.is_active, item.synced_at)
                for item in imported
            ],
        )
        save_students(connection, students)
        save_assignments(connection, assignments)
        connection.executemany(
            """
            INSERT OR REPLACE INTO progressions
              (class_id, synced_at, id, student_id, assignment_id, grade, started_at, completed_at,
               reviewed_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [(class_id, synced_at or UNKNOWN_INSTANT, *row) for class_id, synced_at, row in progressions],
        )
        for class_id, class_units in units.items():
            save_units(connection, class_id, class_units)
            bump_revision(connection, class_id)


Group = tuple[str | None, str | None]
"""The night and the region of a student."""


def save_imported_groups(database: Database, groups: Mapping[tuple[str, str], Group]) -> int:
    """Keep night and region of students, by class id and student id.

    Returns the number of those that are new or changed.

    Classes that are not here are left out.
    """
    with database.writing() as connection:
        class_ids = {row["id"] for row in connection.execute("SELECT id FROM classes")}
        saved = 0
        for (class_id, student_id), (night, region) in groups.items():
            if class_id not in class_ids:
                continue
            done = connection.execute(
                """
                INSERT INTO imported_groups VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT DO UPDATE SET night = ?3, region = ?4 WHERE night IS NOT ?3 OR region IS NOT ?4
                """,
                (class_id, student_id, night, region),
            )
            saved += done.rowcount
        for class_id in {class_id for class_id, _ in groups} & class_ids:
            bump_revision(connection, class_id)
    return saved


def load_imported_groups(connection: sqlite3.Connection, class_id: str) -> dict[str, Group]:
    """Load night and region as another tool knew them, by student id."""
    rows = connection.execute(
        "SELECT student_id, night, region FROM imported_groups WHERE class_id = ?", (class_id,)
    )
    return {row["student_id"]: (row["night"], row["region"]) for row in rows}
