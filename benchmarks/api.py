"""How fast the API answers, beside a bare FastAPI route that sends the same bytes.

    python benchmarks/api.py                        every route, on 4,000 and 100,000 records
    python benchmarks/api.py --records 4000 --only triage --seconds 3

*Warm* is a cached response, requested over 8 connections at once: requests per second and milliseconds (p50,
p99), measured by `wrk`, which Debian and Homebrew have under that name (`apt-get install wrk`).
*Bare* is the same for a FastAPI app with nothing but `async` routes that send the same bytes, in a process of
its own. The two take turns, since the speed of the machine varies; the median turn is printed.
*Share* is the warm rate divided by the bare rate, again the median; the target is 50 %.

*Cold* is the first request after a sync: the store has changed, so the data of the class is read again, the
cohort is built and the response computed. The worst of `--rounds` such requests is printed as p99; the
targets are 150 ms on 4,000 records and 600 ms on 100,000.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

CLASS = "class"
CONNECTIONS = 8
TURNS = 3
TARGET_SHARE = 0.5
TARGET_COLD_MS = {4_000: 150.0, 100_000: 600.0}
FILES = ("/classes/{class_id}/progressions.csv", "/classes/{class_id}/metrics/student-health.csv")
EXCLUDED = ("/sync/", "report.pdf")


def fill(folder: Path, records: int) -> None:
    """Make a home with one active class of so many records."""
    from benchmarks.metrics import school
    from cohort_core.config.paths import Home
    from cohort_core.store.database import Database

    class_data = school(records)
    rows = class_data.progressions
    started, completed, synced = (
        [None if at != at else at for at in rows[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3] + "Z"]
        for name in ("started_at", "completed_at", "synced_at")
    )
    grades = [None if grade != grade else grade for grade in rows["grade"]]
    columns = (rows["id"], rows["student_id"], rows["assignment_id"], grades, started, completed, synced)
    sections = list(dict.fromkeys(class_data.assignments["section"]))
    with Database(Home(folder)).writing() as connection:
        connection.execute(
            "INSERT INTO classes (id, friendly_id, name, is_active, synced_at, revision, timezone)"
            " VALUES ('c1', ?, 'Class', 1, '2025-07-07T00:00:00.000Z', 1, 'Europe/Berlin')",
            (CLASS,),
        )
        connection.executemany(
            "INSERT INTO students VALUES (?1, ?1, NULL, NULL)",
            [(student_id,) for student_id in class_data.students["student_id"]],
        )
        connection.executemany(
            "INSERT INTO assignments VALUES (?, ?, ?)",
            class_data.assignments[["assignment_id", "name", "type"]].to_numpy().tolist(),
        )
        connection.executemany("INSERT INTO units VALUES ('c1', ?, ?)", list(enumerate(sections)))
        connection.executemany(
            "INSERT INTO unit_assignments VALUES ('c1', ?, ?, ?)",
            [
                (row.assignment_id, sections.index(row.section), row.position)
                for row in class_data.assignments.itertuples()
            ],
        )
        connection.executemany(
            "INSERT INTO progressions (id, student_id, assignment_id, grade, started_at, completed_at,"
            " synced_at, class_id) VALUES (?, ?, ?, ?, ?, ?, ?, 'c1')",
            list(zip(*columns, strict=True)),
        )


def pretend_sync(folder: Path) -> None:
    """Change the store in the same way as the end of a sync with changes."""
    from cohort_core.config.paths import Home
    from cohort_core.store.classes import bump_revision
    from cohort_core.store.database import Database

    with Database(Home(folder)).writing() as connection:
        bump_revision(connection, "c1")


def serve(kind: str, folder: str, port: int) -> None:
    """Serve the API over a home (`api`), or files of bytes (`bare`), until the process ends."""
    import uvicorn

    if kind == "bare":
        uvicorn.run(bare_app(Path(folder)), port=port, log_level="error", access_log=False)
        return
    # With the same uvicorn protocol as the product.
    from cohort_core import server
    from cohort_core.api.app import create_app
    from cohort_core.http import uvicorn_protocol

    shared = workspace(Path(folder))
    listener = server.listen(shared, "127.0.0.1", port)
    app = create_app(shared)
    server.begin_collecting()
    uvicorn.Server(uvicorn_protocol.config(app)).run(sockets=[listener])


def workspace(folder: Path) -> Any:
    from cohort_core.config.paths import Home
    from cohort_core.services.workspace import Workspace

    return Workspace(Home(folder))


def bare_app(folder: Path) -> Any:
    """Make an app with one route per file, each with the bytes of a response of the API."""
    from fastapi import FastAPI, Response

    app = FastAPI()

    def add(path: str, body: bytes) -> None:
        @app.get(path, response_model=None)
        async def same() -> Response:
            return Response(body, media_type="application/json")

    for file in folder.glob("*.bytes"):
        add(f"/{file.stem}", file.read_bytes())
    return app


@contextlib.contextmanager
def running(kind: str, folder: Path, port: int) -> Iterator[None]:
    """Run `serve` in a process of its own while the block lasts."""
    command = [sys.executable, __file__, "--serve", kind, str(folder), str(port)]
    with subprocess.Popen(command) as process:
        try:
            for _ in range(200):
                with contextlib.suppress(OSError):
                    request(port, "/openapi.json")
                    break
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


def request(port: int, path: str) -> tuple[float, bytes]:
    """Return the milliseconds from connecting to the last byte, and the body."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    duration = (time.perf_counter() - started) * 1000
    connection.close()
    if response.status != 200:
        raise SystemExit(f"{path} answers {response.status}")
    return duration, body


