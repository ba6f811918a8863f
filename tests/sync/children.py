"""Processes that the tests start, watch and kill: ``python -m tests.sync.children WHAT HOME [CLASS]``.

Each says ``ready`` once all is imported and begins when it is told to, so that a test waits for no import.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.errors import CohortError, SyncRunning
from cohort_core.services.workspace import Workspace
from cohort_core.sources.openclass.client import RetryPolicy
from cohort_core.sources.openclass.parser import Page
from cohort_core.store import classes, records, sync_runs
from cohort_core.store.database import Database

FAST_RETRIES = RetryPolicy(
    connect_seconds=2, read_seconds=1, request_seconds=5, first_wait_seconds=0.001, longest_wait_seconds=0.01
)


def sync_for_ever(home: Home, class_ids: list[str]) -> None:
    """Sync again and again, saying which ids each committed page held and how each sync ended."""
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
        load_page = job._client.load_page

        def keeping(
            class_id: str, number: int, load_page: object = load_page, last: list[Page] = last
        ) -> Page:
            page = load_page(class_id, number)  # type: ignore[operator]
            last[:] = [page]
            return page

        job._client.load_page = keeping  # type: ignore[method-assign]
        job.on_page = lambda last=last: say({"page": list(last[0].digests)})  # type: ignore[misc]
        try:
            ended = job.run()
        except CohortError as error:
            say({"ended": error.code})
            continue
        say({"ended": ended.state, "errors": [run.error_code for run in ended.runs]})
        # Else another process might never get its turn.
        time.sleep(0.1)


def write_for_ever(home: Home, class_ids: list[str]) -> None:
    """Store the same page again and again, with other grades each time, and ask nobody for the claim."""
    database = Database(home)
    (class_id,) = class_ids
    run_id = sync_runs.create_job(database, class_ids, asked_by="child", is_full=False, now=utc_now())
    with database.reading() as connection:
        (run_id,) = connection.execute("SELECT id FROM runs WHERE job_id = ?", (run_id,)).fetchone()
    for number in itertools.count():
        rows = [
            records.Progression(f"r{n}", "s", "a", number % 97 / 97, None, None, None, None)
            for n in range(20)
        ]
        context = records.RunContext(run_id, class_id, utc_now(), True)
        try:
            with database.writer() as connection:
                for _ in range(5):
                    with database.transaction(connection):
                        # Reads before it writes, as the beginning of every sync does.
                        classes.begin_sync(connection, class_id)
                        records.save_students(connection, [records.Student("s", None, None, None)])
                        records.save_assignments(connection, [records.Assignment("a", None, None)])
                        records.save_page(connection, context, rows, [])
        except CohortError as error:
            say({"wrong": f"{error.code}: {error.__cause__}"})
            return
        say({"writes": number + 1})
        # The lock is looked at now and then, and is not fair.
        time.sleep(0.02)


def read_for_ever(home: Home, _class_ids: list[str]) -> None:
    """Read again and again; say so if a run's counts, its history and the rows are not of one moment."""
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


# Each class is synced for the first time, and nothing is removed upstream: what its rows are at any moment
# is what its pages said so far.
_HALF_WRITTEN = """
SELECT * FROM (
  SELECT r.id, r.pages, r.records,
    (SELECT count(*) FROM sync_history h WHERE h.run_id = r.id) AS history,
    (SELECT count(*) FROM progressions p WHERE p.class_id = r.class_id) AS rows
  FROM runs r WHERE r.id IN (SELECT min(id) FROM runs WHERE kind IS NOT NULL GROUP BY class_id)
)
WHERE pages <> history OR records <> rows
"""


def say(what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    task = {"sync": sync_for_ever, "read": read_for_ever, "write": write_for_ever}[sys.argv[1]]
    print("ready", flush=True)
    sys.stdin.readline()
    task(Home(Path(sys.argv[2])), sys.argv[3:])
