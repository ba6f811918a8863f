"""Contacts: noted once, hidden for their days, undone, and known wherever a student is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from cohort_core.clock import utc_now
from cohort_core.errors import BadInput, NotAllowed
from cohort_core.practice.school import hex_id, progression
from cohort_core.services.commands import Commands
from cohort_core.services.principal import CLI_OWNER, Principal
from cohort_core.services.purge import purge_student
from cohort_core.services.services import Services
from cohort_core.store import contacts, outbox
from cohort_core.store.audit import load_events
from cohort_core.store.destinations import Wanted, add_destination
from cohort_core.store.roles import TOKEN_ROLES
from cohort_core.store.stand_ins import kept_tables, save_aliases, student_tables
from tests.sync.conftest import SyncedClass, instant
from tests.sync.conftest import synced as synced  # a fixture

WHO = hex_id("student", "student 1")
CANARY = "canary-text"

READ_WITH_PSEUDONYMS: dict[str, Callable[[Any, str], list[Any]]] = {
    "contacts": lambda reader, class_id: reader.contacts(class_id),
    "marks": lambda reader, _class_id: reader.load_hides(),
    "handover_notes": lambda reader, class_id: reader.handover_notes(class_id),
    # No reader shows them: what is sent of them is tried in tests/notify/test_canaries.py.
    "outbox_students": lambda _reader, _class_id: [],
    "spells": lambda _reader, _class_id: [],
    "help_requests": lambda reader, class_id: reader.help_requests(class_id),
    "student_links": lambda reader, class_id: reader.student_links(class_id),
    # No reader shows who looked at their own page.
    "student_sessions": lambda _reader, _class_id: [],
}
"""Tables of notes about a student, and how a reader shows them in anonymous mode."""


@pytest.fixture
def commands(synced: SyncedClass) -> Commands:
    synced.sync()
    return Services(synced.workspace).commands(CLI_OWNER)


def kept(synced: SyncedClass) -> list[contacts.Contact]:
    return Services(synced.workspace).reader(CLI_OWNER).contacts(synced.id)


def hidden(synced: SyncedClass) -> set[str]:
    reader = Services(synced.workspace).reader(CLI_OWNER)
    return reader.hidden_students(reader.cohort(synced.id))


def today(synced: SyncedClass) -> date:
    return utc_now().astimezone(synced.workspace.cohorts.cohort(synced.id).tz).date()


def test_a_contact_is_noted_and_hides_for_its_days(synced: SyncedClass, commands: Commands) -> None:
    noted = commands.add_contact(synced.id, WHO, "email", note="  Asked for a call.  ")
    assert noted.is_new
    assert noted.hidden_until == today(synced) + timedelta(days=7)
    (contact,) = kept(synced)
    assert contact == noted.contact
    assert (contact.who, contact.channel, contact.note) == ("cli", "email", "Asked for a call.")
    assert hidden(synced) == {WHO}
    event = load_events(synced.workspace.database)[0]
    assert (event.action, WHO in event.detail) == ("contact", False)


def test_the_same_copy_within_ten_minutes_is_one_contact(
    synced: SyncedClass, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = commands.add_contact(synced.id, WHO, "copied", template="silent")
    again = commands.add_contact(synced.id, WHO, "copied", template="silent")
    assert (again.is_new, again.contact) == (False, first.contact)
    assert again.hidden_until == first.hidden_until
    commands.add_contact(synced.id, WHO, "copied", template="stuck")
    assert len(kept(synced)) == 2
    later = utc_now() + timedelta(minutes=11)
    monkeypatch.setattr("cohort_core.services.commands.utc_now", lambda: later)
    assert commands.add_contact(synced.id, WHO, "copied", template="silent").is_new
    # A note is never lost, whatever was noted before it.
    assert commands.add_contact(synced.id, WHO, "copied", template="silent", note="Yes.").is_new


def test_a_student_who_was_shown_again_is_hidden_by_the_same_copy(
    synced: SyncedClass, commands: Commands
) -> None:
    first = commands.add_contact(synced.id, WHO, "copied", template="silent")
    commands.show_again(synced.id, WHO)
    assert hidden(synced) == set()
    again = commands.add_contact(synced.id, WHO, "copied", template="silent")
    assert (again.is_new, again.hidden_until) == (False, first.hidden_until)
    assert hidden(synced) == {WHO}


def test_a_contact_never_shortens_a_longer_hide(synced: SyncedClass, commands: Commands) -> None:
    far = today(synced) + timedelta(days=30)
    commands.hide_student(synced.id, WHO, "done", far)
    assert commands.add_contact(synced.id, WHO, "email").hidden_until == far
    commands.hide_student(synced.id, WHO, "exempt")
    assert commands.add_contact(synced.id, WHO, "met").hidden_until is None
    (hide,) = synced.workspace.cohorts.load_hides()
    assert hide.kind == "exempt"


def test_undo_brings_back_the_hide_of_before(synced: SyncedClass, commands: Commands) -> None:
    soon = today(synced) + timedelta(days=2)
    commands.hide_student(synced.id, WHO, "done", soon)
    first = commands.add_contact(synced.id, WHO, "email", note=CANARY)
    second = commands.add_contact(synced.id, WHO, "met", hide_days=14)
    commands.delete_contact(synced.id, WHO, first.contact.id)
    assert second.hidden_until
    (hide,) = synced.workspace.cohorts.load_hides()
    assert hide.until == second.hidden_until
    commands.delete_contact(synced.id, WHO, second.contact.id)
    (hide,) = synced.workspace.cohorts.load_hides()
    assert (hide.until, hide.contact_id) == (soon, None)
    assert kept(synced) == []
    assert synced.value("SELECT count(*) FROM contacts WHERE note IS NOT NULL") == 0
    with pytest.raises(BadInput, match="no contact"):
        commands.delete_contact(synced.id, WHO, second.contact.id)


def test_without_an_earlier_hide_undo_lists_the_student_again(
    synced: SyncedClass, commands: Commands
) -> None:
    noted = commands.add_contact(synced.id, WHO, "email")
    commands.delete_contact(synced.id, WHO, noted.contact.id)
    assert hidden(synced) == set()
    assert synced.workspace.cohorts.load_hides() == []


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({"channel": "pigeon"}, "channel"),
        ({"kind": "cohort_alarm"}, "kind"),
        ({"assignment_id": "nothing"}, "assignment_id"),
        ({"note": "x" * 501}, "note"),
        ({"hide_days": -1}, "hide_days"),
    ],
)
def test_what_cannot_be_noted_is_refused(
    synced: SyncedClass, commands: Commands, given: dict[str, Any], parameter: str
) -> None:
    with pytest.raises(BadInput) as caught:
        commands.add_contact(synced.id, WHO, **{"channel": "email", **given})
    assert caught.value.details["parameter"] == parameter
    assert kept(synced) == []


def test_roles(synced: SyncedClass, commands: Commands) -> None:
    services = Services(synced.workspace)
    with pytest.raises(NotAllowed):
        services.commands(Principal("token ci", "viewer"))
    mentor = Principal("token ci", "mentor", frozenset({synced.id}))
    assert services.commands(mentor).add_contact(synced.id, WHO, "call").contact.who == "token:ci"
    elsewhere = Principal("token far", "viewer", frozenset({"other"}))
    assert services.reader(elsewhere).contacts() == []
    assert len(services.reader(mentor).contacts(synced.id, WHO)) == 1


def test_who_becomes_active_comes_back_where_that_was_chosen(synced: SyncedClass, commands: Commands) -> None:
    commands.hide_student(synced.id, WHO, "done", until_active=True)
    assert hidden(synced) == {WHO}
    moment = utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    synced.school.put_row(
        synced.id, progression("back", student="student 1", assignment="assignment 9", started=moment)
    )
    synced.sync()
    assert hidden(synced) == set()


def test_who_becomes_worse_is_listed_at_once(synced: SyncedClass, commands: Commands) -> None:
    part = synced.workspace.cohorts.class_triages([synced.id])[0]
    assert part.is_worse(WHO, part.levels[WHO], "engagement_gap") is False
    worse = replace(part, levels={**part.levels, WHO: "critical"})
    assert worse.is_worse(WHO, "high", "never_started")
    entry = next((e for e in part.entries if e.student_id == WHO), None)
    if entry is not None:
        graver = replace(part, entries=(replace(entry, kind="never_started"),))
        assert graver.is_worse(WHO, "critical", "risk")


def put_everywhere(synced: SyncedClass, student_id: str) -> None:
    """Write a row about a student into every table in which people keep something."""
    with synced.workspace.database.writing() as connection:
        slack = Wanted("team", "slack")
        made = add_destination(connection, slack, account_id=None, who="test", secret_ref="x", now=utc_now())
        message = outbox.add_message(connection, made, "digest", "2026-03-01", CANARY, utc_now())
        for table in kept_tables(connection):
            columns = connection.execute(
                'SELECT name, type, "notnull" FROM pragma_table_info(?)', (table,)
            ).fetchall()
            values: dict[str, Any] = {}
            for name, kind, needed in columns:
                if name == "student_id":
                    values[name] = student_id
                elif name == "class_id":
                    values[name] = synced.id
                elif name == "outbox_id":
                    values[name] = message
                elif name in {"at", "made_at"}:
                    values[name] = instant(1)
                elif name in {"note", "text"}:
                    values[name] = CANARY
                elif needed and kind == "TEXT":
                    values[name] = "exempt"
            places = ", ".join("?" * len(values))
            connection.execute(
                f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", tuple(values.values())
            )


def test_every_table_with_a_student_is_known(synced: SyncedClass) -> None:
    """A table that is added to the schema must be purged, moved, and read with pseudonyms."""
    synced.sync()
    database, workspace = synced.workspace.database, synced.workspace
    put_everywhere(synced, "stand-in")
    with database.writing() as connection:
        tables = kept_tables(connection)
        save_aliases(connection, synced.id, [("stand-in", WHO)])
        for table in tables:
            ids = connection.execute(f"SELECT student_id FROM {table}").fetchall()
            assert [row[0] for row in ids] == [WHO], table
    assert set(tables) == set(READ_WITH_PSEUDONYMS), "say how the new table is read in anonymous mode"
    reader = Services(workspace).reader(CLI_OWNER, anonymous=True)
    for table, read in READ_WITH_PSEUDONYMS.items():
        shown = str(read(reader, synced.id))
        assert WHO not in shown, table
        assert CANARY not in shown, table
    admin = Services(workspace).admin(CLI_OWNER)
    assert set(tables) <= set(admin.student_file(WHO))
    assert admin.student_file("stand-in") == admin.student_file(WHO)
    purge_student(database, WHO, asked_by="test")
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM outbox").fetchone()[0] == 0, (
            "a message of the student"
        )
    with pytest.raises(BadInput):
        admin.student_file(WHO)
    with database.reading() as connection:
        for table in student_tables(connection):
            ids = connection.execute(f"SELECT student_id FROM {table}").fetchall()
            assert WHO not in {row[0] for row in ids}, table


def test_anonymous_mode_has_pseudonyms_and_no_notes(synced: SyncedClass, commands: Commands) -> None:
    commands.add_contact(synced.id, WHO, "email", note=CANARY)
    reader = Services(synced.workspace).reader(CLI_OWNER, anonymous=True)
    (contact,) = reader.contacts(synced.id)
    assert contact.note is None
    assert contact.student_id == synced.workspace.cohorts.student_id_for(synced.id, WHO, anonymous=True)
    assert reader.contacts(synced.id, contact.student_id) == [contact]
    with pytest.raises(BadInput):
        reader.contacts(synced.id, WHO)


def test_notes_and_answers_are_for_mentors(synced: SyncedClass, commands: Commands) -> None:
    commands.add_contact(synced.id, WHO, "email", note=CANARY)
    commands.save_handover_note(synced.id, "helps", CANARY, student_id=WHO)
    services = Services(synced.workspace)
    for role in TOKEN_ROLES:
        is_shown = role != "viewer"
        reader = services.reader(Principal("token ci", role, frozenset({synced.id})))
        notes = [contact.note for contact in (*reader.contacts(), *reader.contacts(synced.id, WHO))]
        assert notes == [CANARY if is_shown else None] * 2, role
        answers = [note.text for note in reader.handover_notes(synced.id)]
        assert answers == [CANARY] * is_shown, role
