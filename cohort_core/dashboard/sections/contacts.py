"""Messages and talks beside the names of students, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from cohort_core import formatting
from cohort_core.dashboard.components import lists, message, rows
from cohort_core.dashboard.components.text import about, count, literal, parse_instant
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View
from cohort_core.dashboard.sections import hides
from cohort_core.dashboard.sync_panel import commands_of
from cohort_core.metrics.triage import class_triage
from cohort_core.reports.labels import OUTCOMES
from cohort_core.services.commands import CONTACT_HIDES_DAYS
from cohort_core.services.subject import Noted
from cohort_core.store.contacts import Contact

DID = {"copied": "Wrote", "email": "Wrote", "call": "Called", "met": "Talked", "other": "Was in touch"}
RECENT = pd.Timedelta(days=14)


def offer(view: View, row: rows.StudentRow) -> None:
    """Show the message that opens beside a student in a list."""
    if view.commands is None:
        return
    # Open content is sent, closed content is not even computed.
    popover = st.popover(
        about("Message", row.name),
        key=f"message-{row.class_id}-{row.student_id}",
        type="tertiary",
        icon=":material/chat:",
        on_change="rerun",
    )
    if popover.open:
        with popover, guarded("message"):
            cohort = view.reader.cohort(row.class_id, view.as_of)
            draft = message.of_student(cohort, row.student_id, message.Templates.of_reader(view.reader))
            st.code(draft.text, language=None, wrap_lines=True)
            actions(view, row.class_id, row.student_id, row.name, draft)


def actions(
    view: View,
    class_id: str,
    student_id: str,
    name: str,
    draft: message.Draft,
    hide_days: int = CONTACT_HIDES_DAYS,
) -> None:
    """Offer to copy or mail the draft, note a talk, or hide the student.

    The first two hide for so many days too.
    """
    note = partial(_note, view, class_id, student_id, name, draft.template, hide_days)
    key = f"{class_id}-{student_id}"
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"actions-{key}"):
        # The script of the first page copies the text above this button.
        st.button(
            about("Copy and note it", name),
            key=f"copy-{key}",
            on_click=partial(note, "copied"),
            icon=":material/content_copy:",
            type="tertiary",
        )
        if draft.email and not view.reader.anonymous:
            st.link_button(
                about("Write an email", name),
                draft.mail_address,
                key=f"mail-{key}",
                on_click=partial(note, "email"),
                icon=":material/mail:",
                type="tertiary",
            )
        st.button(
            about("Talked to them", name),
            key=f"met-{key}",
            on_click=partial(note, "met"),
            icon=":material/forum:",
            type="tertiary",
        )
        hides.offer(view, class_id, student_id, name)


def show_on_student_page(view: View, student_id: str, name: str) -> None:
    """Show the draft with its actions, the hide, and the contacts."""
    hides.show_notice(view)
    if view.commands is not None:
        draft = message.of_student(view.cohort, student_id, message.Templates.of_reader(view.reader))
        with st.container(key="titled-message"):
            st.markdown("**A first message**", help=message.HELP, width="content")
        st.code(draft.text, language=None, wrap_lines=True)
        actions(view, view.class_id, student_id, name, draft)
    hides.show_state(view, student_id, name)
    if not view.reader.principal.may_see_names:
        return
    contacts = view.reader.contacts(view.class_id, student_id)
    words = _outcomes(view, contacts)
    for contact in contacts[:5]:
        at = parse_instant(contact.at)
        if at > view.cohort.as_of and view.as_of:
            continue
        parts = [
            describe(contact, view.now, view.reader.principal.actor),
            words.get(contact.id),
            contact.note,
        ]
        st.caption(literal(" · ".join(part for part in parts if part)))


def show_outcomes(view: View) -> None:
    """Show what came of the messages of the last two weeks, if there are any."""
    if not view.reader.principal.may_see_names:
        return
    report = view.reader.report("outcomes", view.class_id, as_of=view.as_of, group=view.group_id)
    rows = [row for row in report.records() if parse_instant(row["at"]) > view.cohort.as_of - RECENT]
    if not rows:
        return
    st.markdown(
        "**What came of your messages**" if view.commands else "**What came of the messages**",
        help="Of the last 14 days. Came back means that the student started or completed something after the "
        "message, at most 7 days later.",
    )
    groups = {
        "Came back": [row for row in rows if row["outcome_7"] in ("came_back", "reason_gone")],
        "Nothing since": [row for row in rows if row["outcome_7"] == "nothing_since"],
    }
    for title, members in groups.items():
        if members:
            st.caption(f"{title} ({len(members)})")
            lists.people(
                [_outcome_person(view, row) for row in members], f"outcome-{title.split()[0].lower()}"
            )
    waiting = sum(row["outcome_7"] == "too_early" for row in rows)
    left = sum(row["outcome_7"] == "left" for row in rows)
    noted = count(waiting, "message or talk", "messages and talks")
    rest = [f"Too early to tell in this class: {noted} less than 7 days old."] if waiting else []
    rest += [f"{count(left, 'student')} left since."] if left else []
    if rest:
        st.caption(" ".join(rest))


def last_contacts(view: View) -> dict[tuple[str, str], str]:
    """Describe the last contact with each student, by class id and student id.

    For example "wrote 7 days ago, nothing since". There are none for a person who never sees names.
    """
    if not view.reader.principal.may_see_names:
        return {}
    parts = {part.class_id: part for part in view.reader.class_triages(view.as_of)}
    if view.shown is not None and not view.shown.is_open:
        # Nobody of a closed class is in triage, but its contacts are kept for a year.
        parts[view.class_id] = class_triage(view.cohort.classwide)
    texts: dict[tuple[str, str], str] = {}
    for contact in view.reader.contacts():
        part, at = parts.get(contact.class_id), parse_instant(contact.at)
        key = (contact.class_id, contact.student_id)
        if part is None or key in texts or (view.as_of and at > part.as_of):
            continue
        last = part.last_active.get(contact.student_id)
        since = ", active since" if last is not None and last > at else ", nothing since"
        ago = _ago(at, view.now)
        texts[key] = f"{DID[contact.channel].lower()} {ago}{since if part.as_of > at else ''}"
    return texts


def _outcomes(view: View, contacts: list[Contact]) -> dict[int, str]:
    if not contacts:
        return {}
    report = view.reader.report("outcomes", view.class_id, as_of=view.as_of)
    return {row["contact_id"]: OUTCOMES[row["outcome_7"]] for row in report.records()}


def _outcome_person(view: View, row: Mapping[str, Any]) -> lists.Person:
    wrote = f"{DID[row['channel']]} {_ago(parse_instant(row['at']), view.now)}"
    if row["came_back_at"] is None:
        return lists.Person(row["student_id"], "", row["name"], [f"{wrote}, nothing since."])
    day = parse_instant(row["came_back_at"]).astimezone(view.cohort.tz)
    what = f"{row['event']} {row['assignment']}" if row["assignment"] else row["event"]
    return lists.Person(
        row["student_id"], "", row["name"], [f"{wrote}; {what} on {day:%A} {formatting.short_day(day)}."]
    )


def describe(contact: Contact, now: datetime, actor: str = "") -> str:
    """Describe a contact, such as "Wrote 3 days ago" or "Talked today (night-helper)".

    In brackets stands the name of the token or of the person who noted it, if that is not `actor`.
    """
    kind, _, by = contact.who.partition(":")
    other = f" ({by})" if kind in {"token", "account"} and contact.who != actor else ""
    return f"{DID[contact.channel]} {_ago(parse_instant(contact.at), now)}{other}"


def _ago(at: datetime, now: datetime) -> str:
    number = max((now.date() - at.astimezone(now.tzinfo).date()).days, 0)
    return formatting.days_ago(number)


# This runs before the page does, so that one rerun shows the note and the shorter list.


def _note(
    view: View, class_id: str, student_id: str, name: str, template: str, hide_days: int, channel: str
) -> None:
    noted: Noted | None = None
    with guarded("contact", stop=False) as problems:
        noted = commands_of(view).add_contact(
            class_id, student_id, channel, template=template, hide_days=hide_days
        )
    hides.keep_problem(problems)
    if noted is not None:
        back = f" {name} is hidden already." if hide_days and noted.hidden_until is None else ""
        if noted.hidden_until is not None:
            until = noted.hidden_until
            back = f" {name} is back on the list on {until:%A} {until.day} {until:%B} if nothing changes."
        contacts = [(student_id, noted.contact.id)] if noted.is_new else []
        hides.keep_notice(f"Noted.{back}", class_id, contacts)
