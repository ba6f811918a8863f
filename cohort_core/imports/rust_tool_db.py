"""Read the SQLite file of the Rust tool that some mentors used before.

The file is never written.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cohort_core.errors import BadInput

Record = dict[str, Any]

_TABLES = {
    "classes": ("id", "name", "friendly_id", "is_active", "synced_at"),
    "students": ("id", "class_id", "first_name", "last_name", "email", "region", "night"),
    "mentors": ("id", "name", "night"),
    "assignments": ("id", "class_id", "name", "type", "section"),
    "progressions": (
        *("id", "class_id", "student_id", "assignment_id", "grade"),
        *("started_at", "completed_at", "reviewed_at", "synced_at"),
    ),
}


@dataclass(frozen=True)
class RustTables:
    """The tables of the tool as they are, each row a dictionary."""

    classes: list[Record]
    students: list[Record]
    mentors: list[Record]
    assignments: list[Record]
    progressions: list[Record]


def read_rust_tables(path: Path) -> RustTables:
    """Read all tables.

    Raises ``BadInput`` for a file that cannot be read, or that is not from the tool.
    """
    if not path.is_file():
        raise BadInput(f"{path} is not there. Check its name.", parameter="rust_db")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            # One transaction, in case the tool is writing at this moment.
            connection.execute("BEGIN")
            return RustTables(**{table: _read(connection, path, table) for table in _TABLES})
    except sqlite3.DatabaseError:
        raise BadInput(
            f"{path} cannot be read as the Rust tool's database. Choose its SQLite file.", parameter="rust_db"
        ) from None


def _read(connection: sqlite3.Connection, path: Path, table: str) -> list[Record]:
    there = {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
    missing = [name for name in _TABLES[table] if name not in there]
    if missing:
        raise BadInput(
            f"{path} is not the Rust tool's database: its table {table} lacks {', '.join(missing)}. Choose "
            "its SQLite file.",
            parameter="rust_db",
        )
    columns = ", ".join(_TABLES[table])
    rows = connection.execute(f"SELECT {columns} FROM {table} ORDER BY rowid")  # noqa: S608
    return [dict(row) for row in rows]
