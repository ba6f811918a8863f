"""A draft of a first message to a student, to copy and change.

It says in a mentor's words what the numbers say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cohort_core.dashboard.components.text import count
from cohort_core.metrics.activity import enrolled_days, returns
from cohort_core.metrics.acts import acts_of
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.detail import missing_work, stuck_work
from cohort_core.metrics.praise import praise
from cohort_core.reports import catalog
from cohort_core.reports.drafts import OURS, Template, fill
from cohort_core.services.reader import Reader

# Exactly one address: some mail programs read a comma, or a line break, as the begin of another one.
_ADDRESS = re.compile(r"[^@\s,;:<>\"()\[\]\\\x00-\x1f\x7f]+@[^@\s,;:<>\"()\[\]\\\x00-\x1f\x7f]+")
HELP = "Made from the numbers on this page, for you to change. Nothing is sent from here."
MAX_MISSING = 2


@dataclass(frozen=True)
class Templates:
    """The templates of all kinds, and the name below a message."""

    of: Mapping[str, Template]
    mentor: str | None = None

    @classmethod
    def of_reader(cls, reader: Reader) -> Templates:
        """Return what a reader uses: the saved templates, and ours for the rest."""
        drafts = reader.drafts().items()
        return cls({kind: draft.template for kind, draft in drafts}, reader.signature)


@dataclass(frozen=True)
class Draft:
    """A message, its template, and the address of the student if there is one."""

    subject: str
    text: str
    template: str
    email: str | None

    @property
    def mail_address(self) -> str:
        """The address of a new mail with subject and text."""
        query = f"subject={quote(self.subject)}&body={quote(self.text)}"
        return f"mailto:{quote(self.email or '', safe='@')}?{query}"


def is_address(email: str) -> bool:
    """Return True for exactly one address that a mail program reads as such."""
    return _ADDRESS.fullmatch(email) is not None


@dataclass(frozen=True)
class Situation:
    """The reason to write to a student, with the values of the placeholders."""

    kind: str
    values: Mapping[str, str | None]


def of_student(
    cohort: Cohort, student_id: str, templates: Templates | None = None, kind: str | None = None
) -> Draft:
    """Return the draft for a student of the class.

    The kind is by default that of the biggest obstacle. Raises BadInput for another student.
    """
    templates = templates or Templates(OURS)
    situation = situation_of(cohort, student_id, kind)
    filled = fill(templates.of[situation.kind], {**situation.values, "mentor": templates.mentor})
    email = str(cohort.students.loc[student_id]["email"])
    return Draft(filled.subject, filled.body, situation.kind, email if is_address(email) else None)


def situation_of(cohort: Cohort, student_id: str, kind: str | None = None) -> Situation:
    """Return why to write to a student, and what the placeholders stand for.

    Raises BadInput for a student who is not in the class.
    """
    health = catalog.student(cohort, student_id).record()
    work = catalog.student_assignments(cohort, student_id).frame
    stuck, missing = stuck_work(work), missing_work(work)["name"].tolist()
    returned = returns(cohort).get(student_id)
    kind = kind or kind_of(
        health,
        stuck["name"].tolist(),
        missing,
        cohort.thresholds.cooling_days,
        is_back=returned is not None,
        is_praised=student_id in set(praise(cohort.all_types)["student_id"]),
    )
    days: float | None = None
    assignment = missing[0] if missing else None
    match kind:
        case "never_started":
            days = float(enrolled_days(cohort)[cohort.students.index == student_id][0])
        case "silent" | "silent_and_stuck":
            days = health["days_silent"]
        case "stuck" if not stuck.empty:
            days = stuck["days"].iloc[0]
        case "back_again" | "praise" if returned is not None:
            days = returned.silent_days
    if kind in ("stuck", "silent_and_stuck") and not stuck.empty:
        assignment = stuck["name"].iloc[0]
    elif kind == "praise":
        assignment = _last_completed(cohort, student_id)
    first_name = cohort.students.loc[student_id]["first_name"]
    return Situation(
        kind,
        {
            "first_name": first_name if isinstance(first_name, str) else None,
            "assignment": assignment and f"“{assignment}”",
            "days": None if days is None or days != days else count(int(days), "day"),
            "missing": " and ".join(f"“{name}”" for name in missing[:MAX_MISSING]) or None,
        },
    )


def kind_of(
    health: Mapping[str, Any],
    stuck: Sequence[str],
    missing: Sequence[str],
    silent_days: int,
    *,
    is_back: bool = False,
    is_praised: bool = False,
) -> str:
    """Return the kind of draft for a student.

    `health` is a row of the report ``student_health``. `stuck` holds the assignments in which the student is
    stuck, `missing` those that most of the class has completed and the student has not.
    """
    silent = health["days_silent"]
    if silent is None:
        return "never_started"
    if silent >= silent_days:
        return "silent_and_stuck" if stuck else "silent"
    if is_back or is_praised:
        return "praise" if is_praised else "back_again"
    if stuck:
        return "stuck"
    return "behind" if health["risk"] != "low" else "praise"


def _last_completed(cohort: Cohort, student_id: str) -> str | None:
    """Return the name of the latest assignment that the student completed."""
    course = cohort.all_types.assignments["name"]
    done = [
        course[act.assignment_id]
        for act in acts_of(cohort.class_data, student_id)
        if act.event == "completed" and act.at <= cohort.as_of and act.assignment_id in course.index
    ]
    return done[-1] if done else None
