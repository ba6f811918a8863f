"""Time the sync, and compare it with the plain SQL that it needs at least.

    python benchmarks/sync.py                 3,781 and 100,000 rows
    python benchmarks/sync.py 3781 --rounds 5

A practice server runs in its own process on this computer and has every page ready before the clock starts.
*First* is a sync into an empty database, *unchanged* the full sync after it; each is the best of a few rounds
in a new process, with login and all requests. The *floor* is the work that no sync can avoid: the same rows,
already fetched and parsed, are written with "insert, or update where something differs" in one transaction on
one connection. *Fetching*, *JSON* and *reading* are the same pages fetched, parsed and validated without
storing them: they show where the time above the floor goes.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"

CLASS = "class"
MAX_RATIO = {3781: 3.0, 100_000: 2.0}
MAX_MEGABYTES = 300
MAX_POLITE_SECONDS = 8.0
LATENCY_SECONDS = 0.1


# The server's process


def serve(rows: int) -> None:
    """Serve a class of so many rows until standard input is closed; print the address."""
    from datetime import UTC, datetime, timedelta

    from cohort_core.practice.school import MemorySchool, progression
    from cohort_core.practice.server import running

    start = datetime(2025, 9, 1, tzinfo=UTC)

    def at(number: int) -> str:
        return (
            (start + timedelta(minutes=3 * number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        )

    students = max(30, rows // 120)

    def with_id(row: dict[str, Any], number: int) -> dict[str, Any]:
        """Give a row an id that begins with the second of its creation, as upstream's do."""
        second = int((start + timedelta(minutes=3 * number)).timestamp())
        return row | {"_id": {"$oid": f"{second:08x}{row['_id']['$oid'][8:]}"}}

    school = MemorySchool()
    school.add_class(
        "Class",
        class_id=CLASS,
        rows=(
            with_id(
                progression(
                    f"row {number}",
                    student=f"student {number % students}",
                    assignment=f"assignment {number // students}",
                    grade=number % 21 / 20,
                    started=at(number),
                    completed=None if number % 50 == 7 else at(number + number % 9),
                    reviewed=at(number + 600) if number % 3 == 0 else None,
                ),
                number,
            )
            for number in range(rows)
        ),
    )
    with running(school, faults_over_http=True) as served:
        print(served.url, flush=True)
        sys.stdin.read()


@contextlib.contextmanager
def server(rows: int) -> Iterator[str]:
    """Run `serve` in another process; yield its address."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--as", "server", str(rows)],
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


# The measurements, each in its own process


def connected(url: str, home: Path, rate: float) -> Any:
    """Make a workspace that is connected to the server; rate in requests a second, 0 for no limit."""
    from cohort_core.config.paths import Home
    from cohort_core.config.settings import save_settings
    from cohort_core.services.workspace import Workspace
    from cohort_core.store.classes import set_active

    workspace = Workspace(Home(home))
    workspace.connect_to_practice(url, asked_by="test")
    save_settings(workspace.home, sync_rate=rate)
    set_active(workspace.database, [CLASS], active=True)
    return workspace


def time_syncs(url: str, home: Path, rate: float) -> dict[str, Any]:
    """Time a first sync, a full one and an automatic one.

    Returns seconds, page requests and the peak of memory in megabytes.
    """
    import resource

    workspace = connected(url, home, rate)
    gc.freeze()  # as the server does
    results: dict[str, Any] = {}
    for name, is_full in (("first", False), ("unchanged", True), ("automatic", False)):

        def sync(is_full: bool = is_full) -> Any:
            return workspace.prepare_sync(asked_by="benchmark", full=is_full).run()

        results[name], results[f"{name} CPU"], job = timed(sync)
        assert job.state == "done", job
        results[f"{name} pages"] = job.runs[0].pages
    results["kind"] = job.runs[0].kind
    results["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return results


def time_floor(url: str, home: Path, rate: float) -> dict[str, Any]:
    """Time plain SQL for the rows of all pages, and the steps of reading them."""
    from cohort_core.sources import load_login
    from cohort_core.sources.openclass import parser
    from cohort_core.sources.openclass.client import PAGE_SIZE, OpenClassClient

    workspace = connected(url, home, rate)
    gc.freeze()
    results: dict[str, Any] = {}
    with OpenClassClient(load_login(workspace.home)) as client:
        client.log_in()

        def fetch() -> list[bytes]:
            bodies: list[bytes] = []
            while not bodies or b'can_load_more\\":true' in bodies[-1]:
                query = {"return_count": PAGE_SIZE, "page": len(bodies), "sort_by_completed_at": -1}
                bodies.append(client._send("GET", f"/v1/classes/{CLASS}/progressions", query=query)[1])
            return bodies

        results["fetching"], results["fetching CPU"], bodies = timed(fetch)
    results["JSON"], results["JSON CPU"], _ = timed(
        lambda: [parser.read_json(parser.read_json(body)["result"]["objects"][0]) is None for body in bodies]
    )
    results["reading"], results["reading CPU"], pages = timed(
        lambda: [parser.read_page(parser.read_json(body)) for body in bodies]
    )
    students = {student.id: student for page in pages for student in page.students}
    assignments = {assignment.id: assignment for page in pages for assignment in page.assignments}
    rows = [(*row, "2026-01-01T00:00:00.000Z", CLASS) for page in pages for row in page.rows]
    with workspace.database.writer() as connection:

        def write() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(plain_upsert("students", 4), students.values())
            connection.executemany(plain_upsert("assignments", 3), assignments.values())
            connection.executemany(plain_upsert("progressions", 10), rows)
            connection.execute("COMMIT")

        results["first"], results["first CPU"], _ = timed(write)
        results["unchanged"], results["unchanged CPU"], _ = timed(write)
        assert connection.execute("SELECT count(*) FROM progressions").fetchone()[0] == len(rows)
    return results


def plain_upsert(table: str, width: int) -> str:
    """Write the statement that inserts a row, or updates it where something differs."""
    columns = {
        "students": "id, first_name, last_name, email",
        "assignments": "id, name, type",
        "progressions": "id, student_id, assignment_id, grade, started_at, completed_at, reviewed_at, "
        "synced_at, class_id",
    }[table].split(", ")
    key = "class_id, id" if table == "progressions" else "id"
    compared = [name for name in columns if name not in ("id", "class_id", "synced_at")]
    return f"""
        INSERT INTO {table} ({", ".join(columns)}) VALUES ({", ".join("?" * width)})
        ON CONFLICT ({key}) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in compared)}
        WHERE {" OR ".join(f"{table}.{name} IS NOT excluded.{name}" for name in compared)}
    """  # noqa: S608 - all names are in this function


def timed(function: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return the seconds by the clock, the seconds of this process's work, and the result."""
    began, worked = time.perf_counter(), time.process_time()
    result = function()
    return time.perf_counter() - began, time.process_time() - worked, result


