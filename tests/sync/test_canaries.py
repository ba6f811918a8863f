"""Passwords and tokens are written nowhere, and no student is named where something goes wrong."""

from __future__ import annotations

import logging
import sqlite3
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cohort_core import cli
from cohort_core.cli import common
from cohort_core.cli.exit_codes import EXIT_CODES
from cohort_core.config.paths import Home
from cohort_core.config.settings import save_settings
from cohort_core.errors import CohortError, UpstreamChanged
from cohort_core.practice.faults import BAD_ROWS, Fault
from cohort_core.practice.school import MemorySchool
from cohort_core.practice.server import Running, running
from cohort_core.services.workspace import Workspace, shared_workspace
from cohort_core.sources import base
from cohort_core.sources.openclass import parser
from cohort_core.store.classes import set_active
from tests.conftest import FAST_RETRIES, serving
from tests.sync.conftest import row

PASSWORD = "c4nary-passw0rd"
STUDENT = {
    "id": "c4nary-id",
    "first_name": "C4naryfirst",
    "last_name": "C4narylast",
    "email": "c4nary@student.example",
}
NAMES = [value for key, value in STUDENT.items() if key != "id"]


class Canaries:
    """A connected home, and everything that the program has written since."""

    def __init__(self, folder: Path, served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = Home(folder / "home")
        self.served = served
        self.tokens: list[str] = []
        self.tracebacks = ""
        issue = served.app.tokens.issue

        def issue_and_keep(user_id: str) -> str:
            self.tokens.append(issue(user_id))
            return self.tokens[-1]

        monkeypatch.setattr(served.app.tokens, "issue", issue_and_keep)
        monkeypatch.setattr(base, "RetryPolicy", lambda: FAST_RETRIES)
        monkeypatch.setenv("COHORT_HOME", str(self.home.folder))
        workspace = Workspace(self.home)
        workspace.connect_to_practice(served.url, PASSWORD, asked_by="test")
        set_active(workspace.database, ["class"], active=True)

    def command(self, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["cohort-tracker", *words])
        try:
            cli.main()
        except SystemExit as ended:
            return int(ended.code or 0)
        except BaseException as error:
            self.tracebacks += "".join(traceback.format_exception(error))
            raise
        return 0

    def secrets(self) -> list[str]:
        """Return the password, the tokens and the parts of each token."""
        parts = [part for token in self.tokens for part in token.split(".")[1:]]
        return [PASSWORD, *self.tokens, *parts]

    def files(self) -> dict[str, bytes]:
        """Return all files of the home, except for the one whose job is to hold the password."""
        everything = (path for path in self.home.folder.rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in everything if path != self.home.credentials}

    def records(self) -> str:
        """Return every text in the tables that record syncs."""
        connection = sqlite3.connect(self.home.database)
        tables = ("jobs", "runs", "sync_history", "classes")
        rows = [tuple(row) for table in tables for row in connection.execute(f"SELECT * FROM {table}")]
        rows += list(connection.execute("SELECT reason FROM quarantine"))
        connection.close()
        return str(rows)


@pytest.fixture
def canaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canaries]:
    school = MemorySchool(password=PASSWORD)
    rows = [
        row(number, completed=row(number)["completed_assignment_at"]) | {"user": STUDENT}
        for number in range(7)
    ]
    school.add_class("Class", class_id="class", rows=rows)
    forget_workspace()
    with running(school, page_cap=5) as served:
        yield Canaries(tmp_path, served, monkeypatch)
    shared_workspace().stop()
    forget_workspace()


def forget_workspace() -> None:
    """Let the next command open its home anew, as another process would."""
    common.services.cache_clear()
    shared_workspace.cache_clear()


LEAK = {"password": PASSWORD, "user": STUDENT, "objects": [PASSWORD], "token": 7}
FAULTS = [
    *(Fault("status", status=status, times=None) for status in (204, 301, 400, 403, 404, 418, 429, 500)),
    *(Fault(kind, times=None) for kind in ("reset", "cut", "html", "page", "total", "cap", "expire")),
    Fault("shape", value=LEAK, times=None),
    Fault("shape", value={"result": LEAK}, times=None),
    Fault("shape", value=[PASSWORD, STUDENT], times=None),
    Fault("redirect", location=f"https://elsewhere.example/{PASSWORD}/{STUDENT['email']}", times=None),
    Fault("status", status=429, retry_after=PASSWORD, times=None),
    *(Fault("rows", edit=kind, times=None) for kind in BAD_ROWS),
]


def test_nothing_secret_is_written_whatever_goes_wrong(
    canaries: Canaries,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for fault in FAULTS:
        canaries.served.faults.add(fault)
        for path in ("*/progressions", "/v1/classes/class", "/v1/auth/login"):
            if fault.kind in ("page", "total", "cap", "rows") and path != "*/progressions":
                continue
            fault.path = path
            canaries.command(monkeypatch, "sync", "--full", "--accept-removals")
        canaries.served.faults.clear()
    for words in (["status"], ["status", "--json"], ["doctor"], ["sync"]):
        canaries.command(monkeypatch, *words)
    assert_nothing_leaked(canaries, capfd, caplog)


def test_nothing_secret_is_written_when_the_program_itself_fails(
    canaries: Canaries,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)

    def fail(body: Any) -> Any:
        raise RuntimeError(f"{body} {PASSWORD} {canaries.tokens}")

    for name in ("read_page", "read_units", "read_token"):
        # Otherwise it would keep the token that it has.
        forget_workspace()
        with monkeypatch.context() as broken:
            broken.setattr(parser, name, fail)
            assert canaries.command(monkeypatch, "sync") != 0
            workspace = Workspace(canaries.home, retry_policy=FAST_RETRIES)
            try:
                workspace.start_sync(asked_by="test")
                assert workspace._running
                workspace._running[1].join(10)
            except (CohortError, RuntimeError):
                assert name == "read_token"
    assert_nothing_leaked(canaries, capfd, caplog)


@pytest.mark.parametrize(("begin", "media_type"), [("<p>", "text/html"), ("{", "application/json")])
def test_nothing_secret_is_repeated_from_a_body_that_is_no_json(
    begin: str,
    media_type: str,
    canaries: Canaries,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    app = canaries.served.app

    async def with_a_page(scope: Scope, receive: Receive, send: Send) -> None:
        if "progressions" in scope["path"]:
            page = f"{begin}{PASSWORD} {canaries.tokens} {NAMES}"
            await Response(page, media_type=media_type)(scope, receive, send)
        else:
            await app(scope, receive, send)

    with serving(with_a_page) as address:
        save_settings(canaries.home, api_base=address)
        expected = EXIT_CODES[UpstreamChanged]
        assert canaries.command(monkeypatch, "sync") == expected
    canaries.command(monkeypatch, "status", "--json")
    assert_nothing_leaked(canaries, capfd, caplog)


def assert_nothing_leaked(
    canaries: Canaries, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    out, err = capfd.readouterr()
    assert canaries.tokens
    written = {
        "stdout": out,
        "stderr": err,
        "log": caplog.text,
        "records": canaries.records(),
        "traceback": canaries.tracebacks,
    }
    for secret in canaries.secrets():
        for name, content in canaries.files().items():
            assert secret.encode() not in content, name
        for name, text in written.items():
            assert secret not in text, name
    if canaries.home.log.exists():
        written["cohort.log"] = canaries.home.log.read_text()
    for name, text in written.items():
        for student in NAMES:
            assert student not in text, name
