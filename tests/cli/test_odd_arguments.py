"""Odd arguments and streams: each ends in a sentence that says what to do, and changes nothing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cohort_core.config.paths import Home
from cohort_core.services.folder import read_mount_point
from cohort_core.store import classes, roster_imports
from cohort_core.store.classes import ListedClass
from cohort_core.store.database import Database
from cohort_core.store.roster import Enrolment

NO_TEXT = b"caf\xe9"


@pytest.fixture
def with_roster(home: Home) -> Home:
    database = Database(home)
    classes.save_classes(database, [ListedClass("c1", "evening", "Evening", True)])
    classes.set_active(database, ["c1"], active=True)
    roster_imports.save_roster(database, {"c1": [Enrolment(email="ana@example.org")]})
    return home


def run(home: Home, *words: str | bytes, given: bytes | None = None) -> tuple[int, str]:
    """Run the command line, without a standard input unless something is given."""
    command = [sys.executable, "-m", "cohort_core.cli", *words]
    if given is None:
        command = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
    done = subprocess.run(
        command,
        input=given,
        capture_output=True,
        env={**os.environ, "COHORT_HOME": str(home.folder)},
        timeout=60,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).decode()


def lines(home: Home) -> int:
    with sqlite3.connect(home.database) as connection:
        return int(connection.execute("SELECT count(*) FROM enrolments").fetchone()[0])


@pytest.mark.parametrize("words", [("--undo",), ("--rust-db", "old.db")])
def test_a_dry_run_changes_nothing(with_roster: Home, words: tuple[str, ...]) -> None:
    code, said = run(with_roster, "import", *words, "--class-id", "c1", "--dry-run")
    assert (code, lines(with_roster)) == (2, 1)
    assert "Leave it out with --undo and --rust-db" in said


def test_a_dry_run_of_mentors_says_so(with_roster: Home, tmp_path: Path) -> None:
    file = tmp_path / "mentors.csv"
    file.write_text("name,night\nMira,Tuesday\n", "utf-8")
    said = run(with_roster, "import", "--mentors", str(file), "--dry-run")
    assert said == (0, "Mentors that would be imported: 1, 0 lines not used.\n")


def test_a_roster_is_replaced_without_a_standard_input(with_roster: Home, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text("email\nben@example.org\ncleo@example.org\n", "utf-8")
    code, said = run(with_roster, "import", "--students", str(file), "--class-id", "c1", "--enrol-new")
    assert (code, lines(with_roster)) == (0, 2), said


@pytest.mark.parametrize(
    "words",
    [
        ("handover-note", "--class-id", "c1", "--question", "helps", "--text", NO_TEXT),
        ("purge", "--yes", "--student", NO_TEXT),
        ("backup", b"/tmp/" + NO_TEXT),
    ],
)
def test_words_that_are_no_text_are_refused(with_roster: Home, words: tuple[str | bytes, ...]) -> None:
    code, said = run(with_roster, *words)
    assert (code, "bytes that are no text" in said) == (2, True), said


def test_numbers_that_are_too_long_are_refused(with_roster: Home) -> None:
    number = "9" * 20
    delete = ("contact", "delete", number, "--class-id", "c1", "--student", "s1")
    for words in (delete, ("audit", "--limit", number)):
        assert run(with_roster, *words)[0] == 2


@pytest.mark.parametrize(("given", "wanted"), [(None, "Write a message"), (NO_TEXT, "UTF-8")])
def test_a_draft_needs_a_text(with_roster: Home, given: bytes | None, wanted: str) -> None:
    code, said = run(with_roster, "draft", "set", "silent", given=given)
    assert (code, wanted in said) == (2, True), said


def test_a_draft_keeps_its_letters(with_roster: Home) -> None:
    assert run(with_roster, "draft", "set", "silent", given="Hé {first_name}".encode())[0] == 0
    assert "Hé {first_name}" in run(with_roster, "draft", "list")[1]


@pytest.mark.parametrize(
    ("text", "place"),
    [(r"/mnt/Schüler\040Daten", "/mnt/Schüler Daten"), (r"/mnt/a\134b", r"/mnt/a\b"), ("/mnt/x", "/mnt/x")],
)
def test_a_mount_point_is_read_with_its_letters(text: str, place: str) -> None:
    assert read_mount_point(text) == place
