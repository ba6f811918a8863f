"""A real server in a subprocess and a real browser; every complaint of the browser fails the test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect, sync_playwright

from cohort_core import practice
from cohort_core.config.paths import Home
from cohort_core.practice.generated import PracticeSchool
from cohort_core.practice.school import MemorySchool, School
from cohort_core.practice.server import Running, running
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import set_active
from tests.conftest import FAST_RETRIES, unavailable
from tests.dashboard.conftest import EVIL, evil_rows

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 20
WAIT_MS = 15_000
expect.set_options(timeout=WAIT_MS)
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}

CONTRARY = """
[browser]
gatherUsageStats = true
[server]
allowedHosts = ["elsewhere.example"]
[theme]
backgroundColor = "#ff0000"
[theme.dark]
backgroundColor = "#00ff00"
"""
"""Settings in the folder in which the server starts. None of them may have an effect."""


SERVE_AS = """
import sys
from cohort_core.cli import main
from cohort_core.dashboard.identity import serve_as
from cohort_core.services.principal import Principal

role, class_id = sys.argv[1:3]
del sys.argv[1:3]
serve_as(Principal("dashboard", role, frozenset({class_id})))
main()
"""


SERVE_ACCOUNT = """
import sys
from cohort_core.cli import main
from cohort_core.dashboard.identity import serve_as
from cohort_core.services.services import shared_services

serve_as(shared_services().account_principal(int(sys.argv.pop(1))))
main()
"""


SERVE_LATER = """
import sys
from datetime import timedelta
from cohort_core import clock
from cohort_core.cli import main

clock.move_on(timedelta(days=float(sys.argv.pop(1))))
main()
"""
"""Serve as if so many days had passed."""


class Dashboard:
    """A running dashboard: its URL, its workspace, and the school behind it."""

    def __init__(self, url: str, workspace: Workspace, school: Running | None) -> None:
        self.url = url
        self.workspace = workspace
        self.school = school

    def address(self, name: str = "", query: str = "") -> str:
        return f"{self.url}/dashboard/{name}{query}"


@contextmanager
def synced(
    folder: Path, school: School, wanted: Callable[[str], bool]
) -> Iterator[tuple[Workspace, Running]]:
    """Connect a home to a school in this process, and sync the wanted classes once."""
    workspace = Workspace(Home(folder), retry_policy=FAST_RETRIES)
    with running(school) as upstream:
        workspace.connect(
            api_base=upstream.url,
            app_id=practice.APP_ID,
            origin=practice.ORIGIN,
            email=practice.EMAIL,
            password=practice.PASSWORD,
            asked_by="test",
        )
        ids = [status.id for status in workspace.cohorts.statuses() if wanted(status.name)]
        set_active(workspace.database, ids, active=True)
        workspace.prepare_sync(asked_by="test").run()
        yield workspace, upstream
    workspace.stop()


@contextmanager
def served(
    folder: Path,
    elsewhere: Path,
    role: str = "",
    class_id: str = "",
    *,
    days_later: float = 0,
    account_id: int | None = None,
) -> Iterator[str]:
    """Run `serve` as a person does, from a folder outside the project.

    With a role, the dashboard is served to a person of that role who may see one class; with `account_id` to
    the person with this account. `days_later` moves the clock of the server.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COHORT_")} | {
        "COHORT_HOME": str(folder),
        "COHORT_SYNC_RATE": "0",
        "PYTHONPATH": str(PROJECT),
    }
    settings = elsewhere / ".streamlit" / "config.toml"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(CONTRARY, "utf-8")
    log = (elsewhere / "serve.log").open("w+")
    words = ["-c", SERVE_AS, role, class_id] if role else ["-m", "cohort_core.cli"]
    words = ["-c", SERVE_LATER, str(days_later)] if days_later else words
    words = ["-c", SERVE_ACCOUNT, str(account_id)] if account_id is not None else words
    command = [sys.executable, *words, "serve", "--port", str(port)]
    server = subprocess.Popen(command, cwd=elsewhere, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                requests.get(f"{url}/health", timeout=1)
                break
            except (requests.ConnectionError, requests.Timeout):
                log.seek(0)
                assert server.poll() is None, log.read()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield url
    finally:
        server.terminate()
        server.wait(10)
        log.close()


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """Two invented classes of the practice school, one of them with 3,781 records."""
    folder = tmp_path_factory.mktemp("browser")
    wanted = ("Software Development, Cohort 12", "Web Basics, Cohort 3")
    home = folder / "home"
    with (
        synced(home, PracticeSchool(), wanted.__contains__) as (workspace, school),
        served(home, folder) as url,
    ):
        yield Dashboard(url, workspace, school)


@pytest.fixture(scope="session")
def hostile_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the class, its assignments and its students all have the evil name."""
    folder = tmp_path_factory.mktemp("hostile") / "home"
    school = MemorySchool()
    school.add_class(EVIL, friendly_id="evil", rows=evil_rows())
    with synced(folder, school, lambda name: True):
        return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        unavailable("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()


class Watched:
    """Browser tabs that record every complaint of the browser and every request."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.hosts: set[str] = set()

    def tab(self, viewport: dict[str, int] | None = None, colours: str = "light") -> Page:
        context = self._browser.new_context(viewport=viewport or WIDE, color_scheme=colours)  # type: ignore[arg-type]
        context.set_default_timeout(WAIT_MS)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("dialog", self._dismiss)
        page.on("request", lambda request: self._note_request(request.url))
        page.on("websocket", lambda socket: self._note_request(socket.url))
        return page

    def _dismiss(self, dialog: Dialog) -> None:
        self.complaints.append("a dialog opened")
        dialog.dismiss()

    def _note(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def _note_request(self, url: str) -> None:
        if not url.startswith(("data:", "blob:")):
            self.hosts.add(url.split("/")[2])

    def close(self) -> None:
        while self._contexts:
            self._contexts.pop().close()


@pytest.fixture
def watched(chromium: Browser) -> Iterator[Watched]:
    """Give a test browser tabs; it fails if the browser complains or asks another host for anything."""
    tabs = Watched(chromium)
    yield tabs
    tabs.close()
    assert not tabs.complaints
    assert len(tabs.hosts) == 1, tabs.hosts
    assert next(iter(tabs.hosts)).startswith("127.0.0.1:")
    assert "127.0.0.1:9" not in tabs.hosts
