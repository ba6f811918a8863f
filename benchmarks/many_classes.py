"""Measure what many followed classes cost, in homes that the real sync fills.

    python benchmarks/many_classes.py               homes of 6, 50, 200 and 500 classes
    python benchmarks/many_classes.py 6 200         only these
    python benchmarks/many_classes.py --start       how long programs take to start

A practice server runs in its own process. Every class has 30 students and 600 records of its last ten weeks.
*Sync* is the processor time of `cohort-tracker sync` by row, *status* the time of that command. The other
times are those of one server: *cold* is the first request after a start, *again* the same request with
nothing changed, *after one* the first request after a sync of one class. *Overview* is seen in Chromium, from
the address to the complete page, *click* is a choice on it. *Memory* is the server's after all that.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, sync_playwright

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
# A program that is installed has its bytecode, as its libraries have.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

from benchmarks.dashboard import (  # noqa: E402
    Mentor,
    find_chromium,
    in_address,
    not_in_address,
    served,
    served_bare,
    tab,
)

SIZES = (6, 50, 200, 500)
STUDENTS, ASSIGNMENTS, WEEKS = 30, 20, 10
ROWS = STUDENTS * ASSIGNMENTS
REPEATS = 5
LIMITS = {
    "triage again": (200, 6, 10.0),
    "a click": (200, 6, 1.5),
    "first sync": (500, 50, 1.2),
}
"""The highest ratio of the first home's cost to the second one's."""
MAX_MEGABYTES_A_CLASS = 0.2


# The server's process


def serve(classes: int) -> None:
    """Serve so many classes until standard input is closed; print the address."""
    import random
    from datetime import UTC, datetime, timedelta

    from cohort_core.practice.school import MemorySchool, progression
    from cohort_core.practice.server import running

    chance = random.Random(classes)
    start = datetime.now(UTC) - timedelta(weeks=WEEKS)

    def text(moment: datetime) -> str:
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def row(number: int, student: int, assignment: int) -> dict[str, Any]:
        share = (assignment + chance.random()) / ASSIGNMENTS
        # Some students keep a slower pace, and some of their work is open still.
        began = start + timedelta(weeks=WEEKS * share * (0.6 + 0.4 * (student % 7) / 6))
        is_done = chance.random() < 0.97 - 0.03 * (student % 9)
        return progression(
            f"{number} {student} {assignment}",
            student=f"class {number} student {student:02}",
            assignment=f"class {number} assignment {assignment:02}",
            type=("lesson", "quiz", "project")[assignment % 3],
            grade=chance.randint(40, 100) / 100 if is_done else None,
            started=text(began),
            completed=text(began + timedelta(hours=chance.expovariate(1 / 30))) if is_done else None,
        )

    school = MemorySchool()
    for number in range(classes):
        school.add_class(
            f"Class {number:03}",
            class_id=f"class{number:03}",
            rows=(
                row(number, student, assignment)
                for student in range(STUDENTS)
                for assignment in range(ASSIGNMENTS)
            ),
        )
    with running(school) as upstream:
        print(upstream.url, flush=True)
        sys.stdin.read()


@contextlib.contextmanager
def server(classes: int) -> Iterator[str]:
    """Run `serve` in another process; yield its address."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--as-server", str(classes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(10)


# The measurements


class Command:
    """`cohort-tracker` in a home of its own."""

    def __init__(self, home: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COHORT_")}
        self._environment = kept | {
            "COHORT_HOME": str(home),
            "COHORT_SYNC_RATE": "0",
            "PYTHONPATH": str(PROJECT),
        }

    def __call__(self, *words: str, text: str = "") -> tuple[float, float]:
        """Run a command, and return its seconds by the clock and of the processor."""
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "cohort_core.cli", *words],
            input=text,
            text=True,
            env=self._environment,
            capture_output=True,
        )
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(f"{words}: {done.stderr or done.stdout}")
        return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@dataclass
