"""Loading of class data from SQLite, the only way from the database to the metrics.

A sync stores page after page, but no metric may be computed from half a sync. So the changes of a running
sync are left out here: its log has the records that it added, and the earlier values of those that it
changed. A class has no progressions here before its first sync has ended.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic_core import from_json

from cohort_core.store.bulk_load import load_imported_groups
from cohort_core.store.class_data import (
    PROGRESSION_COLUMNS,
    STUDENT_COLUMNS,
    ClassData,
    empty_frame,
    typed_frame,
)
from cohort_core.store.classes import unknown_class
from cohort_core.store.course import CourseRow, complete_course
from cohort_core.store.database import Database
from cohort_core.store.roster import Enrolment, load_roster, load_students
from cohort_core.store.roster_imports import with_stand_ins
from cohort_core.store.roster_matching import match_lines
from cohort_core.store.stand_ins import load_aliases

# Without a running sync the second parameter is null, and nothing is left out.
_PUBLISHED = """
progressions WHERE class_id = ?1
  AND id NOT IN (SELECT progression_id FROM changes WHERE run_id = ?2 AND kind IN ('added', 'returned'))
  AND EXISTS (SELECT 1 FROM classes WHERE id = ?1 AND synced_at IS NOT NULL)
"""

# The assignments of the course, and after them others with progressions.
_ASSIGNMENT_SET = """
SELECT s.assignment_id, a.name, a.type, u.name AS section, s.place
FROM (
  SELECT assignment_id, unit_position, position,
    row_number() OVER (PARTITION BY unit_position ORDER BY position) AS place
  FROM unit_assignments WHERE class_id = ?1
  UNION ALL
  SELECT value, NULL, NULL, NULL FROM json_each(?2)
  WHERE value NOT IN (SELECT assignment_id FROM unit_assignments WHERE class_id = ?1)
) s
LEFT JOIN assignments a ON a.id = s.assignment_id
LEFT JOIN units u ON u.class_id = ?1 AND u.position = s.unit_position
ORDER BY s.position IS NULL, s.position, s.assignment_id
"""

# A column of text is read as one JSON array, which takes half as long as reading rows. Grades are read as
# rows, since SQLite's JSON has fewer digits than a float.
_TEXTS = [name for name in PROGRESSION_COLUMNS if name not in {"grade", "raw_grade"}]
_PROGRESSION_TEXTS = f"""
SELECT {", ".join(f"json_group_array({name})" for name in _TEXTS)}
FROM (SELECT {", ".join(_TEXTS)} FROM {_PUBLISHED} ORDER BY id)
"""  # noqa: S608
_GRADES = f"SELECT grade FROM {_PUBLISHED} ORDER BY id"  # noqa: S608


_NOBODY = empty_frame(STUDENT_COLUMNS)


def load_class_data(database: Database, class_id: str, default_timezone: str) -> ClassData:
    """Load the data of a class in one transaction, without a running sync's changes.

    ``default_timezone`` applies to a class without its own. Raises ``UnknownClass``.
    """
    with database.reading() as connection:
        row = connection.execute("SELECT * FROM classes WHERE id = ?", (class_id,)).fetchone()
        if row is None:
            raise unknown_class()
        run_id = _running(connection, class_id)
        progressions = _progressions(connection, class_id, run_id)
        assignments, progressions["grade"] = _assignments(connection, class_id, progressions)
        aliases = load_aliases(connection, class_id)
        lines = load_roster(connection, class_id)
        students = _students(connection, class_id, progressions["student_id"].unique(), aliases, lines)
        former_students = _former_students(connection, class_id, students["student_id"])
    present = set(students["student_id"])
    return ClassData(
        class_id=class_id,
        friendly_id=row["friendly_id"],
        name=row["name"],
        timezone=row["timezone"] or default_timezone,
        starts_on=date.fromisoformat(row["starts_on"]) if row["starts_on"] else None,
        revision=row["revision"],
        synced_at=pd.Timestamp(row["synced_at"]) if row["synced_at"] else None,
        students=students,
        assignments=assignments,
        progressions=progressions,
        former_students=former_students,
        aliases={old: now for old, now in aliases.items() if now in present},
    )


def with_roster(database: Database, class_data: ClassData, lines: Sequence[Enrolment]) -> ClassData:
    """Return the data of a class with these lines as its roster."""
    with database.reading() as connection:
        class_id = class_data.class_id
        lines = with_stand_ins(load_roster(connection, class_id), lines, class_id)
        seen_ids = class_data.progressions["student_id"].unique()
        students = _students(connection, class_id, seen_ids, load_aliases(connection, class_id), lines)
    return replace(class_data, students=students)


def _running(connection: sqlite3.Connection, class_id: str) -> int | None:
    row = connection.execute(
        "SELECT id FROM runs WHERE class_id = ? AND state = 'running'", (class_id,)
    ).fetchone()
    return row and int(row["id"])


def _progressions(connection: sqlite3.Connection, class_id: str, run_id: int | None) -> pd.DataFrame:
    parameters = class_id, run_id
    texts = connection.execute(_PROGRESSION_TEXTS, parameters).fetchone()
    columns = {name: from_json(text, cache_strings=False) for name, text in zip(_TEXTS, texts, strict=True)}
    cursor = connection.execute(_GRADES, parameters)
    cursor.row_factory = None
    columns["raw_grade"] = [grade for (grade,) in cursor]
    if run_id is not None:
        _restore_old_values(connection, run_id, columns)
    typed = typed_frame(columns, PROGRESSION_COLUMNS)
    # The shares follow as soon as the scales can be decided.
    typed.insert(list(PROGRESSION_COLUMNS).index("grade"), "grade", np.nan)
    return typed


def _restore_old_values(connection: sqlite3.Connection, run_id: int, columns: dict[str, list[Any]]) -> None:
    """Restore the values that records had before the run changed them."""
    places = {record_id: place for place, record_id in enumerate(columns["id"])}
    # Backwards, so that the first old value of a record that changed twice is written last.
    edits = connection.execute(
        """
        SELECT progression_id, field, old FROM changes
        WHERE run_id = ? AND kind = 'changed' ORDER BY id DESC
        """,
        (run_id,),
    )
    for record_id, field, old in edits:
        if record_id in places:
            field = "raw_grade" if field == "grade" else field
            value = float(old) if field == "raw_grade" and old is not None else old
            columns[field][places[record_id]] = value


def _assignments(
    connection: sqlite3.Connection,
    class_id: str,
    progressions: pd.DataFrame,
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Load the assignment set in course order, and the grade of each record."""
    seen_ids = json.dumps(progressions["assignment_id"].unique().tolist(), allow_nan=False)
    cursor = connection.execute(_ASSIGNMENT_SET, (class_id, seen_ids))
    cursor.row_factory = None
    return complete_course(map(CourseRow._make, cursor), progressions)


