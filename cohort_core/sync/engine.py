"""The sync of one class.

A row seen is stored at once; a row absent counts only after a clean pass. A *full* run walks all pages and
then reads page 0 once more. The walk was clean if upstream's total never changed, as many distinct ids came
as it told, no id came with two contents, and page 0 was as before; otherwise the run walks again. What two
clean full runs did not see is removed. An *incremental* run reads from page 0 until a page holds nothing new
and what we hold equals upstream's total, then one page further down, another each time, to find old rows
that changed; any disagreement makes it a full run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from cohort_core.clock import utc_now
from cohort_core.errors import RemovalsRefused, SyncCancelled, UpstreamChanged
from cohort_core.sources.openclass.parser import Page
from cohort_core.store import classes, purge, records, sync_runs
from cohort_core.store.classes import Unit
from cohort_core.store.database import Database, WriteConnection, utc_text

FULL = "full"
INCREMENTAL = "incremental"
MAX_WALKS = 4
ALWAYS_FULL_UP_TO_ROWS = 2000
FULL_AT_LEAST_EVERY = timedelta(days=1)
LARGEST_SILENT_REMOVAL_SHARE = 0.1


class Upstream(Protocol):
    """What the sync needs of OpenClass."""

    def load_units(self, class_id: str) -> list[Unit]: ...

    def load_page(self, class_id: str, number: int) -> Page: ...


@dataclass
class _Walk:
    """What one reading of all pages has shown so far."""

    digests: dict[str, int] = field(default_factory=dict)
    totals: set[int] = field(default_factory=set)
    is_contradictory: bool = False
    first_page: Page | None = None

    def add(self, page: Page) -> None:
        if self.first_page is None:
            self.first_page = page
        self.totals.add(page.total)
        self.is_contradictory = self.is_contradictory or page.is_contradictory
        for key, digest in page.digests.items():
            if self.digests.setdefault(key, digest) != digest:
                self.is_contradictory = True

    def is_clean(self, first_page_again: Page) -> bool:
        return (
            self.first_page is not None
            and not self.is_contradictory
            and self.totals == {len(self.digests)}
            and first_page_again.total == self.first_page.total
            and first_page_again.digests == self.first_page.digests
        )


class ClassSync:
    """One run of one class, writing through ``connection``, whose holder has the claim to sync."""

    def __init__(
        self,
        database: Database,
        connection: WriteConnection,
        upstream: Upstream,
        run: sync_runs.Run,
        *,
        full: bool = False,
        accept_removals: bool = False,
        now: Callable[[], datetime] = utc_now,
        is_cancelled: Callable[[], bool] = lambda: False,
        on_page: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._connection = connection
        self._upstream = upstream
        self._run = run
        self._full = full
        self._accept_removals = accept_removals
        self._now = now
        self._is_cancelled = is_cancelled
        self._on_page = on_page
        self._class_id = run.class_id
        self._seen: set[str] = set()
        self._quarantined: set[str] = set()
        self._known_students: set[str] = set()
        self._known_assignments: set[str] = set()
        self._pages = self._added = self._changed = 0

    def execute(self) -> None:
        """Bring the class up to date. Whatever it raises, every page read before is stored."""
        with self._transaction():
            state = classes.begin_sync(self._connection, self._class_id)
            self._is_baseline = not state.was_synced
            self._purged = purge.load_purged(self._connection)
            kind = FULL if self._must_be_full(state) else INCREMENTAL
            sync_runs.start_run(self._connection, self._run.id, kind, self._now())
        self._units = self._upstream.load_units(self._class_id)
        if kind == INCREMENTAL and self._catch_up(state.next_deep_page):
            self._end(is_clean=True, clean_full_at=state.clean_full_at)
        else:
            self._read_everything()

    def _must_be_full(self, state: classes.SyncState) -> bool:
        if self._full or state.clean_full_at is None:
            return True
        if records.live_count(self._connection, self._class_id) <= ALWAYS_FULL_UP_TO_ROWS:
            return True
        age = self._now() - datetime.fromisoformat(state.clean_full_at)
        # A clock that was set back says nothing about when that was.
        return not timedelta(0) <= age <= FULL_AT_LEAST_EVERY

    def _catch_up(self, next_deep_page: int) -> bool:
        """Read what is new, and one old page. False if that leaves any doubt."""
        number = 0
        while True:
            page, effect = self._read(number, extra_pages=2)
            if number == 0:
                total = page.total
            held = records.held_count(self._connection, self._class_id)
            if page.total != total or held > total:
                return False
            if held == total and not effect.differs:
                break
            if not effect.differs or not page.can_load_more:
                return held == total
            number += 1
        return self._look_deeper(number, page, next_deep_page)

    def _look_deeper(self, last_read: int, page: Page, next_deep_page: int) -> bool:
        page_total = _page_count(page)
        if last_read + 1 >= page_total:
            return True
        deep = next_deep_page if last_read < next_deep_page < page_total else last_read + 1
        deep_page, effect = self._read(deep, extra_pages=0)
        with self._transaction():
            classes.set_next_deep_page(self._connection, self._class_id, deep + 1)
        return deep_page.total == page.total and not effect.added

    def _read_everything(self) -> None:
        with self._transaction():
            sync_runs.update_run(self._connection, self._run.id, kind=FULL)
        for _ in range(MAX_WALKS):
            walk = self._walk()
            first_page_again, _effect = self._read(0, extra_pages=1)
            if walk.is_clean(first_page_again):
                self._conclude(walk.digests)
                return
        self._end(is_clean=False, clean_full_at=None)

    def _walk(self) -> _Walk:
        walk = _Walk()
        number = 0
        while True:
            page, _effect = self._read(number, extra_pages=1)
            walk.add(page)
            if not page.can_load_more or not page.digests:
                return walk
            number += 1
            if number > 2 * _page_count(page) + 10:
                raise UpstreamChanged(
                    "OpenClass offers more pages than the class has records. What was read is kept; try "
                    "again later, and look for a newer version of Cohort Tracker if it stays so."
                )

    def _read(self, number: int, *, extra_pages: int) -> tuple[Page, records.PageEffect]:
        """Fetch a page and store it in one transaction, with the progress that others watch."""
        if self._is_cancelled():
            raise SyncCancelled
        page = self._upstream.load_page(self._class_id, number)
        now = self._now()
        context = records.RunContext(self._run.id, self._class_id, now, self._is_baseline)
        with self._transaction():
            page = self._without_purged(page)
            # A person or an assignment is written as the run first saw it, since upstream repeats both in
            # every row and old rows may repeat old names.
            students = [one for one in page.students if one.id not in self._known_students]
            assignments = [one for one in page.assignments if one.id not in self._known_assignments]
            identity_changes = records.save_students(self._connection, students)
            identity_changes += records.save_assignments(self._connection, assignments)
            effect = records.save_page(self._connection, context, page.rows, page.bad_rows)
            effect.identity_changes = identity_changes
            self._known_students.update(one.id for one in students)
            self._known_assignments.update(one.id for one in assignments)
            self._seen.update(page.digests)
            self._quarantined.update(bad.key for bad in page.bad_rows)
            self._quarantined.difference_update(row.id for row in page.rows)
            self._pages += 1
            self._added += effect.added
            self._changed += effect.changed
            sync_runs.save_history(
                self._connection, self._run.id, self._class_id, number, len(page.digests), now
            )
            sync_runs.update_run(
                self._connection,
                self._run.id,
                pages=self._pages,
                page_total=max(_page_count(page) + extra_pages, self._pages),
                records=len(self._seen),
                added=self._added,
                changed=self._changed,
                quarantined=len(self._quarantined),
            )
        self._on_page()
        return page, effect

    def _without_purged(self, page: Page) -> Page:
        """The page without records of people who were purged. That upstream has them still counts."""
        if not self._purged:
            return page
        students = [one for one in page.students if purge.digest(one.id) not in self._purged]
        here = {one.id for one in students}
        rows = [row for row in page.rows if row.student_id in here]
        bad_rows = [bad for bad in page.bad_rows if not purge.is_of_purged(bad, self._purged)]
        kept = {row.id for row in rows} | {bad.key for bad in bad_rows}
        away = [(self._class_id, key) for key in page.digests if key not in kept]
        purge.keep_away(self._connection, away)
        return page._replace(rows=rows, bad_rows=bad_rows, students=students)

    def _conclude(self, seen: Collection[str]) -> None:
        """End a clean pass. Absent from one marks a row suspect, absent from the next removes it."""
        now = self._now()
        with self._transaction():
            absent = records.absent_rows(self._connection, self._class_id, seen)
            records.mark_suspect(self._connection, self._class_id, absent.first)
            records.forget_absent_quarantine(self._connection, self._class_id, seen)
            purge.forget_absent(self._connection, self._class_id, seen)
            live = records.live_count(self._connection, self._class_id)
            going = len(absent.second)
            is_large = going > LARGEST_SILENT_REMOVAL_SHARE * live or going == live > 0
            if not is_large or self._accept_removals:
                context = records.RunContext(self._run.id, self._class_id, now, self._is_baseline)
                records.bury(self._connection, context, absent.second)
                sync_runs.update_run(self._connection, self._run.id, removed=going)
                self._write_end(now, is_clean=True, clean_full_at=utc_text(now))
                return
            self._write_units()
        raise RemovalsRefused(
            f"OpenClass no longer has {going} of the {live} records of this class, and nothing was "
            "removed here. If that is right, sync again with `cohort-tracker sync --accept-removals`."
        )

    def _end(self, *, is_clean: bool, clean_full_at: str | None) -> None:
        with self._transaction():
            self._write_end(self._now(), is_clean=is_clean, clean_full_at=clean_full_at)

    def _write_end(self, now: datetime, *, is_clean: bool, clean_full_at: str | None) -> None:
        self._write_units()
        classes.end_sync(self._connection, self._class_id, now, clean_full_at)
        sync_runs.update_run(
            self._connection, self._run.id, state="done", is_clean=is_clean, ended_at=utc_text(now)
        )

    def _write_units(self) -> None:
        """Not before the end: with other assignments, half of a sync's records would be other numbers."""
        classes.save_units(self._connection, self._class_id, self._units)

    def _transaction(self) -> AbstractContextManager[None]:
        return self._database.transaction(self._connection)


def _page_count(page: Page) -> int:
    return math.ceil(page.total / page.size)
