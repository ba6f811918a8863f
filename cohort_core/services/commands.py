"""Commands: the actions of a principal, limited to the classes that they may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from cohort_core.clock import utc_now
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
    """The actions of a person or program that may see some or all classes.

    ``class_ids`` are their ids, None for all. Other classes are treated as if they did not exist.
    """

    workspace: Workspace
    class_ids: frozenset[str] | None = None

    def hide_student(self, reference: str, student_id: str, kind: Kind, until: date | None = None) -> None:
        """Hide a student from triage, until a day or for good.

        Raises ``UnknownClass``, and ``BadInput`` for an unknown student or a day that has already come.
        """
        if until is not None and until <= self._reader.cohort(reference).local_date:
            raise BadInput("That day has come already. Choose a later one.", parameter="until")
        self.workspace.hide_student(self._find_class(reference), student_id, kind, until)

    def show_again(self, reference: str, student_id: str) -> None:
        """Show a hidden student in triage again."""
        self.workspace.show_again(self._find_class(reference), student_id)

    def start_sync(
        self,
        references: Sequence[str] | None = None,
        *,
        asked_by: str,
        full: bool = False,
        accept_removals: bool = False,
    ) -> Job:
        """Start a sync of these classes, by default of all visible active ones.

        Raises what `Workspace.prepare_sync` raises. ``SyncRunning`` has the id of the running sync only if
        that may be seen.
        """
        class_ids = [self._find_class(reference) for reference in references or ()]
        if not class_ids:
            class_ids = [status.id for status in self._reader.statuses(active_only=True)]
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
        """Return a sync, limited to the classes that may be seen. Raises ``UnknownJob``."""
        job = self.workspace.job(job_id)
        if not self._may_see(job):
            raise unknown_job()
        return self._visible_part(job)

    def jobs(self, limit: int) -> list[Job]:
        """Return the latest syncs of classes that may be seen, newest first."""
        return [self._visible_part(job) for job in self.workspace.jobs(limit) if self._may_see(job)]

    def _visible_part(self, job: Job) -> Job:
        """Show a job as if it had synced only the classes that may be seen."""
        if self.class_ids is None:
            return job
        runs = tuple(run for run in job.runs if run.class_id in self.class_ids)
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
        part = replace(job, runs=runs, state=state, started_at=started_at, ended_at=ended_at)
        return replace(part, error_code=code, error=message)

    def cancel_sync(self, job_id: int) -> Job:
        """Ask a sync to stop.

        Raises ``UnknownJob`` if it does not exist or syncs a class that may not be seen.
        """
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
        return self._may_see(job) and self._visible_part(job).is_running

    def _may_see(self, job: Job) -> bool:
        return self.class_ids is None or any(run.class_id in self.class_ids for run in job.runs)


@dataclass(frozen=True)
class AdminCommands:
    """The actions of an administrator: tokens, audit log and settings.

    The audit log names ``who`` as the author of each change.
    """

    workspace: Workspace
    who: str

    def tokens(self) -> list[Token]:
        """Return all tokens, revoked ones too, in the order of their creation."""
        return load_tokens(self.workspace.database)

    def create_token(
        self, name: str, role: str, references: Sequence[str] | None = None, expires: str | None = None
    ) -> tuple[Token, str]:
        """Create a token; return its record, and the token itself, which cannot be read again.

        Raises what `tokens.create_token` raises.
        """
        lifetime = None if expires is None else parse_lifetime(expires)
        secret = create_token(
            *(self.workspace.database, name, role, references),
            lifetime=lifetime,
            asked_by=self.who,
            now=utc_now(),
        )
        (token,) = (token for token in self.tokens() if token.digest == digest(secret))
        return token, secret

    def revoke_token(self, name: str) -> None:
        """Revoke a token at once. Raises ``BadInput`` if there is none of this name."""
        revoke_token(self.workspace.database, name, asked_by=self.who, now=utc_now())

    def events(self) -> list[audit.Event]:
        """Return the audit log, newest first."""
        database = self.workspace.database
        return audit.load_events(database) if database.exists else []

    def settings(self) -> Preferences:
        """Return the settings that can be changed while the program runs."""
        return self.workspace.preferences()

    def fixed_settings(self) -> list[str]:
        """Return the names of the settings that the environment sets, which cannot be changed."""
        return sorted(set_by_environment())

    def change_settings(self, wanted: Preferences) -> None:
        """Change the settings that are set in `wanted`; others keep their values.

        Single thresholds may be set. Raises ``BadInput`` for values that cannot be used.
        """
        if not wanted.model_fields_set:
            return
        with settings_lock(self.workspace.home):
            whole = merge_preferences(wanted, self.workspace.preferences())
            self.workspace.change_preferences(whole, asked_by=self.who)
