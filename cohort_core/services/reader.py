"""Reading: the data that a principal may see, with names or with pseudonyms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cohort_core.clock import utc_now
from cohort_core.errors import BadInput
from cohort_core.services import director_pages
from cohort_core.services.arrangement import OwnArrangement
from cohort_core.services.contact_frame import contact_frame
from cohort_core.services.director_pages import DirectorPage
from cohort_core.services.drafts import Draft, present_drafts
from cohort_core.services.principal import Principal
from cohort_core.services.sync_reader import SyncReader
from cohort_core.services.workspace import Workspace
from cohort_core.store import classes, closing, hides
from cohort_core.store.audit import load_details, save_event
from cohort_core.store.contacts import count_kept
from cohort_core.store.drafts import load_drafts
from cohort_core.store.handover import HandoverNote, load_handover_notes
from cohort_core.store.help_requests import HelpRequest, load_requests
from cohort_core.store.roster import Mentor, load_mentors
from cohort_core.store.student_links import StudentLink, load_links
from cohort_core.store.sync_runs import load_last_sync
from cohort_core.sync.scheduler import Plan

if TYPE_CHECKING:
    import pandas as pd

    from cohort_core.config.thresholds import Thresholds
    from cohort_core.metrics.class_night import ClassNight
    from cohort_core.metrics.cohort import Cohort
    from cohort_core.metrics.triage import ClassTriage
    from cohort_core.notify.digest import Digest
    from cohort_core.reports.band_meaning import Meanings
    from cohort_core.reports.catalog import Triage
    from cohort_core.reports.report import Report
    from cohort_core.services.set_aside import SetAsideRecord
    from cohort_core.store.class_data import ClassData
    from cohort_core.store.closing import BandTotal
    from cohort_core.store.contacts import Contact
    from cohort_core.store.score_changes import ScoreChange


@dataclass(frozen=True)
class Reader(SyncReader):
    """The data that a principal may see, with names or with pseudonyms.

    Pages, API and command line read through this alone, so that none of them can show names in anonymous
    mode or a class that may not be seen. Other classes are treated as if they did not exist: every method
    that takes a class raises ``UnknownClass`` for them.
    """

    _workspace: Workspace = field(repr=False)
    principal: Principal
    anonymous: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "_database", self._workspace.database)

    # Classes and their reports

    def find_class(self, reference: str) -> str:
        """Return the id of a class by its id or friendly id. Raises ``UnknownClass``."""
        if self.principal.class_ids is None:
            return self._workspace.cohorts.find_class(reference)
        return classes.find_class(self._database, reference, among=self.principal.class_ids)

    def _load_statuses(self) -> list[classes.ClassStatus]:
        return self._workspace.cohorts.statuses()

    def last_sync_before(self, reference: str, moment: datetime) -> str | None:
        """Return the end of the last good sync until an instant: UTC text or None."""
        return load_last_sync(self._workspace.database, self.find_class(reference), moment)

    def count_students(self) -> int:
        """Count the students with records in the classes that may be seen, each once."""
        return classes.count_students(self._database, [status.id for status in self.statuses()])

    def mentors(self) -> list[Mentor]:
        """Return the mentors of the last import by name; numbered in anonymous mode."""
        mentors = load_mentors(self._database)
        if not self.anonymous:
            return mentors
        return [replace(mentor, name=f"Mentor {number}") for number, mentor in enumerate(mentors, 1)]

    def class_data(self, reference: str) -> ClassData:
        """Return the data of a class."""
        return self._workspace.cohorts.class_data(self.find_class(reference), anonymous=self.anonymous)

    def cohort(
        self,
        reference: str,
        as_of: str | date | datetime | pd.Timestamp | None = None,
        group: str | None = None,
        type: str | None = None,
    ) -> Cohort:
        """Return a class at an instant, as `Cohorts.cohort` does."""
        reference = self.find_class(reference)
        return self._workspace.cohorts.cohort(reference, as_of, group, type, anonymous=self.anonymous)

    def changes(
        self, reference: str, since: str | None = None, until: str | None = None, group: str | None = None
    ) -> Report:
        """Return the changes of a class, as `Cohorts.changes` does."""
        reference = self.find_class(reference)
        return self._workspace.cohorts.changes(reference, since, until, group, anonymous=self.anonymous)

    def student_id_for(self, reference: str, student_id: str) -> str | None:
        """Return the id under which this reader shows a student.

        `student_id` is the real or the pseudonymous id. A principal who never sees names gets none for a real
        id, as that would say whose pseudonym it is.
        """
        reference = self.find_class(reference)
        shown = self._workspace.cohorts.student_id_for(reference, student_id, anonymous=self.anonymous)
        return shown if self.principal.may_see_names or shown == student_id else None

    def present_student_id(self, reference: str, student_id: str) -> str:
        """Return the present id of a student, given any that they had.

        Unknown ids are returned as they are. Who was only on the roster gets the id of OpenClass with their
        first record.
        """
        return self.class_data(reference).aliases.get(student_id, student_id)

    def quarantined(self, reference: str | None = None) -> list[SetAsideRecord]:
        """Return the records that cannot be used, of one class or all."""
        class_id = self.find_class(reference) if reference else None
        records = self._workspace.set_aside(class_id, anonymous=self.anonymous)
        return [record for record in records if self.principal.may_see(record.class_id)]

    def load_hides(self) -> list[hides.Hide]:
        """Load the hides of visible classes, with the ids that this reader shows."""
        hides = self._workspace.cohorts.load_hides(anonymous=self.anonymous)
        return [hide for hide in hides if self.principal.may_see(hide.class_id)]

    def record_export(self, action: str, detail: str) -> None:
        """Write into the audit that a file with data of students was handed out."""
        save_event(self._database, self.principal.who, action, detail)

    # Settings that say how to read

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds of the settings."""
        return self._workspace.settings().thresholds

    @property
    def is_always_anonymous(self) -> bool:
        """True if the settings or the role of the principal ask for pseudonyms everywhere."""
        return self._workspace.cohorts.is_anonymous(not self.principal.may_see_names)

    def is_connected(self) -> bool:
        """Return True if there is a school to sync from."""
        return self._workspace.is_connected()

    @property
    def visits_file(self) -> Path:
        """The file that holds when the person, or without accounts anybody, looked at a page."""
        return self._workspace.home.visits_of(self.principal.account_id)

    # Syncs

    @property
    def plan(self) -> Plan | None:
        """The next automatic sync of this process, None without a schedule."""
        return self._workspace.plan

    def sync_ends(self, reference: str, limit: int) -> list[pd.Timestamp]:
        """Return the ends of the latest successful syncs of a class, newest first."""
        from cohort_core.store.changes import load_sync_ends

        return load_sync_ends(self._database, self.find_class(reference), limit=limit)

    # Triage

    def triage(
        self,
        limit: int | None = None,
        as_of: str | None = None,
        thresholds: Thresholds | None = None,
        class_ids: Sequence[str] | None = None,
        also_listed: str | None = None,
    ) -> Triage:
        """Return the students of open classes who need the mentor.

        Hidden students are left out, but for `also_listed`. `class_ids` limits it to some of the classes.
        `limit` defaults to the threshold `triage_length`, `thresholds` to those of the settings.
        """
        limits = thresholds or self.thresholds
        max_entries = limits.triage_length if limit is None else limit
        return self._workspace.cohorts.triage(
            self._open(class_ids),
            max_entries,
            as_of,
            limits,
            anonymous=self.anonymous,
            also_listed=also_listed,
        )

    def class_triages(self, as_of: str | None = None, *, closed: bool = False) -> list[ClassTriage]:
        """Return the part of each open class in triage, hidden students included.

        With `closed`, of each closed class that is followed as well.
        """
        ids = [status.id for status in self.statuses(active_only=True)] if closed else self._open()
        return self._workspace.cohorts.class_triages(ids, as_of, anonymous=self.anonymous)

    def hidden_students(self, cohort: Cohort) -> set[str]:
        """Return the ids of the students of a class who are hidden from triage."""
        from cohort_core.metrics.triage import class_triage

        self.find_class(cohort.class_data.class_id)
        part = class_triage(cohort.classwide)
        return self._workspace.cohorts.hidden_students([part], anonymous=self.anonymous)

    def class_triage(self, reference: str) -> ClassTriage:
        """Return the part of one class in triage at its last sync, hidden students included."""
        class_id = self.find_class(reference)
        (part,) = self._workspace.cohorts.class_triages([class_id], anonymous=self.anonymous)
        return part

    def contacts(self, reference: str | None = None, student_id: str | None = None) -> list[Contact]:
        """Return the contacts of visible classes, of one class or one student; newest first.

        `student_id` needs a class. With pseudonyms, or for a principal who may only read, there are no
        notes. Raises ``BadInput`` for a student who is not in the class.
        """
        class_id = None if reference is None else self.find_class(reference)
        real_id = None
        if class_id is not None and student_id is not None:
            real_id = self.real_student_id(class_id, student_id)
        loaded = self._workspace.cohorts.load_contacts(class_id, real_id, anonymous=self.anonymous)
        seen = [contact for contact in loaded if self.principal.may_see(contact.class_id)]
        return seen if self.principal.may_act else [replace(contact, note=None) for contact in seen]

    def count_contacts(self, reference: str) -> int:
        """Count all that is kept of contacts with students of a class, handover notes included."""
        class_id = self.find_class(reference)
        with self._workspace.database.reading() as connection:
            return count_kept(connection, class_id)

    @property
    def has_student_pages(self) -> bool:
        """True if an administrator switched the page of students on."""
        return self._workspace.settings().student_page

    def student_links(self, reference: str) -> list[StudentLink]:
        """Return the links to students' own pages of a class, newest first."""
        class_id = self.find_class(reference)
        with self._database.reading() as connection:
            links = load_links(connection, class_id)
        return [replace(link, student_id=self._shown_id(class_id, link.student_id)) for link in links]

    def help_requests(self, reference: str | None = None) -> list[HelpRequest]:
        """Return the requests for help of a class, or of all open classes, newest first.

        Nobody reads the texts with pseudonyms, as they may name people, nor does a principal who may only
        read.
        """
        class_ids = self._open() if reference is None else [self.find_class(reference)]
        with self._database.reading() as connection:
            loaded = load_requests(connection, class_id=class_ids[0] if reference else None)
        has_text = self.principal.may_act and not self.anonymous
        return [
            replace(
                item,
                student_id=self._shown_id(item.class_id, item.student_id),
                text=item.text if has_text else None,
            )
            for item in loaded
            if item.class_id in class_ids
        ]

    def _shown_id(self, class_id: str, real_id: str) -> str:
        ids = self._workspace.cohorts.student_ids(class_id, real_id)
        # Somebody without records or a line any more; the real id would name them.
        return ids[int(self.anonymous)] if ids else "" if self.anonymous else real_id

    def contact_frame(self, reference: str) -> pd.DataFrame:
        """Return the contacts with students of a class as the metrics take them."""
        return contact_frame(self.contacts(reference))

    def class_night(
        self, reference: str, as_of: str | None = None, group: str | None = None
    ) -> tuple[Cohort, ClassNight]:
        """Return a class or group at an instant, and the sheet of its class night."""
        from cohort_core.metrics.class_night import class_night

        cohort = self.cohort(reference, as_of, group)
        return cohort, class_night(cohort, self.contact_frame(reference), self.hidden_students(cohort))

    def drafts(self) -> dict[str, Draft]:
        """Return the present draft of a message for each kind."""
        return present_drafts(load_drafts(self._workspace.database))

    @property
    def mentor_name(self) -> str | None:
        """The name below messages; None without the setting, and with pseudonyms.

        With accounts it is the person's own: nobody signs with the name of another.
        """
        if self.anonymous:
            return None
        if self.principal.account_id is not None:
            return self.principal.signs_as
        return self._workspace.settings().mentor_name

    @property
    def signature(self) -> str | None:
        """The sign-off that the person chose, and their name: the end of a message."""
        name = self.mentor_name
        if self.anonymous:
            return None
        sign_off = OwnArrangement(self._workspace, self.principal).load().sign_off
        return "\n".join(filter(None, [sign_off, name])) or None

    def director_page(
        self, reference: str, since: str | None = None, as_of: str | None = None, group: str | None = None
    ) -> DirectorPage:
        """Return what the page for a programme director says.

        `since` defaults to the page before this day's. Raises ``BadInput`` for instants in the wrong order.
        """
        from cohort_core.reports import catalog
        from cohort_core.timeutils import parse_from

        after = self.cohort(reference, as_of, group)
        last = director_pages.find_last(load_details(self._workspace.database, director_pages.ACTION), after)
        moment = last or director_pages.first_since(after)
        if since is not None:
            moment = parse_from(since, after.class_data.timezone, "since")
        if moment >= after.as_of:
            raise BadInput("The page would cover no time. Choose an earlier start.", parameter="since")
        before = self.cohort(reference, moment, group)
        contacts = self.contact_frame(reference)
        return DirectorPage(
            before,
            after,
            catalog.director(before, after, contacts),
            self.changes(reference, moment.isoformat(), as_of, group),
            contacts,
            is_first=last is None and since is None,
        )

    def record_director_page(self, cohort: Cohort) -> None:
        """Write into the audit that a director's page was handed out.

        The next one begins there. A page for a person who may only read counts as an export alone.
        """
        if self.principal.may_act:
            self.record_export(director_pages.ACTION, director_pages.describe(cohort))

    def handover_notes(self, reference: str) -> list[HandoverNote]:
        """Return the handover notes of a class.

        There are none with pseudonyms, as they may name people, nor for a principal who may only read.
        """
        class_id = self.find_class(reference)
        if self.anonymous or not self.principal.may_act:
            return []
        with self._database.reading() as connection:
            return load_handover_notes(connection, class_id)

    def holding_hides(self, cohort: Cohort) -> list[hides.Hide]:
        """Return the hides of a class that hold at the instant of a cohort."""
        from cohort_core.metrics.triage import class_triage
        from cohort_core.services.hiding import holds

        part = class_triage(cohort.classwide)
        return [hide for hide in self.load_hides() if hide.class_id == part.class_id and holds(hide, part)]

    def real_student_id(self, reference: str, student_id: str) -> str:
        """Return the real id of a student, given the one that this reader shows.

        Raises ``BadInput`` for any other id: with pseudonyms a real one would reveal whose pseudonym it is.
        """
        class_data = self.class_data(reference)
        student_id = class_data.aliases.get(student_id, student_id)
        ids = self._workspace.cohorts.student_ids(class_data.class_id, student_id)
        if ids is None or student_id != ids[int(self.anonymous)]:
            raise BadInput(
                "The class has no student with this id. Choose one of its list.", parameter="student_id"
            )
        return ids[0]

    def digest(self) -> Digest:
        """Return what a digest says now, with the names that this reader shows."""
        from zoneinfo import ZoneInfo

        from cohort_core.services.digests import make_digest

        settings = self._workspace.settings()
        return make_digest(
            self,
            "pseudonym" if self.anonymous else "full",
            now=utc_now(),
            zone=ZoneInfo(settings.default_timezone),
            public_url=settings.public_url,
        ).digest

    def real_ids(self, reference: str) -> Mapping[str, str]:
        """Return the real ids of students, by the ids that this reader shows."""
        pairs = self._workspace.cohorts.id_pairs(self.find_class(reference))
        return {pair[int(self.anonymous)]: pair[0] for pair in pairs.values()}

    def pseudonym_of(self, reference: str, student_id: str) -> str:
        """Return the pseudonymous id of a student, given the one that this reader shows."""
        ids = self._workspace.cohorts.student_ids(self.find_class(reference), student_id)
        return student_id if ids is None else ids[1]

    def _open(self, class_ids: Sequence[str] | None = None) -> list[str]:
        return [
            status.id
            for status in self.statuses(open_only=True)
            if class_ids is None or status.id in class_ids
        ]

    def report(
        self,
        name: str,
        reference: str,
        *,
        as_of: str | None = None,
        group: str | None = None,
        type: str | None = None,
        **more: str | None,
    ) -> Report:
        """Return a report about one class by its name, such as student-health.

        `more` are the parameters of some reports alone: student_id, assignment_id, since. Raises BadInput
        for an unknown report, for a parameter that it does not take, and for one that is missing.
        """
        from cohort_core.reports.catalog import find_report

        spec = find_report(name)
        given = {
            key: value
            for key, value in {"as_of": as_of, "group": group, "type": type, **more}.items()
            if value is not None
        }
        for key in given.keys() - spec.parameters:
            raise BadInput(f"{name} cannot be asked by {key}. Leave it out.", parameter=key)
        for key in spec.required:
            if key not in given:
                raise BadInput(f"{name} is about one of many. Say which by {key}.", parameter=key)
        if spec.scope == "periods":
            return self.director_page(reference, more.get("since"), as_of, group).figures
        if spec.scope == "span":
            return self.changes(reference, more.get("since"), as_of, group)
        if "student_id" in given:
            given["student_id"] = self.present_student_id(reference, given["student_id"])
        if spec.scope == "data":
            return spec.function(self.class_data(reference), **given)
        if spec.scope == "contacts":
            frame = self.contact_frame(reference)
            return spec.function(self.cohort(reference, as_of, group), frame)
        selection = (given.pop(key, None) for key in ("as_of", "group", "type"))
        return spec.function(self.cohort(reference, *selection), **given)

    # What may be said about risk bands

    def risk_bands(self) -> Report:
        """Return the risk bands with their meaning, as `band_meaning.risk_bands` does."""
        from cohort_core.reports import band_meaning

        return band_meaning.risk_bands(self._band_totals(), self.thresholds)

    def band_meanings(self) -> Meanings:
        """Return the sentences that may be said about the students of each band."""
        from cohort_core.reports import band_meaning

        return band_meaning.meanings(self._band_totals(), self.thresholds)

    def _band_totals(self) -> list[BandTotal]:
        database = self._database
        return closing.load_band_totals(database, self.principal.class_ids) if database.exists else []

    def lost_by_roster(self, reference: str) -> list[str]:
        """Return the ids of the students who are withdrawn on the roster."""
        students = self.class_data(reference).students
        return list(students.loc[students["withdrawn_on"].notna(), "student_id"])

    def first_day(self, reference: str) -> date | None:
        """Return the local day on which a class began, None if that is not clear."""
        from cohort_core.metrics.closing import first_day

        return first_day(self.class_data(reference))

    def has_band_counts(self, reference: str) -> bool:
        """Return True if counts of lost students are kept of a closed class."""
        return bool(closing.load_band_totals(self._workspace.database, [self.find_class(reference)]))

    def score_change(self) -> ScoreChange | None:
        """Return the version of the risk score that nobody has confirmed yet, or None."""
        return self._workspace.score_change()