# The comparison


def in_process(task: str, url: str, rate: float = 0.0) -> dict[str, Any]:
    """Run a measurement in a new process; return its results."""
    with tempfile.TemporaryDirectory(prefix="cohort-benchmark-") as folder:
        ended = subprocess.run(
            [sys.executable, __file__, "--as", task, url, f"{folder}/home", str(rate)],
            capture_output=True,
            text=True,
            check=False,
        )
        shutil.rmtree(f"{folder}/home", ignore_errors=True)
    if ended.returncode:
        raise SystemExit(ended.stderr)
    return dict(json.loads(ended.stdout))


def best(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the least of each time over all rounds."""
    return {
        key: min(results[key] for results in rounds) if isinstance(value, float) else value
        for key, value in rounds[0].items()
    }


def compare(rows: int, rounds: int) -> bool:
    """Print the times for a class of so many rows; return True if all targets are reached."""
    with server(rows) as url:
        in_process("floor", url)  # makes the server prepare its pages
        floors, syncs = [], []
        for _ in range(rounds):
            floors.append(in_process("floor", url))
            syncs.append(in_process("syncs", url))
        floor, sync = best(floors), best(syncs)
        print(f"\n{rows:,} rows, best of {rounds}; milliseconds by the clock, and of this side's processor")
        print(f"  {'':12}{'floor':>8}{'CPU':>7}{'sync':>8}{'CPU':>7}{'ratio':>8}{'CPU':>6}{'pages':>7}")
        for name in ("first", "unchanged"):
            columns = [floor[name], floor[f"{name} CPU"], sync[name], sync[f"{name} CPU"]]
            ratios = [sync[key] / floor[key] for key in (name, f"{name} CPU")]
            print(
                f"  {name:12}"
                + "".join(
                    f"{1000 * value:{width}.0f}" for value, width in zip(columns, (8, 7, 8, 7), strict=True)
                )
                + f"{ratios[0]:8.1f}{ratios[1]:6.1f}{sync[f'{name} pages']:7}"
            )
        print(
            f"  {'automatic':12}{'':15}{1000 * sync['automatic']:8.0f}{1000 * sync['automatic CPU']:7.0f}"
            f"{'':14}{sync['automatic pages']:7}  ({sync['kind']})"
        )
        print("  by themselves: ", end="")
        for name, less in (("fetching", None), ("JSON", None), ("reading", "JSON")):
            value, work = (
                floor[key] - (floor[less + key.removeprefix(name)] if less else 0)
                for key in (name, f"{name} CPU")
            )
            print(
                f"{name} {1000 * value:.0f} (CPU {1000 * work:.0f})", end=", " if name != "reading" else "\n"
            )
        print(f"  peak memory {sync['megabytes']:.0f} MB")
        ratio = sync["first"] / floor["first"]
        target = MAX_RATIO.get(rows)
        reached = [
            report(f"first sync within {target} times the floor", target is None or ratio <= target),
            report(f"less than {MAX_MEGABYTES} MB", sync["megabytes"] < MAX_MEGABYTES),
            report("an unchanged class in 2 page requests", sync["automatic pages"] == 2),
        ]
        if rows <= 5000:
            add_latency(url)
            polite = in_process("syncs", url, 5.0)
            print(f"  with 5 requests a second and {1000 * LATENCY_SECONDS:.0f} ms of latency: ", end="")
            print(f"first {polite['first']:.1f} s, automatic {polite['automatic']:.1f} s")
            is_fast = polite["first"] < MAX_POLITE_SECONDS
            reached.append(report(f"polite within {MAX_POLITE_SECONDS} s", is_fast))
    return all(reached)


def report(target: str, is_reached: bool) -> bool:
    """Print whether a target is reached, and return that."""
    print(f"  {'reached' if is_reached else 'MISSED '}  {target}")
    return is_reached


def add_latency(url: str) -> None:
    """Make the server delay each response by LATENCY_SECONDS."""
    import requests

    late = [{"kind": "delay", "seconds": LATENCY_SECONDS, "times": None}]
    requests.post(f"{url}/practice/faults", json=late, timeout=10).raise_for_status()


def main() -> int:
    """Run the benchmark, or a part of it in a process of its own; return the exit code."""
    if sys.argv[1:2] == ["--as"]:
        task, *words = sys.argv[2:]
        if task == "server":
            serve(int(words[0]))
        else:
            measure = {"syncs": time_syncs, "floor": time_floor}[task]
            print(json.dumps(measure(words[0], Path(words[1]), float(words[2]))))
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", type=int, default=[3781, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    reached = [compare(rows, chosen.rounds) for rows in chosen.rows]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
