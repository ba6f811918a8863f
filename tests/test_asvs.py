"""The table of OWASP ASVS 5.0 in docs/access.md is whole, and the tests that it names are there.

Besides, the tests of lines that none of another theme shows.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.config.settings import save_settings
from cohort_core.errors import BadInput
from cohort_core.services import second_factor
from cohort_core.services.passwords import check_password, hash_password, is_password
from cohort_core.services.services import Services
from cohort_core.services.sign_in import Opened, Refused, SignIn
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts
from cohort_core.store.accounts import Account

TESTS = Path(__file__).parent
PASSWORD = "seven green bicycles"
ASKED = {
    "V6": "1.1 1.2 1.3 2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8 2.9 2.10 2.11 2.12 3.1 3.2 3.3 3.4 4.1 4.2 4.3 4.4 "
    "5.1 5.2 5.3 5.4 5.5 6.1 6.2 6.3 8.1 8.2 8.3 8.4",
    "V7": "1.1 1.2 1.3 2.1 2.2 2.3 2.4 3.1 3.2 4.1 4.2 4.3 4.4 4.5 5.1 5.2 6.1 6.2",
    "V8": "1.1 1.2 2.1 2.2 2.3 3.1 4.1",
}
"""The requirements of levels 1 and 2 in the chapters on authentication, sessions and authorization."""


def lines() -> list[list[str]]:
    """Return the cells of each line of the table: numbers, what is done, tests."""
    page = (TESTS.parent / "docs" / "access.md").read_text("utf-8")
    table = page.partition("### OWASP ASVS 5.0")[2].partition("\n## ")[0]
    rows = [row.strip("|").split("|") for row in table.splitlines() if re.match(r"\| \d", row)]
    return [[cell.strip() for cell in row] for row in rows]


def test_the_table_has_every_requirement_of_both_levels_once() -> None:
    numbers = Counter(number for row in lines() for number in re.findall(r"\d+\.\d+\.\d+", row[0]))
    asked = {f"{chapter[1]}.{number}" for chapter, text in ASKED.items() for number in text.split()}
    assert set(numbers) == asked
    assert set(numbers.values()) == {1}


def test_each_test_that_the_table_names_is_there() -> None:
    named = 0
    for row in lines():
        assert len(row) == 3, row
        file = ""
        for name in re.findall(r"`([^`]*::[^`]+)`", row[2]):
            file, test = (name.partition("::")[0] or file, name.partition("::")[2])
            tree = ast.parse((TESTS / file).read_text("utf-8"))
            assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name
            named += 1
        is_excused = re.search(r"\*\*(not done|does not apply)\*\*|nothing to test", " ".join(row[1:]))
        assert file or is_excused, row
    assert named > 30


@pytest.fixture
def mia(workspace: Workspace) -> Account:
    """A mentor with a password and a second factor."""
    workspace.home.ensure()
    made = accounts.create_account(
        *(workspace.database, "mia", "mentor"),
        password_hash=hash_password(PASSWORD),
        asked_by="test",
        now=utc_now(),
    )
    sealed = second_factor.sealed(workspace.home, pyotp.random_base32())
    return accounts.change_account(workspace.database, made.id, asked_by="test", totp_secret=sealed)


def test_passwords_of_any_letters_from_12_to_256_are_taken() -> None:
    letters = "vgyhr ujmko 7 äöß 漢字 £%&/ 'Qx" * 20
    for length in (12, 64, 256):
        check_password(letters[:length], name="ana")
    for length in (0, 11, 257):
        with pytest.raises(BadInput):
            check_password(letters[:length], name="ana")


def test_a_password_counts_to_its_last_letter_and_as_typed() -> None:
    password = " Seven Green bicycles " + "x7" * 60
    kept = hash_password(password)
    assert is_password(password, kept)
    for other in (password[:-1], password.strip(), password.lower(), password[:72], f"{password} "):
        assert not is_password(other, kept), other


def test_a_new_link_for_a_password_leaves_the_second_factor(workspace: Workspace, mia: Account) -> None:
    secret = accounts.create_invitation(workspace.database, mia.id, asked_by="test", now=utc_now())
    sign_in = SignIn(lambda: workspace)
    assert sign_in.set_password(secret, "another long password here")
    held = accounts.find_account(workspace.database, "mia").totp_secret
    assert held == mia.totp_secret
    for password, code in (("another long password here", ""), (PASSWORD, ""), ("wrong", "123456")):
        assert sign_in.sign_in("mia", password, code, address="x", label="x") == Refused()
    app = pyotp.TOTP(pyotp.random_base32())
    sealed = second_factor.sealed(workspace.home, app.secret)
    accounts.change_account(workspace.database, mia.id, asked_by="test", totp_secret=sealed)
    code = app.at(datetime.now(UTC))
    opened = sign_in.sign_in("mia", "another long password here", code, address="x", label="x")
    assert isinstance(opened, Opened)


def test_administrators_without_a_second_factor_only_look_where_it_is_demanded(
    home: Home, workspace: Workspace, mia: Account
) -> None:
    boss = accounts.create_account(workspace.database, "boss", "admin", asked_by="test", now=utc_now())
    accounts.change_account(workspace.database, mia.id, asked_by="test", role="admin")

    def roles() -> list[str | None]:
        found_roles = (Services(workspace).account_principal(item.id) for item in (boss, mia))
        return [principal.role if principal else None for principal in found_roles]

    assert roles() == ["admin", "admin"]
    save_settings(home, demand_second_factor=True)
    assert roles() == ["viewer", "admin"]


def test_an_administrator_ends_the_sessions_of_a_person_at_once(workspace: Workspace, mia: Account) -> None:
    boss = accounts.create_account(workspace.database, "boss", "admin", asked_by="test", now=utc_now())
    for account in (mia, mia, boss):
        accounts.open_session(
            workspace.database, account.id, label="x", lifetime=timedelta(days=1), now=utc_now()
        )
    principal = Services(workspace).account_principal(boss.id)
    assert principal
    assert Services(workspace).accounts(principal).end_sessions(mia.id) == 2
    assert [item.account_id for item in accounts.load_sessions(workspace.database)] == [boss.id]
