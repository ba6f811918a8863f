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
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cohort_core import practice
from cohort_core.caching import single_flight
from cohort_core.clock import utc_now
from cohort_core.config import credentials, settings
from cohort_core.config.paths import Home, file_version
from cohort_core.config.settings import Preferences
from cohort_core.errors import BadInput
from cohort_core.sources.openclass.client import OpenClassClient, RetryPolicy
from cohort_core.store import classes, sync_runs
from cohort_core.store import hides as marked
from cohort_core.store.audit import add_event
from cohort_core.store.change_watcher import ChangeWatcher
from cohort_core.store.database import Database
from cohort_core.store.sync_runs import Job, SetAside
from cohort_core.sync import jobs, lock
from cohort_core.sync.scheduler import Plan, Schedule, parse_interval

if TYPE_CHECKING:
    import pandas as pd

    from cohort_core.config.settings import Settings
    from cohort_core.config.thresholds import Thresholds
    from cohort_core.metrics.cohort import Cohort
    from cohort_core.practice.server import Running
    from cohort_core.reports.report import Report
    from cohort_core.store.class_data import ClassData

FACTS_KEPT = 16
COHORTS_KEPT = 32
"""With the answers that they know; one of 100,000 records is some 20 MB."""
CHANGES_KEPT = 16
CLASSES_KEPT = 64


Revision = tuple[int, int]
"""Which facts of a class there are: of which opening of the database, and which of them."""


