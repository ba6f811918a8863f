"""Accounts and sessions over the API, as an administrator's script uses them."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
import requests

from cohort_core.api.app import create_app
from cohort_core.clock import utc_now
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.accounts import create_account, load_accounts, load_sessions, open_session
from cohort_core.store.database import Database
from cohort_core.store.tokens import create_token
from tests.conftest import serving

PASSWORD = "five words make a password"


class Office:
    """A server with an administrator's token."""

    def __init__(self, url: str, database: Database, token: str) -> None:
        self.url, self.database, self.token = url, database, token

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.request(method, self.url + path, headers=headers, timeout=20, **more)

    def make(self, name: str, role: str = "mentor", **more: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/accounts", json={"name": name, "role": role, **more})
        assert answer.status_code == 201, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        made: dict[str, Any] = answer.json()
        return made


@pytest.fixture
def office(workspace: Workspace) -> Iterator[Office]:
    workspace.home.ensure()
    token = create_token(workspace.database, "boss", "admin", asked_by="test", now=utc_now())
    create_account(workspace.database, "root", "admin", asked_by="test", now=utc_now())
    with serving(create_app(workspace)) as url:
        yield Office(url, workspace.database, token)


def sign_in(office: Office, account_id: int) -> None:
    open_session(office.database, account_id, label="Firefox", lifetime=timedelta(days=1), now=utc_now())


def test_an_account_is_made_changed_and_deleted_and_no_answer_holds_a_secret(office: Office) -> None:
    ana = office.make("ana", email="ana@example.org")
    secret = ana["invitation"].rsplit("/", 1)[1]
    ben = office.make("ben", password=PASSWORD)
    assert (ana["has_password"], ben["has_password"], ben["invitation"]) == (False, True, None)
    changed = office.ask("PATCH", f"/accounts/{ana['id']}", json={"role": "viewer", "groups": ["Tuesday"]})
    assert (changed.json()["role"], changed.json()["groups"]) == ("viewer", ["Tuesday"])
    again = office.ask("POST", f"/accounts/{ana['id']}/invite")
    assert (again.status_code, again.headers["Cache-Control"]) == (201, "no-store")
    assert again.json()["invitation"] != ana["invitation"]
    assert office.ask("DELETE", f"/accounts/{ben['id']}").status_code == 204
    listed = office.ask("GET", "/accounts")
    assert [item["name"] for item in listed.json()["items"]] == ["root", "ana"]
    audit = office.ask("GET", "/audit")
    events = [(item["who"], item["action"], item["detail"]) for item in audit.json()["items"]]
    assert ("token boss", "account created", "ana, mentor, all classes") in events
    assert ("token boss", "account deleted", "ben") in events
    for answer in (listed, audit, office.ask("GET", "/accounts.csv"), changed):
        assert not any(
            word in answer.text for word in (secret, PASSWORD, "argon2", "password_hash", "totp_secret")
        )
    assert "ana@example.org" not in audit.text


def test_sessions_are_listed_and_ended_without_their_digests(office: Office) -> None:
    people = [office.make(name)["id"] for name in ("ana", "ben")]
    for account_id in people:
        sign_in(office, account_id)
    digests = [session.digest for session in load_sessions(office.database)]
    listed = office.ask("GET", "/sessions")
    assert sorted(item["name"] for item in listed.json()["items"]) == ["ana", "ben"]
    assert not any(digest in listed.text for digest in digests)
    assert office.ask("DELETE", f"/sessions?account={people[0]}").status_code == 204
    assert [session.account_id for session in load_sessions(office.database)] == [people[1]]
    sign_in(office, people[0])
    assert office.ask("DELETE", "/sessions").status_code == 204
    assert load_sessions(office.database) == []
    assert office.ask("GET", "/sessions").status_code == 200
    assert ("sessions ended", "everybody's") in [
        (item["action"], item["detail"]) for item in office.ask("GET", "/audit").json()["items"]
    ]


def test_sessions_that_are_over_are_not_listed(office: Office) -> None:
    ana, now = office.make("ana")["id"], utc_now()
    for opened, days in ((now - timedelta(days=2), 1), (now - timedelta(hours=13), 14), (now, 1)):
        open_session(office.database, ana, label=f"{days}", lifetime=timedelta(days=days), now=opened)
    assert len(load_sessions(office.database)) == 2
    assert [item["label"] for item in office.ask("GET", "/sessions").json()["items"]] == ["1"]


def test_a_deleted_account_leaves_no_file_of_its_visits(office: Office) -> None:
    ana, home = office.make("ana")["id"], office.database.home
    for number in (1, ana):
        home.visits_of(number).write_text("{}")
    assert office.ask("DELETE", f"/accounts/{ana}").status_code == 204
    assert not home.visits_of(ana).exists()
    Services(Workspace(home)).accounts(CLI_OWNER).remove_all()
    assert not home.visits_of(1).exists()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/accounts", {"name": "ana", "role": "mentor"}),
        ("POST", "/accounts", {"name": "<b>", "role": "mentor"}),
        ("POST", "/accounts", {"name": "new", "role": "root"}),
        ("POST", "/accounts", {"name": "new", "role": "mentor", "class_ids": []}),
        ("POST", "/accounts", {"name": "new", "role": "mentor", "password": "short"}),
        ("POST", "/accounts", {"name": "new", "role": "mentor", "password_hash": "x"}),
        ("PATCH", "/accounts/1", {"password_hash": "x"}),
        ("PATCH", "/accounts/1", {"totp_secret": None}),
        ("PATCH", "/accounts/1", {"is_active": None}),
        ("PATCH", "/accounts/1", {"role": None}),
        ("PATCH", "/accounts/99", {"is_active": False}),
        ("DELETE", "/accounts/99", None),
        ("POST", "/accounts/99/invite", None),
        ("DELETE", "/sessions?account=99", None),
        ("DELETE", "/sessions?account=x", None),
    ],
)
def test_what_cannot_be_changes_nothing(office: Office, method: str, path: str, body: Any) -> None:
    office.make("ana")
    before = office.ask("GET", "/accounts").json()["items"]
    answer = office.ask(method, path, json=body)
    assert answer.status_code in {404, 422}, answer.text
    assert {"code", "title"} & answer.json().keys()
    assert office.ask("GET", "/accounts").json()["items"] == before


