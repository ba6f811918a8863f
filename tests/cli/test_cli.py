"""The command line as a person or a cron job uses it: as a process of its own."""

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
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import requests

from cohort_core import errors, practice
from cohort_core.cli import program
from cohort_core.cli.exit_codes import EXIT_CODES
from cohort_core.practice.faults import Fault
from cohort_core.practice.generated import PracticeSchool
from cohort_core.practice.server import Running, running

CANARY = "c4nary-passw0rd"
COMMAND = [sys.executable, "-m", "cohort_core.cli"]


class Shell:
    def __init__(self, folder: Path, upstream: Running) -> None:
        self.home = folder / "home"
        self.upstream = upstream
        self.environment = {
            **os.environ,
            "COHORT_HOME": str(self.home),
            "COHORT_SYNC_RATE": "0",
            "COHORT_TIMEZONE": "Europe/Berlin",
            "HOME": str(folder),
        }

    def run(self, *words: str, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            env=self.environment | more,
            check=False,
        )

    def ok(self, *words: str, given: str = "") -> str:
        done = self.run(*words, given=given)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def init(
        self, *words: str, password: str = practice.PASSWORD, **more: str
    ) -> subprocess.CompletedProcess[str]:
        return self.run(
            *("init", "--api-base", self.upstream.url, "--app-id", practice.APP_ID),
            *("--origin", practice.ORIGIN, "--email", practice.EMAIL, "--password-stdin", *words),
            given=f"{password}\n",
            **more,
        )

    def connected(self, classes: str = "web-cohort-3") -> Shell:
        """Have a home as `init` leaves it."""
        return self._made(("connected", classes), lambda: self.init("--classes", classes).check_returncode())

    def synced(self, classes: str = "web-cohort-3") -> Shell:
        """Have a home as `init` and one `sync` leave it."""
        return self._made(("synced", classes), lambda: self.connected(classes).ok("sync"))

    def _made(self, state: tuple[str, str], make: Callable[[], object]) -> Shell:
        """Have a home in a state; the first test of a file makes it, the others copy it."""
        key, is_fresh = (self.upstream.url, *state), not self.home.exists()
        if is_fresh and key in _homes:
            shutil.copytree(_homes[key], self.home)
            return self
        make()
        if is_fresh:
            _homes[key] = Path(tempfile.mkdtemp(dir=self.home.parent.parent)) / "home"
            shutil.copytree(self.home, _homes[key])
        return self


_homes: dict[tuple[str, ...], Path] = {}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Running]:
    with running(PracticeSchool()) as served:
        yield served


@pytest.fixture
def shell(tmp_path: Path, upstream: Running) -> Iterator[Shell]:
    yield Shell(tmp_path, upstream)
    upstream.faults.clear()


def test_every_error_has_an_exit_code_that_help_explains(shell: Shell) -> None:
    assert set(EXIT_CODES) == set(errors.leaves())
    help_text = shell.ok("--help")
    for code in {0, 1, *EXIT_CODES.values()}:
        assert re.search(rf"\b{code}\b", help_text), code


def test_every_command_and_option_is_explained(shell: Shell) -> None:
    for command in ("init", "classes", "activate", "sync", "status", "import", "serve", "demo"):
        assert len(shell.ok(command, "--help")) > 200


def test_the_whole_way(shell: Shell) -> None:
    done = shell.init("--classes", "all")
    assert done.returncode == 0, done.stderr
    first = shell.ok("sync").splitlines()
    assert re.fullmatch(r"Synced \d+ records in \d+\.\d seconds", first[-1])
    status = json.loads(shell.ok("status", "--json"))
    by_name = {item["friendly_id"]: item for item in status["classes"]}
    for item in shell.upstream.school.classes():
        rows = shell.upstream.school.rows(item["id"])
        assert by_name[item["friendly_id"]]["progressions"] == len(rows)
    assert by_name["sd-cohort-12"]["progressions"] == 3781
    total = sum(row["progressions"] for row in status["classes"])
    assert first[-1].startswith(f"Synced {total} records")
    again = json.loads(shell.ok("sync", "--json"))
    assert {"records", "seconds", "classes"} <= set(again)
    assert (again["added"], again["changed"], again["removed"]) == (0, 0, 0)
    assert "Software Development" in shell.ok("status")


def test_classes_are_chosen_by_either_id(shell: Shell) -> None:
    shell.connected()
    assert shell.ok("classes").count("*") == 1
    shell.ok("activate", "sd-cohort-12", "pda-cohort-7")
    shell.ok("deactivate", "web-cohort-3")
    active = shell.ok("classes")
    assert ("sd-cohort-12" in active, "web-cohort-3" in active) == (True, False)
    assert "oulad-aaa-2013j" in shell.ok("classes", "--all")


