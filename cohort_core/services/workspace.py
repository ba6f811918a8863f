"""The workspace of one mentor, which dashboard, API and command line share.

All of them get the same cohort for the same selection, and start the same sync, so they cannot disagree.
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
from zoneinfo import ZoneInfo

from cohort_core import practice, sources
from cohort_core.caching import single_flight
from cohort_core.clock import utc_now
from cohort_core.config import credentials, settings
from cohort_core.config.paths import Home, file_version
from cohort_core.config.settings import Preferences
from cohort_core.errors import BadInput
from cohort_core.formatting import long_day
from cohort_core.services.cohorts import Cohorts
from cohort_core.services.message_worker import MessageWorker
from cohort_core.sources.base import Login, RetryPolicy
from cohort_core.store import classes, closing, hides, score_changes, sync_runs
from cohort_core.store.audit import add_event
from cohort_core.store.database import Database
from cohort_core.store.score_changes import ScoreChange
from cohort_core.store.sync_runs import Job
from cohort_core.sync import jobs, lock
from cohort_core.sync.scheduler import Plan, Schedule, parse_interval

if TYPE_CHECKING:
    from typing import Unpack

    from cohort_core.config.settings import Settings
    from cohort_core.practice.server import Running
    from cohort_core.services.set_aside import SetAsideRecord
    from cohort_core.store.hides import HideDetails


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
        self.messages = MessageWorker(self)
        self._resources.callback(self.cohorts.watcher.close)

    # Settings and connection

    def settings(self) -> settings.Settings:
        """Return the present settings, read again whenever the file has changed."""
        return self._load_settings(file_version(self.home.config))

    def _load_settings_uncached(self, _version: Hashable) -> Settings:
        return settings.load_settings(self.home)

    def is_connected(self) -> bool:
        """Return True if all settings that a login needs are present, apart from the password."""
        return not sources.source_class().info.missing_settings(self.settings())

    def preferences(self) -> Preferences:
        """Return the settings that can be changed while the program runs."""
        current = self.settings()
        return Preferences(
            timezone=current.timezone,
            sync_every=current.sync_every,
            anonymous=current.anonymous,
            mentor_name=current.mentor_name,
            message_names=current.message_names,
            student_page=current.student_page,
            student_notes=current.student_notes,
            thresholds=current.thresholds,
        )

    def change_preferences(self, wanted: Preferences, *, asked_by: str) -> None:
        """Save the preferences that are set in `wanted`; this process applies them at once.

        Values of the environment still take precedence. Raises ``BadInput``, and saves nothing, for an
        interval that cannot be used.
        """
        named = wanted.model_fields_set
        every = parse_interval(wanted.sync_every) if wanted.sync_every else None
        with settings.settings_lock(self.home):
            with self._audited_change(asked_by, ", ".join(sorted(named))):
                settings.save_preferences(self.home, wanted)
            if "sync_every" in named:
                self.stop_schedule()
                if every:
                    self.start_schedule(every)

    @contextmanager
    def _audited_change(self, asked_by: str, names: str) -> Iterator[None]:
        """Change settings within the transaction of their audit event.

        If the event cannot be written, nothing is changed.
        """
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
        asked_by: str,
    ) -> tuple[list[classes.ListedClass], str]:
        """Log in, list the classes, and only then save settings and password.

        Returns the classes, and the place of the password in words. If it raises an error, the settings have
        not changed.
        """
        chosen = settings.load_settings(
            self.home, api_base=api_base, app_id=app_id, origin=origin, email=email
        )
        source_type = sources.source_class()
        login = Login(source_type.info, chosen, password)
        with source_type(login, retry_policy=self._retry_policy) as source:
            source.log_in()
            listed = source.list_classes()
        if not self.database.exists:
            # Also where an earlier one is lost: whoever connects begins anew.
            self.database.migrate()
        classes.save_classes(self.database, listed)
        place = credentials.save_password(self.home, email, password)
        with self._audited_change(asked_by, "api_base, app_id, origin, email, password"):
            settings.save_settings(
                self.home,
                api_base=chosen.api_base,
                app_id=app_id,
                origin=chosen.origin,
                email=email,
                practice=practice or None,
                sync_rate=0.0 if practice else None,
            )
        # Last: classes of the former school are followed for as long as it is the one that is connected.
        classes.deactivate_unlisted(self.database, listed)
        return listed, place

    def refresh_classes(self) -> list[classes.ListedClass]:
        """Load and save the source's present list of classes.

        Raises what `Source.log_in` raises.
        """
        with sources.source_class()(sources.load_login(self.home), retry_policy=self._retry_policy) as source:
            listed = source.list_classes()
        classes.save_classes(self.database, listed)
        return listed

    def use_practice_school(self, *, asked_by: str) -> list[classes.ListedClass]:
        """Connect to a practice school that runs in this process, and import its rosters."""
        from cohort_core.imports.roster_files import import_practice_rosters

        listed = self.connect_to_practice(self.start_practice_school(), asked_by=asked_by)
        import_practice_rosters(self.database, self._practice_school().school)
        return listed

    def connect_to_practice(
        self, url: str, password: str = practice.PASSWORD, *, asked_by: str
    ) -> list[classes.ListedClass]:
        """Connect to a practice school that is served at this address."""
        listed, _place = self.connect(
            api_base=url,
            app_id=practice.APP_ID,
            origin=practice.ORIGIN,
            email=practice.EMAIL,
            password=password,
            practice=True,
            asked_by=asked_by,
        )
        return listed

    def start_practice_school(self) -> str:
        """Serve the practice school from this process, and return its address.

        It keeps its last port if possible.
        """
        return self._practice_school().url

    def _practice_school(self) -> Running:
        from cohort_core.practice.generated import PracticeSchool
        from cohort_core.practice.server import running

        if self._practice is None:
            current = self.settings()
            last_port = urlsplit(current.api_base).port if current.practice else None
            school = PracticeSchool(timezone=current.default_timezone)
            try:
                self._practice = self._resources.enter_context(running(school, port=last_port or 0))
            except BadInput:
                self._practice = self._resources.enter_context(running(school))
            if current.practice:
                settings.save_settings(self.home, api_base=self._practice.url)
        return self._practice

    # Classes and their cohorts

    def set_active(self, references: Sequence[str], *, active: bool) -> list[str]:
        """Activate or deactivate classes, and return their ids.

        A sync that names no class syncs the active ones. Raises ``UnknownClass``, and changes nothing then.
        """
        return classes.set_active(self.database, references, active=active)

    def last_sync(self) -> str | None:
        """Return the end of the latest successful sync of any class: UTC text, or None."""
        return classes.last_sync(self.database)

    def hide_student(
        self,
        reference: str,
        student_id: str,
        kind: hides.Kind,
        until: date | None = None,
        **details: Unpack[HideDetails],
    ) -> hides.Hide | None:
        """Hide a student from triage, as `store.hides.save_hide` does; return the hide that this replaces.

        Raises ``UnknownClass``, and ``BadInput`` for an unknown student or a missing day.
        """
        class_id = classes.find_class(self.database, reference)
        _shown, real_id = self.student_ids(class_id, student_id)
        return hides.save_hide(self.database, class_id, real_id, kind, until=until, now=utc_now(), **details)

    def show_again(self, reference: str, student_id: str, *, replaced: hides.Hide | None = None) -> None:
        """Show a hidden student in triage again, or hide them as before."""
        class_id = classes.find_class(self.database, reference)
        real_id = self.student_ids(class_id, student_id)[1]
        hides.remove_hide(self.database, class_id, real_id, replaced=replaced)

    def student_ids(self, class_id: str, student_id: str, parameter: str = "student_id") -> tuple[str, str]:
        """Return the id under which a student is shown, and the real one.

        In anonymous mode `student_id` must be a pseudonymous id; otherwise both kinds are accepted. Raises
        ``BadInput`` for an unknown student.
        """
        ids = self.cohorts.student_ids(class_id, student_id)
        is_anonymous = self.cohorts.is_anonymous()
        # In anonymous mode a real id is refused: its student would disappear from the list, which would
        # reveal their pseudonym.
        if ids is None or (is_anonymous and student_id != ids[1]):
            raise BadInput(
                "The class has no student with this id. Choose one of its list.", parameter=parameter
            )
        return ids[int(is_anonymous)], ids[0]

    # Closed classes, and the version of the score

    def erase_expired_contacts(self) -> None:
        """Erase contacts and notes of classes that were closed a year ago."""
        if self.database.exists:
            closing.erase_expired_contacts(self.database, utc_now())

    def close_class(
        self,
        reference: str,
        lost: Sequence[str] | None,
        closed_on: date | None,
        *,
        erases_contacts: bool = False,
    ) -> str:
        """Close a class on a day, by default today; return its id.

        Only counts of its bands are kept. `lost` are the ids of the students who were lost, by default those
        who are withdrawn on the roster; if nobody is, no counts are kept.
        In anonymous mode they must be pseudonymous ids. Raises ``UnknownClass``, and ``BadInput`` for an
        unknown student, a day that cannot be, or a class that was never synced or is closed already.
        """
        from cohort_core.metrics.closing import band_counts, first_day

        class_id = classes.find_class(self.database, reference)
        data = self.cohorts.class_data(class_id)
        if data.synced_at is None:
            raise BadInput("This class was never synced, so there is nothing to keep. Sync it first.")
        today = utc_now().astimezone(ZoneInfo(data.timezone)).date()
        closed_on = closed_on or today
        begun = first_day(data)
        if begun is not None and closed_on < begun:
            raise BadInput(
                f"The class began on {long_day(begun)}, so it cannot have ended before. Choose a later day.",
                parameter="closed_on",
            )
        if closed_on > today:
            raise BadInput("That day has not come yet. Choose one up to today.", parameter="closed_on")
        if lost is None:
            ids = set(data.students.loc[data.students["withdrawn_on"].notna(), "student_id"])
        else:
            real_ids = [self.student_ids(class_id, student_id, "lost")[1] for student_id in lost]
            ids = {self.cohorts.student_id_for(class_id, student_id) for student_id in real_ids}
        # Without an answer and without anybody withdrawn it is not clear who was lost, so nothing is counted.
        is_clear = bool(ids) or lost is not None
        counts = band_counts(data, {student_id for student_id in ids if student_id}, closed_on)
        closing.close_class(
            self.database,
            class_id,
            closed_on,
            [closing.BandCount(*row) for row in counts.itertuples(index=False) if is_clear],
            now=utc_now(),
            erases_contacts=erases_contacts,
        )
        return class_id

    def open_class(self, reference: str) -> str:
        """Open a closed class again, and remove its counts; return its id."""
        class_id = classes.find_class(self.database, reference)
        closing.open_class(self.database, class_id)
        return class_id

    def score_change(self) -> ScoreChange | None:
        """Return the version of the score that nobody has confirmed yet, or None."""
        change = score_changes.load_unseen(self.database) if self.database.exists else None
        return change if change is None or change.moved is not None else self.count_score_change()

    def count_score_change(self) -> ScoreChange | None:
        """Count the students whose band is another by the new version of the score.

        Students of open classes count. It is counted once, at the first start after the upgrade; later the
        result is None.
        """
        from cohort_core.metrics.risk import risk, risk_before_cap

        change = score_changes.load_unseen(self.database) if self.database.exists else None
        if change is None or change.moved is not None:
            return None
        moved = students = 0
        for status in self.cohorts.statuses(open_only=True):
            cohort = self.cohorts.cohort(status.id)
            before, after = risk_before_cap(cohort)["band"], risk(cohort)["band"]
            moved += int((before != after).sum())
            students += len(after)
        score_changes.save_moved(self.database, change.version, moved, students)
        return replace(change, moved=moved, students=students)

    # Sync

    def prepare_sync(
        self,
        references: Sequence[str] | None = None,
        *,
        asked_by: str,
        full: bool = False,
        accept_removals: bool = False,
    ) -> jobs.SyncJob:
        """Take the sync lock, log in, and return a sync that is ready to run.

        Without `references` it syncs the active classes. Raises ``SyncRunning``, ``NotConnected``,
        ``UnknownClass``, ``BadInput`` if no class is active, and what `Source.log_in` raises.
        """
        login = sources.load_login(self.home)
        class_ids = jobs.active_or_named(self.database, references)
        if not class_ids:
            raise BadInput(
                "No class is active and open, so there is nothing to sync. Choose classes on the page "
                "Classes. In a terminal, `cohort-tracker activate` does it.",
                parameter="class_id",
            )
        key = (login.settings.api_base, str(login.settings.email), login.password)
        job = jobs.SyncJob(
            self.database,
            login,
            class_ids,
            asked_by=asked_by,
            full=full,
            accept_removals=accept_removals,
            retry_policy=self._retry_policy,
            token=self._tokens.get(key),
        )
        job.on_end = self.messages.after_sync
        self.messages.before_sync()
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
        """Start a sync in the background, and return its id.

        Raises what `prepare_sync` raises.
        """
        job = self.prepare_sync(references, asked_by=asked_by, full=full, accept_removals=accept_removals)
        self._running = (job, job.start())
        return job.id

    def running_job(self) -> Job | None:
        """Return the sync that is running, in whatever process, or None."""
        return lock.running_job(self.database)

    def job(self, job_id: int) -> Job:
        """Return a sync by its id. Raises ``UnknownJob``."""
        return lock.load_job(self.database, job_id)

    def jobs(self, limit: int = 20) -> list[Job]:
        """Return the latest syncs, newest first."""
        return lock.load_jobs(self.database, limit)

    def start_schedule(self, every: timedelta) -> None:
        """Sync the active classes at an interval while this process runs."""

        def sync() -> Job:
            return self.prepare_sync(asked_by="schedule").run()

        self._schedule = Schedule(every, sync)
        self._schedule.start()

    def stop_schedule(self) -> None:
        """Start no more automatic syncs. A running one goes on to its end."""
        if self._schedule:
            self._schedule.stop()
        self._schedule = None

    @property
    def plan(self) -> Plan | None:
        """The next automatic sync of this process, None without a schedule."""
        return self._schedule.plan if self._schedule else None

    def set_aside(self, reference: str | None = None, *, anonymous: bool = False) -> list[SetAsideRecord]:
        """Load the records of OpenClass that cannot be used, of one class or all.

        Raises ``UnknownClass``.
        """
        from cohort_core.services.set_aside import load_set_aside

        class_id = classes.find_class(self.database, reference) if reference else None
        is_anonymous = self.cohorts.is_anonymous(anonymous)
        return load_set_aside(self.home, self.database, self.cohorts, class_id, anonymous=is_anonymous)

    def cancel_sync(self, job_id: int) -> None:
        """Ask a running sync, in whatever process, to stop before its next page."""
        sync_runs.request_cancel(self.database, job_id)

    def stop(self, seconds: float = 5.0) -> None:
        """Stop the schedule, the messages, the running sync and the practice school of this process.

        The sync gets so many seconds to end before its next page.
        """
        if self._schedule:
            self._schedule.stop()
        self.messages.stop()
        if self._running:
            job, thread = self._running
            job.stop()
            thread.join(seconds)
        self._resources.close()


@functools.cache
def shared_workspace() -> Workspace:
    """Return the workspace of this process, from the environment."""
    return Workspace(Home.from_environment())
