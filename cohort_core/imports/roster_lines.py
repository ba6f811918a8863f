"""Rosters and lists of mentors from files as they come: lines as people.

Nothing here knows the database or decides who a line means. A line that cannot be used is reported with its
number in the spreadsheet, and changes no other line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cohort_core.errors import BadInput
from cohort_core.formatting import count
from cohort_core.imports import columns, dates, people
from cohort_core.imports.dates import DateOrder
from cohort_core.imports.tables import Table, Unusable, clean, read_table

_NO_VALUE = frozenset({"n/a", "#n/a", "none", "null", "nan", "nil"})
_NO_NAME = frozenset({"n/a", "#n/a"})
_NO_DATE = _NO_VALUE | {"yes", "no", "true", "false", "tbd"}
_GRADEBOOK_ROWS = ("points possible", "manual posting", "automatic posting")
_GRADEBOOK_NAMES = frozenset({"date", "due date", "points", "average", "class average", "out of"})
_MAX_CHARACTERS = 200
_TOTAL = re.compile(r"(?:grand |sub)?total\b[^a-z]*(?:students?)?\W*\d*", re.IGNORECASE)


@dataclass(frozen=True)
class RosterLine:
    """A person as the file names them, with clean texts; None stands for nothing.

    A person has an email, a student id or a name; a name may be a single word, which is then the first name.
    The student id may be a number of the school's own. Dates are ISO, such as ``2026-09-01``.
    """

    line: int
    """The row of the spreadsheet, from 1."""
    student_id: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    night: str | None = None
    region: str | None = None
    enrolled_on: str | None = None
    withdrawn_on: str | None = None
    class_name: str | None = None
    """The class as the file names it: by id, short name or display name."""


@dataclass(frozen=True)
class FileReading:
    """The understanding of a file, apart from its lines."""

    not_used: list[Unusable] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    """Headers without a meaning here, as the file spells them; `(column D)` without a header."""
    encoding: str = "UTF-8"
    encoding_is_certain: bool = True
    """False if a person should look at the letters, and may choose another of `code_pages.ENCODINGS`."""
    assumptions: list[str] = field(default_factory=list)
    """Sentences for a person: what was assumed or skipped."""
    sheet: str | None = None
    """The sheet of the workbook that was read; None for a text."""
    sheets: list[str] = field(default_factory=list)
    """All sheets of the workbook that are not hidden."""
    night_candidates: list[str] = field(default_factory=list)
    """Columns that may be the night, such as `Which night suits you?`.

    ``night_column`` takes such a header.
    """


@dataclass(frozen=True)
class RosterFile(FileReading):
    """The people of a roster."""

    lines: list[RosterLine] = field(default_factory=list)
    date_order: DateOrder | None = None
    """The order of day and month, where something shows it."""
    dates_are_unclear: bool = False
    """True if a person must choose ``date_order``; until then the dates concerned are None."""
    lost_dates: list[Unusable] = field(default_factory=list)
    """Lines that count without a date that could not be read."""
    unclear_dates: list[Unusable] = field(default_factory=list)
    """Lines that count without a date until a person chooses ``date_order``."""


@dataclass(frozen=True)
class MentorLine:
    """A mentor as the file names them."""

    line: int
    name: str
    night: str | None = None


@dataclass(frozen=True)
class MentorsFile(FileReading):
    """The mentors of a file."""

    lines: list[MentorLine] = field(default_factory=list)


def read_roster_file(
    content: bytes,
    name: str,
    *,
    names_in_class: Collection[str] = (),
    emails_in_class: Collection[str] = (),
    class_starts_on: date | None = None,
    encoding: str | None = None,
    date_order: DateOrder | None = None,
    sheet: str | None = None,
    night_column: str | None = None,
) -> RosterFile:
    """Read a roster from the content of a file, which messages call ``name``.

    ``names_in_class`` are names and emails of students already there; with ``class_starts_on`` they settle
    what the file leaves open. Of several emails of a line the one in ``emails_in_class`` counts, else the
    first. The other parameters are choices of a person. Raises ``BadInput`` for a file
    that is no roster.
    """
    table = read_table(
        content, name, needs=columns.PERSON, names=names_in_class, encoding=encoding, sheet=sheet
    )
    candidates = columns.night_candidates(table.header, table.columns)
    if night_column is not None:
        table.columns[columns.NIGHT] = [_index_of(table, night_column)]
    rows = [_Row(table, number, cells) for number, cells in table.rows]
    date_texts = {text for row in rows for meaning in _DATES if (text := row.value(meaning))}
    reading = dates.read_dates(date_texts, order=date_order, class_starts_on=class_starts_on)
    emails = {email.casefold() for email in emails_in_class}
    lines: list[RosterLine] = []
    not_used, skipped = list(table.not_used), []
    lost_dates, unclear_dates = [], []
    for row in rows:
        if problem := row.problem(columns.PERSON):
            not_used.append(Unusable(row.number, problem))
        elif _is_no_person(row):
            skipped.append(row.number)
        elif person := _person(row, emails):
            for meaning in _DATES:
                text = row.value(meaning)
                if text in reading.unreadable:
                    reason = f"counts without “{row.header(meaning)}”, which is no date such as 2026-09-01"
                    lost_dates.append(Unusable(row.number, reason))
                elif text and (day := reading.by_text[text]):
                    person[meaning] = day.isoformat()
                elif text:
                    reason = f"counts without “{row.header(meaning)}” until you say if day or month is first"
                    unclear_dates.append(Unusable(row.number, reason))
            lines.append(RosterLine(row.number, **person))
        else:
            not_used.append(Unusable(row.number, _NAMES_NOBODY))
    sentences = [*table.assumptions, *_describe_dates(reading, asked=date_order is not None)]
    if skipped:
        sentences.append(f"Not people, and skipped: line {_numbers(skipped)}.")
    sentences += _describe_status(table, {line.line for line in lines})
    return RosterFile(
        lines=lines,
        date_order=reading.order,
        dates_are_unclear=reading.is_unclear,
        lost_dates=lost_dates,
        unclear_dates=unclear_dates,
        night_candidates=candidates,
        **_describe(table, {columns.MENTOR_NAME}, not_used, sentences),
    )


def read_mentors_file(
    content: bytes,
    name: str,
    *,
    names: Collection[str] = (),
    encoding: str | None = None,
    sheet: str | None = None,
) -> MentorsFile:
    """Read mentors from the content of a file, which messages call ``name``.

    ``names`` are those of mentors already there. Raises ``BadInput`` for a file without a column of names.
    """
    table = read_table(content, name, needs=columns.MENTOR, names=names, encoding=encoding, sheet=sheet)
    lines: list[MentorLine] = []
    not_used, skipped = list(table.not_used), []
    for row in (_Row(table, number, cells) for number, cells in table.rows):
        if problem := row.problem(columns.MENTOR):
            not_used.append(Unusable(row.number, problem))
        elif _is_no_person(row):
            skipped.append(row.number)
        elif mentor := _mentor_name(row):
            lines.append(MentorLine(row.number, mentor, row.value(columns.NIGHT)))
        else:
            not_used.append(Unusable(row.number, "has no name"))
    sentences = list(table.assumptions)
    if skipped:
        sentences.append(f"Not people, and skipped: line {_numbers(skipped)}.")
    unneeded = columns.MEANINGS - columns.MENTOR - {columns.NIGHT}
    return MentorsFile(
        lines=lines,
        night_candidates=columns.night_candidates(table.header, table.columns),
        **_describe(table, unneeded, not_used, sentences),
    )


_DATES = (columns.ENROLLED_ON, columns.WITHDRAWN_ON)
_NAMES_NOBODY = "names nobody: it needs an email, or a first and last name, or a student id"


class _Row:
    """The cells of a row by their meaning."""

    def __init__(self, table: Table, number: int, cells: Sequence[str]) -> None:
        self.number = number
        self._table = table
        self._cells = cells
        self.texts = [clean(cell) for cell in cells]
        """The texts of all cells, blank or not."""

    def values(self, meaning: str) -> Iterator[str]:
        """Yield the texts of the columns of a meaning that are filled."""
        absent = _NO_NAME if meaning in columns.MENTOR else _NO_DATE if meaning in _DATES else _NO_VALUE
        for index in self._table.columns.get(meaning, []):
            text = self.texts[index] if index < len(self.texts) else ""
            if text.casefold() not in absent and any(character.isalnum() for character in text):
                yield text

    def value(self, meaning: str) -> str | None:
        """Return the first of these texts, or None."""
        return next(self.values(meaning), None)

    def header(self, meaning: str) -> str:
        """Return the header of the first column of a meaning that is filled."""
        for index in self._table.columns[meaning]:
            if index < len(self.texts) and self.texts[index]:
                return self._table.header[index]
        return self._table.header[self._table.columns[meaning][0]]

    def problem(self, whole: Collection[str]) -> str | None:
        """Say why the row cannot be used, or return None.

        Cells of a meaning in ``whole`` have no line breaks.
        """
        for meaning, indexes in self._table.columns.items():
            for index in indexes:
                cell = self._cells[index].strip() if index < len(self._cells) else ""
                if meaning in whole and ("\n" in cell or "\r" in cell):
                    return f"has a line break in “{self._table.header[index]}”"
                if len(cell) > _MAX_CHARACTERS:
                    return f"has more than {_MAX_CHARACTERS} characters in “{self._table.header[index]}”"
        return None

    @property
    def repeats_header(self) -> bool:
        """True for a header that stands once more among the rows."""
        pairs = zip(self.texts, self._table.header, strict=False)
        return all(columns.header_key(text) == columns.header_key(header) for text, header in pairs if text)


def _is_no_person(row: _Row) -> bool:
    """Say whether a program added a row: maxima of points, test students, totals, headers."""
    filled = [text.casefold() for text in row.texts if any(character.isalnum() for character in text)]
    if not filled or row.repeats_header:
        return True
    name = (row.value(columns.FULL_NAME) or row.value(columns.LAST_FIRST) or "").casefold()
    parts = {
        (row.value(columns.FIRST_NAME) or "").casefold(),
        (row.value(columns.LAST_NAME) or "").casefold(),
    }
    has_email = any(people.read_email(text) for text in row.values(columns.EMAIL))
    if name.startswith(_GRADEBOOK_ROWS) or all(text.startswith(_GRADEBOOK_ROWS) for text in filled):
        return True
    if any(text.endswith("_previewuser") for text in row.values(columns.LOGIN)):
        return True
    if has_email:
        return False
    if " ".join([*filter(None, parts), *filter(None, [name])]) in _GRADEBOOK_NAMES:
        return True
    is_test = name in {"student, test", "test student"} or parts == {"test", "student"}
    return is_test or bool(_TOTAL.fullmatch(name or " ".join(part for part in parts if part)))


def _person(row: _Row, emails_in_class: Collection[str]) -> dict[str, Any]:
    """Return the texts of a person for `RosterLine`; nothing if the row names nobody.

    ``emails_in_class`` are in lower case.
    """
    ids = list(row.values(columns.STUDENT_ID))
    addresses = list(row.values(columns.EMAIL))
    for text in row.values(columns.LOGIN):
        (addresses if "@" in text else ids).append(text)
    emails = [email for text in addresses if (email := people.read_email(text))]
    email = next((email for email in emails if email.casefold() in emails_in_class), next(iter(emails), None))
    first, last, full = (
        row.value(meaning) for meaning in (columns.FIRST_NAME, columns.LAST_NAME, columns.FULL_NAME)
    )
    bare = row.value(columns.NAME)
    if bare and first and last and people.holds_both(bare, last if bare == first else first):
        first, last, full = None, None, bare
    if not (first or last):
        if reversed_name := row.value(columns.LAST_FIRST):
            first, last = people.split_name(reversed_name, last_first=True)
        else:
            name = full or next((name for text in addresses if (name := people.name_of_address(text))), None)
            if name and "@" in name:
                email = email or people.read_email(name)
                name = people.name_of_address(name)
            first, last = people.split_name(name or "")
    student_id = ids[0] if ids else None
    email = email or next((email for text in ids if (email := people.read_email(text))), None)
    if not (student_id or email or first or last):
        return {}
    return {
        "student_id": student_id,
        "email": email,
        "first_name": first,
        "last_name": last,
        "night": row.value(columns.NIGHT),
        "region": row.value(columns.REGION),
        "class_name": row.value(columns.CLASS_NAME),
    }


def _mentor_name(row: _Row) -> str | None:
    name = row.value(columns.MENTOR_NAME) or row.value(columns.FULL_NAME)
    first, last = row.value(columns.FIRST_NAME), row.value(columns.LAST_NAME)
    if not (first or last):
        is_reversed = not name
        first, last = people.split_name(name or row.value(columns.LAST_FIRST) or "", last_first=is_reversed)
    return " ".join(part for part in (first, last) if part) or None


def _index_of(table: Table, header: str) -> int:
    """Return the place of the column that a person chose for the night."""
    for index, cell in enumerate(table.header):
        if cell == header or columns.header_key(cell) == columns.header_key(header) != "":
            return index
    raise BadInput(
        "The file has no column of that name. Choose one of its columns for the night.",
        parameter="night_column",
    )


def _describe(
    table: Table, unneeded: Collection[str], not_used: list[Unusable], sentences: list[str]
) -> dict[str, Any]:
    """Return the fields of `FileReading`, apart from the candidates for the night."""
    used = {
        index for meaning, indexes in table.columns.items() if meaning not in unneeded for index in indexes
    }
    filled = {
        index
        for _, cells in table.rows
        for index, cell in enumerate(cells)
        if index not in used and clean(cell)
    }
    ignored = [header for index, header in enumerate(table.header) if header and index not in used]
    nameless = sorted(index for index in filled if index >= len(table.header) or not table.header[index])
    ignored += [f"(column {_letters(index)})" for index in nameless]
    return {
        "not_used": sorted(not_used, key=lambda unusable: unusable.line),
        "ignored_columns": ignored,
        "encoding": table.encoding,
        "encoding_is_certain": table.encoding_is_certain,
        "assumptions": sentences,
        "sheet": table.sheet,
        "sheets": table.sheets,
    }


def _describe_status(table: Table, people: Collection[int]) -> list[str]:
    """Say which columns call people withdrawn: without a day they take nobody out."""
    used = {index for indexes in table.columns.values() for index in indexes}
    sentences = []
    for index, header in enumerate(table.header):
        if index in used or not columns.is_status(header):
            continue
        texts = [clean(cells[index]) for line, cells in table.rows if line in people and index < len(cells)]
        counted = Counter(text.capitalize() for text in texts if columns.says_withdrawn(text))
        if counted:
            says = ", ".join(f"{text} for {count(number, 'student')}" for text, number in counted.items())
            sentences.append(f"The column {header} says {says}; a column Withdrawal date takes people out.")
    return sentences


def _describe_dates(reading: dates.ReadDates, *, asked: bool) -> list[str]:
    if reading.is_unclear:
        return [
            "The dates do not show whether the day or the month comes first. "
            "They are left out until you say it."
        ]
    if not reading.is_ambiguous or asked:
        return []
    order = "day" if reading.order == "day_first" else "month"
    why = {"column": "as other dates of the file show", "class": "which fits the first day of the class"}
    return [f"Dates were read with the {order} first, {why['class' if reading.is_by_class else 'column']}."]


def _numbers(numbers: Sequence[int], limit: int = 10) -> str:
    return ", ".join(map(str, numbers[:limit])) + (" and others" if len(numbers) > limit else "")


def _letters(index: int) -> str:
    """Return the letters of a column as spreadsheets write them, such as AB."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
