"""What becomes of each upstream value. All raise ``ValueError`` with a reason that names no value."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

from cohort_core.store.database import utc_text

EARLIEST_YEAR, LATEST_YEAR = 1970, 2200

# What nearly all times look like. Hours end at 23, since some versions of Python read 24:00 as the next day.
_AS_WE_WRITE_IT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


def clean_text(value: Any) -> str | None:
    """Text in composed Unicode without outer spaces; empty text is none."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("is not text")
    if "\0" in value:
        # SQLite's functions and many readers of a CSV file would end the text there.
        raise ValueError("holds a null character")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("is not valid Unicode") from None
        value = unicodedata.normalize("NFC", value)
    return value.strip() or None


def clean_id(value: Any) -> str:
    text = clean_text(value)
    if text is None:
        raise ValueError("is missing")
    return text


def clean_object_id(value: Any) -> str:
    """An id in either of upstream's forms: text, or an object with ``$oid``."""
    return clean_id(value.get("$oid") if isinstance(value, dict) else value)


def clean_instant(value: Any) -> str | None:
    """An ISO 8601 time as UTC text with milliseconds; without a zone it is UTC already."""
    if value is None:
        return None
    is_as_we_write_it = isinstance(value, str) and _AS_WE_WRITE_IT.fullmatch(value)
    text = value if is_as_we_write_it else clean_text(value)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        if is_as_we_write_it and EARLIEST_YEAR <= instant.year <= LATEST_YEAR:
            return text
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        in_utc = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not an ISO 8601 time") from None
    if not EARLIEST_YEAR <= in_utc.year <= LATEST_YEAR:
        raise ValueError(f"is not between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
    return utc_text(in_utc)


def clean_grade(value: Any) -> tuple[float | None, float | None]:
    """A grade from 0 to 1, and what it was before if it came as percent (above 1 and up to 100)."""
    if value is None:
        return None, None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number")
    if not 0 <= value <= 100:
        raise ValueError("is not between 0 and 100")
    return (value / 100, float(value)) if value > 1 else (float(value), None)
