"""Makes the plan of the import of a roster.

It decides the class and the student of each line, and works out the roster that results. It writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from cohort_core.errors import BadInput, UnknownClass
from cohort_core.formatting import count
from cohort_core.imports.near_matches import NearMatches
from cohort_core.imports.roster_lines import RosterFile, RosterLine
from cohort_core.imports.roster_plan import (
    GROUP_COLUMNS,
    Choices,
    Chosen,
    ClassPlan,
    Decision,
    PlannedLine,
    RosterPlan,
    names_of,
)
from cohort_core.store import classes
from cohort_core.store.database import Database
from cohort_core.store.identity import address, full_name
from cohort_core.store.roster import Enrolment, load_roster, load_seen_students
from cohort_core.store.roster_imports import Answer, Answers, load_answers, same_people, with_stand_ins
from cohort_core.store.roster_matching import LineMatch, match_lines
from cohort_core.store.stand_ins import load_aliases

MAX_UNMATCHED_SHARE = 0.25
"""If a greater part of a file matches nobody, the summary begins with it."""
MIN_UNMATCHED = 4
"""Fewer lines that match nobody say nothing about the file."""
_ENDS_TOO_EARLY = "ends before it begins, so its last day is left out"
_NAMES_NOBODY = "has no email and no full name, and nobody at OpenClass has this name or id"


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
    names = classes.load_names(database)
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
