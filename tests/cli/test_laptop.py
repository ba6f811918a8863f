"""Laptops: keyrings that fail, full disks, folders of others, odd settings, Ctrl-C at any time."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cohort_core.practice.faults import Fault
from cohort_core.services.folder import copying_service
from tests.cli.test_cli import COMMAND, Shell, failed
from tests.cli.test_cli import shell as shell  # a fixture
from tests.cli.test_cli import upstream as upstream  # a fixture
from tests.conftest import sample, unavailable

CASES = Path(__file__).parents[1] / "cases" / "laptop"


@pytest.mark.parametrize("ring", sample(["locked", "os", "conn", "other", "init"], 2))
def test_a_keyring_that_fails_in_any_way_is_no_obstacle(shell: Shell, ring: str) -> None:
    shell.environment |= {
        "PYTHON_KEYRING_BACKEND": "broken_keyring.Keyring",
        "PYTHONPATH": os.pathsep.join([str(CASES), str(Path.cwd())]),
        "RING": ring,
    }
    done = shell.init("--classes", "web-cohort-3")
    assert done.returncode == 0, done.stderr
    reason = "is locked" if ring == "locked" else "no usable keyring"
    assert done.stdout.count(reason) == 1
    assert stat.S_IMODE((shell.home / "credentials.json").stat().st_mode) == 0o600
    assert "Synced" in shell.ok("sync")
    assert shell.run("doctor", "--offline").returncode == 0


def test_a_keyring_that_is_not_there_is_no_obstacle(shell: Shell) -> None:
    shell.environment["PYTHON_KEYRING_BACKEND"] = "nowhere.Keyring"
    assert shell.init("--classes", "web-cohort-3").returncode == 0
    assert "Synced" in shell.ok("sync")


def test_a_locked_keyring_is_told_as_locked(shell: Shell) -> None:
    shell.connected()
    (shell.home / "credentials.json").unlink()
    shell.environment |= {
        "PYTHON_KEYRING_BACKEND": "broken_keyring.Keyring",
        "PYTHONPATH": os.pathsep.join([str(CASES), str(Path.cwd())]),
        "RING": "locked",
    }
    done = shell.run("sync")
    assert failed(done) == 78
    assert "locked" in done.stderr
    assert "Unlock it" in done.stderr
    assert "locked" in shell.run("doctor", "--offline").stdout


def folders(tmp_path: Path) -> dict[str, tuple[str, int]]:
    """Return values of COHORT_HOME that can be no folder, with the exit code."""
    (tmp_path / "file").write_text("mine")
    return {
        "user": ("~nouser/x", 78),
        "file": (str(tmp_path / "file"), 72),
        "below": (str(tmp_path / "file" / "a" / "b"), 72),
        "long": (str(tmp_path / ("a" * 300)), 72),
        "deep": (str(tmp_path) + "/a" * 2500, 72),
    }


@pytest.mark.parametrize("kind", ["user", "file", "below", "long", "deep"])
@pytest.mark.parametrize(
    "command", sample([("status",), ("sync",), ("classes",), ("serve", "--port", "0")], 1)
)
def test_a_home_that_can_be_no_folder(
    shell: Shell, tmp_path: Path, kind: str, command: tuple[str, ...]
) -> None:
    home, code = folders(tmp_path)[kind]
    assert failed(shell.run(*command, COHORT_HOME=home)) == code
    check_up = shell.run("doctor", "--offline", COHORT_HOME=home)
    assert (check_up.returncode, "to do  folder" in check_up.stdout, check_up.stderr) == (1, True, "")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("words", [("status",), ("status", "--json"), ("--help",), ("--version",)])
def test_output_that_cannot_be_written(shell: Shell, words: tuple[str, ...]) -> None:
    if not Path("/dev/full").exists():
        unavailable("there is no /dev/full here")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, *words],
            stdout=full,
            stderr=subprocess.PIPE,
            env=shell.environment,
            text=True,
            check=False,
        )
    assert done.returncode == 72
    assert "The disk is full" in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.parametrize("words", [("init",), ("init", "--password-stdin"), ("purge", "--student", "x")])
def test_standard_input_may_be_closed(shell: Shell, words: tuple[str, ...]) -> None:
    shell.synced()
    command = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, *words]
    done = subprocess.run(command, capture_output=True, env=shell.environment, text=True, check=False)
    assert failed(done) == 2


@pytest.mark.parametrize(
    "zone", sample(["<+30>-30", "Mars/X", "", ":/etc/passwd", "UTC-3", "EST5EDT,M3.2.0,M11.1.0"], 2)
)
def test_an_odd_time_zone_is_no_obstacle(shell: Shell, zone: str) -> None:
    shell.connected()
    shell.environment["TZ"] = zone
    del shell.environment["COHORT_TIMEZONE"]
    shell.ok("sync")
    assert "last sync 20" in shell.ok("status")
    copy = shell.home.parent / "copy.db"
    shell.ok("backup", str(copy))
    report = ("export", "--class-id", "web-cohort-3", "--report", "student-health")
    shell.ok(*report, "--out", str(shell.home.parent / "a.csv"))
    done = shell.run("doctor", "--offline")
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize("moment", sample([0.0, 0.1, 0.3, 0.02, 0.05, 0.2, 0.5, 0.8], 3))
def test_ctrl_c_ends_quietly_from_the_first_instant(shell: Shell, moment: float) -> None:
    # From when our own code runs: before that only the interpreter could help.
    begin = "import sys; sys.stdout.write('x'); sys.stdout.flush(); from cohort_core.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", begin, "classes"],
        env=shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.read(1)
    time.sleep(moment + 0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    assert process.returncode in {0, 130}


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder that is bound to a disk that can only be read after the test has filled it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True, check=False).returncode:
        unavailable("mounting a disk is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_can_only_be_read(shell: Shell, read_only: Path) -> None:
    shell.home = read_only / "home"
    shell.environment["COHORT_HOME"] = str(shell.home)
    shell.synced()
    subprocess.run(["mount", "-o", "remount,ro", str(read_only)], check=True)
    for command in (("sync",), ("purge", "--student", "x", "--yes"), ("activate", "sd-cohort-12")):
        done = shell.run(*command)
        assert failed(done) in {65, 72}, command
        assert "unexpected" not in done.stderr
    assert "Web Basics" in shell.ok("status")
    check_up = shell.run("doctor", "--offline")
    assert check_up.returncode == 1
    assert "cannot be written" in check_up.stdout
    assert "Traceback" not in check_up.stderr


def test_a_killed_sync_is_interrupted(shell: Shell) -> None:
    shell.connected()
    shell.upstream.faults.add(Fault("delay", "*/progressions", seconds=5.0, times=2))
    process = subprocess.Popen([*COMMAND, "sync", "--full"], env=shell.environment, stdout=subprocess.PIPE)
    until = time.monotonic() + 20
    while json.loads(shell.ok("status", "--json"))["classes"][0]["last_run"] is None:
        assert time.monotonic() < until
    process.kill()
    process.communicate()
    state = json.loads(shell.ok("status", "--json"))
    last = next(row["last_run"] for row in state["classes"] if row["last_run"])
    assert (state["running"], last["state"]) == (None, "interrupted")
    text = shell.ok("status")
    assert "last run interrupted" in text
    assert "running" not in text
    assert " in 0.0 s" not in text
    assert "interrupted" in shell.run("doctor", "--offline").stdout


def test_unknown_settings_are_named(shell: Shell) -> None:
    shell.connected()
    with (shell.home / "config.toml").open("a") as file:
        file.write('timezome = "Europe/Berlin"\nfavourite = 1\n')
    done = shell.run("sync")
    assert done.returncode == 0
    assert "timezome (did you mean timezone?)" in done.stderr
    assert "favourite" in done.stderr
    check_up = shell.run("doctor", "--offline")
    assert (check_up.returncode, check_up.stdout.count("no effect")) == (1, 2)


class Portal(BaseHTTPRequestHandler):
    """The login page of a hotel, in place of everything."""

    status = 200

    def do_GET(self) -> None:
        page = b"\r\n<!DOCTYPE html><html><body>Welcome to the hotel</body></html>"
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_POST = do_GET  # noqa: N815 - the name is the server's

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("status", sample([200, 403, 400, 404], 2))
def test_a_web_page_in_place_of_openclass(shell: Shell, status: int) -> None:
    shell.connected()
    handler = type("Handler", (Portal,), {"status": status})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        for words in (("sync",), ("classes", "--all"), ("doctor",)):
            done = shell.run(*words, COHORT_API_BASE=address)
            assert "A web page came in place of OpenClass" in done.stderr + done.stdout, (words, done.stderr)
        assert failed(shell.run("sync", COHORT_API_BASE=address)) == 76
        server.shutdown()


def test_doctor_names_the_backup_of_a_lost_database(shell: Shell) -> None:
    shell.synced()
    shell.ok("token", "create", "--name", "ci")
    (shell.home / "backups").mkdir(mode=0o700)
    shell.ok("backup", str(shell.home / "backups" / "mine.db"))
    for damage in ("gone", "damaged"):
        for part in shell.home.glob("cohort.db*"):
            part.unlink()
        if damage == "damaged":
            (shell.home / "cohort.db").write_bytes(b"garbage" * 999)
            (shell.home / "cohort.db").chmod(0o600)
        said = shell.run("doctor", "--offline").stdout
        assert said.count("cohort-tracker restore") == 1
        assert "backups/mine.db`" in said
        done = shell.run("restore", str(shell.home / "backups" / "mine.db"))
        assert (done.returncode, "closed" in done.stderr) == (0, True)
        assert "closed" in shell.ok("token", "list")
        assert "closed" in shell.run("doctor", "--offline").stdout
    assert failed(shell.run("restore", str(shell.home / "cohort.db"))) == 2
    shell.ok("restore", str(shell.home / "backups" / "mine.db"), "--open")
    assert "to do" not in shell.ok("doctor", "--offline")
    assert "opened without tokens" in shell.ok("audit")


def test_what_doctor_says_can_be_pasted(shell: Shell) -> None:
    shell.home = shell.home.parent / "my mentor's home; echo"
    shell.environment["COHORT_HOME"] = str(shell.home)
    shell.synced()
    shell.ok("backup", str(shell.home / "backups-of-mine.db"))
    (shell.home / "backups").mkdir(mode=0o700)
    (shell.home / "backups-of-mine.db").rename(shell.home / "backups" / "mine.db")
    (shell.home / "config.toml").chmod(0o644)
    with closing(sqlite3.connect(shell.home / "cohort.db")) as connection:
        connection.execute("DELETE FROM students")
        connection.commit()
    said = shell.run("doctor", "--offline").stdout
    commands = [part for part in said.split("`") if part.startswith(("chmod", "cohort-tracker restore"))]
    assert len(commands) == 2
    start = f"{sys.executable} -m cohort_core.cli"
    for command in commands:
        pasted = command.replace("cohort-tracker", start)
        done = subprocess.run(["sh", "-c", pasted], env=shell.environment, capture_output=True, check=False)
        assert done.returncode == 0
    assert "to do" not in shell.ok("doctor", "--offline")


@pytest.mark.parametrize(
    ("place", "service"),
    [
        ("OneDrive - School/tracker", "OneDrive"),
        ("Dropbox (Personal)/tracker", "Dropbox"),
        ("Library/Mobile Documents/com~apple~CloudDocs/tracker", "iCloud"),
        ("iCloudDrive/tracker", "iCloud"),
        ("GoogleDrive-mentor@example.org/My Drive/tracker", "Google Drive"),
        ("Documents/tracker", None),
        ("my-drivers/tracker", None),
    ],
)
def test_folders_that_another_program_copies(tmp_path: Path, place: str, service: str | None) -> None:
    folder = tmp_path / place
    assert (copying_service(folder) or "").removeprefix("in a folder of ") == (service or "")
    # A link does not hide it.
    folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    assert bool(copying_service(tmp_path / "link")) == bool(service)


def test_a_folder_of_dropbox_by_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".dropbox").touch()
    assert copying_service(tmp_path / "a" / "b") == "in a folder of Dropbox"
    (tmp_path / ".dropbox").unlink()
    monkeypatch.setenv("OneDriveCommercial", str(tmp_path))
    assert copying_service(tmp_path / "a" / "b") == "in a folder of OneDrive"


AS_NOBODY = """
import os, sys
from cohort_core.cli.program import run
import cohort_core.services.doctor, cohort_core.store.maintenance, sqlite_utils, platformdirs
os.setgroups([])
os.setegid(65534)
os.seteuid(65534)
run()
"""


def test_a_folder_of_somebody_else(shell: Shell) -> None:
    if os.geteuid() != 0:
        unavailable("only root can become somebody else")
    shell.synced()
    for words in (("status",), ("sync",), ("token", "list"), ("doctor", "--offline")):
        command = [sys.executable, "-c", AS_NOBODY, *words]
        done = subprocess.run(command, capture_output=True, env=shell.environment, text=True, check=False)
        said = done.stdout + done.stderr
        assert "Traceback" not in said
        assert "unexpected" not in said
        assert done.returncode in {1, 65, 72, 78}, said
        assert re.search("not yours|Permission denied|cannot be read", said), (words, said)
