"""Accounts, sessions and invitations in a real database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cohort_core.config.paths import Home
from cohort_core.errors import BadInput, UnknownClass
from cohort_core.store import accounts
from cohort_core.store.accounts import Account, create_account, find_invited, use_invitation
from cohort_core.store.audit import load_events
from cohort_core.store.database import Database
from cohort_core.store.guard import is_closed, open_again
from tests.store.test_migrations import EARLY, early_home

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
SECRETS = ("hash-of-ana", "sealed-secret")


@pytest.fixture
def database(home: Home) -> Database:
    home.ensure()
    database = Database(home)
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO classes (id, name, friendly_id, is_active) VALUES ('c1', 'Web', 'web-3', 1)"
        )
    return database


def make(database: Database, name: str, role: str = "mentor", **more: Any) -> Account:
    return create_account(database, name, role, asked_by="test", now=NOW, **more)


def signed_in(database: Database, account: Account) -> str:
    secret = accounts.open_session(
        database, account.id, label="Firefox", lifetime=timedelta(days=14), now=NOW
    )
    assert secret is not None
    return secret


@pytest.mark.parametrize("name", ["ana", "ANA", "Ana"])
@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_name_is_given_once_whatever_its_case(database: Database, name: str, is_deleted: bool) -> None:
    ana = make(database, "ana")
    if is_deleted:
        accounts.delete_account(database, ana.id, asked_by="test", now=NOW)
    with pytest.raises(BadInput, match="account of this name"):
        make(database, name)
    assert len(accounts.load_accounts(database, deleted=True)) == 1


def test_an_email_belongs_to_one_account_and_is_free_after_its_deletion(database: Database) -> None:
    ana = make(database, "ana", email=" ana@example.org ")
    ben = make(database, "ben")
    assert ana.email == "ana@example.org"
    with pytest.raises(BadInput, match="has this email"):
        make(database, "cleo", email="ANA@example.org")
    accounts.change_account(database, ben.id, asked_by="test", email="boss@example.org")
    with pytest.raises(BadInput, match="has this email"):
        # A long s, which a sign-in takes for an s.
        make(database, "cleo", email="bo\u017fs@example.org")
    with pytest.raises(BadInput, match="has this email"):
        accounts.change_account(database, ben.id, asked_by="test", email="Ana@Example.org")
    accounts.change_account(database, ana.id, asked_by="test", email="ana@example.org")
    accounts.delete_account(database, ana.id, asked_by="test", now=NOW)
    assert accounts.change_account(database, ben.id, asked_by="test", email="ana@example.org").email


@pytest.mark.parametrize(
    ("name", "role", "more"),
    [
        ("", "mentor", {}),
        ("<b>ana</b>", "mentor", {}),
        ("ana\n", "mentor", {}),
        ("a" * 65, "mentor", {}),
        ("ana", "root", {}),
        ("ana", "mentor", {"references": []}),
        ("ana", "admin", {"references": ["web-3"]}),
        ("ana", "mentor", {"email": "no address"}),
        ("ana", "mentor", {"email": "a@b\r\nBcc: c@d"}),
        ("ana", "mentor", {"email": "ana\u202e@example.org"}),
        ("ana", "mentor", {"email": "ana\u200b@example.org"}),
    ],
)
def test_an_account_that_cannot_be_is_not_made(
    database: Database, name: str, role: str, more: dict[str, Any]
) -> None:
    with pytest.raises(BadInput):
        make(database, name, role, **more)
    assert not accounts.has_accounts(database)
    assert not database.home.guards()


def test_an_unknown_class_makes_no_account(database: Database) -> None:
    with pytest.raises(UnknownClass):
        make(database, "ana", references=["none"])
    assert not accounts.has_accounts(database)


CHANGES: dict[str, dict[str, Any]] = {
    "role": {"role": "viewer"},
    "classes": {"references": None},
    "password": {"password_hash": "other"},
    "second factor": {"totp_secret": "sealed"},
    "no second factor": {"totp_secret": None},
    "disabled": {"is_active": False},
    "identity": {"oidc_issuer": "https://id.example.org", "oidc_subject": "1"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_the_rights_of_an_account_ends_its_sessions_alone(
    database: Database, change: dict[str, Any]
) -> None:
    ana, ben = make(database, "ana", references=["web-3"]), make(database, "ben")
    signed_in(database, ana)
    signed_in(database, ben)
    accounts.change_account(database, ana.id, asked_by="test", **change)
    assert [session.account_id for session in accounts.load_sessions(database)] == [ben.id]


@pytest.mark.parametrize("change", [{"email": "a@b.org"}, {"groups": ["Tuesday"]}, {"settings": {"x": 1}}])
def test_other_changes_end_no_session(database: Database, change: dict[str, Any]) -> None:
    ana = make(database, "ana")
    signed_in(database, ana)
    accounts.change_account(database, ana.id, asked_by="test", **change)
    assert len(accounts.load_sessions(database)) == 1


def test_a_deleted_account_has_no_way_in_and_still_counts(database: Database) -> None:
    ana = make(database, "ana", email="a@b.org", password_hash="hash-of-ana")
    signed_in(database, ana)
    link = accounts.create_invitation(database, ana.id, asked_by="test", now=NOW)
    accounts.delete_account(database, ana.id, asked_by="test", now=NOW)
    assert accounts.load_sessions(database) == []
    assert find_invited(database, link, NOW) is None
    assert use_invitation(database, link, "new", now=NOW) is None
    lifetime = timedelta(days=1)
    assert accounts.open_session(database, ana.id, label="", lifetime=lifetime, now=NOW) is None
    assert accounts.has_accounts(database)
    (kept,) = accounts.load_accounts(database, deleted=True)
    assert (kept.email, kept.password_hash, kept.may_sign_in) == (None, None, False)


@pytest.mark.parametrize(
    "act",
    [
        lambda database, boss: accounts.change_account(database, boss, asked_by="test", role="mentor"),
        lambda database, boss: accounts.change_account(database, boss, asked_by="test", is_active=False),
        lambda database, boss: accounts.delete_account(database, boss, asked_by="test", now=NOW),
    ],
    ids=["demote", "disable", "delete"],
)
def test_the_last_administrator_stays(database: Database, act: Callable[[Database, int], object]) -> None:
    boss, other = make(database, "boss", "admin"), make(database, "other", "admin")
    accounts.change_account(database, other.id, asked_by="test", is_active=False)
    signed_in(database, boss)
    boss = accounts.find_account(database, "boss")
    with pytest.raises(BadInput, match="last administrator"):
        act(database, boss.id)
    assert accounts.find_account(database, boss.id) == boss
    assert len(accounts.load_sessions(database)) == 1
    accounts.change_account(database, other.id, asked_by="test", is_active=True)
    act(database, boss.id)


def test_an_admin_sees_all_classes(database: Database) -> None:
    ana = make(database, "ana", references=["web-3"])
    assert ana.class_ids == frozenset({"c1"})
    assert accounts.change_account(database, ana.id, asked_by="test", role="admin").class_ids is None


def test_an_invitation_sets_a_password_once_and_ends_the_sessions(database: Database) -> None:
    ana = make(database, "ana")
    link = accounts.create_invitation(database, ana.id, asked_by="test", now=NOW)
    signed_in(database, ana)
    for _ in range(2):  # looking uses nothing up
        invited = find_invited(database, link, NOW)
        assert invited is not None
        assert invited.name == "ana"
    used = use_invitation(database, link, "hash-of-ana", now=NOW)
    assert used is not None
    assert used.password_hash == "hash-of-ana"
    assert accounts.load_sessions(database) == []
    assert find_invited(database, link, NOW) is None
    assert use_invitation(database, link, "again", now=NOW) is None
    assert accounts.find_account(database, "ana").password_hash == "hash-of-ana"


@pytest.mark.parametrize(("late", "works"), [(timedelta(seconds=-1), True), (timedelta(0), False)])
def test_an_invitation_lives_for_seven_days(database: Database, late: timedelta, works: bool) -> None:
    ana = make(database, "ana")
    link = accounts.create_invitation(database, ana.id, asked_by="test", now=NOW)
    then = NOW + timedelta(days=7) + late
    assert (find_invited(database, link, then) is not None) == works
    assert (use_invitation(database, link, "hash", now=then) is not None) == works


def test_a_new_invitation_ends_the_earlier_ones_of_that_account(database: Database) -> None:
    ana, ben = make(database, "ana"), make(database, "ben")
    links = [accounts.create_invitation(database, item.id, asked_by="test", now=NOW) for item in (ana, ben)]
    accounts.create_invitation(database, ana.id, asked_by="test", now=NOW)
    assert [find_invited(database, link, NOW) for link in links] == [None, ben]


def test_a_disabled_account_has_no_invitation(database: Database) -> None:
    ana = make(database, "ana")
    link = accounts.create_invitation(database, ana.id, asked_by="test", now=NOW)
    accounts.change_account(database, ana.id, asked_by="test", is_active=False)
    assert find_invited(database, link, NOW) is None
    assert use_invitation(database, link, "hash", now=NOW) is None
    with pytest.raises(BadInput, match="disabled"):
        accounts.create_invitation(database, ana.id, asked_by="test", now=NOW)


def test_of_many_who_use_an_invitation_at_once_one_sets_the_password(database: Database) -> None:
    ana = make(database, "ana")
    link = accounts.create_invitation(database, ana.id, asked_by="test", now=NOW)

    def use(number: int) -> Account | None:
        return use_invitation(Database(database.home), link, f"hash-{number}", now=NOW)

    with ThreadPoolExecutor(8) as pool:
        used = [account for account in pool.map(use, range(8)) if account]
    assert [account.password_hash for account in used] == [accounts.find_account(database, 1).password_hash]


@pytest.mark.parametrize(
    "change",
    [
        {"password_hash": "another"},
        {"totp_secret": "sealed-secret"},
        {"oidc_issuer": "https://id.example.org", "oidc_subject": "7"},
        {"is_active": False},
    ],
)
def test_what_was_proven_before_a_change_opens_no_session(database: Database, change: dict[str, Any]) -> None:
    ana = make(database, "ana", password_hash="hash-of-ana")

    def open_session(proven: Account) -> str | None:
        day = timedelta(days=1)
        return accounts.open_session(database, ana.id, label="", lifetime=day, now=NOW, proven=proven)

    assert open_session(ana)
    changed = accounts.change_account(database, ana.id, asked_by="test", **change)
    assert open_session(ana) is None
    assert bool(open_session(changed)) == changed.is_active


def test_a_session_is_live_until_it_ends_or_is_idle(database: Database) -> None:
    signed_in(database, make(database, "ana"))
    (session,) = accounts.load_sessions(database)
    idle = timedelta(hours=12)
    assert session.is_live(NOW + idle - timedelta(seconds=1), idle)
    assert not session.is_live(NOW + idle, idle)
    accounts.note_seen(database, {session.digest: NOW + timedelta(days=13, hours=23)})
    # A use of before, which was stored late, takes nothing back.
    accounts.note_seen(database, {session.digest: NOW})
    (session,) = accounts.load_sessions(database)
    assert session.is_live(NOW + timedelta(days=13, hours=23), idle)
    assert not session.is_live(NOW + timedelta(days=14), idle)


def test_only_digests_of_secrets_are_in_the_file_and_none_in_the_audit(database: Database) -> None:
    ana = make(database, "ana", email="ana@example.org", password_hash=SECRETS[0])
    secrets = [
        signed_in(database, ana),
        accounts.create_invitation(database, ana.id, asked_by="test", now=NOW),
    ]
    accounts.change_account(database, ana.id, asked_by="test", totp_secret=SECRETS[1])
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        dump = "\n".join(connection.iterdump())
    assert not any(secret in dump for secret in secrets)
    audit = repr(load_events(database))
    assert "account created" in audit
    assert not any(word in audit for word in (*secrets, *SECRETS, "ana@example.org"))
    assert not any(word in repr(accounts.load_accounts(database)) for word in SECRETS)


def test_removing_all_accounts_needs_no_login_any_more(database: Database) -> None:
    signed_in(database, make(database, "ana"))
    assert database.home.guards() == {"accounts"}
    assert accounts.remove_all_accounts(database, asked_by="test") == 1
    assert (accounts.has_accounts(database), database.home.guards()) == (False, frozenset())
    assert accounts.load_sessions(database) == []
    assert load_events(database)[0].action == "all accounts removed"


def test_a_home_whose_accounts_are_lost_is_closed_until_somebody_here_opens_it(database: Database) -> None:
    make(database, "ana")
    with database.writing() as connection:
        connection.execute("DELETE FROM accounts")
    assert is_closed(database)
    open_again(database, asked_by="test")
    assert not is_closed(database)


@pytest.mark.parametrize("dump", EARLY, ids=lambda path: path.stem)
def test_homes_of_before_accounts_ask_nobody_and_take_accounts(home: Home, dump: Any) -> None:
    database = early_home(home, dump, was_opened_since=False)
    assert accounts.load_accounts(database) == []
    assert not home.guards()
    assert not accounts.has_accounts(database)
    assert make(database, "ana").name == "ana"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"is_active": False}, "disabled"),
        ({"is_active": True}, "enabled"),
        ({"role": "viewer"}, "role viewer"),
        ({"references": ["web-3"]}, "classes c1"),
        ({"references": None}, "classes all"),
        ({"totp_secret": "sealed-secret"}, "second factor on"),
        ({"totp_secret": None}, "second factor off"),
        ({"password_hash": "hash-of-ana"}, "password"),
        ({"email": "ana@example.org"}, "email"),
    ],
)
def test_the_audit_says_what_was_changed(database: Database, change: dict[str, Any], detail: str) -> None:
    accounts.change_account(database, make(database, "ana").id, asked_by="account boss", **change)
    event = load_events(database)[0]
    assert (event.who, event.action, event.detail) == ("account boss", "account changed", f"ana: {detail}")
