"""Reports as files that a spreadsheet opens: CSV and XLSX.

Columns and their names are those of docs/metrics.md. What a student is called can be a formula, so text is
never written where a program would calculate with it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel

from cohort_core.reports.catalog import REPORTS
from cohort_core.reports.report import Report, type_name, unit, unwrap

FileFormat = Literal["csv", "xlsx"]

_SIGNS = "=+-@＝＋－＠"
FORMULA_STARTS = (*_SIGNS, "\t", "\r")
"""A spreadsheet takes a CSV cell that begins so for a formula."""

_CELL_ENDS = ";\t\r\n"
_HIDDEN_FORMULA = re.compile(f'([{_CELL_ENDS}]"*)(?=[{re.escape(_SIGNS)}])')
"""Where lists are separated by semicolons, as in Germany, a spreadsheet ends a cell of ours in its middle."""

_MAX_CELL_CHARACTERS = 32_767
_SHEET_NAME_LIMIT = 31
_WIDEST_COLUMN, _WIDTH_SAMPLE = 60, 200


@dataclass(frozen=True)
class Table:
    """Rows of plain values that are no report, with the model that explains the columns.

    `fields` are the columns that were chosen, in their order; all of the model's if none were.
    """

    name: str
    row: type[BaseModel]
    rows: Sequence[Mapping[str, Any]]
    fields: tuple[str, ...] = ()

    def columns(self) -> dict[str, list[Any]]:
        return {name: [row[name] for row in self.rows] for name in self.fields or self.row.model_fields}

    def records(self) -> list[dict[str, Any]]:
        return [{name: row[name] for name in self.fields or self.row.model_fields} for row in self.rows]


Answer = Report | Table


def csv_bytes(answer: Answer, about: Mapping[str, str] | None = None) -> bytes:
    """CSV as RFC 4180 has it, in UTF-8 with the mark by which spreadsheets know that it is.

    Text that begins like a formula gets an apostrophe before it; numbers stay numbers. Nothing is an empty
    cell, a list is joined by semicolons. `about` has no place in it.
    """
    columns, known = answer.columns(), answer.row.model_fields
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    cells = (_csv_column(values, known[name].annotation) for name, values in columns.items())
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue().encode("utf-8-sig")


def xlsx_bytes(answer: Answer, about: Mapping[str, str] | None = None) -> bytes:
    """A workbook: the rows, and a second sheet that says what each column means.

    `about` are lines for the top of that sheet, such as {"Class": "Web 3"}. Dates and times are real ones,
    times in UTC; text is never taken for a formula, a number or an address.
    """
    import xlsxwriter

    file = io.BytesIO()
    # In memory: a temporary file would leave students' data on the disk.
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        _write_rows(book, answer)
        _write_definitions(book, answer, about or {})
    return file.getvalue()


@dataclass(frozen=True)
class Kind:
    """A format for files."""

    media_type: str
    write: Callable[[Answer, Mapping[str, str] | None], bytes]


KINDS: dict[FileFormat, Kind] = {
    "csv": Kind("text/csv; charset=utf-8", csv_bytes),
    "xlsx": Kind("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", xlsx_bytes),
}


def file_name(reference: str | None, name: str, extension: str, *, anonymous: bool = False) -> str:
    """A name for a download: class and report, never a person.

    >>> file_name("web-cohort-3", "student_health", "csv")
    'web-cohort-3-student-health.csv'
    """
    parts = [reference or "", name, "anonymous" if anonymous else ""]
    slugs = [re.sub(r"[^a-z0-9]+", "-", part.casefold()).strip("-")[:80] for part in parts]
    return "-".join(slug for slug in slugs if slug) + f".{extension}"


def _flat(value: Any) -> Any:
    """A list or an object as text; everything else as it is."""
    if isinstance(value, list):
        return "; ".join(str(one) for one in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return value


def _csv_column(values: list[Any], annotation: Any) -> list[Any]:
    bare, _ = unwrap(annotation)
    # What begins with a digit, or is a number, is no formula.
    if bare in (int, float, date, datetime):
        return values
    if bare is not str:
        return [_csv_cell(value) for value in values]
    together = "".join(filter(None, values))
    if any(end in together for end in _CELL_ENDS):
        return [text and _harmless(text) for text in values]
    return [f"'{text}" if text and text.startswith(FORMULA_STARTS) else text for text in values]


def _harmless(text: str) -> str:
    text = _HIDDEN_FORMULA.sub(r"\1'", text)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _csv_cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        value = _flat(value)
    if isinstance(value, str):
        return _harmless(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _write_rows(book: Any, answer: Answer) -> None:
    columns, known = answer.columns(), answer.row.model_fields
    sheet = book.add_worksheet(_sheet_name(_title(answer)))
    head = book.add_format({"bold": True, "bottom": 1})
    day, instant, share = (
        book.add_format({"num_format": text}) for text in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "0.0%")
    )
    lines = 0
    for column, (name, found) in enumerate(columns.items()):
        bare, _ = unwrap(known[name].annotation)
        sheet.write_string(0, column, name, head)
        values = [_flat(value) for value in found]
        lines = len(values)
        for line, value in enumerate(values, start=1):
            if value is None:
                continue
            if bare is datetime:
                at = datetime.fromisoformat(value).replace(tzinfo=None)
                sheet.write_datetime(line, column, at, instant)
            elif bare is date:
                sheet.write_datetime(line, column, datetime.fromisoformat(value), day)
            elif isinstance(value, bool):
                sheet.write_boolean(line, column, value)
            elif isinstance(value, (int, float)):
                sheet.write_number(line, column, value, share if unit(known[name]) == "0 to 1" else None)
            else:
                sheet.write_string(line, column, value[:_MAX_CELL_CHARACTERS])
        longest = max(map(len, map(str, (name, *values[:_WIDTH_SAMPLE]))))
        sheet.set_column(column, column, min(longest + 2, _WIDEST_COLUMN))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, lines, len(columns) - 1)


def _write_definitions(book: Any, answer: Answer, about: Mapping[str, str]) -> None:
    sheet = book.add_worksheet("Definitions")
    head = book.add_format({"bold": True, "bottom": 1})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    top = book.add_format({"valign": "top"})
    line = 0
    for name, text in {"Report": _title(answer), **about}.items():
        sheet.write_string(line, 0, name)
        sheet.write_string(line, 1, text[:_MAX_CELL_CHARACTERS])
        line += 1
    line += 1
    for column, text in enumerate(("column", "type", "unit", "meaning")):
        sheet.write_string(line, column, text, head)
    for name in answer.fields or answer.row.model_fields:
        field = answer.row.model_fields[name]
        line += 1
        words = (name, type_name(field.annotation), unit(field), field.description or "")
        for column, text in enumerate(words):
            sheet.write_string(line, column, text, wrapped if column == len(words) - 1 else top)
    for column, width in enumerate((24, 24, 14, 90)):
        sheet.set_column(column, column, width)


def _title(answer: Answer) -> str:
    known = REPORTS.get(answer.name)
    return known.title if known else answer.name.replace("_", " ").capitalize()


def _sheet_name(title: str) -> str:
    """A title without what Excel does not allow in the name of a sheet."""
    return re.sub(r"[\[\]:*?/\\]+", " –", title)[:_SHEET_NAME_LIMIT]
