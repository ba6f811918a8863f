"""Text for pages: numbers and times in words, and escaping for Markdown and HTML."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

from pydantic import BaseModel

from cohort_core.formatting import ago, and_more, count, moment, percent, points, seconds, size, until

__all__ = [
    "about",
    "ago",
    "and_more",
    "count",
    "literal",
    "markup",
    "meaning",
    "meanings",
    "moment",
    "parse_instant",
    "percent",
    "points",
    "seconds",
    "size",
    "until",
    "upper_first",
]

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


def about(action: str, name: str) -> str:
    """Return the label of an action.

    The name in it is for screen readers alone; `style` hides it.
    """
    return f"{action} *{literal(name)}*" if name.strip() else action


def markup(text: object) -> str:
    """Escape text for a place that reads HTML."""
    return html.escape(str(text))


def parse_instant(text: str) -> datetime:
    """Parse an instant that the store wrote as UTC text."""
    return datetime.fromisoformat(text).astimezone(UTC)


def meanings(row: type[BaseModel]) -> dict[str, str]:
    """Return the meaning of each field of a report, for tooltips."""
    return {name: meaning(field.description or "") for name, field in row.model_fields.items()}


def meaning(description: str) -> str:
    """Turn a field's description, written for programs, into a tooltip for a mentor."""
    return literal(description.replace("*as of*", "the moment shown").replace("null", "–"))


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]
