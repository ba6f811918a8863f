"""Automatic syncs: at an interval with jitter, and less often while the source fails."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cohort_core.clock import utc_now
from cohort_core.errors import BadInput, CohortError, SyncRunning, refused_by_system
from cohort_core.store.sync_runs import Job
from cohort_core.time_spans import parse_span

logger = logging.getLogger(__name__)

MIN_INTERVAL = timedelta(minutes=1)
MAX_INTERVAL = timedelta(days=7)
JITTER_SHARE = 0.1
MAX_DOUBLINGS = 4
SLICE_SECONDS = 15.0
"""After sleep, an overdue sync begins within so many seconds."""


def parse_interval(text: str) -> timedelta:
    """Parse an interval of syncs such as ``30m``, ``2h`` or ``1d``.

    Raises ``BadInput`` for any other text, and outside of MIN_INTERVAL and MAX_INTERVAL.
    """
    interval = parse_span(text, MIN_INTERVAL, MAX_INTERVAL)
    if interval is None:
        raise BadInput(
            "The interval of syncs cannot be used. Write one from 1m to 7d, such as 30m or 2h.",
            parameter="sync_every",
        )
    return interval


def interval_text(every: timedelta) -> str:
    """Format an interval as `parse_interval` reads it, such as ``30m`` or ``90s``."""
    seconds = int(every.total_seconds())
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


@dataclass(frozen=True)
class Plan:
    """The time of the next automatic sync.

    ``failures`` counts the failed syncs in a row; ``error`` is the message of the last one.
    """

    every: timedelta
    next_at: datetime
    failures: int = 0
    error: str | None = None


class Schedule:
    """A thread that syncs at an interval. ``sync`` runs a sync and returns its record."""

    def __init__(
        self,
        every: timedelta,
        sync: Callable[[], Job],
        *,
        now: Callable[[], datetime] = utc_now,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._sync = sync
        self._now = now
        self._jitter = jitter
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduled-sync", daemon=True)
        self.plan = Plan(every, self._due(every))

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Start no more syncs. A running one goes on to its end."""
        self._stop.set()

    def step(self) -> None:
        """Sync once, and plan the next sync."""
        failures, error = 0, None
        try:
            job = self._sync()
            if job.state == "failed":
                failures, error = self.plan.failures + 1, job.error
        except SyncRunning:
            # The other sync does the same work.
            failures, error = self.plan.failures, self.plan.error
        except CohortError as problem:
            failures, error = self.plan.failures + 1, problem.message
        except OSError as problem:
            failures, error = self.plan.failures + 1, refused_by_system(problem).message
        except Exception as problem:  # noqa: BLE001 - one failure must not end the schedule
            logger.error("A scheduled sync ended with an unexpected %s", type(problem).__name__)
            failures, error = self.plan.failures + 1, "The sync ended unexpectedly. The next one tries again."
        every = self.plan.every
        self.plan = Plan(every, self._due(every * 2 ** min(failures, MAX_DOUBLINGS)), failures, error)

    def _due(self, wait: timedelta) -> datetime:
        self._wait = wait * (1 + JITTER_SHARE * (2 * self._jitter() - 1))
        return self._now() + self._wait

    def seconds_left(self) -> float:
        """Return the seconds until the next sync by the clock on the wall.

        If that clock was set back, the plan moves with it: nobody waits longer than was planned.
        """
        left = self.plan.next_at - self._now()
        if left > self._wait:
            left = self._wait
            self.plan = replace(self.plan, next_at=self._now() + left)
        return max(0.0, left.total_seconds())

    def _run(self) -> None:
        # In slices, because a wait does not count the time in which the computer sleeps.
        while not self._stop.wait(min(SLICE_SECONDS, self.seconds_left())):
            if not self.seconds_left():
                self.step()
