"""Completion, grades and counts by grade, type, section, group, weekday and hour."""

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
    """Count the grades in each of six ranges.

    Always returns six rows. Columns: lower, upper (0 to 1; the upper end belongs to the next range, but 1 to
    the last), count (completions), share (of all graded completions, NaN without any).
    """
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
    """Break completion and grades down by type of assignment.

    Returns one row a type, in course order, and a last row for assignments without a type, if there are any.
    Columns: type, and those of `_split`. Without assignments there are no rows.
    """
    return _split(cohort, "type")


@cached_on
def by_section(cohort: Cohort) -> pd.DataFrame:
    """Break completion and grades down by section of the course.

    Returns one row a section, in course order, and a last row for assignments outside all sections, if there
    are any. Columns: section, and those of `_split`. Without assignments there are no rows.
    """
    return _split(cohort, "section")


def _split(cohort: Cohort, column: str) -> pd.DataFrame:
    """Break completion and grades down by a column of the assignments.

    Columns: that column, assignments, completed and in_progress (records), completion_rate (completed ÷
    (students · assignments)), students_completed (students who completed all of its assignments),
    students_completed_share (÷ students), graded (completions with a grade), avg_grade (0 to 1). Shares are
    NaN without students, and avg_grade is NaN without grades.
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
    """Break the class down by night and by region.

    Returns one row a group that has students: first the nights by label, then the regions. After each kind
    comes a row for the students without it, if there are any; its label and group_id are NaN. A class without
    nights and regions gives no rows. Columns: kind, label, group_id, students, avg_completion (0 to 1),
    completed_count, in_progress_count, not_started_count and active_this_week_count (students), completed and
    in_progress (records), graded (completions with a grade), avg_grade (0 to 1, NaN without grades).
    """
    students = cohort.students
    groups = group_labels(cohort.class_data)
    rows: list[tuple[str, str | None, str | None, NDArray[np.bool_]]] = []
    for kind in dict.fromkeys(kind for kind, _ in groups):
        rest = np.ones(len(students), dtype=bool)
        for label in (label for other_kind, label in groups if other_kind == kind):
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
    has_grade = done & ~np.isnan(cohort.grade)
    graded = group_stats.count(cohort.student[has_grade], n)
    marks = group_stats.total(cohort.student[has_grade], n, cohort.grade[has_grade])
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
    """Count starts and completions on each day of the week.

    Always returns seven rows, Monday first. Columns: weekday (1 to 7), name, and those of `_by_slot`.
    """
    frame = _by_slot(cohort, lambda local: local.day_of_week.to_numpy(), len(WEEKDAYS))
    frame.insert(0, "weekday", np.arange(1, len(WEEKDAYS) + 1))
    frame.insert(1, "name", list(WEEKDAYS))
    return frame


@cached_on
def by_hour(cohort: Cohort) -> pd.DataFrame:
    """Count starts and completions in each hour of the day.

    Always returns 24 rows. Columns: hour (0 to 23, local), and those of `_by_slot`.
    """
    frame = _by_slot(cohort, lambda local: local.hour.to_numpy(), 24)
    frame.insert(0, "hour", np.arange(24))
    return frame


@cached_on
def habits(cohort: Cohort) -> pd.DataFrame:
    """Count starts and completions in each hour of the week.

    Always returns 168 rows, from Monday 0 o'clock. Columns: weekday (1 to 7), name, hour (0 to 23, local),
    and those of `_by_slot`.
    """
    frame = _by_slot(cohort, lambda local: local.day_of_week.to_numpy() * 24 + local.hour.to_numpy(), 7 * 24)
    weekday, hour = np.divmod(np.arange(7 * 24), 24)
    frame.insert(0, "weekday", weekday + 1)
    frame.insert(1, "name", np.array(WEEKDAYS)[weekday])
    frame.insert(2, "hour", hour)
    return frame


def _by_slot(cohort: Cohort, slot: Callable[[pd.DatetimeIndex], NDArray[np.intp]], n: int) -> pd.DataFrame:
    """Count starts and completions in each of n slots of local time.

    `slot` gives the slot of each local time, 0 to n-1. Columns: started and completed (records),
    completed_share (of all completions, NaN without any), active_students (with a start or completion then),
    graded (completions with a grade), avg_grade (of the work completed then, 0 to 1; NaN without grades).
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
