"""A school that a JSON file describes, for trying out odd values of upstream."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from cohort_core.errors import BadInput
from cohort_core.practice import APP_ID, EMAIL, ORIGIN, PASSWORD
from cohort_core.practice.school import Row, hex_id


class FileSchool:
    """A school as its file has it, read again whenever the file changes.

    The file holds ``{"classes": [{"id", "friendly_id", "name", "units", "progressions"}, …]}``. Classes,
    units and progressions are served as they stand there, however odd. A class without ``_id`` or
    ``is_published`` gets both, as OpenClass sends them. While the file is being written, the school stays
    as it was. Raises ``BadInput`` if the file cannot be read at first.
    """

    def __init__(self, path: Path) -> None:
        self.app_id = APP_ID
        self.origin = ORIGIN
        self._path = path
        self._lock = threading.Lock()
        try:
            self._version = self._look()
            self._classes = _read(path)
        except OSError as error:
            raise BadInput(f"{path} cannot be read ({error.strerror}).", parameter="data") from None
        except ValueError as error:
            raise BadInput(f"{path} {error}.", parameter="data") from None

    def login(self, email: str, password: str) -> Row | None:
        if (email.strip().lower(), password) != (EMAIL, PASSWORD):
            return None
        return {"id": hex_id("mentor", email), "email": email, "first_name": "Mira", "last_name": "Mentor"}

    def classes(self) -> list[Any]:
        return [
            {key: value for key, value in entry.items() if key not in {"units", "progressions"}}
            if isinstance(entry, dict)
            else entry
            for entry in self._current()
        ]

    def units(self, class_id: str) -> list[Row]:
        return cast("list[Row]", self._entry(class_id).get("units"))

    def rows(self, class_id: str) -> Sequence[Row]:
        return cast("Sequence[Row]", self._entry(class_id)["progressions"])

    def put_row(self, class_id: str, row: Row) -> None:
        """Add a progression until the file changes; the file itself stays as it is."""
        entry = self._entry(class_id)
        entry["progressions"] = [*entry["progressions"], row]

    def roster(self, class_id: str) -> list[dict[str, str]]:
        return []

    def rosters(self) -> list[str]:
        return []

    def mentors(self) -> list[dict[str, str]]:
        return []

    def _entry(self, class_id: str) -> dict[str, Any]:
        for entry in self._current():
            if isinstance(entry, dict) and entry.get("id") == class_id:
                return entry
        raise KeyError(class_id)

    def _current(self) -> list[Any]:
        with self._lock:
            try:
                version = self._look()
                if version != self._version:
                    self._classes = _read(self._path)
                    self._version = version
            except (OSError, ValueError):
                pass  # half written: the next request looks again
            return self._classes

    def _look(self) -> tuple[int, int, int]:
        stat = self._path.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _read(path: Path) -> list[Any]:
    """Read the classes of a file.

    Raises ``OSError``, or ``ValueError`` with the end of a sentence.
    """
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    classes = content.get("classes") if isinstance(content, dict) else None
    if not isinstance(classes, list):
        raise ValueError('has no list "classes"')
    return [_completed(entry) if isinstance(entry, dict) else entry for entry in classes]


def _completed(entry: dict[str, Any]) -> dict[str, Any]:
    rows = entry.get("progressions")
    return {
        "id": None,
        "_id": {"$oid": entry.get("id")},
        "is_published": True,
        **entry,
        "progressions": rows if isinstance(rows, list) else [],
    }
