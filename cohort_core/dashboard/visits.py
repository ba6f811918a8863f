"""When the mentor was here last, so that the Overview can tell what changed since.

A visit is a row of looks at pages with less than 45 minutes between them; the last visit ended with the last
look before the present one began. Kept in a small file and not in the store, since a page must never wait
for a sync that is writing. It holds two instants and nothing about anybody else.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cohort_core.config.paths import Home
from cohort_core.dashboard.components.text import instant

PAUSE = timedelta(minutes=45)
"""Longer than reading a page takes, shorter than a mentor's other work between two looks."""

_WRITTEN_EVERY = timedelta(minutes=1)
_KEPT = 50


@dataclass(frozen=True)
class Visits:
    """The last look at any page, and the ends of the visits before this one, the latest last."""

    seen_at: datetime | None = None
    ends: tuple[datetime, ...] = ()

    @property
    def last(self) -> datetime | None:
        """The end of the visit before this one; None for who is here for the first time."""
        return self.ends[-1] if self.ends else None

    def with_look(self, now: datetime) -> Visits:
        if self.seen_at is None or now - self.seen_at < PAUSE:
            return Visits(now, self.ends)
        return Visits(now, (*self.ends, self.seen_at)[-_KEPT:])


def load(home: Home) -> Visits:
    """What is known; a file that cannot be read counts as none."""
    try:
        kept = json.loads(home.visits.read_text("utf-8"))
        return Visits(instant(kept["seen_at"]), tuple(instant(one) for one in kept["ends"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Visits()


def look(home: Home, now: datetime) -> None:
    """Note that a page is being looked at. A disk that takes no file takes nothing else from the page."""
    before = load(home)
    if before.seen_at and timedelta() <= now - before.seen_at < _WRITTEN_EVERY:
        return
    after = before.with_look(now)
    kept = {"seen_at": to_text(now), "ends": [to_text(one) for one in after.ends]}
    with contextlib.suppress(OSError):
        home.write_private(home.visits, json.dumps(kept))


def to_text(at: datetime) -> str:
    """To the second, which is enough, and short in an address."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
