"""Tokens, the audit and settings over the API."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
import requests

from cohort_core.api.app import create_app
from cohort_core.config.paths import Home
from cohort_core.services.workspace import Workspace
from tests.conftest import serving


class Office:
    """The API over a home of its own."""

    def __init__(self, url: str, workspace: Workspace) -> None:
        self.url, self.workspace = url, workspace

    def ask(self, method: str, path: str, token: str | None = None, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(method, self.url + path, headers=headers, timeout=10, **more)

    def events(self, token: str | None = None) -> list[tuple[str, str, str]]:
        items = self.ask("GET", "/audit", token).json()["items"]
        return [
            (event["who"], event["action"], event["detail"])
            for event in items
            if event["action"] != "token used"
        ]


@pytest.fixture
def office(tmp_path: Any) -> Iterator[Office]:
    home = Home(tmp_path / "home")
    home.ensure()
    workspace = Workspace(home)
    with serving(create_app(workspace)) as url:
        yield Office(url, workspace)
    workspace.stop()


def test_a_token_is_shown_once_listed_and_revoked(office: Office) -> None:
    assert office.ask("GET", "/tokens").json()["items"] == []
    made = office.ask("POST", "/tokens", json={"name": "boss", "role": "admin"})
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    boss = made.json()["token"]
    # As soon as there is a token, every request needs one.
    assert office.ask("GET", "/tokens").json()["code"] == "token_missing"
    ci = office.ask("POST", "/tokens", boss, json={"name": "ci", "expires": "90d"}).json()
    assert (ci["role"], ci["class_ids"], ci["expires_at"] > ci["created_at"]) == ("viewer", None, True)
    assert office.ask("GET", "/classes", ci["token"]).status_code == 200

    listed = office.ask("GET", "/tokens", boss)
    assert [row["name"] for row in listed.json()["items"]] == ["boss", "ci"]
    assert set(listed.json()) == {"items", "total", "limit", "offset", "as_of", "synced_at"}
    for answer in (listed, office.ask("GET", "/tokens.csv", boss)):
        assert not any(secret in answer.text for secret in (boss, ci["token"], "digest"))

    revoked = office.ask("DELETE", "/tokens/ci", boss)
    assert (revoked.status_code, revoked.content) == (204, b"")
    assert office.ask("GET", "/classes", ci["token"]).json()["code"] == "token_revoked"
    again = office.ask("DELETE", "/tokens/ci", boss)
    assert (again.status_code, again.json()["code"]) == (404, "unknown_token")
    assert office.ask("GET", "/tokens", boss).json()["items"][1]["revoked_at"]
    assert [event for event in office.events(boss) if event[1] != "export"] == [
        ("token boss", "token revoked", "ci"),
        ("token boss", "token created", "ci, viewer, all classes"),
        ("api", "token created", "boss, admin, all classes"),
    ]


@pytest.mark.parametrize(
    ("body", "status", "parameter"),
    [
        ({}, 422, "name"),
        ({"name": "no spaces"}, 422, "name"),
        ({"name": "x", "role": "king"}, 422, "role"),
        ({"name": "x", "expires": "soon"}, 422, "expires"),
        ({"name": "x", "expires": ""}, 422, "expires"),
        ({"name": "x", "digest": "0"}, 422, "body"),
        ({"name": "x", "class_ids": []}, 422, "class_ids"),
        ({"name": "x", "class_ids": ["none"]}, 404, None),
    ],
)
def test_an_invalid_token_is_not_made(
    office: Office, body: dict[str, Any], status: int, parameter: str | None
) -> None:
    answer = office.ask("POST", "/tokens", json=body)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json().get("parameter")) == (status, parameter)
    assert office.ask("GET", "/tokens").json()["total"] == 0


def test_a_change_moves_what_it_names_and_is_kept(office: Office) -> None:
    before = office.ask("GET", "/settings").json()
    assert (before["timezone"], before["anonymous"], before["set_by_environment"]) == (None, False, [])
    assert not {"password", "email", "app_id", "origin"} & before.keys()
    changed = office.ask("PATCH", "/settings", json={"timezone": "Europe/Berlin", "anonymous": True})
    assert changed.json() == before | {"timezone": "Europe/Berlin", "anonymous": True}
    # The second one is valid only together with the first: the thresholds must rise.
    for limits in ({"critical_gap": 60, "high_gap": 40}, {"medium_gap": 35}):
        answer = office.ask("PATCH", "/settings", json={"thresholds": limits})
        assert answer.status_code == 200, answer.text
    settings = office.ask("GET", "/settings").json()
    moved = {"critical_gap": 60.0, "high_gap": 40.0, "medium_gap": 35.0}
    assert settings == changed.json() | {"thresholds": before["thresholds"] | moved}
    assert office.workspace.settings().thresholds.changed == moved
    assert office.ask("PATCH", "/settings", json={}).json() == settings
    assert office.events() == [
        ("api", "settings", "thresholds"),
        ("api", "settings", "thresholds"),
        ("api", "settings", "anonymous, timezone"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"password": "s3cret"},
        {"app_id": "s3cret"},
        {"timezone": "Mars/s3cret"},
        {"sync_every": "s3cret"},
        {"anonymous": None},
        {"thresholds": {"s3cret_gap": 1}},
        {"thresholds": {"stuck_days": 0}},
        {"thresholds": {"high_gap": 50}},
        {"thresholds": None},
        ["timezone"],
    ],
)
def test_an_invalid_setting_is_not_kept(office: Office, body: Any) -> None:
    before = office.ask("GET", "/settings").json()
    answer = office.ask("PATCH", "/settings", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input"), answer.text
    assert "s3cret" not in answer.text.replace("s3cret_gap", "")
    assert office.ask("GET", "/settings").json() == before
    assert office.events() == []


def test_settings_of_the_environment_are_named_and_stay(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COHORT_TIMEZONE", "Asia/Tokyo")
    changed = office.ask("PATCH", "/settings", json={"timezone": "Europe/Berlin"}).json()
    assert (changed["timezone"], changed["set_by_environment"]) == ("Asia/Tokyo", ["timezone"])


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_another_site_changes_nothing(office: Office, method: str) -> None:
    path = {"POST": "/tokens", "PATCH": "/settings", "DELETE": "/tokens/ci"}[method]
    answer = requests.request(
        method, office.url + path, headers={"Origin": "https://evil.example"}, json={"name": "x"}, timeout=10
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert office.events() == []


def test_changes_that_meet_are_all_kept(office: Office) -> None:
    changes: list[dict[str, Any]] = [
        {"anonymous": True},
        {"timezone": "Asia/Tokyo"},
        *({"thresholds": {name: 9}} for name in ("stuck_days", "cooling_days", "triage_length")),
    ]
    with ThreadPoolExecutor(len(changes)) as pool:
        statuses = pool.map(lambda change: office.ask("PATCH", "/settings", json=change).status_code, changes)
        assert set(statuses) == {200}
    settings = office.ask("GET", "/settings").json()
    assert (settings["anonymous"], settings["timezone"]) == (True, "Asia/Tokyo")
    assert [settings["thresholds"][name] for name in ("stuck_days", "cooling_days", "triage_length")] == [
        9,
        9,
        9,
    ]


def test_a_new_token_has_the_fields_of_the_list(office: Office) -> None:
    made = office.ask("POST", "/tokens", json={"name": "boss", "role": "admin", "expires": "9d"}).json()
    secret = made.pop("token")
    (listed,) = office.ask("GET", "/tokens", secret).json()["items"]
    assert made == listed | {"last_used_at": None}


def test_an_unknown_field_is_not_echoed(office: Office) -> None:
    for path, body in (
        ("/settings", {"s3cret": 1}),
        ("/settings", {"thresholds": {"s3cret": 1}}),
        ("/tokens", {"name": "x", "s3cret": 1}),
    ):
        answer = office.ask("PATCH" if path == "/settings" else "POST", path, json=body)
        assert answer.status_code == 422
        assert "s3cret" not in answer.text


def test_tokens_are_sorted_by_role(office: Office) -> None:
    """The order is that of the rights, not that of the alphabet."""
    boss = office.ask("POST", "/tokens", json={"name": "boss", "role": "admin"}).json()["token"]
    for role in ("viewer", "mentor"):
        assert office.ask("POST", "/tokens", boss, json={"name": role, "role": role}).status_code == 201
    by_role = office.ask("GET", "/tokens?sort=-role&fields=role", boss).json()["items"]
    assert [row["role"] for row in by_role] == ["admin", "mentor", "viewer"]


def test_a_change_that_cannot_be_audited_is_not_made(office: Office) -> None:
    database = office.workspace.database
    office.ask("PATCH", "/settings", json={"timezone": "Asia/Tokyo"})
    database.busy_seconds = 0.1
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = office.ask("PATCH", "/settings", json={"anonymous": True, "sync_every": "30m"})
        assert (refused.status_code, refused.json()["code"]) == (503, "database_busy")
        settings = office.ask("GET", "/settings").json()
        assert (settings["anonymous"], settings["sync_every"], office.workspace.plan) == (False, None, None)


def test_a_database_that_another_program_keeps_for_itself_is_busy(office: Office) -> None:
    database = office.workspace.database
    database.migrate()
    database.busy_seconds = 0.1
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        for path in ("/settings", "/health"):
            refused = office.ask("GET", path)
            assert (refused.status_code, refused.json()["code"]) == (503, "database_busy")
    assert office.ask("GET", "/health").status_code == 200
