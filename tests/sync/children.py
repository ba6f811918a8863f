"""Processes that the tests start, watch and kill: ``python -m tests.sync.children WHAT HOME [CLASS]``.

Each prints ``ready`` when its imports are done, and begins when it reads a line from standard input, so that
the time of imports does not matter to a test.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.errors import CohortError, SyncRunning
from cohort_core.services.workspace import Workspace
from cohort_core.sources import source_class
from cohort_core.sources.base import Page, RetryPolicy
from cohort_core.store import classes, records, sync_runs
from cohort_core.store.database import Database

FAST_RETRIES = RetryPolicy(
    connect_seconds=2, read_seconds=1, request_seconds=5, first_wait_seconds=0.001, longest_wait_seconds=0.01
)


def sync_for_ever(home: Home, class_ids: list[str]) -> None:
    """Sync again and again; print the ids of each committed page and how each sync ended."""
    workspace = Workspace(home, retry_policy=FAST_RETRIES)
    while True:
        try:
            job = workspace.prepare_sync(class_ids or None, asked_by="child", full=True)
        except SyncRunning:
            say({"ended": "running"})
            time.sleep(0.01)
            continue
        except CohortError as error:
            say({"ended": error.code})
            continue
        last: list[Page] = []
        load_page = job._source.load_page

        def load_and_keep(
            class_id: str,
            number: int,
            load_page: Callable[[str, int], Page] = load_page,
            last: list[Page] = last,
        ) -> Page:
            page = load_page(class_id, number)
            last[:] = [page]
            return page

        job._source.load_page = load_and_keep  # type: ignore[method-assign]
        job.on_page = lambda last=last: say({"page": list(last[0].digests)})  # type: ignore[misc]
        try:
            ended = job.run()
        except CohortError as error:
            say({"ended": error.code})
            continue
        say({"ended": ended.state, "errors": [run.error_code for run in ended.runs]})
        # Without a pause, another process might never get the lock.
        time.sleep(0.1)


def write_for_ever(home: Home, class_ids: list[str]) -> None:
    """Store the same page again and again, with other grades each time, without the sync lock."""
    database = Database(home)
    (class_id,) = class_ids
    run_id = sync_runs.create_job(database, class_ids, asked_by="child", is_full=False, now=utc_now())
    with database.reading() as connection:
        (run_id,) = connection.execute("SELECT id FROM runs WHERE job_id = ?", (run_id,)).fetchone()
    for number in itertools.count():
        rows = [records.Progression(f"r{n}", "s", "a", number % 97 / 97, None, None, None) for n in range(20)]
        context = records.RunContext(run_id, class_id, utc_now(), True)
        try:
            with database.writer() as connection:
                for _ in range(5):
                    with database.transaction(connection):
                        # This reads before it writes, as every sync does at its beginning.
                        classes.begin_sync(connection, class_id)
                        records.save_students(connection, [records.Student("s", None, None, None)])
                        records.save_assignments(connection, [records.Assignment("a", None, None)])
                        records.save_page(connection, context, rows, [])
        except CohortError as error:
            say({"wrong": f"{error.code}: {error.__cause__}"})
            return
        say({"writes": number + 1})
        # The lock is polled and is not fair.
        time.sleep(0.02)


def read_for_ever(home: Home, _class_ids: list[str]) -> None:
    """Read again and again; report if a run's counts, its history and the rows disagree."""
    database = Database(home)
    for number in itertools.count():
        try:
            with database.reading() as connection:
                wrong = connection.execute(_HALF_WRITTEN).fetchall()
        except CohortError as error:
            say({"wrong": f"{error.code}: {error.__cause__}"})
            return
        if wrong:
            say({"wrong": [tuple(row) for row in wrong]})
            return
        if number % 50 == 0:
            say({"reads": number})


# Each class is synced for the first time, and nothing is removed upstream: at any moment its rows are those
# of the pages so far.
_HALF_WRITTEN = """
SELECT * FROM (
  SELECT r.id, r.pages, r.records,
    (SELECT count(*) FROM sync_history h WHERE h.run_id = r.id) AS history,
    (SELECT count(*) FROM progressions p WHERE p.class_id = r.class_id) AS rows
  FROM runs r WHERE r.id IN (SELECT min(id) FROM runs WHERE kind IS NOT NULL GROUP BY class_id)
)
WHERE pages <> history OR records <> rows
"""


def say(message: object) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    task = {"sync": sync_for_ever, "read": read_for_ever, "write": write_for_ever}[sys.argv[1]]
    # It imports the client, which is large.
    source_class()
    print("ready", flush=True)
    sys.stdin.readline()
    task(Home(Path(sys.argv[2])), sys.argv[3:])
