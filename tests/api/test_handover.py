"""Answers for the handover over the API: what somebody else wrote meanwhile is not replaced in silence."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from cohort_core.api.app import create_app
from cohort_core.practice.school import hex_id
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.store.audit import load_events
from tests.conftest import serving
from tests.sync.conftest import SyncedClass
from tests.sync.conftest import synced as synced  # a fixture

WHO = hex_id("student", "student 1")


@pytest.fixture
def url(synced: SyncedClass) -> Iterator[str]:
    synced.sync()
    with serving(create_app(synced.workspace)) as address:
        yield f"{address}/classes/{synced.id}/handover-notes"


def put(url: str, text: str, before: str | None = None) -> requests.Response:
    body = {"question": "promised", "text": text, "student_id": WHO}
    return requests.put(url, json=body if before is None else body | {"before": before}, timeout=10)


def answers(synced: SyncedClass) -> list[str]:
    reader = Services(synced.workspace).reader(CLI_OWNER)
    return [note.text for note in reader.handover_notes(synced.id)]


def test_an_answer_that_changed_meanwhile_is_not_replaced(url: str, synced: SyncedClass) -> None:
    assert put(url, "A laptop", before="").status_code == 204
    refused = put(url, "A call", before="")
    assert refused.status_code == 409, refused.text
    problem = refused.json()
    assert (problem["code"], problem["present"]) == ("answer_changed", "A laptop")
    assert "Somebody changed this answer while you wrote" in problem["detail"]
    assert answers(synced) == ["A laptop"]
    assert len([event for event in load_events(synced.workspace.database) if "handover" in event.action]) == 1
    # The same answer twice is no conflict, and those who saw the present one may replace it.
    assert put(url, "A laptop", before="").status_code == 204
    assert put(url, "A call", before=" A laptop ").status_code == 204
    assert put(url, "", before="A laptop").status_code == 409
    assert put(url, "Both").status_code == 204
    assert answers(synced) == ["Both"]


def test_of_many_at_once_one_is_kept(url: str, synced: SyncedClass) -> None:
    with ThreadPoolExecutor(4) as mentors:
        made = list(mentors.map(lambda number: put(url, f"Answer {number}", before=""), range(4)))
    assert sorted(answer.status_code for answer in made) == [204, 409, 409, 409]
    (kept,) = answers(synced)
    assert {answer.json()["present"] for answer in made if answer.status_code == 409} == {kept}


def test_with_pseudonyms_the_refusal_does_not_show_the_answer(url: str, synced: SyncedClass) -> None:
    assert put(url, "Canary likes tea").status_code == 204
    config = synced.workspace.home.config
    config.write_text(config.read_text() + "\nanonymous = true\n")
    body = {"question": "promised", "text": "A call", "before": ""}
    reader = Services(synced.workspace).reader(CLI_OWNER)
    shown = reader.student_id_for(synced.id, WHO)
    refused = requests.put(url, json=body | {"student_id": shown}, timeout=10)
    assert refused.status_code == 409, refused.text
    assert "Canary" not in refused.text
