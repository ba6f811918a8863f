"""Which student a line of a roster means.

The id that OpenClass gave decides, else the email, else the name. An unknown id says nothing, since most
schools have numbers of their own. Where two lines or two students have one email, the name says who is who;
accents count only if the name fits nobody with them, or several people without them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from cohort_core.store.identity import address, comparable, full_name, without_accents
from cohort_core.store.records import Student
from cohort_core.store.roster import Enrolment

State = Literal["matched", "unseen", "repeated", "unclear"]


class LineMatch(NamedTuple):
    """The meaning of a line.

    *matched*: ``student``. *unseen*: nobody at OpenClass. *repeated*: the person of the line with the place
    ``other`` in the roster. *unclear*: several students, or it cannot be said which of two lines is who.
    ``reason`` is the end of a sentence that begins with the line; ``{other}`` in it stands for the other
    line. It is empty where nothing needs to be said.
    """

    state: State
    student: Student | None = None
    other: int | None = None
    reason: str = ""


REPEATED = "means the same student as line {other}, which counts"


def match_lines(
    lines: Sequence[Enrolment], seen: Sequence[Student], aliases: Mapping[str, str] | None = None
) -> list[LineMatch]:
    """Match each line to a student of a class, or to none.

    ``seen`` are the students with records. ``aliases`` map stand-in ids to the ids of students that they were
    seen to mean; they decide where nothing else does. Of several lines for a student the first counts.
    """
    return _Matching(lines, seen, aliases or {}).results()


@dataclass(frozen=True)
class _Keys:
    """The comparable parts of a line or student."""

    id: str
    address: str
    name: str
    plain: str
    """The name without accents."""

    @classmethod
    def of(cls, entry: Enrolment | Student) -> _Keys:
        identity = entry.student_id if isinstance(entry, Enrolment) else entry.id
        name = full_name(entry.first_name, entry.last_name)
        return cls(comparable(identity), address(entry.email), name, without_accents(name))


@dataclass
class _Matching:
    lines: Sequence[Enrolment]
    seen: Sequence[Student]
    aliases: Mapping[str, str]
    _found: dict[int, LineMatch] = field(default_factory=dict)
    _line_of: dict[int, int] = field(default_factory=dict)
    """The place of a student in ``seen``, and the line that means them."""
    _notes: dict[int, tuple[int, str]] = field(default_factory=dict)

    def results(self) -> list[LineMatch]:
        self._keys = [_Keys.of(line) for line in self.lines]
        self._students = [_Keys.of(student) for student in self.seen]
        self._plain_names = {student.plain for student in self._students}
        self._match_ids()
        self._match_addresses()
        self._match_names()
        self._match_aliases()
        self._compare_unseen()
        return [self._found[place] for place in range(len(self.lines))]

    def _open(self) -> list[int]:
        return [place for place in range(len(self.lines)) if place not in self._found]

    def _claim(self, line: int, student: int) -> None:
        """Give a student to a line; if another line has them, this repeats it."""
        if student in self._line_of:
            self._repeat(line, self._line_of[student])
        else:
            self._line_of[student] = line
            self._found[line] = LineMatch("matched", self.seen[student])

    def _repeat(self, line: int, other: int) -> None:
        self._found[line] = LineMatch("repeated", self._found[other].student, other, REPEATED)

    def _unclear(self, line: int, reason: str, other: int | None = None) -> None:
        self._found[line] = LineMatch("unclear", None, other, reason)

    def _match_ids(self) -> None:
        by_id = {student.id: place for place, student in enumerate(self._students)}
        by_id |= {student.id: place for place, student in enumerate(self.seen)}
        for line in self._open():
            student = by_id.get(self.lines[line].student_id or "", by_id.get(self._keys[line].id))
            if student is not None:
                self._claim(line, student)

    def _match_addresses(self) -> None:
        students, lines = defaultdict(list), defaultdict(list)
        for place, student in enumerate(self._students):
            if student.address:
                students[student.address].append(place)
        for line in self._open():
            if self._keys[line].address in students:
                lines[self._keys[line].address].append(line)
        for shared, claimants in lines.items():
            self._match_one_address(claimants, students[shared])

    def _match_one_address(self, lines: Sequence[int], students: Sequence[int]) -> None:
        """Say who is who among the lines and students with one address, by their names."""
        if len(lines) == len(students) == 1:
            if self._is_named_like_another(lines[0], students[0]):
                self._unclear(lines[0], "has the email of one student and the name of another")
            else:
                self._claim(lines[0], students[0])
            return
        for line in lines:
            agreeing = self._by_name(line, students)
            if len(agreeing) == 1:
                self._claim(line, agreeing[0])
        rest = [line for line in lines if line not in self._found]
        free = [student for student in students if student not in self._line_of]
        if not free:
            self._turn_away(rest, self._line_of[students[0]])
        elif len(rest) > 1 and len({self._keys[line].name for line in rest if self._keys[line].name}) > 1:
            for line in rest:
                other = next(another for another in rest if another != line)
                self._unclear(line, "has the email of line {other}, and no name says who is who", other)
        elif len(free) > 1 and rest:
            for line in rest:
                self._unclear(line, f"could mean {len(free)} students with this email")
        else:
            for line in rest:
                self._claim(line, free[0])

    def _is_named_like_another(self, line: int, student: int) -> bool:
        plain = self._keys[line].plain
        return self._students[student].plain != plain != "" and plain in self._plain_names

    def _turn_away(self, lines: Sequence[int], other: int) -> None:
        """Treat lines whose student another line means: without a name they repeat it."""
        for line in lines:
            if self._keys[line].name:
                self._notes[line] = (other, "has the email of line {other}, but another name")
            else:
                self._repeat(line, other)

    def _by_name(self, line: int, students: Sequence[int]) -> list[int]:
        """Return the students with the name of a line, as strictly as any fits."""
        keys = self._keys[line]
        tests: tuple[Callable[[_Keys, Student], bool], ...] = (
            lambda key, _: key.name == keys.name,
            lambda key, _: key.plain == keys.plain,
            lambda _, student: full_name(student.last_name, student.first_name) == keys.name,
            lambda _, student: (
                without_accents(comparable(student.first_name))
                == without_accents(comparable(self.lines[line].first_name))
            ),
        )
        for test in tests if keys.name else ():
            fitting = [place for place in students if test(self._students[place], self.seen[place])]
            if fitting:
                return fitting
        return []

    def _match_names(self) -> None:
        """Match what is left by name, in either order of first and last name."""
        indexes: list[dict[str, list[int]]] = []
        for is_plain in (False, True):
            forward: dict[str, list[int]] = defaultdict(list)
            backward: dict[str, list[int]] = defaultdict(list)
            for place, student in enumerate(self.seen):
                reverse = full_name(student.last_name, student.first_name)
                forward[self._students[place].plain if is_plain else self._students[place].name].append(place)
                backward[without_accents(reverse) if is_plain else reverse].append(place)
            indexes += [forward, backward]
        exact, exact_backward, plain, plain_backward = indexes
        for line in self._open():
            keys = self._keys[line]
            if not keys.name:
                continue
            for index, name in (
                (exact, keys.name),
                (plain, keys.plain),
                (exact_backward, keys.name),
                (plain_backward, keys.plain),
            ):
                if students := index.get(name):
                    self._match_one_name(line, students)
                    break

    def _match_one_name(self, line: int, students: Sequence[int]) -> None:
        free = [student for student in students if student not in self._line_of]
        if len(students) == 1 and free:
            self._claim(line, students[0])
        elif not free:
            other = self._line_of[students[0]]
            if self._has_another_address(line, other):
                self._notes.setdefault(line, (other, "has the name of line {other}, but another email"))
            else:
                self._repeat(line, other)
        elif self._keys[line].address:
            nobody = "neither's" if len(students) == 2 else "none of theirs"
            self._unclear(
                line, f"could mean {len(students)} students with this name, and its email is {nobody}"
            )
        else:
            self._unclear(line, f"could mean {len(students)} students with this name: add the email")

    def _has_another_address(self, line: int, other: int) -> bool:
        addresses = {self._keys[line].address, self._keys[other].address}
        return "" not in addresses and len(addresses) == 2

    def _match_aliases(self) -> None:
        places = {student.id: place for place, student in enumerate(self.seen)}
        for line in self._open():
            student = places.get(self.aliases.get(self.lines[line].stand_in_id or "", ""))
            if student is not None and student not in self._line_of:
                self._claim(line, student)

    def _compare_unseen(self) -> None:
        """Find the lines for one person among those that mean nobody at OpenClass."""
        by_address: dict[str, dict[str, int]] = defaultdict(dict)
        by_name: dict[str, dict[str, int]] = defaultdict(dict)
        by_id: dict[str, int] = {}
        for line in self._open():
            keys = self._keys[line]
            same = [
                _entry(by_address[keys.address], keys.plain) if keys.address else None,
                _entry(by_name[keys.name], keys.address) if keys.name else None,
                self._same_by_id(line, by_id.get(keys.id)) if keys.id else None,
            ]
            others = [other for other in same if other is not None]
            if others:
                self._repeat(line, min(others))
                continue
            by_address[keys.address].setdefault(keys.plain, line)
            by_name[keys.name].setdefault(keys.address, line)
            by_id.setdefault(keys.id, line)
            other, reason = self._notes.get(line, (None, ""))
            self._found[line] = LineMatch("unseen", None, other, reason)

    def _same_by_id(self, line: int, other: int | None) -> int | None:
        """Return the other line with this id, unless names or addresses contradict."""
        if other is None or self._has_another_address(line, other):
            return None
        names = {self._keys[line].plain, self._keys[other].plain}
        return other if "" in names or len(names) == 1 else None


def _entry(entries: Mapping[str, int], key: str) -> int | None:
    """Return the entry with this key; an empty key fits every entry, and back."""
    if not entries:
        return None
    return next(iter(entries.values())) if not key else entries.get(key, entries.get(""))
