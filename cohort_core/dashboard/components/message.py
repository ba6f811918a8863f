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
from cohort_core.metrics.cohort import Cohort
from cohort_core.reports import catalog

# Exactly one address: some mail programs read a comma, or a line break, as the begin of another one.
_ADDRESS = re.compile(r"[^@\s,;:<>\"()\[\]\\\x00-\x1f\x7f]+@[^@\s,;:<>\"()\[\]\\\x00-\x1f\x7f]+")
HELP = "Made from the numbers on this page, for you to change. Nothing is sent from here."
SUBJECT = "How are you getting on?"
HALF_OF_THE_CLASS = 0.5


@dataclass(frozen=True)
class Draft:
    """A message, its template, and the address of the student if there is one."""

    text: str
    template: str
    email: str | None

    @property
    def mail_address(self) -> str:
        """The address of a new mail with subject and text."""
        return f"mailto:{quote(self.email or '', safe='@')}?subject={quote(SUBJECT)}&body={quote(self.text)}"


def is_address(email: str) -> bool:
    """Return True for exactly one address that a mail program reads as such."""
    return _ADDRESS.fullmatch(email) is not None


def of_student(cohort: Cohort, student_id: str) -> Draft:
    """Return the draft for a student of the class. Raises BadInput for another student."""
    health = catalog.student(cohort, student_id).record()
    work = catalog.student_assignments(cohort, student_id).frame
    is_stuck = work["status"] == "stuck"
    is_open = work["status"].isin(["not_started", "in_progress"])
    stuck = work[is_stuck].sort_values("days", ascending=False)["name"].tolist()
    missing = work[is_open & (work["class_completion_rate_all"] >= HALF_OF_THE_CLASS)]["name"].tolist()
    row = cohort.students.loc[student_id]
    name, email = (
        str(row[field]) if isinstance(row[field], str) else None for field in ("first_name", "email")
    )
    silent_days = cohort.thresholds.cooling_days
    return Draft(
        draft(name, health, stuck, missing, silent_days),
        template_of(health, stuck, missing, silent_days),
        email if email and is_address(email) else None,
    )


def draft(
    name: str | None,
    health: Mapping[str, Any],
    stuck: Sequence[str],
    missing: Sequence[str],
    silent_days: int,
) -> str:
    """Write a message about the student's biggest obstacle, with a question about it.

    `name` is the first name, None if it is not known. `health` is a row of the report ``student_health``.
    `stuck` holds the assignments in which the student is stuck, the longest first. `missing` holds the
    assignments that most of the class has completed and the student has not, in course order.
    """
    greeting = f"Hi {name}," if name else "Hi,"
    return f"{greeting}\n{_body(health, stuck, missing, silent_days)}"


def template_of(
    health: Mapping[str, Any], stuck: Sequence[str], missing: Sequence[str], silent_days: int
) -> str:
    """Return the reason for which `draft` writes."""
    silent = health["days_silent"]
    if silent is None:
        return "never_started"
    if silent >= silent_days:
        return "silent_and_stuck" if stuck else "silent"
    if stuck:
        return "stuck"
    return "behind" if health["risk"] != "low" and missing else "going_well"


def _body(health: Mapping[str, Any], stuck: Sequence[str], missing: Sequence[str], silent_days: int) -> str:
    silent = health["days_silent"]
    match template_of(health, stuck, missing, silent_days):
        case "never_started":
            began = f" Most of the class began with “{missing[0]}”." if missing else ""
            return (
                f"I have not seen you in the course yet, and wanted to ask how you are.{began} What would "
                "help you to begin?"
            )
        case "silent" | "silent_and_stuck":
            back = ""
            if stuck:
                back = f" If it was “{stuck[0]}” that stopped you: I am glad to look at it with you."
            elif missing:
                back = f" When you are back, “{missing[0]}” is a good place to go on."
            gone = f"I have not seen you in the course for {count(silent, 'day')}."
            return f"{gone} Is everything all right?{back}"
        case "stuck":
            return (
                f"I saw that “{stuck[0]}” has kept you busy for a while. What holds you up? I am glad to "
                "look at it with you."
            )
        case "behind":
            names = " and ".join(f"“{name}”" for name in missing[:2])
            return (
                f"Most of the class is through with {names}, which you have not finished. Is there something "
                "that gets in your way? I am glad to help."
            )
    return (
        f"You have completed {health['completed']} of {health['total']}. How is it going, and is there "
        "anything that you would like to look at more closely?"
    )
