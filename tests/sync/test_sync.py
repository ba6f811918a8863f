"""The sync of a school that changes: the rows that it stores, counts, quarantines and removes."""

from __future__ import annotations

import threading
import time

import pytest

from cohort_core.errors import (
    ClassInaccessible,
    DatabaseUnusable,
    RemovalsRefused,
    SyncCancelled,
    SyncRunning,
)
from cohort_core.practice.faults import BAD_ROWS, Fault
from cohort_core.practice.school import hex_id
from cohort_core.sources.values import clean_instant
from cohort_core.store.changes import load_log
from cohort_core.store.class_data import ClassData
from cohort_core.store.class_data_loader import load_class_data
from cohort_core.store.classes import set_active
from cohort_core.store.database import Database, WriteConnection
from cohort_core.sync import engine
from tests.conftest import unavailable
from tests.sync.conftest import SyncedClass, id_of, instant, row


def test_first_sync_stores_everything(synced: SyncedClass) -> None:
    job = synced.sync()
    assert (job.state, job.records) == ("done", 12)
    (run,) = job.runs
    assert (run.kind, run.is_clean, run.added, run.changed) == ("full", True, 12, 0)
    assert synced.held()[id_of(5)] == (
        id_of(5),
        hex_id("student", "student 1"),
        hex_id("assignment", "assignment 1"),
        1.0,
        instant(5),
        instant(5),
        None,
    )
    assert synced.value("SELECT count(*) FROM sync_history") == run.pages == 4


def test_second_sync_changes_nothing(synced: SyncedClass) -> None:
    synced.sync()
    before = synced.value("SELECT group_concat(id || synced_at) FROM progressions")
    job = synced.sync()
    assert [(run.added, run.changed, run.removed) for run in job.runs] == [(0, 0, 0)]
    assert synced.value("SELECT group_concat(id || synced_at) FROM progressions") == before
    assert synced.value("SELECT count(*) FROM changes") == 0


def test_a_regrade_a_review_and_a_new_name_arrive(synced: SyncedClass) -> None:
    synced.sync()
    synced.school.change_row(synced.id, id_of(0), grade=0.25, reviewed_at="2026-04-01T10:00:00+02:00")
    for number in (3, 7, 11):
        user = {"id": hex_id("student", "student 3"), "first_name": "Zoe\u0301", "last_name": "New"}
        synced.school.change_row(synced.id, id_of(number), user=user)
    job = synced.sync()
    assert [(run.added, run.changed) for run in job.runs] == [(0, 1)]
    held = synced.held()[id_of(0)]
    assert (held[3], held[6]) == (0.25, "2026-04-01T08:00:00.000Z")
    student = hex_id("student", "student 3")
    assert synced.value(f"SELECT first_name FROM students WHERE id = '{student}'") == "Zo\u00e9"
    fields = synced.value("SELECT group_concat(field || ' ' || ifnull(old, '-') || ' ' || new) FROM changes")
    assert fields == "grade 1.0 0.25,reviewed_at - 2026-04-01T08:00:00.000Z"


def test_removal_takes_two_clean_passes_and_can_be_undone(synced: SyncedClass) -> None:
    synced.sync()
    gone = row(4)
    synced.school.drop_row(synced.id, id_of(4))
    synced.sync()
    assert id_of(4) in synced.held()
    assert synced.sync().runs[0].removed == 1
    assert id_of(4) not in synced.held()
    assert synced.value("SELECT count(*) FROM tombstones") == 1
    synced.school.put_row(synced.id, gone)
    synced.sync()
    assert id_of(4) in synced.held()
    assert synced.value("SELECT count(*) FROM tombstones") == 0
    assert synced.value("SELECT group_concat(kind) FROM changes") == "removed,returned"


def test_an_unclean_pass_removes_nothing(synced: SyncedClass) -> None:
    synced.sync()
    synced.school.drop_row(synced.id, id_of(4))
    synced.served.faults.add(Fault("total", "*/progressions", times=None))
    for _ in range(3):
        (run,) = synced.sync().runs
        assert (run.is_clean, run.state) == (False, "done")
    assert id_of(4) in synced.held()


