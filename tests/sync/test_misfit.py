"""A total of OpenClass that is wrong for good: the sync says so, and goes on."""

from __future__ import annotations

from typing import Any

import pytest

from cohort_core.practice.faults import Fault
from cohort_core.store.sync_runs import Run
from tests.sync.conftest import SyncedClass, id_of, row

LIES = {"more": 5, "fewer": -5, "nearly none": -11, "far too many": 10_000_000 - 12}


def sync(synced: SyncedClass, **how: Any) -> Run:
    (run,) = synced.sync(**how).runs
    assert run.state == "done", run.error
    return run


def count_fits(synced: SyncedClass) -> bool:
    [status] = synced.workspace.cohorts.statuses()
    return status.count_fits


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_total_that_lies_is_named_after_three_syncs_and_removals_need_a_person(
    synced: SyncedClass, lie: int
) -> None:
    synced.served.faults.add(Fault("total", "*/progressions", value=lie, times=None))
    for number in (1, 2, 3):
        assert count_fits(synced)
        run = sync(synced)
        assert (run.is_clean, run.note is not None) == (False, number == 3)
    assert not count_fits(synced)
    assert run.note is not None
    assert f"counts {12 + lie:,} records in this class and sends 12" in run.note
    pages = sync(synced).pages
    assert pages == 2 * (3 + 1)  # two walks instead of four

    synced.school.drop_row(synced.id, id_of(3))
    assert sync(synced).unaccepted == 1  # suspect from now on
    assert sync(synced).removed == 0
    assert id_of(3) in synced.held()
    run = sync(synced)
    assert (run.unaccepted, "no longer sends: 1." in str(run.note)) == (1, True)
    run = sync(synced, accept_removals=True)
    assert (run.removed, run.unaccepted) == (1, 0)
    assert len(synced.held()) == 11


def test_a_total_of_0_ends_no_sync(synced: SyncedClass) -> None:
    synced.school.put_rows(synced.id, [row(number) for number in range(12, 90)])
    synced.served.faults.add(Fault("total", "*/progressions", value=-90, times=None))
    sync(synced)
    assert len(synced.held()) == 90


def test_one_pass_removes_nothing_even_with_consent(synced: SyncedClass) -> None:
    synced.served.faults.add(Fault("total", "*/progressions", value=5, times=None))
    for _ in range(3):
        sync(synced)
    synced.school.drop_row(synced.id, id_of(3))
    assert sync(synced, accept_removals=True).removed == 0
    assert sync(synced, accept_removals=True).removed == 1


def test_a_total_that_fits_again_is_believed_again(synced: SyncedClass) -> None:
    synced.served.faults.add(Fault("total", "*/progressions", value=5, times=None))
    for _ in range(3):
        sync(synced)
    synced.served.faults.clear()
    assert sync(synced).is_clean
    assert count_fits(synced)
    synced.served.faults.add(Fault("total", "*/progressions", value=5, times=None))
    assert sync(synced).note is None


def test_walks_that_saw_different_records_are_not_the_fault_of_the_total(synced: SyncedClass) -> None:
    numbers = iter(range(20, 90))
    synced.served.faults.add(
        Fault("total", "*/progressions", value=5, times=None),
        Fault(
            "call",
            "*/progressions[?]*page=1*",
            edit=lambda: synced.school.put_row(synced.id, row(next(numbers))),
            times=None,
        ),
    )
    for _ in range(4):
        sync(synced)
    assert count_fits(synced)


def test_a_sync_says_which_records_it_did_not_see(synced: SyncedClass) -> None:
    """A verified sync that misses records for the first time keeps them, and says so."""
    sync(synced)
    synced.school.drop_row(synced.id, id_of(3))
    run = sync(synced)
    assert (run.is_clean, run.removed) == (True, 0)
    assert "1 record of this class is not at OpenClass any more" in str(run.note)
    assert "the next sync that reads everything removes" in str(run.note)
    run = sync(synced)
    assert (run.is_clean, run.removed, run.note) == (True, 1, None)
