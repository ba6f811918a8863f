"""Reasons for a risk score, in sentences that a mentor can check and act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.formatting import count, days, percent, some_days
from cohort_core.metrics import group_stats
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.risk import PARTS, Evidence, points_lost_by_grade

MIN_POINTS = 2.0
MAX_REASONS = 3
MIN_GRADE_GAP, MIN_GRADE_POINTS = 0.02, 1.0
_MAX_NAMES = 2


def reasons(cohort: Cohort, scored: pd.DataFrame, evidence: Evidence) -> list[list[str]]:
    """Write up to three sentences for each student, one for each part of the score.

    The part with most points comes first; parts below 2 points have no sentence. Grades have one only if the
    student's average is at least 0.02 below that of the class for the same work, and a full grade in the
    worst work wins at least 1 point. `scored` holds the rows of `risk` for the students that are wanted, and
    `evidence` that of the whole class. The result has an entry for each row of `scored`. Assignments stand in
    the sentences by name, as plain text.
    """
    writer = _ReasonWriter.of(cohort.classwide, evidence)
    place = cohort.classwide.students.index.get_indexer(scored.index)
    written = []
    for student, points in zip(place.tolist(), scored[list(PARTS)].to_numpy(), strict=True):
        order = np.argsort(-points, kind="stable")
        worth_a_word = [
            PARTS[part]
            for part in order
            if points[part] >= MIN_POINTS and (PARTS[part] != "marks" or writer.has_low_grades(student))
        ]
        written.append([writer.sentence(part, student) for part in worth_a_word[:MAX_REASONS]])
    return written


def is_expected(evidence: Evidence, students: int) -> NDArray[np.bool_]:
    """Return for each assignment whether at least half of the class has completed it."""
    return (evidence.completions > 0) & (evidence.completions * 2 >= students)


@dataclass(frozen=True)
class _ReasonWriter:
    """Writes the sentences about each student from the evidence of the class."""

    evidence: Evidence
    names: list[str]
    """Of the assignments."""
    is_lesson: NDArray[np.bool_]
    """Of the type lesson, or of none, by assignment."""
    done: NDArray[np.bool_]
    """Completed, by student and assignment."""
    by_most: NDArray[np.bool_]
    """Completed by at least half of the class, by assignment."""
    marks: NDArray[np.float64]
    """Points lost by the grade, by completion."""
    average: NDArray[np.float64]
    """Mean of the grades without placeholders, by student; NaN without any."""
    has_placeholders: NDArray[np.bool_]
    """Has a grade that counts as none, by student."""
    class_average: NDArray[np.float64]
    """Mean of the class's mean grades in the same work, by student."""
    first: NDArray[np.intp]
    """Where the completions of each student begin; the last entry is their total number."""

    @classmethod
    def of(cls, cohort: Cohort, evidence: Evidence) -> _ReasonWriter:
        students = len(cohort.students)
        usual = np.where(np.isnan(evidence.grade), np.nan, evidence.usual_grade[evidence.position])
        is_placeholder = np.isnan(evidence.grade) & ~np.isnan(cohort.grade[cohort.is_completed])
        done = np.zeros((students, len(cohort.assignments)), dtype=bool)
        done[evidence.student, evidence.position] = True
        return cls(
            evidence=evidence,
            names=cohort.assignments["name"].tolist(),
            is_lesson=cohort.assignments["type"].fillna("lesson").str.casefold().eq("lesson").to_numpy(bool),
            done=done,
            by_most=is_expected(evidence, students),
            marks=points_lost_by_grade(evidence),
            average=group_stats.mean(evidence.student, students, evidence.grade),
            has_placeholders=group_stats.count(evidence.student[is_placeholder], students) > 0,
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
        behind, expected = "behind the class", self.by_most
        missing = np.flatnonzero(~self.done[student] & expected)
        if not len(missing):
            behind = "missing that part of the class has completed"
            missing = np.flatnonzero(~self.done[student] & (self.evidence.completions > 0))
        is_ungraded = self.evidence.is_ungraded[missing]
        graded, ungraded = missing[~is_ungraded], missing[is_ungraded]
        together = ", which count together" if self.evidence.is_capped and len(ungraded) > 1 else ""
        first = [self.names[assignment] for assignment in missing]
        if len(missing) == 1:
            return f"1 assignment {behind}: {first[0]}."
        if not len(graded):
            return (
                f"{self._count_ungraded(ungraded)} {behind}{together}: start with {_and(first[:_MAX_NAMES])}."
            )
        # Graded work comes first. For example "Loops quiz and 2 more graded pieces; 14 lessons".
        start = self.names[graded[0]]
        if len(graded) > 1:
            start += f" and {count(len(graded) - 1, 'more graded piece')}"
        if len(ungraded):
            start += f"; {self._count_ungraded(ungraded)}{together}"
        return f"{count(len(missing), 'assignment')} {behind}: start with {start}."

    def _count_ungraded(self, ungraded: NDArray[np.intp]) -> str:
        return count(len(ungraded), "lesson" if self.is_lesson[ungraded].all() else "ungraded piece")

    def has_low_grades(self, student: int) -> bool:
        """Return True if the grades are worth a reason; without any the reason says so."""
        mine = self._completions(student)
        graded = ~np.isnan(self.evidence.grade[mine])
        if not graded.any():
            return True
        gap = self.class_average[student] - self.average[student]
        best_gain = self.marks[mine][graded].max()
        return bool(round(gap, 9) >= MIN_GRADE_GAP and round(best_gain, 9) >= MIN_GRADE_POINTS)

    def _marks(self, student: int) -> str:
        mine = self._completions(student)
        grade, position = self.evidence.grade[mine], self.evidence.position[mine]
        graded = ~np.isnan(grade)
        if not graded.any():
            average = percent(self.evidence.counted_grade[mine].mean())
            but = " but placeholders near 0" if self.has_placeholders[student] else ""
            return (
                f"No grades yet{but}, so work counts with the average of the class, {average}; "
                "grades of their own end this."
            )
        lost = self.marks[mine][graded].round(9)
        worst = int(lost.argmax())
        name, lowest = self.names[position[graded][worst]], percent(grade[graded][worst])
        # The average grade of the other reports counts placeholders, so the sentence says that it does not.
        without = ", without placeholders near 0," if self.has_placeholders[student] else ""
        return (
            f"Average grade {percent(self.average[student])}{without} where the class has "
            f"{percent(self.class_average[student])} for the same work, "
            f"weakest in {name} ({lowest})."
        )

    def _late(self, student: int) -> str:
        mine = self._completions(student)
        late = self.evidence.lateness[mine] > 0
        behind = self.evidence.days_behind[mine][late].round(9)
        name = self.names[self.evidence.position[mine][late][int(behind.argmax())]]
        worst, completed = some_days(behind.max()), len(late)
        if completed == 1:
            start = f"The only completed assignment was handed in {worst} later than by most ({name})"
        else:
            usual = some_days(float(np.median(behind)))
            start = (
                f"{len(behind)} of {completed} completed assignments were handed in later than by most, "
                f"typically by {usual}, and {name} by {worst}"
            )
        return f"{start}; finishing new work on time lowers this."

    def _quiet(self, student: int) -> str:
        silent = int(self.evidence.days_silent[student])
        usual = max(int(np.ceil(round(self.evidence.median_silent, 9))), 1)
        within = "the last day" if usual == 1 else f"the last {days(usual)}"
        since = f"for {days(silent)}"
        if self.first[student] == self.first[student + 1]:
            since = f"in the {days(silent)} since the class began"
        return (
            f"Nothing completed {since}, while half of the class completed something within {within}; "
            "finishing anything ends this."
        )


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