def test_many_removals_need_agreement(synced: SyncedClass) -> None:
    synced.sync()
    for number in range(6):
        synced.school.drop_row(synced.id, id_of(number))
    synced.sync()
    job = synced.sync()
    assert job.runs[0].error_code == RemovalsRefused.code
    assert len(synced.held()) == 12
    assert synced.sync(accept_removals=True).runs[0].removed == 6
    assert len(synced.held()) == 6


def test_a_row_inserted_while_pages_are_read_is_found(synced: SyncedClass) -> None:
    synced.served.faults.add(Fault("insert", "*/progressions[?]*page=1*"))
    (run,) = synced.sync().runs
    assert (run.is_clean, run.added) == (True, 13)
    assert run.pages > 4


UNUSABLE = [
    name
    for name in BAD_ROWS
    if name
    not in {
        *("null_names", "null_assignment_name", "grade_percent", "times_empty"),
        *("times_without_zone", "times_absent"),
    }
]


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_bad_row_is_set_aside_and_costs_nothing_else(synced: SyncedClass, kind: str) -> None:
    synced.sync()
    synced.served.faults.add(Fault("rows", "*/progressions", edit=kind, first=1, times=None))
    synced.school.put_row(synced.id, row(12))
    (run,) = synced.sync().runs
    assert run.state == "done"
    assert run.quarantined >= 1
    assert set(synced.held()) >= {id_of(number) for number in range(12)} - {id_of(11)}
    reason = synced.value("SELECT reason FROM quarantine LIMIT 1")
    assert "abc" not in reason
    assert "Jane" not in reason
    synced.served.faults.clear()
    (run,) = synced.sync(accept_removals=True).runs
    synced.sync(accept_removals=True)
    assert synced.value("SELECT count(*) FROM quarantine") == 0
    assert set(synced.held()) == {id_of(number) for number in range(13)}


def test_unusual_values_are_understood(synced: SyncedClass) -> None:
    synced.school.change_row(synced.id, id_of(0), grade=85)
    synced.school.change_row(
        synced.id, id_of(1), completed_assignment_at="2026-03-05T10:00:00", started_assignment_at=""
    )
    synced.sync()
    held = synced.held()
    assert held[id_of(0)][3] == 85
    assert held[id_of(1)][4:6] == (None, "2026-03-05T10:00:00.000Z")


def test_a_time_without_a_zone_is_utc_wherever_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(time, "tzset"):
        unavailable("the zone of a process cannot be changed here")
    try:
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("TZ", "Pacific/Auckland")
            time.tzset()
            assert clean_instant("2026-03-05T10:00:00") == "2026-03-05T10:00:00.000Z"
            assert clean_instant("2026-03-05T10:00:00.5+02:00") == "2026-03-05T08:00:00.500Z"
    finally:
        time.tzset()


