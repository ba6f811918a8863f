"""Delimited text as records; a broken line costs itself alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import _csv

SEPARATORS = (",", ";", "\t", "|")
NO_SEPARATOR = "\x1f"
"""Separates the cells of a text that has one column: no text holds it."""
_MAX_RECORD_LINES = 100

Accept = Callable[[Sequence[str], Sequence[str]], bool]
"""Says whether cells, which go over these lines, are a single record indeed."""


class Records:
    """The records of a text whose cells are separated by ``separator``."""

    def __init__(self, text: str, separator: str) -> None:
        self._lines = list(io.StringIO(text, newline=""))
        self._separator = separator

    def read(
        self, start: int = 0, accept: Accept = lambda cells, lines: True
    ) -> Iterator[tuple[int, list[str] | None]]:
        """Yield the cells of each record from a line on, with the next line's index.

        The cells are None where a quotation mark opens a cell and nothing closes it. Such a line is left
        alone, and the next line is read as if nothing had happened. A blank line has no cells.
        """
        while start < len(self._lines):
            size, cells = self._record(start, accept)
            start += size
            yield start, cells

    def split(self, line: str) -> list[str]:
        """Return the cells of a line as if it stood alone."""
        return next(self._reader([line]), [])

    def _record(self, start: int, accept: Accept) -> tuple[int, list[str] | None]:
        line = self._lines[start]
        # A reader that takes a second line was inside of quotation marks at the end of the first.
        reader = self._reader([line, ""])
        try:
            cells = next(reader, [])
            if reader.line_num < 2 or '"' not in line:
                return 1, cells
            strict = self._reader(self._lines[start : start + _MAX_RECORD_LINES], strict=True)
            cells = next(strict)
        except csv.Error:
            return 1, None
        if accept(cells, self._lines[start : start + strict.line_num]):
            return strict.line_num, cells
        return 1, None

    def _reader(self, lines: Iterable[str], *, strict: bool = False) -> _csv.Reader:
        return csv.reader(lines, delimiter=self._separator, skipinitialspace=True, strict=strict)
