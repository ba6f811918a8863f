"""Who may sync: one at a time, whoever starts it.

The claim is an operating system's file lock, so that a killed process gives it back. What a sync does is in
the store for everyone to read, in any process; a job that reads *running* while the lock is free was killed,
and is shown as interrupted.
"""

from __future__ import annotations

from dataclasses import replace

from filelock import FileLock, Timeout

from cohort_core.config.paths import PRIVATE_FILE, Home
from cohort_core.errors import SyncRunning
from cohort_core.store import sync_runs
from cohort_core.store.database import Database

# Long enough to outlast another process that only looks whether the lock is free.
LOCK_SECONDS = 0.3


def acquire_lock(database: Database) -> FileLock:
    """The claim, taken, for the caller to release. Raises ``SyncRunning`` with the running job's id."""
    lock = open_lock(database.home)
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        running = running_job(database)
        raise SyncRunning(
            "A sync is running already. Wait for it to end, or watch it with `cohort-tracker status`.",
            job=running.id if running else None,
        ) from None
    return lock


def is_locked(home: Home) -> bool:
    """Whether some process syncs at this moment."""
    lock = open_lock(home)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def running_job(database: Database) -> sync_runs.Job | None:
    """The job that runs at this moment, in whatever process."""
    latest = load_jobs(database, limit=1)
    return latest[0] if latest and latest[0].is_running else None


def load_job(database: Database, job_id: int) -> sync_runs.Job:
    """Raises ``UnknownJob``."""
    return _with_true_state(database, sync_runs.load_job(database, job_id))


def load_jobs(database: Database, limit: int) -> list[sync_runs.Job]:
    """The latest jobs, newest first."""
    return [_with_true_state(database, job) for job in sync_runs.load_jobs(database, limit)]


def _with_true_state(database: Database, job: sync_runs.Job) -> sync_runs.Job:
    if not job.is_running or is_locked(database.home):
        return job
    # It may have ended between the two looks.
    job = sync_runs.load_job(database, job.id)
    if not job.is_running:
        return job
    told = (replace(one, state="interrupted") if one.ended_at is None else one for one in job.runs)
    return replace(job, state="interrupted", runs=tuple(told))


def open_lock(home: Home) -> FileLock:
    """The lock that whoever syncs holds; not taken yet."""
    home.ensure()
    return FileLock(home.sync_lock, mode=PRIVATE_FILE, thread_local=False)
