"""Checks that the server stays healthy under load, while the school changes and syncs run.

    python benchmarks/soak.py                       10 minutes, 16 clients, a sync every 20 seconds
    python benchmarks/soak.py --minutes 0.5 --sync-every 5

The rows of a practice school change in one batch before each sync. `serve` runs in a process of its own, and
clients request every route of two classes in turn, every other time with the previous ETag. The exit status
is 1 unless all of this is true:

- No response is a 5xx.
- Memory is flat: at the end it is at most 1.1 times as much as after the first fifth of the time.
- Every sync succeeds.
- No response shows half a sync. A batch completes one assignment for everybody and regrades everybody's first
  one. Every response with numbers of both must come from one batch, and not from an earlier one than the same
  client saw before.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"

CLASSES = ("first", "second")
STUDENTS, ASSIGNMENTS, BEGUN = 40, 60, 10
MAX_GROWTH = 1.1
START_SECONDS, SYNC_SECONDS, WATCH_SECONDS = 30, 120, 5
FILES = ("/classes/{class_id}/progressions.csv", "/classes/{class_id}/metrics/student-health.xlsx")


class Soak:
    """The state of the school, and the observations about the server."""

    def __init__(self) -> None:
        from cohort_core.practice.school import MemorySchool, hex_id

        self.school = MemorySchool()
        self.batch = 0
        self.statuses: Counter[int] = Counter()
        self.violations: list[str] = []
        self.failures: list[str] = []
        self.checked = 0
        self.memory: list[tuple[float, float]] = []
        self.lock = threading.Lock()
        self.is_over = threading.Event()
        self.regraded = hex_id("assignment", "assignment 00")
        self.ids = {"student_id": hex_id("student", "student 00"), "assignment_id": self.regraded}
        ids = [hex_id("assignment", f"assignment {number:02}") for number in range(ASSIGNMENTS)]
        units = [
            {"name": f"Week {start // 5 + 1}", "assignments": ids[start : start + 5]}
            for start in range(0, ASSIGNMENTS, 5)
        ]
        for name in CLASSES:
            self.school.add_class(name, units=units, rows=self.rows(range(ASSIGNMENTS), 0))

    def rows(self, assignments: Any, batch: int) -> Iterator[dict[str, Any]]:
        """Yield the rows of some assignments after a batch.

        Their number is always the same, so that only a leak makes memory grow.
        """
        from cohort_core.practice.school import progression
        from cohort_core.store.database import utc_text

        now = datetime.now(UTC)
        for number in assignments:
            started, completed = (
                now - timedelta(days=30 - number / 3),
                now - timedelta(seconds=ASSIGNMENTS - number),
            )
            is_done = number < BEGUN + batch
            for student in range(STUDENTS):
                yield progression(
                    f"{student} {number}",
                    student=f"student {student:02}",
                    assignment=f"assignment {number:02}",
                    grade=(grade_of(batch) if number == 0 else 0.8) if is_done else None,
                    started=utc_text(started),
                    completed=utc_text(completed) if is_done else None,
                )

    def change(self) -> None:
        """Make the next batch. Its number rises first, since a sync may show it at once."""
        self.batch += 1
        changed = [0, *([done_of(self.batch) - 1] if BEGUN + self.batch <= ASSIGNMENTS else [])]
        for row in self.school.classes():
            self.school.put_rows(row["id"], self.rows(changed, self.batch))

    def matching_batches(self, path: str, body: Any) -> list[int] | None:
        """Return the batches that a response can come from; None if it does not depend on them."""
        batches = range(self.batch + 1)
        if path.endswith("/progressions"):
            done = sum(row["completed_at"] is not None for row in body) / STUDENTS
            grades = {row["grade"] for row in body if row["assignment_id"] == self.regraded}
            return [batch for batch in batches if done_of(batch) == done and grades == {grade_of(batch)}]
        if path.endswith("/metrics/blockers"):
            done = sum(row["completion_rate_all"] for row in body)
            grade = next(row["avg_grade"] for row in body if row["assignment_id"] == self.regraded)
            return [
                batch
                for batch in batches
                if is_close(done, done_of(batch)) and is_close(grade, grade_of(batch))
            ]
        if path.endswith("/progress-summary"):
            share = body["avg_completion"]
            return [batch for batch in batches if is_close(share, done_of(batch) / ASSIGNMENTS)]
        if path.endswith("/metrics/completion"):
            done = body["avg_students_per_assignment"] * ASSIGNMENTS / STUDENTS
            return [batch for batch in batches if abs(done - done_of(batch)) < 0.01]
        return None

    def ask(self, url: str, paths: list[str], first: int) -> None:
        """Act as one client: request every route in turn, every other round with the previous ETag."""
        tags: dict[str, str] = {}
        latest: Counter[str] = Counter()
        session, number = requests.Session(), first
        while not self.is_over.is_set():
            path, with_tag = paths[number % len(paths)], number // len(paths) % 2 == 1
            number += 1
            headers = {"If-None-Match": tags[path]} if with_tag and path in tags else {}
            try:
                response = session.get(url + path, headers=headers, timeout=60)
            except requests.RequestException as error:
                with self.lock:
                    self.failures.append(f"{path}: {type(error).__name__}")
                continue
            batches = None
            if response.status_code == 200:
                tags[path] = response.headers.get("ETag", "")
                is_json = response.headers["Content-Type"].startswith("application/json")
                batches = self.matching_batches(path, response.json()) if is_json else None
            with self.lock:
                self.statuses[response.status_code] += 1
                if batches is None:
                    continue
                self.checked += 1
                name = path.split("/")[2]
                if not batches or batches[-1] < latest[name]:
                    self.violations.append(f"{path}: batches {batches[-1:]} after {latest[name]}")
                latest[name] = max(latest[name], batches[0] if batches else 0)

    def sync(self, url: str) -> None:
        self.change()
        job = requests.post(f"{url}/sync", json={"full": True}, timeout=60).json()
        deadline = time.monotonic() + SYNC_SECONDS
        while job.get("state") == "running" and time.monotonic() < deadline:
            time.sleep(0.2)
            job = requests.get(f"{url}/sync/{job['job']}", timeout=60).json()
        if job.get("state") != "done":
            self.failures.append(f"sync of batch {self.batch}: {job.get('state', job)}")

    def watch(self, pid: int, began: float) -> None:
        while not self.is_over.wait(WATCH_SECONDS):
            status = Path(f"/proc/{pid}/status").read_text()
            kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
            self.memory.append((time.monotonic() - began, int(kilobytes) / 1000))


def done_of(batch: int) -> int:
    """Return the number of assignments that everybody has completed."""
    return min(BEGUN + batch, ASSIGNMENTS)


def grade_of(batch: int) -> float:
    return (batch % 90 + 5) / 100


def is_close(actual: float, expected: float) -> bool:
    return abs(actual - expected) < 0.0002


@contextlib.contextmanager
def served(home: Path) -> Iterator[tuple[str, int]]:
    """Run `serve` in a process of its own. Yields its address and process id."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COHORT_")}
    environment |= {"COHORT_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cohort_core.cli", "serve", "--port", str(port)]
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as server:
        try:
            while True:
                with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                    requests.get(f"{url}/health", timeout=1)
                    break
                if server.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the server did not start")
                time.sleep(0.05)
            yield url, server.pid
        finally:
            server.terminate()


