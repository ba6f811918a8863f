"""Numbers and times as text, and escaping for Markdown and HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from pydantic import BaseModel

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Markdown turns these into links, arrows or dashes even when they are escaped.
_PARSED_ANYWAY = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)|(?<=[-<>~=])(?=[-<>~=])", re.IGNORECASE)
_WORD_JOINER = "\u2060"


def literal(text: str) -> str:
    """Escape text for a place that reads Markdown, so that nothing changes its look.

    Where escaping is not enough, a character without width breaks the pattern. It is still better to show
    a name with ``st.text``, in a table, or with ``markup``.
    """
    return _PUNCTUATION.sub(r"\\\1", _PARSED_ANYWAY.sub(_WORD_JOINER, text))


def markup(text: object) -> str:
    """Escape text for a place that reads HTML."""
    return html.escape(str(text))


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Format a number with its noun, such as "1 student" or "3,781 records"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def and_more(names: Sequence[str], limit: int) -> str:
    """List up to `limit` names, such as "Ada, Ben and 3 more"."""
    if len(names) <= limit:
        return ", ".join(names)
    return f"{', '.join(names[:limit])} and {len(names) - limit:,} more"


def size(number: int) -> str:
    """Format a number of bytes, such as "900 bytes", "12 KB" or "3.4 MB"."""
    if number < 1000:
        return count(number, "byte")
    return f"{number / 1e3:.0f} KB" if number < 1e6 else f"{number / 1e6:,.1f} MB"


def percent(share: float | None) -> str:
    return "–" if share is None or share != share else f"{share:.0%}"


def parse_instant(text: str) -> datetime:
    """Parse an instant that the store wrote as UTC text."""
    return datetime.fromisoformat(text).astimezone(UTC)


def ago(then: datetime, now: datetime) -> str:
    """Describe a past time, such as "just now", "5 minutes ago" or "3 days ago"."""
    minutes = int((now - then).total_seconds() // 60)
    for size, noun in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            return f"{count(minutes // size, noun)} ago"
    return "just now"


def until(then: datetime, now: datetime) -> str:
    """Describe a future time to the nearest minute, such as "now" or "in 5 minutes"."""
    minutes = round((then - now).total_seconds() / 60)
    for size, noun in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            return f"in {count(round(minutes / size), noun)}"
    return "now"


def moment(then: datetime, zone: tzinfo) -> str:
    """Format an instant in a zone, such as "Monday 23 November 2026, 06:28 UTC"."""
    local = then.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M %Z}"


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 100 else count(round(value / 60), "minute")


def meanings(row: type[BaseModel]) -> dict[str, str]:
    """Return the meaning of each field of a report, for tooltips."""
    return {name: meaning(field.description or "") for name, field in row.model_fields.items()}


def meaning(description: str) -> str:
    """Turn a field's description, written for programs, into a tooltip for a mentor."""
    return literal(description.replace("*as of*", "the moment shown").replace("null", "–"))


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]
