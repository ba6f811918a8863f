"""The clock: all code that needs the present instant takes it from here."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present instant, UTC."""
    return datetime.now(UTC)