def test_with_an_account_the_api_wants_a_token(workspace: Workspace) -> None:
    workspace.home.ensure()
    with serving(create_app(workspace)) as url:
        assert requests.get(f"{url}/classes", timeout=20).status_code == 200
        mentor = requests.post(f"{url}/accounts", json={"name": "m", "role": "mentor"}, timeout=20)
        assert (mentor.status_code, mentor.json()["parameter"]) == (422, "role")
        assert "administrator's" in mentor.json()["detail"]
        assert load_accounts(workspace.database, deleted=True) == []
        body = {"name": "boss", "role": "admin"}
        assert requests.post(f"{url}/accounts", json=body, timeout=20).status_code == 201
        assert requests.get(f"{url}/classes", timeout=20).json()["code"] == "token_missing"
        assert requests.get(f"{url}/health", timeout=20).status_code == 200


def test_what_an_administrator_types_is_no_formula_and_no_control_character(office: Office) -> None:
    evil = "=1+1;=cmd|' /C calc'!A0"
    ana = office.make("ana", email="=1+1+cmd|'x'!A0@example.org", groups=[evil, "\x1b[31mred\r\n=2+2"])
    (made,) = (item for item in office.ask("GET", "/accounts").json()["items"] if item["name"] == "ana")
    assert made["groups"] == ana["groups"]
    rows = csv.DictReader(io.StringIO(office.ask("GET", "/accounts.csv").text.lstrip("\ufeff")))
    (row,) = (row for row in rows if row["name"] == "ana")
    assert row["email"] == "'=1+1+cmd|'x'!A0@example.org"
    for cell in re.split(r"[;\t\r\n]", row["groups"]):
        assert not cell.startswith(("=", "+", "-", "@")), row["groups"]
    book = openpyxl.load_workbook(io.BytesIO(office.ask("GET", "/accounts.xlsx").content))
    assert {cell.data_type for row in book.worksheets[0] for cell in row} <= {"s", "n", "b", "d"}
    home = {**os.environ, "COHORT_HOME": str(office.database.home.folder)}
    for words in (
        ["account", "list"],
        ["account", "list", "--json"],
        ["audit"],
        ["account", "sessions", "ana"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "cohort_core.cli", *words],
            env=home,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert all(letter.isprintable() or letter == "\n" for letter in done.stdout), words
        assert words[0] == "audit" or "sessions" in words or "ana" in done.stdout
