"""Who is falling behind the class, from 0 to 100, in four parts that a mentor can check.

The score needs no due dates and no training. It compares each student with what most of the class has
completed, how well and when: see docs/metrics.md for the formula and docs/risk.md for how it was tested.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.caching import cached_on
from cohort_core.metrics import group_stats
from cohort_core.metrics.cohort import Cohort
from cohort_core.timeutils import days

PARTS = ("missing", "marks", "late", "quiet")

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


@dataclass(frozen=True)
class Evidence:
    """What the score is made of: arrays by completion, in the order of the records, or as they say."""

    student: group_stats.Codes
    position: group_stats.Codes
    grade: group_stats.Floats
    """NaN where there is none or a placeholder."""
    counted_grade: group_stats.Floats
    """That of the class stands in for none."""
    days_behind: group_stats.Floats
    """Days after the class's median day."""
    lateness: group_stats.Floats
    completions: NDArray[np.int64]
    """By assignment, as the two that follow."""
    usual_grade: group_stats.Floats
    points: group_stats.Floats
    """What a student loses who has not completed it."""
    silent: group_stats.Floats
    """By student: days since the last completion, from the class's start if there is none."""
    usually_silent: float

    @property
    def days_silent(self) -> NDArray[np.int64]:
        """Whole days. A microsecond before midnight is not yet a day; the last bits of a sum are nothing."""
        return np.floor(self.silent.round(12)).astype(np.int64)


@cached_on
def evidence(cohort: Cohort) -> Evidence:
    """What each completion and each assignment of a whole class counts."""
    n, students = len(cohort.assignments), len(cohort.students)
    elapsed = _days(cohort, np.array([cohort.now]))[0]
    done = cohort.is_completed
    student, position = cohort.student[done], cohort.position[done]
    day = _days(cohort, cohort.completed[done])
    completions = group_stats.count(position, n)
    lower, median, upper = group_stats.quantiles(position, n, day, (0.25, 0.5, 0.75))
    recency = np.clip(median, 0.0, elapsed) / elapsed if elapsed > 0 else np.zeros(n)
    weight = np.where(completions > 0, (completions / max(students, 1)) ** 2 * (0.25 + 0.75 * recency), 0.0)
    behind = day - median[position]
    lateness = np.clip(behind / np.maximum(upper - lower, 2.0)[position], 0.0, 1.0)
    grade = _without_placeholders(position, n, cohort.grade[done])
    usual_grade = np.nan_to_num(group_stats.mean(position, n, grade), nan=1.0)
    silent = _silent(student, students, day, elapsed)
    return Evidence(
        student=student,
        position=position,
        grade=grade,
        counted_grade=np.where(np.isnan(grade), usual_grade[position], grade),
        days_behind=behind,
        lateness=np.where(completions[position] >= _ENOUGH_TO_BE_LATE, lateness, 0.0),
        completions=completions,
        usual_grade=usual_grade,
        points=weight * (_WORK_POINTS / (weight.sum() + _CAUTION)),
        silent=silent,
        usually_silent=float(np.median(silent)) if students else 0.0,
    )


def marks_lost(seen: Evidence) -> group_stats.Floats:
    """Points that each completion loses by its grade."""
    return seen.points[seen.position] * _MARKS_SHARE * (1.0 - seen.counted_grade)


@cached_on
def _score(cohort: Cohort) -> pd.DataFrame:
    students, seen = len(cohort.students), evidence(cohort)
    at_stake = seen.points[seen.position]
    parts = {
        "missing": np.maximum(seen.points.sum() - group_stats.total(seen.student, students, at_stake), 0.0),
        "marks": group_stats.total(seen.student, students, marks_lost(seen)),
        "late": group_stats.total(seen.student, students, at_stake * _LATE_SHARE * seen.lateness),
        "quiet": _QUIET_POINTS * np.clip((seen.silent / max(seen.usually_silent, 7.0) - 1.0) / 3.0, 0.0, 1.0),
    }
    score = sum(parts.values())
    gap = np.round(score - (np.median(score) if students else 0.0), _DECIMALS)
    bands = cohort.thresholds.bands
    band = np.select([gap >= least for _, least in bands], [name for name, _ in bands], default="low")
    points = {name: np.round(value, _DECIMALS) for name, value in {**parts, "score": score}.items()}
    return pd.DataFrame(
        {**points, "gap": gap, "band": pd.array(band, dtype="str")}, index=cohort.students.index
    )


def _days(cohort: Cohort, moments: NDArray[np.datetime64]) -> group_stats.Floats:
    """Days from the class's start, with fractions. Before anything has started there is no work to date."""
    if cohort.starts_at is None:
        return np.zeros(len(moments))
    return days(moments - cohort.starts_at.tz_convert(None).to_datetime64())


def _without_placeholders(
    position: group_stats.Codes, n: int, grade: group_stats.Floats
) -> group_stats.Floats:
    """Grades near 0 that many have are what an ungraded task was filled with, and count as none."""
    graded, low = ~np.isnan(grade), grade < _PLACEHOLDER_BELOW
    many_low = group_stats.count(position[low], n) * _PLACEHOLDER_ONE_IN >= group_stats.count(
        position[graded], n
    )
    return np.where(low & many_low[position], np.nan, grade)


def _silent(
    student: group_stats.Codes, n: int, day: group_stats.Floats, elapsed: float
) -> group_stats.Floats:
    last = np.full(n, np.nan)
    np.fmax.at(last, student, day)
    return elapsed - np.where(np.isnan(last), 0.0, last)
