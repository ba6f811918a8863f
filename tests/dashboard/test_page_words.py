"""Messages on pages: no command, path, variable or file, and still what happened and what to do."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest

from cohort_core.config.paths import Home
from cohort_core.dashboard.page_words import for_page
from cohort_core.errors import CohortError, DatabaseUnusable, NoNetwork, refused_by_system
from cohort_core.services.workspace import Workspace
from cohort_core.store.database import Database
from cohort_core.store.maintenance import backup
from tests.conftest import FAST_RETRIES
from tests.dashboard.conftest import Use, page, shown

TERMINAL = re.compile(r"`|cohort-tracker|COHORT_|/tmp|--[a-z]|\.(?:db|toml|json|lock)\b")


@pytest.mark.parametrize(
    ("message", "code", "expected"),
    [
        ("OpenClass has a problem. Try again.", "upstream_down", "OpenClass has a problem. Try again."),
        (
            "The password is gone. Run `cohort-tracker init` again.",
            "not_connected",
            "The password is gone. Connect again, under Settings.",
        ),
        (
            "The database /tmp/a b/cohort.db cannot be used (disk I/O error). Try again.",
            "database_unusable",
            "Cohort Tracker cannot use its database. Try again.",
        ),
        (r"C:\Users\x\cohort.db is bad.", None, "Ask whoever set up Cohort Tracker."),
        ("Half of 1/2 and 01/09 is fine.", None, "Half of 1/2 and 01/09 is fine."),
    ],
)
def test_sentences_for_a_terminal_are_replaced(message: str, code: str | None, expected: str) -> None:
    assert for_page(message, code) == expected


def problems(home: Home) -> list[CohortError]:
    database = Database(home)
    full, damaged, other = (database.unusable("x", code) for code in (13, 11, 14))
    system = [
        refused_by_system(OSError(number, os.strerror(number), str(home.database)))
        for number in (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO)
    ]
    return [
        full,
        damaged,
        other,
        NoNetwork("The address cannot be sent. Run `cohort-tracker init`."),
        *system,
    ]


def test_no_page_names_what_is_for_a_terminal(tmp_path: Path) -> None:
    said = [for_page(error.message, error.code) for error in problems(Home(tmp_path / "home"))]
    for sentence in said:
        assert not TERMINAL.search(sentence), sentence
        assert sentence.count(".") >= 2
    assert "Free some space on the disk" in said[0]
    assert "The last backup has to be put back" in said[1]


@pytest.mark.parametrize("damage", ["garbage", "missing", "newer"])
def test_a_page_over_a_damaged_database(practised: Workspace, tmp_path: Path, use: Use, damage: str) -> None:
    home = Home(tmp_path / "home")
    home.ensure()
    home.backups.mkdir()
    backup(practised.database, home.database, asked_by="test")
    backup(Database(home), home.backups / "mine.db", asked_by="test")
    if damage == "garbage":
        home.database.write_bytes(b"garbage" * 999)
    elif damage == "missing":
        home.database.unlink()
    workspace = Workspace(home, retry_policy=FAST_RETRIES)
    if damage == "newer":
        with workspace.database.writing() as connection:
            connection.execute("PRAGMA user_version = 9")
    use(Workspace(home, retry_policy=FAST_RETRIES))
    for name in ("overview", "risk", "settings"):
        test = page(name)
        assert not test.exception
        said = " ".join(str(error.value) for error in test.error).replace("\\", "")
        assert said
        assert said.endswith(
            "Install that version." if damage == "newer" else "The guide says how, at its end."
        )
        assert not TERMINAL.search(said), said
    assert DatabaseUnusable.code not in shown(test)
