"""Plans of the import of a roster: the student of each line, and the result.

A line that means a student of OpenClass is used. One that means nobody is a question: it becomes a student
only if a mentor says so, or has said so before. A plan writes nothing; `keep` writes it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cohort_core.display_names import display_names
from cohort_core.errors import BadInput, UnknownClass
from cohort_core.formatting import count
from cohort_core.imports.near_matches import NearMatches
from cohort_core.imports.roster_lines import RosterFile, RosterLine
from cohort_core.store import classes
from cohort_core.store.database import Database
from cohort_core.store.identity import address, full_name
from cohort_core.store.records import Student
from cohort_core.store.roster import Enrolment, load_roster, load_seen_students
from cohort_core.store.roster_imports import (
    Answer,
    Answers,
    load_answers,
    same_people,
    save_roster,
    with_stand_ins,
)
from cohort_core.store.roster_matching import LineMatch, match_lines
from cohort_core.store.stand_ins import load_aliases

GROUP_COLUMNS = ("night", "region")
MAX_UNMATCHED_SHARE = 0.25
"""If a greater part of a file matches nobody, the summary begins with it."""
MIN_UNMATCHED = 4
"""Fewer lines that match nobody say nothing about the file."""

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


def plan_roster(
    database: Database,
    file: RosterFile,
    class_reference: str | None = None,
    *,
    choices: Choices | None = None,
    is_added: bool = False,
) -> RosterPlan:
    """Plan the import of a file for a class.

    Without ``class_reference`` each line may name its class. Raises ``UnknownClass`` if ``class_reference``
    is unknown, and ``BadInput`` for a file without people.
    """
    find = _ClassOfLine(database, class_reference)
    planned = [
        PlannedLine(line.line, "not_used", Enrolment(), reason=line.reason, is_settled=False)
        for line in file.not_used
    ]
    lost = {line.line: _ENDS_TOO_EARLY for line in file.lines if _ends_too_early(line)}
    for entry in (*file.lost_dates, *file.unclear_dates):
        lost[entry.line] = "; ".join(filter(None, (lost.get(entry.line), entry.reason)))
    lines: dict[str, list[RosterLine]] = defaultdict(list)
    for line in file.lines:
        class_id, reason, is_settled = find(line)
        if class_id is None:
            planned.append(
                PlannedLine(line.line, "not_used", _enrolment(line), reason=reason, is_settled=is_settled)
            )
        else:
            lines[class_id].append(line)
    if not (file.lines or file.not_used):
        raise BadInput(
            "The file has no people below its header. Add some and try again.", parameter="students"
        )
    by_class = {}
    names = {status.id: status.name for status in classes.load_statuses(database)}
    for class_id, of_class in lines.items():
        part = _PartMaker(database, class_id, names[class_id], of_class, choices or Choices(), is_added)
        planned += part.lines
        by_class[class_id] = part.plan
    planned = [
        replace(line, reason="; ".join(filter(None, (line.reason, lost[line.line]))))
        if line.line in lost
        else line
        for line in planned
    ]
    plan = RosterPlan(file, sorted(planned, key=lambda line: line.line), by_class, is_added)
    plan.hint = _hint(database, plan, names)
    return plan


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


def _enrolment(line: RosterLine) -> Enrolment:
    names = [name for name in Enrolment.__dataclass_fields__ if name != "stand_in_id"]
    enrolment = Enrolment(**{name: getattr(line, name) for name in names})
    return replace(enrolment, withdrawn_on=None) if _ends_too_early(line) else enrolment


def _ends_too_early(line: RosterLine) -> bool:
    return bool(line.enrolled_on and line.withdrawn_on and line.withdrawn_on < line.enrolled_on)


class _ClassOfLine:
    """Finds the class of a line; each name is looked up once."""

    def __init__(self, database: Database, class_reference: str | None) -> None:
        self._database = database
        self._is_fixed = class_reference is not None
        self._fallback = (
            classes.find_class_by_name(database, class_reference)
            if class_reference is not None
            else _only_active(database)
        )
        self._class_ids: dict[str, str | None] = {}

    def __call__(self, line: RosterLine) -> tuple[str | None, str, bool]:
        """Return the class of a line; or None, why, and whether the mentor knows."""
        if line.class_name is None:
            return self._fallback, "names no class: choose the class", False
        if line.class_name not in self._class_ids:
            try:
                class_id = classes.find_class_by_name(self._database, line.class_name)
            except (UnknownClass, BadInput):
                class_id = None
            self._class_ids[line.class_name] = class_id
        class_id = self._class_ids[line.class_name]
        if not self._is_fixed:
            return class_id, "names a class that is not known", False
        if class_id in {None, self._fallback}:
            return self._fallback, "", True
        return None, "is about another class", True


def _only_active(database: Database) -> str | None:
    active = classes.active_class_ids(database)
    return active[0] if len(active) == 1 else None


class _PartMaker:
    """Makes the part of a plan that is about one class."""

    def __init__(
        self,
        database: Database,
        class_id: str,
        name: str,
        lines: Sequence[RosterLine],
        choices: Choices,
        is_added: bool,
    ) -> None:
        with database.reading() as connection:
            before = load_roster(connection, class_id)
            self._seen = load_seen_students(connection, class_id)
            self._aliases = load_aliases(connection, class_id)
            said = Answers(load_answers(connection, class_id))
        self._seen_ids = {student.id for student in self._seen}
        self._names = names_of(self._seen)
        self._choices = choices
        self._numbers = [line.line for line in lines]
        self._enrolments = with_stand_ins(before, [_enrolment(line) for line in lines], class_id)
        self._said = said.about(self._enrolments)
        self._said_of = dict(zip(self._numbers, self._said, strict=True))
        self.plan = ClassPlan(class_id, name, before)
        self.lines = self._decide(self._match())
        self._result(is_added)

    def _match(self) -> list[LineMatch]:
        """Match the lines; an answer of before decides where the line itself does not."""
        matches = match_lines(self._enrolments, self._seen, self._aliases)
        meant = {match.student.id for match in matches if match.student is not None}
        students = {student.id: student for student in self._seen}
        for place, (match, said) in enumerate(zip(matches, self._said, strict=True)):
            if match.state == "unseen" and said is not None and said.meant_id in students.keys() - meant:
                meant.add(said.meant_id or "")
                matches[place] = LineMatch("matched", students[said.meant_id or ""])
        return matches

    def _decide(self, matches: Sequence[LineMatch]) -> list[PlannedLine]:
        meant = {match.student.id for match in matches if match.student is not None}
        near = NearMatches(
            [student for student in self._seen if student.id not in meant],
            [line for line, match in zip(self._enrolments, matches, strict=True) if match.state == "unseen"],
        )
        return [self._planned(place, match, near) for place, match in enumerate(matches)]

    def _planned(self, place: int, match: LineMatch, near: NearMatches) -> PlannedLine:
        line, said = self._enrolments[place], self._said[place]
        reason = match.reason
        if match.other is not None:
            reason = reason.format(other=self._numbers[match.other])
        planned = PlannedLine(
            self._numbers[place], "not_used", line, reason=reason, class_id=self.plan.class_id
        )
        if match.state == "matched":
            name = self._names[match.student.id] if match.student is not None else ""
            return replace(planned, state="matched", student=match.student, student_name=name, decision="use")
        if match.state != "unseen":
            says_nothing_else = match.state == "repeated" and self._repeats(line, match.other)
            return replace(planned, is_settled=says_nothing_else)
        kind = said.kind if said is not None else None
        has_left = kind == "same" and said is not None and said.meant_id not in self._seen_ids
        if kind == "enrol" or has_left:
            return replace(planned, state="new", decision="use", was_answered=True)
        suggestion = near.near(line)
        if suggestion is None and not _names_somebody(line):
            return replace(planned, reason=_NAMES_NOBODY, is_settled=False)
        planned = replace(planned, state="near" if suggestion else "new", student=suggestion)
        if suggestion is not None:
            planned = replace(planned, student_name=self._names[suggestion.id])
        if suggestion is None and not reason:
            planned = replace(planned, reason="matches nobody at OpenClass")
        decision = self._chosen(planned)
        if decision == "ask" and (kind == "leave" or _holds(self._choices.leave, planned.line)):
            decision = "leave"
        return replace(planned, decision=decision, is_settled=decision != "ask", was_answered=kind == "leave")

    def _repeats(self, line: Enrolment, other: int | None) -> bool:
        """Return True if a line says nothing beyond the line that counts."""
        if other is None:
            return False
        counting = self._enrolments[other]
        names = (*GROUP_COLUMNS, "enrolled_on", "withdrawn_on")
        return all(getattr(line, name) in {None, getattr(counting, name)} for name in names)

    def _chosen(self, line: PlannedLine) -> Decision:
        if line.state == "near" and _holds(self._choices.accept_near, line.line):
            return "same"
        wanted = self._choices.enrol_near if line.state == "near" else self._choices.enrol_new
        return "use" if _holds(wanted, line.line) else "ask"

    def _result(self, is_added: bool) -> None:
        """Work out the roster that results, and what it loses."""
        part = self.plan
        used = [line for line in self.lines if line.is_used]
        stored = [
            replace(line.enrolment, student_id=line.student.id)
            if line.student is not None and (line.decision == "same" or self._was_accepted(line))
            else line.enrolment
            for line in used
        ]
        earlier = self._earlier(used)
        linked = {id(line) for line in earlier if line is not None}
        rest = [line for line in part.before if id(line) not in linked]
        if is_added:
            merged = {
                id(old): _merged(old, line)
                for old, line in zip(earlier, stored, strict=True)
                if old is not None
            }
            part.after = [merged.get(id(line), line) for line in part.before]
            part.after += [line for old, line in zip(earlier, stored, strict=True) if old is None]
        else:
            part.after, part.dropped = stored, rest
        part.answers = [
            Answer(line.enrolment, "same", line.student.id)
            if line.student is not None and (line.decision == "same" or self._was_accepted(line))
            else Answer(line.enrolment, "enrol")
            for line in used
        ]
        part.answers += [
            Answer(line.enrolment, "leave")
            for line in self.lines
            if line.state in {"near", "new"} and line.decision == "leave"
        ]

    def _was_accepted(self, line: PlannedLine) -> bool:
        said = self._said_of[line.line]
        return said is not None and line.student is not None and said.meant_id == line.student.id

    def _earlier(self, used: Sequence[PlannedLine]) -> list[Enrolment | None]:
        """Return the present line of each person."""
        before = self.plan.before
        by_student = {
            match.student.id: line
            for line, match in zip(before, match_lines(before, self._seen, self._aliases), strict=True)
            if match.state == "matched" and match.student is not None
        }
        alike = same_people(before, [line.enrolment for line in used])
        present: list[Enrolment | None] = []
        taken: set[int] = set()
        for line, other in zip(used, alike, strict=True):
            earlier = by_student.get(line.meant.id) if line.meant is not None else None
            earlier = other if earlier is None else earlier
            if earlier is not None and id(earlier) in taken:
                earlier = None
            if earlier is not None:
                taken.add(id(earlier))
            present.append(earlier)
        return present


_ENDS_TOO_EARLY = "ends before it begins, so its last day is left out"
_NAMES_NOBODY = "has no email and no full name, and nobody at OpenClass has this name or id"


def _names_somebody(line: Enrolment) -> bool:
    """Return True for a line with an email, or a name of two words."""
    return bool(address(line.email)) or " " in full_name(line.first_name, line.last_name)


def _holds(chosen: Chosen, line: int) -> bool:
    return chosen == "all" or line in chosen


def _merged(old: Enrolment, new: Enrolment) -> Enrolment:
    """Fill the empty values of a later line with those of before."""
    return Enrolment(
        **{
            name: getattr(new, name) if getattr(new, name) is not None else getattr(old, name)
            for name in Enrolment.__dataclass_fields__
            if name != "stand_in_id"
        },
        stand_in_id=old.stand_in_id,
    )


def _hint(database: Database, plan: RosterPlan, names: dict[str, str]) -> str:
    """Say why a great part of a file matches nobody."""
    people = [line for line in plan.lines if line.state != "not_used"]
    lost = [line for line in people if line.state == "new" and not line.was_answered]
    if len(lost) <= MAX_UNMATCHED_SHARE * len(people):
        return ""
    verb = "matches" if len(lost) == 1 else "match"
    begin = f"{len(lost)} of {count(len(people), 'line')} {verb} nobody at OpenClass."
    with database.reading() as connection:
        seen = {class_id: load_seen_students(connection, class_id) for class_id in names}
    if not any(seen[class_id] for class_id in plan.by_class):
        return f"{begin} The class has no records yet. Sync it first, and import the file after that."
    if len(lost) < MIN_UNMATCHED:
        return ""
    lines = [line.enrolment for line in lost]
    elsewhere = {
        class_id: sum(match.state == "matched" for match in match_lines(lines, students))
        for class_id, students in seen.items()
        if class_id not in plan.by_class and students
    }
    best = max(elsewhere, key=lambda class_id: elsewhere[class_id], default="")
    if best and elsewhere[best] * 2 >= len(lost):
        return f"{begin} {elsewhere[best]} of them are students of {names[best]}. Is it the right class?"
    if not any(address(line.email) or full_name(line.first_name, line.last_name) for line in lines):
        return f"{begin} They have ids of your school alone. Add emails, or first and last names."
    return f"{begin} Is it the right class, and the right file?"


def unseen_lines(database: Database, class_id: str) -> list[tuple[Enrolment, Student | None]]:
    """Return the present lines that mean nobody, each with a near match."""
    with database.reading() as connection:
        lines = load_roster(connection, class_id)
        seen = load_seen_students(connection, class_id)
        matches = match_lines(lines, seen, load_aliases(connection, class_id))
    meant = {match.student.id for match in matches if match.student is not None}
    unseen = [line for line, match in zip(lines, matches, strict=True) if match.state == "unseen"]
    near = NearMatches([student for student in seen if student.id not in meant], unseen)
    return [(line, near.near(line)) for line in unseen]


def change_unseen(
    database: Database,
    class_id: str,
    *,
    removed: Iterable[str] = (),
    same: dict[str, str] | None = None,
) -> int:
    """Take lines that mean nobody off the roster, or give them a student.

    Returns how many changed.

    Both by their stand-in ids. The roster of before can be brought back.
    """
    gone, meant = set(removed), same or {}
    with database.reading() as connection:
        before = load_roster(connection, class_id)
    after, answers = [], []
    for line in before:
        stand_in_id = line.stand_in_id or ""
        if stand_in_id in gone:
            answers.append(Answer(line, "leave"))
        elif stand_in_id in meant:
            after.append(replace(line, student_id=meant[stand_in_id]))
            answers.append(Answer(line, "same", meant[stand_in_id]))
        else:
            after.append(line)
    save_roster(database, {class_id: after}, {class_id: answers})
    return len(answers)
