"""I6 and the locks: real processes, killed at any moment, syncing and reading at once.

More kills than in every test run: SYNC_KILLS=100 pytest tests/sync/test_processes.py
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cohort_core.config.paths import Home
from cohort_core.practice.faults import Fault
from cohort_core.practice.school import MemorySchool
from cohort_core.practice.server import Running, running
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import set_active
from cohort_core.sync import lock
from tests.sync.conftest import row
from tests.sync.in_process import OPERATIONS, ChangingSchool, rows_of
from tests.sync.model import content, is_bad, key_of

KILLS = int(os.environ.get("SYNC_KILLS", "10"))
FAULTS = ("status", "reset", "cut", "html", "page", "expire")


class Child:
    """A process of ``children.py`` and the messages that it has printed."""

    def __init__(self, task: str, home: Home, *class_ids: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.sync.children", task, str(home.folder), *class_ids],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[dict[str, Any]] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._ready = threading.Event()
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.strip() == "ready":
                self._ready.set()
            elif line.endswith("}\n"):
                self.said.append(json.loads(line))

    def go(self) -> None:
        assert self._ready.wait(30), self.process.communicate()[1]
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def kill(self) -> str:
        """Kill it as the operating system does when memory is short; return its error output."""
        self.process.kill()
        self.process.wait()
        self._listener.join()
        assert self.process.stderr
        assert self.process.stdin
        errors = self.process.stderr.read()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()
        return errors


@contextmanager
def children(*these: Child) -> Iterator[tuple[Child, ...]]:
    try:
        yield these
    finally:
        for child in these:
            if child.process.poll() is None:
                child.kill()


@pytest.fixture
def killing() -> Iterator[tuple[ChangingSchool, Running]]:
    """A school that changes and fails while it is read."""
    changing = ChangingSchool("class")
    for _ in range(40):
        changing.change("insert completed", value=3)
    random_source = random.Random(11)

    def something_happens() -> None:
        changing.change(
            random_source.choice(OPERATIONS), random_source.randrange(40), random_source.randrange(6)
        )
        if random_source.random() < 0.1:
            served.faults.add(Fault(random_source.choice(FAULTS), "*/progressions", status=503))

    with running(changing.school, page_cap=5) as served:
        served.faults.add(Fault("call", "*/progressions", edit=something_happens, times=None))
        yield changing, served


def test_killed_at_any_moment_nothing_is_lost(
    killing: tuple[ChangingSchool, Running], workspace: Workspace
) -> None:
    """I6."""
    changing, served = killing
    workspace.connect_to_practice(served.url, asked_by="test")
    set_active(workspace.database, ["class"], active=True)
    acknowledged: set[str] = set()
    moments = random.Random(5)
    waiting = Child("sync", workspace.home)
    pages = 0
    for _ in range(KILLS):
        child, waiting = waiting, Child("sync", workspace.home)
        with children(child):
            child.go()
            time.sleep(moments.random() * 0.4)
            assert child.kill() == ""
        for said in child.said:
            acknowledged.update(said.get("page", ()))
            pages += "page" in said
        check_database(workspace)
        assert not lock.is_locked(workspace.home)
        assert workspace.running_job() is None
        lost = acknowledged - held_keys(workspace)
        assert not lost & {key_of(raw) for raw in changing.rows}
    waiting.kill()
    assert pages > KILLS
    served.faults.clear()
    for _ in range(2):
        workspace.prepare_sync(asked_by="test", full=True, accept_removals=True).run()
    with workspace.database.reading() as connection:
        held = {
            row[0]: row
            for row in rows_of(
                connection,
                "SELECT id, student_id, assignment_id, grade, started_at, completed_at, reviewed_at "
                "FROM progressions",
            )
        }
        quarantined = rows_of(connection, "SELECT payload FROM quarantine")
    bad = {key_of(raw) for raw in changing.rows if is_bad(raw)}
    good = {key_of(raw): content(raw) for raw in changing.rows if not is_bad(raw)}
    assert {key: value for key, value in held.items() if key not in bad} == good
    assert sorted(text for (text,) in quarantined) == sorted(
        str(content(raw)) for raw in changing.rows if is_bad(raw)
    )


def check_database(workspace: Workspace) -> None:
    with workspace.database.reading() as connection:
        assert rows_of(connection, "PRAGMA integrity_check") == [("ok",)]
        assert rows_of(connection, "PRAGMA foreign_key_check") == []


def held_keys(workspace: Workspace) -> set[str]:
    with workspace.database.reading() as connection:
        return {
            key if not key.startswith("?") else text
            for key, text in rows_of(
                connection,
                "SELECT id, NULL FROM progressions UNION ALL SELECT id, NULL FROM tombstones "
                "UNION ALL SELECT row_key, payload FROM quarantine",
            )
        }


def test_two_sync_two_write_and_four_read_at_once(workspace: Workspace) -> None:
    """No lock error, and no reader sees half a page. The sync lock and the write lock are contended."""
    school = MemorySchool()
    ids = [school.add_class(f"Class {number}", rows=[row(n) for n in range(60)]) for number in range(6)]
    others = [school.add_class(f"Another {number}") for number in range(2)]
    with running(school, page_cap=5) as served:
        workspace.connect_to_practice(served.url, asked_by="test")
        syncing = [Child("sync", workspace.home, *ids), Child("sync", workspace.home, *reversed(ids))]
        busy = [Child("write", workspace.home, class_id) for class_id in others]
        busy += [Child("read", workspace.home) for _ in range(4)]
        with children(*syncing, *busy):
            for child in (*busy, *syncing):
                child.go()
            until = time.monotonic() + 30
            while time.monotonic() < until:
                endings = [{said["ended"] for said in child.said if "ended" in said} for child in syncing]
                worked = [any(said.get("writes", said.get("reads")) for said in child.said) for child in busy]
                if (
                    all("done" in states for states in endings)
                    and "running" in endings[0] | endings[1]
                    and all(worked)
                ):
                    break
                time.sleep(0.02)
            errors = [child.kill() for child in (*syncing, *busy)]
        assert errors == [""] * 8
        assert all(endings)
        assert endings[0] | endings[1] == {"done", "running"}
        assert all(worked)
        assert not [said for child in busy for said in child.said if "wrong" in said]
        check_database(workspace)
