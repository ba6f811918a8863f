"""Makes docs/images/*.png anew: ``python docs/screenshots.py``. Needs Chromium and the dev packages.

A practice school is served from a home of its own for as long as it takes, in anonymous mode, so that nobody
in the pictures exists.
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
WIDTH, HEIGHT, TALLEST = 1280, 800, 1500
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
    "classes": "classes",
    "settings": "settings?part=thresholds",
}
"""Picture ▶ address below the dashboard's; class, student and assignment are filled in."""


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium is not installed.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, practice(Path(folder) / "home") as url:
        listed = requests.get(f"{url}/classes", timeout=10).json()
        class_id = next(one["id"] for one in listed if one["friendly_id"] == CLASS)
        chosen = {"student": who(url), "assignment": what(url)}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name, pattern in SHOTS.items():
                joint = "&" if "?" in pattern else "?"
                wanted = pattern.format(**chosen)
                address = f"{url}/dashboard/{wanted}{joint}class={class_id}&anonymous=1"
                shoot(browser, address, IMAGES / f"{name}.png")
                print(f"docs/images/{name}.png")
            browser.close()


@contextmanager
def practice(home: Path) -> Iterator[str]:
    """The address of a practice school's dashboard."""
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
        while not answers(url):
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("The practice school did not start.")
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def who(url: str) -> str:
    """A student who has begun and is at high risk."""
    rows = requests.get(f"{url}/classes/{CLASS}/metrics/student-health", timeout=10).json()
    return next(row["student_id"] for row in rows if row["risk"] == "high")


def what(url: str) -> str:
    """The assignment that is most worth teaching again."""
    return requests.get(f"{url}/classes/{CLASS}/metrics/reteach", timeout=10).json()["items"][0][
        "assignment_id"
    ]


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=2).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def shoot(browser: Browser, url: str, file: Path) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    page.goto(url)
    page.wait_for_selector("h1")
    settle(page)
    height = page.get_by_test_id("stMain").evaluate("one => one.scrollHeight")
    page.set_viewport_size({"width": WIDTH, "height": min(max(HEIGHT, height), TALLEST)})
    settle(page)
    page.screenshot(path=file)
    page.close()


def settle(page: Page) -> None:
    page.wait_for_function("() => !document.querySelector('[data-stale=true]')")
    page.wait_for_timeout(SETTLE_MS)


if __name__ == "__main__":
    main()
