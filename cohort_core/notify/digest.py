"""The digest: who needs a message today, in a form for all kinds of destinations."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cohort_core.formatting import count, more

MAX_STUDENTS = 10
MAX_LINE = 280
"""Characters of the line about a student, its name included."""
MAX_NAME = 80
STALE_HOURS = 26
_UNSEEN = ("C", "Zl", "Zp")
"""Categories of characters that a line must not hold: controls, directions, ends of lines."""


@dataclass(frozen=True)
class Line:
    """The line about a student."""

    name: str
    reason: str
    """A short reason with its number, such as "silent for 12 days"."""
    is_new: bool = False
    """True if the last digest did not list the student."""
    url: str | None = None
    """The student's page, None where no address is known under which people open this program."""


@dataclass(frozen=True)
class Digest:
    """All that a digest says. Names are as its destination may see them."""

    headline: str
    """One line for all of it, without names of students."""
    warnings: tuple[str, ...] = ()
    """Lines that come first: a failed sync, or data that is too old."""
    notes: tuple[str, ...] = ()
    """Lines about whole classes."""
    students: tuple[Line, ...] = ()
    more: int = 0
    """Students who need a message and are not in `students`."""
    url: str | None = None
    """The overview."""
    settings_url: str | None = None
    """The page on which these messages can be changed or switched off."""
    footer: str = ""

    def to_json(self) -> str:
        """Return it as the outbox keeps it."""
        return json.dumps(asdict(self), allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Digest:
        """Read what `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        values["students"] = tuple(Line(**line) for line in values["students"])
        return cls(**values | {name: tuple(values[name]) for name in ("warnings", "notes")})

    @property
    def rest(self) -> str:
        """The sentence about those who are not listed, empty without any."""
        return more(self.more) if self.more else ""


def clean(text: str, limit: int = MAX_LINE) -> str:
    """Return a text as one line of at most `limit` characters.

    Controls and changes of direction go, so that a name cannot break or turn the lines around it.
    """
    plain = "".join(
        " " if letter.isspace() else letter
        for letter in text
        if letter.isspace() or not unicodedata.category(letter).startswith(_UNSEEN)
    )
    plain = re.sub(" +", " ", plain).strip()
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def line(name: str, reason: str, *, is_new: bool, url: str | None) -> Line:
    """Make the line about a student, of at most MAX_LINE characters."""
    name = clean(name, MAX_NAME) or "A student without a name"
    used = len(name) + len(" (new): ")
    return Line(name, clean(reason, MAX_LINE - used), is_new, url)


def headline(needing: int, new: int | None, came_back: int, reteach: str | None, data_at: str) -> str:
    """Say all of a day in one line.

    `new` is None where there is no earlier digest to compare with. `reteach` names an assignment, `data_at`
    is the local time of the last sync.
    """
    parts = []
    if needing:
        fresh = f" ({new:,} new)" if new else ""
        parts.append(f"Today {needing:,} {'needs' if needing == 1 else 'need'} a message{fresh}.")
    if came_back:
        parts.append(f"Came back: {came_back:,}.")
    if reteach:
        parts.append(f"Teach again: {reteach}.")
    if not needing:
        parts.insert(0, "A quiet day: nobody needs a message.")
    return " ".join([*parts, f"Data of {data_at}."])


def describe_stuck(name: str, stuck: int) -> str:
    """Name an assignment with how many are stuck in it, such as "Loops (9 stuck)"."""
    return f"{clean(name, 80)} ({stuck:,} stuck)"


def plain_text(digest: Digest) -> str:
    """Write a digest as plain text, for terminals and emails."""
    lines: list[str] = [*digest.warnings, digest.headline, *digest.notes]
    if digest.students:
        lines.append("")
    for student in digest.students:
        lines.append(f"- {student.name}{' (new)' if student.is_new else ''}: {student.reason}")
        if student.url:
            lines.append(f"  {student.url}")
    if digest.rest:
        lines.append(f"  {digest.rest}")
    if digest.url:
        lines += ["", f"Overview: {digest.url}"]
    if digest.footer:
        lines += ["", digest.footer]
    return "\n".join(lines) + "\n"


def test_message(name: str, when: str) -> Digest:
    """Make the message that tries a destination. Nothing of a student is in it."""
    return Digest(
        headline=f"This is a test of “{clean(name, 60)}”. Messages arrive here.",
        notes=(f"Digests come {when}.",),
        footer="Sent by Cohort Tracker. There is nothing about students in a test.",
    )


def sentence_about_names(names: str, *, has_links: bool) -> str:
    """Say in one sentence whose names are in a message."""
    how = ": open a student's page to see who it is." if has_links else "; Cohort Tracker knows who it is."
    return {
        "pseudonym": f"Names here are invented{how}",
        "initial": "First names and initials are in this message.",
        "full": "Names of students are in this message.",
    }[names]


def count_classes(names: Sequence[str], verb: str) -> str:
    """Say how many classes something holds for, with the first names."""
    shown = ", ".join(clean(name, 60) for name in names[:3])
    left = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return f"{count(len(names), 'class', 'classes').capitalize()} {verb}: {shown}{left}."
