"""Rankings of the assignments that stand in the way, and of those to teach again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.caching import cached_on
from cohort_core.metrics import group_stats
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.durations import is_stuck, stuck, time_to_complete
from cohort_core.store.grade_scales import UNCLEAR, UNCLEAR_PERCENT

RANKINGS = {
    "difficulty": ("difficulty", False),
    "completions": ("completion_rate", True),
    "grade": ("avg_grade", True),
    "duration": ("median_days", False),
    "stuck": ("stuck", False),
}
"""By ranking, the column that it sorts by, and whether the smallest comes first."""
MAX_SLOWNESS = 4.0
_DECIMALS = 9
"""Numbers are rounded before they are ranked.

Sums taken in another order differ in their last bits, and that must not change a rank.
"""


@cached_on
def blockers(cohort: Cohort, by: str = "difficulty") -> pd.DataFrame:
    """Rank the assignments that stand in the way, worst first, by one of RANKINGS.

    Returns one row an assignment, with the columns of `BlockerRow`; without assignments there are no rows.
    Assignments that fewer than 5 students (by default) have reached are not ranked and come after the ranked
    ones. Those that nobody has reached, or that lack the number, come last, in course order.

    Difficulty, in points from 0 to 100, is 50 · (1 − completion_rate) + 30 · (1 − avg_grade) + 20 · slowness.
    Slowness is clip((median days ÷ those of the class's median assignment − 1)/3, 0, 1). A part without data
    adds nothing and is NaN. The weights are this project's own choice.
    """
    numbers = _numbers(cohort.all_types)
    chosen = numbers[numbers["assignment_id"].isin(cohort.assignments.index)]
    return _ranked(chosen, by, cohort.thresholds.least_ranked)


@cached_on
def _numbers(cohort: Cohort) -> pd.DataFrame:
    n, students = len(cohort.assignments), len(cohort.students)
    done = cohort.is_completed
    completed = group_stats.count(cohort.position[done], n)
    reached = students_reached(cohort)
    times = time_to_complete(cohort)
    median_days = times["median_days"].to_numpy()
    rate = group_stats.ratio(completed, reached)
    grade = group_stats.mean(cohort.position[done], n, cohort.grade[done])
    parts = {
        "incomplete_points": 50.0 * (1.0 - rate),
        "marks_points": 30.0 * (1.0 - grade),
        "slow_points": 20.0 * _excess(median_days / _typical(median_days)),
    }
    difficulty = np.where(reached > 0, sum(np.nan_to_num(points) for points in parts.values()), np.nan)
    return pd.DataFrame(
        {
            "assignment_id": cohort.assignments.index,
            **{name: cohort.assignments[name].to_numpy() for name in ("name", "type", "section", "position")},
            "completion_rate": rate,
            "avg_grade": grade,
            "completion_rate_all": group_stats.ratio(completed, np.full(n, students)),
            "students_reached": reached,
            "completed": completed,
            "in_progress": group_stats.count(cohort.position[cohort.is_open], n),
            "stuck": group_stats.count(cohort.position[is_stuck(cohort)], n),
            **{
                name: times[name].to_numpy()
                for name in ("median_days", "p80_days", "timed_count", "untimed_share")
            },
            "difficulty": difficulty,
            **parts,
            **left_out_grades(cohort),
        }
    )


def left_out_grades(cohort: Cohort) -> dict[str, list[Any]]:
    """Find the grades that do not fit the scale of their assignment.

    No number counts them. Returns columns with one value an assignment: grade_scale (share, share_with_bonus,
    percent or unclear), grades_left_out (grades of completed attempts), left_out_students (names, by name).
    """
    scales = cohort.assignments["grade_scale"]
    student_ids: dict[str, list[str]] = {assignment: [] for assignment in scales.index}
    if scales.str.startswith(UNCLEAR).any():
        rows = cohort.class_data.progressions
        is_left_out = (
            rows["raw_grade"].notna() & rows["grade"].isna() & (rows["completed_at"] <= cohort.as_of)
        )
        rows = rows[is_left_out & rows["student_id"].isin(cohort.students.index)]
        for assignment, student in zip(rows["assignment_id"], rows["student_id"], strict=True):
            student_ids[assignment].append(student)
    names = cohort.students["name"].to_dict()
    return {
        "grade_scale": scales.replace(UNCLEAR_PERCENT, UNCLEAR).tolist(),
        "grades_left_out": [len(ids) for ids in student_ids.values()],
        "left_out_students": [
            sorted({names[student] for student in ids}, key=lambda name: (name.casefold(), name))
            for ids in student_ids.values()
        ],
    }


def students_reached(cohort: Cohort) -> NDArray[np.int64]:
    """Count the students who have come as far as each assignment.

    They completed or started it, or completed a later one.
    """
    n = len(cohort.assignments)
    furthest = np.full(len(cohort.students), -1)
    done = cohort.is_completed
    np.maximum.at(furthest, cohort.student[done], cohort.position[done])
    beyond = cohort.position > furthest[cohort.student]
    passed = group_stats.count(furthest[furthest >= 0], n)[::-1].cumsum()[::-1]
    return passed + group_stats.count(cohort.position[beyond], n)


def _typical(median_days: group_stats.Floats) -> float:
    """Return the median days of the median assignment, NaN if no assignment has a median."""
    medians = median_days[~np.isnan(median_days)]
    return float(np.median(medians)) if len(medians) else np.nan


def _excess(slow: group_stats.Floats) -> group_stats.Floats:
    """Scale slowness: 0 up to the median assignment, 1 from four times its days on."""
    return np.clip((slow - 1.0) / (MAX_SLOWNESS - 1.0), 0.0, 1.0)


@cached_on
def reteach(cohort: Cohort) -> pd.DataFrame:
    """Rank the assignments to teach again, the most urgent first.

    Returns one row an assignment in which somebody is stuck and that at least 5 students (by default)
    started; without any there are no rows. Columns: assignment_id, name, type, section, position, started
    (students who started or completed it), stuck (students), stuck_share (stuck ÷ started), slowness, score
    (stuck_share · slowness, 0 to 4), student_ids and students (ids and names of the stuck, in work for
    longest first).

    Slowness is median days ÷ those of the class's median assignment, at most 4. Where half have not finished,
    the longest time that any record has been in work takes the place of the median, which is longer still.
    While no assignment has a median, slowness is 1. The score is this project's own choice.
    """
    everything = cohort.all_types
    times = time_to_complete(everything)
    median_days = times["median_days"].to_numpy()
    usual = times["median_days"].fillna(times["longest_seen_days"]).to_numpy()
    slow = np.minimum(np.nan_to_num(usual / _typical(median_days), nan=1.0), MAX_SLOWNESS)
    started = group_stats.count(everything.position, len(everything.assignments))
    waiting = stuck(cohort)
    frame = cohort.assignments.reset_index()
    here = frame["position"].to_numpy()
    ids: dict[str, list[str]] = {assignment: [] for assignment in frame["assignment_id"]}
    names: dict[str, list[str]] = {assignment: [] for assignment in frame["assignment_id"]}
    columns = [waiting[name].tolist() for name in ("assignment_id", "student_id", "name")]
    for assignment, student, name in zip(*columns, strict=True):
        ids[assignment].append(student)
        names[assignment].append(name)
    count = np.array([len(stuck_here) for stuck_here in ids.values()], dtype=np.int64)
    frame = frame.assign(
        started=started[here],
        stuck=count,
        stuck_share=group_stats.ratio(count, started[here]),
        slowness=slow[here],
        score=(group_stats.ratio(count, started[here]) * slow[here]).round(_DECIMALS),
        student_ids=pd.Series(list(ids.values()), dtype="object"),
        students=pd.Series(list(names.values()), dtype="object"),
    )
    frame = frame[(frame["started"] >= cohort.thresholds.least_ranked) & (frame["stuck"] > 0)]
    return frame.sort_values(["score", "position"], ascending=[False, True]).reset_index(drop=True)


def _ranked(frame: pd.DataFrame, by: str, least: int) -> pd.DataFrame:
    column, ascending = RANKINGS[by]
    key = frame[column].where(frame["students_reached"] > 0)
    few = frame["students_reached"] < least
    tier = np.where(key.isna(), 2, np.where(few, 1, 0))
    value = key.to_numpy(dtype=np.float64).round(_DECIMALS)
    order = np.lexsort((frame["position"], value if ascending else -value, tier))
    rank = pd.Series(range(1, len(frame) + 1), dtype="Int64").where(tier[order] == 0)
    ordered = frame.iloc[order].reset_index(drop=True)
    ordered.insert(0, "rank", rank)
    return ordered
