"""Cleaning of single values: each function raises ``ValueError`` for a value that cannot be used.

The reason never contains the value, since it is shown and logged.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

from cohort_core.store.database import utc_text

MIN_YEAR, MAX_YEAR = 1970, 2200

# Nearly all times come in this form, which is also the store's. Hours end at 23, since some versions of
# Python read 24:00 as the next day.
_STORED_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


def clean_text(value: Any) -> str | None:
    """Normalise text to composed Unicode without outer spaces; empty text becomes None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("is not text")
    if "\0" in value:
        # SQLite's functions, and many programs that read CSV files, would end the text there.
        raise ValueError("holds a null character")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("is not valid Unicode") from None
        value = unicodedata.normalize("NFC", value)
    return value.strip() or None


def clean_id(value: Any) -> str:
    """Normalise an id, which must not be empty."""
    text = clean_text(value)
    if text is None:
        raise ValueError("is missing")
    return text


def clean_instant(value: Any) -> str | None:
    """Convert an ISO 8601 time to UTC text with milliseconds.

    A time without a zone is UTC.
    """
    if value is None:
        return None
    is_stored_form = isinstance(value, str) and _STORED_FORM.fullmatch(value)
    text = value if is_stored_form else clean_text(value)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        if is_stored_form and MIN_YEAR <= instant.year <= MAX_YEAR:
            return text
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        in_utc = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not an ISO 8601 time") from None
    if not MIN_YEAR <= in_utc.year <= MAX_YEAR:
        raise ValueError(f"is not between the years {MIN_YEAR} and {MAX_YEAR}")
    return utc_text(in_utc)


def clean_grade(value: Any) -> float | None:
    """Check a grade, a number from 0 to 100. Its scale is decided when a class is loaded."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number")
    if not 0 <= value <= 100:
        raise ValueError("is not between 0 and 100")
    return float(value)