NO_FIGURES = ("pandas", "numpy", "sqlite_utils")
NUMBERS_ALONE = (*NO_FIGURES, "pydantic", "asyncio", "requests", "secrets", "cohort_core.services.workspace")


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        *((command, NUMBERS_ALONE) for command in ("status", "classes")),
        *(
            (command, NO_FIGURES)
            for command in ("sync", "doctor --offline", "token list", "audit", "contact list")
        ),
        *((command, NO_FIGURES) for command in ("import --undo", "purge --student x", "backup copy.db")),
    ],
)
def test_a_command_loads_no_more_than_it_needs(shell: Shell, words: str, heavy: tuple[str, ...]) -> None:
    """The rest would take longer than the command itself."""
    shell.synced()
    code = (
        "import sys; from cohort_core.cli.program import make_app\n"
        f"try: make_app({words.split()})({words.split()}, standalone_mode=False)\n"
        f"finally: print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=shell.environment,
        cwd=shell.home.parent,
    )
    assert done.stderr.splitlines()[0] == "[]", done.stderr


def test_a_class_is_closed_and_opened(shell: Shell) -> None:
    assert shell.run("class", "close", "web-cohort-3", "--by-roster").returncode == 2
    shell.synced("web-cohort-3,pda-cohort-7")
    asked = shell.run("class", "close", "web-cohort-3")
    assert (asked.returncode, "--by-roster" in asked.stderr) == (2, True)
    for words in (
        ["--lost", "nobody"],
        ["--on", "yesterday", "--by-roster"],
        ["--on", "2150-01-01", "--by-roster"],
    ):
        assert shell.run("class", "close", "web-cohort-3", *words).returncode == 2
    assert shell.run("class", "close", "nowhere", "--by-roster").returncode == 66
    school = shell.upstream.school
    web = next(item["id"] for item in school.classes() if item["friendly_id"] == "web-cohort-3")
    email = next(row["user"]["email"] for row in school.rows(web) if row["user"]["email"])
    closed = shell.ok("class", "close", "web-cohort-3", "--lost", email.upper())
    assert re.fullmatch(r"Closed Web Basics, Cohort 3 on [\d-]{10}\. 1 student of \d+ lost; .*\n", closed)
    assert "(closed on " in shell.ok("classes")
    assert ", closed on " in shell.ok("status")
    synced = json.loads(shell.ok("sync", "--json"))
    assert [row["friendly_id"] for row in synced["classes"]] == ["pda-cohort-7"]
    assert "is open again" in shell.ok("class", "open", "web-cohort-3")
    assert shell.run("class", "open", "web-cohort-3").returncode == 2
    assert len(json.loads(shell.ok("sync", "--json"))["classes"]) == 2


def test_one_class_can_be_synced_alone(shell: Shell) -> None:
    shell.connected("all")
    done = json.loads(shell.ok("sync", "--class-id", "web-cohort-3", "--full", "--json"))
    assert [(row["friendly_id"], row["kind"]) for row in done["classes"]] == [("web-cohort-3", "full")]


def test_files_are_private(shell: Shell) -> None:
    shell.synced()
    assert stat.S_IMODE(shell.home.stat().st_mode) == 0o700
    for path in shell.home.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert "password" not in (shell.home / "config.toml").read_text()


def failed(done: subprocess.CompletedProcess[str]) -> int:
    """Check that a command failed with a sentence and no traceback. Return its exit code."""
    assert "Traceback" not in done.stderr
    assert re.search(r"Error: .*\.$", done.stderr.strip(), re.DOTALL), done.stderr
    assert CANARY not in done.stdout + done.stderr
    return done.returncode


def test_errors_are_sentences_with_their_codes(shell: Shell) -> None:
    assert failed(shell.run("sync")) == 78
    assert failed(shell.init("--classes", "all", password=CANARY)) == 77
    assert not (shell.home / "config.toml").exists()
    assert failed(shell.init("--api-base", "http://127.0.0.1:9")) == 68
    assert failed(shell.init("--api-base", "http://example.org")) == 78
    shell.connected()
    assert failed(shell.run("activate", "nothing")) == 66
    assert failed(shell.run("sync", "--class-id", "nothing")) == 66
    assert failed(shell.run("sync", COHORT_PASSWORD=CANARY)) == 77
    assert failed(shell.run("sync", COHORT_API_BASE="http://127.0.0.1:9")) == 68
    assert failed(shell.run("sync", COHORT_SYNC_RATE="fast")) == 78
    shell.upstream.faults.add(Fault("status", "/v1/auth/login", status=503))
    assert failed(shell.run("sync")) == 69
    shell.upstream.faults.add(Fault("shape", "*/progressions", times=None))
    assert failed(shell.run("sync")) == 76
    assert failed(shell.run("serve", "--host", "0.0.0.0")) == 2  # noqa: S104 - it is refused


