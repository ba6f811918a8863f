"""Dates as spreadsheets write them, with the day or the month first."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median_low
from typing import Literal

from cohort_core.imports.columns import without_accents

DateOrder = Literal["day_first", "month_first"]

_REACH = timedelta(days=183)
"""How far from the first day of a class the dates of its roster lie."""
_FIRST_SERIAL, _LAST_SERIAL = 20_000, 80_000
_SERIAL_ZERO = date(1899, 12, 30)
_CENTURY_TURNS = 70
_MONTHS = (
    "january januar janvier enero janeiro gennaio januari styczen",
    "february februar fevrier febrero fevereiro febbraio februari luty",
    "march marz maerz mrz mars marzo marco maart mrt marzec marca",
    "april avril abril aprile kwiecien kwietnia",
    "may mai mayo maio maggio mei maj",
    "june juni juin junio junho giugno czerwiec czerwca",
    "july juli juillet julio julho luglio lipiec lipca",
    "august aout agosto augustus sierpien sierpnia",
    "september septembre septiembre setiembre setembro settembre wrzesien wrzesnia",
    "october oktober octobre octubre outubro ottobre pazdziernik pazdziernika",
    "november novembre noviembre novembro listopad listopada",
    "december dezember decembre diciembre dezembro dicembre grudzien grudnia",
)
_MONTH_NUMBERS = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}
_TIME = (
    r"(?:(?:T|,?\s+)\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?"
    r"\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?)?"
)
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])\s?(\d{{1,2}})\2\s?(\d{{1,2}}){_TIME}")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_NUMERIC = re.compile(rf"(\d{{1,2}})([-/.])\s?(\d{{1,2}})\2\s?(\d{{4}}|\d{{2}}){_TIME}")
_SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?")


@dataclass(frozen=True)
class ReadDates:
    """The dates of a file; None where a text is no date, or not clear."""

    by_text: dict[str, date | None]
    order: DateOrder | None
    unreadable: frozenset[str]
    """The texts that are no date in any order."""
    is_unclear: bool
    """True if a person must say whether the day or the month comes first."""
    is_ambiguous: bool
    """True if a date could mean two days."""
    is_by_class: bool
    """True if the first day of the class decides the order."""


def read_dates(
    texts: Collection[str], *, order: DateOrder | None = None, class_starts_on: date | None = None
) -> ReadDates:
    """Read the texts of all date columns of a file, whose order is the same.

    Without ``order`` it is decided by a date that fits one order alone, else by the first day of the class,
    else by the other dates.
    """
    readings = {text: _readings(text) for text in texts}
    open_texts = {text: pair for text, pair in readings.items() if len(set(pair)) == 2 and None not in pair}
    is_by_class = False
    if order is None:
        order = _order_of_column([pair for pair in readings.values() if None in pair])
        if order is None and open_texts:
            certain = [pair[0] for pair in readings.values() if pair[0] and len(set(pair)) == 1]
            anchor = class_starts_on or (median_low(certain) if certain else None)
            order = _order_near(list(open_texts.values()), anchor) if anchor else None
            is_by_class = order is not None and class_starts_on is not None
    by_text: dict[str, date | None] = {}
    for text, (day_first, month_first) in readings.items():
        if text in open_texts:
            by_text[text] = order and (day_first if order == "day_first" else month_first)
        else:
            by_text[text] = day_first or month_first
    return ReadDates(
        by_text,
        order,
        frozenset(text for text, pair in readings.items() if pair == (None, None)),
        is_unclear=bool(open_texts) and order is None,
        is_ambiguous=bool(open_texts),
        is_by_class=is_by_class,
    )


def _readings(text: str) -> tuple[date | None, date | None]:
    """Return the date with the day first, and with the month first."""
    if match := _YEAR_FIRST.fullmatch(text):
        certain = _date(match[1], match[3], match[4])
    elif match := _COMPACT.fullmatch(text):
        certain = _date(match[1], match[2], match[3])
    elif _SERIAL.fullmatch(text):
        certain = _from_serial(text)
    elif match := _NUMERIC.fullmatch(text):
        return _date(match[4], match[3], match[1]), _date(match[4], match[1], match[3])
    else:
        certain = _with_month_name(text)
    return certain, certain


def _date(year: str, month: str, day: str) -> date | None:
    number = int(year)
    if len(year) == 2:
        number += 2000 if number < _CENTURY_TURNS else 1900
    try:
        return date(number, int(month), int(day))
    except ValueError:
        return None


def _from_serial(text: str) -> date | None:
    days = int(text[:5])
    return _SERIAL_ZERO + timedelta(days) if _FIRST_SERIAL <= days <= _LAST_SERIAL else None


def _with_month_name(text: str) -> date | None:
    """Read a date with a month in letters, such as ``1-Sep-2026`` or ``September 1, 2026``."""
    text = re.sub(rf"{_TIME}$", "", text)
    months = {number for word in re.findall(r"[^\W\d_]+", text) if (number := _month(word))}
    numbers = re.findall(r"\d+", text)
    if len(months) != 1 or len(numbers) != 2:
        return None
    day, year = numbers if len(numbers[0]) <= 2 else reversed(numbers)
    return _date(year, str(months.pop()), day) if len(year) in (2, 4) and len(day) <= 2 else None


def _month(word: str) -> int | None:
    plain = without_accents(word)
    numbers = {number for name, number in _MONTH_NUMBERS.items() if name.startswith(plain)}
    return numbers.pop() if len(plain) >= 3 and len(numbers) == 1 else None


def _order_of_column(pairs: Sequence[tuple[date | None, date | None]]) -> DateOrder | None:
    """Return the order that dates with a day above 12 show, if they agree."""
    orders: set[DateOrder] = set()
    for day_first, month_first in pairs:
        if day_first:
            orders.add("day_first")
        elif month_first:
            orders.add("month_first")
    return orders.pop() if len(orders) == 1 else None


def _order_near(pairs: Sequence[tuple[date | None, date | None]], anchor: date) -> DateOrder | None:
    """Return the only order with all dates within reach of a day."""
    day_first, month_first = (
        all(abs(pair[index] - anchor) <= _REACH for pair in pairs if pair[index])  # type: ignore[operator]
        for index in (0, 1)
    )
    if day_first == month_first:
        return None
    return "day_first" if day_first else "month_first"
