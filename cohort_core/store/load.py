"""Reading the facts of a class: the one way from SQLite to the metrics."""

from __future__ import annotations

import sqlite3
from datetime import date

import pandas as pd

from cohort_core.errors import UnknownClass
from cohort_core.store.database import Database
from cohort_core.store.facts import (
    ASSIGNMENT_COLUMNS,
    PROGRESSION_COLUMNS,
    STUDENT_COLUMNS,
    ClassFacts,
)
from cohort_core.store.roster import load_roster, load_seen_students, match_roster

_ASSIGNMENT_SET = """
SELECT s.assignment_id, coalesce(a.name, s.assignment_id) AS name, a.type, u.name AS section
FROM (
  SELECT assignment_id, unit_position, position FROM unit_assignments WHERE class_id = ?1
  UNION ALL
  SELECT DISTINCT assignment_id, NULL, NULL FROM progressions
  WHERE class_id = ?1
    AND assignment_id NOT IN (SELECT assignment_id FROM unit_assignments WHERE class_id = ?1)
) s
LEFT JOIN assignments a ON a.id = s.assignment_id
LEFT JOIN units u ON u.class_id = ?1 AND u.position = s.unit_position
ORDER BY s.position IS NULL, s.position, name, s.assignment_id
"""

_PROGRESSIONS = f"""
    SELECT {", ".join(PROGRESSION_COLUMNS)} FROM progressions WHERE class_id = ? ORDER BY id
"""  # noqa: S608


def load_revision(database: Database, class_id: str) -> int:
    """The number that tells whether facts of this class that were loaded before still hold."""
    with database.reading() as connection:
        row = connection.execute("SELECT revision FROM classes WHERE id = ?", (class_id,)).fetchone()
    if row is None:
        raise UnknownClass("There is no such class. `cohort-tracker classes --all` lists those there are.")
    return int(row["revision"])


def load_facts(database: Database, class_id: str, default_timezone: str) -> ClassFacts:
    """Everything the metrics need of one class, read in one transaction."""
    with database.reading() as connection:
        row = connection.execute("SELECT * FROM classes WHERE id = ?", (class_id,)).fetchone()
        if row is None:
            raise UnknownClass(
                "There is no such class. `cohort-tracker classes --all` lists those there are."
            )
        assignments = _frame(connection.execute(_ASSIGNMENT_SET, (class_id,)), ASSIGNMENT_COLUMNS)
        progressions = _frame(connection.execute(_PROGRESSIONS, (class_id,)), PROGRESSION_COLUMNS)
        students = _students(connection, class_id)
    return ClassFacts(
        class_id=class_id,
        friendly_id=row["friendly_id"],
        name=row["name"],
        timezone=row["timezone"] or default_timezone,
        starts_on=date.fromisoformat(row["starts_on"]) if row["starts_on"] else None,
        revision=row["revision"],
        synced_at=pd.Timestamp(row["synced_at"]) if row["synced_at"] else None,
        students=students,
        assignments=assignments.assign(position=range(len(assignments))).astype({"position": "int64"}),
        progressions=progressions,
    )


def _students(connection: sqlite3.Connection, class_id: str) -> pd.DataFrame:
    """The class's enrolments: everyone seen in a progression, and everyone else on the roster."""
    seen = load_seen_students(connection, class_id)
    match = match_roster(load_roster(connection, class_id), seen)
    rows = []
    for student in seen:
        line = match.by_student.get(student.id)
        labels = (line.night, line.region, line.enrolled_on, line.withdrawn_on) if line else (None,) * 4
        rows.append((*student, *labels))
    ids = {student.id for student in seen}
    for line in match.unseen:
        if line.stand_in_id not in ids:
            ids.add(line.stand_in_id)
            rows.append(
                (
                    line.stand_in_id,
                    line.first_name,
                    line.last_name,
                    line.email,
                    line.night,
                    line.region,
                    line.enrolled_on,
                    line.withdrawn_on,
                )
            )
    return _typed(pd.DataFrame(rows, columns=list(STUDENT_COLUMNS)), STUDENT_COLUMNS)


def _frame(cursor: sqlite3.Cursor, columns: dict[str, str]) -> pd.DataFrame:
    names = [description[0] for description in cursor.description]
    return _typed(pd.DataFrame([tuple(row) for row in cursor], columns=names), columns)


def _typed(frame: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    typed = {}
    for name in frame.columns:
        dtype = columns[name]
        if dtype.startswith("datetime64"):
            values = pd.to_datetime(frame[name], format="ISO8601", utc="UTC" in dtype)
            typed[name] = values.astype(dtype)  # type: ignore[call-overload]
        else:
            typed[name] = frame[name].astype(dtype)  # type: ignore[call-overload]
    return pd.DataFrame(typed)
