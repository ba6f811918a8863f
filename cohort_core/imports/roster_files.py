"""Rosters and mentors from files, matched to the students of a class.

`roster_lines` reads the file. Its lines become a plan. The plan says what an import would do, and writes
nothing; ``keep`` writes it. Every line that cannot be used is reported with its reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cohort_core.errors import BadInput, UnknownClass
from cohort_core.imports import code_pages, columns, tables, workbooks
from cohort_core.imports.roster_lines import RosterFile, read_mentors_file, read_roster_file
from cohort_core.imports.tables import Unusable
from cohort_core.store import classes, roster
from cohort_core.store.database import Database
from cohort_core.store.records import Student
from cohort_core.store.roster import Enrolment, Mentor

IDENTITY_COLUMNS = ("student_id", "email", "first_name", "last_name")
DATE_COLUMNS = ("enrolled_on", "withdrawn_on")
STUDENT_COLUMNS = (*IDENTITY_COLUMNS, "night", "region", *DATE_COLUMNS)
GROUP_COLUMNS = ("night", "region")
SIZE_LIMIT_BYTES = tables.SIZE_LIMIT_BYTES


@dataclass(frozen=True)
class Matched:
    """A line that can be used, with its student, if OpenClass has one yet."""

    line: int
    enrolment: Enrolment
    student: Student | None


@dataclass
class RosterPlan:
    """The result that the import of a roster would have."""

    by_class: dict[str, list[Matched]] = field(default_factory=dict)
    unusable: list[Unusable] = field(default_factory=list)
    replaced: dict[str, int] = field(default_factory=dict)
    """The number of lines of the present roster, by class."""
    names_classes: bool = False
    """True for a file with a column ``class``."""

    @property
    def lines(self) -> list[Matched]:
        return [line for lines in self.by_class.values() for line in lines]

    @property
    def matched(self) -> int:
        return sum(line.student is not None for line in self.lines)

    @property
    def unseen(self) -> int:
        return len(self.lines) - self.matched

    def groups(self, class_id: str) -> dict[str, Counter[str]]:
        """Count the lines of each night and region that results; case does not matter."""
        groups: dict[str, Counter[str]] = {}
        for kind in GROUP_COLUMNS:
            spellings: dict[str, str] = {}
            counted: Counter[str] = Counter()
            for line in self.by_class.get(class_id, []):
                if label := getattr(line.enrolment, kind):
                    counted[spellings.setdefault(label.casefold(), label)] += 1
            if counted:
                groups[kind] = counted
        return groups

    def keep(self, database: Database) -> None:
        """Replace the roster of each class in the plan.

        Raises ``BadInput`` if no line can be used.
        """
        if not self.lines:
            raise BadInput(
                "No line of the roster can be used. " + _first_reasons(self.unusable), parameter="students"
            )
        roster.save_roster(
            database,
            {
                class_id: [line.enrolment for line in lines]
                for class_id, lines in self.by_class.items()
                if lines
            },
        )


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


def plan_students(database: Database, content: bytes | str, class_reference: str | None = None) -> RosterPlan:
    """Read a roster for a class, or for each class in the column ``class``.

    ``content`` is that of the file, CSV or XLSX. Raises ``BadInput`` if it is not a roster, and
    ``UnknownClass`` if ``class_reference`` is unknown.
    """
    fallback = classes.find_class(database, class_reference) if class_reference else _only_active(database)
    class_of = _ClassColumn(database, fallback, is_fixed=class_reference is not None)
    file = _read(database, content, [fallback] if fallback else classes.active_class_ids(database))
    plan = RosterPlan(unusable=list(file.not_used))
    plan.names_classes = any(line.class_name for line in file.lines)
    used: dict[str, dict[tuple[str, ...], tuple[int, Enrolment]]] = defaultdict(dict)
    for line in file.lines:
        try:
            class_id = class_of(line.class_name)
            enrolment = _enrolment(vars(line))
            if enrolment.key in used[class_id]:
                first_line = used[class_id][enrolment.key][0]
                raise ValueError(f"means the same student as line {first_line}, which counts")
        except ValueError as problem:
            plan.unusable.append(Unusable(line.line, str(problem)))
            continue
        used[class_id][enrolment.key] = (line.line, enrolment)
    for class_id, lines in used.items():
        _sort_out(database, class_id, list(lines.values()), plan)
    plan.unusable.sort(key=lambda unusable: unusable.line)
    return plan


def _read(database: Database, content: bytes | str, class_ids: Sequence[str]) -> RosterFile:
    """Read a roster with what is already there of these classes."""
    names: set[str] = set()
    with database.reading() as connection:
        for class_id in class_ids:
            for student in roster.load_seen_students(connection, class_id):
                names.update(filter(None, (student.first_name, student.last_name)))
            for line in roster.load_roster(connection, class_id):
                names.update(filter(None, (line.first_name, line.last_name)))
    first_days = {classes.load_first_day(database, class_id) for class_id in class_ids}
    return read_roster_file(
        content.encode() if isinstance(content, str) else content,
        "The file",
        names_in_class=names,
        class_starts_on=first_days.pop() if len(first_days) == 1 else None,
    )


def plan_mentors(content: bytes | str) -> MentorsPlan:
    """Read mentors, or raise ``BadInput`` if the content is not a list of mentors."""
    file = read_mentors_file(content.encode() if isinstance(content, str) else content, "The file")
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


def import_students(
    database: Database, content: bytes | str, class_reference: str | None = None
) -> RosterPlan:
    """Read a roster, keep it at once and return its plan.

    After an exception nothing has changed.
    """
    plan = plan_students(database, content, class_reference)
    plan.keep(database)
    return plan


def import_mentors(database: Database, content: bytes | str) -> MentorsPlan:
    """Read mentors, keep them at once and return their plan.

    After an exception nothing has changed.
    """
    plan = plan_mentors(content)
    plan.keep(database)
    return plan


def import_practice_rosters(database: Database, school: Any) -> None:
    """Give the practice classes the rosters of the practice school."""
    for class_id in school.rosters():
        roster.save_roster(database, {class_id: [_enrolment(row) for row in school.roster(class_id)]})
    roster.save_mentors(database, [Mentor(row["name"], row["night"] or None) for row in school.mentors()])


def read_text(path: Path) -> str:
    """Return the text of a CSV file.

    Raises ``BadInput`` for a file that cannot be read, or that is not a text.
    """
    try:
        if path.stat().st_size > SIZE_LIMIT_BYTES:
            raise BadInput(
                f"{path} is too large for a roster. Check that it is the right file.", parameter="file"
            )
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read ({error.strerror}). Check its name and that it is yours to read.",
            parameter="file",
        ) from None
    return decode(content, str(path))


def decode(content: bytes, name: str) -> str:
    """Decode the content of a CSV file, which messages call ``name``.

    Raises ``BadInput``, which says what to do, for a file that is not a text.
    """
    if not content.strip():
        raise BadInput(f"{name} is empty. Fill in the template and try again.", parameter="file")
    if len(content) > SIZE_LIMIT_BYTES:
        raise BadInput(
            f"{name} is too large for a roster. Check that it is the right file.", parameter="file"
        )
    if workbooks.is_workbook(content):
        raise BadInput(
            f"{name} is a workbook. Save it in the spreadsheet program as CSV (UTF-8) and try again.",
            parameter="file",
        )
    return code_pages.decode(content, name).text


def is_utf8(content: bytes) -> bool:
    """Say whether the letters of a file are certain, not guessed."""
    return code_pages.decode(content, "The file").is_certain


def check_columns(text: str, required_any: Sequence[str]) -> None:
    """Check that a CSV text names one of these columns.

    Raises ``BadInput`` if it does not, or if the text is not CSV.
    """
    needs = columns.MENTOR if "name" in required_any else columns.PERSON
    tables.read_table(text.encode(), "The file", needs=needs)


def _enrolment(row: Mapping[str, str | None]) -> Enrolment:
    enrolled_on, withdrawn_on = row.get("enrolled_on"), row.get("withdrawn_on")
    if enrolled_on and withdrawn_on and withdrawn_on < enrolled_on:
        raise ValueError("withdrawn_on is before enrolled_on")
    return Enrolment(**{name: row.get(name) or None for name in STUDENT_COLUMNS})


def _only_active(database: Database) -> str | None:
    active = classes.active_class_ids(database)
    return active[0] if len(active) == 1 else None


class _ClassColumn:
    """The class of a line; each name is looked up once."""

    def __init__(self, database: Database, fallback: str | None, *, is_fixed: bool) -> None:
        self._database = database
        self._fallback = fallback
        self._is_fixed = is_fixed
        self._class_ids: dict[str, str | None] = {}

    def __call__(self, named: str | None) -> str:
        if named is None or self._is_fixed:
            if self._fallback is None:
                raise ValueError("names no class: add a column `class`, or use --class-id")
            return self._fallback
        if named not in self._class_ids:
            try:
                self._class_ids[named] = classes.find_class(self._database, named)
            except (UnknownClass, BadInput):
                self._class_ids[named] = None
        class_id = self._class_ids[named]
        if class_id is None:
            raise ValueError("names a class that is not known")
        return class_id


def _sort_out(
    database: Database, class_id: str, lines: Sequence[tuple[int, Enrolment]], plan: RosterPlan
) -> None:
    """Put the lines of a class into the plan.

    Lines that mean one student, or nobody yet, can be used; the others cannot.
    """
    with database.reading() as connection:
        seen = roster.load_seen_students(connection, class_id)
        plan.replaced[class_id] = len(roster.load_roster(connection, class_id))
    match = roster.match_roster([enrolment for _, enrolment in lines], seen)
    students = {student.id: student for student in seen}
    student_of = {id(enrolment): students[student_id] for student_id, enrolment in match.by_student.items()}
    unseen = {id(enrolment) for enrolment in match.unseen}
    ambiguous = {id(enrolment) for enrolment in match.ambiguous}
    plan.by_class[class_id] = []
    for line, enrolment in lines:
        if id(enrolment) in ambiguous:
            plan.unusable.append(Unusable(line, "could mean several students: add their student_id"))
        elif id(enrolment) in unseen and not _is_whole(enrolment):
            plan.unusable.append(Unusable(line, "names nobody: " + _WHOLE))
        elif id(enrolment) in unseen or id(enrolment) in student_of:
            plan.by_class[class_id].append(Matched(line, enrolment, student_of.get(id(enrolment))))
        else:
            plan.unusable.append(Unusable(line, "means a student whom a line above means, which counts"))


_WHOLE = "it needs an email, or a first and last name, or a student id"


def _is_whole(enrolment: Enrolment) -> bool:
    """Say whether a line can stand for a new student; a single name cannot."""
    has_name = enrolment.first_name and enrolment.last_name
    return bool(enrolment.student_id or enrolment.email or has_name)


def _first_reasons(unusable: Sequence[Unusable]) -> str:
    if not unusable:
        return "It has no lines below the header; add some and try again."
    reasons = "; ".join(f"line {entry.line} {entry.reason}" for entry in unusable[:3])
    return f"{reasons[0].upper()}{reasons[1:]}. Correct the file and try again."
