"""Names and email addresses as people write them into cells."""

from __future__ import annotations

import re
import unicodedata

_ADDRESS = re.compile(r"[^\s@,;<>()\[\]\"]+@[^\s@,;<>()\[\]\"]+")
_IN_BRACKETS = re.compile(r"<([^<>]*)>")
_PRONOUNS = re.compile(r"\s*[(\[](?:she|he|they|ze|xe|any|elle|il|sie|er)\b[^)\]]*[)\]]", re.IGNORECASE)
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md", "msc", "bsc", "mba", "esq"})


def read_email(text: str) -> str | None:
    """Return the address in a cell, which has exactly one @, or None.

    It may stand as ``Name <address>``, behind ``mailto:``, or before a semicolon or comma.
    """
    text = unicodedata.normalize("NFKC", text)
    if match := _IN_BRACKETS.search(text):
        text = match[1]
    text = re.sub(r"^\s*mailto:|\?.*$", "", text, flags=re.IGNORECASE).strip(" ;,.'\"()[]")
    return text if _ADDRESS.fullmatch(text) else None


def name_of_address(text: str) -> str | None:
    """Return the name before an address such as ``Amara Okonjo <amara@example.org>``."""
    before, bracket, _ = text.partition("<")
    name = before.strip(" \"'")
    return name if bracket and name and "@" not in name else None


def split_name(name: str, *, last_first: bool = False) -> tuple[str | None, str | None]:
    """Return the first and last name of a whole name.

    A single word is the first name. With a comma the last name comes first, with ``last_first`` also
    without.
    """
    name = _PRONOUNS.sub("", name)
    before, _, behind = (part.strip() for part in name.partition(","))
    if behind and behind.casefold().strip(" .").replace(".", "") not in _SUFFIXES:
        return " ".join(behind.replace(",", " ").split()) or None, before or None
    words = name.replace(",", " ").split()
    if not words:
        return None, None
    if last_first and len(words) > 1:
        capitals = [word for word in words if word.isupper() and len(word) > 1]
        size = len(capitals) if words[: len(capitals)] == capitals and 0 < len(capitals) < len(words) else -1
        return " ".join(words[size:]), " ".join(words[:size])
    return words[0], " ".join(words[1:]) or None


def holds_both(name: str, part: str) -> bool:
    """Say whether a name holds the words of a part of it, and more."""
    words, wanted = (re.findall(r"[^\s,]+", text.casefold()) for text in (name, part))
    return len(words) > len(wanted) and all(word in words for word in wanted)
