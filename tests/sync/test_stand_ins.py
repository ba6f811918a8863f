"""What was kept about somebody who is only on the roster survives their first start."""

from __future__ import annotations

from datetime import date

import pytest

from cohort_core.errors import BadInput
from cohort_core.practice.faults import Fault
from cohort_core.practice.school import hex_id, progression
from cohort_core.services.purge import purge_student
from cohort_core.services.services import Services
from cohort_core.store.database import Database
from cohort_core.store.hides import load_hides
from cohort_core.store.roster import Enrolment, load_roster
from cohort_core.store.roster_imports import load_earlier_rosters, save_roster, undo_import
from cohort_core.store.stand_ins import NOT_KEPT_BY_PEOPLE, kept_tables, student_tables
from tests.sync.conftest import SyncedClass, instant

REAL = hex_id("student", "zadie")
LINE = Enrolment(email="Zadie@practice.example", first_name="Zadie", last_name="Practice", night="Tuesday")


def stand_in_of(synced: SyncedClass) -> str:
    return str(synced.value("SELECT stand_in_id FROM enrolments WHERE first_name = 'Zadie'"))


def hide(synced: SyncedClass, student_id: str) -> None:
    synced.workspace.hide_student(synced.id, student_id, "done", date(2099, 1, 1))


def start(synced: SyncedClass) -> None:
    row = progression(
        "first", student="zadie", assignment="assignment 0", started=instant(60), completed=instant(60)
    )
    synced.school.put_row(synced.id, row)


def hidden(synced: SyncedClass) -> list[str]:
    return [entry.student_id for entry in load_hides(synced.workspace.database)]


def ids(synced: SyncedClass) -> set[str]:
    return set(synced.workspace.cohorts.class_data(synced.id).students["student_id"])


@pytest.fixture
def waiting(synced: SyncedClass) -> SyncedClass:
    """A class in which Zadie is on the roster alone, and hidden."""
    synced.sync()
    save_roster(synced.workspace.database, {synced.id: [LINE]})
    hide(synced, stand_in_of(synced))
    return synced


def test_a_hide_moves_with_the_first_record_and_the_old_address_still_leads_there(
    waiting: SyncedClass,
) -> None:
    old = stand_in_of(waiting)
    assert old.startswith("roster-")
    start(waiting)
    waiting.sync()
    assert hidden(waiting) == [REAL]
    assert REAL in ids(waiting)
    assert old not in ids(waiting)
    cohorts = waiting.workspace.cohorts
    assert cohorts.student_id_for(waiting.id, old) == REAL
    pseudonym = cohorts.student_id_for(waiting.id, REAL, anonymous=True)
    assert cohorts.student_id_for(waiting.id, old, anonymous=True) == pseudonym
    assert old not in str(cohorts.class_data(waiting.id, anonymous=True).aliases)


def test_a_hide_moves_when_a_sync_fails_after_the_record(waiting: SyncedClass) -> None:
    start(waiting)
    for number in range(100, 400):
        waiting.school.put_row(
            waiting.id,
            progression(
                f"more {number}", student="student 1", assignment=f"a {number}", completed=instant(50)
            ),
        )
    waiting.served.faults.add(Fault("status", "*/progressions*", times=100, after=1))
    assert waiting.sync().state == "failed"
    assert REAL in ids(waiting)
    assert hidden(waiting) == [REAL]


def test_who_loses_all_records_keeps_the_id(waiting: SyncedClass) -> None:
    start(waiting)
    waiting.sync()
    waiting.school.drop_row(waiting.id, hex_id("progression", "first"))
    waiting.sync(full=True, accept_removals=True)
    waiting.sync(full=True, accept_removals=True)
    assert waiting.value(f"SELECT count(*) FROM progressions WHERE student_id = '{REAL}'") == 0
    assert REAL in ids(waiting)
    assert hidden(waiting) == [REAL]


def test_a_hide_moves_when_the_line_comes_after_the_records(waiting: SyncedClass) -> None:
    """The email was wrong at first, so the line meant nobody until the next import."""
    database = waiting.workspace.database
    wrong = Enrolment(email="zadie@wrong.example", first_name="Zadie", last_name="Old", night="Tuesday")
    save_roster(database, {waiting.id: [wrong]})
    old = stand_in_of(waiting)
    hide(waiting, old)
    start(waiting)
    waiting.sync()
    assert sorted(hidden(waiting)) != [REAL]
    save_roster(
        database,
        {waiting.id: [Enrolment(student_id=REAL, first_name="Zadie", last_name="Old")]},
    )
    assert waiting.workspace.cohorts.student_id_for(waiting.id, old) == REAL
    assert REAL in hidden(waiting)


