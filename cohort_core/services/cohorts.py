"""Class data and cohorts, cached by the revision of their class."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from cohort_core.caching import single_flight
from cohort_core.config.paths import Home
from cohort_core.services import hiding
from cohort_core.services.contact_frame import last_contacts
from cohort_core.store import classes, contacts, hides
from cohort_core.store.change_watcher import ChangeWatcher
from cohort_core.store.database import Database

if TYPE_CHECKING:
    import pandas as pd

    from cohort_core.config.settings import Settings
    from cohort_core.config.thresholds import Thresholds
    from cohort_core.metrics.cohort import Cohort
    from cohort_core.metrics.triage import ClassTriage
    from cohort_core.reports.catalog import Triage
    from cohort_core.reports.report import Report
    from cohort_core.store.class_data import ClassData

MAX_LOADED = 16
MAX_COHORTS = 32
"""Each with its computed metrics. A cohort of 100,000 records takes some 20 MB."""
MAX_CHANGES = 16
MAX_TRIAGES = 2048
"""The triage of a class takes some 20 kB."""
MAX_MERGED = 8
"""A list of the students of 500 classes takes some 3 MB."""


Revision = tuple[int, int]
"""The generation of the database (see `ChangeWatcher`) and the revision of a class in it."""


class Cohorts:
    """The classes of a home as cohorts. Safe to share between threads.

    Requests for the same selection get the same cohort, with every metric that was already computed.
    """

    def __init__(self, home: Home, database: Database, load_settings: Callable[[], Settings]) -> None:
        self.watcher = ChangeWatcher(database)
        self._home = home
        self._database = database
        self._settings = load_settings
        self._load_class_data = single_flight(self._load_class_data_uncached, MAX_LOADED, by_revision=True)
        self._build_cohort = single_flight(self._build_cohort_uncached, MAX_COHORTS, by_revision=True)
        self._find_changes = single_flight(self._find_changes_uncached, MAX_CHANGES, by_revision=True)
        self._pseudonyms = single_flight(self._pseudonyms_uncached, MAX_LOADED, by_revision=True)
        self._find_triage = single_flight(self._find_triage_uncached, MAX_TRIAGES, by_revision=True)
        self._merge_triage = single_flight(self._merge_triage_uncached, MAX_MERGED, by_revision=True)
        self._load_statuses = single_flight(self._load_statuses_uncached, 1)
        self._load_index = single_flight(self._load_index_uncached, 1)
        self._counted, self._counts = self.watcher.generation, classes.KeptCounts()

    def is_anonymous(self, requested: bool = False) -> bool:
        """Return True if people get pseudonyms, by request or by the settings."""
        return requested or self._settings().anonymous

    def statuses(self, *, active_only: bool = False, open_only: bool = False) -> list[classes.ClassStatus]:
        """Return the classes with their counts, as `load_statuses` sorts them."""
        statuses = self._load_statuses(self._moment())
        return classes.limited(statuses, active_only=active_only, open_only=open_only)

    def _load_statuses_uncached(self, _moment: Hashable) -> list[classes.ClassStatus]:
        if self._counted != self.watcher.generation:
            self._counted, self._counts = self.watcher.generation, {}
        return classes.load_statuses(self._database, kept=self._counts)

    def _is_closed(self, class_id: str) -> bool:
        return any(status.id == class_id and status.closed_on for status in self.statuses())

    def _moment(self) -> tuple[float, float]:
        """Return a value that grows whenever the store changes."""
        return self.watcher.poll() or (math.inf, time.monotonic_ns())

    def find_class(self, reference: str) -> str:
        """Return the id of a class, by id or friendly id. Raises ``UnknownClass``."""
        return self._load_index(self._moment()).find(reference)

    def _load_index_uncached(self, _moment: Hashable) -> classes.ClassIndex:
        return classes.load_index(self._database)

    def class_data(self, reference: str, *, anonymous: bool = False) -> ClassData:
        """Return the data of the class with this id or friendly id.

        With `anonymous`, or if the settings say so, people have pseudonyms. Raises ``UnknownClass``.
        """
        return self._current_class_data(reference, self.is_anonymous(anonymous))

    def real_class_data(self, reference: str) -> ClassData:
        """Return the data of a class with real names, also in anonymous mode.

        Show none of it.
        """
        return self._current_class_data(reference, False)

    def student_id_for(self, reference: str, student_id: str, *, anonymous: bool = False) -> str | None:
        """Return a student's id in the present mode, given the real or the pseudonymous one.

        None if the class has no such student. URLs need it when anonymous mode is switched on or off.
        """
        ids = self.student_ids(reference, student_id)
        return ids and ids[int(self.is_anonymous(anonymous))]

    def student_ids(self, reference: str, student_id: str) -> tuple[str, str] | None:
        """Return the real and the pseudonymous id of a student, given one of them."""
        class_id, revision, timezone = self._current(reference)
        pairs = self._pseudonyms(class_id, revision, timezone)
        # An id that no path can hold, such as "..", may arrive encoded once more.
        return pairs.get(student_id) or pairs.get(unquote(student_id))

    def id_pairs(self, reference: str) -> dict[str, tuple[str, str]]:
        """Return the real and the pseudonymous id of each student, by both."""
        return self._pseudonyms(*self._current(reference))

    def _pseudonyms_uncached(
        self, class_id: str, revision: Revision, default_timezone: str
    ) -> dict[str, tuple[str, str]]:
        from cohort_core.services.anonymizer import Pseudonyms, load_key

        pseudonyms = Pseudonyms(load_key(self._home))
        pairs = {}
        class_data = self._load_class_data(class_id, revision, default_timezone, False)
        for student_id in map(str, class_data.students["student_id"]):
            pseudonym = pseudonyms.student_id(student_id)
            pairs[student_id] = pairs[pseudonym] = (student_id, pseudonym)
        for old, now in class_data.aliases.items():
            pairs.setdefault(old, pairs[now])
            pairs.setdefault(pseudonyms.student_id(old), pairs[now])
        return pairs

    def cohort(
        self,
        reference: str,
        as_of: str | date | datetime | pd.Timestamp | None = None,
        group: str | None = None,
        type: str | None = None,
        *,
        anonymous: bool = False,
    ) -> Cohort:
        """Return a class at an instant, whole or limited to a group or assignment type.

        `as_of` defaults to the last sync. Equal arguments give the same object, with its computed metrics.
        Raises ``UnknownClass``, and ``BadInput`` for an instant, group or type that cannot be used.
        """
        data_key = (*self._current(reference), self.is_anonymous(anonymous))
        if isinstance(as_of, str):
            from cohort_core.timeutils import parse_as_of

            as_of = parse_as_of(as_of, self._load_class_data(*data_key).timezone)
        return self._build_cohort(*data_key, as_of, self._settings().thresholds, group, type)

    def class_triages(
        self,
        class_ids: Sequence[str],
        as_of: str | None = None,
        thresholds: Thresholds | None = None,
        *,
        anonymous: bool = False,
    ) -> list[ClassTriage]:
        """Return the part of each class in triage.

        Only those of changed classes are computed. `thresholds` default to those of the settings.
        """
        limits = thresholds or self._settings().thresholds
        is_anonymous = self.is_anonymous(anonymous)
        return [
            self._find_triage(*self._current(class_id), is_anonymous, as_of, limits) for class_id in class_ids
        ]

    def _find_triage_uncached(
        self,
        class_id: str,
        _revision: Revision,
        _timezone: str,
        anonymous: bool,
        as_of: str | None,
        thresholds: Thresholds,
    ) -> ClassTriage:
        from cohort_core.metrics.cohort import judged_by
        from cohort_core.metrics.triage import class_triage

        return class_triage(judged_by(self.cohort(class_id, as_of, anonymous=anonymous), thresholds))

    def triage(
        self,
        class_ids: Sequence[str],
        limit: int,
        as_of: str | None = None,
        thresholds: Thresholds | None = None,
        *,
        anonymous: bool = False,
        also_listed: str | None = None,
    ) -> Triage:
        """Return the students who need a mentor in these classes, without the hidden ones.

        `also_listed` is a student who is listed even if hidden.
        """
        settings = self._settings()
        limits, zone = thresholds or settings.thresholds, settings.default_timezone
        is_anonymous = self.is_anonymous(anonymous)
        return self._merge_triage(
            *("all classes", self._moment(), tuple(class_ids), limit, as_of, limits, zone, is_anonymous),
            also_listed,
        )

    def _merge_triage_uncached(
        self,
        _all_classes: str,
        _moment: Hashable,
        class_ids: tuple[str, ...],
        limit: int,
        as_of: str | None,
        thresholds: Thresholds,
        _timezone: str,
        anonymous: bool,
        also_listed: str | None,
    ) -> Triage:
        from cohort_core.reports import catalog

        parts = self.class_triages(class_ids, as_of, thresholds, anonymous=anonymous)
        hidden = self.hidden_students(parts, anonymous=anonymous) - {also_listed}
        written = last_contacts(parts, self.load_contacts(anonymous=anonymous))
        return catalog.triage_of(parts, limit, hidden, written)

    def hidden_students(self, parts: Sequence[ClassTriage], *, anonymous: bool = False) -> set[str]:
        """Return the ids of the students who are hidden in these classes."""
        return hiding.hidden_students(parts, self.load_hides(anonymous=anonymous))

    def load_hides(self, *, anonymous: bool = False) -> list[hides.Hide]:
        """Load all hides, with the ids under which students are shown."""
        loaded = hides.load_hides(self._database)
        if not loaded or not self.is_anonymous(anonymous):
            return loaded
        from cohort_core.services.anonymizer import Pseudonyms, load_key

        pseudonyms = Pseudonyms(load_key(self._home))
        return [replace(hide, student_id=pseudonyms.student_id(hide.student_id)) for hide in loaded]

    def load_contacts(
        self, class_id: str | None = None, student_id: str | None = None, *, anonymous: bool = False
    ) -> list[contacts.Contact]:
        """Load the contacts of all classes, a class or a student, newest first.

        The student is named by the real id. With pseudonyms they have no notes.
        """
        if not self._database.exists:
            return []
        with self._database.reading() as connection:
            loaded = contacts.load_contacts(connection, class_id, student_id)
        if not loaded or not self.is_anonymous(anonymous):
            return loaded
        from cohort_core.services.anonymizer import Pseudonyms, load_key

        pseudonyms = Pseudonyms(load_key(self._home))
        return [
            replace(item, student_id=pseudonyms.student_id(item.student_id), note=None) for item in loaded
        ]

    def changes(
        self,
        reference: str,
        since: str | None = None,
        until: str | None = None,
        group: str | None = None,
        *,
        anonymous: bool = False,
    ) -> Report:
        """Return the changes of a class after `since` and up to `until`.

        `since` defaults to the end of the sync before the last, of a closed class to that of the last;
        `until` defaults to the last sync. Both are read as
        by `timeutils.parse_as_of`, except that a date as `since` is its first instant. Raises
        ``UnknownClass``, and ``BadInput`` for an instant or group that cannot be used.
        """
        from cohort_core.store.changes import load_sync_ends
        from cohort_core.timeutils import parse_as_of, parse_from

        data_key = (*self._current(reference), self.is_anonymous(anonymous))
        class_data = self._load_class_data(*data_key)
        moment = None if until is None else parse_as_of(until, class_data.timezone, "until")
        ends = load_sync_ends(self._database, class_data.class_id, limit=2)
        start = ends[1] if len(ends) > 1 else None
        if self._is_closed(class_data.class_id):
            # There is no news of a closed class, only what is asked for.
            start = ends[0] if ends else None
        if since is not None:
            start = parse_from(since, class_data.timezone, "since")
        return self._find_changes(*data_key, start, moment, self._settings().thresholds, group)

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

        log = load_log(self._database, class_id)
        if anonymous:
            from cohort_core.services.anonymizer import anonymise_log, load_key

            log = anonymise_log(log, load_key(self._home))
        start, end = (
            self._build_cohort(class_id, revision, timezone, anonymous, moment, thresholds, group, None)
            for moment in (since or until, until)
        )
        return catalog.changes(end.class_data, log, start, end)

    def _current(self, reference: str) -> tuple[str, Revision, str]:
        """Return the cache key of class data: class id, revision and default time zone."""
        index = self._load_index(self._moment())
        class_id = index.find(reference)
        revision = self.watcher.generation, index.revisions[class_id]
        return class_id, revision, self._settings().default_timezone

    def _current_class_data(self, reference: str, anonymous: bool) -> ClassData:
        return self._load_class_data(*self._current(reference), anonymous)

    def _load_class_data_uncached(
        self, class_id: str, revision: Revision, default_timezone: str, anonymous: bool
    ) -> ClassData:
        if anonymous:
            from cohort_core.services.anonymizer import anonymise, load_key

            real = self._load_class_data(class_id, revision, default_timezone, False)
            return anonymise(real, load_key(self._home))
        from cohort_core.store.class_data_loader import load_class_data

        return load_class_data(self._database, class_id, default_timezone)

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

        # A part is made from the cached whole, so that metrics of the whole class are computed once.
        key = (class_id, revision, default_timezone, anonymous, as_of, thresholds)
        if type is not None:
            return of_type(self._build_cohort(*key, group, None), type)
        if group is not None:
            return of_group(self._build_cohort(*key, None, None), group)
        return build(self._load_class_data(*key[:4]), as_of=as_of, thresholds=thresholds)
