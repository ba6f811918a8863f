"""When the mentor was last here; the Overview shows the changes since then.

A visit is a series of page views with less than 45 minutes between them. The last visit ended with its last
page view, before the present visit began. The instants are in a small file and not in the store, because a
page must never wait for a sync that is writing. With accounts each person has a file of their own.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cohort_core.config.paths import PRIVATE_FOLDER, write_private
from cohort_core.dashboard.components.text import parse_instant

PAUSE = timedelta(minutes=45)
"""Longer than a mentor reads one page, shorter than the other work between two visits."""

_WRITE_INTERVAL = timedelta(minutes=1)
_MAX_ENDS = 50


@dataclass(frozen=True)
class Visits:
    """The last page view, and the ends of earlier visits, the latest last."""

    seen_at: datetime | None = None
    ends: tuple[datetime, ...] = ()

    @property
    def last(self) -> datetime | None:
        """The end of the visit before this one; None on a first visit."""
        return self.ends[-1] if self.ends else None

    def with_page_view(self, now: datetime) -> Visits:
        if self.seen_at is None or now - self.seen_at < PAUSE:
            return Visits(now, self.ends)
        return Visits(now, (*self.ends, self.seen_at)[-_MAX_ENDS:])


def load(file: Path) -> Visits:
    """Load the visits; a missing or unreadable file counts as no visits."""
    try:
        saved = json.loads(file.read_text("utf-8"))
        return Visits(parse_instant(saved["seen_at"]), tuple(parse_instant(end) for end in saved["ends"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Visits()


def record_page_view(file: Path, now: datetime) -> None:
    """Record that somebody views a page.

    If the file cannot be written, the page works all the same.
    """
    before = load(file)
    if before.seen_at and timedelta() <= now - before.seen_at < _WRITE_INTERVAL:
        return
    after = before.with_page_view(now)
    saved = {"seen_at": to_text(now), "ends": [to_text(end) for end in after.ends]}
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        write_private(file, json.dumps(saved, allow_nan=False).encode())


def to_text(instant: datetime) -> str:
    """Format an instant to the second: that is precise enough, and short in an address."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
