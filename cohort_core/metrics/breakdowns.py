"""Completion, grades and counts, split in several ways."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.caching import cached_on
from cohort_core.metrics import activity, group_stats
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.completion import by_student
from cohort_core.metrics.groups import group_id, group_labels, has_label

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
GRADE_EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@cached_on
def grade_distribution(cohort: Cohort) -> pd.DataFrame:
    """One row a range of grades: lower, upper (which belongs to the next but for 1), count, share."""
    grades = cohort.grade[~np.isnan(cohort.grade)]
    bucket = np.searchsorted(GRADE_EDGES[1:-1], grades, side="right")
    count = group_stats.count(bucket, len(GRADE_EDGES) - 1)
    total = np.full(len(count), len(grades))
    return pd.DataFrame(
        {
            "lower": GRADE_EDGES[:-1],
            "upper": GRADE_EDGES[1:],
            "count": count,
            "share": group_stats.ratio(count, total),
        }
    )


@cached_on
def by_type(cohort: Cohort) -> pd.DataFrame:
    """One row a type of assignment, in course order, assignments without one last: see `_split`."""
    return _split(cohort, "type")


@cached_on
def by_section(cohort: Cohort) -> pd.DataFrame:
    """One row a section in course order, assignments outside all last: see `_split`."""
    return _split(cohort, "section")


def _split(cohort: Cohort, column: str) -> pd.DataFrame:
    """Columns: what it is split by, assignments, completed and in_progress (records), completion_rate
    (completed ÷ students × assignments), students_completed (all of its assignments), their share, graded
    (completions with a grade), avg_grade.
    """
    codes, names = pd.factorize(cohort.assignments[column])
    n, students = len(names), len(cohort.students)
    has_rest = bool((codes < 0).any())
    codes = np.where(codes < 0, n, codes)
    n += has_rest
    assignments = group_stats.count(codes, n)
    done = cohort.is_completed
    of_record = codes[cohort.position]
    completed = group_stats.count(of_record[done], n)
    per_student = np.zeros((students, n), dtype=np.int64)
    np.add.at(per_student, (cohort.student[done], of_record[done]), 1)
    students_completed = (per_student == assignments).sum(axis=0)
    grade = cohort.grade[done]
    return pd.DataFrame(
        {
            column: pd.array([*names, *[None] * has_rest], dtype="str"),
            "assignments": assignments,
            "completed": completed,
            "in_progress": group_stats.count(of_record[cohort.is_open], n),
            "completion_rate": group_stats.ratio(completed, assignments * students),
            "students_completed": students_completed,
            "students_completed_share": group_stats.ratio(students_completed, np.full(n, students)),
            "graded": group_stats.count(of_record[done][~np.isnan(grade)], n),
            "avg_grade": group_stats.mean(of_record[done], n, grade),
        }
    )


@cached_on
def by_group(cohort: Cohort) -> pd.DataFrame:
    """One row a group, nights and then regions by label; after each kind those who have none, label NaN.

    Columns: kind, label, group_id, students, avg_completion, completed_count, in_progress_count,
    not_started_count, active_this_week_count, completed and in_progress (records), graded, avg_grade.
    """
    students = cohort.students
    known = group_labels(cohort.class_data)
    rows: list[tuple[str, str | None, str | None, NDArray[np.bool_]]] = []
    for kind in dict.fromkeys(kind for kind, _ in known):
        rest = np.ones(len(students), dtype=bool)
        for label in (label for of_kind, label in known if of_kind == kind):
            member = has_label(students, kind, label)
            rest &= ~member
            if member.any():
                rows.append((kind, label, group_id(kind, label), member))
        if rest.any():
            rows.append((kind, None, None, rest))
    progress = by_student(cohort)
    completed = progress["completed"].to_numpy()
    n = len(students)
    done = cohort.is_completed
    known_grade = done & ~np.isnan(cohort.grade)
    graded = group_stats.count(cohort.student[known_grade], n)
    marks = group_stats.total(cohort.student[known_grade], n, cohort.grade[known_grade])
    begun = completed + progress["in_progress"].to_numpy() > 0
    finished = (completed == len(cohort.assignments)) & (len(cohort.assignments) > 0)
    active = activity.is_active_this_week(cohort)
    members = np.array([row[3] for row in rows], dtype=np.int64).reshape(len(rows), n)
    size = members.sum(axis=1)
    return pd.DataFrame(
        {
            "kind": pd.array([row[0] for row in rows], dtype="str"),
            "label": pd.array([row[1] for row in rows], dtype="str"),
            "group_id": pd.array([row[2] for row in rows], dtype="str"),
            "students": size,
            "avg_completion": group_stats.ratio(members @ completed, size * len(cohort.assignments)),
            "completed_count": members @ finished,
            "in_progress_count": members @ (begun & ~finished),
            "not_started_count": members @ ~begun,
            "active_this_week_count": members @ active,
            "completed": members @ completed,
            "in_progress": members @ progress["in_progress"].to_numpy(),
            "graded": members @ graded,
            "avg_grade": group_stats.ratio(members @ marks, members @ graded),
        }
    )


@cached_on
def by_weekday(cohort: Cohort) -> pd.DataFrame:
    """Seven rows, Monday first: weekday (1 to 7), name, and as in `_by_slot`."""
    frame = _by_slot(cohort, lambda local: local.day_of_week.to_numpy(), len(WEEKDAYS))
    frame.insert(0, "weekday", np.arange(1, len(WEEKDAYS) + 1))
    frame.insert(1, "name", list(WEEKDAYS))
    return frame


@cached_on
def by_hour(cohort: Cohort) -> pd.DataFrame:
    """24 rows: hour (0 to 23, local), and as in `_by_slot`."""
    frame = _by_slot(cohort, lambda local: local.hour.to_numpy(), 24)
    frame.insert(0, "hour", np.arange(24))
    return frame


@cached_on
def habits(cohort: Cohort) -> pd.DataFrame:
    """168 rows, each hour of the week from Monday 0: weekday (1 to 7), name, hour, and as in `_by_slot`."""
    frame = _by_slot(cohort, lambda local: local.day_of_week.to_numpy() * 24 + local.hour.to_numpy(), 7 * 24)
    weekday, hour = np.divmod(np.arange(7 * 24), 24)
    frame.insert(0, "weekday", weekday + 1)
    frame.insert(1, "name", np.array(WEEKDAYS)[weekday])
    frame.insert(2, "hour", hour)
    return frame


def _by_slot(cohort: Cohort, slot: Callable[[pd.DatetimeIndex], NDArray[np.intp]], n: int) -> pd.DataFrame:
    """Columns: started and completed (records), completed_share (of all completions), active_students (with a
    start or completion then), graded (completions with a grade), avg_grade (of what was completed then).
    """
    begun, done = ~np.isnat(cohort.started), cohort.is_completed
    began, finished = (
        slot(pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(cohort.tz)).astype(np.intp)
        for moments in (cohort.started[begun], cohort.completed[done])
    )
    started, completed = group_stats.count(began, n), group_stats.count(finished, n)
    active = np.zeros((n, len(cohort.students)), dtype=bool)
    active[began, cohort.student[begun]] = True
    active[finished, cohort.student[done]] = True
    grade = cohort.grade[done]
    return pd.DataFrame(
        {
            "started": started,
            "completed": completed,
            "completed_share": group_stats.ratio(completed, np.full(n, completed.sum())),
            "active_students": active.sum(axis=1),
            "graded": group_stats.count(finished[~np.isnan(grade)], n),
            "avg_grade": group_stats.mean(finished, n, grade),
        }
    )
