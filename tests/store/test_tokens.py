"""Tokens and the audit, in a real file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cohort_core.config.paths import Home
from cohort_core.errors import BadInput, UnknownClass
from cohort_core.store.audit import load_events, save_event
from cohort_core.store.classes import ListedClass, save_classes
from cohort_core.store.database import Database
from cohort_core.store.maintenance import backup, restore
from cohort_core.store.tokens import create_token, digest, load_tokens, note_use, parse_lifetime, revoke_token

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
def database(home: Home) -> Database:
    database = Database(home)
    alpha, beta = (
        ListedClass("a" * 24, "alpha", "Alpha", True),
        ListedClass("b" * 24, "beta", "Beta", True),
    )
    save_classes(database, [alpha, beta])
    return database


def make(database: Database, name: str = "ci", role: str = "viewer", *classes: str, days: int = 0) -> str:
    lifetime = timedelta(days=days) if days else None
    return create_token(database, name, role, classes or None, lifetime=lifetime, asked_by="test", now=NOW)


def test_only_a_digest_of_a_token_is_kept(database: Database) -> None:
    token = make(database, "ci", "viewer", "alpha", "a" * 24, days=90)
    (kept,) = load_tokens(database)
    assert (kept.name, kept.role, kept.class_ids) == ("ci", "viewer", frozenset({"a" * 24}))
    assert (kept.digest, kept.expires_at) == (digest(token), "2027-02-21T09:00:00.000Z")
    assert token not in repr(kept)
    assert kept.digest not in repr(kept)
    for path in database.home.files():
        assert token.encode() not in path.read_bytes()
    assert make(database, "other") != token


def test_a_token_lives_until_it_expires_or_is_revoked(database: Database) -> None:
    make(database, "short", days=1)
    make(database, "long")
    short, long = load_tokens(database)
    assert (short.is_live(NOW), short.is_live(NOW + timedelta(days=1))) == (True, False)
    assert long.is_live(NOW + timedelta(days=9999))
    revoke_token(database, "long", asked_by="test", now=NOW)
    assert not load_tokens(database)[1].is_live(NOW)
    with pytest.raises(BadInput, match="no token of this name"):
        revoke_token(database, "long", asked_by="test", now=NOW)
    make(database, "long")
    assert [token.name for token in load_tokens(database)] == ["short", "long", "long"]


@pytest.mark.parametrize(
    ("name", "role", "classes", "error"),
    [
        ("ci", "viewer", (), BadInput),
        ("a b", "viewer", (), BadInput),
        ("", "viewer", (), BadInput),
        ("new", "owner", (), BadInput),
        ("new", "admin", ("alpha",), BadInput),
        ("new", "viewer", ("gamma",), UnknownClass),
    ],
)
def test_what_makes_no_token(
    database: Database, name: str, role: str, classes: tuple[str, ...], error: type[Exception]
) -> None:
    make(database, "ci")
    with pytest.raises(error):
        make(database, name, role, *classes)
    assert len(load_tokens(database)) == 1


@pytest.mark.parametrize("text", ["", "0d", "90", "d", "-1d", "1y", "1.5d", "999999d"])
def test_a_life_has_a_number_and_a_unit(text: str) -> None:
    assert parse_lifetime(" 90D ") == timedelta(days=90)
    with pytest.raises(BadInput):
        parse_lifetime(text)


def test_use_and_events_are_kept_newest_first(database: Database) -> None:
    token = make(database)
    note_use(database, [digest(token)], NOW)
    assert load_tokens(database)[0].last_used_at == "2026-11-23T09:00:00.000Z"
    revoke_token(database, "ci", asked_by="dashboard", now=NOW)
    save_event(database, "api", "export", "students")
    events = [(event.who, event.action, event.detail) for event in load_events(database)]
    assert events == [
        ("api", "export", "students"),
        ("dashboard", "token revoked", "ci"),
        ("test", "token created", "ci, viewer, all classes"),
    ]
    assert len(load_events(database, 2)) == 2


def test_a_backup_lets_nobody_in_again_and_undoes_no_audit(database: Database, tmp_path: Path) -> None:
    make(database, "old")
    backup(database, tmp_path / "copy.db", asked_by="test")
    revoke_token(database, "old", asked_by="test", now=NOW)
    make(database, "new")
    restore(database, tmp_path / "copy.db", asked_by="test")
    tokens = [(token.name, token.is_live(NOW)) for token in load_tokens(database)]
    assert tokens == [("old", False), ("new", True)]
    assert [event.action for event in load_events(database)] == [
        *("restore", "backup", "token created", "token revoked", "backup", "token created")
    ]
    make(database, "another")
