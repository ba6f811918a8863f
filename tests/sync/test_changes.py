"""Changes: each kind of event from a real sync appears once, at the time at which it was seen."""

from __future__ import annotations

from typing import Any

import pytest

from cohort_core.errors import BadInput
from cohort_core.practice.school import hex_id
from cohort_core.store.roster import Enrolment
from cohort_core.store.roster_imports import save_roster
from tests.sync.conftest import SyncedClass, id_of, instant, row


def events_of(synced: SyncedClass, **window: Any) -> list[tuple[Any, ...]]:
    columns = ("kind", "student_id", "assignment_id", "grade_before", "grade_after")
    return [
        tuple(event[name] for name in columns)
        for event in synced.workspace.cohorts.changes(synced.id, **window).records()
    ]


def student(number: int) -> str:
    return hex_id("student", f"student {number % 4}")


def assignment(number: int) -> str:
    return hex_id("assignment", f"assignment {number // 4}")


def test_after_one_sync_nothing_has_changed_since_the_sync_before(synced: SyncedClass) -> None:
    synced.sync()
    assert events_of(synced) == []


def test_events_of_the_first_sync_have_openclass_own_times(synced: SyncedClass) -> None:
    synced.sync()
    events = synced.workspace.cohorts.changes(synced.id, since=instant(3), until=instant(5)).records()
    assert [(event["kind"], event["at"]) for event in events if event["kind"] == "completed"] == [
        ("completed", instant(5)),
        ("completed", instant(4)),
    ]
    everything = events_of(synced, since="2026-01-01")
    assert sum(kind == "completed" for kind, *_ in everything) == 12
    assert sum(kind == "new_student" for kind, *_ in everything) == 4


def test_every_kind_appears_once(synced: SyncedClass) -> None:
    synced.school.put_row(synced.id, row(12, completed=None, grade=None))
    synced.school.put_row(synced.id, row(13, grade=None))
    synced.sync()
    synced.sync()
    synced.school.change_row(synced.id, id_of(0), grade=0.5)
    synced.school.change_row(synced.id, id_of(1), reviewed_at="2026-04-01T00:00:00Z")
    synced.school.change_row(synced.id, id_of(12), completed_assignment_at=instant(30), grade=0.75)
    synced.school.change_row(synced.id, id_of(13), grade=0.25)
    synced.school.change_row(synced.id, id_of(2), completed_assignment_at=None)
    synced.sync()
    events = [event for event in events_of(synced) if event[0] != "band_moved"]
    assert sorted(events, key=str) == sorted(
        [
            ("regraded", student(0), assignment(0), 1.0, 0.5),
            ("reviewed", student(1), assignment(1), None, None),
            ("completed", student(12), assignment(12), None, 0.75),
            ("graded", student(13), assignment(13), None, 0.25),
            ("reopened", student(2), assignment(2), None, None),
        ],
        key=str,
    )
    assert synced.workspace.cohorts.changes(synced.id).records()[0]["name"].endswith("Practice")
    synced.sync()
    assert events_of(synced) == []


def test_people_who_come_and_come_back(synced: SyncedClass) -> None:
    synced.sync()
    synced.sync()
    newcomer = row(40) | {"user": {"id": "newcomer", "first_name": "New", "last_name": "Comer"}}
    synced.school.put_row(synced.id, newcomer)
    synced.school.put_row(synced.id, row(12, completed=None, started="2026-11-20T10:00:00Z"))
    synced.sync()
    kinds = {(kind, student_id) for kind, student_id, *_ in events_of(synced)}
    assert ("new_student", "newcomer") in kinds
    assert ("completed", "newcomer") in kinds
    assert ("started", student(12)) in kinds
    since = events_of(synced, since="2026-11-01", until="2026-11-21")
    assert ("came_back", student(12), None, None, None) in since


def test_records_that_go_and_come_again(synced: SyncedClass) -> None:
    synced.sync()
    synced.school.drop_row(synced.id, id_of(3))
    for _ in range(2):
        synced.sync()
    assert ("removed", student(3), assignment(3), None, None) in events_of(synced)
    synced.school.put_row(synced.id, row(3))
    synced.sync()
    assert [event[0] for event in events_of(synced) if event[0] != "band_moved"] == ["returned", "completed"]


def test_a_group_sees_only_its_own(synced: SyncedClass) -> None:
    synced.sync()
    save_roster(synced.workspace.database, {synced.id: [Enrolment(student_id=student(1), night="Tue")]})
    events = events_of(synced, since="2026-01-01", group="Tue")
    assert {student_id for _, student_id, *_ in events} == {student(1)}
    with pytest.raises(BadInput, match="since"):
        events_of(synced, since="whenever")
