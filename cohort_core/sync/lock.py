"""The sync lock, by which only one sync of a home runs at a time.

It is a file lock of the operating system, which releases it when a process is killed. The progress of a sync
is in the store, where every process can read it. A job that the store calls *running* while the lock is free
was killed, and is shown as interrupted.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from cohort_core.config.paths import PRIVATE_FILE, Home
from cohort_core.errors import CohortError, SyncRunning
from cohort_core.store import sync_runs
from cohort_core.store.database import Database

if TYPE_CHECKING:
    from filelock import FileLock

# Long enough to outlast a process that only checks whether the lock is free.
LOCK_TIMEOUT_SECONDS = 0.3


def acquire_lock(database: Database) -> FileLock:
    """Take the sync lock, which the caller must release.

    Raises ``SyncRunning``, with the id of the running job, if another sync holds it.
    """
    lock = open_lock(database.home)
    try:
        lock.acquire(timeout=LOCK_TIMEOUT_SECONDS)
    except TimeoutError:
        running = None
        with suppress(CohortError):
            running = running_job(database)
        raise SyncRunning(
            "A sync is running already. Wait for it to end, or watch it with `cohort-tracker status`.",
            job=running.id if running else None,
        ) from None
    return lock


def is_locked(home: Home) -> bool:
    """Return True if a process holds the sync lock at this moment."""
    lock = open_lock(home)
    try:
        lock.acquire(blocking=False)
    except TimeoutError:
        return True
    except OSError:
        # Where the lock cannot be taken, such as on a disk that can only be read, no sync can run.
        return False
    lock.release()
    return False


def running_job(database: Database) -> sync_runs.Job | None:
    """Return the job that is running now, in whatever process, or None."""
    latest = load_jobs(database, limit=1)
    return latest[0] if latest and latest[0].is_running else None


def load_latest_runs(database: Database) -> dict[str, sync_runs.Run]:
    """Load the latest started run of each class, by class id.

    That of a killed sync is interrupted.
    """
    latest = sync_runs.load_latest_runs(database)
    if not any(run.ended_at is None for run in latest.values()) or running_job(database):
        return latest
    latest = sync_runs.load_latest_runs(database)
    return {class_id: _interrupted(run) for class_id, run in latest.items()}


def _interrupted(run: sync_runs.Run) -> sync_runs.Run:
    return run._replace(state="interrupted") if run.ended_at is None else run


def load_job(database: Database, job_id: int) -> sync_runs.Job:
    """Load a job by its id. Raises ``UnknownJob``."""
    return _with_true_state(database, sync_runs.load_job(database, job_id))


def load_jobs(database: Database, limit: int) -> list[sync_runs.Job]:
    """Load the latest jobs, newest first."""
    return [_with_true_state(database, job) for job in sync_runs.load_jobs(database, limit)]


def _with_true_state(database: Database, job: sync_runs.Job) -> sync_runs.Job:
    if not job.is_running or is_locked(database.home):
        return job
    # It may have ended between reading its state and checking the lock.
    job = sync_runs.load_job(database, job.id)
    if not job.is_running:
        return job
    return job._replace(state="interrupted", runs=tuple(map(_interrupted, job.runs)))


def open_lock(home: Home) -> FileLock:
    """Return the sync lock without taking it."""
    from filelock import FileLock

    home.ensure()
    return FileLock(home.sync_lock, mode=PRIVATE_FILE, thread_local=False)
