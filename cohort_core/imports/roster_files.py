"""Files of rosters and mentors: from the disk to a plan.

`roster_lines` reads a file, `roster_planner` says what an import of it would do.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cohort_core.errors import BadInput
from cohort_core.imports.dates import DateOrder
from cohort_core.imports.roster_lines import RosterFile, read_mentors_file, read_roster_file
from cohort_core.imports.tables import SIZE_LIMIT_BYTES, Unusable
from cohort_core.store import classes, roster
from cohort_core.store.database import Database
from cohort_core.store.roster import Enrolment, Mentor, load_roster, load_seen_students
from cohort_core.store.roster_imports import save_roster

STDIN = "-"


@dataclass(frozen=True)
class ReadingChoices:
    """The choices of a person where a file leaves something open."""

    encoding: str | None = None
    date_order: DateOrder | None = None
    sheet: str | None = None
    night_column: str | None = None


@dataclass
class MentorsPlan:
    """The result that the import of mentors would have."""

    mentors: list[Mentor] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)

    def keep(self, database: Database) -> None:
        """Replace the mentors, or raise ``BadInput`` if no line can be used."""
        if not self.mentors:
            raise BadInput(
                "No line of the mentors can be used. " + _first_reasons(self.unusable), parameter="mentors"
            )
        roster.save_mentors(database, self.mentors)


def read_content(path: Path) -> bytes:
    """Return the content of a file, of standard input for ``-``.

    Raises ``BadInput`` for a file that cannot be read or is too large.
    """
    try:
        if str(path) == STDIN:
            content = sys.stdin.buffer.read(SIZE_LIMIT_BYTES + 1)
        else:
            with path.open("rb") as file:
                content = file.read(SIZE_LIMIT_BYTES + 1)
    except (OSError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or "there is no standard input"
        raise BadInput(
            f"{path} cannot be read ({reason}). Check its name and that it is yours to read.",
            parameter="file",
        ) from None
    if len(content) > SIZE_LIMIT_BYTES:
        raise BadInput(
            f"{path} is too large for a roster. Check that it is the right file.", parameter="file"
        )
    return content


def read_roster(
    database: Database,
    content: bytes,
    name: str,
    class_reference: str | None = None,
    choices: ReadingChoices | None = None,
) -> RosterFile:
    """Read a roster; its class settles what the file leaves open.

    Raises ``BadInput`` if it is none, and ``UnknownClass``.
    """
    class_ids = (
        classes.active_class_ids(database)
        if class_reference is None
        else [classes.find_class_by_name(database, class_reference)]
    )
    first_days = {classes.load_first_day(database, class_id) for class_id in class_ids}
    return read_roster_file(
        content,
        name,
        names_in_class=_names(database, class_ids),
        emails_in_class=_emails(database, class_ids),
        class_starts_on=first_days.pop() if len(first_days) == 1 else None,
        **asdict(choices or ReadingChoices()),
    )


def _names(database: Database, class_ids: Sequence[str]) -> set[str]:
    names: set[str | None] = set()
    with database.reading() as connection:
        for class_id in class_ids:
            for student in load_seen_students(connection, class_id):
                names |= {student.first_name, student.last_name, student.email}
            for line in load_roster(connection, class_id):
                names |= {line.first_name, line.last_name, line.email}
    return {name for name in names if name}


def _emails(database: Database, class_ids: Sequence[str]) -> set[str]:
    """Load the emails of the students of these classes at OpenClass."""
    with database.reading() as connection:
        students = [student for each in class_ids for student in load_seen_students(connection, each)]
    return {student.email for student in students if student.email}


def plan_mentors(content: bytes, name: str = "The file") -> MentorsPlan:
    """Read mentors, or raise ``BadInput`` if the content is not a list of mentors."""
    file = read_mentors_file(content, name)
    plan = MentorsPlan(unusable=list(file.not_used))
    seen: set[str] = set()
    for line in file.lines:
        if roster.folded(line.name) in seen:
            plan.unusable.append(Unusable(line.line, "repeats a name"))
        else:
            seen.add(roster.folded(line.name))
            plan.mentors.append(Mentor(line.name, line.night))
    plan.unusable.sort(key=lambda unusable: unusable.line)
    return plan


def import_mentors(database: Database, content: bytes, name: str = "The file") -> MentorsPlan:
    """Read mentors, keep them at once and return their plan.

    After an exception nothing has changed.
    """
    plan = plan_mentors(content, name)
    plan.keep(database)
    return plan


def import_practice_rosters(database: Database, school: Any) -> None:
    """Give the practice classes the rosters of the practice school."""
    names = [name for name in Enrolment.__dataclass_fields__ if name != "stand_in_id"]
    for class_id in school.rosters():
        lines = [
            Enrolment(**{name: row.get(name) or None for name in names}) for row in school.roster(class_id)
        ]
        save_roster(database, {class_id: lines})
    roster.save_mentors(database, [Mentor(row["name"], row["night"] or None) for row in school.mentors()])


def _first_reasons(unusable: Sequence[Unusable]) -> str:
    if not unusable:
        return "It has no lines below the header; add some and try again."
    reasons = "; ".join(f"line {entry.line} {entry.reason}" for entry in unusable[:3])
    return f"{reasons[0].upper()}{reasons[1:]}. Correct the file and try again."
