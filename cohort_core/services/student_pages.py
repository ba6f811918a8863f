"""Lets students in to their own page, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pandas as pd

from cohort_core.clock import utc_now
from cohort_core.services.oidc_sign_in import is_configured, provider_name
from cohort_core.services.own_page import STUDENT, OwnPage
from cohort_core.services.sign_in import Opened
from cohort_core.services.workspace import Workspace, shared_workspace
from cohort_core.store import student_links
from cohort_core.store.audit import add_event
from cohort_core.store.class_data import ClassData
from cohort_core.store.database import utc_text
from cohort_core.store.student_links import LinkState, StudentKey


class StudentPages:
    """The links and sessions of students. Safe to share between threads."""

    def __init__(self, load_workspace: Callable[[], Workspace] = shared_workspace) -> None:
        self._load_workspace = load_workspace

    def is_on(self) -> bool:
        """Return True if an administrator switched the page of students on."""
        workspace = self._load_workspace()
        return workspace.settings().student_page and workspace.database.exists

    def sign_in_name(self) -> str | None:
        """Return by whose sign-in students come in, for the button; None without one."""
        settings = self._load_workspace().settings()
        return provider_name(settings) if is_configured(settings) else None

    def link_state(self, secret: str) -> LinkState | Literal["unknown"]:
        """Return whether a link works, or why it does not. It uses nothing up."""
        with self._load_workspace().database.reading() as connection:
            link = student_links.find_link(connection, secret)
        return "unknown" if link is None else link.state(utc_now())

    def open(self, secret: str, old_secret: str | None = None) -> Opened | LinkState | Literal["unknown"]:
        """Open a session by a link, or return why the link does not work.

        The session ends with the link. The session of `old_secret` ends then.
        """
        now = utc_now()
        with self._load_workspace().database.writing() as connection:
            link = student_links.find_link(connection, secret)
            state: LinkState | Literal["unknown"] = "unknown" if link is None else link.state(now)
            if link is None or state != "works":
                return state
            if old_secret:
                student_links.end_session(connection, old_secret)
            opened = student_links.open_session(connection, link.key, link.ends_at, now, link=link.digest)
            add_event(connection, STUDENT, "own page opened", f"class {link.class_id}, by a link")
        return Opened(opened, _seconds_until(link.ends_at, now))

    def open_for(self, key: StudentKey) -> Opened:
        """Open a session for a student who signed in in another way.

        It ends after as many days as those of people with an account.
        """
        workspace, now = self._load_workspace(), utc_now()
        ends_at = utc_text(now + timedelta(days=workspace.settings().session_days))
        with workspace.database.writing() as connection:
            opened = student_links.open_session(connection, key, ends_at, now, link=None)
            add_event(connection, STUDENT, "own page opened", f"class {key.class_id}, signed in")
        return Opened(opened, _seconds_until(ends_at, now))

    def student_of_verified_address(self, address: str) -> StudentKey | None:
        """Return the enrolled student with an email address, if exactly one has it.

        The caller vouches that the issuer verified the address. Only followed classes that are open count; of
        several classes of one student it is that of their last activity. None if the page is off, and if no
        student or several have the address.
        """
        wanted = address.strip().lower()
        if not wanted or not self.is_on():
            return None
        workspace, now = self._load_workspace(), utc_now()
        keys: list[tuple[str, StudentKey]] = []
        for status in workspace.cohorts.statuses(open_only=True):
            data = workspace.cohorts.real_class_data(status.id)
            today = now.astimezone(ZoneInfo(data.timezone)).date()
            keys += [
                (_last_activity(data, student_id), StudentKey(data.class_id, student_id))
                for student_id in _enrolled_with_address(data, wanted, today)
            ]
        if len({key.student_id for _, key in keys}) != 1:
            return None
        return max(keys)[1]

    def page_of(self, secret: str | None) -> OwnPage | None:
        """Return the page of a session; None if there is no such session."""
        if not secret:
            return None
        workspace = self._load_workspace()
        with workspace.database.reading() as connection:
            opened = student_links.find_session(connection, secret, utc_now())
        return None if opened is None else OwnPage(workspace, *opened)

    def leave(self, secret: str) -> None:
        """End a session, if there is such a session."""
        with self._load_workspace().database.writing() as connection:
            student_links.end_session(connection, secret)


def _seconds_until(ends_at: str, now: datetime) -> int:
    return max(int((datetime.fromisoformat(ends_at) - now).total_seconds()), 0)


def _enrolled_with_address(data: ClassData, wanted: str, today: date) -> list[str]:
    students, day = data.students, pd.Timestamp(today)
    is_here = ~(students["withdrawn_on"] <= day) & ~(students["enrolled_on"] > day)
    has_address = students["email"].str.strip().str.lower() == wanted
    return [str(student_id) for student_id in students.loc[is_here & has_address, "student_id"]]


def _last_activity(data: ClassData, student_id: str) -> str:
    rows = data.progressions[data.progressions["student_id"] == student_id]
    last = rows[["started_at", "completed_at"]].max().max()
    return "" if pd.isna(last) else last.isoformat()
