"""Reasons for a risk score, in sentences that a mentor can check and act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.metrics import group_stats
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.risk import PARTS, Evidence, points_lost_by_grade

MIN_POINTS = 2.0
MAX_REASONS = 3
_MAX_NAMES = 2


def reasons(cohort: Cohort, scored: pd.DataFrame, evidence: Evidence) -> list[list[str]]:
    """Write up to three sentences for each student, one for each part of the score.

    The part with most points comes first; parts below 2 points have no sentence. `scored` holds the rows of
    `risk` for the students that are wanted, and `evidence` that of the whole class. The result has an entry
    for each row of `scored`. Assignments stand in the sentences by name, as plain text.
    """
    writer = _ReasonWriter.of(cohort.classwide, evidence)
    place = cohort.classwide.students.index.get_indexer(scored.index)
    written = []
    for student, points in zip(place.tolist(), scored[list(PARTS)].to_numpy(), strict=True):
        order = np.argsort(-points, kind="stable")[:MAX_REASONS]
        written.append(
            [writer.sentence(PARTS[part], student) for part in order if points[part] >= MIN_POINTS]
        )
    return written


@dataclass(frozen=True)
class _ReasonWriter:
    """Writes the sentences about each student from the evidence of the class."""

    evidence: Evidence
    names: list[str]
    """Of the assignments."""
    done: NDArray[np.bool_]
    """Completed, by student and assignment."""
    by_most: NDArray[np.bool_]
    """Completed by at least half of the class, by assignment."""
    marks: NDArray[np.float64]
    """Points lost by the grade, by completion."""
    average: NDArray[np.float64]
    """Mean of the grades, by student; NaN without any."""
    class_average: NDArray[np.float64]
    """Mean of the class's mean grades in the same work, by student."""
    first: NDArray[np.intp]
    """Where the completions of each student begin; the last entry is their total number."""

    @classmethod
    def of(cls, cohort: Cohort, evidence: Evidence) -> _ReasonWriter:
        students = len(cohort.students)
        usual = np.where(np.isnan(evidence.grade), np.nan, evidence.usual_grade[evidence.position])
        done = np.zeros((students, len(cohort.assignments)), dtype=bool)
        done[evidence.student, evidence.position] = True
        return cls(
            evidence=evidence,
            names=cohort.assignments["name"].tolist(),
            done=done,
            by_most=(evidence.completions > 0) & (evidence.completions * 2 >= students),
            marks=points_lost_by_grade(evidence),
            average=group_stats.mean(evidence.student, students, evidence.grade),
            class_average=group_stats.mean(evidence.student, students, usual),
            first=np.searchsorted(evidence.student, np.arange(students + 1)),
        )

    def sentence(self, part: str, student: int) -> str:
        """Write the sentence for a part of the score, a name of PARTS."""
        write = {"missing": self._missing, "marks": self._marks, "late": self._late, "quiet": self._quiet}
        return write[part](student)

    def _completions(self, student: int) -> slice:
        return slice(self.first[student], self.first[student + 1])

    def _missing(self, student: int) -> str:
        completed_by, expected = "most", self.by_most
        missing = np.flatnonzero(~self.done[student] & expected)
        if not len(missing):
            completed_by, expected = "part", self.evidence.completions > 0
            missing = np.flatnonzero(~self.done[student] & expected)
        names = [self.names[assignment] for assignment in missing[:_MAX_NAMES]]
        cleared = _points(self.evidence.points[missing].sum())
        finished = f"that {completed_by} of the class has finished"
        if expected.sum() == 1:
            start = f"The only assignment {finished}"
        else:
            start = f"{len(missing)} of the {expected.sum()} assignments {finished}"
        if len(missing) == 1:
            return f"{start} is missing, {names[0]}; completing it clears up to {cleared}."
        return f"{start} are missing, first {_and(names)}; completing them clears up to {cleared}."

    def _marks(self, student: int) -> str:
        mine = self._completions(student)
        grade, position = self.evidence.grade[mine], self.evidence.position[mine]
        graded = ~np.isnan(grade)
        if not graded.any():
            average = _percent(self.evidence.counted_grade[mine].mean())
            return (
                f"No grades yet, so work counts with the average of the class, {average}; "
                "grades of their own clear this."
            )
        lost = self.marks[mine][graded].round(9)
        worst = int(lost.argmax())
        name, lowest = self.names[position[graded][worst]], _percent(grade[graded][worst])
        return (
            f"Average grade {_percent(self.average[student])} where the class has "
            f"{_percent(self.class_average[student])} for the same work, "
            f"most lost in {name} ({lowest}); full marks there clear {_points(lost[worst])}."
        )

    def _late(self, student: int) -> str:
        mine = self._completions(student)
        late = self.evidence.lateness[mine] > 0
        behind = self.evidence.days_behind[mine][late].round(9)
        name = self.names[self.evidence.position[mine][late][int(behind.argmax())]]
        worst, completed = _days(behind.max()), len(late)
        if completed == 1:
            start = (
                f"The only completed assignment came {worst} later than in the middle of the class ({name})"
            )
        else:
            usual = _days(float(np.median(behind)))
            start = (
                f"{len(behind)} of {completed} completed assignments came later than in the middle of the "
                f"class, typically by {usual} and most in {name} ({worst})"
            )
        return f"{start}; new work on time makes this fade."

    def _quiet(self, student: int) -> str:
        silent = int(self.evidence.days_silent[student])
        usual = max(int(np.ceil(round(self.evidence.median_silent, 9))), 1)
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
    """Round to a whole number, halves up.

    Sums that differ only in their last bits give the same number, and so the same sentence.
    """
    return floor(round(float(value), 6) + 0.5)


def _percent(share: float) -> str:
    return f"{_whole(100.0 * share)} %"


def _points(value: float) -> str:
    points = _whole(value)
    return {0: "less than 1 point", 1: "1 point"}.get(points, f"{points} points")


def _days(value: float) -> str:
    days = _whole(value)
    return {0: "less than a day", 1: "1 day"}.get(days, f"{days} days")