class Workspace:
    """Settings, store and sync of one home. Safe to share between threads."""

    def __init__(self, home: Home, *, patience: RetryPolicy | None = None) -> None:
        self.home = home
        self.database = Database(home)
        self._patience = patience
        self._practice: Running | None = None
        self._schedule: Schedule | None = None
        self._resources = contextlib.ExitStack()
        self._running: tuple[jobs.SyncJob, threading.Thread] | None = None
        self._tokens: dict[tuple[str, str, str], str] = {}
        self._load_facts = single_flight(self._load_facts_uncached, FACTS_KEPT, by_revision=True)
        self._build_cohort = single_flight(self._build_cohort_uncached, COHORTS_KEPT, by_revision=True)
        self._find_changes = single_flight(self._find_changes_uncached, CHANGES_KEPT, by_revision=True)
        self._pseudonyms = single_flight(self._pseudonyms_uncached, FACTS_KEPT, by_revision=True)
        self._load_settings = single_flight(self._load_settings_uncached, 1)
        self._load_statuses = single_flight(self._load_statuses_uncached, 1)
        self._find_class = single_flight(self._find_class_uncached, CLASSES_KEPT)
        self.watch = ChangeWatcher(self.database)
        self._resources.callback(self.watch.close)

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
        with OpenClassClient(connection, patience=self._patience) as client:
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
        with OpenClassClient(credentials.load_login(self.home), patience=self._patience) as client:
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

    def statuses(self, *, active_only: bool = False) -> list[classes.ClassStatus]:
        found = self._load_statuses(self._moment())
        return [one for one in found if one.is_active or not active_only]

    def _load_statuses_uncached(self, _moment: Hashable) -> list[classes.ClassStatus]:
        return classes.load_statuses(self.database)

    def _moment(self) -> Hashable:
        """Equal as long as nothing in the store has changed."""
        state = self.watch.look()
        return state.number if state else object()

    def set_active(self, references: Sequence[str], *, active: bool) -> list[str]:
        """Say which classes a sync without a class means; returns their ids. Raises ``UnknownClass``."""
        return classes.set_active(self.database, references, active=active)

    def last_sync(self) -> str | None:
        """UTC text of the latest successful sync of any class, None before the first."""
        return classes.last_sync(self.database)

    def facts(self, reference: str, *, anonymous: bool = False) -> ClassData:
        """The facts of the class with this id or friendly id; raises ``UnknownClass``.

        With pseudonyms if that is asked for here or by the settings; so is all that is made of them.
        """
        return self._current_facts(reference, self.is_anonymous(anonymous))

    def is_anonymous(self, asked: bool = False) -> bool:
        """Whether people go by pseudonyms: because it is asked for, or since the settings say so."""
        return asked or self.settings().anonymous

    def student_id_for(self, reference: str, student_id: str, *, anonymous: bool = False) -> str | None:
        """The id by which a student goes there, given the real or the pseudonymous one; None if the class
        has no such student. For addresses, when anonymous mode is switched on or off."""
        ids = self._student_ids(reference, student_id)
        return ids and ids[int(self.is_anonymous(anonymous))]

    def _student_ids(self, reference: str, student_id: str) -> tuple[str, str] | None:
        """The real and the pseudonymous id of the student who has one of the two."""
        class_id, revision, timezone = self._current(reference)
        return self._pseudonyms(class_id, revision, timezone).get(student_id)

    def _pseudonyms_uncached(
        self, class_id: str, revision: Revision, default_timezone: str
    ) -> dict[str, tuple[str, str]]:
        from cohort_core.services.anonymizer import Pseudonyms, load_key

        pseudonyms = Pseudonyms(load_key(self.home))
        known = {}
        for one in self._load_facts(class_id, revision, default_timezone, False).students["student_id"]:
            disguised = pseudonyms.student_id(one)
            known[str(one)] = known[disguised] = (str(one), disguised)
        return known

    def cohort(
        self,
        reference: str,
        as_of: str | date | datetime | pd.Timestamp | None = None,
        group: str | None = None,
        type: str | None = None,
        *,
        anonymous: bool = False,
    ) -> Cohort:
        """The class at an instant (default: its last sync), all of it or one group or type of assignment.

        Whoever asks for the same gets the same object, with all that was ever asked of it. Raises
        ``UnknownClass``, and ``BadInput`` for an instant, group or type that cannot be used.
        """
        facts_key = (*self._current(reference), self.is_anonymous(anonymous))
        if isinstance(as_of, str):
            from cohort_core.timeutils import parse_as_of

            as_of = parse_as_of(as_of, self._load_facts(*facts_key).timezone)
        return self._build_cohort(*facts_key, as_of, self.settings().thresholds, group, type)

    def changes(
        self,
        reference: str,
        since: str | None = None,
        until: str | None = None,
        group: str | None = None,
        *,
        anonymous: bool = False,
    ) -> Report:
        """What happened after `since` (default: the end of the sync before the last) and up to `until`.

        Instants as in `cohort.parse_as_of`, but that a day as `since` is its first instant.
        """
        from cohort_core.store.changes import load_sync_ends
        from cohort_core.timeutils import parse_as_of, parse_from

        facts_key = (*self._current(reference), self.is_anonymous(anonymous))
        facts = self._load_facts(*facts_key)
        moment = None if until is None else parse_as_of(until, facts.timezone, "until")
        ends = load_sync_ends(self.database, facts.class_id, limit=2)
        start = ends[1] if len(ends) > 1 else None
        if since is not None:
            start = parse_from(since, facts.timezone, "since")
        return self._find_changes(*facts_key, start, moment, self.settings().thresholds, group)

    def _find_changes_uncached(
        self,
        class_id: str,
        revision: Revision,
        timezone: str,
        anonymous: bool,
        since: pd.Timestamp | None,
        until: pd.Timestamp | None,
        thresholds: Thresholds,
        group: str | None,
    ) -> Report:
        from cohort_core.reports import catalog
        from cohort_core.store.changes import load_log

        log = load_log(self.database, class_id)
        if anonymous:
            from cohort_core.services.anonymizer import anonymise_log, load_key

            log = anonymise_log(log, load_key(self.home))
        start, end = (
            self._build_cohort(class_id, revision, timezone, anonymous, moment, thresholds, group, None)
            for moment in (since or until, until)
        )
        return catalog.changes(end.facts, log, start, end)

    def _current(self, reference: str) -> tuple[str, Revision, str]:
        """What facts are kept by: the class's id, its revision, and the zone of classes without one."""
        return *self._find_class(reference, self._moment()), self.settings().default_timezone

    def _find_class_uncached(self, reference: str, _moment: Hashable) -> tuple[str, Revision]:
        from cohort_core.store.class_data_loader import load_revision

        class_id = classes.find_class(self.database, reference)
        return class_id, (self.watch.openings, load_revision(self.database, class_id))

    def _current_facts(self, reference: str, anonymous: bool) -> ClassData:
        return self._load_facts(*self._current(reference), anonymous)

    def _load_facts_uncached(
        self, class_id: str, revision: Revision, default_timezone: str, anonymous: bool
    ) -> ClassData:
        if anonymous:
            from cohort_core.services.anonymizer import anonymise, load_key

            real = self._load_facts(class_id, revision, default_timezone, False)
            return anonymise(real, load_key(self.home))
        from cohort_core.store.class_data_loader import load_class_data

        return load_class_data(self.database, class_id, default_timezone)

    def _build_cohort_uncached(
        self,
        class_id: str,
        revision: Revision,
        default_timezone: str,
        anonymous: bool,
        as_of: date | datetime | pd.Timestamp | None,
        thresholds: Thresholds,
        group: str | None,
        type: str | None,
    ) -> Cohort:
        from cohort_core.metrics.cohort import build, of_group, of_type

        # A part is made from the whole that is kept, so that what is known of the class is known once.
        key = (class_id, revision, default_timezone, anonymous, as_of, thresholds)
        if type is not None:
            return of_type(self._build_cohort(*key, group, None), type)
        if group is not None:
            return of_group(self._build_cohort(*key, None, None), group)
        return build(self._load_facts(*key[:4]), as_of=as_of, thresholds=thresholds)

    # What the mentor has settled

    def settle(self, reference: str, student_id: str, kind: marked.Kind, until: date | None = None) -> None:
        """Leave a student out of triage: *done* until a day, or *exempt*. Takes pseudonymous ids as well."""
        class_id, real_id = self._student(reference, student_id)
        marked.save_hide(self.database, class_id, real_id, kind, until=until, now=utc_now())

    def unsettle(self, reference: str, student_id: str) -> None:
        """List a student again."""
        marked.remove_hide(self.database, *self._student(reference, student_id))

    def marks(self) -> list[marked.Hide]:
        """All that was settled, with real ids."""
        return marked.load_hides(self.database)

    def _student(self, reference: str, student_id: str) -> tuple[str, str]:
        class_id = classes.find_class(self.database, reference)
        ids = self._student_ids(class_id, student_id)
        # Whom a real id settles would be missing from the lists: that tells whose pseudonym was there.
        if ids is None or (self.is_anonymous() and student_id != ids[1]):
            raise BadInput(
                "The class has no student with this id. Choose one of its list.", parameter="student_id"
            )
        return class_id, ids[0]

    # Sync

    def claim_sync(
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
            patience=self._patience,
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
        job = self.claim_sync(references, asked_by=asked_by, full=full, accept_removals=accept_removals)
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
            return self.claim_sync(asked_by="schedule").run()

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

    def set_aside(self, reference: str | None = None, *, anonymous: bool = False) -> list[SetAside]:
        """Records that OpenClass sent in a form that cannot be used, of one class or all."""
        class_id = classes.find_class(self.database, reference) if reference else None
        records = sync_runs.load_quarantine(self.database, class_id)
        if not self.is_anonymous(anonymous):
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
