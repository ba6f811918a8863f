"""The student file: everything that is kept about a person, as the tables have it."""

from __future__ import annotations

import sqlite3
from typing import Any

from cohort_core.errors import BadInput
from cohort_core.store.database import Database
from cohort_core.store.purge import PersonReader
from cohort_core.store.roster import Enrolment, load_roster, load_seen_students
from cohort_core.store.roster_matching import match_lines
from cohort_core.store.stand_ins import load_aliases, student_tables

Rows = dict[str, list[dict[str, Any]]]

_ROSTER_TABLES = frozenset({"enrolments", "earlier_enrolments", "roster_answers"})
"""Their ``student_id`` is what a file said; their lines are matched to people."""


def load_student_file(database: Database, student_id: str, *, read_person: PersonReader) -> Rows:
    """Load every row about a student, by table; tables without any are left out.

    `student_id` is an OpenClass id, or the stand-in id of someone who is only on the roster. Deleted contacts
    are in it as well, as their rows are kept. Raises ``BadInput`` if nobody has the id.
    """
    with database.reading() as connection:
        class_ids = [row["id"] for row in connection.execute("SELECT id FROM classes ORDER BY id").fetchall()]
        ids = {student_id}
        for class_id in class_ids:
            aliases = load_aliases(connection, class_id)
            ids |= {aliases[old] for old in ids & aliases.keys()}
            ids |= {old for old, now in aliases.items() if now in ids}
        kept: Rows = {"students": _rows(connection, "students", "id", ids)}
        for table in student_tables(connection):
            if table not in _ROSTER_TABLES:
                kept[table] = _rows(connection, table, "student_id", ids)
        kept["enrolments"] = [row for class_id in class_ids for row in _lines_of(connection, class_id, ids)]
        kept["quarantine"] = [
            dict(row)
            for row in connection.execute("SELECT * FROM quarantine").fetchall()
            if read_person(row["payload"])[0] in ids
        ]
    kept = {table: rows for table, rows in kept.items() if rows}
    if not kept:
        raise BadInput("Nobody here has this id. The API's /students lists ids.", parameter="student")
    return kept


def _rows(connection: sqlite3.Connection, table: str, column: str, ids: set[str]) -> list[dict[str, Any]]:
    places = ", ".join("?" * len(ids))
    rows = connection.execute(
        f"SELECT * FROM {table} WHERE {column} IN ({places}) ORDER BY rowid"  # noqa: S608
        if _has_rowid(connection, table)
        else f"SELECT * FROM {table} WHERE {column} IN ({places})",  # noqa: S608
        sorted(ids),
    )
    return [dict(row) for row in rows]


def _has_rowid(connection: sqlite3.Connection, table: str) -> bool:
    row = connection.execute("SELECT wr FROM pragma_table_list(?)", (table,)).fetchone()
    return row is not None and not row[0]


def _lines_of(connection: sqlite3.Connection, class_id: str, ids: set[str]) -> list[dict[str, Any]]:
    """Return the lines of the present roster of a class that mean the student."""
    lines = load_roster(connection, class_id)
    seen, aliases = load_seen_students(connection, class_id), load_aliases(connection, class_id)
    mine: list[Enrolment] = []
    for line, match in zip(lines, match_lines(lines, seen, aliases), strict=True):
        is_meant = match.student is not None and match.student.id in ids
        if is_meant or ids & {line.stand_in_id, line.student_id}:
            mine.append(line)
    return [{"class_id": class_id, **vars(line)} for line in mine]
