"""Backup, restore and integrity checks of the database."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from cohort_core.config.paths import PRIVATE_FOLDER, open_private
from cohort_core.errors import BadInput, DatabaseUnusable
from cohort_core.store.audit import add_event, save_event
from cohort_core.store.database import Database, bring_up_to_date, refuse_newer

_NEVER_RESTORED = ("tokens", "audit")


def backup(database: Database, target: Path, *, replace: bool = False, asked_by: str) -> int:
    """Copy the database into a private file; return its size in bytes.

    It may be used while everything runs: the copy is of one moment, and is checked before it gets the name.
    Raises ``BadInput`` if the file exists and ``replace`` is not set, or if it cannot be written.
    """
    database.home.refuse_own_file(target, "file")
    if target.exists() and not replace:
        raise BadInput(f"{target} is there already. Choose another name, or say --force.", parameter="file")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        # SQLite would create a file that everyone can read; it accepts an existing empty one.
        open_private(draft, "x").close()
        save_event(database, asked_by, "backup", target.name)
        with database.writer() as connection:
            connection.execute("VACUUM INTO ?", (str(draft),))
        problems = file_problems(draft)
        if problems:
            raise DatabaseUnusable(
                "The copy did not come out whole, so it was not kept. Run `cohort-tracker doctor`."
            )
        draft.replace(target)
    except OSError as error:
        raise BadInput(
            f"{target} cannot be written ({error.strerror}). Choose another folder.", parameter="file"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    return target.stat().st_size


def back_up_here(database: Database, now: datetime, *, asked_by: str) -> Path:
    """Back up into the folder beside the database, named by the time; return the file."""
    folder = database.home.backups
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be made ({error.strerror}). Check that the data folder is yours to write.",
            parameter="file",
        ) from None
    target = folder / f"cohort-{now:%Y-%m-%d-%H%M%S}.db"
    backup(database, target, replace=True, asked_by=asked_by)
    return target


def restore(database: Database, source: Path, *, asked_by: str) -> Path:
    """Replace the database by a backup; return the copy of the database before.

    The caller must hold the sync lock, so that no sync writes meanwhile. The backup is checked first; if
    anything is wrong with it, nothing changes and ``BadInput`` or ``DatabaseNewer`` is raised. Tokens and the
    audit log stay as they are: an old backup must not make revoked tokens valid or remove events.
    """
    problems = file_problems(source)
    if problems:
        raise BadInput(f"{source} is no sound backup: {problems[0]}. Choose another.", parameter="file")
    with closing(_open_alone(source)) as copy, closing(sqlite3.connect(":memory:")) as whole:
        refuse_newer(copy, source)
        if not copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'progressions'").fetchone():
            raise BadInput(f"{source} is not a backup of Cohort Tracker. Choose another.", parameter="file")
        before = database.path.with_name("cohort.before-restore.db")
        backup(database, before, replace=True, asked_by=asked_by)
        copy.backup(whole)
        bring_up_to_date(whole)
        _keep_for_restore(database, whole)
        add_event(whole, asked_by, "restore", source.name)
        whole.commit()
        database.replace_contents(whole)
    return before


def _keep_for_restore(database: Database, whole: sqlite3.Connection) -> None:
    """Copy into the restored database what a backup must not change."""
    with database.reading() as connection:
        newest = connection.execute("SELECT coalesce(max(revision), 0) FROM classes").fetchone()[0]
        kept = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in _NEVER_RESTORED}  # noqa: S608
    # Readers cache data by revision, so no earlier revision may be used again for other data.
    whole.execute("UPDATE classes SET revision = revision + ? + 1", (newest,))
    for table, rows in kept.items():
        whole.execute(f"DELETE FROM {table}")  # noqa: S608
        for row in rows:
            placeholders = ", ".join("?" * len(row))
            whole.execute(f"INSERT INTO {table} VALUES ({placeholders})", tuple(row))  # noqa: S608


def file_problems(path: Path) -> list[str]:
    """Describe what is wrong with a database file; empty if it is sound."""
    if not path.is_file():
        return ["it is not there"]
    try:
        with closing(_open_alone(path)) as connection:
            return check(connection)
    except sqlite3.DatabaseError:
        return ["it is not a database"]


def check(connection: sqlite3.Connection) -> list[str]:
    """Describe what SQLite's integrity and foreign key checks report; empty if all is well."""
    problems = [str(row[0]) for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    if orphans:
        problems.append(f"{len(orphans)} rows refer to something that is not there")
    return problems


def _open_alone(path: Path) -> sqlite3.Connection:
    """Open a file that nobody writes, read-only and without creating files beside it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
