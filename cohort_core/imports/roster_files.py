"""Rosters and mentors from CSV files. Every line that cannot be used is reported with its reason.

A file is read into a plan, which says what importing it would do and writes nothing; `keep` does it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from cohort_core.errors import BadInput, UnknownClass
from cohort_core.store import classes, roster
from cohort_core.store.database import Database
from cohort_core.store.records import Student
from cohort_core.store.roster import Enrolment, Mentor

IDENTITY_COLUMNS = ("student_id", "email", "first_name", "last_name")
DATE_COLUMNS = ("enrolled_on", "withdrawn_on")
STUDENT_COLUMNS = (*IDENTITY_COLUMNS, "night", "region", *DATE_COLUMNS)
MENTOR_COLUMNS = ("name", "night")
GROUP_COLUMNS = ("night", "region")
SIZE_LIMIT_BYTES = 10 * 1024 * 1024
MAX_LINES = 50_000

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How files of spreadsheet programs begin, new and old."""
_GUARDED = ("'=", "'+", "'-", "'@", "'\t", "'\r")
"""What our own exports make of text that a spreadsheet would calculate with."""


@dataclass(frozen=True)
class Unusable:
    """A line of a file that could not be used. ``line`` counts from 1, the header being 1."""

    line: int
    reason: str


@dataclass(frozen=True)
class Matched:
    """A line that can be used, and the student of OpenClass whom it means, if there is one yet."""

    line: int
    enrolment: Enrolment
    student: Student | None


@dataclass
class RosterPlan:
    """What importing a roster would do."""

    by_class: dict[str, list[Matched]] = field(default_factory=dict)
    unusable: list[Unusable] = field(default_factory=list)
    replaced: dict[str, int] = field(default_factory=dict)
    """By class, the lines of the roster that is there now."""
    names_classes: bool = False
    """Whether the file has a column ``class``."""

    @property
    def lines(self) -> list[Matched]:
        return [one for lines in self.by_class.values() for one in lines]

    @property
    def matched(self) -> int:
        return sum(one.student is not None for one in self.lines)

    @property
    def unseen(self) -> int:
        return len(self.lines) - self.matched

    def groups(self, class_id: str) -> dict[str, Counter[str]]:
        """Nights and regions that result, each with its lines; spellings that differ in case are one."""
        found: dict[str, Counter[str]] = {}
        for kind in GROUP_COLUMNS:
            spellings: dict[str, str] = {}
            counted: Counter[str] = Counter()
            for one in self.by_class.get(class_id, []):
                if label := getattr(one.enrolment, kind):
                    counted[spellings.setdefault(label.casefold(), label)] += 1
            if counted:
                found[kind] = counted
        return found

    def keep(self, database: Database) -> None:
        """Replace the roster of each class that is named. Raises ``BadInput`` if no line can be used."""
        if not self.lines:
            raise BadInput(
                "No line of the roster can be used. " + _first_reasons(self.unusable), parameter="students"
            )
        roster.save_roster(
            database,
            {one: [line.enrolment for line in lines] for one, lines in self.by_class.items() if lines},
        )


@dataclass
class MentorsPlan:
    """What importing mentors would do."""

    mentors: list[Mentor] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)

    def keep(self, database: Database) -> None:
        """Replace the mentors. Raises ``BadInput`` if no line can be used."""
        if not self.mentors:
            raise BadInput(
                "No line of the mentors can be used. " + _first_reasons(self.unusable), parameter="mentors"
            )
        roster.save_mentors(database, self.mentors)