def request_cold(port: int, path: str, home: Path) -> float:
    """Return the milliseconds of the first request after a sync."""
    pretend_sync(home)
    return request(port, path)[0]


def request_under_load(port: int, path: str, seconds: int) -> tuple[float, float, float]:
    """Return the requests per second, and the milliseconds of p50 and p99, under load."""
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--latency",
        f"http://127.0.0.1:{port}{path}",
    ]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"{path} fails under load:\n{output}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])  # type: ignore[index]
    p50, p99 = (percentile(output, share) for share in ("50%", "99%"))
    return rate, p50, p99


def percentile(output: str, share: str) -> float:
    """Return a percentile of `wrk` in milliseconds."""
    amount, unit = re.search(rf"{share}\s+([\d.]+)(us|ms|s)", output).groups()  # type: ignore[union-attr]
    return float(amount) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def paths(folder: Path) -> list[str]:
    """Return the paths of all lists and objects, with ids that exist, and of two files."""
    from cohort_core.api.app import create_app

    app = create_app(workspace(folder))
    templates = [path for path, methods in app.openapi()["paths"].items() if "get" in methods]
    ids = {"class_id": CLASS, "student_id": "s000001", "assignment_id": "a0001"}
    return [path.format(**ids) for path in (*templates, *FILES) if not any(part in path for part in EXCLUDED)]


def measure(records: int, only: str, seconds: int, rounds: int) -> bool:
    """Print a line per route. Return whether all of them meet the targets."""
    all_met = True
    with tempfile.TemporaryDirectory() as name:
        home, bytes_ = Path(name) / "home", Path(name) / "bytes"
        bytes_.mkdir()
        fill(home, records)
        chosen = [path for path in paths(home) if only in path]
        print(f"\n## {records:,} records\n")
        heads = f"{'':52}{'KB':>8} |{'warm/s':>9}{'p50':>7}{'p99':>7} |{'bare/s':>9}{'p99':>7} |"
        print(f"{heads}{'share':>7} |{'cold p50':>9}{'p99':>7}")
        port = 18_000 + os.getpid() % 20_000
        with running("api", home, port):
            for number, path in enumerate(chosen):
                (bytes_ / f"r{number}.bytes").write_bytes(request(port, path)[1])
            with running("bare", bytes_, port + 1):
                for number, path in enumerate(chosen):
                    request(port, path)
                    turns = [
                        (
                            request_under_load(port, path, seconds),
                            request_under_load(port + 1, f"/r{number}", seconds),
                        )
                        for _ in range(TURNS)
                    ]
                    times = sorted(request_cold(port, path, home) for _ in range(rounds))
                    warm, bare = (sorted(rates)[TURNS // 2] for rates in zip(*turns, strict=True))
                    share = median(warm[0] / bare[0] for warm, bare in turns)
                    is_missed = share < TARGET_SHARE or times[-1] > TARGET_COLD_MS.get(records, times[-1])
                    all_met = all_met and not is_missed
                    size = (bytes_ / f"r{number}.bytes").stat().st_size / 1000
                    print(
                        f"{path:52}{size:8.1f} |{warm[0]:9.0f}{warm[1]:7.2f}{warm[2]:7.2f} |{bare[0]:9.0f}"
                        f"{bare[2]:7.2f} |{share:7.0%} |{times[len(times) // 2]:9.0f}{times[-1]:7.0f}"
                        f"{'  <' if is_missed else ''}",
                        flush=True,
                    )
    return all_met


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[4_000, 100_000])
    parser.add_argument("--only", default="", help="paths that have this in them")
    parser.add_argument("--seconds", type=int, default=1, help=f"of load on each route, {TURNS} times")
    parser.add_argument("--rounds", type=int, default=10, help="cold requests to each route")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        kind, folder, port = options.serve
        serve(kind, folder, int(port))
        return
    results = [measure(records, options.only, options.seconds, options.rounds) for records in options.records]
    if not all(results):
        raise SystemExit("Routes marked < miss a target.")


if __name__ == "__main__":
    main()
