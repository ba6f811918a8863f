"""One message to several students, with a preview for each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from urllib.parse import quote

import streamlit as st
from pydantic import BaseModel, Field

from cohort_core.dashboard.components import downloads, message
from cohort_core.dashboard.components.text import count, literal, parse_instant
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.files.questions import MAIL_MERGE, Source
from cohort_core.dashboard.layout import View
from cohort_core.dashboard.sections import contacts, hides
from cohort_core.dashboard.sync_panel import commands_of
from cohort_core.errors import BadInput
from cohort_core.export.tables import Table
from cohort_core.metrics.cohort import Cohort
from cohort_core.reports.drafts import MAX_BODY, MAX_SUBJECT, SUBJECT, Template, check_template, fill
from cohort_core.services.commands import CONTACT_HIDES_DAYS

FIRST_NAME, MENTOR = "{first_name}", "{mentor}"
DRAFT = (
    f"Hi {FIRST_NAME},\nI wanted to ask how you are getting on. Is there something that gets in your way? "
    f"I am glad to help.\n{MENTOR}"
)
RECENT = timedelta(days=CONTACT_HIDES_DAYS)
"""Somebody who had a contact so recently is left out at first."""
MAX_ADDRESS = 1800
"""Some mail programs cut a longer address."""
_TEMPLATE, _NOTED = "several", "bulk-noted"


class MailLine(BaseModel):
    """A line of the file for a mail merge."""

    name: str = Field(description="First and last name.")
    email: str | None = Field(description="Email; empty if OpenClass has none.")
    subject: str = Field(description="The subject.")
    message: str = Field(description="The message, with the first name in it.")


def offer(view: View, student_ids: Sequence[str], assignment_id: str | None = None) -> None:
    """Show a fold with a message to these students.

    With an assignment it is noted as about their being stuck in it.
    """
    # It is there without ticks too, so that the table below it does not move at the first.
    label = f"Write to {len(student_ids):,}" if student_ids else "Write to several"
    with st.expander(label, icon=":material/mail:", key="write-to", on_change="rerun") as fold:
        if fold.open and not student_ids:
            st.caption("Tick the students in the table.")
        elif fold.open:
            show(view, student_ids, assignment_id)


def show(view: View, student_ids: Sequence[str], assignment_id: str | None = None) -> None:
    """Show the draft, the preview for each student, and the actions."""
    cohort = view.cohort
    ticked = tuple(student_ids)
    student_ids = _leave_out_recent(view, ticked)
    if not student_ids:
        st.caption("Nobody is left to write to.")
        return
    subject = st.text_input("Subject", value=SUBJECT, key="bulk-subject", max_chars=MAX_SUBJECT)
    body = st.text_area(
        "Message",
        value=DRAFT,
        key="bulk-body",
        height=130,
        max_chars=MAX_BODY,
        help=f"{literal(FIRST_NAME)} becomes the first name of each student. The line with {literal(MENTOR)} "
        "is your name from the settings; without one it goes. Nothing is sent from here.",
    )
    try:
        check_template(subject, body, ("first_name", "mentor"))
    except BadInput as error:
        st.warning(literal(error.message))
        return
    mentor = view.reader.signature
    lines = mail_lines(cohort, student_ids, subject, body, mentor)
    addresses = [
        line.email
        for line in lines
        if line.email and message.is_address(line.email) and not view.reader.anonymous
    ]
    note = partial(_note, view, tuple(student_ids), ticked, assignment_id)
    st.markdown("**Preview for each**")
    with st.container(height=220, key="bulk-preview", border=False):
        preview = "\n\n".join(f"— {line.name} —\n{line.message}" for line in lines)
        st.code(preview, language=None, wrap_lines=True)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="bulk-actions"):
        _copy_button("Copy all and note it", "copy-bulk", note)
        if addresses and len(address := bcc_address(addresses, subject, body, mentor)) < MAX_ADDRESS:
            st.link_button(
                "Write one email to all (bcc)",
                address,
                key="mail-bulk",
                on_click=partial(note, "email"),
                icon=":material/mail:",
                type="tertiary",
                help="As it goes to all, it greets nobody by name.",
            )
        ask = partial(mail_merge, student_ids="\n".join(student_ids), subject=subject, body=body)
        downloads.bare_menu(
            view, report=_table(lines), ask=ask, name=MAIL_MERGE, title="", action="File for a mail merge"
        )
        st.button(
            "I wrote to them: note it",
            key="note-bulk",
            on_click=partial(note, "email"),
            icon=":material/check:",
            type="tertiary",
        )
    if addresses and len(bcc_address(addresses, subject, body, mentor)) >= MAX_ADDRESS:
        st.caption("These are too many for one email from here. Copy the addresses into its bcc field.")
        with st.container(key="bulk-addresses"):
            st.code(", ".join(addresses), language=None, wrap_lines=True)
            _copy_button("Copy addresses and note it", "copy-addresses", note)
    missing = len(lines) - len(addresses)
    if missing and not view.reader.anonymous:
        st.caption(f"{count(missing, 'student has', 'students have')} no email at OpenClass.")


def _leave_out_recent(view: View, ticked: tuple[str, ...]) -> Sequence[str]:
    """Show recent contacts with these students, and return those to write to.

    A switch leaves these out until the mentor turns it off. Contacts that were just noted here for the same
    students do not count, so that a press on one action takes nothing away from the others.
    """
    noted_for, just_noted = st.session_state.get(_NOTED, ((), set()))
    recent: dict[str, str] = {}
    for contact in view.reader.contacts():
        age = view.now - parse_instant(contact.at)
        is_just_noted = noted_for == ticked and contact.id in just_noted
        if contact.student_id in ticked and not is_just_noted and timedelta(0) <= age < RECENT:
            recent.setdefault(contact.student_id, contacts.describe(contact, view.now))
    if not recent:
        return ticked
    # Its key has the students, so that it is on again for others.
    leaves_out = st.toggle(
        f"Leave out {count(len(recent), 'student')} with a message or talk in the last {RECENT.days} days",
        value=True,
        key=f"bulk-leave-out-{'-'.join(sorted(recent))}",
    )
    names = view.cohort.students["name"]
    lines = [f"{names[student_id]}: {words}" for student_id, words in recent.items() if student_id in names]
    st.caption(literal("; ".join(lines)))
    return [student_id for student_id in ticked if student_id not in recent] if leaves_out else ticked


def _copy_button(label: str, key: str, note: partial[None]) -> None:
    # The script of the first page copies the nearest text; see `asgi`.
    st.button(
        label,
        key=key,
        on_click=partial(note, "copied"),
        icon=":material/content_copy:",
        type="tertiary",
    )


def mail_lines(
    cohort: Cohort, student_ids: Sequence[str], subject: str, body: str, mentor: str | None = None
) -> list[MailLine]:
    """Return the message to each student, in their order."""
    students = cohort.students.loc[[student for student in student_ids if student in cohort.students.index]]
    return [
        MailLine(
            name=row["name"],
            email=row["email"] if isinstance(row["email"], str) else None,
            subject=fill_in(
                subject, row["first_name"] if isinstance(row["first_name"], str) else None, mentor
            ),
            message=fill_in(body, row["first_name"] if isinstance(row["first_name"], str) else None, mentor),
        )
        for row in students.to_dict("records")
    ]


def fill_in(body: str, first_name: str | None, mentor: str | None = None) -> str:
    """Put the names into a message; a greeting without one goes without it."""
    return fill(Template(SUBJECT, body), {"first_name": first_name, "mentor": mentor}).body


def bcc_address(addresses: Sequence[str], subject: str, body: str, mentor: str | None = None) -> str:
    """Return the address of a new mail to all, each in bcc."""
    to = ",".join(quote(address, safe="@") for address in addresses)
    subject, body = (quote(fill_in(text, None, mentor)) for text in (subject, body))
    return f"mailto:?bcc={to}&subject={subject}&body={body}"


def mail_merge(source: Source, student_ids: str, subject: str, body: str) -> Table:
    """Return the messages as a table, for a file; `student_ids` has a line for each."""
    return _table(mail_lines(source.cohort, student_ids.split("\n"), subject, body, source.reader.signature))


def _table(lines: Sequence[MailLine]) -> Table:
    return Table("mail_merge", MailLine, [vars(line) for line in lines])


# This runs before the page does, so that one rerun shows the note.


def _note(
    view: View,
    student_ids: Sequence[str],
    ticked: tuple[str, ...],
    assignment_id: str | None,
    channel: str,
) -> None:
    noted = []
    with guarded("contact", stop=False) as problems:
        for student_id in student_ids:
            made = commands_of(view).add_contact(
                view.class_id,
                student_id,
                channel,
                kind="stuck" if assignment_id else None,
                assignment_id=assignment_id,
                template=_TEMPLATE,
            )
            noted.append((student_id, made))
    hides.keep_problem(problems)
    st.session_state[_NOTED] = (ticked, {made.contact.id for _, made in noted})
    days = [made.hidden_until for _, made in noted if made.hidden_until is not None]
    back = (
        f" They are back on the list on {min(days):%A} {min(days).day} {min(days):%B} if nothing changes."
        if days
        else ""
    )
    new = [(student_id, made.contact.id) for student_id, made in noted if made.is_new]
    hides.keep_notice(f"Noted for {count(len(noted), 'student')}.{back}", view.class_id, new)