class Costs:
    """The costs of one home. Times are in milliseconds, of a sync in microseconds by row."""

    first_sync: float
    unchanged_sync: float
    status: float
    classes_cold: float
    classes_again: float
    triage_cold: float
    triage_again: float
    triage_after_one: float
    overview: float
    click: float
    megabytes: float


def measure(count: int, folder: Path, browser: Browser) -> Costs:
    """Fill a home with so many classes, and measure everything."""
    from cohort_core import practice

    home = folder / str(count)
    run = Command(home)
    with server(count) as upstream:
        connection = ["--api-base", upstream, "--app-id", practice.APP_ID, "--origin", practice.ORIGIN]
        run(
            *("init", *connection, "--email", practice.EMAIL, "--password-stdin", "--classes", "all"),
            text=practice.PASSWORD,
        )
        first = run("sync")[1]
        unchanged = run("sync")[1]
        status = statistics.median(run("status")[0] for _ in range(REPEATS))
        with served(home) as url:
            classes = [milliseconds(url, "/classes") for _ in range(REPEATS)]
            triage = [milliseconds(url, "/triage") for _ in range(4 * REPEATS)]
            after_one = []
            for _ in range(REPEATS):
                run("sync", "--class-id", "class000", "--full")
                after_one.append(milliseconds(url, "/triage"))
            with tab(browser) as page:
                mentor = Mentor(page, url, "class000")
                for _ in range(REPEATS):
                    mentor.open("overview", "first page")
                    for label, ready in (
                        ("This class", in_address("scope=this")),
                        ("All my classes", not_in_address("scope=this")),
                    ):
                        choice = mentor.main.get_by_role("radio", name=label)
                        choice.wait_for()
                        mentor.do("a choice", "click", choice.click, ready=ready)
            megabytes = memory(home)
    return Costs(
        first_sync=first / (count * ROWS) * 1e6,
        unchanged_sync=unchanged / (count * ROWS) * 1e6,
        status=status * 1000,
        classes_cold=classes[0],
        classes_again=statistics.median(classes[1:]),
        triage_cold=triage[0],
        triage_again=statistics.median(triage[1:]),
        triage_after_one=statistics.median(after_one),
        overview=1000 * statistics.median(mentor.waits["first page: overview"].seconds[1:]),
        click=1000 * statistics.median(mentor.waits["a choice"].seconds),
        megabytes=megabytes,
    )


def milliseconds(url: str, path: str) -> float:
    """Return how long an answer takes."""
    start = time.perf_counter()
    requests.get(url + path, timeout=600).raise_for_status()
    return (time.perf_counter() - start) * 1000


def memory(home: Path) -> float:
    """Return the resident memory of the server of a home, in megabytes."""
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            environment = (process / "environ").read_bytes().split(b"\0")
            if b"serve" in words and f"COHORT_HOME={home}".encode() in environment:
                kilobytes = (process / "status").read_text().split("VmRSS:")[1].split()[0]
                return int(kilobytes) / 1024
    raise SystemExit("the server is not there")


# How long programs take to start


WEB = "import fastapi, uvicorn, requests"
CONSOLE = "import typer, rich, sqlite3"
TABLES = "import pandas"
START_LIMITS = {"health": 2.8, "first number": 1.3, "first page": 2.0, "status": 1.5}


