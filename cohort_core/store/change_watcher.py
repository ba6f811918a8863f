"""A cheap check, of a few microseconds, for changes of the store."""

from __future__ import annotations

import os
import sqlite3
import threading
from dataclasses import dataclass
from typing import Any

from cohort_core.errors import CohortError
from cohort_core.store.database import Database

_CLASSES = """
SELECT id, friendly_id, name, revision, timezone, starts_on, synced_at FROM classes ORDER BY id
"""


@dataclass(frozen=True)
class StoreState:
    """The state of the store at one poll. `number` grows with every change."""

    number: int
    classes: dict[str, tuple[Any, ...]]

    def of_class(self, reference: str) -> tuple[Any, ...] | None:
        """Return a value that changes whenever the data of a class does.

        `reference` is its id or friendly id; the result is None if no class has it.
        """
        return self.classes.get(reference)


class ChangeWatcher:
    """Polls one database over its own connection. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """Device and inode of the open file; no other file has them meanwhile."""
        self.generation = 0
        """How often the database was opened; each time it may be another file."""
        self._version: int | None = None
        self._state = StoreState(0, {})
        self._guard = threading.Lock()

    def poll(self) -> StoreState | None:
        """Return the present state.

        None means that it cannot be read; then nothing cached may be used.
        """
        with self._guard:
            try:
                # Another file may have replaced the open one.
                status = os.stat(self._database.path)
                if self._connection is None or (status.st_dev, status.st_ino) != self._file:
                    self._open()
                    self._file = (status.st_dev, status.st_ino)
                return self._read()
            except (OSError, sqlite3.Error, CohortError):
                self._close()
                return None

    def close(self) -> None:
        """Close the connection; the next poll opens it again."""
        with self._guard:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> None:
        self._close()
        with self._database.reading():
            # This migrates a database of an earlier version.
            pass
        self._connection = self._database.connect_to_watch()
        self.generation += 1
        self._version = None

    def _read(self) -> StoreState:
        assert self._connection is not None
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            # The version was read first: the state may be newer than its number, never older.
            self._state = StoreState(self._state.number + 1, self._classes())
            self._version = version
        return self._state

    def _classes(self) -> dict[str, tuple[Any, ...]]:
        assert self._connection is not None
        states: dict[str, tuple[Any, ...]] = {}
        for row in self._connection.execute(_CLASSES):
            state = (*row, self.generation)
            for reference in dict.fromkeys(state[:2]):
                if reference is not None:
                    # Several classes may share a friendly id.
                    states[reference] = (*states.get(reference, ()), state)
        return states
