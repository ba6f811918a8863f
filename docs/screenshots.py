"""Make the pictures docs/images/*.png: ``python docs/screenshots.py``.

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
from pathlib import Path

import requests
from playwright.sync_api import Browser, Page, sync_playwright

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


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium is not installed.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, practice(Path(folder) / "home") as url:
        classes = requests.get(f"{url}/classes", timeout=10).json()
        class_id = next(item["id"] for item in classes if item["friendly_id"] == CLASS)
        chosen = {"student": choose_student(url), "assignment": choose_assignment(url)}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name, pattern in SHOTS.items():
                separator = "&" if "?" in pattern else "?"
                path = pattern.format(**chosen)
                address = f"{url}/dashboard/{path}{separator}class={class_id}&anonymous=1"
                shoot(browser, address, IMAGES / f"{name}.png")
                print(f"docs/images/{name}.png")
            shoot_arranging(browser, f"{url}/dashboard/?class={class_id}&anonymous=1", IMAGES / "arrange.png")
            shoot_own_page(browser, url, choose_own_page(url), IMAGES / "my-progress.png")
            browser.close()


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


def shoot(browser: Browser, url: str, file: Path) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    page.goto(url)
    page.wait_for_selector("h1")
    settle(page)
    height = page.get_by_test_id("stMain").evaluate("element => element.scrollHeight")
    page.set_viewport_size({"width": WIDTH, "height": min(max(HEIGHT, height), MAX_HEIGHT)})
    settle(page)
    page.screenshot(path=file)
    page.close()


def shoot_arranging(browser: Browser, url: str, file: Path) -> None:
    """Show the fold at the end of the Overview, open."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    page.goto(url)
    fold = page.get_by_test_id("stExpander").filter(has_text="Arrange this page")
    fold.locator("summary").click()
    fold.get_by_text("Reset to ours").wait_for()
    settle(page)
    fold.screenshot(path=file)
    page.close()


def choose_own_page(url: str) -> str:
    """Switch students' own pages on, and return the id of a student who is in the middle of their work."""
    requests.patch(f"{url}/settings", json={"student_page": True}, timeout=10).raise_for_status()
    rows = requests.get(f"{url}/classes/{CLASS}/metrics/student-health", timeout=10).json()
    return next(str(row["student_id"]) for row in rows if row["stuck"] and row["stage"] == "active")


def shoot_own_page(browser: Browser, url: str, student_id: str, file: Path) -> None:
    """Open a student's own page on a phone by a link."""
    answer = requests.post(f"{url}/classes/{CLASS}/students/{student_id}/link", timeout=10)
    path = answer.json()["address"].partition("/my-progress")[2]
    page = browser.new_page(
        viewport={"width": 375, "height": 812}, color_scheme="light", device_scale_factor=2
    )
    page.goto(f"{url}/my-progress{path}")
    page.get_by_role("button", name="Open my page").click()
    page.wait_for_selector("h2")
    page.screenshot(path=file, clip={"x": 0, "y": 0, "width": 375, "height": MAX_HEIGHT}, full_page=True)
    page.close()


def settle(page: Page) -> None:
    page.wait_for_function("() => !document.querySelector('[data-stale=true], [data-testid=stSkeleton]')")
    page.wait_for_timeout(SETTLE_MS)


if __name__ == "__main__":
    main()