def measure_start(folder: Path, browser: Browser) -> bool:
    """Print how long programs take to start, each beside the libraries that it cannot do without.

    *health* is from the start of `serve` to its first answer, against the import of the web libraries.
    *first number* is a report of a class right after that, against the import of pandas. *first page* is the
    Overview in Chromium right after another start, against a bare page of Streamlit's own server. *status* is
    the command, against the import of the console's libraries. All are medians of the ratios of five rounds.
    """
    from cohort_core import practice

    home = folder / "start"
    run = Command(home)
    with server(6) as upstream:
        connection = ["--api-base", upstream, "--app-id", practice.APP_ID, "--origin", practice.ORIGIN]
        run(
            *("init", *connection, "--email", practice.EMAIL, "--password-stdin", "--classes", "all"),
            text=practice.PASSWORD,
        )
        run("sync")
    ratios: dict[str, list[float]] = {name: [] for name in START_LIMITS}
    just_started = []
    for _ in range(REPEATS):
        web, console, tables = (imported(words) for words in (WEB, CONSOLE, TABLES))
        ratios["status"].append(run("status")[0] / console)
        start = time.perf_counter()
        with served(home) as url:
            ratios["health"].append((time.perf_counter() - start) / web)
            just_started.append(memory(home))
            report = milliseconds(url, "/classes/class000/metrics/student-health")
            ratios["first number"].append(report / 1000 / tables)
        with served_bare(folder) as url:
            bare = first_page(browser, url, "/", "Page")
        with served(home) as url:
            ratios["first page"].append(
                first_page(browser, url, "/dashboard/?class=class000", "Overview") / bare
            )
    is_reached = True
    for name, limit in START_LIMITS.items():
        ratio = statistics.median(ratios[name])
        is_reached = is_reached and ratio <= limit
        each = " ".join(f"{ratio:.2f}" for ratio in sorted(ratios[name]))
        print(f"  {'reached' if ratio <= limit else 'MISSED '}  {name} {ratio:.2f}, limit {limit:g} ({each})")
    print(f"  memory when it has just started: {statistics.median(just_started):.0f} MB")
    return is_reached


def first_page(browser: Browser, url: str, path: str, heading: str) -> float:
    """Return how long a page takes in a new browser, in seconds."""
    with tab(browser) as page:
        mentor = Mentor(page, url, "")
        mentor.open_address(path, heading, "first page", "first page")
        return mentor.waits["first page"].seconds[0]


def imported(words: str) -> float:
    """Return how long a new Python takes to import something, in seconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", words], check=True)
    return time.perf_counter() - start


# The report


def report(costs: dict[int, Costs]) -> bool:
    """Print the table and what was reached; return False if something was missed."""
    names = list(Costs.__dataclass_fields__)
    print(f"\n{'':18}" + "".join(f"{count:>10}" for count in costs) + "  classes")
    for name in names:
        print(
            f"{name.replace('_', ' '):18}"
            + "".join(f"{getattr(each, name):10.1f}" for each in costs.values())
        )
    fields = {"triage again": "triage_again", "a click": "click", "first sync": "first_sync"}
    results = []
    for words, (many, few, limit) in LIMITS.items():
        if many in costs and few in costs:
            ratio = getattr(costs[many], fields[words]) / getattr(costs[few], fields[words])
            results.append(
                (
                    ratio <= limit,
                    f"{words} at {many} classes {ratio:.2f} times that at {few}, limit {limit:g}",
                )
            )
    if len(costs) > 1:
        few, *_, many = costs
        growth = (costs[many].megabytes - costs[few].megabytes) / (many - few)
        results.append(
            (growth < MAX_MEGABYTES_A_CLASS, f"{growth:.3f} MB a class, limit {MAX_MEGABYTES_A_CLASS}")
        )
    for is_reached, words in results:
        print(f"  {'reached' if is_reached else 'MISSED '}  {words}")
    return all(is_reached for is_reached, _ in results)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the homes that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--as-server", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--start", action="store_true", help="measure how long programs take to start")
    parser.add_argument("--json", type=Path, help="also write the figures into this file")
    chosen = parser.parse_args(arguments)
    if chosen.as_server:
        serve(chosen.as_server)
        return 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        if chosen.start:
            return 0 if measure_start(Path(folder), browser) else 1
        costs = {}
        for count in chosen.sizes:
            costs[count] = measure(count, Path(folder), browser)
            print(count, costs[count], flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps({count: vars(each) for count, each in costs.items()}))
    return 0 if report(costs) else 1


if __name__ == "__main__":
    sys.exit(main())
