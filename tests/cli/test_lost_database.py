"""A database that is gone or emptied: every command says so, and none begins a new one in silence."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_cli import COMMAND, Shell, failed
from tests.cli.test_cli import shell as shell  # a fixture
from tests.cli.test_cli import upstream as upstream  # a fixture
from tests.cli.test_laptop import read_only as read_only  # a fixture
from tests.conftest import sample, unavailable

AS_NOBODY = """
import os, sys
from pathlib import Path
from cohort_core.config.credentials import password_place
from cohort_core.config.paths import Home
from cohort_core.errors import BadSettings
home = Home(Path(sys.argv[1]))
password_place(home)  # imports what somebody else may not read
(home.folder / sys.argv[2]).chmod(0)
os.setegid(65534)
os.seteuid(65534)
try:
    password_place(home)
except BadSettings as error:
    print(error.message)
"""


def lose(shell: Shell, how: str) -> None:
    for part in shell.home.glob("cohort.db*"):
        part.unlink()
    if how == "emptied":
        (shell.home / "cohort.db").touch(mode=0o600)


@pytest.fixture
def used(shell: Shell) -> Shell:
    shell.synced()
    return shell


@pytest.mark.parametrize("how", sample(["emptied", "deleted"], 1))
def test_status_says_that_the_database_is_lost_and_names_the_backup(used: Shell, how: str) -> None:
    (used.home / "backups").mkdir(mode=0o700)
    used.ok("backup", str(used.home / "backups" / "mine.db"))
    lose(used, how)
    state = "is missing" if how == "deleted" else "is an empty file"
    for words in (("status",), ("status", "--json"), ("sync",), ("classes",), ("token", "list"), ("audit",)):
        done = used.run(*words)
        assert (failed(done), done.stdout) == (65, ""), words
        assert state in done.stderr
        assert f"cohort-tracker restore {used.home}/backups/mine.db`" in done.stderr, words
    assert state in used.run("doctor", "--offline").stdout
    assert how == "emptied" or not (used.home / "cohort.db").exists()
    used.ok("restore", str(used.home / "backups" / "mine.db"))
    assert "Web Basics" in used.ok("status")


def test_without_a_backup_nobody_is_sent_to_look_for_one(used: Shell) -> None:
    lose(used, "deleted")
    done = used.run("status")
    assert failed(done) == 65
    assert "There is no backup in the data folder" in done.stderr
    (used.home / "cohort.db").write_bytes(b"garbage" * 999)
    said = used.run("status").stderr
    assert "There is no backup in the data folder" in said
    assert "doctor" not in said


def test_who_connects_again_begins_anew(used: Shell) -> None:
    (used.home / "backups").mkdir(mode=0o700)
    used.ok("backup", str(used.home / "backups" / "mine.db"))
    lose(used, "deleted")
    used.connected()
    assert "Synced" in used.ok("sync")


def test_the_first_day_is_still_the_first_day(shell: Shell) -> None:
    assert "Nothing is here yet" in shell.ok("status")
    assert "there is none yet" in shell.run("doctor", "--offline").stdout


def test_a_purge_names_the_copies_that_it_deletes(used: Shell, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    used.ok("backup", str(copy))
    used.ok("restore", str(copy))
    kept = used.home / "cohort.before-restore.db"
    assert kept.exists()
    school = used.upstream.school
    class_id = next(item["id"] for item in school.classes() if item["friendly_id"] == "web-cohort-3")
    student = school.rows(class_id)[0]["user"]["id"]
    done = used.run("purge", "--student", student, "--yes")
    assert done.returncode == 0
    assert f"deleted with everything in them:\n  {kept}\n" in done.stderr
    assert f"Deleted: {kept}." in done.stdout
    assert not kept.exists()
    assert copy.exists()
    # What a killed program or the advice for a damaged database left holds the student too.
    (used.home / "backups").mkdir(mode=0o700)
    left = [".cohort.db.17", "cohort.db.damaged", "backups/.before-005.db.17", "backups/.cohort-2026.db.9"]
    for name in left:
        (used.home / name).write_text("student")
    other = school.rows(class_id)[-1]["user"]["id"]
    again = used.run("purge", "--student", other, "--yes")
    assert again.returncode == 0
    assert all(f"{used.home / name}" in again.stderr and not (used.home / name).exists() for name in left)
    last = used.run("purge", "--student", school.rows(class_id)[-2]["user"]["id"], "--yes")
    assert "Deleted" not in last.stdout + last.stderr


@pytest.mark.parametrize("output", [">/dev/full", ">&-"])
def test_a_token_that_nobody_could_see_is_not_made(used: Shell, output: str) -> None:
    line = f'exec "$@" {output}'
    done = subprocess.run(
        ["sh", "-c", line, "sh", *COMMAND, "token", "create", "--name", "ci"],
        env=used.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed(done) == 72
    assert "was not made" in done.stderr
    assert "There is no token" in used.ok("token", "list")
    assert "token" not in used.ok("audit")
    # The door is neither locked nor closed.
    assert not (used.home / "guarded").exists()
    assert used.ok("token", "create", "--name", "ci").startswith("cohort_")


def test_what_is_no_file_is_no_backup(used: Shell, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, problem in (
        (tmp_path, "is a folder"),
        (tmp_path / "pipe", "a pipe or a device"),
        (tmp_path / "nowhere.db", "is not there"),
        (used.home / "config.toml", "a file of the data folder itself"),
    ):
        done = used.run("restore", str(path))
        assert failed(done) == 2
        assert problem in done.stderr, path


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a folder whose parents everybody may enter, unlike those of other tests."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_settings_that_cannot_be_read_say_how_to_open_them(shell: Shell, open_folder: Path) -> None:
    if os.geteuid() != 0:
        unavailable("only root can become somebody else")
    shell.home = open_folder / "home"
    shell.environment["COHORT_HOME"] = str(shell.home)
    shell.connected()
    for path in (shell.home, *shell.home.iterdir()):
        os.chown(path, 65534, 65534)
    for name in ("config.toml", "credentials.json"):
        path = shell.home / name
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(shell.home), name],
            capture_output=True,
            env=shell.environment,
            text=True,
            check=True,
        )
        assert f"{path} cannot be read" in done.stdout
        assert f"chmod 600 {path}`" in done.stdout
        assert f"{path} cannot be read by you either" in shell.run("doctor", "--offline").stdout
        path.chmod(0o600)


def test_nothing_is_served_from_a_folder_that_cannot_be_written(shell: Shell, read_only: Path) -> None:
    shell.home = read_only / "home"
    shell.environment["COHORT_HOME"] = str(shell.home)
    shell.synced()
    subprocess.run(["mount", "-o", "remount,ro", str(read_only)], check=True)
    done = shell.run("serve", "--port", "0")
    assert (failed(done), done.stdout) == (72, "")
    assert f"{shell.home} cannot be used" in done.stderr


def test_a_day_on_which_a_class_cannot_have_ended(used: Shell) -> None:
    for day, problem in (("2001-01-01", "The class began on"), ("2150-01-01", "has not come yet")):
        done = used.run("class", "close", "web-cohort-3", "--by-roster", "--on", day)
        assert failed(done) == 2
        assert problem in done.stderr
    assert "closed" not in used.ok("status")
