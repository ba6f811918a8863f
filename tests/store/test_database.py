"""The database in use by other programs: locked by one, or with a lock that cannot be taken."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest
from filelock import FileLock

from cohort_core.config.paths import Home
from cohort_core.errors import DatabaseBusy, DatabaseUnusable
from cohort_core.store.classes import ListedClass, bump_revision, load_index, save_classes
from cohort_core.store.database import Database

LISTED = [ListedClass("a", "a-1", "A", None)]


@pytest.fixture
def database(home: Home) -> Database:
    database = Database(home)
    save_classes(database, LISTED)
    database.busy_seconds = 0.1
    return database


def test_a_database_that_is_locked_is_not_called_damaged(database: Database) -> None:
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy, match="Another program"):
            save_classes(database, LISTED)
        other.execute("ROLLBACK")
    save_classes(database, LISTED)


def test_nobody_waits_for_ever_while_another_writes(database: Database) -> None:
    begun = time.monotonic()
    with FileLock(database.home.write_lock), pytest.raises(DatabaseBusy):
        save_classes(database, LISTED)
    assert time.monotonic() - begun < 5
    save_classes(database, LISTED)


def test_a_lock_that_cannot_be_taken_is_reported(database: Database) -> None:
    database.home.write_lock.unlink(missing_ok=True)
    database.home.write_lock.mkdir()
    with pytest.raises(DatabaseUnusable, match="cannot be used"):
        save_classes(database, LISTED)


def test_a_lock_that_stays_taken_undoes_nothing_that_was_done(database: Database) -> None:
    """Closing waits for it, too, but keeps committed data and raises the error of the block."""

    def wrong(lock: FileLock) -> None:
        with database.writer():
            lock.acquire()
            raise ZeroDivisionError

    lock = FileLock(database.home.write_lock, thread_local=False)
    try:
        with database.writer() as connection:
            with database.transaction(connection):
                bump_revision(connection, "a")
            lock.acquire()
        with pytest.raises(sqlite3.ProgrammingError):
            connection.execute("SELECT 1")
        lock.release()
        with pytest.raises(ZeroDivisionError):
            wrong(lock)
    finally:
        lock.release(force=True)
    assert load_index(database).revisions["a"] == 1