def test_a_large_unchanged_class_costs_two_pages(
    synced: SyncedClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.sync()
    monkeypatch.setattr(engine, "ALWAYS_FULL_UP_TO_ROWS", 0)
    before = synced.page_requests()
    assert synced.sync().runs[0].kind == "incremental"
    assert synced.page_requests() - before == 2


def test_incremental_syncs_reach_every_page_in_turn(
    synced: SyncedClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.sync()
    monkeypatch.setattr(engine, "ALWAYS_FULL_UP_TO_ROWS", 0)
    synced.school.change_row(synced.id, id_of(0), grade=0.5)
    changed = [synced.sync().runs[0].changed for _ in range(2)]
    assert sum(changed) == 1
    assert synced.held()[id_of(0)][3] == 0.5


def test_an_incremental_sync_reads_on_while_pages_differ(
    synced: SyncedClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The total stays as it was, so that only the pages show the difference."""
    for number in range(20, 32):
        synced.school.put_row(synced.id, row(number, completed=None))
    synced.sync()
    monkeypatch.setattr(engine, "ALWAYS_FULL_UP_TO_ROWS", 0)
    for number in range(20, 32):
        synced.school.change_row(synced.id, id_of(number), completed_assignment_at=instant(number))
    (run,) = synced.sync().runs
    assert (run.kind, run.changed, run.pages) == ("incremental", 12, 5)


def test_after_an_unverified_run_the_next_is_full(
    synced: SyncedClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "ALWAYS_FULL_UP_TO_ROWS", 0)
    synced.served.faults.add(Fault("total", "*/progressions", times=None))
    assert synced.sync().runs[0].is_clean is False
    synced.served.faults.clear()
    assert [synced.sync().runs[0].kind for _ in range(2)] == ["full", "incremental"]


def test_an_incremental_sync_that_finds_a_hole_becomes_a_full_one(
    synced: SyncedClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.sync()
    monkeypatch.setattr(engine, "ALWAYS_FULL_UP_TO_ROWS", 0)
    synced.school.put_row(synced.id, row(20, started=instant(1), completed=None))
    (run,) = synced.sync().runs
    assert (run.kind, run.added) == ("full", 1)


def test_a_class_that_fails_does_not_stop_the_others(synced: SyncedClass) -> None:
    other = synced.school.add_class("Another", rows=[row(1)])
    synced.workspace.refresh_classes()
    synced.served.faults.add(Fault("status", f"*/{synced.id}*", status=403, times=None))
    job = synced.workspace.prepare_sync([synced.id, other], asked_by="test").run()
    assert job.state == "partial"
    assert [run.error_code for run in job.runs] == [ClassInaccessible.code, None]
    assert job.runs[1].records == 1


def test_only_one_syncs_at_a_time(synced: SyncedClass) -> None:
    first = synced.workspace.prepare_sync(asked_by="test")
    with pytest.raises(SyncRunning) as refusal:
        synced.workspace.prepare_sync(asked_by="test")
    assert refusal.value.details["job"] == first.id
    assert synced.workspace.running_job() is not None
    first.run()
    assert synced.workspace.running_job() is None


def test_a_sync_can_be_stopped_between_pages_and_the_next_one_is_whole(synced: SyncedClass) -> None:
    synced.served.faults.add(Fault("delay", "*/progressions", seconds=0.3, times=None))
    job_id = synced.workspace.start_sync(asked_by="test")
    reached = threading.Event()
    while not reached.is_set():
        job = synced.workspace.job(job_id)
        if job.records:
            synced.workspace.cancel_sync(job_id)
            reached.set()
    while synced.workspace.running_job():
        pass
    job = synced.workspace.job(job_id)
    assert (job.state, job.error_code) == ("cancelled", "sync_cancelled")
    assert 0 < len(synced.held()) < 12
    synced.served.faults.clear()
    assert synced.sync().runs[0].kind == "full"
    assert len(synced.held()) == 12


def test_a_killed_sync_is_shown_as_interrupted(synced: SyncedClass) -> None:
    job = synced.workspace.prepare_sync(asked_by="test")
    job._lock.release()  # as the operating system does for a process that was killed
    killed = synced.workspace.job(job.id)
    assert (killed.state, [run.state for run in killed.runs]) == ("interrupted", ["interrupted"])
    assert synced.sync().state == "done"
    assert synced.workspace.job(job.id).state == "interrupted"


@pytest.mark.parametrize("end", ["done", "failed", "cancelled"])
def test_readers_see_the_class_as_it_was_until_its_sync_has_ended(synced: SyncedClass, end: str) -> None:
    def shown(class_data: ClassData) -> tuple[dict[str, float], set[str], list[str]]:
        progressions = class_data.progressions
        return (
            dict(zip(progressions["id"].tolist(), progressions["grade"].tolist(), strict=True)),
            set(class_data.students["student_id"]),
            class_data.assignments["assignment_id"].tolist(),
        )

    def logged() -> int:
        return len(load_log(synced.workspace.database, synced.id))

    synced.sync()
    before = shown(synced.workspace.cohorts.class_data(synced.id))
    synced.school.change_row(synced.id, id_of(11), grade=0.25)
    synced.school.put_row(synced.id, row(13) | {"user": {"id": "somebody new"}})
    course = [hex_id("assignment", f"assignment {number}") for number in (2, 1, 0, 7)]
    synced.school.set_units(synced.id, [{"name": "Week 2", "assignments": course}])
    seen, log = [], []

    def on_page() -> None:
        # As another process does, which has nothing cached.
        seen.append(shown(load_class_data(synced.workspace.database, synced.id, "UTC")))
        log.append(logged())
        if len(seen) == 2:
            # Seen when the first page is read again, so that one record changes twice in one sync.
            synced.school.change_row(synced.id, id_of(11), grade=0.75)
        if len(seen) == 5 and end == "failed":
            synced.served.faults.add(Fault("status", "*/progressions", status=404, times=None))
        if len(seen) == 5 and end == "cancelled":
            job.stop()

    job = synced.workspace.prepare_sync(asked_by="test", full=True)
    job.on_page = on_page
    if end == "cancelled":
        with pytest.raises(SyncCancelled):
            job.run()
    else:
        assert job.run().state == end
    assert len(seen) >= 5
    assert all(state == before for state in seen)
    assert set(log) == {0} != {logged()}
    # And this process does not use its cached data any more.
    assert shown(synced.workspace.cohorts.class_data(synced.id)) == (
        before[0] | {id_of(11): 0.75, id_of(13): 1.0},
        before[1] | {"somebody new"},
        # A sync that did not come to its end does not change the units.
        [*(course if end == "done" else before[2]), hex_id("assignment", "assignment 3")],
    )


def test_a_new_name_is_new_in_every_class_of_that_person_and_of_that_work(synced: SyncedClass) -> None:
    other = synced.school.add_class("Other", units=[], rows=[row(number) for number in range(12, 24)])
    unseen = synced.school.add_class(
        "Unseen", units=[{"name": "Week 1", "assignments": [hex_id("assignment", "assignment 9")]}], rows=[]
    )
    synced.workspace.refresh_classes()
    set_active(synced.workspace.database, [other, unseen], active=True)
    synced.sync()

    def names() -> tuple[set[str], list[str]]:
        class_data = [synced.workspace.cohorts.class_data(class_id) for class_id in (other, unseen)]
        return set(class_data[0].students["first_name"]), class_data[1].assignments["name"].tolist()

    before, unnamed = names()
    assert unnamed == ["Week 1, assignment 1"]
    assert "Renamed" not in before
    user = {"id": hex_id("student", "student 3"), "first_name": "Renamed", "last_name": "New"}
    for number in (3, 7, 11):
        synced.school.change_row(synced.id, id_of(number), user=user)
    synced.school.put_row(
        synced.id,
        row(30)
        | {"assignment": {"id": hex_id("assignment", "assignment 9"), "name": "Loops", "type": "quiz"}},
    )
    synced.workspace.prepare_sync([synced.id], asked_by="test").run()
    assert names() == (before - {"Student 3"} | {"Renamed"}, ["Loops"])


def test_a_full_disk_is_reported_and_loses_nothing(
    synced: SyncedClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.sync()
    for number in range(12, 600):
        synced.school.put_row(synced.id, row(number, completed=instant(number % 600), started=None))
    limit = synced.value("PRAGMA page_count") + 10
    connect = Database._connect

    def connect_to_small_disk(self: Database, *, read_only: bool) -> WriteConnection:
        connection = connect(self, read_only=read_only)
        if not read_only:
            connection.execute(f"PRAGMA max_page_count = {limit}")
        return connection

    with monkeypatch.context() as full:
        full.setattr(Database, "_connect", connect_to_small_disk)
        with pytest.raises(DatabaseUnusable, match="full"):
            synced.sync()
    held = set(synced.held())
    assert 12 < len(held) < 600
    assert synced.value("PRAGMA integrity_check") == "ok"
    (run,) = synced.sync().runs
    assert (run.kind, run.is_clean, run.added) == ("full", True, 600 - len(held))