def _former_students(
    connection: sqlite3.Connection, class_id: str, present_ids: pd.Series[Any]
) -> pd.DataFrame:
    """Load the students whose records are all gone, and who are on no roster."""
    ids = [
        student_id
        for (student_id,) in connection.execute(
            "SELECT DISTINCT student_id FROM tombstones WHERE class_id = ?", (class_id,)
        )
    ]
    if not ids:
        return _NOBODY
    gone = load_students(connection, set(ids).difference(present_ids))
    return _student_frame([(*student, None, None, None, None) for student in gone])


def _students(
    connection: sqlite3.Connection,
    class_id: str,
    seen_ids: Iterable[str],
    aliases: Mapping[str, str],
    lines: Sequence[Enrolment],
) -> pd.DataFrame:
    """Load the enrolments: students with progressions, and everyone else on the roster."""
    seen = load_students(connection, seen_ids)
    groups = load_imported_groups(connection, class_id)
    seen_here = {student.id for student in seen}
    labels: dict[str, tuple[str | None, ...]] = {}
    unseen: dict[str, tuple[str | None, ...]] = {}
    for line, match in zip(lines, match_lines(lines, seen, aliases), strict=True):
        values = (line.night, line.region, line.enrolled_on, line.withdrawn_on)
        if match.state == "matched" and match.student is not None:
            labels[match.student.id] = values
        elif match.state == "unseen":
            stand_in = line.stand_in_id or ""
            # Who had records once keeps the id of then.
            identity = stand_in if aliases.get(stand_in) in seen_here else aliases.get(stand_in, stand_in)
            unseen.setdefault(identity, (identity, line.first_name, line.last_name, line.email, *values))
    rows = [
        (*student, *labels.get(student.id, (*groups.get(student.id, (None, None)), None, None)))
        for student in seen
    ]
    rows += [row for identity, row in unseen.items() if identity not in seen_here]
    return _student_frame(rows)


def _student_frame(rows: Sequence[tuple[str | None, ...]]) -> pd.DataFrame:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(STUDENT_COLUMNS)
    return typed_frame(dict(zip(STUDENT_COLUMNS, columns, strict=True)), STUDENT_COLUMNS)
