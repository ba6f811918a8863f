"""A model of the sync: its rules written a second time, as simply as possible.

``Model`` is the store as plain dictionaries. It sees each page that upstream gave, and then holds what the
database must hold. It shares no code with the engine, and reads the raw rows itself.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cohort_core.practice.school import row_id

Raw = dict[str, Any]

SPOILT_GRADE = "not a grade"
FIELDS = (
    "id",
    "student_id",
    "assignment_id",
    "grade",
    "started_at",
    "completed_at",
    "reviewed_at",
)


def is_bad(raw: Raw) -> bool:
    """Return True if this row cannot be used. The tests make no other bad rows."""
    return row_id(raw) is None or raw["user"] is None or raw["grade"] == SPOILT_GRADE


def payload(raw: Raw) -> str:
    return json.dumps(raw, sort_keys=True)


def key_of(raw: Raw) -> str:
    """Return a row's id, or its payload if it has none."""
    return row_id(raw) or payload(raw)


def content(raw: Raw) -> tuple[Any, ...] | str:
    """Return what the store should hold of a row.

    Names are left out: they belong to the student and the assignment.
    """
    if is_bad(raw):
        return payload(raw)
    return (
        row_id(raw),
        raw["user"]["id"],
        raw["assignment"]["id"],
        raw["grade"],
        raw["started_assignment_at"],
        raw["completed_assignment_at"],
        raw["reviewed_at"],
    )


@dataclass
class SeenPage:
    """A page as upstream gave it."""

    number: int
    total: int
    can_load_more: bool
    rows: list[Raw]

    @property
    def contents(self) -> dict[str, Any]:
        return {key_of(raw): content(raw) for raw in reversed(self.rows)}


@dataclass
class RunCounts:
    pages: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    changes: Counter[tuple[str, str, str | None]] = field(default_factory=Counter)


@dataclass
class Model:
    """The store of one class.

    ``trusted_at`` is the end of the last clean full pass, None if a later run did not end well.
    """

    live: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    quarantine: dict[str, str] = field(default_factory=dict)
    suspects: set[str] = field(default_factory=set)
    buried: set[str] = field(default_factory=set)
    students: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    assignments: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    is_baseline: bool = True
    trusted_at: Any = None
    counts: RunCounts = field(default_factory=RunCounts)
    _named: set[str] = field(default_factory=set)

    def begin(self) -> None:
        self.counts = RunCounts()
        self._named = set()

    def see(self, page: SeenPage) -> None:
        """Store a page: each row on it is live, also if it was suspect or removed."""
        self.counts.pages += 1
        seen: set[str] = set()
        for raw in page.rows:
            key = key_of(raw)
            if key in seen:
                continue
            seen.add(key)
            self.suspects.discard(key)
            if is_bad(raw):
                self.quarantine[key] = payload(raw)
            else:
                self.quarantine.pop(key, None)
                self._keep(key, raw)

    def _keep(self, key: str, raw: Raw) -> None:
        new = content(raw)
        assert isinstance(new, tuple)
        old = self.live.get(key)
        if old is None:
            self.counts.added += 1
            if not self.is_baseline:
                self.counts.changes["returned" if key in self.buried else "added", key, None] += 1
            self.buried.discard(key)
        elif old != new:
            self.counts.changed += 1
            for name, before, after in zip(FIELDS, old, new, strict=True):
                if before != after:
                    self.counts.changes["changed", key, name] += 1
        self.live[key] = new
        user, assignment = raw["user"], raw["assignment"]
        if user["id"] not in self._named:
            self.students[user["id"]] = (user["first_name"], user["last_name"], user["email"])
        if assignment["id"] not in self._named:
            self.assignments[assignment["id"]] = (assignment["name"], assignment["type"])
        self._named |= {user["id"], assignment["id"]}

    def conclude(self, walk: list[SeenPage], *, accept_removals: bool) -> bool:
        """End a clean pass; return False if it would remove so much that a person must agree."""
        seen = {key for page in walk for key in page.contents}
        removals = {key for key in self.suspects if key not in seen}
        self.suspects |= {key for key in self.live if key not in seen}
        self.quarantine = {key: value for key, value in self.quarantine.items() if key in seen}
        is_large = len(removals) > 0.1 * len(self.live) or len(removals) == len(self.live) > 0
        if is_large and not accept_removals:
            return False
        for key in removals:
            del self.live[key]
            self.suspects.discard(key)
            self.buried.add(key)
            self.counts.removed += 1
            self.counts.changes["removed", key, None] += 1
        return True


def last_walk(pages: list[SeenPage]) -> tuple[list[SeenPage], SeenPage]:
    """Return the last reading of all pages, and the page 0 that closed it."""
    *before, closing = pages
    start = max(place for place, page in enumerate(before) if page.number == 0)
    return before[start:], closing


def is_clean(walk: list[SeenPage], closing: SeenPage) -> bool:
    contents: dict[str, Any] = {}
    for page in walk:
        for key, value in page.contents.items():
            if contents.setdefault(key, value) != value:
                return False
    return (
        {page.total for page in [*walk, closing]} == {len(contents)}
        and closing.contents == walk[0].contents
        and not walk[-1].can_load_more
    )
