"""Copies of the database, checks of it, and the removal of a person from it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from cohort_core.errors import BadInput, DatabaseUnusable
from cohort_core.home import PRIVATE_FILE
from cohort_core.store.database import Database, refuse_newer


def backup(database: Database, target: Path, *, replace: bool = False) -> int:
    """Copy the database into a file that only its owner reads, while everything runs; returns its bytes.

    The copy is of one moment and checked before it takes the name. Raises ``BadInput`` if the file is there
    already and ``replace`` is not set, or if it cannot be written.
    """
    if target.exists() and not replace:
        raise BadInput(f"{target} is there already. Choose another name, or say --force.", parameter="file")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        # SQLite fills an empty file that is there, and would make one that everyone can read.
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
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


def restore(database: Database, source: Path) -> Path:
    """Put a backup in place of the database; returns where the database of before is kept.

    The backup is checked first; if anything is wrong with it nothing has changed. For who holds the claim to
    sync, so that no sync writes meanwhile.
    """
    problems = file_problems(source)
    if problems:
        raise BadInput(f"{source} is no sound backup: {problems[0]}. Choose another.", parameter="file")
    with closing(_open_alone(source)) as copy:
        refuse_newer(copy, source)
        if not copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'progressions'").fetchone():
            raise BadInput(f"{source} is not a backup of Cohort Tracker. Choose another.", parameter="file")
        before = database.path.with_name("cohort.before-restore.db")
        with database.writer() as connection:
            newest = connection.execute("SELECT coalesce(max(revision), 0) FROM classes").fetchone()[0]
        backup(database, before, replace=True)
        database.replace_contents(copy)
    database.migrate()
    with database.writing() as connection:
        # Readers hold what they loaded by revision: none that was before may mean something else now.
        connection.execute("UPDATE classes SET revision = revision + ? + 1", (newest,))
    return before


def file_problems(path: Path) -> list[str]:
    """What SQLite finds wrong with a file, in words; empty if it is sound."""
    if not path.is_file():
        return ["it is not there"]
    try:
        with closing(_open_alone(path)) as connection:
            return check(connection)
    except sqlite3.DatabaseError:
        return ["it is not a database"]


def check(connection: sqlite3.Connection) -> list[str]:
    """What ``integrity_check`` and ``foreign_key_check`` find, in words; empty if all is well."""
    found = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    if orphans:
        found.append(f"{len(orphans)} rows refer to something that is not there")
    return [str(problem) for problem in found]


def _open_alone(path: Path) -> sqlite3.Connection:
    """A read-only connection to a file that nobody writes: leaves nothing beside it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
