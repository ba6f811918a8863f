"""The invented bootcamp classes: the students, and when, how far and how well they work.

When the school opens, a class is in the middle of its course. Its first week began on a Monday, as many
weeks ago as its plan says. The whole course of every student is made in advance, the future included.
It is shown as time passes.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cohort_core.practice import curricula, people
from cohort_core.practice.curricula import Planned
from cohort_core.practice.history import History, Instant, instant
from cohort_core.practice.people import Person
from cohort_core.practice.school import Row, hex_id

MINUTE: Instant = 60_000
DAY: Instant = 24 * 60 * MINUTE
NIGHTS = ("Tuesday", "Thursday")
_LONGEST_SILENCE = 50 * MINUTE
_SILENCE_BROKEN_FOR = 29 * DAY


@dataclass(frozen=True)
class Plan:
    """The plan of a class.

    ``week`` is the week of the course in which the school opens, from 1. ``people`` is the number of
    students of each persona; *busy* students open all lessons and hand in little. ``opening_rows`` is the
    exact number of progressions at the opening, if that matters.
    """

    key: str
    friendly_id: str
    name: str
    curriculum: str
    week: int
    people: dict[str, int]
    awkward_from: int
    awkward: int
    is_published: bool = True
    opening_rows: int | None = None
    guests: tuple[tuple[str, int], ...] = ()
    """Students of other classes who also attend this class: (class key, number there)."""


PLANS = (
    Plan(
        "sd",
        "sd-cohort-12",
        "Software Development, Cohort 12",
        curricula.SOFTWARE_DEVELOPMENT,
        week=13,
        people={"steady": 31, "busy": 3, "sprinter": 7, "late": 6, "fader": 6, "stopped": 5, "stuck": 5},
        awkward_from=0,
        awkward=10,
        opening_rows=3781,
    ),
    Plan(
        "pda",
        "pda-cohort-7",
        "Python Data Analysis, Cohort 7",
        curricula.PYTHON_DATA_ANALYSIS,
        week=7,
        people={"steady": 15, "busy": 2, "sprinter": 3, "late": 4, "fader": 4, "stopped": 3, "stuck": 3},
        awkward_from=10,
        awkward=3,
        guests=(("sd", 4),),
    ),
    Plan(
        "web",
        "web-cohort-3",
        "Web Basics, Cohort 3",
        curricula.WEB_BASICS,
        week=4,
        people={"steady": 10, "busy": 1, "sprinter": 2, "late": 2, "fader": 2, "stopped": 2, "stuck": 2},
        awkward_from=13,
        awkward=3,
        guests=(("pda", 6),),
    ),
    Plan(
        "odd",
        "odd-names",
        "Odd Names, for trying out",
        curricula.WEB_BASICS,
        week=4,
        people={"steady": 6, "stopped": 2, "stuck": 2},
        awkward_from=16,
        awkward=4,
        is_published=False,
    ),
)


@dataclass
class Student:
    person: Person
    persona: str
    night: str
    region: str
    enrolled_on: date
    withdrawn_on: date | None = None
    never_starts: bool = False
    ability: float = 0.8
    hour: float = 19
    histories: list[History] = field(default_factory=list)


@dataclass(frozen=True)
class _Habits:
    """The way in which a student works through the course."""

    stops_at: int | None
    """The unit before which a student who gives up does the last assignment."""
    stuck_at: int | None
    """The number of the assignment that a student begins and never completes."""
    moves_on: bool
    """True for a stuck student who continues with the next assignment."""
    fades_from: int
    """The unit from which a student who fades skips more and more."""
    pause: tuple[date, date] | None
    """The days on which nothing is done, the second excluded."""


class Bootcamp:
    """A class made from its plan; it depends on seed, opening and time zone alone."""

    def __init__(self, plan: Plan, seed: int, opened: datetime, zone: ZoneInfo) -> None:
        self.plan = plan
        self._seed = seed
        self._opened = instant(opened)
        self._zone = zone
        today = opened.astimezone(zone).date()
        self._this_monday = today - timedelta(days=today.weekday())
        self.starts_on = self._this_monday - timedelta(weeks=plan.week - 1)
        self.id = hex_id(seed, "class", plan.key)
        self._unit_names, self._planned = curricula.parse(plan.curriculum)
        self._assignments: list[Row] = [
            {"id": hex_id(seed, plan.key, p.unit, p.name), "name": p.name, "type": p.type}
            for p in self._planned
        ]

    def as_class(self) -> Row:
        return {
            "_id": {"$oid": self.id},
            "id": self.id,
            "friendly_id": self.plan.friendly_id,
            "name": self.plan.name,
            "is_published": self.plan.is_published,
        }

    def units(self) -> list[Row]:
        return [
            {
                "name": name,
                "assignments": [
                    self._assignments[n]["id"] for n, p in enumerate(self._planned) if p.unit == unit
                ],
            }
            for unit, name in enumerate(self._unit_names)
        ]

    # --- students ------------------------------------------------------------------------------

    def students(self) -> list[Student]:
        """Make all students on the roster, without their work."""
        plan, students = self.plan, []
        personas = [persona for persona, count in plan.people.items() for _ in range(count)]
        mixed = random.Random(f"{self._seed}/{plan.key}/personas")
        order = [*personas[:4], *sorted(personas[4:], key=lambda _: mixed.random())]
        for number, persona in enumerate([*order, "never", "never"]):
            students.append(self._student(self._person(number), number, persona))
        for key, number in plan.guests:
            host = next(other for other in PLANS if other.key == key)
            person = Bootcamp.person_of(host, self._seed, number)
            students.append(self._student(person, len(students), "steady"))
        return students

    def _person(self, number: int) -> Person:
        return Bootcamp.person_of(self.plan, self._seed, number)

    @staticmethod
    def person_of(plan: Plan, seed: int, number: int) -> Person:
        """Make the person with that number in a class; people with awkward names come first."""
        if number < plan.awkward:
            first, last = people.AWKWARD[plan.awkward_from + number]
            return people.person(hex_id(seed, "person", plan.key, number), first, last)
        return people.invented(seed, plan.key, number)

    def _student(self, person: Person, number: int, persona: str) -> Student:
        rng = random.Random(f"{self._seed}/{self.plan.key}/student/{person.id}")
        night = NIGHTS[number % 2]
        enrolled = self.starts_on - timedelta(days=rng.randrange(2, 30))
        if persona == "late" and number % 2:
            enrolled = self.starts_on + timedelta(days=rng.randrange(8, 15))
        student = Student(person, persona, night, rng.choice(people.REGIONS), enrolled)
        student.ability = min(0.97, max(0.5, rng.gauss(0.82, 0.09)))
        student.hour = rng.choice((7.0, 12.2, 16.5, 19.5, 20.0, 21.0, 22.5))
        student.never_starts = persona == "never"
        return student

    # --- their work ----------------------------------------------------------------------------

    def histories(self) -> tuple[list[History], list[Student]]:
        """Make all progressions of the class, past and future, and its students."""
        students = self.students()
        for student in students:
            if not student.never_starts:
                rng = random.Random(f"{self._seed}/{self.plan.key}/progress/{student.person.id}")
                student.histories = list(self._work(student, rng))
        stopped = [student for student in students if student.persona == "stopped"]
        for student in stopped[:2]:
            last = max(history.first for history in student.histories)
            student.withdrawn_on = self._date(min(last + 6 * DAY, self._opened - DAY))
        spare = self._trim(students)
        histories = [history for student in students for history in student.histories]
        self._remove_some(histories)
        if self.plan.opening_rows is not None:
            histories += self._break_silence(histories, spare)
        return histories, students

    def _date(self, moment: Instant) -> date:
        return datetime.fromtimestamp(moment / 1000, self._zone).date()

    def _at(self, day: date, hour: float) -> Instant:
        midnight = instant(datetime.combine(day, time(), self._zone))
        return midnight + round(hour * 60 * MINUTE)

    def _work(self, student: Student, rng: random.Random) -> Iterator[History]:
        """Yield a student's progressions in course order; units begin on the class night."""
        habits = self._habits(student, rng)
        cursor: Instant = 0
        places: Counter[int] = Counter()
        for number, planned in enumerate(self._planned):
            place = places[planned.unit]
            places[planned.unit] += 1
            if habits.stops_at is not None and planned.unit >= habits.stops_at:
                return
            if self._skips(student, planned, habits, rng):
                continue
            planned_begin = self._planned_begin(student, planned, place, habits, rng)
            begin = max(planned_begin, cursor + round(rng.uniform(3, 25) * MINUTE))
            begin += rng.randrange(MINUTE)
            if number == habits.stuck_at:
                yield self._history(student, number, begin, None)
                if not habits.moves_on:
                    return
                cursor = begin
                continue
            attempt = self._attempt(student, number, planned, begin, rng)
            yield attempt
            busy = (attempt.completed or begin) - begin
            cursor = begin + min(busy, round(rng.uniform(20, 60) * MINUTE))
            if again := self._second_attempt(student, number, attempt, rng):
                yield again

    def _habits(self, student: Student, rng: random.Random) -> _Habits:
        persona, week = student.persona, self.plan.week
        stops_at = rng.randrange(2, max(3, week - 1)) if persona == "stopped" else None
        blockers = [n for n, p in enumerate(self._planned) if p.hard and p.unit < week - 1]
        stuck_at = rng.choice(blockers) if persona == "stuck" and blockers else None
        moves_on = rng.random() < 0.5
        fades_from = week - 6 + rng.randrange(3)
        return _Habits(stops_at, stuck_at, moves_on, fades_from, self._pause(persona, rng))

    @staticmethod
    def _skips(student: Student, planned: Planned, habits: _Habits, rng: random.Random) -> bool:
        """Decide whether a student never does an assignment."""
        if student.persona == "busy":
            return planned.type != "lesson" and rng.random() < 0.75
        if student.persona == "fader" and rng.random() < (planned.unit - habits.fades_from) / 5:
            return True
        return planned.type == "lesson" and rng.random() < 0.015

    def _planned_begin(
        self, student: Student, planned: Planned, place: int, habits: _Habits, rng: random.Random
    ) -> Instant:
        """Choose when a student begins an assignment if no other work is in the way.

        ``place`` is the position of the assignment in its unit, from 0.
        """
        night = 1 + 2 * NIGHTS.index(student.night)
        at_class = place < 4 and student.persona != "sprinter" and rng.random() < 0.8
        offset = night if at_class else min(12, night + 1 + rng.randrange(4) + place // 2)
        if student.persona != "steady" or not at_class:
            offset += self._delay(student.persona, planned.unit, rng)
        hour = 18.5 + rng.random() * 1.5 if at_class else student.hour + rng.gauss(0, 1.2)
        day = self.starts_on + timedelta(weeks=planned.unit, days=offset)
        day = max(day, student.enrolled_on, self.starts_on)
        if habits.pause and habits.pause[0] <= day < habits.pause[1]:
            day = habits.pause[1]
        return self._at(day, hour)

    def _pause(self, persona: str, rng: random.Random) -> tuple[date, date] | None:
        """Choose days around the opening on which a student who is ahead does nothing.

        Such a student is quiet, yet on pace.
        """
        if persona != "sprinter" or rng.random() < 0.5:
            return None
        return (
            self._this_monday - timedelta(days=rng.randrange(7, 15)),
            self._this_monday + timedelta(days=rng.randrange(8, 12)),
        )

    def _delay(self, persona: str, unit: int, rng: random.Random) -> int:
        """Choose how many days a student is behind the week of the unit."""
        if persona == "sprinter":
            return -min(3 + unit, 10) + rng.randrange(-1, 2)
        if persona == "late":
            return max(0, 24 - 4 * unit) + rng.randrange(3)
        if persona == "fader":
            behind: float = max(0, unit - 2) ** 1.7
            return round(0.25 * behind) + rng.randrange(4)
        return rng.choice((0, 0, 0, 0, 1, 1, 2, 5))

    def _history(
        self, student: Student, number: int, started: Instant, completed: Instant | None, attempt: int = 1
    ) -> History:
        identity = hex_id(self._seed, self.plan.key, student.person.id, number, attempt)
        return History(identity, student.person.as_user(), self._assignments[number], started, completed)

    def _attempt(
        self, student: Student, number: int, planned: Planned, begin: Instant, rng: random.Random
    ) -> History:
        if planned.type == "lesson" and not planned.hard and rng.random() < 0.9:
            instantly = self._history(student, number, begin, begin)
            instantly.grades = [(begin, 1)]
            return instantly
        typical, spread = {"lesson": (25, 0.5), "quiz": (16, 0.5), "project": (2.2 * 24 * 60, 0.6)}[
            planned.type
        ]
        minutes = typical * math.exp(rng.gauss(0, spread)) * (0.6 + (1 - student.ability) * 2)
        left_open = {"lesson": 0.01, "quiz": 0.03, "project": 0.08}[planned.type]
        if planned.hard:
            minutes = minutes * 2.5 if planned.type == "project" else 36 * 60 * math.exp(rng.gauss(0, 0.7))
            left_open = 0.3
        if rng.random() < left_open:
            # Half of the work that is left open is completed weeks later.
            late = round(rng.uniform(9, 40) * DAY)
            return self._history(student, number, begin, begin + late if rng.random() < 0.5 else None)
        completed = begin + max(90_000, round(minutes * MINUTE)) + rng.randrange(1000)
        history = self._history(student, number, begin, completed)
        if planned.type == "lesson":
            history.grades = [(completed, 1)]
        else:
            self._grade(history, completed, student, planned, rng)
        return history

    @staticmethod
    def _grade(
        history: History, completed: Instant, student: Student, planned: Planned, rng: random.Random
    ) -> None:
        """Give a completed quiz or project its grades, and perhaps a review."""
        marks = rng.gauss(student.ability - (0.2 if planned.hard else 0), 0.11)
        grade = round(min(1.0, max(0.15, marks)), 2)
        if planned.type == "quiz":
            history.grades = [(completed, round(grade * 10) / 10)]
            if rng.random() < 0.15:
                history.reviewed = completed + round(rng.uniform(1, 8) * DAY)
        elif rng.random() < 0.75:
            history.reviewed = completed + round(rng.uniform(0.5, 6) * DAY)
            history.grades = [(history.reviewed, grade)]
            if rng.random() < 0.12:
                # Handed in again after the comments: the grade is revised days later.
                again = history.reviewed + round(rng.uniform(1, 9) * DAY)
                history.grades.append((again, round(min(1.0, grade + rng.uniform(0.05, 0.2)), 2)))
        else:
            history.grades = [(completed, grade)]

    def _second_attempt(
        self, student: Student, number: int, first: History, rng: random.Random
    ) -> History | None:
        if first.completed is None or first.assignment["type"] != "quiz":
            return None
        grade = first.grades[0][1] if first.grades else 1
        if grade > 0.6 or rng.random() > 0.35:
            return None
        begin = first.completed + round(rng.uniform(0.8, 4) * DAY)
        completed = begin + round(rng.uniform(6, 25) * MINUTE) + rng.randrange(1000)
        again = self._history(student, number, begin, completed, attempt=2)
        again.grades = [(completed, round(min(1.0, grade + rng.uniform(0.1, 0.4)), 1))]
        return again

    def _remove_some(self, histories: Sequence[History]) -> None:
        """Let upstream delete a few rows in the weeks after the opening.

        They are unfinished work, mostly old.
        """
        rng = random.Random(f"{self._seed}/{self.plan.key}/removed")
        unfinished = [h for h in histories if h.completed is None and h.first < self._opened]
        for history in unfinished[:: max(1, len(unfinished) // 4)]:
            history.removed = self._opened + round(rng.uniform(1, 18) * DAY)

    # --- the number of rows, and no silence ---------------------------------------------------

    def _trim(self, students: list[Student]) -> list[History]:
        """Leave exactly as many rows at the opening as the plan says; return removed lessons.

        Lessons of the weeks before are removed, mostly of students who are careless anyway. Those of
        students who are still active are returned. The order does not depend on the opening. So a school
        that opens an hour later skips the same lessons and a few more.
        """
        target = self.plan.opening_rows
        if target is None:
            return []
        while self._opening_count(students) < target:
            number = len(students) + 100
            extra = self._student(self._person(number), number, "steady")
            rng = random.Random(f"{self._seed}/{self.plan.key}/progress/{extra.person.id}")
            extra.histories = list(self._work(extra, rng))
            students.append(extra)
        monday = self._at(self._this_monday, 0)
        carelessness = {
            "busy": 0.2,
            "sprinter": 1.0,
            "steady": 1.0,
            "late": 2.0,
            "fader": 4.0,
            "stopped": 2.0,
        }

        def worth(pair: tuple[Student, History]) -> float:
            share = int(pair[1].id[:8], 16) / 2**32
            return share / carelessness.get(pair[0].persona, 1.0)

        candidates = sorted(
            (
                (student, history)
                for student in students
                for history in student.histories
                if history.started == history.completed and history.first < monday
            ),
            key=worth,
        )
        excess = self._opening_count(students) - target
        spare = candidates[:excess]
        dropped = {history.id for _, history in spare}
        for student in students:
            student.histories = [h for h in student.histories if h.id not in dropped]
        return [history for student, history in spare if student.persona in ("steady", "sprinter", "late")]

    def _opening_count(self, students: Sequence[Student]) -> int:
        return sum(history.first <= self._opened for student in students for history in student.histories)

    def _break_silence(self, histories: Sequence[History], spare: list[History]) -> list[History]:
        """Let something happen within any hour of the weeks after the opening.

        A skipped lesson is completed after all, or an old piece of work is reviewed. Returns the completed
        lessons.
        """
        rng = random.Random(f"{self._seed}/{self.plan.key}/silence")
        unreviewed = [
            h
            for h in histories
            if h.reviewed is None
            and h.completed is not None
            and h.completed < self._opened
            and h.assignment["type"] != "lesson"
        ]
        skipped = sorted(spare, key=lambda history: history.id)
        unreviewed.sort(key=lambda history: history.id)
        added = []
        last, end = self._opened, self._opened + _SILENCE_BROKEN_FOR
        happening = sorted({m for h in histories for m in h.instants() if last < m < end})
        for moment in [*happening, end]:
            while moment - last > _LONGEST_SILENCE and (skipped or unreviewed):
                last += round(rng.uniform(0.4, 0.9) * _LONGEST_SILENCE) + rng.randrange(1000)
                if unreviewed and (not skipped or rng.random() < 0.6):
                    unreviewed.pop().reviewed = last
                else:
                    caught_up = skipped.pop()
                    caught_up.started = caught_up.completed = last
                    caught_up.grades = [(last, 1)]
                    added.append(caught_up)
            last = max(last, moment)
        return added
