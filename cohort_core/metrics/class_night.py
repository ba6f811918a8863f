"""A class night: the students to talk to first, and what to teach again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from cohort_core.metrics.activity import last_activity
from cohort_core.metrics.blockers import reteach
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.detail import student_assignments
from cohort_core.metrics.outcomes import acts_of, visible
from cohort_core.metrics.triage import class_triage, merge_triage

MAX_FIRST, MAX_TAUGHT, MAX_NAMES = 6, 3, 12
RETURN_DAYS, GAP_DAYS, TALK_DAYS = 7, 14, 21
HALF_OF_THE_CLASS = 0.5


@dataclass(frozen=True)
class Talk:
    """A student to talk to, and the assignment to talk about; None without any."""

    student_id: str
    name: str
    about: str | None


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
    came_back: tuple[str, ...]
    not_talked_to: tuple[str, ...]
    new: tuple[str, ...]


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
        came_back=tuple(names[student_id] for student_id in names.index if _came_back(cohort, student_id)),
        not_talked_to=tuple(sorted(names[student_id] for student_id in inside - talked)),
        new=tuple(names[stage[stage == "new"].index]),
    )


def _topic(cohort: Cohort, student_id: str) -> str | None:
    """Return the assignment of the longest stuck work, or the first that is missing."""
    work = student_assignments(cohort, student_id)
    stuck = work[work["status"] == "stuck"].sort_values("days", ascending=False)
    is_open = work["status"].isin(["not_started", "in_progress"])
    missing = work[is_open & (work["class_completion_rate_all"] >= HALF_OF_THE_CLASS)]
    topics = [*stuck["name"], *missing["name"]]
    return topics[0] if topics else None


def _came_back(cohort: Cohort, student_id: str) -> bool:
    """Return True if a student became active this week after 14 silent days."""
    moments = [act.at for act in acts_of(cohort.class_data, student_id) if act.at <= cohort.as_of]
    recent = [at for at in moments if at > cohort.as_of - timedelta(days=RETURN_DAYS)]
    before = [at for at in moments if at not in recent]
    return bool(recent and before) and min(recent) - max(before) >= timedelta(days=GAP_DAYS)
