"""The walk of docs/school.md: commands of the page are run; systemd and Caddy check unit and Caddyfile."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.services.passwords import hash_password, is_password
from cohort_core.store.accounts import find_account, load_accounts, use_invitation
from cohort_core.store.audit import load_events
from cohort_core.store.database import Database
from tests.conftest import sample, unavailable

PAGE = (Path(__file__).parents[2] / "docs" / "school.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def folder(home: Home) -> Home:
    home.ensure()
    with Database(home).writing() as connection:
        connection.execute(
            "INSERT INTO classes (id, name, friendly_id, is_active) VALUES ('c1', 'Web', 'web-3', 1)"
        )
    home.config.write_text(BLOCKS["config.toml"], "utf-8")
    return home


def shell(folder: Home, script: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    function = f'cohort-tracker() {{ "{sys.executable}" -m cohort_core.cli "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", function + script],
        env={**os.environ, "COHORT_HOME": str(folder.folder), "CLASS": "web-3"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        input=given,
    )


def test_three_accounts_are_made_and_their_links_set_passwords(folder: Home) -> None:
    done = shell(folder, BLOCKS["accounts.sh"])
    assert done.returncode == 0, done.stderr
    links = re.findall(r"^https://cohort\.example\.org/invitation/(\S+)$", done.stdout, re.MULTILINE)
    assert len(links) == 3
    database = Database(folder)
    password = "five words make a password"
    for link in links:
        assert use_invitation(database, link, hash_password(password), now=utc_now())
    people = load_accounts(database)
    assert [(item.name, item.role) for item in people] == [
        ("boss", "admin"),
        ("ana", "mentor"),
        ("dora", "director"),
    ]
    assert all(is_password(password, item.password_hash) for item in people)
    assert people[1].class_ids == frozenset({"c1"})
    assert not any(link in repr(load_events(database)) for link in links)


def test_each_command_of_the_table_works(folder: Home) -> None:
    assert shell(folder, BLOCKS["accounts.sh"]).returncode == 0
    commands = re.findall(r"\| `(cohort-tracker account [^`]+)`", PAGE)
    assert len(commands) == 6
    for command in commands:
        done = shell(folder, command.replace("NEW", "web-3"))
        assert done.returncode == 0, (command, done.stderr)
    assert load_accounts(Database(folder)) == []


def test_a_password_from_standard_input_is_in_no_output(folder: Home) -> None:
    secret = "five words make a password"
    command = "cohort-tracker account create ana --role admin --password-stdin; cohort-tracker audit"
    done = shell(folder, command, f"{secret}\n")
    assert done.returncode == 0, done.stderr
    assert secret not in done.stdout + done.stderr
    assert is_password(secret, find_account(Database(folder), "ana").password_hash)


@pytest.mark.parametrize(
    ("command", "said"),
    sample(
        [
            ("create ana --role root", "no such role"),
            ("create 'a b' --role viewer", "letters, digits"),
            ("create ana --role mentor --class-id nothing", "no class with this id"),
            ("role nobody viewer", "no account of this name"),
            ("disable boss", "last administrator"),
            ("delete boss", "last administrator"),
            ("classes boss", "--class-id, or --all"),
            ("remove-all", "--yes"),
            ("create eve --role viewer --password-stdin <<< short", "12"),
            ("create eve --role viewer --password-stdin <<< password2026", "easy to guess"),
            ("oidc --issuer https://login.microsoftonline.com/common/v2.0 --client-id x", "one tenant"),
            ("oidc --issuer http://accounts.example.org --client-id x", "https://"),
            ("oidc --issuer https://127.0.0.1:9 --client-id x", "does not answer"),
            ("oidc --issuer https://127.0.0.1:9", "client id"),
        ],
        5,
    ),
)
def test_what_cannot_be_is_said_in_a_sentence(folder: Home, command: str, said: str) -> None:
    assert shell(folder, "cohort-tracker account create boss --role admin").returncode == 0
    before = load_accounts(Database(folder))
    done = shell(folder, f"cohort-tracker account {command}")
    assert done.returncode in {2, 66}, done
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert load_accounts(Database(folder)) == before


def test_the_first_account_is_an_administrator(folder: Home) -> None:
    done = shell(folder, "cohort-tracker account create ana --role mentor")
    assert done.returncode == 2
    assert "role admin" in done.stderr
    assert load_accounts(Database(folder)) == []


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        unavailable("there is no systemd on this machine")
    unit = tmp_path / "cohort-tracker.service"
    unit.write_text(BLOCKS[unit.name], "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
        check=False,
    )
    assert "cohort-tracker" not in done.stderr, done.stderr


def test_the_unit_and_the_other_command_use_options_that_there_are(folder: Home) -> None:
    unit = configparser.RawConfigParser()
    unit.read_string(BLOCKS["cohort-tracker.service"])
    words = (unit["Service"]["ExecStart"] + BLOCKS["own-tls.sh"]).split()
    text = shell(folder, "COLUMNS=200 cohort-tracker serve --help").stdout
    options = [word for word in words if word.startswith("--")]
    assert len(options) == 7
    assert [option for option in options if option not in text] == []


def test_caddy_takes_the_file(tmp_path: Path) -> None:
    if not shutil.which("caddy"):
        unavailable("there is no Caddy on this machine")
    file = tmp_path / "Caddyfile"
    file.write_text(BLOCKS["Caddyfile"], "utf-8")
    done = subprocess.run(
        ["caddy", "validate", "--config", str(file), "--adapter", "caddyfile"],
        env={**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
