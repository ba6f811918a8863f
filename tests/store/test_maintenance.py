"""Backup, restore and the check-up, on real files."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from cohort_core import practice
from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.errors import BadInput, DatabaseNewer, SyncRunning
from cohort_core.practice.faults import Fault
from cohort_core.practice.school import MemorySchool
from cohort_core.practice.server import running
from cohort_core.services.doctor import examine
from cohort_core.services.workspace import Workspace
from cohort_core.store.maintenance import backup, file_problems, restore
from cohort_core.store.sync_runs import create_job
from cohort_core.sync.lock import acquire_lock
from tests.conftest import FAST_RETRIES
from tests.sync.conftest import SyncedClass, row
from tests.sync.conftest import synced as synced  # a fixture


def test_a_backup_is_private_whole_and_can_be_restored(synced: SyncedClass, tmp_path: Path) -> None:
    database, copy = synced.workspace.database, tmp_path / "copy.db"
    synced.sync()
    assert backup(database, copy, asked_by="test") == copy.stat().st_size
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert file_problems(copy) == []
    synced.school.put_row(synced.id, row(12))
    synced.sync()
    before = synced.workspace.cohorts.class_data(synced.id)
    kept = restore(database, copy, asked_by="test")
    assert len(synced.held()) == 12
    assert (
        len(synced.workspace.cohorts.class_data(synced.id).progressions) == len(before.progressions) - 1 == 12
    )
    assert kept is not None
    assert file_problems(kept) == []
    assert not list(tmp_path.glob(".*"))


def test_a_backup_replaces_nothing_unasked(synced: SyncedClass, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("mine")
    with pytest.raises(BadInput, match="there already"):
        backup(synced.workspace.database, copy, asked_by="test")
    assert copy.read_text() == "mine"
    backup(synced.workspace.database, copy, replace=True, asked_by="test")
    with pytest.raises(BadInput, match="cannot be written"):
        backup(synced.workspace.database, tmp_path / "no" / "folder.db", asked_by="test")


def test_a_backup_can_be_made_while_a_sync_writes(synced: SyncedClass, tmp_path: Path) -> None:
    synced.served.faults.add(Fault("delay", "*/progressions", seconds=0.05, times=None))
    synced.workspace.start_sync(asked_by="test")
    number = 0
    while synced.workspace.running_job():
        number += 1
        copy = tmp_path / f"copy {number}.db"
        backup(synced.workspace.database, copy, asked_by="test")
        assert file_problems(copy) == []
    assert number >= 2


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + b"x" * 5000])
def test_what_is_no_backup_is_refused_and_changes_nothing(
    synced: SyncedClass, tmp_path: Path, content: bytes
) -> None:
    synced.sync()
    bad = tmp_path / "bad.db"
    bad.write_bytes(content)
    with pytest.raises(BadInput):
        restore(synced.workspace.database, bad, asked_by="test")
    with pytest.raises(BadInput):
        restore(synced.workspace.database, tmp_path / "missing.db", asked_by="test")
    assert len(synced.held()) == 12


def test_a_later_versions_backup_is_refused(synced: SyncedClass, tmp_path: Path) -> None:
    synced.sync()
    copy = tmp_path / "copy.db"
    backup(synced.workspace.database, copy, asked_by="test")
    with sqlite3.connect(copy) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(DatabaseNewer):
        restore(synced.workspace.database, copy, asked_by="test")


def test_nothing_is_restored_under_a_running_sync(synced: SyncedClass) -> None:
    job = synced.workspace.prepare_sync(asked_by="test")
    with pytest.raises(SyncRunning):
        acquire_lock(synced.workspace.database)
    job.run()
    acquire_lock(synced.workspace.database).release()


def findings(home: Home, **options: Any) -> dict[str, str | None]:
    return {item.topic: item.advice for item in examine(home, retry_policy=FAST_RETRIES, **options)}


def test_the_check_up_of_a_healthy_home(synced: SyncedClass) -> None:
    synced.sync()
    advice = findings(synced.workspace.home)
    assert set(advice) == {"settings", "privacy", "database", "syncs", "OpenClass", "token"}
    assert not any(advice.values())


def test_the_check_up_finds_what_is_wrong(synced: SyncedClass) -> None:
    home = synced.workspace.home
    assert "sync" in str(findings(home)["syncs"])
    synced.sync()
    home.config.chmod(0o644)
    create_job(synced.workspace.database, [synced.id], asked_by="test", is_full=False, now=utc_now())
    with synced.workspace.database.writer() as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM students")
    synced.served.faults.add(Fault("status", "/v1/auth/login", status=503))
    advice = findings(home)
    assert "chmod 600" in str(advice["privacy"])
    assert "restore" in str(advice["database"])
    assert "sync" in str(advice["syncs"])
    assert "try again" in str(advice["OpenClass"]).casefold()
    home.config.write_text("not toml [")
    assert findings(home, with_upstream=False)["settings"]


def test_a_practice_school_can_be_used_at_once(home: Home) -> None:
    workspace = Workspace(home, retry_policy=FAST_RETRIES)
    try:
        listed = workspace.use_practice_school(asked_by="test")
        workspace.set_active([listed[0].id], active=True)
        assert workspace.prepare_sync(asked_by="test").run().records == 3781
        assert workspace.settings().email == practice.EMAIL
        again = Workspace(home, retry_policy=FAST_RETRIES)
        address = again.start_practice_school()
        assert again.settings().api_base == address
        again.stop()
    finally:
        workspace.stop()
    assert threading.active_count() < 20


def test_another_school_leaves_the_classes_of_the_first_out_of_syncs(synced: SyncedClass) -> None:
    synced.sync()
    with running(MemorySchool()) as other:
        there = other.school.add_class("Elsewhere", rows=[row(1)])
        synced.workspace.connect_to_practice(other.url, asked_by="test")
        synced.workspace.set_active([there], active=True)
        job = synced.sync()
    assert [run.class_id for run in job.runs] == [there]
    assert len(synced.held()) == 12


def test_a_device_or_a_pipe_is_never_replaced(synced: SyncedClass, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(BadInput, match="no ordinary file"):
        backup(synced.workspace.database, pipe, replace=True, asked_by="test")
    assert pipe.is_fifo()


def test_each_restore_keeps_the_database_of_before(synced: SyncedClass, tmp_path: Path) -> None:
    database, copy = synced.workspace.database, tmp_path / "copy.db"
    backup(database, copy, asked_by="test")
    kept = [restore(database, copy, asked_by="test") for _ in range(2)]
    assert [path and path.name for path in kept] == ["cohort.before-restore.db", "cohort.before-restore-2.db"]
