"""The end of contacts and notes when a class is closed: how long they stay, and that nothing is left then."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cohort_core.clock import utc_now
from cohort_core.practice.school import hex_id
from cohort_core.services.commands import Commands
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.store.closing import KEPT_FOR
from cohort_core.store.database import utc_text
from tests.sync.conftest import SyncedClass
from tests.sync.conftest import synced as synced  # a fixture

WHO = hex_id("student", "student 1")


@pytest.fixture
def commands(synced: SyncedClass) -> Commands:
    synced.sync()
    return Services(synced.workspace).commands(CLI_OWNER)


def kept(synced: SyncedClass) -> int:
    """Count the contacts and handover notes."""
    contacts = synced.value("SELECT count(*) FROM contacts")
    return int(contacts + synced.value("SELECT count(*) FROM handover_notes"))


def make_older(synced: SyncedClass, age: timedelta) -> None:
    """Make all contacts and notes as old as that."""
    with synced.workspace.database.writing() as connection:
        for table in ("contacts", "handover_notes"):
            connection.execute(f"UPDATE {table} SET at = ?", (utc_text(utc_now() - age),))


def test_contacts_stay_a_year_from_the_day_of_closing(
    synced: SyncedClass, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last day of the class may be long ago by then."""
    commands.add_contact(synced.id, WHO, "met", note="Likes tea")
    commands.save_handover_note(synced.id, "promised", "A laptop", student_id=WHO)
    make_older(synced, timedelta(days=500))
    # The class began long ago.
    with synced.workspace.database.writing() as connection:
        connection.execute("UPDATE classes SET starts_on = '2020-01-06', revision = revision + 1")
    commands.close_class(synced.id, [], date(2020, 12, 18))
    closed = utc_now()
    for age, left in ((timedelta(0), 2), (KEPT_FOR - timedelta(days=1), 2), (KEPT_FOR, 0)):
        moment = closed + age
        monkeypatch.setattr("cohort_core.services.workspace.utc_now", lambda moment=moment: moment)
        synced.workspace.erase_expired_contacts()
        assert kept(synced) == left, age
