"""Accounts of people through the API, for admins' tokens alone."""

from __future__ import annotations

import re

from tests.api.test_administration import Office
from tests.api.test_administration import office as office  # a fixture

PASSWORD = "coffee before the morning"


def test_an_account_is_made_invited_changed_and_deleted(office: Office) -> None:
    boss = office.ask("POST", "/tokens", json={"name": "boss", "role": "admin"}).json()["token"]
    made = office.ask(
        "POST", "/accounts", boss, json={"name": "ana", "role": "mentor", "groups": ["Tuesday"]}
    )
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    ana = made.json()
    assert re.fullmatch(r"http://127\.0\.0\.1:3000/invitation/[\w-]{43}", ana["invitation"])
    assert (ana["has_password"], ana["role"], ana["groups"]) == (False, "mentor", ["Tuesday"])
    body = {"name": "lead", "role": "admin", "password": PASSWORD}
    lead = office.ask("POST", "/accounts", boss, json=body).json()
    assert (lead["invitation"], lead["has_password"]) == (None, True)

    address = f"/accounts/{ana['id']}"
    again = office.ask("POST", f"{address}/invite", boss)
    assert (again.status_code, again.json()["invitation"] != ana["invitation"]) == (201, True)
    changed = office.ask("PATCH", address, boss, json={"role": "director", "email": "ana@example.org"})
    assert (changed.json()["role"], changed.json()["groups"]) == ("director", ["Tuesday"])
    assert office.ask("PATCH", address, boss, json={"is_active": False}).json()["is_active"] is False
    assert office.ask("POST", f"{address}/invite", boss).status_code == 422
    assert office.ask("GET", "/sessions", boss).json()["items"] == []
    assert office.ask("DELETE", "/sessions", boss, params={"account": ana["id"]}).status_code == 204
    assert office.ask("DELETE", address, boss).status_code == 204
    assert office.ask("DELETE", address, boss).json()["code"] == "bad_input"
    listed = office.ask("GET", "/accounts", boss)
    assert [item["name"] for item in listed.json()["items"]] == ["lead"]
    for secret in (PASSWORD, "argon2", "digest", "password_hash", "totp"):
        assert secret not in listed.text + made.text
    events = office.events(boss)
    assert ("token boss", "account created", "ana, mentor, all classes") in events
    assert ("token boss", "account changed", "ana: is active") in events
    assert ("token boss", "account deleted", "ana") in events


def test_with_an_account_the_api_wants_a_token(office: Office) -> None:
    assert office.ask("GET", "/classes").status_code == 200
    office.ask("POST", "/accounts", json={"name": "boss", "role": "admin"})
    assert office.ask("GET", "/classes").json()["code"] == "token_missing"
    assert office.ask("GET", "/health").status_code == 200


def test_bad_accounts_are_refused(office: Office) -> None:
    for body in (
        {"name": "ana b", "role": "mentor"},
        {"name": "ana", "role": "student"},
        {"name": "ana", "role": "mentor", "class_ids": []},
        {"name": "ana", "role": "mentor", "password": "short"},
        {"name": "ana", "role": "mentor", "is_admin": True},
    ):
        answer = office.ask("POST", "/accounts", json=body)
        assert answer.status_code == 422, body
        assert "short" not in answer.text
    assert office.ask("GET", "/accounts").json()["total"] == 0
    assert office.ask("PATCH", "/accounts/7", json={"role": "viewer"}).status_code == 422
