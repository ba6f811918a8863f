"""Accounts, their sessions and invitations in the database."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cohort_core.config.paths import Home
from cohort_core.errors import BadInput
from cohort_core.store import accounts
from cohort_core.store.audit import load_events
from cohort_core.store.database import Database
from cohort_core.store.guard import is_closed, open_again
from cohort_core.store.maintenance import backup, restore
from cohort_core.store.tokens import create_token

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
HASH, OTHER_HASH = "$argon2id$one-hash", "$argon2id$another-hash"


@pytest.fixture
def database(home: Home) -> Database:
    return Database(home)


def make(database: Database, name: str, role: str = "mentor", **more: Any) -> accounts.Account:
    return accounts.create_account(database, name, role, asked_by="test", now=NOW, **more)


def sign_in(database: Database, account: accounts.Account) -> str:
    secret = accounts.open_session(
        database, account.id, label="Firefox", lifetime=timedelta(days=14), now=NOW
    )
    assert secret is not None
    return secret


def test_a_name_is_nobody_elses_for_ever(database: Database) -> None:
    make(database, "boss", "admin")
    ana = make(database, "ana")
    for name in ("ana", "ANA"):
        with pytest.raises(BadInput, match="There is an account"):
            make(database, name)
    accounts.delete_account(database, ana.id, asked_by="test", now=NOW)
    with pytest.raises(BadInput, match="There was an account"):
        make(database, "Ana")
    assert [account.name for account in accounts.load_accounts(database)] == ["boss"]
    assert accounts.has_accounts(database)


@pytest.mark.parametrize("name", ["", " ana", "ana b", "<b>x</b>", "a" * 65, "-x", "ana\n", "'; DROP TABLE"])
def test_odd_names_are_refused(database: Database, name: str) -> None:
    with pytest.raises(BadInput, match="letters, digits"):
        make(database, name)


def test_an_email_belongs_to_a_single_account(database: Database) -> None:
    make(database, "ana", email=" ana@example.org ")
    bo = make(database, "bo")
    for email in ("ana@example.org", "ANA@example.org"):
        with pytest.raises(BadInput, match="Another account"):
            accounts.change_account(database, bo.id, asked_by="test", email=email)
    with pytest.raises(BadInput, match="no email address"):
        make(database, "cy", email="<script>@x")


def test_there_is_always_an_administrator(database: Database) -> None:
    boss = make(database, "boss", "admin")
    for change in ({"role": "mentor"}, {"is_active": False}):
        with pytest.raises(BadInput, match="last administrator"):
            accounts.change_account(database, boss.id, asked_by="test", **change)
    with pytest.raises(BadInput, match="last administrator"):
        accounts.delete_account(database, boss.id, asked_by="test", now=NOW)
    make(database, "second", "admin")
    accounts.delete_account(database, boss.id, asked_by="test", now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"role": "viewer"},
        {"references": ["c1"]},
        {"is_active": False},
        {"password_hash": OTHER_HASH},
        {"totp_secret": "sealed"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_of_rights_ends_the_sessions(database: Database, change: dict[str, Any]) -> None:
    with database.writing() as connection:
        connection.execute("INSERT INTO classes (id, name) VALUES ('c1', 'One')")
    ana, bo = make(database, "ana", password_hash=HASH), make(database, "bo")
    for account in (ana, bo):
        sign_in(database, account)
    accounts.change_account(database, ana.id, asked_by="test", email="a@example.org", groups=["Tuesday"])
    assert len(accounts.load_sessions(database)) == 2
    accounts.change_account(database, ana.id, asked_by="test", **change)
    assert [session.account_id for session in accounts.load_sessions(database)] == [bo.id]


def test_a_disabled_account_opens_no_session_and_counts_all_the_same(database: Database) -> None:
    ana = make(database, "ana")
    accounts.change_account(database, ana.id, asked_by="test", is_active=False)
    opened = accounts.open_session(database, ana.id, label="", lifetime=timedelta(days=1), now=NOW)
    assert (opened, accounts.has_accounts(database)) == (None, True)


def test_an_invitation_works_once_and_for_seven_days(database: Database) -> None:
    ana = make(database, "ana")
    first = accounts.create_invitation(database, ana.id, asked_by="test", now=NOW)
    second = accounts.create_invitation(database, ana.id, asked_by="test", now=NOW)
    week = NOW + timedelta(days=7)
    assert accounts.find_invited(database, first, NOW) is None, "an earlier link ends"
    assert accounts.find_invited(database, second, week) is None
    sign_in(database, ana)
    used = accounts.use_invitation(database, second, HASH, now=NOW + timedelta(days=6))
    assert used is not None
    assert used.password_hash == HASH
    assert accounts.load_sessions(database) == []
    assert accounts.use_invitation(database, second, OTHER_HASH, now=NOW) is None
    third = accounts.create_invitation(database, ana.id, asked_by="test", now=NOW)
    accounts.change_account(database, ana.id, asked_by="test", is_active=False)
    assert accounts.use_invitation(database, third, OTHER_HASH, now=NOW) is None


def test_of_two_who_use_a_link_at_once_one_sets_the_password(database: Database) -> None:
    ana = make(database, "ana")
    secret = accounts.create_invitation(database, ana.id, asked_by="test", now=NOW)
    with ThreadPoolExecutor(4) as threads:
        used = list(
            threads.map(
                lambda number: accounts.use_invitation(
                    Database(database.home), secret, f"hash {number}", now=NOW
                ),
                range(4),
            )
        )
    (won,) = [account for account in used if account is not None]
    (kept,) = accounts.load_accounts(database)
    assert kept.password_hash == won.password_hash


def test_secrets_are_neither_in_the_database_nor_in_the_audit(database: Database) -> None:
    ana = make(database, "ana", password_hash=HASH)
    secrets = [
        accounts.create_invitation(database, ana.id, asked_by="test", now=NOW),
        sign_in(database, ana),
    ]
    with database.writing():
        pass
    content = b"".join(path.read_bytes() for path in database.home.files())
    assert not [secret for secret in secrets if secret.encode() in content]
    details = " ".join(f"{event.action} {event.detail}" for event in load_events(database))
    assert "account created ana, mentor, all classes" in details
    assert HASH not in details


def test_a_backup_holds_no_way_in(database: Database, tmp_path: Path) -> None:
    ana = make(database, "ana", password_hash=HASH, email="ana@example.org")
    sign_in(database, ana)
    accounts.create_invitation(database, ana.id, asked_by="test", now=NOW)
    create_token(database, "ci", "viewer", asked_by="test", now=NOW)
    copy = tmp_path / "copy.db"
    backup(database, copy, asked_by="test")
    with sqlite3.connect(copy) as connection:
        for table in ("accounts", "sessions", "invitations", "tokens"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    content = copy.read_bytes()
    assert HASH.encode() not in content
    assert b"ana@example.org" not in content
    assert not list(tmp_path.glob("copy.db-*"))


def test_accounts_of_now_stay_when_an_older_backup_comes_back(database: Database, tmp_path: Path) -> None:
    boss, ana = make(database, "boss", "admin"), make(database, "ana", password_hash=HASH)
    copy = tmp_path / "copy.db"
    backup(database, copy, asked_by="test")
    accounts.change_account(database, ana.id, asked_by="test", is_active=False)
    sign_in(database, boss)
    restore(database, copy, asked_by="test")
    after = accounts.load_accounts(database)
    assert [(account.name, account.is_active) for account in after] == [("boss", True), ("ana", False)]
    assert [session.account_id for session in accounts.load_sessions(database)] == [boss.id]


def test_a_home_whose_accounts_are_lost_is_closed(database: Database, tmp_path: Path) -> None:
    """Also if its tokens are not, which would let everybody at this computer see the dashboard."""
    make(database, "boss", "admin")
    copy = tmp_path / "copy.db"
    backup(database, copy, asked_by="test")
    database.path.write_bytes(b"damage" * 4096)
    restore(Database(database.home), copy, asked_by="test")
    after = Database(database.home)
    assert is_closed(after)
    create_token(after, "ci", "admin", asked_by="test", now=NOW)
    assert is_closed(after)
    open_again(after, asked_by="test")
    assert not is_closed(after)


def test_a_backup_of_a_home_with_accounts_closes_a_new_one(database: Database, tmp_path: Path) -> None:
    make(database, "boss", "admin")
    copy = tmp_path / "copy.db"
    backup(database, copy, asked_by="test")
    fresh = Database(Home(tmp_path / "fresh"))
    restore(fresh, copy, asked_by="test")
    assert is_closed(fresh)
    make(fresh, "boss", "admin")
    assert not is_closed(fresh)


def test_only_removing_all_accounts_brings_back_the_state_without_a_login(database: Database) -> None:
    boss = make(database, "boss", "admin")
    second = make(database, "second", "admin")
    accounts.delete_account(database, second.id, asked_by="test", now=NOW)
    assert accounts.remove_all_accounts(database, asked_by="test") == 2
    assert (accounts.has_accounts(database), is_closed(database)) == (False, False)
    assert database.home.guards() == frozenset()
    again = make(database, "boss", "admin")
    assert again.id > boss.id, "an id never means another person"