def plan_students(database: Database, text: str, class_reference: str | None = None) -> RosterPlan:
    """Read a roster for the class, or for each class that the column ``class`` names.

    Raises ``BadInput`` if the text is no roster at all, and ``UnknownClass`` for ``class_reference``.
    """
    fallback = classes.find_class(database, class_reference) if class_reference else _only_active(database)
    class_of = _ClassColumn(database, fallback, is_fixed=class_reference is not None)
    plan = RosterPlan()
    used: dict[str, dict[tuple[str, ...], tuple[int, Enrolment]]] = defaultdict(dict)
    for line, row in _rows(text, required_any=IDENTITY_COLUMNS):
        plan.names_classes = plan.names_classes or "class" in row
        try:
            class_id = class_of(row)
            enrolment = _enrolment(row)
            if enrolment.key in used[class_id]:
                first_line = used[class_id][enrolment.key][0]
                raise ValueError(f"means the same student as line {first_line}, which counts")
        except ValueError as problem:
            plan.unusable.append(Unusable(line, str(problem)))
            continue
        used[class_id][enrolment.key] = (line, enrolment)
    for class_id, lines in used.items():
        _sort_out(database, class_id, list(lines.values()), plan)
    plan.unusable.sort(key=lambda one: one.line)
    return plan


def plan_mentors(text: str) -> MentorsPlan:
    """Read mentors. Raises ``BadInput`` if the text is no list of them at all."""
    plan = MentorsPlan()
    known: set[str] = set()
    for line, row in _rows(text, required_any=("name",)):
        name = row.get("name")
        if not name:
            plan.unusable.append(Unusable(line, "has no name"))
        elif roster.folded(name) in known:
            plan.unusable.append(Unusable(line, "repeats a name"))
        else:
            known.add(roster.folded(name))
            plan.mentors.append(Mentor(name, row.get("night")))
    return plan


def import_students(database: Database, text: str, class_reference: str | None = None) -> RosterPlan:
    """Read a roster and keep it at once; returns what was done. If it raises, nothing has changed."""
    plan = plan_students(database, text, class_reference)
    plan.keep(database)
    return plan


def import_mentors(database: Database, text: str) -> MentorsPlan:
    """Read mentors and keep them at once; returns what was done. If it raises, nothing has changed."""
    plan = plan_mentors(text)
    plan.keep(database)
    return plan


def import_practice_rosters(database: Database, school: Any) -> None:
    """Give the practice classes the rosters that their school keeps."""
    for class_id in school.rosters():
        roster.save_roster(
            database, {class_id: [_enrolment(_cleaned(row)) for row in school.roster(class_id)]}
        )
    roster.save_mentors(database, [Mentor(row["name"], row["night"] or None) for row in school.mentors()])


def read_text(path: Path) -> str:
    """A CSV file's text. Raises ``BadInput`` for one that cannot be read or is none."""
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
    """The text of a CSV file: UTF-8 with or without a mark, UTF-16 with one, else as Excel on Windows writes
    it. Raises ``BadInput``, with what to do, for what is no text; `name` is what to call the file.
    """
    if not content.strip():
        raise BadInput(f"{name} is empty. Fill in the template and try again.", parameter="file")
    if len(content) > SIZE_LIMIT_BYTES:
        raise BadInput(
            f"{name} is too large for a roster. Check that it is the right file.", parameter="file"
        )
    if content.startswith(_WORKBOOKS):
        raise BadInput(
            f"{name} is a workbook. Save it in the spreadsheet program as CSV (UTF-8) and try again.",
            parameter="file",
        )
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16")
        if b"\0" not in content:
            return content.decode("utf-8-sig") if is_utf8(content) else content.decode("cp1252", "replace")
    except UnicodeDecodeError:
        pass
    raise BadInput(f"{name} is no text. Save it as CSV (UTF-8) and try again.", parameter="file")


