"""The questions that pages offered within a day, by random ids."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cohort_core.dashboard.files.questions import Question

LIFETIME_SECONDS = 24 * 3600.0
"""So the links of a page that stays open work over a class night."""
TEXT_LIFETIME_SECONDS = 3600.0
"""For questions with a text that a mentor wrote."""
MAX_PER_OWNER = 1_000
MAX_QUESTIONS = 5_000
"""Of all owners; a question takes about 1 KB."""
_RANDOM_BYTES = 24


@dataclass
class _Entry:
    id: str
    offered_at: float


class FileRegistry:
    """Questions with their owners. Safe to share between threads.

    The oldest goes first: after a day without an offer, or when there are too many. With a mentor's own text
    it goes after an hour.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        max_per_owner: int = MAX_PER_OWNER,
        max_questions: int = MAX_QUESTIONS,
    ) -> None:
        self.root_path = ""
        """The place where the dashboard is mounted, such as "/dashboard"; its middleware sets it."""
        self._now = now
        self._max_per_owner = max_per_owner
        self._max_questions = max_questions
        self._guard = threading.Lock()
        # The longest without an offer stands first.
        self._entries: OrderedDict[tuple[str, Question], _Entry] = OrderedDict()
        self._keys: dict[str, tuple[str, Question]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def offer(self, owner: str, question: Question) -> str:
        """Return the id of a question; the same as before while it is kept."""
        key = (owner, question)
        with self._guard:
            self._drop_expired()
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry(secrets.token_urlsafe(_RANDOM_BYTES), 0.0)
                self._keys[entry.id] = key
                self._make_room(owner)
            entry.offered_at = self._now()
            self._entries.move_to_end(key)
            return entry.id

    def find(self, owner: str | None, file_id: str) -> Question | None:
        """Return the question with this id, if it is kept and belongs to this owner."""
        with self._guard:
            self._drop_expired()
            entry_owner, question = self._keys.get(file_id, (None, None))
            return question if owner is not None and entry_owner == owner else None

    def link(self, file_id: str) -> str:
        """Return the address of a file, from the root of the server."""
        return f"{self.root_path}/files/{file_id}"

    def _make_room(self, owner: str) -> None:
        own = [key for key in self._entries if key[0] == owner]
        for key in own[: max(len(own) - self._max_per_owner, 0)]:
            self._drop(key)
        while len(self._entries) > self._max_questions:
            self._drop(next(iter(self._entries)))

    def _drop_expired(self) -> None:
        now = self._now()
        for key, entry in list(self._entries.items()):
            lifetime = TEXT_LIFETIME_SECONDS if key[1].has_text else LIFETIME_SECONDS
            if entry.offered_at <= now - lifetime:
                self._drop(key)

    def _drop(self, key: tuple[str, Question]) -> None:
        del self._keys[self._entries.pop(key).id]


@cache
def shared_registry() -> FileRegistry:
    """Return the registry of this process, which its pages and its route share."""
    return FileRegistry()
