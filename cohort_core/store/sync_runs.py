"""The records of syncs: jobs and their runs.

A job is one press of *Sync now*, a run is one class in it. While a sync runs, its rows hold its progress,
which every process can read and show.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from cohort_core.errors import CohortError, UnknownJob
from cohort_core.store.classes import bump_revision
from cohort_core.store.database import Database, utc_text

RUNNING = "running"


class Run(NamedTuple):
    """The sync of one class within a job. Times are UTC text.

    States: waiting, running, done, failed, cancelled, interrupted. ``is_clean`` is False if the records could
    not be verified, and None before the run has ended.
    """

    id: int
    class_id: str
    friendly_id: str | None
    name: str
    state: str
    kind: str | None
    is_clean: bool | None
    started_at: str | None
    ended_at: str | None
    pages: int
    page_total: int | None
    records: int
    added: int
    changed: int
    removed: int
    quarantined: int
    error_code: str | None
    error: str | None
    note: str | None
    """A sentence about a run that went well."""
    unaccepted: int
    """Records that OpenClass no longer sends, and that wait for somebody to accept their removal."""

    @property
    def seconds(self) -> float | None:
        """The duration, None before the run has ended."""
        return _seconds_between(self.started_at, self.ended_at)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that command line and API show of one class."""
        shown = {
            key: value for key, value in self._asdict().items() if key not in {"id", "error_code", "error"}
        }
        return shown | {"seconds": self.seconds, "error": _error(self.error_code, self.error)}


