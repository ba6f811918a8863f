"""How long a sync takes, against the plain SQL that it cannot do without.

    python benchmarks/sync.py                 3,781 and 100,000 rows
    python benchmarks/sync.py 3781 --rounds 5

A practice server runs in a process of its own on this computer and has every page ready before anything is
timed. *First* is a sync into an empty database, *unchanged* the full sync after it, each the best of a few
rounds in a new process, login and all requests included. The *floor* is what no sync can do without: the
same rows, already fetched and parsed, written with "insert, or update where something differs" in one
transaction on one connection. *Fetching*, *JSON* and *reading* are the same pages fetched, parsed and
validated by themselves, nothing stored: where the time above the floor goes.
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
REACH = {3781: 3.0, 100_000: 2.0}
MOST_MEGABYTES = 300
POLITE_SECONDS = 8.0
LATENCY_SECONDS = 0.1


# The server's process


def serve(rows: int) -> None:
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
        """Upstream's ids begin with the second at which a record was made."""
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


# What is timed, each in a process of its own


def connected(url: str, home: Path, rate: float) -> Any:
    from cohort_core.config.paths import Home
    from cohort_core.config.settings import save_settings
    from cohort_core.services.workspace import Workspace
    from cohort_core.store.classes import set_active

    workspace = Workspace(Home(home))
    workspace.connect_to_practice(url)
    save_settings(workspace.home, sync_rate=rate)
    set_active(workspace.database, [CLASS], active=True)
    return workspace


def time_syncs(url: str, home: Path, rate: float) -> dict[str, Any]:
    """A first sync, a full one after it, and one as it comes; seconds, page requests, peak megabytes."""
    import resource

    workspace = connected(url, home, rate)
    gc.freeze()  # as the server does
    told: dict[str, Any] = {}
    for name, is_full in (("first", False), ("unchanged", True), ("automatic", False)):
        told[name], told[f"{name} CPU"], job = timed(
            lambda is_full=is_full: workspace.prepare_sync(asked_by="benchmark", full=is_full).run()
        )
        assert job.state == "done", job
        told[f"{name} pages"] = job.runs[0].pages
    told["kind"] = job.runs[0].kind
    told["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return told


def time_floor(url: str, home: Path, rate: float) -> dict[str, Any]:
    """Plain SQL for the rows of all pages, and the parts of reading them."""
    from cohort_core.config.credentials import load_login
    from cohort_core.sources.openclass import parser
    from cohort_core.sources.openclass.client import PAGE_SIZE, OpenClassClient

    workspace = connected(url, home, rate)
    gc.freeze()
    told: dict[str, Any] = {}
    with OpenClassClient(load_login(workspace.home)) as client:
        client.log_in()

        def fetch() -> list[bytes]:
            bodies: list[bytes] = []
            while not bodies or b'can_load_more\\":true' in bodies[-1]:
                query = {"return_count": PAGE_SIZE, "page": len(bodies), "sort_by_completed_at": -1}
                bodies.append(client._send("GET", f"/v1/classes/{CLASS}/progressions", query=query)[1])
            return bodies

        told["fetching"], told["fetching CPU"], bodies = timed(fetch)
    told["JSON"], told["JSON CPU"], _ = timed(
        lambda: [parser.read_json(parser.read_json(body)["result"]["objects"][0]) is None for body in bodies]
    )
    told["reading"], told["reading CPU"], pages = timed(
        lambda: [parser.read_page(parser.read_json(body)) for body in bodies]
    )
    students = {one.id: one for page in pages for one in page.students}
    assignments = {one.id: one for page in pages for one in page.assignments}
    rows = [(*row, "2026-01-01T00:00:00.000Z", CLASS) for page in pages for row in page.rows]
    with workspace.database.writer() as connection:

        def write() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(plain_upsert("students", 4), students.values())
            connection.executemany(plain_upsert("assignments", 3), assignments.values())
            connection.executemany(plain_upsert("progressions", 10), rows)
            connection.execute("COMMIT")

        told["first"], told["first CPU"], _ = timed(write)
        told["unchanged"], told["unchanged CPU"], _ = timed(write)
        assert connection.execute("SELECT count(*) FROM progressions").fetchone()[0] == len(rows)
    return told


def plain_upsert(table: str, width: int) -> str:
    columns = {
        "students": "id, first_name, last_name, email",
        "assignments": "id, name, type",
        "progressions": "id, student_id, assignment_id, grade, started_at, completed_at, reviewed_at, "
        "raw_grade, synced_at, class_id",
    }[table].split(", ")
    key = "class_id, id" if table == "progressions" else "id"
    compared = [name for name in columns if name not in ("id", "class_id", "synced_at")]
    return f"""
        INSERT INTO {table} ({", ".join(columns)}) VALUES ({", ".join("?" * width)})
        ON CONFLICT ({key}) DO UPDATE SET {", ".join(f"{one} = excluded.{one}" for one in compared)}
        WHERE {" OR ".join(f"{table}.{one} IS NOT excluded.{one}" for one in compared)}
    """  # noqa: S608 - all names stand above


def timed(what: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds by the clock, seconds of this process's work, and the result."""
    began, worked = time.perf_counter(), time.process_time()
    result = what()
    return time.perf_counter() - began, time.process_time() - worked, result


# The comparison


def in_process(task: str, url: str, rate: float = 0.0) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="cohort-benchmark-") as folder:
        done = subprocess.run(
            [sys.executable, __file__, "--as", task, url, f"{folder}/home", str(rate)],
            capture_output=True,
            text=True,
            check=False,
        )
        shutil.rmtree(f"{folder}/home", ignore_errors=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout))


