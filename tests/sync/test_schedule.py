"""Automatic syncs: when the next one is due, also after failures."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from cohort_core.errors import BadInput
from cohort_core.practice.faults import Fault
from cohort_core.store.changes import load_sync_ends
from cohort_core.sync import scheduler
from cohort_core.sync.lock import load_latest_runs
from cohort_core.sync.scheduler import Schedule, parse_interval
from tests.sync.conftest import SyncedClass, row

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "interval"),
    [("30m", timedelta(minutes=30)), ("2h", 2 * HOUR), ("1d", 24 * HOUR), (" 1.5H ", 1.5 * HOUR)],
)
def test_intervals(text: str, interval: timedelta) -> None:
    assert parse_interval(text) == interval


@pytest.mark.parametrize("text", ["", "30", "often", "1s", "8d", "-5m", "9" * 400 + "m"])
def test_intervals_that_cannot_be_used(text: str) -> None:
    with pytest.raises(BadInput, match="such as 30m"):
        parse_interval(text)


def schedule(synced: SyncedClass, jitter: float = 0.5) -> Schedule:
    def sync() -> object:
        return synced.workspace.prepare_sync(asked_by="schedule").run()

    return Schedule(HOUR, sync, now=lambda: NOW, jitter=lambda: jitter)  # type: ignore[arg-type]


def test_it_syncs_and_plans_the_next(synced: SyncedClass) -> None:
    automatic = schedule(synced)
    assert automatic.plan.next_at == NOW + HOUR
    automatic.step()
    assert len(synced.held()) == 12
    assert synced.workspace.jobs(1)[0].asked_by == "schedule"
    assert (automatic.plan.failures, automatic.plan.error, automatic.plan.next_at) == (0, None, NOW + HOUR)


def test_not_everybody_at_the_same_second(synced: SyncedClass) -> None:
    dues = [schedule(synced, jitter).plan.next_at for jitter in (0.0, 1.0)]
    assert dues == [NOW + 0.9 * HOUR, NOW + 1.1 * HOUR]


def test_it_syncs_less_often_while_openclass_fails_and_recovers(synced: SyncedClass) -> None:
    automatic = schedule(synced)
    synced.served.faults.add(Fault("status", "*/progressions", status=503, times=None))
    waits = []
    for _ in range(6):
        automatic.step()
        waits.append((automatic.plan.next_at - NOW) / HOUR)
    assert waits == [2, 4, 8, 16, 16, 16]
    assert automatic.plan.error
    assert "HTTP 503" in automatic.plan.error
    synced.served.faults.clear()
    automatic.step()
    plan = automatic.plan
    assert (plan.failures, plan.error, plan.next_at) == (0, None, NOW + HOUR)


def test_a_sync_of_someone_else_is_no_failure(synced: SyncedClass) -> None:
    automatic = schedule(synced)
    job = synced.workspace.prepare_sync(asked_by="test")
    automatic.step()
    assert automatic.plan.failures == 0
    job.run()


def test_it_runs_beside_everything_else(synced: SyncedClass) -> None:
    synced.workspace.start_schedule(timedelta(seconds=0.2))
    until = time.monotonic() + 10
    while not synced.workspace.jobs(1) and time.monotonic() < until:
        time.sleep(0.02)
    synced.school.put_row(synced.id, row(12))
    while len(synced.held()) < 13 and time.monotonic() < until:
        time.sleep(0.02)
    assert len(synced.held()) == 13
    assert synced.workspace.plan is not None
    synced.workspace.stop()


class Clock:
    """A wall clock that a test moves; it does not run while the computer sleeps, as no wait counts sleep."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


def test_after_sleep_an_overdue_sync_begins_at_once(
    synced: SyncedClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "SLICE_SECONDS", 0.05)
    clock = Clock()
    began: list[datetime] = []

    def sync() -> object:
        began.append(clock.at)
        return synced.workspace.prepare_sync(asked_by="schedule").run()

    automatic = Schedule(HOUR, sync, now=clock, jitter=lambda: 0.5)  # type: ignore[arg-type]
    automatic.start()
    time.sleep(0.3)
    assert not began
    # The lid was closed for a night.
    clock.at += 9 * HOUR
    until = time.monotonic() + 10
    while automatic.plan.next_at < clock.at and time.monotonic() < until:
        time.sleep(0.02)
    automatic.stop()
    assert began == [NOW + 9 * HOUR]
    assert automatic.plan.next_at == NOW + 10 * HOUR


def test_slices_are_shorter_than_a_minute() -> None:
    assert scheduler.SLICE_SECONDS <= 30


def test_a_clock_that_is_set_back_delays_nothing(synced: SyncedClass) -> None:
    clock = Clock()
    clock.at = NOW + 365 * 24 * HOUR
    automatic = Schedule(HOUR, lambda: None, now=clock, jitter=lambda: 0.5)  # type: ignore[arg-type,return-value]
    clock.at = NOW
    assert automatic.seconds_left() == 3600
    clock.at += HOUR / 2
    assert automatic.seconds_left() == 1800


def test_runs_are_ordered_by_number_when_the_clock_goes_back(synced: SyncedClass) -> None:
    first = synced.sync()
    with synced.workspace.database.writing() as connection:
        connection.execute("UPDATE jobs SET started_at = '2099-01-01', ended_at = '2099-01-01T00:00:00.000Z'")
        connection.execute("UPDATE runs SET started_at = '2099-01-01', ended_at = '2099-01-01T00:00:00.000Z'")
    second = synced.sync()
    assert [job.id for job in synced.workspace.jobs(2)] == [second.id, first.id]
    (latest,) = load_latest_runs(synced.workspace.database).values()
    assert latest.id == second.runs[0].id
    ends = load_sync_ends(synced.workspace.database, synced.id, limit=2)
    assert ends[0] < ends[1]
