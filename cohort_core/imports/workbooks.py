"""Read the cells of an XLSX workbook as texts."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from itertools import islice
from typing import Any

from cohort_core.errors import BadInput

MAX_UNPACKED_BYTES = 100 * 1024 * 1024
MAX_COLUMNS = 200
_MAX_SHEET_ROWS = 1_048_576
_MAX_PARTS = 10_000
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")

Row = tuple[int, list[str]]


def is_workbook(content: bytes) -> bool:
    """Say whether a file begins as a workbook of a spreadsheet program, new or old."""
    return content.startswith((_ZIP, _OLD_WORKBOOK))


class Workbook:
    """An open XLSX workbook: the names of its visible sheets, and their rows.

    Only values are read, never formulas. Raises ``BadInput``, which calls the file ``name``, for anything
    else than such a workbook.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self._name = name
        _check(content, name)
        with self._guarded():
            from openpyxl import load_workbook

            self._book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
            self._sheets = {
                sheet.title: sheet for sheet in self._book.worksheets if sheet.sheet_state == "visible"
            }
        if not self._sheets:
            raise BadInput(
                f"{name} has no sheet with cells. Check that it is the right file.", parameter="file"
            )

    @property
    def sheets(self) -> list[str]:
        """The names of the sheets that are not hidden, in their order."""
        return list(self._sheets)

    def rows(self, sheet: str) -> Iterator[Row]:
        """Yield the number, from 1, and the cells of each row that is not blank."""
        if sheet not in self._sheets:
            raise BadInput(
                f"{self._name} has no sheet of that name. Choose one of: {', '.join(self._sheets)}.",
                parameter="sheet",
            )
        with self._guarded():
            opened = self._sheets[sheet]
            opened.reset_dimensions()
            rows = opened.iter_rows(max_row=_MAX_SHEET_ROWS, values_only=True)
            for number, values in enumerate(islice(rows, _MAX_SHEET_ROWS), start=1):
                cells = [_text(value) for value in values[:MAX_COLUMNS]]
                while cells and not cells[-1].strip():
                    cells.pop()
                if cells:
                    yield number, cells

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn everything that a damaged workbook can raise into ``BadInput``."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except (BadInput, GeneratorExit):
            raise
        except Exception as error:  # openpyxl lets through whatever the file provokes
            raise BadInput(
                f"{self._name} is a workbook that cannot be read. Open it in the spreadsheet program, save "
                "it as CSV (UTF-8) and try again.",
                parameter="file",
            ) from error


def _check(content: bytes, name: str) -> None:
    """Raise ``BadInput`` for other workbooks, other archives and archives that unpack to too much."""
    if content.startswith(_OLD_WORKBOOK):
        if _ENCRYPTED in content:
            raise BadInput(
                f"{name} is protected by a password. Save it without the password and try again.",
                parameter="file",
            )
        raise BadInput(
            f"{name} is a workbook of the old format (.xls). Save it in the spreadsheet program as XLSX or "
            "as CSV (UTF-8) and try again.",
            parameter="file",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError):
        raise BadInput(
            f"{name} is a workbook that is damaged. Save it again in the spreadsheet program and try again.",
            parameter="file",
        ) from None
    if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise BadInput(
            f"{name} holds too much for a roster. Check that it is the right file.", parameter="file"
        )
    names = {part.filename.casefold() for part in parts}
    if not any(part.startswith("xl/workbook") for part in names):
        raise BadInput(
            f"{name} is no workbook that can be read here. Save it in the spreadsheet program as XLSX or "
            "as CSV (UTF-8) and try again.",
            parameter="file",
        )
    if "xl/workbook.bin" in names:
        raise BadInput(
            f"{name} is a binary workbook (.xlsb). Save it in the spreadsheet program as XLSX or as CSV "
            "(UTF-8) and try again.",
            parameter="file",
        )


def _text(value: Any) -> str:
    """Return the text of a cell: days as 2026-09-01, errors as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    text = str(value).replace("_x000D_", "")
    return "" if text.startswith("#") and text in _ERRORS else text


_ERRORS = frozenset({"#N/A", "#VALUE!", "#REF!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"})