def test_errors_can_be_read_by_programs(shell: Shell) -> None:
    done = shell.run("sync", "--json")
    assert done.returncode == 78
    assert json.loads(done.stdout)["error"]["code"] == "not_connected"
    shell.connected()
    shell.upstream.faults.add(Fault("status", "*/progressions", status=404, times=None))
    done = shell.run("sync", "--json")
    assert done.returncode == 67
    assert json.loads(done.stdout)["classes"][0]["error"]["code"] == "class_inaccessible"


def test_a_later_versions_database_is_left_alone(shell: Shell) -> None:
    shell.connected()
    with sqlite3.connect(shell.home / "cohort.db") as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
            "VALUES ('cohort_tracker', 'm999', '2030')"
        )
    connection.close()
    for command in ("status", "sync"):
        assert failed(shell.run(command)) == 70


def test_a_file_that_is_no_database_is_left_alone(shell: Shell) -> None:
    shell.home.mkdir()
    (shell.home / "cohort.db").write_text("these are my notes, not a database " * 50)
    assert failed(shell.run("status")) == 65
    assert (shell.home / "cohort.db").read_text().startswith("these are my notes")


def test_nothing_is_here_yet(shell: Shell) -> None:
    assert "init" in shell.ok("status")
    assert json.loads(shell.ok("status", "--json")) == {"last_sync": None, "running": None, "classes": []}
    assert not shell.home.exists()


def test_rosters_are_imported_and_bad_lines_reported(shell: Shell, tmp_path: Path) -> None:
    shell.synced()
    csv = requests.get(f"{shell.upstream.url}/practice/students.csv?class=web-cohort-3", timeout=10).text
    students, mentors = tmp_path / "students.csv", tmp_path / "mentors.csv"
    lines = csv.splitlines()
    bad = [",,,Tuesday,,,,web-cohort-3", "x@example.org,X,Y,,,tomorrow,,web-cohort-3", lines[1]]
    students.write_text("\r\n".join([*lines, *bad]), encoding="utf-8-sig")
    mentors.write_text("name;night\nMira Mentor;Tuesday\n;Thursday\n")
    done = shell.run("import", "--students", str(students), "--mentors", str(mentors), "--enrol-new")
    assert done.returncode == 79, done.stderr
    reports = done.stderr.splitlines()
    assert [re.match(r"(\S+) line (\d+)", line).groups() for line in reports] == [  # type: ignore[union-attr]
        *(("students.csv", str(len(lines) + number)) for number in (1, 3)),
        ("mentors.csv", "3"),
    ]
    reasons = ("names nobody", "line 2")
    assert all(reason in report for reason, report in zip(reasons, reports, strict=False))
    assert f"line {len(lines) + 2} X Y: matches nobody at OpenClass; " in done.stdout
    assert "no date such as" in done.stdout
    assert "not seen there yet, 2 lines not used" in done.stdout
    students.write_text(csv, encoding="utf-8")
    assert "Roster imported" in shell.ok("import", "--students", str(students))
    empty = tmp_path / "empty.csv"
    empty.write_text("email,night\n")
    assert failed(shell.run("import", "--students", str(empty))) == 2
    assert failed(shell.run("import", "--students", str(tmp_path / "missing.csv"))) == 2
    assert failed(shell.run("import")) == 2


