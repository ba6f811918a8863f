"""The clock. Everything that asks for the present instant asks here."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present instant, UTC."""
    return datetime.now(UTC)
