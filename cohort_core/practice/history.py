"""A progression as a history: what happens to it when, and what upstream shows of it at an instant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cohort_core.practice.school import Row

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Instant = int
"""Milliseconds since 1970, UTC: upstream's precision, so that nothing is rounded on the way."""

_ALWAYS: Instant = 2**63


def instant(moment: datetime) -> Instant:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def iso(moment: Instant) -> str:
    """As upstream writes it.

    >>> iso(1765494171781)
    '2025-12-11T23:02:51.781Z'
    """
    return f"{(EPOCH + timedelta(milliseconds=moment)).isoformat(timespec='milliseconds')[:23]}Z"


@dataclass
class History:
    """One progression. It exists upstream from its start (or completion, if that is all there is)."""

    id: str
    user: Row
    assignment: Row
    started: Instant | None
    completed: Instant | None = None
    grades: list[tuple[Instant, float]] = field(default_factory=list)
    reviewed: Instant | None = None
    removed: Instant | None = None
    """When upstream deletes it."""

    @property
    def first(self) -> Instant:
        moments = [moment for moment in (self.started, self.completed) if moment is not None]
        return min(moments)

    def instants(self) -> Iterable[Instant]:
        """When what upstream shows of it changes."""
        yield self.first
        yield from (at for at, _ in self.grades)
        for moment in (self.completed, self.reviewed, self.removed):
            if moment is not None:
                yield moment

    def shown(self, now: Instant) -> Row | None:
        """The row at that instant; None if it does not exist then.

        Both forms of id occur, and a review that has not come is null in some rows, absent in others.
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
    """All histories of a class. It remembers what it showed, because most instants change little."""

    def __init__(self, histories: Iterable[History]) -> None:
        self.histories = list(histories)
        self.instants = sorted(moment for history in self.histories for moment in set(history.instants()))
        self._known: tuple[int, list[Row]] | None = None
        self._shown: list[tuple[Instant, Instant, Row | None]] = [(0, 0, None)] * len(self.histories)

    def rows(self, now: Instant) -> list[Row]:
        """The same list as long as nothing happened between, and the same dict of a row that is as before."""
        happened = bisect_right(self.instants, now)
        if self._known is None or self._known[0] != happened:
            for number, (since, until, _) in enumerate(self._shown):
                if not since <= now < until:
                    self._shown[number] = self._show(self.histories[number], now)
            self._known = (happened, [row for _, _, row in self._shown if row is not None])
        return self._known[1]

    @staticmethod
    def _show(history: History, now: Instant) -> tuple[Instant, Instant, Row | None]:
        """What is shown of it now, and the instants between which nothing else is."""
        moments = list(history.instants())
        since = max((moment for moment in moments if moment <= now), default=-_ALWAYS)
        until = min((moment for moment in moments if moment > now), default=_ALWAYS)
        return since, until, history.shown(now)