def wait_for(url: str, process: subprocess.Popen[str]) -> requests.Response:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        try:
            return requests.get(url, timeout=5)
        except requests.RequestException:
            time.sleep(0.1)
    raise AssertionError(f"nothing answers at {url}")


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_everything_is_served_on_one_port_until_ctrl_c(shell: Shell, command: str) -> None:
    if command == "serve":
        shell.synced()
    port = free_port()
    extra = ["--no-browser"] if command == "demo" else []
    process = subprocess.Popen(
        [*COMMAND, command, "--port", str(port), *extra],
        env=shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        health: dict[str, Any] = wait_for(f"http://127.0.0.1:{port}/health", process).json()
        assert health["last_sync"]
        page = requests.get(f"http://127.0.0.1:{port}/dashboard", timeout=10)
        assert page.status_code == 200
        assert "<title>" in page.text
        assert requests.get(f"http://127.0.0.1:{port}/docs", timeout=10).status_code == 200
        taken = shell.run("serve", "--port", str(port))
        assert failed(taken) == 2
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, (out, err)
    assert f"http://127.0.0.1:{port}/dashboard" in out
    # No request of the dashboard is printed: its address may hold a student's id.
    assert "GET" not in out + err
    assert err == "" or command == "demo", err


def test_maintenance(shell: Shell, tmp_path: Path) -> None:
    assert failed(shell.run("backup", str(tmp_path / "early.db"))) == 2
    shell.synced()
    copy = tmp_path / "copy.db"
    assert "keep it private" in shell.ok("backup", str(copy))
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert failed(shell.run("backup", str(copy))) == 2
    shell.ok("backup", str(copy), "--force")
    assert "to do" not in shell.ok("doctor")
    assert all(finding["advice"] is None for finding in json.loads(shell.ok("doctor", "--json")))
    assert "0 records are set aside" in shell.ok("quarantine")
    assert "No sync is running" in shell.ok("cancel")
    class_id = json.loads(shell.ok("status", "--json"))["classes"][0]["id"]
    student = shell.upstream.school.rows(class_id)[0]["user"]["id"]
    assert "Purged" in shell.ok("purge", "--student", student)
    assert failed(shell.run("purge", "--student", student)) == 2
    before = json.loads(shell.ok("status", "--json"))["classes"][0]["progressions"]
    shell.ok("sync")
    assert json.loads(shell.ok("status", "--json"))["classes"][0]["progressions"] == before
    shell.ok("purge", "--student", student, "--allow-return")
    shell.ok("sync")
    assert json.loads(shell.ok("status", "--json"))["classes"][0]["progressions"] > before
    assert "Restored" in shell.ok("restore", str(copy))
    (tmp_path / "bad.db").write_text("no database")
    assert failed(shell.run("restore", str(tmp_path / "bad.db"))) == 2
    assert failed(shell.run("import", "--rust-db", str(tmp_path / "bad.db"))) == 2
    (shell.home / "config.toml").chmod(0o644)
    done = shell.run("doctor", "--offline")
    assert (done.returncode, "chmod 600" in done.stdout) == (1, True)


def test_a_second_sync_is_refused(shell: Shell) -> None:
    shell.connected()
    shell.upstream.faults.add(Fault("delay", "*/progressions", seconds=3.0, times=2))
    first = subprocess.Popen([*COMMAND, "sync"], env=shell.environment, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 20
    while json.loads(shell.ok("status", "--json"))["running"] is None:
        assert time.monotonic() < until
    assert failed(shell.run("sync")) == 75
    assert "stops after the page" in shell.ok("cancel")
    first.communicate(timeout=20)
    assert first.returncode == 130
    # A cancelled sync is neither verified nor not verified.
    assert "last run cancelled (full): " in shell.ok("status")


def test_tokens_are_made_listed_and_revoked(shell: Shell, tmp_path: Path) -> None:
    assert "no token" in shell.ok("token", "list")
    assert shell.ok("audit") == ""
    shell.connected()
    made = shell.run(
        *("token", "create", "--name", "ci", "--role", "mentor", "--class-id", "web-cohort-3"),
        *("--expires", "90d"),
    )
    token = made.stdout.strip()
    assert (made.returncode, len(made.stdout.splitlines())) == (0, 1)
    assert "cannot be shown again" in made.stderr
    assert failed(shell.run("token", "create", "--name", "ci")) == 2
    assert failed(shell.run("token", "create", "--name", "x", "--role", "owner")) == 2
    for life in ("soon", ""):
        assert failed(shell.run("token", "create", "--name", "x", "--expires", life)) == 2
    assert failed(shell.run("token", "create", "--name", "x", "--class-id", "none")) == 66
    shell.ok("token", "revoke", "ci")
    assert failed(shell.run("token", "revoke", "ci")) == 2
    (listed,) = json.loads(shell.ok("token", "list", "--json"))
    assert (listed["name"], listed["role"], listed["state"]) == ("ci", "mentor", "revoked")
    assert "digest" not in listed
    shell.ok("sync")
    out = tmp_path / "students.csv"
    shell.ok("export", "--class-id", "web-cohort-3", "--report", "student-health", "--out", str(out))
    events = json.loads(shell.ok("audit", "--json"))
    assert [(event["who"], event["action"]) for event in events] == [
        ("cli", action) for action in ("export", "token revoked", "token created", "classes", "settings")
    ]
    assert events[0]["detail"] == f"student_health, class {listed['class_ids'][0]}"
    text = shell.ok("audit") + shell.ok("token", "list")
    assert token not in text
    for path in shell.home.iterdir():
        assert token.encode() not in path.read_bytes(), path


def test_a_command_loads_only_its_own_module() -> None:
    for module, names in program.COMMANDS.items():
        commands = import_module(f"cohort_core.cli.{module}").commands
        listed = [group.name for group in commands.registered_groups]
        listed += [command.name or command.callback.__name__ for command in commands.registered_commands]
        assert sorted(listed) == sorted(names)
        assert all(program.modules_for(["--anything", name, "other"]) == [module] for name in names)
    assert (
        list(program.modules_for(["--help"]))
        == list(program.COMMANDS)
        == list(program.modules_for(["no-command"]))
    )
