"""The student file: everything that is kept about a person, as the tables have it."""

from __future__ import annotations

import sqlite3
from typing import Any

from cohort_core.errors import BadInput
from cohort_core.store.database import Database
from cohort_core.store.person_rows import ROSTER_TABLES, PersonReader, find_quarantined, find_roster_rows
from cohort_core.store.roster import load_students
from cohort_core.store.stand_ins import load_aliases, student_tables

Rows = dict[str, list[dict[str, Any]]]


def load_student_file(database: Database, student_id: str, *, read_person: PersonReader) -> Rows:
    """Load every row about a student, by table; tables without any are left out.

    `student_id` is an OpenClass id, or the stand-in id of someone who is only on the roster, or was on an
    earlier one. Deleted contacts are in it as well, as their rows are kept. Raises ``BadInput`` if nobody has
    the id.
    """
    with database.reading() as connection:
        class_ids = [row["id"] for row in connection.execute("SELECT id FROM classes ORDER BY id").fetchall()]
        aliases = {class_id: load_aliases(connection, class_id) for class_id in class_ids}
        ids = {student_id}
        for of_class in aliases.values():
            ids |= {of_class[old] for old in ids & of_class.keys()}
            ids |= {old for old, now in of_class.items() if now in ids}
        kept: Rows = {"students": _rows(connection, "students", "id", ids)}
        for table in student_tables(connection):
            if table not in ROSTER_TABLES:
                kept[table] = _rows(connection, table, "student_id", ids)
        student = next(iter(load_students(connection, ids)), None)
        for class_id in class_ids:
            of_class_rows = find_roster_rows(connection, class_id, ids, aliases[class_id], student)
            for table, rows in of_class_rows.by_table.items():
                kept.setdefault(table, []).extend({"class_id": class_id, **dict(row)} for row in rows)
        kept["quarantine"] = [dict(row) for row in find_quarantined(connection, ids, student, read_person)]
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
