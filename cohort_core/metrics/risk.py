"""Who is falling behind the class, from 0 to 100, in four parts that a mentor can check.

The score needs no due dates and no training. It compares each student with what most of the class has
completed, how well and when: see docs/metrics.md for the formula and docs/risk.md for how it was tested.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.cohort import Cohort, days
from cohort_core.metrics import grouped

PARTS = ("missing", "marks", "late", "quiet")
BANDS = (("critical", 30.0), ("high", 10.0), ("medium", 2.0))
"""Bands by the distance from the class's median, worst first; below the last it is "low"."""

_WORK_POINTS, _QUIET_POINTS = 85.0, 15.0
_MARKS_SHARE, _LATE_SHARE = 0.8, 0.2
_CAUTION = 0.25
_PLACEHOLDER_BELOW, _PLACEHOLDER_ONE_IN = 0.1, 5
_ENOUGH_TO_BE_LATE = 3
_DECIMALS = 9
"""Bands and ranks must not hang on the order in which sums were taken."""


def risk(cohort: Cohort) -> pd.DataFrame:
    """Index student_id; missing, marks, late, quiet (points), score (their sum, 0 to 100), gap, band.

    A student of a group is compared with the whole class, so a filter never changes anybody's band.

    With t days since the class's start, for each assignment that anyone has completed: w is the share of
    students who completed it, m their median day, and W = w² · (0.25 + 0.75 · clip(m, 0, t)/t) its weight.
    A student loses 1 on it if it is not completed, else 0.8 · (1 − grade) + 0.2 · late, where
    late = clip((day − m)/max(IQR, 2), 0, 1). The losses, weighted by W and divided by ΣW + 0.25, make 85
    points; being silent for longer than the others makes 15.
    """
    scored = _score(cohort.classwide)
    return scored if cohort.whole is None else scored.loc[cohort.students.index]


def _score(cohort: Cohort) -> pd.DataFrame:
    students, assignments = len(cohort.students), len(cohort.assignments)
    elapsed = _days(cohort, np.array([cohort.now]))[0]
    done = cohort.is_completed
    student, position = cohort.student[done], cohort.position[done]
    day = _days(cohort, cohort.completed[done])

    weight, lateness = _weight_and_lateness(position, assignments, day, students, elapsed)
    lost_marks = 1.0 - _grades(position, assignments, cohort.grade[done])
    points = _WORK_POINTS / (weight.sum() + _CAUTION)
    had = grouped.total(student, students, weight[position])
    marks = grouped.total(student, students, weight[position] * _MARKS_SHARE * lost_marks)
    late = grouped.total(student, students, weight[position] * _LATE_SHARE * lateness)
    parts = {
        "missing": np.maximum(weight.sum() - had, 0.0) * points,
        "marks": marks * points,
        "late": late * points,
        "quiet": _QUIET_POINTS * _quiet(student, students, day, elapsed),
    }
    score = sum(parts.values())
    gap = np.round(score - (np.median(score) if students else 0.0), _DECIMALS)
    frame = pd.DataFrame({**parts, "score": score}, index=cohort.students.index).round(_DECIMALS)
    band = np.select([gap >= least for _, least in BANDS], [name for name, _ in BANDS], default="low")
    return frame.assign(gap=gap, band=pd.array(band, dtype="str"))


def _days(cohort: Cohort, moments: NDArray[np.datetime64]) -> grouped.Floats:
    """Days from the class's start, with fractions. Before anything has started there is no work to date."""
    if cohort.starts_at is None:
        return np.zeros(len(moments))
    return days(moments - cohort.starts_at.tz_convert(None).to_datetime64())


def _weight_and_lateness(
    position: grouped.Codes, n: int, day: grouped.Floats, students: int, elapsed: float
) -> tuple[grouped.Floats, grouped.Floats]:
    """The weight of each assignment, and for each completion how late it was (0 to 1)."""
    lower, median, upper = grouped.quantiles(position, n, day, (0.25, 0.5, 0.75))
    completions = grouped.count(position, n)
    recency = np.clip(median, 0.0, elapsed) / elapsed if elapsed > 0 else np.zeros(n)
    weight = np.where(completions > 0, (completions / max(students, 1)) ** 2 * (0.25 + 0.75 * recency), 0.0)
    lateness = np.clip((day - median[position]) / np.maximum(upper - lower, 2.0)[position], 0.0, 1.0)
    return weight, np.where(completions[position] >= _ENOUGH_TO_BE_LATE, lateness, 0.0)


def _grades(position: grouped.Codes, n: int, grade: grouped.Floats) -> grouped.Floats:
    """The grade of each completion; without one the class's mean for the assignment, without any 1.

    Grades near 0 that many have are what an ungraded task was filled with, and count as none.
    """
    graded, low = ~np.isnan(grade), grade < _PLACEHOLDER_BELOW
    many_low = grouped.count(position[low], n) * _PLACEHOLDER_ONE_IN >= grouped.count(position[graded], n)
    grade = np.where(low & many_low[position], np.nan, grade)
    usual = np.nan_to_num(grouped.mean(position, n, grade), nan=1.0)
    return np.where(np.isnan(grade), usual[position], grade)


def _quiet(student: grouped.Codes, n: int, day: grouped.Floats, elapsed: float) -> grouped.Floats:
    """How much longer than the others each student has completed nothing, 0 to 1."""
    if not n:
        return np.zeros(0)
    last = np.full(n, np.nan)
    np.fmax.at(last, student, day)
    silent = elapsed - np.where(np.isnan(last), 0.0, last)
    return np.clip((silent / max(float(np.median(silent)), 7.0) - 1.0) / 3.0, 0.0, 1.0)
