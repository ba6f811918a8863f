"""The clock: all code that needs the present instant takes it from here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_ahead = timedelta()
_since, _pace = datetime.now(UTC), 1.0


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
    now = datetime.now(UTC)
    return now + _ahead if _pace == 1.0 else _since + (now - _since) * _pace + _ahead


def move_on(by: timedelta) -> None:
    """Move the clock of this process, for the practice school in tests and demos."""
    global _ahead
    _ahead += by


def run_faster(pace: float) -> None:
    """Let time pass `pace` times as fast in this process from now on."""
    global _since, _pace, _ahead
    ahead = utc_now() - datetime.now(UTC)
    _since, _ahead, _pace = datetime.now(UTC), ahead, pace
