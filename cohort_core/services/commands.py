"""Commands: the actions that a principal may take. Each writes its own audit line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cohort_core.clock import utc_now
from cohort_core.config import credentials
from cohort_core.config.paths import Home
from cohort_core.config.settings import Preferences, merge_preferences, set_by_environment, settings_lock
from cohort_core.errors import BadInput, NotAllowed, SyncRunning
from cohort_core.services.drafts import Draft
from cohort_core.services.principal import Principal
from cohort_core.services.reader import Reader
from cohort_core.services.subject import Noted, Subject
from cohort_core.services.workspace import Workspace
from cohort_core.sources import source_class
from cohort_core.store import (
    audit,
    classes,
    contacts,
    drafts,
    handover,
    hides,
    maintenance,
    roster,
    score_changes,
    tokens,
)
from cohort_core.store.classes import ClassStatus
from cohort_core.store.database import utc_text
from cohort_core.store.hides import Kind, Reason
from cohort_core.store.sync_runs import Job, unknown_job

if TYPE_CHECKING:
    from cohort_core.config.settings import Settings
    from cohort_core.imports.roster_files import MentorsPlan, ReadingChoices
    from cohort_core.imports.roster_plan import Choices, RosterPlan
    from cohort_core.imports.rust_tool import ImportResult
    from cohort_core.services.folder import Finding
    from cohort_core.sources.base import KnownSchool
    from cohort_core.store.purge import Purged
    from cohort_core.store.records import Student
    from cohort_core.store.roster_imports import EarlierRoster
    from cohort_core.store.tokens import Token
    from cohort_core.sync.jobs import SyncJob

CONTACT_HIDES_DAYS = 7
MAX_HIDE_DAYS = 366


@dataclass(frozen=True)
class Commands:
    """The daily actions of a mentor, within the classes that may be seen."""

    _workspace: Workspace = field(repr=False)
    principal: Principal

    def __post_init__(self) -> None:
        """Raise ``NotAllowed`` for a principal that may only read."""
        if not self.principal.may_act:
            raise NotAllowed("This takes the role mentor. Ask an administrator for it.")

    def hide_student(
        self,
        reference: str,
        student_id: str,
        kind: Kind,
        until: date | None = None,
        *,
        until_active: bool = False,
        wrong: bool = False,
    ) -> None:
        """Hide a student from triage: *done* until a day or `until_active`, or *exempt* for good.

        `wrong` says that the student was wrongly listed. Raises ``BadInput`` for an unknown student, or a day
        that has come already.
        """
        if until is not None and until <= self._reader.cohort(reference).local_date:
            raise BadInput("That day has come already. Choose a later one.", parameter="until")
        reason: Reason | None = "until_active" if until_active else "wrong" if wrong else None
        subject = self._subject(reference, student_id)
        self._workspace.hide_student(
            *(subject.class_id, subject.shown_id, kind, until),
            reason=reason,
            entry_kind=subject.kind,
            entry_level=subject.level,
            who=self._who,
        )
        how = f" until {until}" if until else f" ({reason.replace('_', ' ')})" if reason else ""
        self._audit("hide", f"class {subject.class_id}, {kind}{how}")

    def add_contact(
        self,
        reference: str,
        student_id: str,
        channel: str,
        *,
        kind: str | None = None,
        assignment_id: str | None = None,
        template: str | None = None,
        note: str | None = None,
        hide_days: int = CONTACT_HIDES_DAYS,
    ) -> Noted:
        """Note that a student was written or talked to, and hide the student for `hide_days`.

        `kind` defaults to the triage entry of the student. The same contact within ten minutes is noted once.
        A longer hide stays. Raises ``BadInput`` for an unknown student or channel, for a kind that does not
        exist, for an assignment that the class does not have, and for a note that is too long.
        """
        note = (note or "").strip() or None
        contacts.check_contact(channel, note)
        if not 0 <= hide_days <= MAX_HIDE_DAYS:
            raise BadInput(f"Hide for 0 to {MAX_HIDE_DAYS} days.", parameter="hide_days")
        subject = self._subject(reference, student_id)
        entry = subject.entry_of(kind)
        if assignment_id is None and entry is not None:
            assignment_id = entry.assignment_id
        elif assignment_id is not None:
            self._check_assignment(reference, assignment_id)
        contact = contacts.Contact(
            *(0, subject.class_id, subject.student_id, "", self._who, channel),
            kind=kind if entry is None else entry.kind,
            assignment_id=assignment_id,
            template=template,
            days=None if entry is None else entry.days,
            note=note,
        )
        now, until = utc_now(), None
        with self._workspace.database.writing() as connection:
            kept, is_new = contacts.add_contact(connection, contact, now)
            until_day = subject.day_after(now, hide_days)
            if is_new and hide_days:
                hide = hides.Hide(
                    *(subject.class_id, subject.student_id, "done", until_day, kept.at),
                    entry_kind=subject.kind,
                    entry_level=subject.level,
                    who=self._who,
                    contact_id=kept.id,
                )
                hides.hide_by_contact(connection, hide, holds=subject.is_hidden_by)
            if is_new:
                audit.add_event(
                    connection, self.principal.who, "contact", f"class {subject.class_id}, {channel}"
                )
            present = hides.load_hide(connection, subject.class_id, subject.student_id)
        if present is not None and subject.is_hidden_by(present):
            until = present.until
        return Noted(self._as_shown(kept, subject), until, is_new)

    def delete_contact(self, reference: str, student_id: str, contact_id: int) -> None:
        """Delete a contact with its note, and bring back the hide of before it.

        Raises ``BadInput`` if the student has no such contact.
        """
        subject = self._subject(reference, student_id)
        with self._workspace.database.writing() as connection:
            contacts.delete_contact(connection, subject.class_id, subject.student_id, contact_id, utc_now())
            hides.undo_hide_by_contact(connection, subject.class_id, subject.student_id, contact_id)
            audit.add_event(connection, self.principal.who, "contact deleted", f"class {subject.class_id}")

    def save_handover_note(
        self,
        reference: str,
        question: str,
        text: str,
        *,
        student_id: str | None = None,
        group: str | None = None,
    ) -> None:
        """Keep an answer for the handover; an empty text removes it.

        It is about a student, a group or the class. Raises ``BadInput`` for an unknown question, student or
        group, and for a text that is too long.
        """
        if student_id is not None and group is not None:
            raise BadInput("A note is about a student or a group. Name one of them.", parameter="group")
        class_id, group_id, real_id = self._reader.find_class(reference), None, None
        if student_id is not None:
            real_id = self._subject(reference, student_id).student_id
        if group is not None:
            group_id = self._group_id(reference, group)
        note = handover.HandoverNote(class_id, group_id, real_id, question, text.strip(), self._who, "")
        with self._workspace.database.writing() as connection:
            handover.save_handover_note(connection, note, utc_now())
            audit.add_event(connection, self.principal.who, "handover note", f"class {class_id}, {question}")

    def _group_id(self, reference: str, group: str) -> str:
        from cohort_core.metrics.groups import group_id, labels_of_group

        kind, label = labels_of_group(self._reader.class_data(reference), group)[0]
        return group_id(kind, label)

    def _subject(self, reference: str, student_id: str) -> Subject:
        class_id = self._reader.find_class(reference)
        present = self._reader.present_student_id(class_id, student_id)
        shown_id, real_id = self._workspace.student_ids(class_id, present)
        return Subject(
            class_id,
            real_id,
            shown_id,
            self._reader.class_triage(class_id),
            self._reader.class_data(class_id).timezone,
        )

    def _check_assignment(self, reference: str, assignment_id: str) -> None:
        if assignment_id not in set(self._reader.class_data(reference).assignments["assignment_id"]):
            raise BadInput("The class has no assignment with this id.", parameter="assignment_id")

    def _as_shown(self, contact: contacts.Contact, subject: Subject) -> contacts.Contact:
        if not self._workspace.cohorts.is_anonymous():
            return contact
        return replace(contact, student_id=subject.shown_id, note=None)

    @property
    def _who(self) -> str:
        """The actor, as contacts and hides keep it: dashboard, cli, api or token:NAME."""
        return self.principal.who.replace("token ", "token:", 1)

    def show_again(self, reference: str, student_id: str) -> None:
        """Show a hidden student in triage again."""
        subject = self._subject(reference, student_id)
        self._workspace.show_again(subject.class_id, subject.shown_id)
        self._audit("show again", f"class {subject.class_id}")

    def close_class(
        self,
        reference: str,
        lost: Sequence[str] | None = None,
        closed_on: date | None = None,
        *,
        erases_contacts: bool = False,
    ) -> ClassStatus:
        """Close a class: it is not synced automatically any more, and leaves triage. See `Workspace`.

        A mentor of the class may do it, since nobody else can say who was lost. Contacts and handover notes
        stay for a year, unless `erases_contacts`. The audit names no student.
        """
        class_id = self._workspace.close_class(
            self._reader.find_class(reference), lost, closed_on, erases_contacts=erases_contacts
        )
        self._audit("close", f"class {class_id}{', contacts erased' if erases_contacts else ''}")
        return self._status(class_id)

    def open_class(self, reference: str) -> ClassStatus:
        """Open a closed class again. The counts that its closing kept are removed."""
        class_id = self._workspace.open_class(self._reader.find_class(reference))
        self._audit("open", f"class {class_id}")
        return self._status(class_id)

    def _status(self, class_id: str) -> ClassStatus:
        return next(status for status in self._reader.statuses() if status.id == class_id)

    def confirm_score_change(self) -> None:
        """Note that the new version of the risk score was read about."""
        score_changes.mark_seen(self._workspace.database, utc_now())

    def prepare_sync(
        self, references: Sequence[str] | None = None, *, full: bool = False, accept_removals: bool = False
    ) -> SyncJob:
        """Return a sync that is logged in and ready to run. See `Workspace.prepare_sync`."""
        return self._workspace.prepare_sync(
            self._find_classes(references),
            asked_by=self.principal.interface,
            full=full,
            accept_removals=accept_removals,
        )

    def start_sync(
        self, references: Sequence[str] | None = None, *, full: bool = False, accept_removals: bool = False
    ) -> Job:
        """Start a sync of these classes, or of the active ones that may be seen.

        Raises ``SyncRunning``, which names the running sync only to those who may see it, and others.
        """
        try:
            job_id = self._workspace.start_sync(
                self._find_classes(references),
                asked_by=self.principal.interface,
                full=full,
                accept_removals=accept_removals,
            )
        except SyncRunning as error:
            running = self._reader.running_job()
            if running is None or running.id != error.details.get("job"):
                raise SyncRunning(error.message) from None
            raise
        return self._reader.job(job_id)

    def cancel_sync(self, job_id: int) -> Job:
        """Ask a sync to stop.

        Raises ``UnknownJob`` if it does not exist or syncs a class that may not be seen.
        """
        job = self._workspace.job(job_id)
        if not all(self.principal.may_see(run.class_id) for run in job.runs):
            raise unknown_job()
        self._workspace.cancel_sync(job_id)
        return self._workspace.job(job_id)

    def _find_classes(self, references: Sequence[str] | None) -> list[str] | None:
        """Return the classes to sync; None stands for all active ones."""
        class_ids = [self._reader.find_class(reference) for reference in references or ()]
        if class_ids or self.principal.class_ids is None:
            return class_ids or None
        class_ids = [status.id for status in self._reader.statuses(open_only=True)]
        if not class_ids:
            raise BadInput("None of the token's classes is active. Name the classes.", parameter="class_ids")
        return class_ids

    @property
    def _reader(self) -> Reader:
        return Reader(self._workspace, self.principal, self._workspace.cohorts.is_anonymous())

    def _audit(self, action: str, detail: str) -> None:
        audit.save_event(self._workspace.database, self.principal.who, action, detail)


@dataclass(frozen=True)
class AdminCommands:
    """The actions of an administrator: settings, connection, classes, rosters, tokens, the data itself."""

    _workspace: Workspace = field(repr=False)
    principal: Principal

    def __post_init__(self) -> None:
        """Raise ``NotAllowed`` for a principal that is no administrator."""
        if not self.principal.may_administer:
            raise NotAllowed("This takes the role admin. Ask an administrator.")

    # Tokens and audit

    def tokens(self) -> list[Token]:
        """Return all tokens, revoked ones included, in the order of their creation."""
        return tokens.load_tokens(self._workspace.database)

    def create_token(
        self, name: str, role: str, references: Sequence[str] | None = None, expires: str | None = None
    ) -> tuple[Token, str]:
        """Return a new token and its secret, which nobody can read again."""
        lifetime = None if expires is None else tokens.parse_lifetime(expires)
        secret = tokens.create_token(
            *(self._workspace.database, name, role, references),
            lifetime=lifetime,
            asked_by=self.principal.who,
            now=utc_now(),
        )
        digest = tokens.digest(secret)
        (token,) = (token for token in self.tokens() if token.digest == digest)
        return token, secret

    def revoke_token(self, name: str) -> None:
        """Revoke a token. Raises ``BadInput`` if there is none of this name."""
        tokens.revoke_token(self._workspace.database, name, asked_by=self.principal.who, now=utc_now())

    def open_again(self) -> None:
        """Let this computer in without tokens, although those that protected it are lost."""
        tokens.open_again(self._workspace.database, asked_by=self.principal.who)

    def is_closed(self) -> bool:
        """Return True if tokens protected this home and are lost."""
        return tokens.is_closed(self._workspace.database)

    def events(self, limit: int | None = None) -> list[audit.Event]:
        """Return the latest audit events, newest first; all by default."""
        database = self._workspace.database
        return audit.load_events(database, limit) if database.exists else []

    # Settings and connection

    def settings(self) -> Preferences:
        """Return the settings that can be changed while the program runs."""
        return self._workspace.preferences()

    def all_settings(self) -> Settings:
        """Return all settings, those of the connection included; never the password."""
        return self._workspace.settings()

    def fixed_settings(self) -> list[str]:
        """Return the names of the settings that the environment gives, which no change moves."""
        return sorted(set_by_environment())

    def change_settings(self, wanted: Preferences) -> None:
        """Save the settings that are set in `wanted`, single thresholds too.

        Raises ``BadInput`` for values that cannot be used.
        """
        if not wanted.model_fields_set:
            return
        with settings_lock(self._workspace.home):
            whole = merge_preferences(wanted, self._workspace.preferences())
            self._workspace.change_preferences(whole, asked_by=self.principal.who)

    def connect(
        self, *, api_base: str, app_id: str, origin: str, email: str, password: str
    ) -> tuple[list[classes.ListedClass], str]:
        """Log in, list the classes, and save settings and password. See `Workspace.connect`."""
        return self._workspace.connect(
            api_base=api_base,
            app_id=app_id,
            origin=origin,
            email=email,
            password=password,
            asked_by=self.principal.who,
        )

    def schools(self) -> Mapping[str, KnownSchool]:
        """Return the schools that can be chosen by name."""
        return source_class().schools()

    def use_practice_school(self) -> list[classes.ListedClass]:
        """Connect to a practice school that runs in this process, with its rosters."""
        return self._workspace.use_practice_school(asked_by=self.principal.who)

    def password_place(self) -> str | None:
        """Return where the password is kept, in words, or None if it is gone."""
        return credentials.password_place(self._workspace.home)

    # Drafts of messages

    def save_draft(self, kind: str, subject: str, body: str) -> Draft:
        """Save a template of a message in place of the present one; return it.

        Raises ``BadInput`` for an unknown kind, a text that is empty or too long, and for braces that are no
        placeholder.
        """
        from cohort_core.reports.drafts import check_kind, check_template

        check_kind(kind)
        template = check_template(subject, body)
        who = self.principal.who.replace("token ", "token:", 1)
        saved = drafts.SavedDraft(kind, template.subject, template.body, utc_text(utc_now()), who)
        with self._workspace.database.writing() as connection:
            drafts.save_draft(connection, saved)
            audit.add_event(connection, self.principal.who, "draft", kind)
        return Draft(kind, template, is_ours=False, changed_at=saved.changed_at, who=who)

    def reset_draft(self, kind: str) -> Draft:
        """Go back to our own template of a kind; return it.

        Raises ``BadInput`` for an unknown kind.
        """
        from cohort_core.reports.drafts import OURS, check_kind

        check_kind(kind)
        with self._workspace.database.writing() as connection:
            if drafts.delete_draft(connection, kind):
                audit.add_event(connection, self.principal.who, "draft reset", kind)
        return Draft(kind, OURS[kind])

    # Classes and rosters

    def refresh_classes(self) -> list[classes.ListedClass]:
        """Load and save the school's present list of classes."""
        return self._workspace.refresh_classes()

    def set_active(self, references: Sequence[str], *, active: bool) -> list[str]:
        """Follow classes, or follow them no more; returns their ids. Raises ``UnknownClass``."""
        class_ids = self._workspace.set_active(references, active=active)
        if class_ids:
            self._audit("classes", f"{'activated' if active else 'deactivated'} {', '.join(class_ids)}")
        return class_ids

    def calendars(self) -> dict[str, classes.Calendar]:
        """Return the time zone and first day of each class, by its id."""
        return classes.load_calendars(self._workspace.database)

    def save_calendar(self, class_id: str, calendar: classes.Calendar) -> None:
        """Save the time zone and first day of a class."""
        classes.save_calendar(self._workspace.database, class_id, calendar)
        self._audit("calendar", f"class {class_id}")

    def mentors(self) -> list[roster.Mentor]:
        """Return the mentors of the last import."""
        return roster.load_mentors(self._workspace.database)

    def plan_students(
        self,
        content: bytes,
        class_reference: str | None = None,
        *,
        name: str = "The file",
        reading: ReadingChoices | None = None,
        choices: Choices | None = None,
        is_added: bool = False,
    ) -> RosterPlan:
        """Return what an import of this roster would do.

        A class may be named by id, friendly id or name. Raises ``BadInput`` if the content is no roster, and
        ``UnknownClass``.
        """
        from cohort_core.imports import roster_files, roster_plan

        database = self._workspace.database
        file = roster_files.read_roster(database, content, name, class_reference, reading)
        return roster_plan.plan_roster(database, file, class_reference, choices=choices, is_added=is_added)

    def keep_roster(self, plan: RosterPlan) -> bool:
        """Write a plan, and return whether a line of it is used.

        Without such a line no roster changes, but the answers are kept.
        """
        from cohort_core.imports import roster_plan

        is_written = roster_plan.keep(self._workspace.database, plan)
        if is_written:
            how = "added" if plan.is_added else "replaced"
            self._audit("import", f"roster, {plan.used} lines, {how}, class {', '.join(plan.by_class)}")
        elif plan.left_out_now:
            about = f"{plan.left_out_now} lines left out, class {', '.join(plan.by_class)}"
            self._audit("import", f"roster unchanged, {about}")
        return is_written

    def undo_roster(self, class_reference: str | None = None) -> tuple[str, int]:
        """Bring the roster of before the last import back.

        Returns the id of the class and the number of lines. Without a class it is the only one with an
        import. Raises ``BadInput`` if there is none or several.
        """
        from cohort_core.store import roster_imports

        database = self._workspace.database
        if class_reference is not None:
            class_id = classes.find_class_by_name(database, class_reference)
        else:
            class_ids = roster_imports.classes_with_earlier_rosters(database)
            if len(class_ids) > 1:
                raise BadInput("Several classes have an imported roster. Say which.", parameter="class_id")
            if not class_ids:
                raise BadInput("There is no earlier roster left to bring back.", parameter="class_id")
            class_id = class_ids[0]
        lines = roster_imports.undo_import(database, class_id).lines
        self._audit("import undone", f"roster, {lines} lines, class {class_id}")
        return class_id, lines

    def earlier_rosters(self, class_id: str) -> list[EarlierRoster]:
        """Return the rosters of a class that can be brought back, the latest first."""
        from cohort_core.store import roster_imports

        with self._workspace.database.reading() as connection:
            return roster_imports.load_earlier_rosters(connection, class_id)

    def unseen_lines(self, class_id: str) -> list[tuple[roster.Enrolment, Student | None]]:
        """Return the lines that mean nobody at OpenClass, each with a near match."""
        from cohort_core.imports import roster_plan

        return roster_plan.unseen_lines(self._workspace.database, class_id)

    def change_unseen(
        self, class_id: str, *, removed: Iterable[str] = (), same: dict[str, str] | None = None
    ) -> int:
        """Take lines that mean nobody off the roster, or give them a student.

        Both by stand-in ids. Returns how many changed.
        """
        from cohort_core.imports import roster_plan

        changed = roster_plan.change_unseen(self._workspace.database, class_id, removed=removed, same=same)
        self._audit("import", f"roster, {changed} lines settled, class {class_id}")
        return changed

    def plan_mentors(self, content: bytes) -> MentorsPlan:
        """Return what an import of these mentors would do."""
        from cohort_core.imports import roster_files

        return roster_files.plan_mentors(content)

    def import_mentors(self, content: bytes, name: str = "The file") -> MentorsPlan:
        """Import mentors, in place of those of before."""
        from cohort_core.imports import roster_files

        plan = roster_files.import_mentors(self._workspace.database, content, name)
        self._audit("import", f"mentors, {len(plan.mentors)} lines")
        return plan

    def import_rust_tool(self, file: Path) -> ImportResult:
        """Take over the database of the earlier Rust tool."""
        from cohort_core.imports.rust_tool import import_rust_db

        with self._sync_lock():
            result = import_rust_db(self._workspace.database, file)
        self._audit("import", "database of the Rust tool")
        return result

    # The data itself

    @property
    def home(self) -> Home:
        """The folder that holds the data."""
        return self._workspace.home

    def back_up(self, file: Path, *, replace: bool = False) -> int:
        """Copy the database into a private file; returns its bytes."""
        return maintenance.backup(
            self._workspace.database, file, replace=replace, asked_by=self.principal.who
        )

    def back_up_here(self, now: datetime) -> Path:
        """Copy the database into the folder of backups; returns the file."""
        return maintenance.back_up_here(self._workspace.database, now, asked_by=self.principal.who)

    def restore(self, file: Path) -> Path | None:
        """Replace the database by a backup; return the copy of the database before."""
        with self._sync_lock():
            return maintenance.restore(self._workspace.database, file, asked_by=self.principal.who)

    def student_file(self, student_id: str) -> dict[str, list[dict[str, Any]]]:
        """Return everything that is kept about a person, by table.

        Raises ``BadInput`` if nobody has this id, and in anonymous mode, as the file would undo it.
        """
        from cohort_core import sources
        from cohort_core.store.student_file import load_student_file

        if self._workspace.cohorts.is_anonymous():
            raise BadInput(
                "Pseudonyms are on, and this file has names. Switch them off first.", parameter="anonymous"
            )
        file = load_student_file(
            self._workspace.database, student_id, read_person=sources.source_class().read_person
        )
        self._audit("student file", f"{sum(map(len, file.values()))} rows")
        return file

    def purge_student(self, student_id: str) -> Purged:
        """Erase a student, and keep them away from later syncs."""
        from cohort_core.services.purge import purge_student

        with self._sync_lock():
            return purge_student(self._workspace.database, student_id, asked_by=self.principal.who)

    def allow_return(self, student_id: str) -> None:
        """Let a purged student come back with the next sync."""
        from cohort_core.store.purge import allow_return

        with self._sync_lock():
            allow_return(self._workspace.database, student_id, asked_by=self.principal.who)

    def examine(self, *, with_upstream: bool = True) -> Iterable[Finding]:
        """Look at settings, files, database, syncs and the school."""
        from cohort_core.services.doctor import examine

        return examine(self._workspace.home, with_upstream=with_upstream)

    @contextmanager
    def _sync_lock(self) -> Iterator[None]:
        from cohort_core.sync.lock import acquire_lock

        with acquire_lock(self._workspace.database):
            yield

    def _audit(self, action: str, detail: str) -> None:
        audit.save_event(self._workspace.database, self.principal.who, action, detail)
