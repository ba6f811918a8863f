"""Files of spreadsheet programs as tables: a header and numbered rows.

The file is text with any usual separator, or an XLSX workbook. Title lines and blank lines above the header
are skipped. A line that breaks the rules of CSV is reported alone; the lines below it are read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from cohort_core.errors import BadInput
from cohort_core.imports import code_pages, columns, workbooks
from cohort_core.imports.delimited import NO_SEPARATOR, SEPARATORS, Accept, Records
from cohort_core.imports.workbooks import Row

SIZE_LIMIT_BYTES = 10 * 1024 * 1024
MAX_ROWS = 50_000
_MAX_LINES = 1_048_576
"""The lines of the largest sheet, blank ones included."""
_MAX_HEADER_ROW = 40
"""The header stands within so many rows that are not blank."""
_SEPARATOR_LINE = re.compile(r"""["']?sep=([^"'\w\s]|\t)["']?[ ,;\t]*(?:\r\n|\r|\n|$)""", re.IGNORECASE)
_EXCEL_BLOCK = 16
"""Excel leaves out the last cells of so many rows where all are blank."""
_INVISIBLE = re.compile(r"[\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad]")
_GUARDED = ("'=", "'+", "'-", "'@", "'\t", "'\r")
"""The beginnings that exports give to text that looks like a formula."""
_TEXT_FORMULA = re.compile(r'="([^"]*)"')


@dataclass(frozen=True)
class Unusable:
    """A line of a file that could not be used, counted from 1."""

    line: int
    reason: str


@dataclass
class Table:
    """The header of a file, and the rows below it."""

    header: list[str]
    header_row: int
    columns: dict[str, list[int]]
    """The columns of each meaning, from 0."""
    rows: list[Row] = field(default_factory=list)
    not_used: list[Unusable] = field(default_factory=list)
    encoding: str = "UTF-8"
    encoding_is_certain: bool = True
    assumptions: list[str] = field(default_factory=list)
    sheet: str | None = None
    sheets: list[str] = field(default_factory=list)


def read_table(
    content: bytes,
    name: str,
    *,
    needs: frozenset[str],
    names: Collection[str] = (),
    encoding: str | None = None,
    sheet: str | None = None,
) -> Table:
    """Read the content of a file, which messages call ``name``.

    ``needs`` are the meanings of which the header must have at least one, ``names`` those already in the
    class. ``encoding`` and ``sheet`` are choices of a person. Raises ``BadInput`` for a file without a table.
    """
    if not content.strip():
        raise BadInput(f"{name} is empty. Fill in the template and try again.", parameter="file")
    if len(content) > SIZE_LIMIT_BYTES:
        raise BadInput(
            f"{name} is too large for a roster. Check that it is the right file.", parameter="file"
        )
    if content.startswith(b"%PDF"):
        raise BadInput(
            f"{name} is a PDF, whatever its name says. Get the list as XLSX or as CSV (UTF-8) and try again.",
            parameter="file",
        )
    if workbooks.is_workbook(content):
        table = _read_workbook(workbooks.Workbook(content, name), needs, sheet)
    else:
        decoded = code_pages.decode(content, name, names=names, encoding=encoding)
        if re.match(r"\s*<(?:\?xml|!doctype|html|table)", decoded.text.lstrip("\ufeff")[:200], re.IGNORECASE):
            raise BadInput(
                f"{name} is a web page or XML, whatever its name says. Open it in the spreadsheet program, "
                "save it as XLSX or as CSV (UTF-8) and try again.",
                parameter="file",
            )
        table = _read_text(decoded.text, needs)
        table.encoding, table.encoding_is_certain = decoded.encoding, decoded.is_certain
        table.assumptions[:0] = decoded.assumptions
    if table.header_row > 1:
        table.assumptions.append(f"The header is line {table.header_row}; what is above it was skipped.")
    return table


def clean(cell: str) -> str:
    """Return the text of a cell without invisible characters, outer blanks and formula guards."""
    text = cell.strip()
    if text.startswith(_GUARDED):
        text = text[1:]
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
        text = "".join(" " if _is_control(character) else character for character in text)
    text = " ".join(text.split())
    match = _TEXT_FORMULA.fullmatch(text)
    return match[1].strip() if match else text


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f"


def _find_header(rows: Sequence[Row], needs: frozenset[str]) -> tuple[int, int]:
    """Return the index of the row with the most headers, or -1, and their number."""
    best, most = -1, 0
    for index, (_, cells) in enumerate(rows[:_MAX_HEADER_ROW]):
        meanings = columns.meanings_of(cells)
        size = len({column for places in meanings.values() for column in places})
        if needs & meanings.keys() and size > most:
            best, most = index, size
    return best, most


def _make_table(row: Row) -> Table:
    number, cells = row
    header = [clean(cell) for cell in cells]
    while header and not header[-1]:
        header.pop()
    return Table(header, number, columns.meanings_of(header))


def _no_header(needs: frozenset[str]) -> BadInput:
    wanted = "name" if needs == columns.MENTOR else "email, or first name and last name, or student id"
    return BadInput(
        f"No line names the columns, among them {wanted}. Add such a line and try again.",
        parameter="columns",
    )


def _too_long() -> BadInput:
    return BadInput(
        f"The file has more than {MAX_ROWS:,} lines. Check that it is the right one.", parameter="file"
    )


# Workbooks


def _read_workbook(book: workbooks.Workbook, needs: frozenset[str], sheet: str | None) -> Table:
    """Read the sheet that a person chose, else the first sheet with a header."""
    for title in [sheet] if sheet is not None else book.sheets:
        rows = _limited(book.rows(title))
        index, _ = _find_header(rows, needs)
        if index < 0:
            continue
        table = _make_table(rows[index])
        table.rows = rows[index + 1 :]
        table.sheet, table.sheets = title, book.sheets
        if others := [other for other in book.sheets if other != title and sheet is None]:
            table.assumptions.append(f"The sheet “{title}” was read, not {_quoted(others)}.")
        return table
    raise _no_header(needs)


def _limited(rows: Iterator[Row]) -> list[Row]:
    read = list(islice(rows, MAX_ROWS + 1))
    if len(read) > MAX_ROWS:
        raise _too_long()
    return read


def _quoted(names: Sequence[str], limit: int = 5) -> str:
    quoted = [f"“{name}”" for name in names[:limit]]
    return ", ".join(quoted) + (" and others" if len(names) > limit else "")


# Text


def _read_text(text: str, needs: frozenset[str]) -> Table:
    text = text.lstrip("\ufeff")
    if max(text.count("\n"), text.count("\r")) > _MAX_LINES:
        raise _too_long()
    separators: Sequence[str] = SEPARATORS
    if match := _SEPARATOR_LINE.match(text):
        # Spreadsheet programs hide this line and count from the next.
        separators, text = (match[1],), text[match.end() :]
    best: tuple[tuple[int, int, int], Row, int, Records] | None = None
    for separator in separators:
        records = Records(text, separator)
        rows, ends = _head(records)
        index, size = _find_header(rows, needs)
        if index >= 0:
            width = len(rows[index][1])
            rank = (size, sum(len(cells) == width for _, cells in rows[index:]), width)
            if best is None or rank > best[0]:
                best = (rank, rows[index], ends[index], records)
    if best is None:
        raise _no_header(needs)
    _, row, start, records = best
    if len(row[1]) == 1:
        records = Records(text, NO_SEPARATOR)
    table = _make_table(row)
    _read_records(records, start, len(row[1]), table)
    return table


def _head(records: Records) -> tuple[list[Row], list[int]]:
    """Return the first rows that are not blank, and the line index behind each."""
    rows: list[Row] = []
    ends: list[int] = []
    for number, (end, cells) in enumerate(records.read(), start=1):
        if cells and any(map(clean, cells)):
            rows.append((number, cells))
            ends.append(end)
        if len(rows) == _MAX_HEADER_ROW:
            break
    return rows, ends


def _read_records(records: Records, start: int, width: int, table: Table) -> None:
    """Fill a table with the records below its header, and with unusable lines."""
    rows = [(table.header_row, [""] * width)]
    accept = _one_record(records, width, table.columns)
    for number, (_, cells) in enumerate(records.read(start, accept), start=table.header_row + 1):
        if cells is None:
            table.not_used.append(Unusable(number, "has a quotation mark that is not closed, or is too long"))
        elif any(map(clean, cells)):
            rows.append((number, cells))
        if len(rows) + len(table.not_used) > MAX_ROWS + 1:
            raise _too_long()
    least = len(table.header)
    block_widths: dict[int, int] = {}
    for number, cells in rows:
        block = (number - 1) // _EXCEL_BLOCK
        block_widths[block] = max(block_widths.get(block, 0), len(cells))
    for number, cells in rows[1:]:
        if any(map(clean, cells[width:])):
            reason = f"has {len(cells)} cells and the header {width}: is a separator inside of a cell?"
            table.not_used.append(Unusable(number, reason))
        elif len(cells) < least <= block_widths[(number - 1) // _EXCEL_BLOCK]:
            reason = f"has {_count_cells(len(cells))} and the header {least}: is a cell missing?"
            table.not_used.append(Unusable(number, reason))
        else:
            table.rows.append((number, cells))


def _count_cells(number: int) -> str:
    return "1 cell" if number == 1 else f"{number} cells"


def _one_record(records: Records, width: int, meanings: dict[str, list[int]]) -> Accept:
    """Tell a cell with line breaks from a quotation mark that is not closed.

    Behind a mark that is not closed the next lines are whole: they have an address where the header says
    so or, without such a column, as many cells as the header.
    """
    addresses = meanings.get(columns.EMAIL, [])
    used = {index for indexes in meanings.values() for index in indexes}

    def accept(cells: Sequence[str], lines: Sequence[str]) -> bool:
        if len(cells) < width or any(map(clean, cells[width:])):
            return False
        is_broken = any("\n" in cells[index].strip() or "\r" in cells[index].strip() for index in used)
        whole = [alone for line in lines[1:] if len(alone := records.split(line)) >= width]
        if addresses:
            return not any("@" in alone[index] for alone in whole for index in addresses)
        return not (whole and is_broken)

    return accept
