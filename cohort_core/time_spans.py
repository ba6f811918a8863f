"""Spans of time as people write them, such as 30m or 90d."""

from __future__ import annotations

import re
from datetime import timedelta

_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_span(text: str, least: timedelta, most: timedelta) -> timedelta | None:
    """Parse a span such as ``30m``, ``1.5h`` or ``8w``; None if it cannot be used.

    It must lie between `least` and `most`.
    """
    match = _SPAN.fullmatch(text.strip().casefold())
    if match is None:
        return None
    try:
        span = timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError:
        return None
    return span if least <= span <= most else None