class Job(NamedTuple):
    """A sync of one or more classes. Times are UTC text.

    States: running, done, partial, failed, cancelled, interrupted.
    """

    id: int
    asked_by: str
    state: str
    is_full: bool
    cancel_requested: bool
    started_at: str
    ended_at: str | None
    error_code: str | None
    error: str | None
    runs: tuple[Run, ...]

    @property
    def is_running(self) -> bool:
        """True if the job has not ended."""
        return self.state == RUNNING

    @property
    def records(self) -> int:
        """How many records were read so far, over all classes."""
        return sum(run.records for run in self.runs)

    @property
    def seconds(self) -> float | None:
        """The duration, None before the job has ended."""
        return _seconds_between(self.started_at, self.ended_at)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that command line and API show."""
        return {
            "job": self.id,
            "state": self.state,
            "asked_by": self.asked_by,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "seconds": self.seconds,
            "records": self.records,
            "added": sum(run.added for run in self.runs),
            "changed": sum(run.changed for run in self.runs),
            "removed": sum(run.removed for run in self.runs),
            "quarantined": sum(run.quarantined for run in self.runs),
            "error": _error(self.error_code, self.error),
            "classes": [run.as_dict() for run in self.runs],
        }


def _error(code: str | None, message: str | None) -> dict[str, str | None] | None:
    return None if code is None else {"code": code, "message": message}


def _seconds_between(start: str | None, end: str | None) -> float | None:
    if start is None or end is None:
        return None
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), 3)


def create_job(
    database: Database, class_ids: Sequence[str], *, asked_by: str, is_full: bool, now: datetime
) -> int:
    """Create a job with a waiting run for each class; return its id.

    The caller must hold the sync lock: any other job that is still called running was killed, and is marked
    as interrupted.
    """
    at = utc_text(now)
    with database.writing() as connection:
        connection.execute(
            "UPDATE jobs SET state = 'interrupted', ended_at = ? WHERE state = 'running'", (at,)
        )
        _publish(connection)
        connection.execute(
            "UPDATE runs SET state = 'interrupted', ended_at = ? WHERE state IN ('running', 'waiting')", (at,)
        )
        job_id = connection.execute(
            "INSERT INTO jobs (asked_by, state, is_full, started_at) VALUES (?, 'running', ?, ?)",
            (asked_by, is_full, at),
        ).lastrowid
        connection.executemany(
            "INSERT INTO runs (job_id, class_id, state) VALUES (?, ?, 'waiting')",
            [(job_id, class_id) for class_id in class_ids],
        )
    if job_id is None:
        raise AssertionError("SQLite gave no id for the job")
    return job_id


def end_job(
    database: Database, job_id: int, state: str, now: datetime, error: CohortError | None = None
) -> None:
    """End a job, and with it the runs that have not ended.

    These are cancelled with the job, or fail with its error.
    """
    at, reason = utc_text(now), (error and error.code, error and error.message)
    open_runs = ("cancelled", at, None, None) if state == "cancelled" else ("failed", at, *reason)
    with database.writing() as connection:
        connection.execute(
            "UPDATE jobs SET state = ?, ended_at = ?, error_code = ?, error = ? WHERE id = ?",
            (state, at, *reason, job_id),
        )
        _publish(connection)
        connection.execute(
            """
            UPDATE runs SET state = ?, ended_at = ?, error_code = ?, error = ?
            WHERE job_id = ? AND state IN ('waiting', 'running')
            """,
            (*open_runs, job_id),
        )


def end_copied_jobs(connection: sqlite3.Connection, now: datetime) -> None:
    """End the jobs that ran while a backup was made, in the copy.

    Nothing went wrong with them. The rows of ``connection`` must have names.
    """
    at = utc_text(now)
    _publish(connection)
    connection.execute(
        """
        UPDATE runs SET state = 'cancelled', ended_at = ?, note = ? WHERE state IN ('running', 'waiting')
        """,
        (at, "The backup was made while this sync ran, so it has a part of it."),
    )
    connection.execute("UPDATE jobs SET state = 'cancelled', ended_at = ? WHERE state = 'running'", (at,))


def fail_run(
    database: Database, connection: sqlite3.Connection, run_id: int, error: CohortError, now: datetime
) -> None:
    """End a run with an error, in a transaction of its own."""
    with database.transaction(connection):
        _publish(connection)
        update_run(
            connection,
            run_id,
            state="failed",
            ended_at=utc_text(now),
            error_code=error.code,
            error=error.message,
        )


def _publish(connection: sqlite3.Connection) -> None:
    """Mark the classes of running runs as changed, so that readers load them anew.

    Readers leave out the changes of a running run; once it has ended, these count.
    """
    # Imported here, as the command `status` reads runs and never writes them.
    from cohort_core.store.stand_ins import move_histories

    for row in connection.execute("SELECT class_id FROM runs WHERE state = 'running'").fetchall():
        bump_revision(connection, row["class_id"])
        move_histories(connection, row["class_id"])


def start_run(connection: sqlite3.Connection, run_id: int, kind: str, now: datetime) -> None:
    """Mark a run as running; ``kind`` is full or incremental."""
    connection.execute(
        "UPDATE runs SET state = 'running', kind = ?, started_at = ? WHERE id = ?",
        (kind, utc_text(now), run_id),
    )


def update_run(connection: sqlite3.Connection, run_id: int, **values: Any) -> None:
    """Set columns of a run. Their names must never come from outside."""
    assignments = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE runs SET {assignments} WHERE id = ?", (*values.values(), run_id))  # noqa: S608


def save_history(
    connection: sqlite3.Connection, run_id: int, class_id: str, page: int, records: int, now: datetime
) -> None:
    """Log that a run has stored a page with so many records."""
    connection.execute(
        """
        INSERT INTO sync_history (synced_at, class_id, page, records_processed, run_id)
        VALUES (?, ?, ?, ?, ?)
        """,
        (utc_text(now), class_id, page, records, run_id),
    )


def request_cancel(database: Database, job_id: int) -> None:
    """Ask a running job, in whatever process, to stop. Nothing happens if it has ended."""
    with database.writing() as connection:
        connection.execute(
            "UPDATE jobs SET cancel_requested = 1 WHERE id = ? AND state = 'running'", (job_id,)
        )


def is_cancel_requested(database: Database, job_id: int) -> bool:
    """Return True if a job was asked to stop."""
    with database.reading() as connection:
        row = connection.execute("SELECT cancel_requested FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return bool(row and row["cancel_requested"])


def load_job(database: Database, job_id: int) -> Job:
    """Load a job by its id. Raises ``UnknownJob``."""
    with database.reading() as connection:
        job = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if job is None:
            raise unknown_job()
        return _read_jobs(connection, [job])[0]


def unknown_job() -> UnknownJob:
    """Make the error for a sync that does not exist or must not be seen.

    Both have the same message, so that it gives nothing away.
    """
    return UnknownJob("There is no sync with this number. POST /sync starts one and tells its number.")


def load_latest_runs(database: Database) -> dict[str, Run]:
    """Load the latest started run of each class, by class id."""
    with database.reading() as connection:
        rows = connection.execute(
            """
            SELECT r.*, c.friendly_id, c.name FROM runs r JOIN classes c ON c.id = r.class_id
            WHERE r.id IN (SELECT max(id) FROM runs WHERE started_at IS NOT NULL GROUP BY class_id)
            """
        ).fetchall()
    return {row["class_id"]: _read_run(row) for row in rows}


class QuarantinedRecord(NamedTuple):
    """An upstream record that cannot be used.

    ``id`` is its own, or a hash if it has none; ``payload`` is its JSON. The times are the
    starts of the first and last sync with it.
    """

    class_id: str
    id: str
    reason: str
    payload: str
    first_seen_at: str
    last_seen_at: str


def load_last_sync(database: Database, class_id: str, before: datetime) -> str | None:
    """Return the end of the last good sync of a class up to an instant.

    It is UTC text, None without any.
    """
    with database.reading() as connection:
        row = connection.execute(
            "SELECT max(ended_at) FROM runs WHERE class_id = ? AND state = 'done' AND ended_at <= ?",
            (class_id, utc_text(before)),
        ).fetchone()
    return None if row[0] is None else str(row[0])


def load_quarantine(database: Database, class_id: str | None = None) -> list[QuarantinedRecord]:
    """Load the quarantined records of one class or all, the latest first."""
    with database.reading() as connection:
        rows = connection.execute(
            """
            SELECT q.class_id, q.row_key, q.reason, q.payload, f.started_at, l.started_at
            FROM quarantine q JOIN runs f ON f.id = q.first_run_id JOIN runs l ON l.id = q.last_run_id
            WHERE ?1 IS NULL OR q.class_id = ?1
            ORDER BY q.first_run_id DESC, q.class_id, q.row_key
            """,
            (class_id,),
        ).fetchall()
    return [QuarantinedRecord(*row) for row in rows]


def load_jobs(database: Database, limit: int) -> list[Job]:
    """Load the latest jobs, newest first."""
    with database.reading() as connection:
        jobs = connection.execute("SELECT * FROM jobs ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
        return _read_jobs(connection, jobs)


def _read_jobs(connection: sqlite3.Connection, jobs: Sequence[sqlite3.Row]) -> list[Job]:
    rows: dict[int, list[sqlite3.Row]] = {job["id"]: [] for job in jobs}
    for row in connection.execute(
        """
        SELECT r.*, c.friendly_id, c.name FROM runs r JOIN classes c ON c.id = r.class_id
        WHERE r.job_id IN (SELECT value FROM json_each(?)) ORDER BY r.id
        """,
        (json.dumps(list(rows), allow_nan=False),),
    ):
        rows[row["job_id"]].append(row)
    return [_read_job(job, rows[job["id"]]) for job in jobs]


def _read_job(job: sqlite3.Row, runs: Iterable[sqlite3.Row]) -> Job:
    return Job(
        id=job["id"],
        asked_by=job["asked_by"],
        state=job["state"],
        is_full=bool(job["is_full"]),
        cancel_requested=bool(job["cancel_requested"]),
        started_at=job["started_at"],
        ended_at=job["ended_at"],
        error_code=job["error_code"],
        error=job["error"],
        runs=tuple(map(_read_run, runs)),
    )


def _read_run(row: sqlite3.Row) -> Run:
    return Run(
        **{key: row[key] for key in row.keys() if key not in {"job_id", "is_clean"}},  # noqa: SIM118
        is_clean=None if row["is_clean"] is None else bool(row["is_clean"]),
    )
