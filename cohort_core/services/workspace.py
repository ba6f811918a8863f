"""One mentor's Cohort Tracker: what the dashboard, the API and the command line all work on.

Whoever asks for a class with the same selection gets the same cohort, and whoever presses *Sync now* starts
the same sync, so that no two faces of the product can disagree.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cohort_core import practice
from cohort_core.caching import single_flight
from cohort_core.clock import utc_now
from cohort_core.config import credentials, settings
from cohort_core.config.paths import Home, file_version
from cohort_core.config.settings import Preferences
from cohort_core.errors import BadInput
from cohort_core.services.cohorts import Cohorts
from cohort_core.sources.openclass.client import OpenClassClient, RetryPolicy
from cohort_core.store import classes, hides, sync_runs
from cohort_core.store.audit import add_event
from cohort_core.store.database import Database
from cohort_core.store.sync_runs import Job, QuarantinedRecord
from cohort_core.sync import jobs, lock
from cohort_core.sync.scheduler import Plan, Schedule, parse_interval

if TYPE_CHECKING:
    from cohort_core.config.settings import Settings
    from cohort_core.practice.server import Running


class Workspace:
    """Settings, store and sync of one home. Safe to share between threads."""

    def __init__(self, home: Home, *, retry_policy: RetryPolicy | None = None) -> None:
        self.home = home
        self.database = Database(home)
        self._retry_policy = retry_policy
        self._practice: Running | None = None
        self._schedule: Schedule | None = None
        self._resources = contextlib.ExitStack()
        self._running: tuple[jobs.SyncJob, threading.Thread] | None = None
        self._tokens: dict[tuple[str, str, str], str] = {}
        self._load_settings = single_flight(self._load_settings_uncached, 1)
        self.cohorts = Cohorts(home, self.database, self.settings)
        self._resources.callback(self.cohorts.watcher.close)

    # Settings and connection

    def settings(self) -> settings.Settings:
        """The settings as they are now; read again when the file has changed, as the environment cannot."""
        return self._load_settings(file_version(self.home.config))

    def _load_settings_uncached(self, _version: Hashable) -> Settings:
        return settings.load_settings(self.home)

    def is_connected(self) -> bool:
        return self.settings().is_connected

    def preferences(self) -> Preferences:
        """What can be changed while this runs, as it is."""
        known = self.settings()
        return Preferences(
            timezone=known.timezone,
            sync_every=known.sync_every,
            anonymous=known.anonymous,
            thresholds=known.thresholds,
        )

    def change_preferences(self, wanted: Preferences, *, asked_by: str) -> None:
        """Keep those that are named; what runs in this process takes them up at once.

        Raises ``BadInput`` for an interval that cannot be; then nothing is kept. What the environment gives
        goes on to be used.
        """
        named = wanted.model_fields_set
        every = parse_interval(wanted.sync_every) if wanted.sync_every else None
        with settings.settings_lock(self.home):
            with self._telling(asked_by, ", ".join(sorted(named))):
                settings.save_preferences(self.home, wanted)
            if "sync_every" in named:
                self.stop_schedule()
                if every:
                    self.start_schedule(every)

    @contextmanager
    def _telling(self, asked_by: str, names: str) -> Iterator[None]:
        """While settings change: what the audit cannot tell of is not changed."""
        with settings.settings_lock(self.home), self.database.writing() as connection:
            add_event(connection, asked_by, "settings", names)
            yield

    def connect(
        self,
        *,
        api_base: str,
        app_id: str,
        origin: str,
        email: str,
        password: str,
        practice: bool = False,
        asked_by: str = "cli",
    ) -> tuple[list[classes.ListedClass], str]:
        """Log in, list the classes, and only then keep settings and password.

        Returns the classes and where the password is kept. Whatever it raises, the settings are as they were.
        """
        chosen = settings.load_settings(
            self.home, api_base=api_base, app_id=app_id, origin=origin, email=email
        )
        connection = credentials.Login(chosen, password)
        with OpenClassClient(connection, retry_policy=self._retry_policy) as client:
            client.log_in()
            listed = client.list_classes()
        classes.save_classes(self.database, listed)
        classes.deactivate_unlisted(self.database, listed)
        place = credentials.save_password(self.home, email, password)
        with self._telling(asked_by, "api_base, app_id, origin, email, password"):
            settings.save_settings(
                self.home,
                api_base=connection.api_base,
                app_id=app_id,
                origin=connection.origin,
                email=email,
                practice=practice or None,
                sync_rate=0.0 if practice else None,
            )
        return listed, place

    def refresh_classes(self) -> list[classes.ListedClass]:
        """Ask OpenClass which classes there are now. Raises what a login raises."""
        with OpenClassClient(credentials.load_login(self.home), retry_policy=self._retry_policy) as client:
            listed = client.list_classes()
        classes.save_classes(self.database, listed)
        return listed

    def use_practice_school(self) -> list[classes.ListedClass]:
        """Connect to a practice school that runs in this process, and import its rosters."""
        from cohort_core.imports.roster_files import import_practice_rosters

        listed = self.connect_to_practice(self.start_practice_school())
        import_practice_rosters(self.database, self._practice_school().school)
        return listed

    def connect_to_practice(self, url: str, password: str = practice.PASSWORD) -> list[classes.ListedClass]:
        """Connect to a practice school that is served at this address."""
        listed, _where = self.connect(
            api_base=url,
            app_id=practice.APP_ID,
            origin=practice.ORIGIN,
            email=practice.EMAIL,
            password=password,
            practice=True,
        )
        return listed

    def start_practice_school(self) -> str:
        """Run the practice school in this process, where it ran before if possible; returns its address."""
        return self._practice_school().url

    def _practice_school(self) -> Running:
        from cohort_core.practice.generated import PracticeSchool
        from cohort_core.practice.server import running

        if self._practice is None:
            known = self.settings()
            last_port = urlsplit(known.api_base).port if known.practice else None
            school = PracticeSchool(timezone=known.default_timezone)
            try:
                self._practice = self._resources.enter_context(running(school, port=last_port or 0))
            except BadInput:
                self._practice = self._resources.enter_context(running(school))
            if known.practice:
                settings.save_settings(self.home, api_base=self._practice.url)
        return self._practice

    # Classes and their cohorts

    def set_active(self, references: Sequence[str], *, active: bool) -> list[str]:
        """Say which classes a sync without a class means; returns their ids. Raises ``UnknownClass``."""
        return classes.set_active(self.database, references, active=active)

    def last_sync(self) -> str | None:
        """UTC text of the latest successful sync of any class, None before the first."""
        return classes.last_sync(self.database)

    # What the mentor has settled

    def hide_student(
        self, reference: str, student_id: str, kind: hides.Kind, until: date | None = None
    ) -> None:
        """Leave a student out of triage: *done* until a day, or *exempt*. Takes pseudonymous ids as well."""
        class_id, real_id = self._student(reference, student_id)
        hides.save_hide(self.database, class_id, real_id, kind, until=until, now=utc_now())

    def show_again(self, reference: str, student_id: str) -> None:
        """List a student again."""
        hides.remove_hide(self.database, *self._student(reference, student_id))

    def hides(self) -> list[hides.Hide]:
        """All that was settled, with real ids."""
        return hides.load_hides(self.database)

    def _student(self, reference: str, student_id: str) -> tuple[str, str]:
        class_id = classes.find_class(self.database, reference)
        ids = self.cohorts.student_ids(class_id, student_id)
        # Whom a real id settles would be missing from the lists: that tells whose pseudonym was there.
        if ids is None or (self.cohorts.is_anonymous() and student_id != ids[1]):
            raise BadInput(
                "The class has no student with this id. Choose one of its list.", parameter="student_id"
            )
        return class_id, ids[0]

    # Sync

    def prepare_sync(
        self,
        references: Sequence[str] | None = None,
        *,
        asked_by: str,
        full: bool = False,
        accept_removals: bool = False,
    ) -> jobs.SyncJob:
        """A sync that is logged in and ready to run. Raises ``SyncRunning``, ``NotConnected`` and others."""
        connection = credentials.load_login(self.home)
        class_ids = jobs.active_or_named(self.database, references)
        if not class_ids:
            raise BadInput(
                "No class is active, so there is nothing to sync. Choose classes on the Classes page or with "
                "`cohort-tracker activate`.",
                parameter="class_id",
            )
        key = (connection.api_base, connection.email, connection.password)
        job = jobs.SyncJob(
            self.database,
            connection,
            class_ids,
            asked_by=asked_by,
            full=full,
            accept_removals=accept_removals,
            retry_policy=self._retry_policy,
            token=self._tokens.get(key),
        )
        job.log_in()
        if job.token:
            self._tokens = {key: job.token}
        return job

    def start_sync(
        self,
        references: Sequence[str] | None = None,
        *,
        asked_by: str,
        full: bool = False,
        accept_removals: bool = False,
    ) -> int:
        """Start a sync in the background; returns its number. Raises what ``claim_sync`` raises."""
        job = self.prepare_sync(references, asked_by=asked_by, full=full, accept_removals=accept_removals)
        self._running = (job, job.start())
        return job.id

    def running_job(self) -> Job | None:
        """The sync that runs now, whichever process started it."""
        return lock.running_job(self.database)

    def job(self, job_id: int) -> Job:
        return lock.load_job(self.database, job_id)

    def jobs(self, limit: int = 20) -> list[Job]:
        return lock.load_jobs(self.database, limit)

    def start_schedule(self, every: timedelta) -> None:
        """Sync the active classes by itself for as long as this process runs."""

        def sync() -> Job:
            return self.prepare_sync(asked_by="schedule").run()

        self._schedule = Schedule(every, sync)
        self._schedule.start()

    def stop_schedule(self) -> None:
        """Sync by itself no more. One that runs comes to its end."""
        if self._schedule:
            self._schedule.stop()
        self._schedule = None

    @property
    def plan(self) -> Plan | None:
        """When this process syncs next by itself, and whether that works; None if it does not."""
        return self._schedule.plan if self._schedule else None

    def quarantined(
        self, reference: str | None = None, *, anonymous: bool = False
    ) -> list[QuarantinedRecord]:
        """Records that OpenClass sent in a form that cannot be used, of one class or all."""
        class_id = classes.find_class(self.database, reference) if reference else None
        records = sync_runs.load_quarantine(self.database, class_id)
        if not self.cohorts.is_anonymous(anonymous):
            return records
        from cohort_core.services.anonymizer import Pseudonyms, load_key

        pseudonyms = Pseudonyms(load_key(self.home))
        return [replace(one, id=pseudonyms.record_id(one.id)) for one in records]

    def cancel_sync(self, job_id: int) -> None:
        """Ask a running sync, in whatever process, to stop between two pages."""
        sync_runs.request_cancel(self.database, job_id)

    def stop(self, seconds: float = 5.0) -> None:
        """End what runs in this process: a sync between two pages, and the practice school."""
        if self._schedule:
            self._schedule.stop()
        if self._running:
            job, thread = self._running
            job.stop()
            thread.join(seconds)
        self._resources.close()


@functools.cache
def shared_workspace() -> Workspace:
    """The workspace of this process, from the environment."""
    return Workspace(Home.from_environment())
