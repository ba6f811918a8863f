"""Numbers, spans and days in words: one rounding, one spelling, one plural.

Halves are rounded up. Values that differ only in their last bits are written alike. The formats at the end
do the same for tables and charts, which write their numbers in the browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from math import floor

MISSING = "–"
_LAST_BITS = 1e-6
"""Values so little below a half count as a half."""


def round_half_up(value: float, digits: int = 0) -> float:
    """Round a number, halves up; NaN stays NaN."""
    if value != value:
        return value
    scale = 10**digits
    return float(floor(value * scale + 0.5 + _LAST_BITS) / scale)


def whole(value: float | None) -> str:
    """Format a number without decimals, such as "1,234"; "–" without a number."""
    return MISSING if value is None or value != value else f"{int(round_half_up(value)):,}"


def one_decimal(value: float | None) -> str:
    """Format a number with one decimal, such as "0.3"; "–" without a number."""
    return MISSING if value is None or value != value else f"{round_half_up(value, 1):,.1f}"


def percent(share: float | None) -> str:
    """Format a share of 1, such as "62 %"; "–" without a share."""
    return MISSING if share is None or share != share else f"{whole_percent(share)} %"


def percent_range(lower: float, upper: float) -> str:
    """Format two shares of 1, such as "50–60 %"."""
    return f"{whole_percent(lower)}–{percent(upper)}"


def whole_percent(share: float) -> int:
    """Return a share of 1 in whole percents."""
    return int(round_half_up(100 * share))


def signed(number: int) -> str:
    """Format a change, such as "+3" or "−1,234"."""
    return f"{number:+,}".replace("-", "−")


def signed_decimal(now: float, before: float) -> str:
    """Subtract two numbers as a reader of both would, such as "+0.6" or "−0.6"."""
    change = round_half_up(round_half_up(now, 1) - round_half_up(before, 1), 1)
    return f"{change:+.1f}".replace("-", "−") if change else "0.0"


def percent_points(now: float | None, before: float | None) -> int:
    """Subtract two shares in whole percents, as a reader of both would.

    The result is 0 if a share is missing.
    """
    if now is None or before is None:
        return 0
    return whole_percent(now) - whole_percent(before)


def signed_points(number: int) -> str:
    """Format a change of points, such as "+1 point" or "−4 points"."""
    return f"{signed(number)} {'point' if abs(number) == 1 else 'points'}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Format a number with its noun, such as "1 student" or "3,781 records"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def points(value: float) -> str:
    """Format points, such as "0 points", "1 point" or "12 points"."""
    return count(int(round_half_up(value)), "point")


def days(value: float) -> str:
    """Format the days that have passed, such as "1 day" or "12 days"."""
    return count(int(value), "day")


def some_days(value: float) -> str:
    """Format a difference in days, such as "less than a day" or "12 days"."""
    nearest = int(round_half_up(value))
    return days(nearest) if nearest else "less than a day"


def days_ago(number: int | None) -> str:
    """Describe a day: "today", "yesterday", "12 days ago", "never" without any."""
    if number is None:
        return "never"
    return {0: "today", 1: "yesterday"}.get(number, f"{days(number)} ago")


def and_more(names: Sequence[str], limit: int) -> str:
    """List up to `limit` names, such as "Ada, Ben and 3 more"."""
    if len(names) <= limit:
        return ", ".join(names)
    return f"{', '.join(names[:limit])} {more(len(names) - limit)}"


def more(number: int) -> str:
    """Format the number of entries that are left out, such as "and 3 more"."""
    return f"and {number:,} more"


def size(number: int) -> str:
    """Format a number of bytes, such as "900 bytes", "12 KB" or "3.4 MB"."""
    if number < 1000:
        return count(number, "byte")
    return f"{whole(number / 1e3)} KB" if number < 1e6 else f"{one_decimal(number / 1e6)} MB"


def seconds(value: float) -> str:
    """Format a duration, such as "1.5 s" or "3 minutes"."""
    return f"{one_decimal(value)} s" if value < 100 else count(int(round_half_up(value / 60)), "minute")


def ago(then: datetime, now: datetime) -> str:
    """Describe a past time, such as "just now", "5 minutes ago" or "3 days ago"."""
    minutes = int((now - then).total_seconds() // 60)
    for length, noun in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        if minutes >= length:
            return f"{count(minutes // length, noun)} ago"
    return "just now"


def until(then: datetime, now: datetime) -> str:
    """Describe a future time to the nearest minute, such as "now" or "in 5 minutes"."""
    minutes = int(round_half_up((then - now).total_seconds() / 60))
    for length, noun in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        if minutes >= length:
            return f"in {count(int(round_half_up(minutes / length)), noun)}"
    return "now"


def moment(then: datetime, zone: tzinfo) -> str:
    """Format an instant in a zone, such as "Monday 23 November 2026, 06:28 UTC"."""
    local = then.astimezone(zone)
    return f"{local:%A} {long_day(local)}, {local:%H:%M %Z}"


def long_day(day: date) -> str:
    """Format a day, such as "4 March 2025"."""
    return f"{day.day} {day:%B %Y}"


def medium_day(day: date) -> str:
    """Format a day, such as "4 Mar 2025"."""
    return f"{short_day(day)} {day:%Y}"


def short_day(day: date) -> str:
    """Format a day without its year, such as "4 Mar"."""
    return f"{day.day} {day:%b}"


TABLE_PERCENT = "%.0f %%"
"""For percents in tables, which `round_half_up` has rounded before."""
TABLE_WHOLE, TABLE_ONE_DECIMAL = "%.0f", "%.1f"
SHEET_PERCENT = "0.0 %"
"""For shares in a spreadsheet, where the numbers stay exact."""
AXIS_PERCENT = "floor(100 * datum.value + 0.5 + 1e-6) + ' %'"
"""For an axis of shares, as an expression of Vega."""
AXIS_ONE_DECIMAL = ".1f"
