"""Writes the audit in the background, so that no response waits for the disk."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter

from starlette.types import Message, Receive

from cohort_core.clock import utc_now
from cohort_core.errors import CohortError
from cohort_core.http.rate_limit import MAX_ADDRESSES
from cohort_core.store import audit, tokens
from cohort_core.store.database import Database
from cohort_core.store.tokens import Token

logger = logging.getLogger(__name__)

USE_SECONDS = 60.0
"""A token's last use is stored at most so often for each address."""

WRITE_SECONDS = 0.25


class AuditWriter:
    """Collects audit events and uses of tokens, and writes them in a background task."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._events: Counter[tuple[str, str, str]] = Counter()
        self._uses: set[str] = set()
        self._last_uses: dict[tuple[str, str], tuple[float, str]] = {}
        """The time and the day of the last stored use, by token and address."""
        self._writing: asyncio.Task[None] | None = None

    def add_event(self, who: str, action: str, detail: str) -> None:
        self._events[who, action, detail] += 1
        self._write_soon()

    def add_use(self, token: Token, address: str) -> None:
        """Store when a token was last used, to the minute.

        The audit gets an entry for each day on which the token is used from an address.
        """
        now, today = time.monotonic(), utc_now().date().isoformat()
        key = (token.digest, address)
        last, day = self._last_uses.get(key, (-USE_SECONDS, ""))
        if now - last < USE_SECONDS:
            return
        if len(self._last_uses) > MAX_ADDRESSES:
            self._last_uses.clear()
        self._last_uses[key] = now, today
        self._uses.add(token.digest)
        if day != today:
            self._events[f"token {token.name}", "token used", f"from {address}"] += 1
        self._write_soon()

    def _write_soon(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._events or self._uses:
            events, self._events = _with_counts(self._events), Counter()
            uses, self._uses = self._uses, set()
            try:
                await asyncio.to_thread(self._save, events, uses)
            except CohortError as error:
                logger.warning("%d entries of the audit could not be kept: %s", len(events), error.code)
            # Many requests at once need few writes. After each write the caches of the store are read again.
            await asyncio.sleep(WRITE_SECONDS)

    def _save(self, events: list[tuple[str, str, str]], uses: set[str]) -> None:
        if events:
            audit.save_events(self._database, events)
        if uses:
            tokens.note_use(self._database, uses, utc_now())

    def flush_at_shutdown(self, receive: Receive) -> Receive:
        """Wrap the lifespan's ``receive`` so that the shutdown waits for the last write."""

        async def receive_after_writing() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown" and self._writing:
                await self._writing
            return message

        return receive_after_writing


def _with_counts(events: Counter[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [
        (who, action, detail if number == 1 else f"{detail}, {number} times")
        for (who, action, detail), number in events.items()
    ]
