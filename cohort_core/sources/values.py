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
MAX_TEXT = 200
MAX_ID_BYTES = 200
MAX_EMAIL = 320
EPOCH = "1970-01-01T00:00:00.000Z"

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


def clean_name(value: Any) -> str | None:
    """Normalise a name: as other text, cut to 200 characters.

    It is None if nothing in it can be seen.
    """
    text = clean_text(value)
    if text is None or (not text.isascii() and not any(map(_can_be_seen, text))):
        return None
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1].rstrip()}…"


def _can_be_seen(character: str) -> bool:
    # Controls, formats such as a zero-width space, and separators.
    return unicodedata.category(character)[0] not in "CZ"


def clean_email(value: Any) -> str | None:
    """Normalise an email. A longer text than any address is none."""
    text = clean_text(value)
    return text if text is None or len(text) <= MAX_EMAIL else None


def clean_id(value: Any) -> str:
    """Normalise an id, which must not be empty nor longer than 200 bytes."""
    text = clean_text(value)
    if text is None:
        raise ValueError("is missing")
    if len(text) > MAX_ID_BYTES // 4 and len(text.encode()) > MAX_ID_BYTES:
        raise ValueError(f"is longer than {MAX_ID_BYTES} bytes")
    return text


def clean_instant(value: Any) -> str | None:
    """Convert an ISO 8601 time to UTC text with milliseconds.

    A time without a zone is UTC. The epoch's zero, which some systems write for no time, is none.
    """
    if value is None or (value == 0 and isinstance(value, int) and not isinstance(value, bool)):
        return None
    is_stored_form = isinstance(value, str) and _STORED_FORM.fullmatch(value)
    text = value if is_stored_form else clean_text(value)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        if is_stored_form and MIN_YEAR <= instant.year <= MAX_YEAR:
            return None if text == EPOCH else text
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        in_utc = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not an ISO 8601 time") from None
    if not MIN_YEAR <= in_utc.year <= MAX_YEAR:
        raise ValueError(f"is not between the years {MIN_YEAR} and {MAX_YEAR}")
    text = utc_text(in_utc)
    return None if text == EPOCH else text


def clean_grade(value: Any) -> float | None:
    """Check a grade, a number from 0 to 100.

    Its scale is decided when a class is loaded.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number")
    if not 0 <= value <= 100:
        raise ValueError("is not between 0 and 100")
    return float(value)
