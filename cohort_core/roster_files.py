"""Rosters and mentors from CSV files. Every line that cannot be used is reported with its reason."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from cohort_core.errors import BadInput, UnknownClass
from cohort_core.store import classes, roster
from cohort_core.store.database import Database
from cohort_core.store.roster import Enrolment, Mentor

IDENTITY_COLUMNS = ("student_id", "email", "first_name", "last_name")
DATE_COLUMNS = ("enrolled_on", "withdrawn_on")
STUDENT_COLUMNS = (*IDENTITY_COLUMNS, "night", "region", *DATE_COLUMNS)
SIZE_LIMIT_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Unusable:
    """A line of a file that could not be used. ``line`` counts from 1, the header being 1."""

    line: int
    reason: str


@dataclass
class Imported:
    """What an import did, in numbers: lines that mean a student we have seen, and those of nobody yet."""

    matched: int = 0
    unseen: int = 0
    mentors: int = 0
    unusable: list[Unusable] = field(default_factory=list)


def import_students(database: Database, text: str, class_reference: str | None = None) -> Imported:
    """Replace the roster of the class (or of each class that the column ``class`` names) with these lines.

    Raises ``BadInput`` if nothing in the text can be used and ``UnknownClass`` for ``class_reference``; then
    nothing has changed.
    """
    fallback = classes.find_class(database, class_reference) if class_reference else _only_active(database)
    result = Imported()
    used: dict[str, dict[tuple[str, ...], tuple[int, Enrolment]]] = defaultdict(dict)
    for line, row in _rows(text, required_any=IDENTITY_COLUMNS):
        try:
            class_id = _class_of(database, row, fallback, is_fixed=class_reference is not None)
            enrolment = _enrolment(row)
            if enrolment.key in used[class_id]:
                first_line = used[class_id][enrolment.key][0]
                raise ValueError(f"means the same student as line {first_line}, which counts")
        except ValueError as problem:
            result.unusable.append(Unusable(line, str(problem)))
            continue
        used[class_id][enrolment.key] = (line, enrolment)
    final: dict[str, list[Enrolment]] = {}
    for class_id, lines in used.items():
        final[class_id] = _sorted_out(database, class_id, list(lines.values()), result)
    result.unusable.sort(key=lambda one: one.line)
    if not any(final.values()):
        raise BadInput(
            "No line of the roster can be used. " + _first_reasons(result.unusable), parameter="students"
        )
    roster.save_roster(database, final)
    return result


def import_mentors(database: Database, text: str) -> Imported:
    """Replace the mentors with these lines. Raises ``BadInput`` if none can be used."""
    result = Imported()
    mentors: dict[str, Mentor] = {}
    for line, row in _rows(text, required_any=("name",)):
        name = row.get("name")
        if not name:
            result.unusable.append(Unusable(line, "has no name"))
        elif roster.folded(name) in mentors:
            result.unusable.append(Unusable(line, "repeats a name"))
        else:
            mentors[roster.folded(name)] = Mentor(name, row.get("night"))
    if not mentors:
        raise BadInput(
            "No line of the mentors can be used. " + _first_reasons(result.unusable), parameter="mentors"
        )
    roster.save_mentors(database, mentors.values())
    result.mentors = len(mentors)
    return result


def import_practice_rosters(database: Database, school: Any) -> None:
    """Give the practice classes the rosters that their school keeps."""
    for class_id in school.rosters():
        roster.save_roster(
            database, {class_id: [_enrolment(_cleaned(row)) for row in school.roster(class_id)]}
        )
    roster.save_mentors(database, [Mentor(row["name"], row["night"] or None) for row in school.mentors()])


def read_text(path: Path) -> str:
    """A CSV file's text: UTF-8 with or without a mark, else as Excel on Windows writes it."""
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
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\0" in content:
            raise BadInput(
                f"{path} is no text. Save it as CSV (UTF-8) and try again.", parameter="file"
            ) from None
        return content.decode("cp1252", errors="replace")


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
        for values in reader:
            if any(value.strip() for value in values):
                yield reader.line_num, _cleaned(dict(zip(names, values, strict=False)))
    except csv.Error:
        raise BadInput(
            f"Line {reader.line_num} is not CSV. Save the file as CSV (UTF-8) and try again.",
            parameter="file",
        ) from None


def _cleaned(row: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: (value or "").strip() or None for name, value in row.items()}


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


def _class_of(
    database: Database, row: Mapping[str, str | None], fallback: str | None, *, is_fixed: bool
) -> str:
    named = row.get("class")
    if named is None or is_fixed:
        if fallback is None:
            raise ValueError("names no class: add a column `class`, or use --class-id")
        return fallback
    try:
        return classes.find_class(database, named)
    except (UnknownClass, BadInput):
        raise ValueError("names a class that is not known") from None


def _sorted_out(
    database: Database, class_id: str, lines: Iterable[tuple[int, Enrolment]], result: Imported
) -> list[Enrolment]:
    """The lines of one class without those that could mean several students, counted into ``result``."""
    lines = list(lines)
    with database.reading() as connection:
        seen = roster.load_seen_students(connection, class_id)
    match = roster.match_roster([one for _, one in lines], seen)
    ambiguous = {id(one) for one in match.ambiguous}
    for line, one in lines:
        if id(one) in ambiguous:
            result.unusable.append(Unusable(line, "could mean several students: add their student_id"))
    result.matched += len(match.by_student)
    result.unseen += len(match.unseen)
    return [one for _, one in lines if id(one) not in ambiguous]


def _first_reasons(unusable: Sequence[Unusable]) -> str:
    if not unusable:
        return "It has no lines below the header; add some and try again."
    told = "; ".join(f"line {one.line} {one.reason}" for one in unusable[:3])
    return f"{told[0].upper()}{told[1:]}. Correct the file and try again."
