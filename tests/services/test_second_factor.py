"""The second factor: codes of an authenticator app, each of which works once."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.errors import BadInput
from cohort_core.services import second_factor
from cohort_core.services.passwords import hash_password
from cohort_core.services.principal import CLI_OWNER, principal_of
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts
from cohort_core.store.database import Database

PASSWORD = "coffee before the morning"


@pytest.fixture
def services(home: Home) -> Services:
    services = Services(Workspace(home))
    services.accounts(CLI_OWNER).create("ana", "mentor", password=PASSWORD)
    return services


def code_of(address: str, steps: int = 0) -> str:
    """Return the code that an app shows, so many steps from now."""
    return pyotp.parse_uri(address).at(int(utc_now().timestamp()) + 30 * steps)


def ana(services: Services) -> accounts.Account:
    return services.accounts(CLI_OWNER).find("ana")


def test_a_code_works_once_and_a_little_early_or_late(services: Services, home: Home) -> None:
    database, own = Database(home), services.own_account(principal_of(ana(services)))
    address = own.begin_second_factor()
    assert ana(services).totp_secret is None
    with pytest.raises(BadInput, match="not the present code"):
        own.confirm_second_factor(address, code_of(address, 40))
    own.confirm_second_factor(address, code_of(address, -1))
    held = ana(services).totp_secret
    assert held is not None
    assert second_factor.secret_of(address) not in held
    assert not second_factor.is_code(database, ana(services), code_of(address, -1)), "it was used"
    assert not second_factor.is_code(database, ana(services), code_of(address, 3))
    assert not second_factor.is_code(database, ana(services), "")
    before = ana(services)
    assert second_factor.is_code(database, before, code_of(address, 0))
    assert not second_factor.is_code(database, before, code_of(address, 0)), "also for who read it before"
    assert second_factor.is_code(database, ana(services), code_of(address, 1))


def test_without_its_key_nothing_is_a_code(services: Services, home: Home) -> None:
    own = services.own_account(principal_of(ana(services)))
    address = own.begin_second_factor()
    own.confirm_second_factor(address, code_of(address))
    assert home.secrets_key.stat().st_mode & 0o777 == 0o600
    home.secrets_key.unlink()
    assert not second_factor.is_code(Database(home), ana(services), code_of(address, 1))


def test_it_is_switched_off_with_the_password_alone(services: Services) -> None:
    own = services.own_account(principal_of(ana(services)))
    address = own.begin_second_factor()
    own.confirm_second_factor(address, code_of(address))
    with pytest.raises(BadInput):
        own.remove_second_factor("another password")
    own.remove_second_factor(PASSWORD)
    assert ana(services).totp_secret is None


def test_a_changed_password_ends_all_sessions(services: Services, home: Home) -> None:
    database, own = Database(home), services.own_account(principal_of(ana(services)))
    accounts.open_session(database, ana(services).id, label="", lifetime=timedelta(days=1), now=utc_now())
    for old, new in ((PASSWORD, "short"), ("wrong", "a good long password"), (PASSWORD, "aaaaaaaaaaaaaaa")):
        with pytest.raises(BadInput):
            own.change_password(old, new)
    assert len(own.sessions()) == 1
    own.change_password(PASSWORD, "a good long password")
    assert own.sessions() == []
    assert hash_password("x") != hash_password("x")
