"""The letters of a text file, whatever its code page.

Byte order marks and UTF-8 are certain. Otherwise that code page counts which gives most of the names that are
already in the class; else the first whose words look like words.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cohort_core.errors import BadInput
from cohort_core.imports.columns import without_accents

CODE_PAGES = {
    "Windows-1252": "cp1252",
    "Mac Roman": "mac_roman",
    "Windows-1250": "cp1250",
    "Windows-1251": "cp1251",
    "Windows-1253": "cp1253",
    "Windows-1254": "cp1254",
    "Windows-1257": "cp1257",
    "ISO 8859-2": "iso8859_2",
    "ISO 8859-15": "iso8859_15",
    "DOS 850": "cp850",
    "DOS 852": "cp852",
    "DOS 437": "cp437",
    "Mac Central European": "mac_latin2",
    "KOI8-R": "koi8_r",
    "Shift JIS": "cp932",
    "GBK": "gbk",
    "Big5": "big5",
    "Korean 949": "cp949",
}
"""The code pages that are tried, in this order; a mentor may choose any."""
ENCODINGS = ("UTF-8", "UTF-16", *CODE_PAGES)
"""Every name that `decode` gives or takes."""
_MARKS = (
    (codecs.BOM_UTF8, "UTF-8", "utf-8"),
    (codecs.BOM_UTF32_LE, "UTF-32", "utf-32"),
    (codecs.BOM_UTF32_BE, "UTF-32", "utf-32"),
    (codecs.BOM_UTF16_LE, "UTF-16", "utf-16"),
    (codecs.BOM_UTF16_BE, "UTF-16", "utf-16"),
)
_EAST_ASIAN = frozenset({"cp932", "gbk", "big5", "cp949"})
_ALPHABETS = tuple(
    frozenset(letters)
    for letters in (
        "äöüß",  # German
        "àâçéèêëîïôœùûüÿ",  # French
        "áéíóúñü",  # Spanish, Irish
        "áâãàçéêíóôõúü",  # Portuguese
        "àèéìíîòóùú",  # Italian, Catalan
        "àçèéíïòóúü",  # Catalan
        "áäéèëêíïóöúüû",  # Dutch
        "æøåéó",  # Danish, Norwegian
        "åäöéüæø",  # Swedish, Finnish
        "áéíóúýðþæö",  # Icelandic
        "âêîôûŵŷïëäö",  # Welsh
        "ąćęłńóśźż",  # Polish
        "áäčďéěíĺľňóôŕřšťúůýž",  # Czech, Slovak
        "áéíóöőúüű",  # Hungarian
        "čćđšž",  # Croatian, Serbian, Slovenian
        "ăâîşţșț",  # Romanian
        "çğıöşüâîû\u0307",  # Turkish
        "āčēģīķļņšūž",  # Latvian
        "ąčęėįšųūž",  # Lithuanian
        "äöõüšž",  # Estonian
        "ëç",  # Albanian
        "ċġħżàèìòù",  # Maltese
    )
)
"""The letters that languages have beside the English ones."""
_LONE_LIGATURE = re.compile("œ(?![iu])")
_WORD = re.compile(r"[^\W\d_]+")
_TOKEN = re.compile(r"[^\s,;|\t\"'<>()@.:/-]+")
_MAX_EXAMINED = 200_000
"""The number of bytes, of lines that are not ASCII, at which a choice looks."""


@dataclass(frozen=True)
class Decoded:
    """The text of a file, and how its letters were read."""

    text: str
    encoding: str
    is_certain: bool
    assumptions: tuple[str, ...] = ()


def decode(content: bytes, name: str, *, names: Collection[str] = (), encoding: str | None = None) -> Decoded:
    """Decode the content of a text file, which messages call ``name``.

    ``names`` are those already in the class. ``encoding`` is one of `ENCODINGS`, chosen by a person.
    Raises ``BadInput`` for a file that is not a text.
    """
    if encoding is not None:
        return Decoded(_decode_as(content, encoding), encoding, is_certain=True)
    for mark, label, codec in _MARKS:
        if content.startswith(mark):
            if codec == "utf-8":
                return _decode_lines(content.removeprefix(mark), names, is_utf8=True)
            return Decoded(content.decode(codec, "replace"), label, is_certain=True)
    if _is_unmarked_utf16(content):
        raise BadInput(
            f"{name} is a text of the kind UTF-16 that does not say so. Open it in the spreadsheet program, "
            "save it as CSV (UTF-8) and try again.",
            parameter="file",
        )
    if content.count(0) * 100 > len(content) or not _is_text(content[:4096]):
        raise BadInput(f"{name} is no text. Save it as CSV (UTF-8) and try again.", parameter="file")
    return _decode_lines(content, names)


def _is_unmarked_utf16(content: bytes) -> bool:
    """Say whether every second byte is zero, as for English letters in UTF-16."""
    even, odd = content[::2].count(0), content[1::2].count(0)
    return len(content) >= 8 and max(even, odd) * 3 > len(content) and min(even, odd) * 50 < len(content)


def _is_text(content: bytes) -> bool:
    """Say whether hardly any byte is a control character."""
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\v\0\x1a" for byte in content)
    return controls * 50 <= len(content)


def _decode_as(content: bytes, encoding: str) -> str:
    if encoding not in ENCODINGS:
        raise BadInput(f"Choose one of these encodings: {', '.join(ENCODINGS)}.", parameter="encoding")
    codec = CODE_PAGES.get(encoding, encoding)
    if codec == "UTF-16" and not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        codec = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    return content.decode("utf-8-sig" if codec == "UTF-8" else codec, "replace")


def _decode_lines(content: bytes, names: Collection[str], *, is_utf8: bool = False) -> Decoded:
    """Decode line by line: a line that is no UTF-8 does not change the others."""
    lines = re.split(rb"(?<=\n)|(?<=\r)(?!\n)", content)
    bad = [number for number, line in enumerate(lines, start=1) if not _is_utf8(line)]
    if not bad:
        return _repair(Decoded(content.decode("utf-8"), "UTF-8", is_certain=True))
    good = [number for number, line in enumerate(lines, start=1) if not line.isascii() and _is_utf8(line)]
    label, is_certain = _choose([lines[number - 1] for number in bad], names, _probable(content))
    codec = CODE_PAGES[label]
    if not good or codec in _EAST_ASIAN:
        why = "which gives the names of the class" if is_certain else "look whether accents are right"
        said = f"The file does not say how its letters are written. They were read as {label}: {why}."
        return Decoded(content.decode(codec, "replace"), label, is_certain, (said,))
    # Hardly any line of another code page is UTF-8 by chance.
    text = "".join(line.decode("utf-8" if _is_utf8(line) else codec, "replace") for line in lines)
    if is_utf8 or len(good) >= len(bad):
        said = f"The file is UTF-8, but not in {_lines(bad)}, which was read as {label}."
        return Decoded(text, "UTF-8", is_certain=False, assumptions=(said,))
    said = f"The file was read as {label}, but {_lines(good)} as UTF-8: look whether accents are right."
    return Decoded(text, label, is_certain=False, assumptions=(said,))


def _lines(numbers: Sequence[int], limit: int = 10) -> str:
    some = ", ".join(map(str, numbers[:limit])) + (" and others" if len(numbers) > limit else "")
    return f"line {some}"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


_MOJIBAKE = re.compile(r"[ÃÂÅÄÎÐÑâ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")


def _repair(decoded: Decoded) -> Decoded:
    """Put right the lines whose letters were written as UTF-8 twice, such as `KovÃ¡cs`."""
    if not _MOJIBAKE.search(decoded.text):
        return decoded
    lines = decoded.text.splitlines(keepends=True)
    repaired = [_undo_second_encoding(line) if _MOJIBAKE.search(line) else line for line in lines]
    if repaired == lines:
        return decoded
    said = "Letters such as Ã¡ were written twice over, and were put right: look whether accents are right."
    return Decoded("".join(repaired), decoded.encoding, is_certain=False, assumptions=(said,))


def _undo_second_encoding(line: str) -> str:
    try:
        # Windows leaves five bytes without a letter; programs write them as they are.
        raw = b"".join(
            character.encode("latin-1" if "\x80" <= character <= "\x9f" else "cp1252") for character in line
        )
        return raw.decode("utf-8")
    except UnicodeError:
        return line


def _probable(content: bytes) -> list[str]:
    """Return the code pages without those of East Asia, the most probable first.

    A Mac ended its lines with a return alone, and Windows ends them with a return and a line feed.
    """
    labels = [label for label, codec in CODE_PAGES.items() if codec not in _EAST_ASIAN]
    if b"\r\n" in content:
        labels.sort(key=lambda label: not label.startswith("Windows"))
    elif b"\n" not in content:
        labels.sort(key=lambda label: not label.startswith("Mac"))
    return labels


def _choose(lines: Iterable[bytes], names: Collection[str], probable: Sequence[str]) -> tuple[str, bool]:
    """Return the most likely code page, and whether names of the class decide."""
    sample = b"\n".join(lines)[:_MAX_EXAMINED]
    readings = {label: sample.decode(codec, "replace") for label, codec in CODE_PAGES.items()}
    hits = {label: _count_names(text, names) for label, text in readings.items()}
    best = max(hits.values())
    order = [label for label in CODE_PAGES if hits[label] == best] if any(best) else list(probable)
    odd_words = {label: _count_odd_words(readings[label]) for label in order}
    leaders = [label for label in order if odd_words[label] == min(odd_words.values())]
    return leaders[0], any(best) and len({readings[label] for label in leaders}) == 1


def _count_names(text: str, names: Collection[str]) -> tuple[int, int]:
    """Count the words that are in a name: as they are, and without their accents.

    Words of English letters alone do not count.
    """
    exact = {word for name in names for word in _words(unicodedata.normalize("NFC", name).casefold())}
    plain = {without_accents(word) for word in exact}
    words = [word for word in _words(text.casefold()) if not word.isascii()]
    return sum(word in exact for word in words), sum(without_accents(word) in plain for word in words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _count_odd_words(text: str) -> int:
    """Count the words that nobody would write in a name."""
    return sum(_is_odd(word) for word in _TOKEN.findall(text) if not word.isascii())


def _is_odd(word: str) -> bool:
    letters = [character for character in word if character.isalpha()]
    others = [character for character in word if not character.isascii()]
    if any(not character.isalpha() for character in others):
        return True
    scripts = {unicodedata.name(character, "?").partition(" ")[0] for character in letters}
    if len(scripts) > 1 or (scripts == {"LATIN"} and not _is_in_an_alphabet(word.casefold())):
        return True
    if any(before.islower() and after.isupper() for before, after in pairwise(letters)):
        return True
    if any(letter.isupper() and not letter.isascii() for letter in letters[1:]) and not word.isupper():
        return True
    return scripts == {"LATIN"} and len(letters) > 3 and len(others) * 2 > len(letters)


def _is_in_an_alphabet(word: str) -> bool:
    """Say whether some language has all letters of a word in small letters."""
    special = {letter for letter in word if not letter.isascii()}
    return any(special <= alphabet for alphabet in _ALPHABETS) and not _LONE_LIGATURE.search(word)
