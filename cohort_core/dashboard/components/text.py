"""Numbers and times in words, and text that nothing may interpret."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from pydantic import BaseModel

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# What Markdown finds in text that is escaped already: addresses, and arrows and dashes to prettify.
_FOUND_ANYWAY = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)|(?<=[-<>~=])(?=[-<>~=])", re.IGNORECASE)
_WORD_JOINER = "\u2060"


def literal(text: str) -> str:
    """Text for a place that reads Markdown, such that it is shown as it is written.

    Where escaping is not enough, a character without width breaks what would be found. Still, a name is
    better off in ``st.text``, a table or ``markup``.
    """
    return _PUNCTUATION.sub(r"\\\1", _FOUND_ANYWAY.sub(_WORD_JOINER, text))


def markup(text: object) -> str:
    """Text for a place that reads HTML."""
    return html.escape(str(text))


def count(number: int, noun: str, plural: str | None = None) -> str:
    """ "1 student", "3,781 records"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def and_more(names: Sequence[str], most: int) -> str:
    """ "Ada, Ben and 3 more"."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"


def size(number: int) -> str:
    """ "900 bytes", "12 KB", "3.4 MB"."""
    if number < 1000:
        return count(number, "byte")
    return f"{number / 1e3:.0f} KB" if number < 1e6 else f"{number / 1e6:,.1f} MB"


def percent(share: float | None) -> str:
    return "–" if share is None or share != share else f"{share:.0%}"


def instant(text: str) -> datetime:
    """The instant that the store wrote as UTC text."""
    return datetime.fromisoformat(text).astimezone(UTC)


def ago(then: datetime, now: datetime) -> str:
    """ "just now", "5 minutes ago", "3 days ago"."""
    minutes = int((now - then).total_seconds() // 60)
    for size, noun in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            return f"{count(minutes // size, noun)} ago"
    return "just now"


def until(then: datetime, now: datetime) -> str:
    """ "now", "in 5 minutes", "in 3 days"; to the nearest minute."""
    minutes = round((then - now).total_seconds() / 60)
    for size, noun in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            return f"in {count(round(minutes / size), noun)}"
    return "now"


def moment(then: datetime, zone: tzinfo) -> str:
    """ "Monday 23 November 2026, 06:28 UTC"."""
    local = then.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M %Z}"


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 100 else count(round(value / 60), "minute")


def meanings(row: type[BaseModel]) -> dict[str, str]:
    """What each field of a report means, for a tooltip."""
    return {name: meaning(field.description or "") for name, field in row.model_fields.items()}


def meaning(description: str) -> str:
    """A description written for programs, in a mentor's words."""
    return literal(description.replace("*as of*", "the moment shown").replace("null", "–"))


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]
