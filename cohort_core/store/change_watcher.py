"""Whether the store has changed since the last look, for a few microseconds."""

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
    """What the store was like at one look. `number` is another one after any change to it whatsoever."""

    number: int
    classes: dict[str, tuple[Any, ...]]

    def of_class(self, reference: str) -> tuple[Any, ...] | None:
        """Equal as long as the facts of the class with this id or friendly id are; None if there is none."""
        return self.classes.get(reference)


class ChangeWatcher:
    """Looks at one database again and again, over a connection of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """Of the connection's; nobody else's as long as that is open."""
        self.generation = 0
        """How often the database was opened so far: each time another file may be there under its name."""
        self._version: int | None = None
        self._state = StoreState(0, {})
        self._one_at_a_time = threading.Lock()

    def poll(self) -> StoreState | None:
        """What the store is like now; None if that cannot be told, so that nothing remembered may be used."""
        with self._one_at_a_time:
            try:
                # Another file may have taken the place of the one that is open.
                found = os.stat(self._database.path)
                if self._connection is None or (found.st_dev, found.st_ino) != self._file:
                    self._open()
                    self._file = (found.st_dev, found.st_ino)
                return self._read()
            except (OSError, sqlite3.Error, CohortError):
                self._close()
                return None

    def close(self) -> None:
        with self._one_at_a_time:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> None:
        self._close()
        with self._database.reading():
            # A database of an earlier version is brought up to date here.
            pass
        self._connection = self._database.connect_to_watch()
        self.generation += 1
        self._version = None

    def _read(self) -> StoreState:
        assert self._connection is not None
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            # In this order: what is read here may be newer than the number, never older.
            self._state = StoreState(self._state.number + 1, self._classes())
            self._version = version
        return self._state

    def _classes(self) -> dict[str, tuple[Any, ...]]:
        assert self._connection is not None
        found: dict[str, tuple[Any, ...]] = {}
        for row in self._connection.execute(_CLASSES):
            told = (*row, self.generation)
            for reference in dict.fromkeys(told[:2]):
                if reference is not None:
                    found[reference] = (*found.get(reference, ()), told)
        return found
