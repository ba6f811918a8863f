"""Measure what messages cost: processor time of a digest, of events, and of a sync with a webhook.

    python benchmarks/messages.py          a home of 200 classes
    python benchmarks/messages.py 20       a smaller one

Classes are those of `many_classes.py`. Every number is of a fresh process, the median of three, in seconds of
the processor. *Events* are those of classes that all changed, in a home whose spells are there already.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from benchmarks.many_classes import Command, server  # noqa: E402

REPEATS = 3
LIMITS = {"digest, pseudonyms": 2.0, "digest, full names": 2.0, "events": 1.2}
"""The most that each may cost, as a multiple of a cold triage."""

MEASURE = """
import sys, time
from pathlib import Path
from cohort_core.config.paths import Home
from cohort_core.services import messenger, message_events
from cohort_core.services.workspace import Workspace
from cohort_core.services.services import Services
from cohort_core.services.principal import CLI_OWNER
from cohort_core.clock import utc_now
import cohort_core.metrics, cohort_core.reports.catalog, cohort_core.store.class_data_loader
home, what = Home(Path(sys.argv[1])), sys.argv[2]
workspace = Workspace(home)
services = Services(workspace)
if what == "events":
    with workspace.database.writing() as connection:
        connection.execute("UPDATE classes SET events_revision = revision - 1")
begun = time.process_time()
if what == "triage":
    services.reader(CLI_OWNER).triage(10)
elif what == "events":
    message_events.catch_up(workspace, utc_now())
else:
    services.reader(CLI_OWNER, anonymous=what.endswith("pseudonyms")).digest()
print(time.process_time() - begun)
"""


def seconds(home: Path, what: str) -> float:
    """Measure one thing in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(home), what], capture_output=True, text=True, cwd=PROJECT
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout)


def main() -> None:
    """Fill a home, measure, and compare with the limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("classes", nargs="?", type=int, default=200)
    count = parser.parse_args().classes
    from cohort_core import practice

    with tempfile.TemporaryDirectory() as folder, server(count) as upstream:
        home = Path(folder) / "home"
        run = Command(home)
        connection = ["--api-base", upstream, "--app-id", practice.APP_ID, "--origin", practice.ORIGIN]
        run(
            *("init", *connection, "--email", practice.EMAIL, "--password-stdin", "--classes", "all"),
            text=practice.PASSWORD,
        )
        run("sync")
        run("destination", "add", "--name", "x", "--kind", "webhook", "--url", "http://127.0.0.1:9/")
        triage = statistics.median(seconds(home, "triage") for _ in range(REPEATS))
        print(f"{count} classes: a cold triage takes {triage:.2f} s of the processor")
        too_much = []
        for what, limit in LIMITS.items():
            cost = statistics.median(seconds(home, what) for _ in range(REPEATS))
            print(f"  {what}: {cost:.2f} s, {cost / triage:.2f} × (at most {limit})")
            if cost > limit * triage:
                too_much.append(what)
    if too_much:
        raise SystemExit(f"Too much: {', '.join(too_much)}")


if __name__ == "__main__":
    main()
