"""The clock: all code that needs the present instant takes it from here."""

from __future__ import annotations

from datetime import UTC, datetime


def local_time(instant: datetime) -> datetime:
    """Return an instant in this computer's time zone.

    It is in UTC if the variable TZ holds no time zone.
    """
    try:
        return instant.astimezone()
    except (ValueError, OverflowError, OSError):
        return instant.astimezone(UTC)


def utc_now() -> datetime:
    """Return the present instant, UTC."""
    return datetime.now(UTC)
