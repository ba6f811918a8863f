"""Closing a class over the API: it stops syncing, leaves triage, stays readable, and leaves counts behind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from cohort_core.api.app import create_app
from cohort_core.config.paths import Home
from cohort_core.services.workspace import Workspace
from cohort_core.store.audit import load_events
from cohort_core.store.classes import set_active
from cohort_core.store.maintenance import backup
from tests.api.conftest import Service
from tests.conftest import FAST_RETRIES, serving

CLASS = "web-cohort-3"
SYNCED = (CLASS, "pda-cohort-7", "odd-names")
"""The small classes: those that a sync without a name reads here."""


class Closing:
    def __init__(self, url: str, workspace: Workspace) -> None:
        self.url, self.workspace = url, workspace

    def post(self, path: str, status: int = 200, **more: Any) -> Any:
        answer = requests.post(self.url + path, timeout=20, **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        answer = requests.get(self.url + path, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def triage(self, friendly_id: str) -> list[tuple[str, str]]:
        """Return kind and student of each entry of triage of one class."""
        ids = {row["id"] for row in self.get("/classes") if row["friendly_id"] == friendly_id}
        items = self.get("/triage?limit=1000")["items"]
        return [(row["kind"], row["student_id"]) for row in items if row["class_id"] in ids]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.workspace.database.reading() as connection:
            return [tuple(row) for row in connection.execute(statement)]


@pytest.fixture
def office(service: Service, tmp_path: Any) -> Iterator[Closing]:
    home = Home(tmp_path / "home")
    home.ensure()
    backup(service.workspace.database, home.database, asked_by="test")
    for path in (service.workspace.home.config, service.workspace.home.credentials):
        shutil.copy(path, home.folder)
    workspace = Workspace(home, retry_policy=FAST_RETRIES)
    with workspace.database.writing() as connection:
        # Other tests of the session may have noted contacts.
        for table in ("contacts", "handover_notes", "marks"):
            connection.execute(f"DELETE FROM {table}")
    with serving(create_app(workspace)) as url:
        yield Closing(url, workspace)
    workspace.stop()


def test_a_closed_class_is_left_alone_and_stays_readable(office: Closing) -> None:
    database = office.workspace.database
    set_active(database, [status.id for status in office.workspace.cohorts.statuses()], active=False)
    set_active(database, SYNCED, active=True)
    before = office.triage(CLASS)
    assert before
    office.workspace.prepare_sync([CLASS], asked_by="test").run()
    closed = office.post(f"/classes/{CLASS}/close", json={})
    assert (closed["friendly_id"], closed["is_active"]) == (CLASS, True)
    followed = office.get("/classes?active=true")
    assert followed[-1]["closed_on"] == closed["closed_on"] is not None

    assert office.triage(CLASS) == []
    job = office.workspace.prepare_sync(asked_by="schedule").run()
    assert len(job.runs) == len(SYNCED) - 1
    assert closed["id"] not in {run.class_id for run in job.runs}
    # By name it is synced all the same, and nothing of that is news.
    assert office.workspace.prepare_sync([CLASS], asked_by="test").run().state == "done"
    assert office.get(f"/classes/{CLASS}/changes")["items"] == []
    assert office.get(f"/classes/{CLASS}/changes?since=2020-01-01")["items"]
    assert office.get(f"/classes/{CLASS}/metrics/student-health")
    assert office.get(f"/classes/{CLASS}/students")

    office.post(f"/classes/{CLASS}/open")
    assert office.triage(CLASS) == before
    assert len(office.workspace.prepare_sync(asked_by="schedule").run().runs) == len(SYNCED)
    actions = [(event.who, event.action) for event in load_events(office.workspace.database, 40)]
    assert [action for action in actions if action[1] in {"open", "close"}] == [
        *(("api", "open"), ("api", "close"))
    ]


def test_only_counts_are_kept_of_who_was_lost(office: Closing) -> None:
    students = office.get(f"/classes/{CLASS}/students")
    withdrawn = [row["id"] for row in students if row["withdrawn_on"]]
    assert withdrawn
    health = office.get(f"/classes/{CLASS}/metrics/student-health")
    critical = [row["student_id"] for row in health if row["risk"] == "critical"]
    office.post(f"/classes/{CLASS}/close", json={"lost": [*critical, *critical, *withdrawn]})
    counts = office.rows("SELECT quarter, band, students, lost FROM band_counts")
    assert {quarter for quarter, *_ in counts} == {1, 2, 3, 4}
    (last,) = [row for row in counts if row[:2] == (4, "critical")]
    assert last[2:] == (len(critical), len(critical))

    bands = {row["band"]: row for row in office.get("/risk-bands")["items"]}
    mine = [row for row in counts if row[1] == "critical"]
    students_of, lost_of = (sum(row[place] for row in mine) for place in (2, 3))
    assert (bands["critical"]["own_students"], bands["critical"]["own_lost"]) == (students_of, lost_of)
    assert f"in your finished class {lost_of} of {students_of}" in bands["critical"]["meaning"]

    office.post(f"/classes/{CLASS}/open")
    assert office.rows("SELECT * FROM band_counts") == []
    assert "finished class" not in str(office.get("/risk-bands"))
    # Without a list of who was lost, the roster says it.
    office.post(f"/classes/{CLASS}/close")
    first = office.rows("SELECT sum(lost) FROM band_counts WHERE quarter = 1")
    assert 0 < first[0][0] <= len(withdrawn)


def test_nothing_is_counted_while_nobody_has_said_who_was_lost(office: Closing) -> None:
    reference = "oulad-aaa-2013j"
    office.post(f"/classes/{reference}/close")
    assert office.rows("SELECT * FROM band_counts") == []
    office.post(f"/classes/{reference}/open")
    office.post(f"/classes/{reference}/close", json={"lost": []})
    assert office.rows("SELECT sum(lost) FROM band_counts") == [(0,)]


def test_deleting_a_class_takes_its_counts_away(office: Closing) -> None:
    class_id = office.post(f"/classes/{CLASS}/close")["id"]
    with office.workspace.database.writing() as connection:
        tables = connection.execute(
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c "
            "WHERE m.type = 'table' AND c.name = 'class_id' AND m.name != 'band_counts'"
        ).fetchall()
        # Those that refer to others go first.
        for table in sorted((row["name"] for row in tables), key=lambda name: name == "runs"):
            connection.execute(f"DELETE FROM {table} WHERE class_id = ?", (class_id,))
        connection.execute("DELETE FROM classes WHERE id = ?", (class_id,))
    assert office.rows("SELECT * FROM band_counts") == []


def test_what_cannot_be_closed_is_refused_in_a_sentence(office: Closing) -> None:
    tomorrow = {"closed_on": "2150-01-01"}
    assert office.post(f"/classes/{CLASS}/close", 422, json=tomorrow)["parameter"] == "closed_on"
    early = office.post(f"/classes/{CLASS}/close", 422, json={"closed_on": "2001-01-01"})
    assert (early["parameter"], "The class began on" in early["detail"]) == ("closed_on", True)
    unknown = office.post(f"/classes/{CLASS}/close", 422, json={"lost": ["nobody"]})
    assert unknown["parameter"] == "lost"
    assert office.post("/classes/nowhere/close", 404)["code"] == "unknown_class"
    assert office.post(f"/classes/{CLASS}/open", 422)["code"] == "bad_input"
    assert office.post(f"/classes/{CLASS}/close", 422, json={"closed_on": 20250101})
    office.post(f"/classes/{CLASS}/close", json={})
    assert office.post(f"/classes/{CLASS}/close", 422)["code"] == "bad_input"
    with office.workspace.database.writing() as connection:
        connection.execute("UPDATE classes SET closed_on = NULL, synced_at = NULL, revision = revision + 1")
    assert "never synced" in office.post(f"/classes/{CLASS}/close", 422)["detail"]


def test_in_anonymous_mode_students_are_named_by_their_pseudonyms(office: Closing) -> None:
    real = [row["id"] for row in office.get(f"/classes/{CLASS}/students")]
    config = office.workspace.home.config
    config.write_text(config.read_text() + "\nanonymous = true\n")
    shown = [row["id"] for row in office.get(f"/classes/{CLASS}/students")]
    assert office.post(f"/classes/{CLASS}/close", 422, json={"lost": real})["parameter"] == "lost"
    office.post(f"/classes/{CLASS}/close", json={"lost": shown})
    assert office.rows("SELECT count(*) FROM band_counts WHERE students != lost") == [(0,)]


def test_a_mentor_closes_the_classes_that_are_theirs(office: Closing) -> None:
    boss = office.post("/tokens", 201, json={"name": "boss", "role": "admin"})["token"]
    tokens = {"boss": boss}
    for body in (
        {"name": "mentor", "role": "mentor", "class_ids": [CLASS]},
        {"name": "viewer", "role": "viewer"},
    ):
        made = office.post("/tokens", 201, json=body, headers={"Authorization": f"Bearer {boss}"})
        tokens[made["name"]] = made["token"]

    def ask(path: str, who: str) -> int:
        headers = {"Authorization": f"Bearer {tokens[who]}"}
        return requests.post(office.url + path, headers=headers, timeout=20).status_code

    assert ask(f"/classes/{CLASS}/close", "viewer") == 403
    assert ask("/classes/sd-cohort-12/close", "mentor") == 404
    assert ask(f"/classes/{CLASS}/close", "mentor") == 200
    # What another class left behind is not shown to a token that may not see it.
    assert ask("/classes/sd-cohort-12/close", "boss") == 200
    headers = {"Authorization": f"Bearer {tokens['mentor']}"}
    bands = requests.get(f"{office.url}/risk-bands", headers=headers, timeout=20).json()["items"]
    assert {row["own_classes"] for row in bands} == {1}
    assert ask(f"/classes/{CLASS}/open", "mentor") == 200
