"""Students whom a line of a roster nearly means: "do you mean Amara Okonjo-Bright?".

A near match is a question and never an answer. It is asked for typing errors, initials, a middle name more or
less, one of two names that changed, and another address with the same first part.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from cohort_core.store.identity import address, comparable, full_name, without_accents
from cohort_core.store.records import Student
from cohort_core.store.roster import Enrolment

MIN_LIKENESS = 0.84
"""Share of equal letters (`difflib`) from which two names or addresses may mean one person."""
MAX_CANDIDATES = 8
"""So many students are compared letter by letter with a line, those with most in common first."""
_MIN_LOCAL = 4
_SHARED_MAILBOXES = frozenset(
    {"admin", "contact", "family", "hello", "info", "mail", "none", "noreply", "office", "school", "student"}
)
_PARTS = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class _Person:
    first: str
    last: str
    name: str
    parts: frozenset[str]
    local: str
    host: str

    @classmethod
    def of(cls, entry: Enrolment | Student) -> _Person:
        first, last = (without_accents(comparable(part)) for part in (entry.first_name, entry.last_name))
        name = without_accents(full_name(entry.first_name, entry.last_name))
        local, _, host = address(entry.email).partition("@")
        local = re.sub(r"[._-]", "", local.partition("+")[0])
        return cls(first, last, name, frozenset(_PARTS.findall(name)), local, host)


class NearMatches:
    """Finds near matches among students whom no line of the file means."""

    def __init__(self, students: Sequence[Student], lines: Iterable[Enrolment]) -> None:
        """Take the students to look among, and all lines of the file that mean nobody for certain."""
        self._students = students
        self._people = [_Person.of(student) for student in students]
        self._by_fragment: dict[str, list[int]] = defaultdict(list)
        self._by_part: dict[str, list[int]] = defaultdict(list)
        self._by_local: dict[str, list[int]] = defaultdict(list)
        for place, person in enumerate(self._people):
            for fragment in _fragments(person):
                self._by_fragment[fragment].append(place)
            for part in {person.first, person.last} - {""}:
                self._by_part[part].append(place)
            if _says_who(person.local):
                self._by_local[person.local].append(place)
        others = [_Person.of(line) for line in lines]
        self._in_file: Mapping[str, int] = Counter(
            part for person in others for part in {person.first, person.last} - {""}
        )

    def near(self, line: Enrolment) -> Student | None:
        """Return the student whom a line may mean, or None."""
        person = _Person.of(line)
        common: Counter[int] = Counter()
        for fragment in _fragments(person):
            common.update(self._by_fragment.get(fragment, ()))
        candidates = [place for place, _ in common.most_common(MAX_CANDIDATES)]
        rare = [*self._rare(person.first), *self._rare(person.last), *self._rare(person.local, local=True)]
        scored = [
            (_likeness(person.name, self._people[place].name), -place)
            for place in dict.fromkeys([*rare, *candidates])
            if self._is_near(person, self._people[place], is_rare=place in rare)
        ]
        return self._students[-max(scored)[1]] if scored else None

    def _rare(self, part: str, *, local: bool = False) -> list[int]:
        """Return the only student with a name or first part of an address that one line has."""
        places = (self._by_local if local else self._by_part).get(part, [])
        return places if len(places) == 1 and (local or self._in_file[part] <= 1) else []

    def _is_near(self, person: _Person, student: _Person, *, is_rare: bool) -> bool:
        if _says_who(person.local) and (
            person.local == student.local
            or (_are_like(person.local, student.local) and _are_like(person.host, student.host))
        ):
            return True
        if _numbers(person.name) != _numbers(student.name):
            return False
        if _are_like(person.name, student.name) or _are_like(
            " ".join(sorted(person.parts)), " ".join(sorted(student.parts))
        ):
            return True
        if min(len(person.parts), len(student.parts)) > 1 and (
            person.parts <= student.parts or student.parts <= person.parts
        ):
            return True
        is_last_same = bool(person.last) and person.last == student.last
        if is_last_same and person.first[:1] == student.first[:1] != "":
            return True
        is_one_name_same = is_last_same or (len(person.first) > 1 and person.first == student.first)
        return is_rare and is_one_name_same


def _says_who(local: str) -> bool:
    return len(local) >= _MIN_LOCAL and local not in _SHARED_MAILBOXES


def _fragments(person: _Person) -> set[str]:
    """Return the groups of three letters in a name and in the first part of an address."""
    texts = (f"  {' '.join(sorted(person.parts))} ", f"@{person.local} " if person.local else "")
    return {text[start : start + 3] for text in texts for start in range(len(text) - 2)}


def _are_like(one: str, other: str) -> bool:
    if not one or not other or _numbers(one) != _numbers(other):
        return False
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    # Most pairs are told apart by their lengths and letters alone, which is much faster.
    bounds = (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)
    return all(bound() >= MIN_LIKENESS for bound in bounds)


def _numbers(text: str) -> list[str]:
    """Return the numbers in a text: student 12 is not student 13, however alike the names are."""
    return re.findall(r"\d+", text)


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio() if one and other else 0.0
