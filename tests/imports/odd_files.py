"""Files as real programs make them, with invented people."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import xlsxwriter

Content = bytes | str


def csv_file(rows: Iterable[Iterable[object]], encoding: str = "utf-8", **dialect: Any) -> bytes:
    """Write rows as CSV, as Python's own writer does."""
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(rows)
    return text.getvalue().encode(encoding)


def workbook(fill: Callable[[Any], None]) -> bytes:
    """Write a workbook with xlsxwriter."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    fill(book)
    book.close()
    return file.getvalue()


def sheet(*rows: Iterable[object]) -> bytes:
    """Write a workbook of a single sheet; its cells are texts and numbers."""

    def fill(book: Any) -> None:
        page = book.add_worksheet("Students")
        for index, row in enumerate(rows):
            page.write_row(index, 0, row)

    return workbook(fill)


def archive(parts: Mapping[str, Content]) -> bytes:
    """Write a ZIP archive, which is what workbooks are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return file.getvalue()


def with_part(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """Change a part of a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        parts = {part: packed.read(part) for part in packed.namelist()}
    parts[name] = change(parts[name])
    return archive(parts)


def microsoft_forms(book: Any) -> None:
    page = book.add_worksheet("Form1")
    headers = ["ID", "Start time", "Email", "Name", "What is your name?", "Your school email"]
    page.write_row(0, 0, [*headers, "Which class night can you attend?"])
    answers = [("Amara Okonjo-Bright", "amara@example.org"), ("Bela Kovács", "bela@example.org")]
    moment = book.add_format({"num_format": "m/d/yy h:mm"})
    for row, (name, email) in enumerate(answers, start=1):
        page.write_row(row, 0, [row, "", "anonymous", "", name, email, "Tuesday"])
        page.write_datetime(row, 1, datetime(2026, 9, 1, 9), moment)  # noqa: DTZ001


def hand_made(book: Any) -> None:
    """A hidden sheet first; a title over merged cells; dates, notes and a comment without a header."""
    hidden = book.add_worksheet("Old")
    hidden.hide()
    hidden.write_row(0, 0, ["email", "first_name", "last_name"])
    hidden.write_row(1, 0, ["gone@example.org", "Gone", "Away"])
    page = book.add_worksheet("Autumn 2026")
    page.activate()
    page.set_first_sheet()
    page.merge_range("A1:F1", "Evening A: roster")
    page.write(1, 0, "Updated 2026-09-01")
    page.write_row(3, 0, ["Student number", "Full name", "E-mail *", "Enrolled on", "Notes", "Night"])
    page.write_row(4, 0, [123456789012, "Okonjo-Bright, Amara", "amara@example.org"])
    page.write_datetime(4, 3, datetime(2026, 9, 1), book.add_format({"num_format": "d mmm"}))  # noqa: DTZ001
    page.write_row(4, 4, ["likes\nSQL", "Tuesday"])
    page.write_row(6, 0, [5, "Bela Kovács"])
    page.write_url(6, 2, "mailto:bela@example.org", string="bela@example.org")
    page.write_row(6, 3, ["soon", "", "", "left?"])
    book.add_worksheet("Numbers").write_row(0, 0, [1, 2, 3])


def with_formulas(book: Any) -> None:
    page = book.add_worksheet("Students")
    page.write_row(0, 0, ["Email", "First name", "Last name"])
    page.write_formula(1, 0, '=B2&"@example.org"', None, "amara@example.org")
    page.write(1, 1, "Amara")
    page.write_formula(1, 2, "=NA()", None, "#N/A")


def with_a_cell_far_away(book: Any) -> None:
    page = book.add_worksheet("Students")
    page.write_row(0, 0, ["Email", "Name"])
    page.write_row(1, 0, ["amara@example.org", "Amara Okonjo-Bright"])
    page.write(1_048_574, 0, "bela@example.org")
    page.write(1_048_575, 16_383, "x")
