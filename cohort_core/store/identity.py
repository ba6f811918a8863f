"""Comparing names and addresses as people write them: two spellings of one thing are equal."""

from __future__ import annotations

import re
import unicodedata

_DASHES = "‐‑‒–—―⁃−﹘﹣－"
_APOSTROPHES = "'’‘ʼʻʹʽ‛′`´＇"
_ALIKE = str.maketrans({**dict.fromkeys(_DASHES, "-"), **dict.fromkeys(_APOSTROPHES, "'")})
_WITHOUT_MARKS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "ħ": "h", "æ": "ae", "œ": "oe", "þ": "th"}
)
"""Letters that Unicode does not split into a plain letter and its mark."""
_IN_BRACKETS = re.compile(r"<([^<>]*)>\s*$")
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")


def comparable(text: str | None) -> str:
    """Normalise text for comparison; the result is empty for None and for blanks.

    Case, invisible characters, outer and repeated blanks, and the kinds of dashes and apostrophes do not
    matter.
    """
    if not text:
        return ""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_ALIKE)).translate(_ALIKE)
        text = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    elif "`" in text:
        text = text.translate(_ALIKE)
    return " ".join(unicodedata.normalize("NFKC", text.casefold()).split())


def without_accents(text: str) -> str:
    """Replace accented letters of a `comparable` text by plain ones."""
    if text.isascii():
        return text
    letters = unicodedata.normalize("NFKD", text.translate(_WITHOUT_MARKS))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def address(text: str | None) -> str:
    """Return the address in a cell, for comparison; empty if the cell holds none.

    ``Name <address>``, ``mailto:`` and a trailing ``;`` or ``,`` are taken off. An address has exactly one
    ``@``, between letters and without blanks.
    """
    value = comparable(text).rstrip(";, ")
    if bracketed := _IN_BRACKETS.search(value):
        value = bracketed[1].strip()
    value = value.removeprefix("mailto:").partition("?")[0].strip("<>;,'\" ")
    return value if _ADDRESS.fullmatch(value) else ""


def full_name(first_name: str | None, last_name: str | None) -> str:
    """Return a whole name for comparison; either part may be missing."""
    return comparable(f"{first_name or ''} {last_name or ''}")
