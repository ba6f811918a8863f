"""The name under which a person is shown, the same everywhere."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable

UNNAMED = "Unnamed student"


def display_names(people: Iterable[tuple[str | None, str | None, str | None]]) -> list[str]:
    """Return the name of each person of a class: (first name, last name, email).

    Without a name it is the first part of the email. People with equal names get the first part of their
    email beside it, the whole email where that is equal too, and without any email a number.
    """
    people = list(people)
    bare = [full_name(first, last) or email_name(email) or UNNAMED for first, last, email in people]
    names = list(bare)
    for part_of in (email_name, lambda email: email if email_name(email) else None):
        for place in _shared(names):
            beside = part_of(people[place][2])
            names[place] = f"{bare[place]} ({beside})" if beside else bare[place]
    seen: Counter[str] = Counter()
    for place in _shared(names):
        key = folded_name(names[place])
        seen[key] += 1
        names[place] = f"{names[place]} ({seen[key]})"
    return names


def full_name(first: str | None, last: str | None) -> str | None:
    """Return first and last name as one text, None without either."""
    return " ".join(f"{first or ''} {last or ''}".split()) or None


def email_name(email: str | None) -> str | None:
    """Return the part of an email before its @, None without one."""
    local, at, host = (email or "").strip().partition("@")
    return local if local and at and host and "@" not in host else None


def folded_name(name: str) -> str:
    """Normalise a name for comparison: equal for two spellings that look alike."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def same_names(people: Iterable[tuple[str | None, str | None]]) -> list[list[int]]:
    """Return for each person the places of the others with the same name.

    `people` are pairs of first and last name.
    """
    places: defaultdict[str, list[int]] = defaultdict(list)
    keys = [folded_name(full_name(first, last) or "") for first, last in people]
    for place, key in enumerate(keys):
        if key:
            places[key].append(place)
    return [[other for other in places.get(key, ()) if other != place] for place, key in enumerate(keys)]


def _shared(names: list[str]) -> list[int]:
    """Return the places of the names that somebody else has too."""
    count = Counter(map(folded_name, names))
    return [place for place, name in enumerate(names) if count[folded_name(name)] > 1]
