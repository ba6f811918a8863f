"""The sync of one class.

Rows are stored as soon as their page is read; a missing row counts only after a clean pass.

A *full* run walks all pages and then reads page 0 again. The walk was clean if upstream's total never
changed, the number of distinct ids equals that total, no id came with two contents, and page 0 was the same
again. Otherwise the run walks again. A row that two clean full runs did not see is removed.

OpenClass's total may be wrong for good. After three runs with no other fault, in which all walks saw the
same, two walks that see the same count as *consistent*. Such a pass also finds missing rows, but removes them
only with the consent of a person.

An *incremental* run reads from page 0 until a page holds nothing new and the number of rows held equals
upstream's total. Then it reads one page further down, another one each time, to find old rows that changed.
Any disagreement turns it into a full run. That needs a source with the newest completion first; the runs of
any other source are full.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cohort_core.clock import utc_now
from cohort_core.errors import RemovalsRefused, SyncCancelled, UpstreamChanged
from cohort_core.formatting import count
from cohort_core.sources.base import Page, Source
from cohort_core.store import classes, purge, records, stand_ins, sync_runs
from cohort_core.store.database import Database, WriteConnection, utc_text

FULL = "full"
INCREMENTAL = "incremental"
MAX_WALKS = 4
ALWAYS_FULL_UP_TO_ROWS = 2000
MAX_FULL_AGE = timedelta(days=1)
MAX_SILENT_REMOVAL_SHARE = 0.1
MAX_UNCOUNTED = 1_000_000
"""A source that sends so many more records than it counts has no end."""


@dataclass
class _Walk:
    """One reading of all pages: the contents and totals seen so far."""

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

    def is_steady(self, first_page_again: Page) -> bool:
        """Return True if nothing but the total may be wrong."""
        page = self.first_page
        return page is not None and not self.is_contradictory and page.digests == first_page_again.digests

    def is_clean(self, first_page_again: Page) -> bool:
        return (
            self.first_page is not None
            and not self.is_contradictory
            and self.totals == {len(self.digests)}
            and first_page_again.total == self.first_page.total
            and first_page_again.digests == self.first_page.digests
        )


class ClassSync:
    """One run of one class, which writes through ``connection``.

    The caller must hold the sync lock. ``on_page`` is called after each page is stored; ``is_cancelled`` is
    asked before each page is read.
    """

    def __init__(
        self,
        database: Database,
        connection: WriteConnection,
        source: Source,
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
        self._source = source
        self._run = run
        self._full = full
        self._accept_removals = accept_removals
        self._now = now
        self._is_cancelled = is_cancelled
        self._on_page = on_page
        self._class_id = run.class_id
        self._seen: set[str] = set()
        self._quarantined: set[str] = set()
        self._saved_students: set[str] = set()
        self._saved_assignments: set[str] = set()
        self._pages = self._added = self._changed = 0

    def execute(self) -> None:
        """Bring the class up to date.

        Every page that was read stays stored, also if a later one fails. Raises ``SyncCancelled``,
        ``RemovalsRefused``, ``StoreError`` or ``UpstreamError``.
        """
        with self._transaction():
            state = classes.begin_sync(self._connection, self._class_id)
            self._is_baseline = not state.was_synced
            self._misfit_syncs = state.misfit_syncs
            self._purged = purge.load_purged(self._connection)
            kind = FULL if self._must_be_full(state) else INCREMENTAL
            sync_runs.start_run(self._connection, self._run.id, kind, self._now())
        self._units = self._source.load_units(self._class_id)
        if kind == INCREMENTAL and self._catch_up(state.next_deep_page):
            self._end(is_clean=True, clean_full_at=state.clean_full_at)
        else:
            self._read_everything()

    def _must_be_full(self, state: classes.SyncState) -> bool:
        if self._full or state.clean_full_at is None or not self._source.info.is_newest_first:
            return True
        if records.live_count(self._connection, self._class_id) <= ALWAYS_FULL_UP_TO_ROWS:
            return True
        age = self._now() - datetime.fromisoformat(state.clean_full_at)
        # If the clock was set back, the age is unknown.
        return not timedelta(0) <= age <= MAX_FULL_AGE

    def _catch_up(self, next_deep_page: int) -> bool:
        """Read new rows and one old page; return False if that leaves any doubt."""
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
        seen: list[dict[str, int] | None] = []
        for _ in range(MAX_WALKS):
            walk = self._walk()
            first_page_again, _effect = self._read(0, extra_pages=1)
            if walk.is_clean(first_page_again):
                self._misfit_syncs = 0
                self._conclude(walk.digests)
                return
            seen.append(walk.digests if walk.is_steady(first_page_again) else None)
            is_consistent = len(seen) > 1 and seen[-1] is not None and seen[-1] == seen[-2]
            if self._misfit_syncs >= classes.MISFIT_SYNCS and is_consistent:
                self._conclude_consistent(walk.digests, first_page_again.total)
                return
        if seen[0] is not None and all(digests == seen[0] for digests in seen):
            self._misfit_syncs += 1
        if self._misfit_syncs >= classes.MISFIT_SYNCS:
            with self._transaction():
                self._note_misfit(first_page_again.total, unaccepted=0)
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
            # The total may be too low.
            pages = max(_page_count(page), math.ceil(len(walk.digests) / page.size))
            if number > 2 * pages + 10 or len(walk.digests) > page.total + MAX_UNCOUNTED:
                raise UpstreamChanged(
                    f"{self._source.info.label} offers more pages than the class has records. What was read "
                    "is kept; try again later, and look for a newer version of Cohort Tracker if it stays so."
                )

    def _read(self, number: int, *, extra_pages: int) -> tuple[Page, records.PageEffect]:
        """Fetch a page, and store it with the run's progress in one transaction."""
        if self._is_cancelled():
            raise SyncCancelled
        page = self._source.load_page(self._class_id, number)
        now = self._now()
        context = records.RunContext(self._run.id, self._class_id, now, self._is_baseline)
        with self._transaction():
            page = self._without_purged(page)
            # A student or an assignment is written as the run first saw it: upstream repeats both in every
            # row, and old rows may repeat old names.
            students = [student for student in page.students if student.id not in self._saved_students]
            assignments = [item for item in page.assignments if item.id not in self._saved_assignments]
            identity_changes = records.save_students(self._connection, students)
            identity_changes += records.save_assignments(self._connection, assignments)
            effect = records.save_page(self._connection, context, page.rows, page.bad_rows)
            effect.identity_changes = identity_changes
            self._saved_students.update(student.id for student in students)
            self._saved_assignments.update(assignment.id for assignment in assignments)
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
        """Take the records of purged people out of a page.

        Their ids are noted as digests, so that they still count towards upstream's total.
        """
        if not self._purged:
            return page
        students = [student for student in page.students if not self._is_purged(student.id)]
        kept_students = {student.id for student in students}
        rows = [row for row in page.rows if row.student_id in kept_students]
        bad_rows = [
            bad for bad in page.bad_rows if not self._is_purged(self._source.read_person(bad.payload)[0])
        ]
        kept = {row.id for row in rows} | {bad.key for bad in bad_rows}
        purged = [(self._class_id, key) for key in page.digests if key not in kept]
        purge.save_purged_rows(self._connection, purged)
        return page._replace(rows=rows, bad_rows=bad_rows, students=students)

    def _is_purged(self, student_id: str | None) -> bool:
        return student_id is not None and purge.digest(student_id) in self._purged

    def _conclude(self, seen: Collection[str]) -> None:
        """End a clean pass: mark rows that it missed as suspect, and remove earlier suspects.

        Raises ``RemovalsRefused`` if that would remove too much without the consent of a person.
        """
        now = self._now()
        with self._transaction():
            absent = records.absent_rows(self._connection, self._class_id, seen)
            records.mark_suspect(self._connection, self._class_id, absent.first)
            records.forget_absent_quarantine(self._connection, self._class_id, seen)
            purge.forget_absent(self._connection, self._class_id, seen)
            live = records.live_count(self._connection, self._class_id)
            removals = len(absent.second)
            is_large = removals > MAX_SILENT_REMOVAL_SHARE * live or removals == live > 0
            if not is_large or self._accept_removals:
                context = records.RunContext(self._run.id, self._class_id, now, self._is_baseline)
                records.remove_rows(self._connection, context, absent.second)
                sync_runs.update_run(
                    self._connection, self._run.id, removed=removals, note=self._missing_note(absent.first)
                )
                self._write_end(now, is_clean=True, clean_full_at=utc_text(now))
                return
            self._write_units()
        raise RemovalsRefused(
            f"{self._source.info.label} no longer has {removals} of the {live} records of this class, and "
            "nothing was removed here. If that is right, sync again with `cohort-tracker sync "
            "--accept-removals`."
        )

    def _missing_note(self, missing: Sequence[str]) -> str | None:
        """Say how many records stay although this pass has not seen them."""
        if not missing:
            return None
        subject = f"{count(len(missing), 'record')} of this class {'is' if len(missing) == 1 else 'are'}"
        return (
            f"{subject} not at {self._source.info.label} any more. Nothing is removed at the first sight: "
            "the next sync that reads everything removes what is missing then too."
        )

    def _conclude_consistent(self, seen: Collection[str], total: int) -> None:
        """End a pass in which two walks saw the same, though OpenClass counts otherwise.

        Rows that two such passes missed are removed if a person has accepted that.
        """
        now = self._now()
        with self._transaction():
            absent = records.absent_rows(self._connection, self._class_id, seen)
            records.mark_suspect(self._connection, self._class_id, absent.first)
            removals = absent.second if self._accept_removals else []
            context = records.RunContext(self._run.id, self._class_id, now, self._is_baseline)
            records.remove_rows(self._connection, context, removals)
            sync_runs.update_run(self._connection, self._run.id, removed=len(removals))
            unaccepted = len(absent.first) + len(absent.second) - len(removals)
            self._note_misfit(total, unaccepted=unaccepted)
            self._write_end(now, is_clean=False, clean_full_at=None)

    def _note_misfit(self, total: int, *, unaccepted: int) -> None:
        label = self._source.info.label
        note = (
            f"{label} counts {total:,} records in this class and sends {len(self._seen):,}, sync after sync. "
            "What it sends is taken as complete, and nothing is removed here unless you accept it."
        )
        if unaccepted:
            note += f" Records here that {label} no longer sends: {unaccepted:,}."
        sync_runs.update_run(self._connection, self._run.id, note=note, unaccepted=unaccepted)

    def _end(self, *, is_clean: bool, clean_full_at: str | None) -> None:
        with self._transaction():
            self._write_end(self._now(), is_clean=is_clean, clean_full_at=clean_full_at)

    def _write_end(self, now: datetime, *, is_clean: bool, clean_full_at: str | None) -> None:
        self._write_units()
        classes.end_sync(self._connection, self._class_id, now, clean_full_at, self._misfit_syncs)
        stand_ins.move_histories(self._connection, self._class_id)
        sync_runs.update_run(
            self._connection, self._run.id, state="done", is_clean=is_clean, ended_at=utc_text(now)
        )

    def _write_units(self) -> None:
        """Store the units, at the end of a run alone.

        Readers do not see the records of an unfinished run; with its units they would compute wrong numbers.
        """
        classes.save_units(self._connection, self._class_id, self._units)

    def _transaction(self) -> AbstractContextManager[None]:
        return self._database.transaction(self._connection)


def _page_count(page: Page) -> int:
    return math.ceil(page.total / page.size)
