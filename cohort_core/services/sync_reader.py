"""Reading without people: classes in numbers, and their syncs.

The commands `status` and `classes` need no more, and start without settings, metrics and sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohort_core.store import classes
from cohort_core.store.sync_runs import Job, Run, unknown_job
from cohort_core.sync import lock

if TYPE_CHECKING:
    from cohort_core.services.principal import Principal
    from cohort_core.store.database import Database


class SyncReader:
    """The classes and syncs that a principal may see. `Reader` adds what is about people."""

    _database: Database
    principal: Principal

    def __init__(self, database: Database, principal: Principal) -> None:
        self._database = database
        self.principal = principal

    def statuses(self, *, active_only: bool = False, open_only: bool = False) -> list[classes.ClassStatus]:
        """Return the classes that may be seen, with their counts.

        Open classes are active and not closed.
        """
        seen = [status for status in self._load_statuses() if self.principal.may_see(status.id)]
        return classes.limited(seen, active_only=active_only, open_only=open_only)

    def _load_statuses(self) -> list[classes.ClassStatus]:
        return classes.load_statuses(self._database)

    def last_sync(self) -> str | None:
        """Return the end of the latest successful sync: UTC text, or None."""
        return max((status.synced_at for status in self.statuses() if status.synced_at), default=None)

    def roster_sizes(self) -> dict[str, int]:
        """Count the roster's lines of each class that may be seen, without those who withdrew."""
        sizes = classes.roster_sizes(self._database)
        return {class_id: size for class_id, size in sizes.items() if self.principal.may_see(class_id)}

    def latest_runs(self) -> dict[str, Run]:
        """Return the latest sync of each class that may be seen, by class id."""
        runs = lock.load_latest_runs(self._database)
        return {class_id: run for class_id, run in runs.items() if self.principal.may_see(class_id)}

    def job(self, job_id: int) -> Job:
        """Return a sync, limited to the classes that may be seen. Raises ``UnknownJob``."""
        job = lock.load_job(self._database, job_id)
        if not self._sees(job):
            raise unknown_job()
        return self._visible_part(job)

    def jobs(self, limit: int) -> list[Job]:
        """Return the latest syncs of classes that may be seen, newest first."""
        return [self._visible_part(job) for job in lock.load_jobs(self._database, limit) if self._sees(job)]

    def running_job(self) -> Job | None:
        """Return the running sync of any process, if its classes may be seen."""
        job = lock.running_job(self._database)
        part = self._visible_part(job) if job is not None and self._sees(job) else None
        return part if part is not None and part.is_running else None

    def _sees(self, job: Job) -> bool:
        return self.principal.class_ids is None or any(
            self.principal.may_see(run.class_id) for run in job.runs
        )

    def _visible_part(self, job: Job) -> Job:
        """Show a job as if it had synced only the classes that may be seen."""
        if self.principal.class_ids is None:
            return job
        runs = tuple(run for run in job.runs if self.principal.may_see(run.class_id))
        if len(runs) == len(job.runs):
            return job
        failed = [run for run in runs if run.state == "failed"]
        state = job.state
        if all(run.state in {"done", "failed"} for run in runs):
            state = "done" if not failed else "failed" if len(failed) == len(runs) else "partial"
        cause = None if state == "done" else failed[0] if state in {"failed", "partial"} else job
        code, message = (cause.error_code, cause.error) if cause else (None, None)
        started_at = min((run.started_at for run in runs if run.started_at), default=job.started_at)
        ends = [run.ended_at for run in runs if run.ended_at]
        ended_at = max(ends) if len(ends) == len(runs) else job.ended_at
        part = job._replace(runs=runs, state=state, started_at=started_at, ended_at=ended_at)
        return part._replace(error_code=code, error=message)
