"""The end of contacts and notes when a class is closed: how long they stay, and that nothing is left then."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from contextlib import closing
from datetime import date, timedelta

import pytest

from cohort_core.clock import utc_now
from cohort_core.errors import DatabaseBusy
from cohort_core.practice.school import hex_id
from cohort_core.services.commands import Commands
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.store.audit import load_events
from cohort_core.store.closing import KEPT_FOR
from cohort_core.store.contacts import CHANNELS
from cohort_core.store.database import utc_text
from cohort_core.store.handover import QUESTIONS
from cohort_core.store.help_requests import add_request
from cohort_core.store.student_links import StudentKey
from tests.sync.conftest import SyncedClass
from tests.sync.conftest import synced as synced  # a fixture

WHO = hex_id("student", "student 1")


@pytest.fixture
def commands(synced: SyncedClass) -> Commands:
    synced.sync()
    return Services(synced.workspace).commands(CLI_OWNER)


def kept(synced: SyncedClass) -> int:
    """Count the contacts, handover notes and requests for help."""
    tables = ("contacts", "handover_notes", "help_requests")
    return sum(int(synced.value(f"SELECT count(*) FROM {table}")) for table in tables)


def make_older(synced: SyncedClass, age: timedelta) -> None:
    """Make all contacts and notes as old as that."""
    with synced.workspace.database.writing() as connection:
        for table in ("contacts", "handover_notes", "help_requests"):
            connection.execute(f"UPDATE {table} SET at = ?", (utc_text(utc_now() - age),))


def test_contacts_stay_a_year_from_the_day_of_closing(
    synced: SyncedClass, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last day of the class may be long ago by then."""
    commands.add_contact(synced.id, WHO, "met", note="Likes tea")
    commands.save_handover_note(synced.id, "promised", "A laptop", student_id=WHO)
    with synced.workspace.database.writing() as connection:
        add_request(connection, StudentKey(synced.id, WHO), None, "How do I begin?", utc_now())
    make_older(synced, timedelta(days=500))
    # The class began long ago.
    with synced.workspace.database.writing() as connection:
        connection.execute("UPDATE classes SET starts_on = '2020-01-06', revision = revision + 1")
    commands.close_class(synced.id, [], date(2020, 12, 18))
    closed = utc_now()
    for age, left in ((timedelta(0), 3), (KEPT_FOR - timedelta(days=1), 3), (KEPT_FOR, 0)):
        moment = closed + age
        monkeypatch.setattr("cohort_core.services.workspace.utc_now", lambda moment=moment: moment)
        synced.workspace.erase_expired_contacts()
        assert kept(synced) == left, age


def on_disk(synced: SyncedClass) -> bytes:
    """Return the bytes of the database and of its write-ahead log."""
    home = synced.workspace.home
    return b"".join(file.read_bytes() for file in home.folder.glob(f"{home.database.name}*"))


def write_notes(synced: SyncedClass, commands: Commands) -> None:
    """Write, replace and delete notes that begin with a word, beside those of another class.

    They fill pages of the file, so that SQLite moves rows from page to page.
    """
    chance = random.Random(39)
    for number in range(60):
        note = f"canary {'x' * chance.randrange(480)}"
        made = commands.add_contact(synced.id, WHO, chance.choice(CHANNELS), note=note)
        text = f"canary {'y' * chance.randrange(1500)}"
        commands.save_handover_note(synced.id, chance.choice(list(QUESTIONS)), text, student_id=WHO)
        if number % 3 == 0:
            commands.delete_contact(synced.id, WHO, made.contact.id)
        with synced.workspace.database.writing() as connection:
            for table, column, length in (("handover_notes", "text", 900), ("contacts", "note", 400)):
                values = {"class_id": "other", column: "stays " + "z" * chance.randrange(length)}
                values |= {"who": "", "at": ""}
                values |= (
                    {"student_id": "", "channel": "met"} if table == "contacts" else {"question": "helps"}
                )
                places = ", ".join("?" * len(values))
                connection.execute(
                    f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", tuple(values.values())
                )


@pytest.mark.parametrize("when", ["at once", "after a year"])
def test_deleted_notes_are_in_no_part_of_the_database(
    synced: SyncedClass, commands: Commands, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Also those that were replaced or deleted before, and while another program has it open."""
    with closing(synced.workspace.database.connect_to_watch()) as other_program:
        other_program.execute("SELECT count(*) FROM classes").fetchone()
        write_notes(synced, commands)
        assert b"canary" in on_disk(synced)
        commands.close_class(synced.id, [], erases_contacts=when == "at once")
        if when == "after a year":
            moment = utc_now() + KEPT_FOR
            monkeypatch.setattr("cohort_core.services.workspace.utc_now", lambda: moment)
            synced.workspace.erase_expired_contacts()
        assert b"canary" not in on_disk(synced)
        assert b"stays" in on_disk(synced)


def test_if_traces_may_be_left_it_is_said(synced: SyncedClass, commands: Commands) -> None:
    commands.add_contact(synced.id, WHO, "met", note="canary")
    database = synced.workspace.database
    with database.reading() as connection:
        connection.execute("SELECT count(*) FROM contacts").fetchone()
        database.busy_seconds = 0.1
        with pytest.raises(DatabaseBusy, match="traces may be left"):
            commands.close_class(synced.id, [], erases_contacts=True)
    assert (kept(synced), load_events(database, 1)[0].action) == (0, "close")
    # Doing it again, as the sentence says, finishes it.
    commands.open_class(synced.id)
    commands.close_class(synced.id, [], erases_contacts=True)
    assert b"canary" not in on_disk(synced)


def test_the_command_line_names_the_copies_that_still_hold_them(
    synced: SyncedClass, commands: Commands
) -> None:
    home = synced.workspace.home
    close = [sys.executable, "-m", "cohort_core.cli", "class", "close", synced.id, "--by-roster"]
    for has_copy in (False, True):
        commands.add_contact(synced.id, WHO, "met", note="canary")
        copy = home.backups / "before-010.db"
        if has_copy:
            commands.open_class(synced.id)
            home.backups.mkdir()
            copy.write_bytes(home.database.read_bytes())
        made = subprocess.run(
            [*close, "--contacts", "delete"],
            env=os.environ | {"COHORT_HOME": str(home.folder)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "Contacts and notes are deleted. Backups still hold them." in made.stdout
        assert (str(copy) in made.stdout) == has_copy
        assert copy.exists() == has_copy
        assert b"canary" not in on_disk(synced)