def best(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        key: min(one[key] for one in rounds) if isinstance(value, float) else value
        for key, value in rounds[0].items()
    }


def compare(rows: int, rounds: int) -> bool:
    with server(rows) as url:
        in_process("floor", url)  # has the server make its pages
        floors, syncs = [], []
        for _ in range(rounds):
            floors.append(in_process("floor", url))
            syncs.append(in_process("syncs", url))
        floor, sync = best(floors), best(syncs)
        print(f"\n{rows:,} rows, best of {rounds}; milliseconds by the clock, and of this side's processor")
        print(f"  {'':12}{'floor':>8}{'CPU':>7}{'sync':>8}{'CPU':>7}{'ratio':>8}{'CPU':>6}{'pages':>7}")
        for name in ("first", "unchanged"):
            columns = [floor[name], floor[f"{name} CPU"], sync[name], sync[f"{name} CPU"]]
            ratios = [sync[one] / floor[one] for one in (name, f"{name} CPU")]
            print(
                f"  {name:12}"
                + "".join(
                    f"{1000 * one:{width}.0f}" for one, width in zip(columns, (8, 7, 8, 7), strict=True)
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
                floor[one] - (floor[less + one.removeprefix(name)] if less else 0)
                for one in (name, f"{name} CPU")
            )
            print(
                f"{name} {1000 * value:.0f} (CPU {1000 * work:.0f})", end=", " if name != "reading" else "\n"
            )
        print(f"  peak memory {sync['megabytes']:.0f} MB")
        ratio = sync["first"] / floor["first"]
        reach = REACH.get(rows)
        reached = [
            told(f"first sync within {reach} times the floor", reach is None or ratio <= reach),
            told(f"less than {MOST_MEGABYTES} MB", sync["megabytes"] < MOST_MEGABYTES),
            told("an unchanged class in 2 page requests", sync["automatic pages"] == 2),
        ]
        if rows <= 5000:
            add_latency(url)
            polite = in_process("syncs", url, 5.0)
            print(f"  with 5 requests a second and {1000 * LATENCY_SECONDS:.0f} ms of latency: ", end="")
            print(f"first {polite['first']:.1f} s, automatic {polite['automatic']:.1f} s")
            reached.append(told(f"polite within {POLITE_SECONDS} s", polite["first"] < POLITE_SECONDS))
    return all(reached)


def told(what: str, is_reached: bool) -> bool:
    print(f"  {'reached' if is_reached else 'MISSED '}  {what}")
    return is_reached


def add_latency(url: str) -> None:
    import requests

    late = [{"kind": "delay", "seconds": LATENCY_SECONDS, "times": None}]
    requests.post(f"{url}/practice/faults", json=late, timeout=10).raise_for_status()


def main() -> int:
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
