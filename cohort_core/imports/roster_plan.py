"""Plans of the import of a roster: lines, their students, the result.

A line that means a student of OpenClass is used. One that means nobody is a question: it becomes a student
only if a mentor says so, or has said so before. `roster_planner` makes a plan; `keep` writes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cohort_core.display_names import display_names
from cohort_core.imports.roster_lines import RosterFile
from cohort_core.store.database import Database
from cohort_core.store.records import Student
from cohort_core.store.roster import Enrolment
from cohort_core.store.roster_imports import Answer, save_roster

GROUP_COLUMNS = ("night", "region")

State = Literal["matched", "near", "new", "not_used"]
Decision = Literal["use", "same", "leave", "ask"]
Chosen = Collection[int] | Literal["all"]


@dataclass(frozen=True)
class Choices:
    """The choices for lines that do not mean a student for certain.

    They are given by line number, or for all of a kind.

    ``enrol_new`` and ``enrol_near`` make them students of their own, ``accept_near`` takes them as the
    student who is suggested. ``leave`` leaves lines out that are in none of these,
    and does not ask about them again.
    """

    enrol_new: Chosen = ()
    enrol_near: Chosen = ()
    accept_near: Chosen = ()
    leave: Chosen = ()


@dataclass(frozen=True)
class PlannedLine:
    """A line of a file, with its place in the spreadsheet.

    ``student`` is the one it means, or for *near* the one it may mean. ``is_settled`` is False for a
    line that waits for an answer or cannot be used.
    """

    line: int
    state: State
    enrolment: Enrolment
    student: Student | None = None
    student_name: str = ""
    """The name of ``student`` as pages show it."""
    reason: str = ""
    decision: Decision = "leave"
    is_settled: bool = True
    was_answered: bool = False
    class_id: str | None = None

    @property
    def is_used(self) -> bool:
        return self.decision in {"use", "same"}

    @property
    def meant(self) -> Student | None:
        """The student that the line means; None for a suggestion that nobody took."""
        return self.student if self.state == "matched" or self.decision == "same" else None

    @property
    def name(self) -> str:
        """The name in the file, else the email or the id."""
        line = self.enrolment
        name = f"{line.first_name or ''} {line.last_name or ''}".strip()
        return name or line.email or line.student_id or ""


@dataclass
class ClassPlan:
    """The part of a plan that is about one class."""

    class_id: str
    name: str
    before: list[Enrolment]
    after: list[Enrolment] = field(default_factory=list)
    dropped: list[Enrolment] = field(default_factory=list)
    """Lines of the present roster that the import takes away."""
    answers: list[Answer] = field(default_factory=list)

    def groups(self) -> dict[str, Counter[str]]:
        """Count the lines of each night and region that results; case does not matter."""
        groups: dict[str, Counter[str]] = {}
        for kind in GROUP_COLUMNS:
            spellings: dict[str, str] = {}
            counted: Counter[str] = Counter()
            for line in self.after:
                if label := getattr(line, kind):
                    counted[spellings.setdefault(label.casefold(), label)] += 1
            if counted:
                groups[kind] = counted
        return groups


@dataclass
class RosterPlan:
    """The result that the import of a file would have."""

    file: RosterFile
    lines: list[PlannedLine]
    by_class: dict[str, ClassPlan]
    is_added: bool
    hint: str = ""
    """The likely reason why a great part of the file matches nobody."""

    def of_state(self, state: State) -> list[PlannedLine]:
        return [line for line in self.lines if line.state == state]

    @property
    def used(self) -> int:
        return sum(line.is_used for line in self.lines)

    @property
    def is_settled(self) -> bool:
        """True if every line is used or was knowingly left out, and no date waits."""
        return all(line.is_settled for line in self.lines) and not self.waiting_dates

    @property
    def waiting_dates(self) -> list[int]:
        """The lines with a date whose order of day and month nothing decides."""
        unclear = {entry.line for entry in self.file.unclear_dates}
        return [line.line for line in self.lines if line.line in unclear and line.decision != "leave"]

    @property
    def left_out_now(self) -> int:
        """The number of lines that are left out from now on."""
        return sum(
            line.decision == "leave" and line.state in {"near", "new"} and not line.was_answered
            for line in self.lines
        )

    @property
    def names_classes(self) -> bool:
        return any(line.class_name for line in self.file.lines)

    def as_dict(self, *, with_names: bool = True) -> dict[str, Any]:
        """Return the answer of ``import --json``."""
        return {
            **{state: len(self.of_state(state)) for state in ("matched", "near", "new", "not_used")},
            "ignored_columns": list(self.file.ignored_columns),
            "encoding": self.file.encoding,
            "assumptions": list(self.file.assumptions),
            "hint": self.hint or None,
            "mode": "add" if self.is_added else "replace",
            "classes": [
                {
                    "id": part.class_id,
                    "name": part.name,
                    "lines_before": len(part.before),
                    "lines_after": len(part.after),
                    "taken_away": len(part.dropped),
                }
                for part in self.by_class.values()
            ],
            "lines": [_line_as_dict(line, with_names=with_names) for line in self.lines],
        }


def _line_as_dict(line: PlannedLine, *, with_names: bool) -> dict[str, Any]:
    student = line.student and {
        "id": line.student.id if with_names else None,
        "name": line.student_name if with_names else None,
    }
    return {
        "line": line.line,
        "state": line.state,
        "name": line.name if with_names else None,
        "class_id": line.class_id,
        "enrolled": line.is_used,
        "left_out": line.decision == "leave" and line.state in {"near", "new"},
        "student": student if line.state == "matched" else None,
        "suggestion": student if line.state == "near" else None,
        "reason": line.reason or None,
    }


def display_name(student: Student | Enrolment) -> str:
    """Return the name of a person, else their email; never an id."""
    return f"{student.first_name or ''} {student.last_name or ''}".strip() or student.email or ""


def names_of(students: Sequence[Student]) -> dict[str, str]:
    """Return the name of each student of a class by id, as pages show it."""
    people = [(student.first_name, student.last_name, student.email) for student in students]
    return dict(zip([student.id for student in students], display_names(people), strict=True))


def keep(database: Database, plan: RosterPlan) -> bool:
    """Write a plan, and return whether a line of it is used.

    Without such a line no roster changes. The answers about the lines are kept in each case.
    """
    used = {line.class_id for line in plan.lines if line.is_used}
    parts = {class_id: part for class_id, part in plan.by_class.items() if part.answers}
    if parts:
        save_roster(
            database,
            {class_id: part.after if class_id in used else part.before for class_id, part in parts.items()},
            {class_id: part.answers for class_id, part in parts.items()},
        )
    return bool(used)
