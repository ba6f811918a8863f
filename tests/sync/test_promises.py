"""The promises of the sync, tested with schools and interruptions of all kinds.

``model.Model`` says page by page what the store must hold. The promises by their numbers:

I1  every live row equals a version that upstream once had
I2  a tombstone took two clean passes
I3  once upstream is quiet, two full syncs make local equal to upstream; a third changes nothing
I4  with at most one upstream change during a pass, a clean pass has no hole and no ghost
I5  after an interrupted incremental, one quiet automatic sync sees every insert, completion and removal

I6, about killed processes, is in ``test_processes.py``.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cohort_core import practice
from cohort_core.clock import utc_now
from cohort_core.config.settings import load_settings
from cohort_core.errors import RemovalsRefused, SyncCancelled, UpstreamDown
from cohort_core.practice.faults import Fault
from cohort_core.practice.server import running
from cohort_core.sources.base import Login
from cohort_core.sources.openclass.client import OpenClassClient
from cohort_core.store import sync_runs
from cohort_core.store.class_data_loader import load_class_data
from cohort_core.sync import engine
from tests.conftest import FAST_RETRIES
from tests.sync.in_process import (
    OPERATIONS,
    ChangingSchool,
    Death,
    Folder,
    HttpUpstream,
    LocalUpstream,
    MortalDatabase,
    rows_of,
    upstream_good,
)
from tests.sync.model import FIELDS, Model, content, is_bad, is_clean, key_of, last_walk, payload

CLASS = "class"

# A longer search with other examples each time: SYNC_EXAMPLES=2000 pytest tests/sync/test_promises.py
SEARCHED = int(os.environ.get("SYNC_EXAMPLES", "0"))


def searching(examples: int, steps: int) -> settings:
    return settings(
        max_examples=SEARCHED or examples,
        stateful_step_count=steps,
        derandomize=not SEARCHED,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink] if SEARCHED else [Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


# Loading a class takes longer than storing a page, so readers are checked after one page alone.
CHECKED_PAGE = 3

CHANGES = st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 11), st.integers(0, 6))
CUTS = st.one_of(
    st.none(),
    st.none(),
    st.tuples(st.sampled_from(["cancel", "fail"]), st.integers(0, 7)),
    st.tuples(st.just("die"), st.integers(1, 10)),
)


class SyncMachine(RuleBasedStateMachine):
    """One class, its sync, and the model of both. ``self.model`` holds what the store must hold."""

    @initialize(
        page_size=st.sampled_from([2, 5]),
        threshold=st.sampled_from([0, 0, 2000]),
        rows=st.sampled_from([7, 7, 0, 21]),
    )
    def begin(self, page_size: int, threshold: int, rows: int) -> None:
        self.resources = contextlib.ExitStack()
        self.resources.enter_context(mock.patch.object(engine, "ALWAYS_FULL_UP_TO_ROWS", threshold))
        self.threshold = threshold
        self.folder = Folder([CLASS])
        self.resources.callback(self.folder.close)
        self.changing = ChangingSchool(CLASS)
        for number in range(rows):
            self.changing.change("insert completed", value=3 if number else 2)
        self.upstream = self.make_upstream(page_size)
        self.model = Model()
        self.now = datetime(2026, 6, 1, tzinfo=UTC)
        self.is_quiet = False
        self.was_cut = self.was_refused = False
        self.open_database()
        self.shown = self.seen_by_readers(), self.revision()

    def make_upstream(self, page_size: int) -> LocalUpstream:
        return LocalUpstream(self.changing, page_size)

    def open_database(self) -> None:
        self.database = MortalDatabase(self.folder.home)
        self.open = self.resources.enter_context(contextlib.ExitStack())
        self.connection = self.open.enter_context(self.database.writer())

    # What happens upstream and with time

    @rule(changes=st.lists(CHANGES, min_size=1, max_size=5))
    def upstream_changes(self, changes: list[tuple[str, int, int]]) -> None:
        for change in changes:
            self.changing.change(*change)
        self.is_quiet = False

    @rule(which=st.integers(0, 11), is_spoilt=st.booleans(), is_full=st.booleans())
    def a_row_goes_comes_and_goes(self, which: int, is_spoilt: bool, is_full: bool) -> None:
        self.run_sync(full=True)
        self.upstream_changes([("drop", which, 0)])
        self.run_sync(full=True)
        self.upstream_changes([("put back", -1, 0)])
        if is_spoilt:
            self.upstream_changes([("spoil", which, 1)])
        self.run_sync(full=is_full)
        self.upstream_changes([("drop", which, 0)])
        self.run_sync(full=True, accept=True)

    @rule(hours=st.sampled_from([-30, 2, 30]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    # Syncs

    @rule(
        during=st.lists(st.tuples(st.integers(0, 15), CHANGES), max_size=6),
        cut=CUTS,
        full=st.booleans(),
        accept=st.booleans(),
    )
    def sync(
        self,
        during: list[tuple[int, tuple[str, int, int]]],
        cut: tuple[str, int] | None,
        full: bool,
        accept: bool,
    ) -> None:
        def before(request: int) -> None:
            for at, change in during:
                if at == request:
                    self.changing.change(*change)
                    self.is_quiet = False
                    self.changes_at.append(request)
            if cut == ("fail", request):
                raise UpstreamDown("OpenClass fails, as the test wants it to.")

        self.run_sync(before, cut=cut, full=full, accept=accept)

    @precondition(lambda self: self.was_cut)
    @rule()
    def quiet_automatic_sync_after_a_cut(self) -> None:
        """I5."""
        self.run_sync()
        assert self.run.kind == "full"
        live, _suspects = self.held_rows()
        good = {key_of(raw): content(raw) for raw in upstream_good(self.changing)}
        assert {key: live.get(key) for key in good} == good
        everything = {key_of(raw) for raw in self.changing.rows}
        assert all(self.suspicion()[key] for key in live if key not in everything)

    @rule()
    def settle(self) -> None:
        """I3."""
        self.run_sync(full=True, accept=True)
        self.run_sync(full=True, accept=True)
        good = upstream_good(self.changing)
        bad = {key_of(raw): payload(raw) for raw in self.changing.rows if is_bad(raw)}
        live, _suspects = self.held_rows()
        assert self.held_quarantine() == bad
        # The last good version of a bad row stays.
        assert {key: row for key, row in live.items() if key not in bad} == {
            key_of(raw): content(raw) for raw in good
        }
        names = {raw["user"]["id"]: raw["user"]["first_name"] for raw in reversed(good)}
        held = dict(rows_of(self.connection, "SELECT id, first_name FROM students"))
        assert {student_id: held[student_id] for student_id in names} == names
        before = self.everything()
        self.run_sync(full=True)
        assert self.everything() == before
        assert (self.run.added, self.run.changed, self.run.removed) == (0, 0, 0)
        self.is_quiet = True

    @precondition(lambda self: self.is_quiet and self.model.trusted_at is not None)
    @rule()
    def quiet_incremental_sync_is_cheap(self) -> None:
        before = self.everything()
        self.run_sync()
        if self.run.kind == "incremental":
            assert len(self.upstream.pages) <= 2
        assert self.everything() == before

    def run_sync(
        self, before: Any = lambda request: None, *, cut: Any = None, full: bool = False, accept: bool = False
    ) -> None:
        self.upstream.pages.clear()
        self.upstream.before = before
        self.changes_at: list[int] = []
        self.model.begin()
        must_be_full = full or self.must_be_full()
        job_id = sync_runs.create_job(self.database, [CLASS], asked_by="test", is_full=full, now=self.now)
        if self.was_cut or self.was_refused:
            # From now on readers see what that run stored.
            self.check_revision()
        (run,) = sync_runs.load_job(self.database, job_id).runs
        sync = engine.ClassSync(
            self.database,
            self.connection,
            self.upstream,
            run,
            full=full,
            accept_removals=accept,
            now=lambda: self.now,
            is_cancelled=lambda: cut == ("cancel", len(self.upstream.pages)),
            on_page=self.see_page,
        )
        if cut and cut[0] == "die":
            self.database.dies_at = self.database.transactions + cut[1]
        self.was_cut = False
        refused = self.was_refused = False
        try:
            sync.execute()
        except RemovalsRefused:
            refused = self.was_refused = True
        except (UpstreamDown, SyncCancelled):
            self.was_cut = True
        except Death:
            self.was_cut = True
            self.open.close()
            self.open_database()
        self.database.dies_at = None
        if self.was_cut:
            self.check_nothing_is_published()
        (self.run,) = sync_runs.load_job(self.database, job_id).runs
        if self.run.kind is None:
            # It died before it began.
            self.was_cut = False
            return
        trusted_at, self.model.trusted_at = self.model.trusted_at, None
        if not self.was_cut:
            self.check_ending(must_be_full, refused, accept, trusted_at)
        self.check_revision()
        self.check_store()

    def see_page(self) -> None:
        self.model.see(self.upstream.pages[-1])
        if len(self.upstream.pages) == CHECKED_PAGE:
            self.check_nothing_is_published()

    def check_revision(self) -> None:
        """Check that the revision grows whenever readers see something else."""
        before, self.shown = self.shown, (self.seen_by_readers(), self.revision())
        assert self.shown[0] == before[0] or self.shown[1] > before[1]

    def check_nothing_is_published(self) -> None:
        """Check that readers see nothing of half a sync."""
        assert self.seen_by_readers() == self.shown[0]

    def seen_by_readers(self) -> tuple[Any, list[str], list[str]]:
        class_data = load_class_data(self.database, CLASS, "UTC")
        records = class_data.progressions.drop(columns="synced_at")
        return (
            # As text, since nothing equals NaN.
            [list(map(str, records[name])) for name in records.columns],
            sorted(class_data.students["student_id"]),
            sorted(class_data.assignments["assignment_id"]),
        )

    def must_be_full(self) -> bool:
        at = self.model.trusted_at
        return (
            at is None
            or len(self.model.live) <= self.threshold
            or not timedelta(0) <= self.now - at <= timedelta(days=1)
        )

    def check_ending(self, must_be_full: bool, refused: bool, accept: bool, trusted_at: Any) -> None:
        """Check the conclusions of a run that was not cut."""
        if must_be_full or refused:
            assert self.run.kind == "full"
        if self.run.kind == "full":
            walk, closing = last_walk(self.upstream.pages)
            clean = is_clean(walk, closing)
            assert clean == (refused or bool(self.run.is_clean))
            if clean:
                self.check_whole(walk)
                agreed = self.model.conclude(walk, accept_removals=accept)
                assert agreed != refused
                self.model.trusted_at = self.now if agreed else None
        else:
            self.model.trusted_at = trusted_at
        if not refused:
            self.model.is_baseline = False

    def check_whole(self, walk: list[Any]) -> None:
        """I4."""
        first = len(self.upstream.pages) - 1 - len(walk)
        if sum(at > first for at in self.changes_at) <= 1:
            seen = {key for page in walk for key in page.contents}
            assert seen == {key_of(raw) for raw in self.changing.rows}

    # What is held

    def check_store(self) -> None:
        """I1 and I2: the store holds what the pages that were stored said, and nothing else."""
        live, suspects = self.held_rows()
        assert live == self.model.live
        assert suspects == self.model.suspects
        assert self.held_quarantine() == self.model.quarantine
        assert dict(self.named("students")) == self.model.students
        assert dict(self.named("assignments")) == self.model.assignments
        buried = {row_id for (row_id,) in rows_of(self.connection, "SELECT id FROM tombstones")}
        assert buried == self.model.buried
        counts = self.model.counts
        if not self.was_cut:
            assert (self.run.pages, self.run.added, self.run.changed, self.run.removed) == (
                counts.pages,
                counts.added,
                counts.changed,
                counts.removed,
            )
            assert self.run.records == len({key for page in self.upstream.pages for key in page.contents})
        history = rows_of(
            self.connection,
            "SELECT page, records_processed FROM sync_history WHERE run_id = ? ORDER BY id",
            self.run.id,
        )
        assert history == [(page.number, len(page.contents)) for page in self.upstream.pages[: counts.pages]]
        changes = rows_of(
            self.connection,
            "SELECT kind, progression_id, field FROM changes WHERE run_id = ?",
            self.run.id,
        )
        assert Counter(changes) == counts.changes

    def revision(self) -> int:
        ((revision,),) = rows_of(self.connection, "SELECT revision FROM classes")
        return int(revision)

    def held_rows(self) -> tuple[dict[str, Any], set[str]]:
        rows = rows_of(
            self.connection,
            "SELECT id, student_id, assignment_id, grade, started_at, completed_at, reviewed_at, "
            "is_suspect FROM progressions",
        )
        return {row[0]: row[:7] for row in rows}, {row[0] for row in rows if row[7]}

    def suspicion(self) -> dict[str, bool]:
        live, suspects = self.held_rows()
        return {key: key in suspects for key in live}

    def held_quarantine(self) -> dict[str, str]:
        rows = rows_of(self.connection, "SELECT row_key, payload FROM quarantine")
        return {text if key.startswith("?") else key: text for key, text in rows}

    def named(self, table: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
        for row_id, *names in rows_of(self.connection, f"SELECT * FROM {table}"):
            yield row_id, tuple(names)

    def everything(self) -> list[list[tuple[Any, ...]]]:
        """Return all that a mentor could see of the class."""
        tables = ("progressions", "tombstones", "students", "assignments", "changes", "quarantine", "units")
        columns = {
            "progressions": f"{', '.join(FIELDS)}, synced_at",
            "quarantine": "class_id, row_key, reason, payload",
        }
        return [
            rows_of(self.connection, f"SELECT {columns.get(table, '*')} FROM {table} ORDER BY 1, 2")
            for table in tables
        ]

    def teardown(self) -> None:
        if hasattr(self, "upstream"):
            self.settle()
            self.resources.close()


class HttpSyncMachine(SyncMachine):
    """The same through the real client and server, with failures that pass."""

    def make_upstream(self, page_size: int) -> LocalUpstream:
        self.served = self.resources.enter_context(running(self.changing.school, page_cap=page_size))
        chosen = load_settings(
            self.folder.home,
            api_base=self.served.url,
            app_id=practice.APP_ID,
            origin=practice.ORIGIN,
            email=practice.EMAIL,
            sync_rate=0.0,
        )
        client = OpenClassClient(
            Login(OpenClassClient.info, chosen, practice.PASSWORD), retry_policy=FAST_RETRIES
        )
        self.resources.callback(client.close)
        return HttpUpstream(self.changing, page_size, client)

    @rule(kind=st.sampled_from(["status", "reset", "cut", "html", "page", "expire", "charset"]))
    def a_request_goes_wrong(self, kind: str) -> None:
        self.served.faults.clear()
        self.served.faults.add(Fault(kind, "*/progressions", status=503))


def test_promises_kept_in_process() -> None:
    run_state_machine_as_test(SyncMachine, settings=searching(20, 12))


def test_promises_kept_over_http() -> None:
    run_state_machine_as_test(HttpSyncMachine, settings=searching(6, 8))


@pytest.fixture
def machine() -> Iterator[SyncMachine]:
    """The machine, driven by hand: each run is checked against the model as well."""
    machine = SyncMachine()
    yield machine
    machine.teardown()


def test_a_suspect_that_is_seen_as_a_bad_row_is_no_longer_suspect(machine: SyncMachine) -> None:
    machine.begin(page_size=5, threshold=2000, rows=21)
    machine.a_row_goes_comes_and_goes(which=3, is_spoilt=True, is_full=False)
    assert machine.run.removed == 0
    machine.run_sync()
    assert machine.run.removed == 1


@pytest.mark.parametrize("cut", ["cancel", "fail", "die"])
def test_nothing_is_shown_of_a_first_sync_before_it_has_ended(machine: SyncMachine, cut: str) -> None:
    machine.begin(page_size=2, threshold=0, rows=21)
    machine.sync(during=[], cut=(cut, 6), full=False, accept=False)
    assert machine.was_cut
    assert machine.held_rows()[0]
    assert not any(machine.seen_by_readers()[0])
    machine.run_sync()
    assert {len(column) for column in machine.seen_by_readers()[0]} == {21}


@pytest.mark.parametrize("transaction", [2, 3, 4])
def test_a_process_that_dies_before_a_page_is_stored_leaves_none_of_its_people(
    machine: SyncMachine, transaction: int
) -> None:
    """Promise 6: `check_store` looks after every run."""
    machine.begin(page_size=2, threshold=0, rows=21)
    machine.sync(during=[], cut=("die", transaction), full=False, accept=False)
    assert machine.was_cut
    assert bool(machine.held_rows()[0]) == (transaction > 3)


def test_a_clock_that_was_set_back_does_not_put_off_full_syncs(machine: SyncMachine) -> None:
    machine.begin(page_size=2, threshold=0, rows=7)
    machine.run_sync()
    machine.time_passes(hours=-30)
    machine.run_sync()
    assert machine.run.kind == "full"


def test_changes_that_cancel_out_show_on_the_first_page(machine: SyncMachine) -> None:
    """An insertion and a removal above the reader leave total and pages as they were."""
    machine.begin(page_size=2, threshold=2000, rows=7)

    def before(request: int) -> None:
        if request == 2:
            machine.changing.change("insert completed")
            machine.changing.change("drop", 1)

    machine.run_sync(before)
    assert machine.run.pages > 5


@pytest.mark.parametrize(
    ("rows", "dropped", "asks"), [(20, 2, False), (20, 3, True), (1, 1, True), (7, 1, True), (21, 2, False)]
)
def test_more_than_a_tenth_is_removed_only_when_agreed(
    machine: SyncMachine, rows: int, dropped: int, asks: bool
) -> None:
    machine.begin(page_size=5, threshold=2000, rows=rows)
    machine.run_sync()
    for which in range(dropped):
        machine.changing.change("drop", 2 * which)
    machine.run_sync()
    machine.run_sync()
    assert len(machine.model.buried) == (0 if asks else dropped)
    machine.run_sync(accept=True)
    assert len(machine.model.buried) == dropped


def single_changes(rows: int) -> list[tuple[str, int, int]]:
    """Every kind of change, to every row that it can concern."""
    inserts = [("insert completed", 0, 3), ("insert started", 0, 3), ("insert nameless", 0, 3)]
    inserts += [("insert between", 0, value) for value in range(6)]
    kinds = ("drop", "complete", "reopen", "regrade", "review", "spoil", "rename student")
    return [*inserts, *((kind, which, 3) for kind in kinds for which in range(rows))]


@pytest.mark.parametrize(
    ("rows", "page_size"), [(0, 2), (1, 2), (3, 2), (4, 2), (7, 2), (5, 5), (6, 5), (11, 5)]
)
def test_one_change_during_a_pass_leaves_neither_hole_nor_ghost(
    rows: int, page_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4, exhaustively: each change before each request of the one pass of a first sync."""
    monkeypatch.setattr(engine, "MAX_WALKS", 1)
    requests = range(max(1, -(-rows // page_size)) + 1)
    cases = list(itertools.product(requests, single_changes(rows)))
    ids = [f"class {number}" for number in range(len(cases))]
    folder = Folder(ids)
    clean = 0
    database = MortalDatabase(folder.home)
    job_id = sync_runs.create_job(database, ids, asked_by="test", is_full=True, now=utc_now())
    with database.writer() as connection:
        for run, (at, change) in zip(sync_runs.load_job(database, job_id).runs, cases, strict=True):
            changing = ChangingSchool(run.class_id)
            for number in range(rows):
                # The oldest two are still in progress, so that something can be completed.
                changing.change("insert started" if number < 2 else "insert completed", value=3)
            upstream = LocalUpstream(changing, page_size)

            def before(
                request: int,
                at: int = at,
                change: tuple[str, int, int] = change,
                changing: ChangingSchool = changing,
            ) -> None:
                if request == at:
                    changing.change(*change)

            upstream.before = before
            engine.ClassSync(database, connection, upstream, run).execute()
            ((is_clean_run,),) = rows_of(connection, "SELECT is_clean FROM runs WHERE id = ?", run.id)
            assert is_clean(*last_walk(upstream.pages)) == bool(is_clean_run)
            if is_clean_run:
                clean += 1
                held = {key for page in upstream.pages for key in page.contents}
                assert held == {key_of(raw) for raw in changing.rows}, (at, change)
                ((count,),) = rows_of(
                    connection,
                    "SELECT (SELECT count(*) FROM progressions WHERE class_id = ?1) "
                    "+ (SELECT count(*) FROM quarantine WHERE class_id = ?1)",
                    run.class_id,
                )
                assert count == len(held)
    folder.close()
    assert clean >= len(cases) // len(requests)


@pytest.mark.parametrize("cut", ["cancel", "fail", "die"])
def test_after_an_interrupted_incremental_one_automatic_sync_sees_everything(
    machine: SyncMachine, cut: str
) -> None:
    """I5, for an interruption at every place where one can be."""
    machine.begin(page_size=2, threshold=0, rows=11)
    cuts = 0
    for place in range(1, 6):
        machine.run_sync(full=True, accept=True)
        machine.upstream_changes([("insert completed", 0, 3), ("insert started", 0, 3), ("complete", 10, 0)])

        def before(request: int, place: int = place) -> None:
            if request == place - 1:
                machine.changing.change("drop", 4)
                if cut == "fail":
                    raise UpstreamDown("OpenClass fails, as the test wants it to.")

        machine.run_sync(before, cut=(cut, place))
        if machine.was_cut:
            machine.quiet_automatic_sync_after_a_cut()
            cuts += 1
    assert cuts >= 3
