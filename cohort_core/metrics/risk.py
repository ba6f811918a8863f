"""The risk of falling behind the class, in four parts that a mentor can check.

The score needs no due dates and no training data. It compares each student with the work that most of the
class has completed: how much of it, how well and when. The formula is in `risk`; docs/risk.md reports how it
was tested on nine real courses.
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
NEEDS_ATTENTION = ("critical", "high")
"""The risk bands of students to write to."""
ON_PACE = ("medium", "low")
"""The risk bands of students who keep up with the class, or nearly so."""

_WORK_POINTS, _QUIET_POINTS = 85.0, 15.0
_MARKS_SHARE, _LATE_SHARE = 0.8, 0.2
_CAUTION = 0.25
"""Added to the weights, so that scores stay low while a class has completed little."""
_UNGRADED_FROM = 0.99
"""An assignment counts as ungraded from this mean grade on.

Where all get full grades, a grade tells nothing.
"""
_PLACEHOLDER_BELOW, _PLACEHOLDER_ONE_IN = 0.1, 5
"""Grades below 0.1 are placeholders where at least one grade in five is so low."""
_MIN_COMPLETIONS_FOR_LATE = 3
_DECIMALS = 9
"""Scores are rounded before they are compared.

Sums taken in another order differ in their last bits, and that must not change a band.
"""


def risk(cohort: Cohort) -> pd.DataFrame:
    """Score how far each student has fallen behind the class.

    Returns one row a student, index student_id. Columns: missing, marks, late and quiet (points), score
    (their sum, 0 to 100), gap (score − median score of the whole class), band (critical, high, medium or low,
    by the gaps of `Thresholds`). In a class where nothing has happened all scores are 0. A student of a group
    is compared with the whole class, so a filter never changes a band.

    With t days since the class's start, for each assignment that anyone has completed: w is the share of
    students who completed it, m their median day, and W = w² · (0.25 + 0.75 · clip(m, 0, t)/t) its weight.
    E = ΣW is the evidence. An assignment is ungraded if the mean grade of its completions is 0.99 or more,
    or if none has a grade. With A the weight of all graded assignments, the ungraded ones together weigh at
    most 0.5 · A + max(0, 1 − A); above that all their weights shrink by the same factor, while E stays.

    A student loses 1 on an assignment that is not completed, else 0.8 · (1 − grade) + 0.2 · late, where
    late = clip((day − m)/max(IQR, 2), 0, 1), and 0 with fewer than three completions. Work without a grade
    counts with the mean grade of the class. The mean of the losses, weighted by W, makes up to
    85 · E/(E + 0.25) points.

    Silence makes up to 15 points: 15 · clip((s/max(median of s, 7) − 1)/3, 0, 1), where s is the days since
    the student's last completion, or since the class's start without any.
    """
    scored = _score(cohort.classwide)
    return scored if cohort.whole is None else scored.loc[cohort.students.index]


def risk_before_cap(cohort: Cohort) -> pd.DataFrame:
    """Score a whole class as before version 2, without the cap of ungraded assignments.

    Returns the columns of `risk`. It says which bands moved by the new version alone.
    """
    return _score_by(cohort, gather_evidence(cohort, has_cap=False))


@dataclass(frozen=True)
class Evidence:
    """The numbers behind the score, as arrays.

    Unless noted they have an entry for each completion, in the order of the records.
    """

    student: group_stats.Codes
    position: group_stats.Codes
    grade: group_stats.Floats
    """0 to 1; NaN without a grade, and for a placeholder."""
    counted_grade: group_stats.Floats
    """The grade, or without one the mean grade of the class in the assignment."""
    days_behind: group_stats.Floats
    """Days after the class's median day; negative before it."""
    lateness: group_stats.Floats
    """0 to 1, `late` in the formula."""
    completions: NDArray[np.int64]
    """By assignment: the number of completions."""
    usual_grade: group_stats.Floats
    """By assignment: the mean grade of the class, 1 without grades."""
    points: group_stats.Floats
    """By assignment: the points that a student loses without completing it."""
    is_ungraded: NDArray[np.bool_]
    """By assignment: completed by somebody, with no grades or nearly full ones."""
    is_capped: bool
    """True if the cap lowers the weights of ungraded assignments: they count together."""
    silent: group_stats.Floats
    """By student: days since the last completion, or since the class's start without any."""
    median_silent: float
    """The median of `silent`."""

    @property
    def days_silent(self) -> NDArray[np.int64]:
        """The whole days of `silent`.

        A microsecond before midnight is not yet a day, but an error in the last bits of a sum is ignored.
        """
        return np.floor(self.silent.round(12)).astype(np.int64)


