"""Read the SQLite file of the Rust tool that some mentors used before.

The file is never written.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cohort_core.errors import BadInput, DatabaseBusy

Record = dict[str, Any]

BUSY_SECONDS = 5.0
_REQUIRED = {
    "classes": ("id", "name"),
    "students": ("id", "class_id", "first_name", "last_name", "email"),
    "assignments": ("id", "class_id", "name", "type"),
    "progressions": ("id", "class_id", "student_id", "assignment_id", "started_at", "completed_at"),
    "mentors": (),
}
_OPTIONAL = {
    "classes": ("friendly_id", "is_active", "synced_at"),
    "students": ("region", "night"),
    # Files made before 2026-01-14 have no sections.
    "assignments": ("section",),
    "progressions": ("grade", "reviewed_at", "synced_at"),
    "mentors": ("id", "name", "night"),
}
"""Columns that came with later versions of the tool. Without them the values are None."""


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

    Raises ``BadInput`` for a file that cannot be read, or that is not from the tool, and ``DatabaseBusy`` if
    another program writes it.
    """
    if not path.is_file():
        problem = "is no ordinary file" if path.exists() else "is not there"
        raise BadInput(f"{path} {problem}. Check its name.", parameter="rust_db")
    try:
        try:
            return _read_tables(path, path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            # The tool did not end well, or the folder cannot be written, so its journal cannot be applied
            # there.
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / path.name
                for suffix in ("", "-wal", "-journal"):
                    if Path(f"{path}{suffix}").is_file():
                        shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
                return _read_tables(copy, path, mode="rw")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise DatabaseBusy(
                f"Another program is writing {path} at this moment, most likely the Rust tool. End it, "
                "and try again."
            ) from None
        raise BadInput(
            f"{path} cannot be read as the Rust tool's database. Choose its SQLite file.", parameter="rust_db"
        ) from None
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read ({error.strerror}). Check that the file is yours to read.",
            parameter="rust_db",
        ) from None


def _read_tables(path: Path, shown: Path, mode: str = "ro") -> RustTables:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        # One transaction, in case the tool is writing at this moment.
        connection.execute("BEGIN")
        return RustTables(**{table: _read(connection, shown, table) for table in _REQUIRED})


def _read(connection: sqlite3.Connection, path: Path, table: str) -> list[Record]:
    there = {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
    missing = [name for name in _REQUIRED[table] if name not in there]
    if missing:
        reason = f"its table {table} lacks {', '.join(missing)}"
        if there:
            raise BadInput(
                f"{path} is of another version of the Rust tool, or of another program: {reason}. Open "
                "it once with the newest version of the tool, or leave it and run `cohort-tracker sync`.",
                parameter="rust_db",
            )
        raise BadInput(
            f"{path} is not the Rust tool's database, or a new one: {reason}. Choose its SQLite file.",
            parameter="rust_db",
        )
    names = [name for name in (*_REQUIRED[table], *_OPTIONAL[table]) if name in there]
    if not names:
        return []
    nothing = dict.fromkeys(_OPTIONAL[table])
    rows = connection.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY rowid")  # noqa: S608
    return [nothing | dict(row) for row in rows]
