"""A class night: the students to talk to first, and what to teach again."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from cohort_core.metrics.activity import last_activity, returns
from cohort_core.metrics.blockers import reteach
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.detail import missing_work, stuck_work, student_assignments
from cohort_core.metrics.outcomes import visible
from cohort_core.metrics.triage import class_triage, merge_triage

MAX_FIRST, MAX_TAUGHT, MAX_NAMES = 6, 3, 12
TALK_DAYS = 21


@dataclass(frozen=True)
class Talk:
    """A student to talk to, and the assignment to talk about; None without any."""

    student_id: str
    name: str
    about: str | None


@dataclass(frozen=True)
class Person:
    """A student of a list without a topic."""

    student_id: str
    name: str


@dataclass(frozen=True)
class Lesson:
    """An assignment to teach again, and the names of its stuck students."""

    assignment: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class ClassNight:
    """The sheet of a class night, without any band, score, grade or note."""

    first: tuple[Talk, ...]
    teach_again: tuple[Lesson, ...]
    returned: tuple[Person, ...]
    not_met: tuple[Person, ...]
    enrolled: tuple[Person, ...]

    @property
    def came_back(self) -> tuple[str, ...]:
        """The names of students who are active again after 14 silent days or more."""
        return _names(self.returned)

    @property
    def not_talked_to(self) -> tuple[str, ...]:
        """The names of students without a contact in the last 21 days."""
        return _names(self.not_met)

    @property
    def new(self) -> tuple[str, ...]:
        """The names of students who enrolled in the last 7 days."""
        return _names(self.enrolled)


def class_night(cohort: Cohort, contacts: pd.DataFrame, hidden: Collection[str] = ()) -> ClassNight:
    """Return the sheet for the students of a cohort.

    `contacts` is a frame as in `metrics.outcomes`; `hidden` are students to leave out of `first`.
    """
    names = cohort.students["name"]
    inside = set(names.index)
    listed, _ = merge_triage([class_triage(cohort.classwide)], len(inside), hidden)
    ids = [student_id for student_id in listed["student_id"] if student_id in inside]
    stage = last_activity(cohort)["stage"]
    recent = visible(cohort, contacts)
    recent = recent[recent["at"] > cohort.as_of - timedelta(days=TALK_DAYS)]
    talked = set(recent["student_id"])

    def people(ids: Iterable[str]) -> tuple[Person, ...]:
        return tuple(Person(student_id, names[student_id]) for student_id in ids)

    return ClassNight(
        first=tuple(
            Talk(student_id, names[student_id], _topic(cohort, student_id)) for student_id in ids[:MAX_FIRST]
        ),
        teach_again=tuple(
            Lesson(name, tuple(students))
            for name, students in zip(
                *(reteach(cohort).head(MAX_TAUGHT)[column] for column in ("name", "students")), strict=True
            )
        ),
        returned=people(student_id for student_id in names.index if student_id in returns(cohort)),
        not_met=people(sorted(inside - talked, key=lambda student_id: (names[student_id], student_id))),
        enrolled=people(stage[stage == "new"].index),
    )


def _topic(cohort: Cohort, student_id: str) -> str | None:
    """Return the assignment of the longest stuck work, or the first that is missing."""
    work = student_assignments(cohort, student_id)
    topics = [*stuck_work(work)["name"], *missing_work(work)["name"]]
    return topics[0] if topics else None


def _names(people: Iterable[Person]) -> tuple[str, ...]:
    return tuple(person.name for person in people)
