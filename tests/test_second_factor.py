"""Codes of an authenticator app: once, now, and with a secret that the database alone does not give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from cryptography.fernet import Fernet

from cohort_core.config.paths import Home
from cohort_core.services import second_factor
from cohort_core.store.accounts import Account, change_account, create_account, find_account
from cohort_core.store.audit import load_events
from cohort_core.store.database import Database

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)


@pytest.fixture
def person(home: Home, monkeypatch: pytest.MonkeyPatch) -> tuple[Database, Account, pyotp.TOTP]:
    monkeypatch.setattr(second_factor, "utc_now", lambda: NOW)
    home.ensure()
    database = Database(home)
    made = create_account(database, "ana", "mentor", asked_by="test", now=NOW)
    secret = second_factor.secret_of(second_factor.new_address("ana"))
    sealed = second_factor.sealed(home, secret)
    return (
        database,
        change_account(database, made.id, asked_by="test", totp_secret=sealed),
        pyotp.TOTP(secret),
    )


def test_each_code_works_once(person: tuple[Database, Account, pyotp.TOTP]) -> None:
    database, account, app = person
    code = app.at(NOW)
    assert second_factor.is_code(database, account, code)
    # Neither with the account of before, as a second request at the same time has it, nor with that of now.
    assert not second_factor.is_code(database, account, code)
    assert not second_factor.is_code(database, find_account(database, "ana"), code)
    later = app.at(NOW + timedelta(seconds=30))
    assert second_factor.is_code(database, find_account(database, "ana"), later)


@pytest.mark.parametrize(
    ("seconds", "is_right"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_a_code_of_long_ago_or_later_is_refused(
    person: tuple[Database, Account, pyotp.TOTP], seconds: int, is_right: bool
) -> None:
    database, account, app = person
    code = app.at(NOW + timedelta(seconds=seconds))
    assert second_factor.is_code(database, account, code) is is_right


@pytest.mark.parametrize("code", ["", "0", "000000000", "١٢٣٤٥٦", "\ud800", "a" * 10_000])
def test_what_is_no_code_is_refused(person: tuple[Database, Account, pyotp.TOTP], code: str) -> None:
    database, account, _ = person
    assert not second_factor.is_code(database, account, code)


def test_a_secret_is_random_and_encrypted(person: tuple[Database, Account, pyotp.TOTP]) -> None:
    database, account, app = person
    assert len({second_factor.new_address("ana") for _ in range(20)}) == 20
    assert len(app.secret) * 5 >= 160
    assert app.secret not in str(account.totp_secret)
    assert app.secret not in repr(load_events(database))


def test_without_its_key_a_factor_lets_nobody_in(person: tuple[Database, Account, pyotp.TOTP]) -> None:
    database, account, app = person
    # Another key stands where the lost one did, whether that was a keyring or a file.
    database.home.secrets_key.write_bytes(Fernet.generate_key())
    assert not second_factor.is_code(database, account, app.at(NOW))
