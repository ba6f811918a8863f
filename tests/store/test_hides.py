"""Hides: students taken out of triage, until a day or for good."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from cohort_core.errors import BadInput
from cohort_core.store.hides import load_hides, remove_hide, save_hide
from tests.sync.conftest import SyncedClass
from tests.sync.conftest import synced as synced  # a fixture

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
TODAY, TOMORROW = date(2026, 11, 23), date(2026, 11, 24)


def test_done_for_today_ends_tomorrow_and_exempt_never(synced: SyncedClass) -> None:
    database = synced.workspace.database
    save_hide(database, synced.id, "ada", "done", until=TOMORROW, now=NOW)
    save_hide(database, synced.id, "bo", "exempt", until=None, now=NOW)
    hides = load_hides(database)
    holds = {hide.student_id: (hide.holds_on(TODAY), hide.holds_on(TOMORROW)) for hide in hides}
    assert holds == {"ada": (True, False), "bo": (True, True)}
    save_hide(database, synced.id, "ada", "exempt", until=None, now=NOW)
    remove_hide(database, synced.id, "bo")
    assert [(hide.student_id, hide.kind) for hide in load_hides(database)] == [("ada", "exempt")]


def test_done_needs_a_day(synced: SyncedClass) -> None:
    with pytest.raises(BadInput):
        save_hide(synced.workspace.database, synced.id, "ada", "done", until=None, now=NOW)
    with pytest.raises(BadInput):
        save_hide(synced.workspace.database, synced.id, "ada", "exempt", until=TOMORROW, now=NOW)
