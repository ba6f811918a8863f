"""A student's own page: the data that it shows, and asking for help.

It reads the data of one student and nothing else. No risk, level, reason or rank is computed for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Literal, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from cohort_core.clock import utc_now
from cohort_core.errors import BadInput, UnknownClass
from cohort_core.services.workspace import Workspace
from cohort_core.store import contacts, help_requests
from cohort_core.store.audit import add_event
from cohort_core.store.help_requests import HelpRequest
from cohort_core.store.student_links import StudentKey

if TYPE_CHECKING:
    from cohort_core.metrics.cohort import Cohort
    from cohort_core.metrics.own_progress import OwnProgress

STUDENT = "student"
"""The actor in the audit, which names no student."""

Absence = Literal["left", "not_begun"]


class OwnContact(NamedTuple):
    """A message or talk with the student, with its note if they may read it."""

    at: datetime
    channel: str
    note: str | None


@dataclass(frozen=True)
class OwnView:
    """All that the page shows.

    `progress` is None for a student who is not in the class; `absence` says why. In anonymous mode there is
    neither name nor note. `is_open` says that mentors look at the class, so that help can be asked for.
    """

    class_name: str
    zone: tzinfo
    as_of: datetime | None
    is_open: bool
    is_anonymous: bool
    progress: OwnProgress | None = None
    absence: Absence | None = None
    first_name: str | None = None
    facts: dict[str, str] = field(default_factory=dict)
    """Name, email and group as they are kept, by label."""
    records: int = 0
    contacts: tuple[OwnContact, ...] = ()
    requests: tuple[HelpRequest, ...] = ()
    """Newest first."""


@dataclass(frozen=True)
class OwnPage:
    """The page of one student in one class."""

    _workspace: Workspace = field(repr=False)
    key: StudentKey
    ends_at: str
    """UTC text of the end of the session."""

    def view(self) -> OwnView:
        """Return what the page shows now."""
        workspace, settings = self._workspace, self._workspace.settings()
        try:
            cohort = workspace.cohorts.cohort(self.key.class_id)
        except UnknownClass:
            return OwnView("", ZoneInfo("UTC"), None, False, settings.anonymous, absence="left")
        data = cohort.class_data
        status = next(item for item in workspace.cohorts.statuses() if item.id == data.class_id)
        with workspace.database.reading() as connection:
            noted = contacts.load_contacts(connection, *self.key)
            requests = help_requests.load_requests(connection, self.key)
        view = OwnView(
            data.name,
            cohort.tz,
            None if data.synced_at is None else data.synced_at.to_pydatetime(),
            is_open=status.is_open,
            is_anonymous=settings.anonymous,
            contacts=tuple(
                OwnContact(
                    datetime.fromisoformat(item.at),
                    item.channel,
                    item.note if settings.student_notes and not settings.anonymous else None,
                )
                for item in noted
            ),
            requests=tuple(requests),
        )
        shown_id = workspace.cohorts.student_id_for(data.class_id, self.key.student_id)
        if shown_id is None or shown_id not in cohort.students.index:
            return replace(view, absence=_absence(cohort, shown_id))
        return self._with_progress(view, cohort, shown_id)

    def _with_progress(self, view: OwnView, cohort: Cohort, shown_id: str) -> OwnView:
        from cohort_core.metrics.own_progress import own_progress

        row = int(cohort.students.index.get_indexer(pd.Index([shown_id]))[0])
        student = {
            name: None if pd.isna(value) else str(value) for name, value in cohort.students.iloc[row].items()
        }
        facts = {
            "Name": " ".join(filter(None, [student["first_name"], student["last_name"]])),
            "Email": student["email"],
            "Class night": student["night"],
            "Region": student["region"],
        }
        first, last = np.searchsorted(cohort.student, [row, row + 1])
        return replace(
            view,
            progress=own_progress(cohort, shown_id),
            first_name=None if view.is_anonymous else student["first_name"],
            facts={} if view.is_anonymous else {label: text for label, text in facts.items() if text},
            records=int(last - first),
        )

    def ask_for_help(self, assignment_id: str | None, text: str) -> bool:
        """Ask the mentor for help with an assignment in progress, or with anything.

        Returns False if there is an unanswered request about it already. Raises ``BadInput`` for an
        assignment that is not in progress, for a text that is too long, for too many requests, and if nobody
        looks at the class any more.
        """
        view = self.view()
        if view.progress is None or not view.is_open:
            raise BadInput("Nobody looks at this class any more, so nothing was sent.", parameter="text")
        if assignment_id is not None and assignment_id not in {
            item.assignment_id for item in view.progress.in_progress
        }:
            raise BadInput(
                "This is not in progress any more. Load the page again, and choose another.",
                parameter="assignment_id",
            )
        said = "".join(letter for letter in text.strip() if letter.isprintable() or letter == "\n") or None
        with self._workspace.database.writing() as connection:
            is_new = help_requests.add_request(connection, self.key, assignment_id, said, utc_now())
            if is_new:
                add_event(connection, STUDENT, "help asked", f"class {self.key.class_id}")
        return is_new

    def take_back(self, request_id: int) -> bool:
        """Delete an unanswered request; return whether there was one."""
        with self._workspace.database.writing() as connection:
            was_there = help_requests.take_back(connection, self.key, request_id)
            if was_there:
                add_event(connection, STUDENT, "help taken back", f"class {self.key.class_id}")
        return was_there


def _absence(cohort: Cohort, shown_id: str | None) -> Absence:
    everyone = cohort.class_data.students
    rows = everyone[everyone["student_id"] == shown_id]
    if shown_id is None or rows.empty:
        return "left"
    has_left = rows["withdrawn_on"] <= pd.Timestamp(cohort.local_date)
    return "left" if has_left.any() else "not_begun"
