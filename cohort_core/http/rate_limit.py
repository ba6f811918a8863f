"""Limits for what one client may send and do."""

from __future__ import annotations

import time
from dataclasses import dataclass

MAX_ADDRESSES = 10_000


@dataclass(frozen=True)
class Limits:
    """Limits for one client: bytes of a body, actions per minute, open streams."""

    body_bytes: int = 64 * 1024
    failures: int = 10
    syncs: int = 30
    streams: int = 20
    """Streams of events that may be open at the same time."""


class FixedWindow:
    """Counts the actions of each client within a minute."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: dict[str, tuple[float, int]] = {}

    def wait(self, who: str) -> int:
        """Count an action. Return 0, or the seconds to wait if there were too many."""
        now = time.monotonic()
        since, count = self._counts.pop(who, (now, 0))
        if now - since >= 60:
            since, count = now, 0
        # The dictionary is ordered by the last action; if it grows too long, the oldest clients are dropped.
        self._counts[who] = (since, count + 1)
        while len(self._counts) > MAX_ADDRESSES:
            del self._counts[next(iter(self._counts))]
        return 0 if count < self._limit else int(since + 60 - now) + 1