def test_purge_knows_the_old_id_and_leaves_nothing(waiting: SyncedClass) -> None:
    old = stand_in_of(waiting)
    start(waiting)
    waiting.sync()
    save_roster(waiting.workspace.database, {waiting.id: [Enrolment(email="other@practice.example")]})
    gone = purge_student(waiting.workspace.database, old, asked_by="test")
    assert gone.progressions == 1
    kept = b"".join(path.read_bytes() for path in waiting.workspace.home.files()).lower()
    assert b"zadie" not in kept
    assert old.encode() not in kept
    assert REAL.encode() not in kept
    waiting.sync(full=True)
    assert REAL not in ids(waiting)
    undo_import(waiting.workspace.database, waiting.id)
    assert len(ids(waiting)) == 4


def test_purge_of_an_id_of_two_people_is_refused(waiting: SyncedClass) -> None:
    with waiting.workspace.database.writing() as connection:
        connection.execute("INSERT INTO classes (id, name) VALUES ('other', 'Other')")
        connection.executemany(
            "INSERT INTO student_aliases VALUES (?, '7', ?)", [(waiting.id, "a"), ("other", "b")]
        )
    with pytest.raises(BadInput, match="Several students"):
        purge_student(waiting.workspace.database, "7", asked_by="test")


def test_the_present_id_is_used_everywhere_that_takes_one(waiting: SyncedClass) -> None:
    from cohort_core.services.principal import CLI_OWNER

    old = stand_in_of(waiting)
    start(waiting)
    waiting.sync()
    services = Services(waiting.workspace)
    report = services.reader(CLI_OWNER).report("student", waiting.id, student_id=old)
    assert report.records()[0]["student_id"] == REAL
    services.commands(CLI_OWNER).show_again(waiting.id, old)
    assert hidden(waiting) == []


def test_every_table_about_a_student_is_known(synced: SyncedClass) -> None:
    """A new table with a student moves and is purged by itself, if it says of which class it is."""
    with synced.workspace.database.reading() as connection:
        tables = set(student_tables(connection))
        assert NOT_KEPT_BY_PEOPLE - {"students"} <= tables
        for table in kept_tables(connection):
            columns = {row[0] for row in connection.execute(f"SELECT name FROM pragma_table_info('{table}')")}
            assert "class_id" in columns, table
        assert "marks" in kept_tables(connection)


def lines(database: Database, class_id: str) -> list[Enrolment]:
    with database.reading() as connection:
        return load_roster(connection, class_id)


def test_the_roster_before_comes_back_with_all_columns_more_than_once(synced: SyncedClass) -> None:
    synced.sync()
    database = synced.workspace.database
    full = Enrolment(
        "7", "ann@practice.example", "Ann", "Lee", "Tuesday", "North", "2026-09-01", "2026-12-01"
    )
    save_roster(database, {synced.id: [full]})
    first = lines(database, synced.id)
    save_roster(database, {synced.id: [full, LINE]})
    second = lines(database, synced.id)
    assert second[0] == first[0]
    save_roster(database, {synced.id: [full, LINE]})
    save_roster(database, {synced.id: [LINE]})
    undo_import(database, synced.id)
    assert lines(database, synced.id) == second
    undo_import(database, synced.id)
    assert lines(database, synced.id) == first
    assert undo_import(database, synced.id).lines == 0
    assert lines(database, synced.id) == []
    with pytest.raises(BadInput, match="no earlier roster"):
        undo_import(database, synced.id)
    with database.reading() as connection:
        columns = [
            {row[0] for row in connection.execute(f"SELECT name FROM pragma_table_info('{table}')")}
            for table in ("enrolments", "earlier_enrolments")
        ]
        assert columns[0] - {"class_id"} == columns[1] - {"import_id"}
        assert load_earlier_rosters(connection, synced.id) == []


def test_of_many_imports_the_latest_are_kept(synced: SyncedClass) -> None:
    database = synced.workspace.database
    for number in range(30):
        save_roster(database, {synced.id: [Enrolment(email=f"s{number}@practice.example")]})
    assert synced.value("SELECT count(*) FROM roster_imports") == 20
    assert synced.value("SELECT count(*) FROM earlier_enrolments") == 20
    assert synced.value("SELECT count(*) FROM roster_answers") == 30


def test_two_who_share_an_email_have_ids_of_their_own(synced: SyncedClass) -> None:
    synced.sync()
    database = synced.workspace.database
    kim, linh = (
        Enrolment(email="tran@practice.example", first_name=name, last_name="Tran")
        for name in ("Kim", "Linh")
    )
    save_roster(database, {synced.id: [kim]})
    (only,) = lines(database, synced.id)
    save_roster(database, {synced.id: [linh, kim]})
    first, second = lines(database, synced.id)
    assert second.stand_in_id == only.stand_in_id != first.stand_in_id
    assert len(ids(synced)) == 6
