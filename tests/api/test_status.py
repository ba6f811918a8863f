"""Counts, mentors, active classes, and the class report of a class in which nobody has begun."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from cohort_core.api.app import create_app
from cohort_core.clock import utc_now
from cohort_core.store.roster import Enrolment, Mentor, save_mentors
from cohort_core.store.roster_imports import save_roster
from cohort_core.store.tokens import create_token
from tests.api.conftest import Service
from tests.conftest import serving
from tests.sync.conftest import SyncedClass
from tests.sync.conftest import synced as synced  # a fixture

CLASS = "/classes/web-cohort-3"


def test_counts_fit_the_classes(service: Service) -> None:
    state, classes = service.get("/status"), service.get("/classes")
    assert state["classes"] == len(classes)
    assert state["active_classes"] == sum(row["is_active"] for row in classes)
    assert (state["running"], state["last_sync"]) == (None, service.get("/health")["last_sync"])
    for name in ("assignments", "progressions", "quarantined"):
        assert state[name] == sum(row[name] for row in classes)
    students = {
        row["student_id"] for item in classes for row in service.get(f"/classes/{item['id']}/progressions")
    }
    assert state["students"] == len(students)
    assert set(service.get("/health")) == {"status", "last_sync"}


def test_mentors_are_listed_and_numbered_in_anonymous_mode(service: Service) -> None:
    save_mentors(service.workspace.database, [Mentor("Mira", "Tuesday"), Mentor("Ben", None)])
    rows = [{"name": "Ben", "night": None}, {"name": "Mira", "night": "Tuesday"}]
    assert service.get("/mentors")["items"] == rows
    hidden = service.get("/mentors", anonymous="true")["items"]
    assert [row["name"] for row in hidden] == ["Mentor 1", "Mentor 2"]


def test_all_and_active_classes(service: Service) -> None:
    everything = service.get("/classes")
    assert service.get("/classes", all="true") == service.get("/classes", active="false") == everything
    changed = requests.post(f"{service.url}{CLASS}/deactivate", timeout=10)
    assert (changed.status_code, changed.json()["is_active"]) == (200, False)
    active = service.get("/classes", active="true")
    assert [row["friendly_id"] for row in active] == [
        row["friendly_id"] for row in service.get("/classes") if row["is_active"]
    ]
    assert len(active) == len(everything) - 1
    changed = requests.post(f"{service.url}{CLASS}/activate", timeout=10)
    assert changed.json() in service.get("/classes", active="true")
    assert service.refused("/classes", all="true", active="true")["code"] == "bad_input"
    unknown = requests.post(f"{service.url}/classes/nothing/activate", timeout=10)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_class")


@pytest.fixture
def url(synced: SyncedClass) -> Iterator[str]:
    with serving(create_app(synced.workspace)) as address:
        yield address


def test_only_what_may_be_seen_is_counted(synced: SyncedClass, url: str) -> None:
    synced.sync()
    synced.school.add_class("Other")
    synced.workspace.refresh_classes()
    database = synced.workspace.database
    mine = create_token(database, "mine", "viewer", ["other"], asked_by="test", now=utc_now())
    every = create_token(database, "all", "viewer", asked_by="test", now=utc_now())
    counts = [
        requests.get(f"{url}/status", headers={"Authorization": f"Bearer {token}"}, timeout=10).json()
        for token in (mine, every)
    ]
    assert [(row["classes"], row["students"], row["progressions"]) for row in counts] == [
        (1, 0, 0),
        (2, 4, 12),
    ]


@pytest.mark.parametrize("as_of", ["2000-01-01", "1970-01-01", "2025-01-01"])
def test_the_class_report_before_anybody_has_begun(service: Service, as_of: str) -> None:
    answer = requests.get(f"{service.url}{CLASS}/report.pdf", params={"as_of": as_of}, timeout=30)
    assert (answer.status_code, answer.content[:5]) == (200, b"%PDF-")


@pytest.mark.parametrize("has_roster", [False, True])
@pytest.mark.parametrize("has_day", [False, True])
def test_the_class_report_of_the_first_day(
    synced: SyncedClass, url: str, has_roster: bool, has_day: bool
) -> None:
    first = synced.school.add_class(
        "First",
        units=[{"name": "Week 1", "assignments": ["a1", "a2"]}, {"name": "Week 2", "assignments": ["a3"]}],
    )
    synced.workspace.refresh_classes()
    synced.workspace.prepare_sync([first], asked_by="test").run()
    if has_roster:
        day = "2026-01-05" if has_day else None
        people = [
            Enrolment(email=f"{name}@example.org", first_name=name, enrolled_on=day) for name in ("Ana", "Bo")
        ]
        save_roster(synced.workspace.database, {first: people})
    answer = requests.get(f"{url}/classes/{first}/report.pdf", timeout=30)
    assert (answer.status_code, answer.content[:5]) == (200, b"%PDF-")
