"""Threads for slow work of plain pages; the API keeps its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

MAX_AT_WORK, MAX_WAITING = 4, 40
"""So many passwords are checked at once, and so many people may wait."""
MAX_OF_ADDRESS = 20
"""So many of these may come from one address, which could keep all others out."""
T = TypeVar("T")


class Busy(Exception):
    """Too many people wait."""


class Workers:
    """A few threads, and a limited number of people who wait for them."""

    def __init__(self, at_work: int = MAX_AT_WORK, waiting: int = MAX_WAITING) -> None:
        self._at_work, self._waiting = at_work, waiting
        self._limiters: list[anyio.CapacityLimiter] = []
        self._addresses: Counter[str] = Counter()

    async def run(self, work: Callable[[], T], *, address: str = "") -> T:
        """Run slow work in a thread.

        Raises ``Busy`` if too many wait, or too many of this address.
        """
        if address:
            if self._addresses[address] >= MAX_OF_ADDRESS:
                raise Busy
            self._addresses[address] += 1
            try:
                return await self.run(work)
            finally:
                self._addresses[address] -= 1
                self._addresses += Counter()  # forgets who has none
        # A limiter belongs to an event loop, so the first request creates it.
        if not self._limiters:
            self._limiters.append(anyio.CapacityLimiter(self._at_work))
        (limiter,) = self._limiters
        if limiter.statistics().tasks_waiting >= self._waiting:
            raise Busy
        return await anyio.to_thread.run_sync(work, limiter=limiter)
