"""What becomes of each upstream value. All raise ``ValueError`` with a reason that names no value."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any

from cohort_core.store.database import utc_text

EARLIEST_YEAR, LATEST_YEAR = 1970, 2200


def clean_text(value: Any) -> str | None:
    """Text in composed Unicode without outer spaces; empty text is none."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("is not text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("is not valid Unicode") from None
    if "\0" in value:
        # SQLite's functions and many readers of a CSV file would end the text there.
        raise ValueError("holds a null character")
    return unicodedata.normalize("NFC", value).strip() or None


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
    text = clean_text(value)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
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
