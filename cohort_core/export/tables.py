"""Reports as files that a spreadsheet opens: CSV and XLSX.

Columns and their names are those of docs/metrics.md. A student's name could be a formula, so text is never
written in a form that a spreadsheet would calculate.
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

from cohort_core.formatting import SHEET_PERCENT
from cohort_core.reports.catalog import REPORTS
from cohort_core.reports.report import Report, type_name, unit, unwrap

FileFormat = Literal["csv", "xlsx"]

_SIGNS = "=+-@＝＋－＠"
FORMULA_STARTS = (*_SIGNS, "\t", "\r")
"""A spreadsheet reads a CSV cell that begins with one of these as a formula."""

_CELL_ENDS = ";\t\r\n"
_HIDDEN_FORMULA = re.compile(f'([{_CELL_ENDS}]"*)(?=[{re.escape(_SIGNS)}])')
"""A formula after a sign at which some spreadsheets begin a new cell.

In Germany, for example, they separate cells by semicolons and not by commas.
"""

_MAX_CELL_CHARACTERS = 32_767
_MAX_SHEET_NAME = 31
_MAX_COLUMN_WIDTH, _WIDTH_SAMPLE = 60, 200


@dataclass(frozen=True)
class Table:
    """Rows of plain values that are no report, with the model that explains their columns.

    `fields` are the chosen columns, in their order; empty means all columns of the model.
    """

    name: str
    row: type[BaseModel]
    rows: Sequence[Mapping[str, Any]]
    fields: tuple[str, ...] = ()

    def columns(self) -> dict[str, list[Any]]:
        return {name: [row[name] for row in self.rows] for name in self.fields or self.row.model_fields}

    def records(self) -> list[dict[str, Any]]:
        return [{name: row[name] for name in self.fields or self.row.model_fields} for row in self.rows]


Tabular = Report | Table


def csv_bytes(table: Tabular, about: Mapping[str, str] | None = None) -> bytes:
    """Write CSV (RFC 4180) in UTF-8, with the byte order mark that spreadsheets need.

    Text that begins like a formula gets an apostrophe before it; numbers stay numbers. A missing value is an
    empty cell, and a list is joined by semicolons. `about` is ignored, since CSV has no place for it.
    """
    columns, fields = table.columns(), table.row.model_fields
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    cells = (_csv_column(values, fields[name].annotation) for name, values in columns.items())
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue().encode("utf-8-sig")


def xlsx_bytes(table: Tabular, about: Mapping[str, str] | None = None) -> bytes:
    """Write a workbook: the rows, and a second sheet that explains the columns.

    `about` holds lines for the top of that sheet, such as {"Class": "Web 3"}. Dates and times are written as
    such, times in UTC. Text is never written as a formula, a number or a link.
    """
    import xlsxwriter

    file = io.BytesIO()
    # In memory: a temporary file would leave students' data on the disk.
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        _write_rows(book, table)
        _write_definitions(book, table, about or {})
    return file.getvalue()


@dataclass(frozen=True)
class Kind:
    """A format for files."""

    media_type: str
    write: Callable[[Tabular, Mapping[str, str] | None], bytes]


KINDS: dict[FileFormat, Kind] = {
    "csv": Kind("text/csv; charset=utf-8", csv_bytes),
    "xlsx": Kind("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", xlsx_bytes),
}


def file_name(reference: str | None, name: str, extension: str, *, anonymous: bool = False) -> str:
    """Name a download by its class and report, never by a person.

    >>> file_name("web-cohort-3", "student_health", "csv")
    'web-cohort-3-student-health.csv'
    """
    parts = [reference or "", name, "anonymous" if anonymous else ""]
    slugs = [re.sub(r"[^a-z0-9]+", "-", part.casefold()).strip("-")[:80] for part in parts]
    return "-".join(slug for slug in slugs if slug) + f".{extension}"


def _flat(value: Any) -> Any:
    """Return a list or an object as text, and everything else as it is."""
    if isinstance(value, list):
        return "; ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    return value


def _csv_column(values: list[Any], annotation: Any) -> list[Any]:
    bare, _ = unwrap(annotation)
    # Numbers, dates and times cannot be formulas.
    if bare in (int, float, date, datetime):
        return values
    if bare is not str:
        return [_csv_cell(value) for value in values]
    # Most columns have no such sign, so one search through all of them is quicker than many.
    joined = "".join(filter(None, values))
    if any(end in joined for end in _CELL_ENDS):
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


def _write_rows(book: Any, table: Tabular) -> None:
    columns, fields = table.columns(), table.row.model_fields
    sheet = book.add_worksheet(_sheet_name(_title(table)))
    head = book.add_format({"bold": True, "bottom": 1})
    day, instant, share = (
        book.add_format({"num_format": text}) for text in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", SHEET_PERCENT)
    )
    lines = 0
    for column, (name, plain) in enumerate(columns.items()):
        bare, _ = unwrap(fields[name].annotation)
        sheet.write_string(0, column, name, head)
        values = [_flat(value) for value in plain]
        lines = len(values)
        for line, value in enumerate(values, start=1):
            if value is None:
                continue
            if bare is datetime:
                utc = datetime.fromisoformat(value).replace(tzinfo=None)
                sheet.write_datetime(line, column, utc, instant)
            elif bare is date:
                sheet.write_datetime(line, column, datetime.fromisoformat(value), day)
            elif isinstance(value, bool):
                sheet.write_boolean(line, column, value)
            elif isinstance(value, (int, float)):
                sheet.write_number(
                    line, column, value, share if unit(fields[name]).startswith("0 to 1") else None
                )
            else:
                sheet.write_string(line, column, value[:_MAX_CELL_CHARACTERS])
        longest = max(map(len, map(str, (name, *values[:_WIDTH_SAMPLE]))))
        sheet.set_column(column, column, min(longest + 2, _MAX_COLUMN_WIDTH))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, lines, len(columns) - 1)


def _write_definitions(book: Any, table: Tabular, about: Mapping[str, str]) -> None:
    sheet = book.add_worksheet("Definitions")
    head = book.add_format({"bold": True, "bottom": 1})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    top = book.add_format({"valign": "top"})
    line = 0
    for name, text in {"Report": _title(table), **about}.items():
        sheet.write_string(line, 0, name)
        sheet.write_string(line, 1, text[:_MAX_CELL_CHARACTERS])
        line += 1
    line += 1
    for column, text in enumerate(("column", "type", "unit", "meaning")):
        sheet.write_string(line, column, text, head)
    for name in table.fields or table.row.model_fields:
        field = table.row.model_fields[name]
        line += 1
        words = (name, type_name(field.annotation), unit(field), field.description or "")
        for column, text in enumerate(words):
            sheet.write_string(line, column, text, wrapped if column == len(words) - 1 else top)
    for column, width in enumerate((24, 24, 14, 90)):
        sheet.set_column(column, column, width)


def _title(table: Tabular) -> str:
    spec = REPORTS.get(table.name)
    return spec.title if spec else table.name.replace("_", " ").capitalize()


def _sheet_name(title: str) -> str:
    """Return the title without characters that Excel forbids in the name of a sheet."""
    return re.sub(r"[\[\]:*?/\\]+", " –", title)[:_MAX_SHEET_NAME]
