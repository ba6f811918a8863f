"""Make the pictures docs/images/*.png: ``python docs/screenshots.py``, or some of them, by name.

Needs Chromium and the dev packages. The script serves a practice school from its own data folder, in
anonymous mode. So nobody in the pictures exists.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import requests
from playwright.sync_api import Browser, Page, sync_playwright

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.store import accounts
from cohort_core.store.database import Database

PROJECT = Path(__file__).resolve().parents[1]
IMAGES = PROJECT / "docs" / "images"
CLASS = "sd-cohort-12"
WIDTH, HEIGHT, MAX_HEIGHT = 1280, 800, 1500
START_SECONDS = 60
SETTLE_MS = 1500

SHOTS = {
    "overview": "overview?since=week",
    "risk": "risk",
    "student": "student?student={student}",
    "blockers": "blockers",
    "assignment": "assignment?assignment={assignment}",
    "matrix": "matrix",
    "trends": "trends",
    "class-night": "class_night",
    "handover": "handover",
    "classes": "classes",
    "settings": "settings?part=thresholds",
}
"""For each picture the address below that of the dashboard; the script fills in student and assignment."""
SHOTS_OF_PEOPLE = {"people": ("ana", "settings?part=people"), "my-account": ("ben", "my_account")}
"""Pictures that need accounts: who is signed in, and the address."""
PEOPLE = (
    ("ana", "admin", None, (), timedelta(minutes=1)),
    ("ben", "mentor", [CLASS], ("Tuesday",), timedelta(minutes=11)),
    ("cleo", "mentor", ["pda-cohort-7"], (), timedelta(days=1)),
    ("dora", "director", [CLASS, "pda-cohort-7"], (), timedelta(hours=3)),
)
"""Name, role, classes and groups of each account, and how long ago they signed in."""


def main(wanted: list[str]) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium is not installed.")
    if unknown := set(wanted) - SHOTS.keys() - SHOTS_OF_PEOPLE.keys() - {"arrange", "my-progress"}:
        raise SystemExit(f"There is no picture {', '.join(sorted(unknown))}.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, practice(Path(folder) / "home") as url:
        classes = requests.get(f"{url}/classes", timeout=10).json()
        about = f"class={next(item['id'] for item in classes if item['friendly_id'] == CLASS)}&anonymous=1"
        chosen = {"student": choose_student(url), "assignment": choose_assignment(url)}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name, pattern in SHOTS.items():
                if name in wanted or not wanted:
                    shoot(browser, with_query(f"{url}/dashboard/{pattern.format(**chosen)}", about), name)
            if "arrange" in wanted or not wanted:
                shoot_arranging(browser, with_query(f"{url}/dashboard/", about), "arrange")
            if "my-progress" in wanted or not wanted:
                shoot_own_page(browser, url, choose_own_page(url), "my-progress")
            # From the first account on, pages want a session.
            secrets = sign_in(Home(Path(folder) / "home"))
            for name, (person, path) in SHOTS_OF_PEOPLE.items():
                if name in wanted or not wanted:
                    address = with_query(f"{url}/dashboard/{path}", "anonymous=1")
                    shoot(browser, address, name, secrets[person])
            browser.close()


def with_query(address: str, about: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{about}"


def sign_in(home: Home) -> dict[str, str]:
    """Make the accounts, and return the secret of a session of each, by name."""
    database, secrets = Database(home), {}
    for name, role, references, groups, ago in PEOPLE:
        account = accounts.create_account(
            database, name, role, references, groups=groups, asked_by="cli", now=utc_now()
        )
        for label, before in (("Firefox on Windows", ago * 2), ("Chrome on Linux", ago)):
            secret = accounts.open_session(
                database, account.id, label=label, lifetime=timedelta(days=14), now=utc_now() - before
            )
            assert secret
            secrets[name] = secret
    return secrets


@contextmanager
def practice(home: Path) -> Iterator[str]:
    """Serve the practice school's dashboard, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "cohort_core.cli", "demo", "--port", str(port), "--no-browser"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COHORT_")}
    server = subprocess.Popen(
        command, cwd=PROJECT, env=environment | {"COHORT_HOME": str(home)}, stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    try:
        while not is_up(url):
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("The practice school did not start.")
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def choose_student(url: str) -> str:
    """Return the id of the first student at high risk."""
    rows = requests.get(f"{url}/classes/{CLASS}/metrics/student-health", timeout=10).json()
    return next(str(row["student_id"]) for row in rows if row["risk"] == "high")


def choose_assignment(url: str) -> str:
    """Return the id of the assignment that is most worth teaching again."""
    rows = requests.get(f"{url}/classes/{CLASS}/metrics/reteach", timeout=10).json()["items"]
    return str(rows[0]["assignment_id"])


def is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=2).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def shoot(browser: Browser, url: str, name: str, secret: str = "") -> None:
    """Make a picture of a page, signed in with the secret of a session, if given."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    if secret:
        page.context.add_cookies([{"name": "cohort", "value": secret, "url": url}])
    page.goto(url)
    page.wait_for_selector("h1")
    settle(page)
    height = page.get_by_test_id("stMain").evaluate("element => element.scrollHeight")
    page.set_viewport_size({"width": WIDTH, "height": min(max(HEIGHT, height), MAX_HEIGHT)})
    settle(page)
    page.screenshot(path=IMAGES / f"{name}.png")
    page.close()
    print(f"docs/images/{name}.png")


def shoot_arranging(browser: Browser, url: str, name: str) -> None:
    """Show the fold at the end of the Overview, open."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    page.goto(url)
    fold = page.get_by_test_id("stExpander").filter(has_text="Arrange this page")
    fold.locator("summary").click()
    fold.get_by_text("Reset to ours").wait_for()
    settle(page)
    fold.screenshot(path=IMAGES / f"{name}.png")
    page.close()
    print(f"docs/images/{name}.png")


def choose_own_page(url: str) -> str:
    """Switch students' own pages on, and return the id of a student who is in the middle of their work."""
    requests.patch(f"{url}/settings", json={"student_page": True}, timeout=10).raise_for_status()
    rows = requests.get(f"{url}/classes/{CLASS}/metrics/student-health", timeout=10).json()
    return next(str(row["student_id"]) for row in rows if row["stuck"] and row["stage"] == "active")


def shoot_own_page(browser: Browser, url: str, student_id: str, name: str) -> None:
    """Open a student's own page on a phone by a link."""
    answer = requests.post(f"{url}/classes/{CLASS}/students/{student_id}/link", timeout=10)
    path = answer.json()["address"].partition("/my-progress")[2]
    page = browser.new_page(
        viewport={"width": 375, "height": 812}, color_scheme="light", device_scale_factor=2
    )
    page.goto(f"{url}/my-progress{path}")
    page.get_by_role("button", name="Open my page").click()
    page.wait_for_selector("h2")
    page.screenshot(
        path=IMAGES / f"{name}.png",
        clip={"x": 0, "y": 0, "width": 375, "height": MAX_HEIGHT},
        full_page=True,
    )
    page.close()
    print(f"docs/images/{name}.png")


def settle(page: Page) -> None:
    page.wait_for_function("() => !document.querySelector('[data-stale=true], [data-testid=stSkeleton]')")
    page.wait_for_timeout(SETTLE_MS)


if __name__ == "__main__":
    main(sys.argv[1:])
