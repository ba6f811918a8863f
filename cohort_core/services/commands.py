"""What somebody may do, beside reading: who may see some of the classes only, and who looks after it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from cohort_core.config.settings import Preferences, merge_preferences, set_by_environment, settings_lock
from cohort_core.errors import BadInput, SyncRunning
from cohort_core.services.reader import Reader
from cohort_core.services.workspace import Workspace
from cohort_core.store import audit
from cohort_core.store.hides import Kind
from cohort_core.store.sync_runs import Job, unknown_job
from cohort_core.store.tokens import Token, create_token, digest, load_tokens, parse_lifetime, revoke_token


@dataclass(frozen=True)
class Commands:
    """A workspace in which there are no classes but ``class_ids``, unless that is None."""

    workspace: Workspace
    class_ids: frozenset[str] | None = None

    def hide_student(self, reference: str, student_id: str, kind: Kind, until: date | None = None) -> None:
        """Raises ``BadInput`` for a day of return that has come already, which would settle nothing."""
        if until is not None and until <= self._reader.cohort(reference).local_date:
            raise BadInput("That day has come already. Choose a later one.", parameter="until")
        self.workspace.hide_student(self._find_class(reference), student_id, kind, until)

    def show_again(self, reference: str, student_id: str) -> None:
        self.workspace.show_again(self._find_class(reference), student_id)

    def start_sync(
        self,
        references: Sequence[str] | None = None,
        *,
        asked_by: str,
        full: bool = False,
        accept_removals: bool = False,
    ) -> Job:
        """Start a sync of these classes, or of the active ones that may be seen.

        Raises ``SyncRunning``, which names the sync that runs only to those who may see it, and others.
        """
        class_ids = [self._find_class(one) for one in references or ()]
        if not class_ids:
            class_ids = [one.id for one in self._reader.statuses(active_only=True)]
        if not class_ids and self.class_ids is not None:
            raise BadInput("None of the token's classes is active. Name the classes.", parameter="class_ids")
        try:
            job_id = self.workspace.start_sync(
                class_ids or None, asked_by=asked_by, full=full, accept_removals=accept_removals
            )
        except SyncRunning as error:
            number = error.details.get("job")
            if number and not self._sees_running(self.workspace.job(number)):
                raise SyncRunning(error.message) from None
            raise
        return self.job(job_id)

    def job(self, job_id: int) -> Job:
        """A sync, as far as it is about classes that may be seen. Raises ``UnknownJob``."""
        job = self.workspace.job(job_id)
        if not self._may_see(job):
            raise unknown_job()
        return self._seen_part(job)

    def jobs(self, limit: int) -> list[Job]:
        """The latest syncs of classes that may be seen, newest first."""
        return [self._seen_part(one) for one in self.workspace.jobs(limit) if self._may_see(one)]

    def _seen_part(self, job: Job) -> Job:
        """As if it had been about those classes alone."""
        if self.class_ids is None:
            return job
        seen = tuple(run for run in job.runs if run.class_id in self.class_ids)
        if len(seen) == len(job.runs):
            return job
        failed = [run for run in seen if run.state == "failed"]
        state = job.state
        if all(run.state in {"done", "failed"} for run in seen):
            state = "done" if not failed else "failed" if len(failed) == len(seen) else "partial"
        told = None if state == "done" else failed[0] if state in {"failed", "partial"} else job
        code, message = (told.error_code, told.error) if told else (None, None)
        begun = min((run.started_at for run in seen if run.started_at), default=job.started_at)
        ends = [run.ended_at for run in seen if run.ended_at]
        ended = max(ends) if len(ends) == len(seen) else job.ended_at
        part = replace(job, runs=seen, state=state, started_at=begun, ended_at=ended)
        return replace(part, error_code=code, error=message)

    def cancel_sync(self, job_id: int) -> Job:
        """Ask a sync to stop. Raises ``UnknownJob`` also if it is about other classes as well."""
        job = self.workspace.job(job_id)
        if self.class_ids is not None and not self.class_ids.issuperset(run.class_id for run in job.runs):
            raise unknown_job()
        self.workspace.cancel_sync(job_id)
        return self.workspace.job(job_id)

    @property
    def _reader(self) -> Reader:
        return Reader(self.workspace, class_ids=self.class_ids)

    def _find_class(self, reference: str) -> str:
        return self._reader.find_class(reference)

    def _sees_running(self, job: Job) -> bool:
        return self._may_see(job) and self._seen_part(job).is_running

    def _may_see(self, job: Job) -> bool:
        return self.class_ids is None or any(run.class_id in self.class_ids for run in job.runs)


@dataclass(frozen=True)
class AdminCommands:
    """A workspace with its tokens, audit and settings. ``who`` is the one that the audit names."""

    workspace: Workspace
    who: str

    def tokens(self) -> list[Token]:
        return load_tokens(self.workspace.database)

    def create_token(
        self, name: str, role: str, references: Sequence[str] | None = None, expires: str | None = None
    ) -> tuple[Token, str]:
        """What is known of a new token, and the token itself, which nobody can read again."""
        lifetime = None if expires is None else parse_lifetime(expires)
        secret = create_token(
            *(self.workspace.database, name, role, references),
            lifetime=lifetime,
            asked_by=self.who,
            now=datetime.now(UTC),
        )
        (made,) = (one for one in self.tokens() if one.digest == digest(secret))
        return made, secret

    def revoke_token(self, name: str) -> None:
        revoke_token(self.workspace.database, name, asked_by=self.who, now=datetime.now(UTC))

    def events(self) -> list[audit.Event]:
        database = self.workspace.database
        return audit.load_events(database) if database.exists else []

    def settings(self) -> Preferences:
        return self.workspace.preferences()

    def fixed_settings(self) -> list[str]:
        """Those that the environment gives, which no change moves."""
        return sorted(set_by_environment())

    def change_settings(self, wanted: Preferences) -> None:
        """Keep those that are named, single thresholds too. Raises ``BadInput`` for what cannot be."""
        if not wanted.model_fields_set:
            return
        with settings_lock(self.workspace.home):
            whole = merge_preferences(wanted, self.workspace.preferences())
            self.workspace.change_preferences(whole, asked_by=self.who)
