"""Commands of a mentor, within the classes that may be seen.

Each writes its own audit line. What takes an administrator is in `admin_commands.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from cohort_core.clock import utc_now
from cohort_core.config.settings import Preferences
from cohort_core.errors import AnswerChanged, BadInput, NotAllowed, SyncRunning
from cohort_core.services import drafts
from cohort_core.services.principal import Principal
from cohort_core.services.reader import Reader
from cohort_core.services.subject import Noted, Subject
from cohort_core.services.workspace import Workspace
from cohort_core.store import (
    accounts,
    audit,
    closing,
    contacts,
    handover,
    help_requests,
    hides,
    score_changes,
    student_links,
)
from cohort_core.store.classes import ClassStatus
from cohort_core.store.hides import Hide, Kind, Reason
from cohort_core.store.sync_runs import Job, unknown_job

if TYPE_CHECKING:
    from cohort_core.sync.jobs import SyncJob

CONTACT_HIDES_DAYS = 7
MAX_HIDE_DAYS = 366
LINK_PATH = "/my-progress/open"
LOCAL_ADDRESS = "http://127.0.0.1:3000"
"""The usual address on the computer on which this runs."""


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
    ) -> Hide | None:
        """Hide a student from triage: *done* until a day or `until_active`, or *exempt* for good.

        `wrong` says that the student was wrongly listed. Returns the hide that this one replaces. Raises
        ``BadInput`` for an unknown student, or a day that has come already.
        """
        if until is not None and until <= self._reader.cohort(reference).local_date:
            raise BadInput("That day has come already. Choose a later one.", parameter="until")
        reason: Reason | None = "until_active" if until_active else "wrong" if wrong else None
        subject = self._subject(reference, student_id)
        replaced = self._workspace.hide_student(
            *(subject.class_id, subject.shown_id, kind, until),
            reason=reason,
            entry_kind=subject.kind,
            entry_level=subject.level,
            who=self.principal.actor,
        )
        how = f" until {until}" if until else f" ({reason.replace('_', ' ')})" if reason else ""
        self._audit("hide", f"class {subject.class_id}, {kind}{how}")
        return replaced

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
            *(0, subject.class_id, subject.student_id, "", self.principal.actor, channel),
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
            present = hides.load_hide(connection, subject.class_id, subject.student_id)
            is_listed = present is None or not subject.is_hidden_by(present)
            # A student who was shown again meanwhile is hidden by the same contact once more.
            if hide_days and (is_new or is_listed):
                hide = hides.Hide(
                    *(subject.class_id, subject.student_id, "done", until_day, kept.at),
                    entry_kind=subject.kind,
                    entry_level=subject.level,
                    who=self.principal.actor,
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
        before: str | None = None,
    ) -> None:
        """Keep an answer for the handover; an empty text removes it.

        It is about a student, a group or the class. `before` is the text that the writer saw, empty for none
        and None for any. Raises ``AnswerChanged`` if there is another one by now, and ``BadInput`` for an
        unknown question, student or group, and for a text that is too long.
        """
        if student_id is not None and group is not None:
            raise BadInput("A note is about a student or a group. Name one of them.", parameter="group")
        class_id, group_id, real_id = self._reader.find_class(reference), None, None
        if student_id is not None:
            real_id = self._subject(reference, student_id).student_id
        if group is not None:
            group_id = self._group_id(reference, group)
        note = handover.HandoverNote(
            class_id, group_id, real_id, question, text.strip(), self.principal.actor, ""
        )
        with self._workspace.database.writing() as connection:
            try:
                handover.save_handover_note(connection, note, utc_now(), before)
            except AnswerChanged as error:
                if self._workspace.cohorts.is_anonymous():
                    # Answers may name people.
                    raise AnswerChanged(error.message) from None
                raise
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

    def show_again(self, reference: str, student_id: str, *, replaced: Hide | None = None) -> None:
        """Show a hidden student again, or hide them as before by the hide `replaced`."""
        subject = self._subject(reference, student_id)
        self._workspace.show_again(subject.class_id, subject.shown_id, replaced=replaced)
        self._audit("hide as before" if replaced else "show again", f"class {subject.class_id}")

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
        stay for a year, unless `erases_contacts`. The audit names no student. Raises a ``StoreError`` if
        traces of them may be left in the file.
        """
        class_id = self._workspace.close_class(
            self._reader.find_class(reference), lost, closed_on, erases_contacts=erases_contacts
        )
        self._audit("close", f"class {class_id}{', contacts erased' if erases_contacts else ''}")
        if erases_contacts:
            closing.remove_traces(self._workspace.database)
        return self._status(class_id)

    def open_class(self, reference: str) -> ClassStatus:
        """Open a closed class again. The counts that its closing kept are removed."""
        class_id = self._workspace.open_class(self._reader.find_class(reference))
        self._audit("open", f"class {class_id}")
        return self._status(class_id)

    def _status(self, class_id: str) -> ClassStatus:
        return next(status for status in self._reader.statuses() if status.id == class_id)

    def save_draft(self, kind: str, subject: str, body: str) -> drafts.Draft:
        """Save a template of a message for everybody. See `drafts.save_draft`."""
        return drafts.save_draft(self._workspace.database, self.principal, kind, subject, body)

    def reset_draft(self, kind: str) -> drafts.Draft:
        """Go back to our own template of a message. See `drafts.reset_draft`."""
        return drafts.reset_draft(self._workspace.database, self.principal, kind)

    def sign_as(self, name: str | None) -> None:
        """Keep the name below the messages of the person who signed in; None for none.

        Raises ``BadInput`` for a name that cannot be used, and if nobody is signed in.
        """
        account = accounts.find_account(self._workspace.database, self.principal.account_id or 0)
        mentor_name = Preferences(mentor_name=name).mentor_name
        settings = {**account.settings, "mentor_name": mentor_name}
        accounts.change_account(
            self._workspace.database, account.id, asked_by=self.principal.who, settings=settings
        )

    def make_student_link(self, reference: str, student_id: str, *, base: str = LOCAL_ADDRESS) -> str:
        """Return the address of a link to a student's own page, for 30 days.

        `base` is where it begins without a public address. Earlier ones end. Raises ``BadInput`` if the
        page of students is off, and for somebody who is not in the class now.
        """
        settings = self._workspace.settings()
        if not settings.student_page:
            raise BadInput(
                "The page of students is off. An administrator switches it on.", parameter="class_id"
            )
        key, shown_id = self._student_key(reference, student_id)
        if shown_id not in self._workspace.cohorts.cohort(key.class_id).students.index:
            raise BadInput(
                "The student is not in the class now, so there is no page.", parameter="student_id"
            )
        with self._workspace.database.writing() as connection:
            secret = student_links.create_link(connection, key, self.principal.actor, utc_now())
            audit.add_event(connection, self.principal.who, "student link made", f"class {key.class_id}")
        return f"{settings.public_url or base}{LINK_PATH}/{secret}"

    def end_student_link(self, reference: str, student_id: str) -> bool:
        """End the links of a student, with their sessions; return whether any worked."""
        key, _ = self._student_key(reference, student_id)
        with self._workspace.database.writing() as connection:
            ended = student_links.revoke_links(connection, key, utc_now())
            audit.add_event(connection, self.principal.who, "student link ended", f"class {key.class_id}")
        return bool(ended)

    def answer_help(self, reference: str, request_id: int) -> None:
        """Note that a student's request for help was answered.

        The first to do so stays noted. Raises ``BadInput`` if the class has no such request.
        """
        class_id = self._reader.find_class(reference)
        with self._workspace.database.writing() as connection:
            actor = self.principal.actor
            if help_requests.answer_request(connection, class_id, request_id, actor, utc_now()):
                audit.add_event(connection, self.principal.who, "help answered", f"class {class_id}")

    def _student_key(self, reference: str, student_id: str) -> tuple[student_links.StudentKey, str]:
        class_id = self._reader.find_class(reference)
        present = self._reader.present_student_id(class_id, student_id)
        shown_id, real_id = self._workspace.student_ids(class_id, present)
        return student_links.StudentKey(class_id, real_id), shown_id

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
