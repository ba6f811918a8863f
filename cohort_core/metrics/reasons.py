"""Why a student has the risk score that he or she has, in sentences a mentor can check and act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.metrics import group_stats
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.risk import PARTS, Evidence, marks_lost

MIN_POINTS = 2.0
MAX_REASONS = 3
_MAX_NAMES = 2


def reasons(cohort: Cohort, scored: pd.DataFrame, seen: Evidence) -> list[list[str]]:
    """For each student up to three sentences, the part with most points first, none below 2 points.

    `scored` is the risk of the cohort, `seen` the evidence of the class. Assignments stand in the sentences
    by name, as plain text.
    """
    worded = _Worded.of(cohort.classwide, seen)
    place = cohort.classwide.students.index.get_indexer(scored.index)
    told = []
    for student, points in zip(place.tolist(), scored[list(PARTS)].to_numpy(), strict=True):
        order = np.argsort(-points, kind="stable")[:MAX_REASONS]
        told.append([worded.sentence(PARTS[part], student) for part in order if points[part] >= MIN_POINTS])
    return told


@dataclass(frozen=True)
class _Worded:
    """The evidence of a class, ready to be told of one student after the other."""

    seen: Evidence
    names: list[str]
    done: NDArray[np.bool_]
    """By student and assignment."""
    by_most: NDArray[np.bool_]
    """By assignment: completed by at least half of the class."""
    marks: NDArray[np.float64]
    """Points that each completion loses by its grade."""
    average: NDArray[np.float64]
    """By student, the mean of the grades; NaN without any."""
    class_average: NDArray[np.float64]
    """By student, the mean over the same work of the class's means."""
    first: NDArray[np.intp]
    """Where the completions of each student begin, and at its end where the last one's end."""

    @classmethod
    def of(cls, cohort: Cohort, seen: Evidence) -> _Worded:
        students = len(cohort.students)
        usual = np.where(np.isnan(seen.grade), np.nan, seen.usual_grade[seen.position])
        done = np.zeros((students, len(cohort.assignments)), dtype=bool)
        done[seen.student, seen.position] = True
        return cls(
            seen=seen,
            names=cohort.assignments["name"].tolist(),
            done=done,
            by_most=(seen.completions > 0) & (seen.completions * 2 >= students),
            marks=marks_lost(seen),
            average=group_stats.mean(seen.student, students, seen.grade),
            class_average=group_stats.mean(seen.student, students, usual),
            first=np.searchsorted(seen.student, np.arange(students + 1)),
        )

    def sentence(self, part: str, student: int) -> str:
        told: str = getattr(self, f"_{part}")(student)
        return told

    def _missing(self, student: int) -> str:
        missing = ~self.done[student] & self.by_most
        whose, all_of_them = "most", int(self.by_most.sum())
        if not missing.any():
            missing = ~self.done[student] & (self.seen.completions > 0)
            whose, all_of_them = "part", int((self.seen.completions > 0).sum())
        which = np.flatnonzero(missing)
        names = [self.names[one] for one in which[:_MAX_NAMES]]
        cleared = _points(self.seen.points[which].sum())
        finished = f"that {whose} of the class has finished"
        if all_of_them == 1:
            start = f"The only assignment {finished}"
        else:
            start = f"{len(which)} of the {all_of_them} assignments {finished}"
        if len(which) == 1:
            return f"{start} is missing, {names[0]}; completing it clears up to {cleared}."
        return f"{start} are missing, first {_and(names)}; completing them clears up to {cleared}."

    def _marks(self, student: int) -> str:
        mine = slice(self.first[student], self.first[student + 1])
        grade, position = self.seen.grade[mine], self.seen.position[mine]
        graded = ~np.isnan(grade)
        if not graded.any():
            average = _percent(self.seen.counted_grade[mine].mean())
            return (
                f"No grades yet, so work counts with the average of the class, {average}; "
                "grades of their own clear this."
            )
        lost = self.marks[mine][graded].round(9)
        worst = int(lost.argmax())
        name, at = self.names[position[graded][worst]], _percent(grade[graded][worst])
        return (
            f"Average grade {_percent(self.average[student])} where the class has "
            f"{_percent(self.class_average[student])} for the same work, "
            f"most lost in {name} ({at}); full marks there clear {_points(lost[worst])}."
        )

    def _late(self, student: int) -> str:
        mine = slice(self.first[student], self.first[student + 1])
        late = self.seen.lateness[mine] > 0
        behind = self.seen.days_behind[mine][late].round(9)
        name = self.names[self.seen.position[mine][late][int(behind.argmax())]]
        worst, completed = _days(behind.max()), len(late)
        if completed == 1:
            what = (
                f"The only completed assignment came {worst} later than in the middle of the class ({name})"
            )
        else:
            usual = _days(float(np.median(behind)))
            what = (
                f"{len(behind)} of {completed} completed assignments came later than in the middle of the "
                f"class, typically by {usual} and most in {name} ({worst})"
            )
        return f"{what}; new work on time makes this fade."

    def _quiet(self, student: int) -> str:
        silent = int(self.seen.days_silent[student])
        usual = max(int(np.ceil(round(self.seen.usually_silent, 9))), 1)
        within = "the last day" if usual == 1 else f"the last {usual} days"
        since = f"for {silent} days"
        if self.first[student] == self.first[student + 1]:
            since = f"in the {silent} days since the class began"
        return (
            f"Nothing completed {since}, while half of the class completed something within {within}; "
            "any completion clears this."
        )


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)


def _whole(value: float) -> int:
    """Rounded, halves up; sums that differ in their last bits must not make different sentences."""
    return floor(round(float(value), 6) + 0.5)


def _percent(share: float) -> str:
    return f"{_whole(100.0 * share)} %"


def _points(value: float) -> str:
    points = _whole(value)
    return {0: "less than 1 point", 1: "1 point"}.get(points, f"{points} points")


def _days(value: float) -> str:
    days = _whole(value)
    return {0: "less than a day", 1: "1 day"}.get(days, f"{days} days")