def prepare(home: Path, upstream: Any) -> list[str]:
    """Make a home that has synced the school once. Return the paths of all class routes."""
    from cohort_core.api.app import create_app
    from cohort_core.config.paths import Home
    from cohort_core.config.settings import save_settings
    from cohort_core.services.workspace import Workspace

    workspace = Workspace(Home(home))
    workspace.connect_to_practice(upstream.url, asked_by="test")
    # The server must not start a practice school of its own, and a sync must end before the next one.
    save_settings(workspace.home, practice=False, sync_rate=1000.0)
    workspace.set_active([status.id for status in workspace.cohorts.statuses()], active=True)
    assert workspace.prepare_sync(asked_by="soak").run().state == "done"
    routes = [path for path, methods in create_app(workspace).openapi()["paths"].items() if "get" in methods]
    workspace.stop()
    return [path for path in (*routes, *FILES) if path.startswith("/classes/")]


def report(soak: Soak, seconds: float) -> bool:
    """Print the results. Return whether everything is as it must be."""
    total = sum(soak.statuses.values())
    warm = [size for at, size in soak.memory if 0.2 * seconds <= at <= 0.3 * seconds] or [soak.memory[0][1]]
    last = [size for at, size in soak.memory if at >= 0.9 * seconds] or [soak.memory[-1][1]]
    ratio = statistics.median(last) / statistics.median(warm)
    broken = sum(count for status, count in soak.statuses.items() if status >= 500)
    print(f"requests    {total:,} in {seconds:.0f} s, {total / seconds:.0f}/s, {soak.batch} syncs")
    print(f"statuses    {dict(sorted(soak.statuses.items()))}, 5xx: {broken}")
    print(
        f"memory      {statistics.median(warm):.0f} MB warm, {statistics.median(last):.0f} MB at the end:"
        f" {ratio:.2f} (at most {MAX_GROWTH}), highest {max(size for _, size in soak.memory):.0f} MB"
    )
    print("by the tenth", *(f"{size:.0f}" for size in by_tenth(soak.memory, seconds)))
    print(
        f"half a sync {len(soak.violations)} of {soak.checked:,} responses that show it", *soak.violations[:5]
    )
    print(f"failures    {len(soak.failures)}", *soak.failures[:5])
    others = set(soak.statuses) - {200, 304}
    return (
        not (broken or others or soak.violations or soak.failures or ratio > MAX_GROWTH) and soak.checked > 0
    )


def by_tenth(memory: list[tuple[float, float]], seconds: float) -> Iterator[float]:
    for part in range(10):
        sizes = [size for at, size in memory if part <= 10 * at / seconds < part + 1]
        yield statistics.median(sizes) if sizes else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--sync-every", type=float, default=20, help="seconds")
    options = parser.parse_args()
    from cohort_core.practice.server import running

    soak = Soak()
    with tempfile.TemporaryDirectory() as folder, running(soak.school, page_cap=25) as upstream:
        routes = prepare(Path(folder) / "home", upstream)
        paths = [path.format(class_id=name, **soak.ids) for path in routes for name in CLASSES]
        with served(Path(folder) / "home") as (url, pid):
            began = time.monotonic()
            end = began + 60 * options.minutes
            threads = [threading.Thread(target=soak.watch, args=(pid, began), daemon=True)]
            for number in range(options.clients):
                start = number * len(paths) // options.clients
                threads.append(threading.Thread(target=soak.ask, args=(url, paths, start), daemon=True))
            for thread in threads:
                thread.start()
            while (left := end - time.monotonic()) > 0:
                time.sleep(min(left, options.sync_every))
                if time.monotonic() < end:
                    soak.sync(url)
            soak.is_over.set()
            seconds = time.monotonic() - began
            for thread in threads:
                thread.join(65)
    if not report(soak, seconds):
        raise SystemExit("The server failed the test.")


if __name__ == "__main__":
    main()
