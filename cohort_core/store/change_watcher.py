"""Notices within microseconds that the database has changed, whoever wrote it."""

from __future__ import annotations

import os
import sqlite3
import threading

from cohort_core.errors import CohortError
from cohort_core.store.database import Database


class ChangeWatcher:
    """Polls one database over a connection of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """Device and inode of the open file, which no other file has meanwhile."""
        self.generation = 0
        """The number of times that the database was opened, each time perhaps another file."""
        self._lock = threading.Lock()

    def poll(self) -> tuple[int, int] | None:
        """Return a value that is equal as long as nothing in the database changes.

        None if it cannot be read, so that nothing that was read before may be used.
        """
        with self._lock:
            try:
                # Another file may have taken the place of the one that is open.
                status = os.stat(self._database.path)
                if self._connection is None or (status.st_dev, status.st_ino) != self._file:
                    self._connection = self._open()
                    self._file = (status.st_dev, status.st_ino)
                return self.generation, self._connection.execute("PRAGMA data_version").fetchone()[0]
            except (OSError, sqlite3.Error, CohortError):
                self._close()
                return None

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> sqlite3.Connection:
        self._close()
        with self._database.reading():
            # Brings a database of an earlier version up to date.
            pass
        self.generation += 1
        return self._database.connect_to_watch()
