"""How much one client may ask for."""

from __future__ import annotations

import time
from dataclasses import dataclass

MAX_ADDRESSES = 10_000


@dataclass(frozen=True)
class Limits:
    """How much one client may ask for: bytes of a body, and what it may do within a minute."""

    body_bytes: int = 64 * 1024
    failures: int = 10
    syncs: int = 30
    streams: int = 20
    """Of events, open at a time."""


class FixedWindow:
    """Counts what each client did within a minute."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[str, tuple[float, int]] = {}

    def wait(self, who: str) -> int:
        """Count once more; the seconds to wait if that is too often, else 0."""
        now = time.monotonic()
        since, count = self._counts.pop(who, (now, 0))
        if now - since >= 60:
            since, count = now, 0
        # Whoever was heard last stands last; the first ones are forgotten when there are too many.
        self._counts[who] = (since, count + 1)
        while len(self._counts) > MAX_ADDRESSES:
            del self._counts[next(iter(self._counts))]
        return 0 if count < self._most else int(since + 60 - now) + 1
