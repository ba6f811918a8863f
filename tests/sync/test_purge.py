"""Purging a person: no byte of them is left, and later syncs do not bring them back."""

from __future__ import annotations

import pytest

from cohort_core.clock import utc_now
from cohort_core.errors import BadInput
from cohort_core.practice.faults import Fault
from cohort_core.practice.school import hex_id
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.purge import purge_student
from cohort_core.services.services import Services
from cohort_core.store.contacts import Contact, add_contact
from cohort_core.store.purge import allow_return
from cohort_core.store.roster import Enrolment
from cohort_core.store.roster_imports import save_roster
from cohort_core.sync import engine
from tests.sync.conftest import SyncedClass, id_of, instant, row

WHO = hex_id("student", "student 1")
NAME = "Hildegunde"


def with_everything(synced: SyncedClass) -> None:
    """Give the student a name that nothing else holds, and traces in every table."""
    user = {"id": WHO, "first_name": NAME, "last_name": "Practice", "email": f"{NAME}@practice.example"}
    for number in (1, 5, 9):
        synced.school.change_row(synced.id, id_of(number), user=user)
    synced.sync()
    save_roster(synced.workspace.database, {synced.id: [Enrolment(email=f"{NAME.upper()}@practice.example")]})
    synced.school.change_row(synced.id, id_of(1), grade=0.5)
    synced.school.change_row(synced.id, id_of(5), grade="abc")
    synced.sync()


def everything_kept(synced: SyncedClass) -> bytes:
    return b"".join(path.read_bytes() for path in synced.workspace.home.files())


def test_nothing_of_the_person_is_left(synced: SyncedClass) -> None:
    with_everything(synced)
    assert NAME.encode() in everything_kept(synced)
    gone = purge_student(synced.workspace.database, WHO, asked_by="test")
    assert (gone.progressions, gone.quarantined, gone.enrolments) == (3, 1, 1)
    assert gone.changes >= 1
    kept = everything_kept(synced).lower()
    assert NAME.lower().encode() not in kept
    assert WHO.encode() not in kept
    assert len(synced.held()) == 9
    assert WHO not in set(synced.workspace.cohorts.class_data(synced.id).students["student_id"])


@pytest.mark.parametrize("always_full_up_to", [2000, 0])
def test_later_syncs_leave_them_out_and_report_no_change(
    synced: SyncedClass, monkeypatch: pytest.MonkeyPatch, always_full_up_to: int
) -> None:
    monkeypatch.setattr(engine, "ALWAYS_FULL_UP_TO_ROWS", always_full_up_to)
    with_everything(synced)
    purge_student(synced.workspace.database, WHO, asked_by="test")
    synced.school.put_row(synced.id, row(13, completed=instant(50)))
    synced.sync(full=True)
    (run,) = synced.sync().runs
    assert (run.is_clean, run.added, run.changed, run.removed) == (True, 0, 0, 0)
    assert run.kind == ("full" if always_full_up_to else "incremental")
    assert len(synced.held()) == 9
    assert NAME.encode() not in everything_kept(synced)


def test_a_bad_record_of_theirs_is_not_set_aside(synced: SyncedClass) -> None:
    synced.sync()
    purge_student(synced.workspace.database, WHO, asked_by="test")
    synced.served.faults.add(Fault("rows", "*/progressions", edit="grade_text", times=None))
    synced.sync()
    assert synced.value("SELECT count(*) FROM quarantine") == 9
    assert synced.value(f"SELECT count(*) FROM quarantine WHERE payload LIKE '%{WHO}%'") == 0


def test_they_come_back_when_asked(synced: SyncedClass) -> None:
    synced.sync()
    purge_student(synced.workspace.database, WHO, asked_by="test")
    allow_return(synced.workspace.database, WHO, asked_by="test")
    (run,) = synced.sync().runs
    assert (run.is_clean, run.added) == (True, 3)
    assert len(synced.held()) == 12


def test_someone_who_is_only_on_the_roster(synced: SyncedClass) -> None:
    synced.sync()
    line = Enrolment(first_name=NAME, last_name="Only")
    save_roster(synced.workspace.database, {synced.id: [line]})
    stand_in_id = synced.value("SELECT stand_in_id FROM enrolments")
    assert purge_student(synced.workspace.database, stand_in_id, asked_by="test").enrolments == 1
    assert NAME.encode() not in everything_kept(synced)


def test_someone_who_was_on_an_earlier_roster_alone(synced: SyncedClass) -> None:
    synced.sync()
    database = synced.workspace.database
    line = Enrolment(first_name=NAME, last_name="Earlier", email=f"{NAME}@practice.example")
    save_roster(database, {synced.id: [line]})
    stand_in_id = synced.value("SELECT stand_in_id FROM enrolments")
    contact = Contact(0, synced.id, stand_in_id, "", "cli", "call", note=f"{NAME} moved away")
    with database.writing() as connection:
        add_contact(connection, contact, utc_now())
    save_roster(database, {synced.id: [Enrolment(email="another@practice.example")]})
    admin = Services(synced.workspace).admin(CLI_OWNER)
    assert {"contacts", "earlier_enrolments", "roster_answers"} == set(admin.student_file(stand_in_id))
    gone = purge_student(database, stand_in_id, asked_by="test")
    assert (gone.enrolments, gone.kept) == (0, 1)
    assert NAME.lower().encode() not in everything_kept(synced).lower()
    with pytest.raises(BadInput, match="Nobody"):
        admin.student_file(stand_in_id)


def test_nobody(synced: SyncedClass) -> None:
    synced.sync()
    with pytest.raises(BadInput, match="Nobody"):
        purge_student(synced.workspace.database, "nobody", asked_by="test")
    with pytest.raises(BadInput, match="Nobody"):
        allow_return(synced.workspace.database, WHO, asked_by="test")
    assert len(synced.held()) == 12