@cached_on
def gather_evidence(cohort: Cohort, *, has_cap: bool = True) -> Evidence:
    """Compute the numbers behind the score for a whole class.

    Without the cap they are those of the score before version 2.
    """
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
    is_ungraded = (completions > 0) & (usual_grade.round(_DECIMALS) >= _UNGRADED_FROM)
    share = _share_of_ungraded(weight, is_ungraded) if has_cap else 1.0
    capped = np.where(is_ungraded, weight * share, weight)
    silent = _days_since_completion(student, students, day, elapsed)
    return Evidence(
        student=student,
        position=position,
        grade=grade,
        counted_grade=np.where(np.isnan(grade), usual_grade[position], grade),
        days_behind=behind,
        lateness=np.where(completions[position] >= _MIN_COMPLETIONS_FOR_LATE, lateness, 0.0),
        completions=completions,
        usual_grade=usual_grade,
        points=_points(capped, float(weight.sum())),
        is_ungraded=is_ungraded,
        is_capped=round(share, _DECIMALS) < 1.0,
        silent=silent,
        median_silent=float(np.median(silent)) if students else 0.0,
    )


def points_lost_by_grade(evidence: Evidence) -> group_stats.Floats:
    """Return the points that each completion loses by its grade."""
    return evidence.points[evidence.position] * _MARKS_SHARE * (1.0 - evidence.counted_grade)


def _share_of_ungraded(weight: group_stats.Floats, is_ungraded: NDArray[np.bool_]) -> float:
    """Return the share of their weights that ungraded assignments keep, 1 if they weigh little.

    Otherwise a class of many lessons would hide the students who open everything and hand in little.
    """
    graded, ungraded = weight[~is_ungraded].sum(), weight[is_ungraded].sum()
    most = 0.5 * graded + max(0.0, 1.0 - graded)
    return float(most / ungraded) if ungraded > most else 1.0


def _points(weight: group_stats.Floats, evidence: float) -> group_stats.Floats:
    """Return the points of each assignment: together 85, or less while there is little evidence."""
    if evidence == 0:
        return np.zeros(len(weight))
    scale = _WORK_POINTS / float(weight.sum()) * evidence / (evidence + _CAUTION)
    return weight * scale


@cached_on
def _score(cohort: Cohort) -> pd.DataFrame:
    return _score_by(cohort, gather_evidence(cohort))


def _score_by(cohort: Cohort, evidence: Evidence) -> pd.DataFrame:
    students = len(cohort.students)
    at_stake = evidence.points[evidence.position]
    earned = group_stats.total(evidence.student, students, at_stake)
    silence = evidence.silent / max(evidence.median_silent, 7.0)
    parts = {
        "missing": np.maximum(evidence.points.sum() - earned, 0.0),
        "marks": group_stats.total(evidence.student, students, points_lost_by_grade(evidence)),
        "late": group_stats.total(evidence.student, students, at_stake * _LATE_SHARE * evidence.lateness),
        "quiet": _QUIET_POINTS * np.clip((silence - 1.0) / 3.0, 0.0, 1.0),
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
    """Return the days from the class's start, with fractions."""
    if cohort.starts_at is None:  # Then there are no records either.
        return np.zeros(len(moments))
    return days(moments - cohort.starts_at.tz_convert(None).to_datetime64())


def _without_placeholders(
    position: group_stats.Codes, n: int, grade: group_stats.Floats
) -> group_stats.Floats:
    """Return the grades with NaN in place of placeholders.

    Ungraded work is often filled with a grade near 0. Where at least one grade in five of an assignment is
    near 0, such grades count as none.
    """
    graded, low = ~np.isnan(grade), grade < _PLACEHOLDER_BELOW
    many_low = group_stats.count(position[low], n) * _PLACEHOLDER_ONE_IN >= group_stats.count(
        position[graded], n
    )
    return np.where(low & many_low[position], np.nan, grade)


def _days_since_completion(
    student: group_stats.Codes, n: int, day: group_stats.Floats, elapsed: float
) -> group_stats.Floats:
    """Return for each student the days since the last completion.

    Without any completion they count from the class's start.
    """
    last = np.full(n, np.nan)
    np.fmax.at(last, student, day)
    return elapsed - np.where(np.isnan(last), 0.0, last)