def is_utf8(content: bytes) -> bool:
    """Whether the letters of a file are certain; those of another one are guessed."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return content.startswith((b"\xff\xfe", b"\xfe\xff"))
    return True


def check_columns(text: str, required_any: Sequence[str]) -> None:
    """Raises ``BadInput`` for a text that is no CSV, or whose first line names none of these columns."""
    for _ in _rows(text, required_any):
        pass


def _rows(text: str, required_any: Sequence[str]) -> Iterator[tuple[int, dict[str, str | None]]]:
    lines = text.lstrip("\ufeff").splitlines(keepends=True)
    header = lines[0] if lines else ""
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter)
    try:
        names = [name.strip().casefold().replace(" ", "_") for name in next(reader, [])]
        if not set(names) & set(required_any):
            raise BadInput(
                f"The first line must name the columns, among them {' or '.join(required_any)}. Add it and "
                "try again.",
                parameter="columns",
            )
        for number, values in enumerate(reader):
            if number > MAX_LINES:
                raise BadInput(
                    f"The file has more than {MAX_LINES:,} lines. Check that it is the right one.",
                    parameter="file",
                )
            if any(value.strip() for value in values):
                yield reader.line_num, _cleaned(dict(zip(names, values, strict=False)))
    except csv.Error:
        raise BadInput(
            f"Line {reader.line_num} is not CSV. Save the file as CSV (UTF-8) and try again.",
            parameter="file",
        ) from None


def _cleaned(row: Mapping[str, str | None]) -> dict[str, str | None]:
    values = {name: (value or "").strip() for name, value in row.items()}
    return {
        name: (value[1:] if value.startswith(_GUARDED) else value) or None for name, value in values.items()
    }


def _enrolment(row: Mapping[str, str | None]) -> Enrolment:
    has_name = row.get("first_name") and row.get("last_name")
    if not (row.get("student_id") or row.get("email") or has_name):
        raise ValueError("names nobody: it needs an email, or a first and a last name, or a student id")
    for column in DATE_COLUMNS:
        value = row.get(column)
        try:
            if value is not None and date.fromisoformat(value).isoformat() != value:
                raise ValueError
        except ValueError:
            raise ValueError(f"{column} is not a date such as 2026-09-01") from None
    enrolled_on, withdrawn_on = row.get("enrolled_on"), row.get("withdrawn_on")
    if enrolled_on and withdrawn_on and withdrawn_on < enrolled_on:
        raise ValueError("withdrawn_on is before enrolled_on")
    return Enrolment(**{name: row.get(name) for name in STUDENT_COLUMNS})


def _only_active(database: Database) -> str | None:
    active = classes.active_class_ids(database)
    return active[0] if len(active) == 1 else None


class _ClassColumn:
    """Which class a line is about, each name looked up once."""

    def __init__(self, database: Database, fallback: str | None, *, is_fixed: bool) -> None:
        self._database = database
        self._fallback = fallback
        self._is_fixed = is_fixed
        self._known: dict[str, str | None] = {}

    def __call__(self, row: Mapping[str, str | None]) -> str:
        named = row.get("class")
        if named is None or self._is_fixed:
            if self._fallback is None:
                raise ValueError("names no class: add a column `class`, or use --class-id")
            return self._fallback
        if named not in self._known:
            try:
                self._known[named] = classes.find_class(self._database, named)
            except (UnknownClass, BadInput):
                self._known[named] = None
        found = self._known[named]
        if found is None:
            raise ValueError("names a class that is not known")
        return found


def _sort_out(
    database: Database, class_id: str, lines: Sequence[tuple[int, Enrolment]], plan: RosterPlan
) -> None:
    """Put the lines of one class into the plan: those that mean one student or nobody yet, and the others."""
    with database.reading() as connection:
        seen = roster.load_seen_students(connection, class_id)
        plan.replaced[class_id] = len(roster.load_roster(connection, class_id))
    match = roster.match_roster([one for _, one in lines], seen)
    students = {student.id: student for student in seen}
    student_of = {id(one): students[student_id] for student_id, one in match.by_student.items()}
    unseen, ambiguous = {id(one) for one in match.unseen}, {id(one) for one in match.ambiguous}
    plan.by_class[class_id] = []
    for line, one in lines:
        if id(one) in ambiguous:
            plan.unusable.append(Unusable(line, "could mean several students: add their student_id"))
        elif id(one) in unseen or id(one) in student_of:
            plan.by_class[class_id].append(Matched(line, one, student_of.get(id(one))))
        else:
            plan.unusable.append(Unusable(line, "means a student whom a line above means, which counts"))


def _first_reasons(unusable: Sequence[Unusable]) -> str:
    if not unusable:
        return "It has no lines below the header; add some and try again."
    told = "; ".join(f"line {one.line} {one.reason}" for one in unusable[:3])
    return f"{told[0].upper()}{told[1:]}. Correct the file and try again."
