"""A progression as a history: its events, and its row at an instant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cohort_core.practice.school import Row

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Instant = int
"""Milliseconds since 1970, UTC: the precision of upstream, so that nothing is rounded."""

_ALWAYS: Instant = 2**63


def instant(moment: datetime) -> Instant:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def iso(moment: Instant) -> str:
    """Write an instant as upstream does.

    >>> iso(1765494171781)
    '2025-12-11T23:02:51.781Z'
    """
    return f"{(EPOCH + timedelta(milliseconds=moment)).isoformat(timespec='milliseconds')[:23]}Z"


@dataclass
class History:
    """A progression, which exists upstream from its start, or from its completion without a start."""

    id: str
    user: Row
    assignment: Row
    started: Instant | None
    completed: Instant | None = None
    grades: list[tuple[Instant, float]] = field(default_factory=list)
    reviewed: Instant | None = None
    removed: Instant | None = None
    """The instant at which upstream deletes it."""

    @property
    def first(self) -> Instant:
        moments = [moment for moment in (self.started, self.completed) if moment is not None]
        return min(moments)

    def instants(self) -> Iterable[Instant]:
        """Yield the instants at which the row that upstream shows changes."""
        yield self.first
        yield from (at for at, _ in self.grades)
        for moment in (self.completed, self.reviewed, self.removed):
            if moment is not None:
                yield moment

    def shown(self, now: Instant) -> Row | None:
        """Return the row at that instant, or None if it does not exist then.

        Both forms of id occur. A review that has not come yet is null in some rows and absent in others.
        """
        if self.first > now or (self.removed is not None and self.removed <= now):
            return None
        odd = int(self.id[-1], 16) % 4 == 0
        grade = [grade for at, grade in self.grades if at <= now]
        row: Row = {
            "_id": self.id if odd else {"$oid": self.id},
            "user": self.user,
            "assignment": self.assignment,
            "grade": grade[-1] if grade else None,
            "started_assignment_at": _shown(self.started, now),
            "completed_assignment_at": _shown(self.completed, now),
        }
        reviewed = _shown(self.reviewed, now)
        if reviewed is not None or not odd:
            row["reviewed_at"] = reviewed
        return row


def _shown(moment: Instant | None, now: Instant) -> str | None:
    return iso(moment) if moment is not None and moment <= now else None


class Chronicle:
    """All histories of a class, with the rows shown last, as most instants change few."""

    def __init__(self, histories: Iterable[History]) -> None:
        self.histories = list(histories)
        self.instants = sorted(moment for history in self.histories for moment in set(history.instants()))
        self._last: tuple[int, list[Row]] | None = None
        self._shown: list[tuple[Instant, Instant, Row | None]] = [(0, 0, None)] * len(self.histories)

    def rows(self, now: Instant) -> list[Row]:
        """Return the rows at that instant.

        Without an event since the last call it is the same list. A row without an event is the same dict.
        """
        happened = bisect_right(self.instants, now)
        if self._last is None or self._last[0] != happened:
            for number, (since, until, _) in enumerate(self._shown):
                if not since <= now < until:
                    self._shown[number] = self._show(self.histories[number], now)
            self._last = (happened, [row for _, _, row in self._shown if row is not None])
        return self._last[1]

    @staticmethod
    def _show(history: History, now: Instant) -> tuple[Instant, Instant, Row | None]:
        """Return the instants between which a row stays as it is now, and the row."""
        moments = list(history.instants())
        since = max((moment for moment in moments if moment <= now), default=-_ALWAYS)
        until = min((moment for moment in moments if moment > now), default=_ALWAYS)
        return since, until, history.shown(now)
