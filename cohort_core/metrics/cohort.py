"""A class at one instant: what every metric is computed from.

`build` cuts the facts of a class at *as of* and collapses attempts; nothing after that instant can be
seen in the result. A Cohort is a value: it holds frames, knows no clock and reads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.caching import cached_on
from cohort_core.config.thresholds import DEFAULTS, Thresholds
from cohort_core.errors import BadInput
from cohort_core.metrics.groups import has_label, labels_of_group
from cohort_core.store.class_data import ClassData
from cohort_core.timeutils import Instants, instants, local_midnight, naive, resolve, zoned

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Rows:
    """Records as arrays, ordered by student and assignment; `student` and `in_course` are their places."""

    student: NDArray[np.intp]
    in_course: NDArray[np.intp]
    grade: NDArray[np.float64]
    started: Instants
    completed: Instants
    reviewed: Instants

    def __len__(self) -> int:
        return len(self.student)

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Rows:
        return Rows(*(column[chosen] for column in vars(self).values()))


@dataclass(frozen=True)
class Cohort:
    """The enrolments of a class that count at `as_of`, and what they had done by then.

    students: index student_id; name, first_name, last_name, email, night, region, enrolled_on.
    assignments: the assignment set in course order, index assignment_id; name, type, section, position
    (in the course, also where one type of assignment is chosen).
    rows: one a student and assignment, ordered by the two; `records` is the same as a frame.
    starts_at: local midnight at which the class starts; None while nothing has happened and no date is set.
    """

    class_data: ClassData
    as_of: pd.Timestamp
    group: str | None
    tz: ZoneInfo
    starts_at: pd.Timestamp | None
    students: pd.DataFrame
    assignments: pd.DataFrame
    rows: Rows
    whole: Cohort | None = None
    """The whole class with all its assignments, if this is a part of it."""
    type: str | None = None
    unfiltered: Cohort | None = None
    """The same students with all assignments, if one type is chosen."""
    thresholds: Thresholds = DEFAULTS

    @property
    def classwide(self) -> Cohort:
        """The whole class: whom a student of a group is compared with, so that no filter moves a band."""
        return self.whole or self

    @property
    def all_types(self) -> Cohort:
        """These students with assignments of every type: what a student or an assignment is judged by."""
        return self.unfiltered or self

    @property
    def local_date(self) -> date:
        return self.as_of.tz_convert(self.tz).date()

    @cached_property
    def enrolled_since(self) -> pd.Series[Any]:
        """By student the local day of enrolment; without a roster date that of the class's start."""
        enrolled = self.students["enrolled_on"]
        if self.starts_at is None:
            return enrolled
        return enrolled.fillna(pd.Timestamp(self.starts_at.tz_convert(self.tz).date()))

    @cached_property
    def now(self) -> np.datetime64:
        return naive(self.as_of)

    @cached_property
    def records(self) -> pd.DataFrame:
        """student_id, assignment_id, position (in the course), grade (0 to 1 or NaN); started_at,
        completed_at, reviewed_at (UTC).
        """
        return pd.DataFrame(
            {
                "student_id": self.students.index.take(self.student),
                "assignment_id": self.assignments.index.take(self.position),
                "position": self.rows.in_course,
                "grade": self.grade,
                "started_at": zoned(self.started),
                "completed_at": zoned(self.completed),
                "reviewed_at": zoned(self.rows.reviewed),
            }
        )

    @property
    def student(self) -> NDArray[np.intp]:
        """For each record, the row of its student in `students`."""
        return self.rows.student

    @cached_property
    def position(self) -> NDArray[np.intp]:
        """For each record, the row of its assignment in `assignments`."""
        if self.unfiltered is None:
            return self.rows.in_course
        return np.searchsorted(self.assignments["position"], self.rows.in_course)

    @property
    def grade(self) -> NDArray[np.float64]:
        return self.rows.grade

    @property
    def started(self) -> Instants:
        return self.rows.started

    @property
    def completed(self) -> Instants:
        return self.rows.completed

    @cached_property
    def is_completed(self) -> NDArray[np.bool_]:
        return ~np.isnat(self.completed)

    @cached_property
    def is_open(self) -> NDArray[np.bool_]:
        """Started and not completed: in progress."""
        return ~self.is_completed


def build(
    class_data: ClassData,
    as_of: pd.Timestamp | datetime | date | None = None,
    group: str | None = None,
    type: str | None = None,
    thresholds: Thresholds = DEFAULTS,
) -> Cohort:
    """The class as it was at `as_of`: an instant, the end of a local day, or by default the last sync.

    `group` is a label (a night or a region, in any case) or the id of a group; `type` a type of assignment.
    Raises BadInput for a group or type that the class does not have.
    """
    tz = ZoneInfo(class_data.timezone)
    cut = resolve(as_of if as_of is not None else class_data.synced_at, tz)
    assignments = _assignment_set(class_data)
    rows = _visible_rows(class_data, naive(cut))
    starts_at = _class_start(class_data, rows, tz)
    counts = _counts_at(class_data, cut, starts_at, tz)
    # Nobody's place is the last one.
    rows = rows[(rows.in_course >= 0) & np.append(counts, False)[rows.student]]
    rows = _merge_attempts(replace(rows, student=_renumbered(counts, rows.student)), len(assignments))
    students = _people(class_data)[counts]
    whole = Cohort(class_data, cut, None, tz, starts_at, students, assignments, rows, thresholds=thresholds)
    cohort = whole if group is None else of_group(whole, group)
    return cohort if type is None else of_type(cohort, type)


def of_group(whole: Cohort, group: str) -> Cohort:
    """The students of one group, compared with the whole class. Raises BadInput as `build` does."""
    chosen = labels_of_group(whole.class_data, group)
    member = np.zeros(len(whole.students), dtype=bool)
    for kind, label in chosen:
        member |= has_label(whole.students, kind, label)
    rows = whole.rows[member[whole.student]]
    return replace(
        whole,
        group=chosen[0][1],
        students=whole.students[member],
        rows=replace(rows, student=_renumbered(member, rows.student)),
        whole=whole,
    )


def of_type(cohort: Cohort, type: str) -> Cohort:
    """The cohort with the assignments of one type, such as quiz, in any case.

    What is counted is of that type; what is said of one student (risk, activity) or one assignment is not
    changed by it. Raises BadInput for a type that the class does not have.
    """
    everything = cohort.all_types
    types = everything.assignments["type"]
    wanted = (types.str.strip().str.casefold() == type.strip().casefold()).to_numpy(dtype=bool)
    if not wanted.any():
        known = ", ".join(sorted(types.dropna().unique()))
        advice = f"Choose one of: {known}." if known else "Its assignments have no types."
        raise BadInput(f"This class has no such type of assignment. {advice}", parameter="type")
    return replace(
        everything,
        type=types[wanted].iloc[0],
        assignments=everything.assignments[wanted],
        rows=everything.rows[wanted[everything.position]],
        whole=everything.classwide,
        unfiltered=everything,
    )


def judged_by(cohort: Cohort, thresholds: Thresholds) -> Cohort:
    """The same cohort, sorted by other thresholds; so is the class with which it is compared."""
    if cohort.thresholds == thresholds:
        return cohort
    whole, unfiltered = (one and judged_by(one, thresholds) for one in (cohort.whole, cohort.unfiltered))
    return replace(cohort, thresholds=thresholds, whole=whole, unfiltered=unfiltered)


def _renumbered(kept: NDArray[np.bool_], places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Places in a list, all of them kept, as places among what is kept."""
    return (np.cumsum(kept) - 1)[places]


@cached_on
def _assignment_set(class_data: ClassData) -> pd.DataFrame:
    found = class_data.assignments.sort_values("position").drop_duplicates("assignment_id")
    return found.assign(position=np.arange(len(found))).set_index("assignment_id")


@cached_on
def _everyone(class_data: ClassData) -> pd.DataFrame:
    """Who is or was in the class, at any time: the columns of `Cohort.students`, and withdrawn_on."""
    everyone = class_data.students.drop_duplicates("student_id").set_index("student_id")
    full = (everyone["first_name"].fillna("") + " " + everyone["last_name"].fillna("")).str.strip()
    names = full.where(full != "", everyone.index.to_series())
    columns = ["first_name", "last_name", "email", "night", "region", "enrolled_on", "withdrawn_on"]
    frame = everyone[columns]
    frame.insert(0, "name", names.astype("str"))
    return frame


@cached_on
def _people(class_data: ClassData) -> pd.DataFrame:
    return _everyone(class_data).drop(columns="withdrawn_on")


@cached_on
def _enrolments(class_data: ClassData) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """For each of `_everyone` the local days of enrolment and withdrawal, NaT for none."""
    everyone = _everyone(class_data)
    return everyone["enrolled_on"].to_numpy(), everyone["withdrawn_on"].to_numpy()


@cached_on
def _all_rows(class_data: ClassData) -> Rows:
    """The upstream rows, those of nobody in the class or of no assignment of it with -1 in its place."""
    rows = class_data.progressions
    student = _lookup(_everyone(class_data).index, rows["student_id"])
    in_course = _lookup(_assignment_set(class_data).index, rows["assignment_id"])
    moments = (instants(rows[name]) for name in ("started_at", "completed_at", "reviewed_at"))
    columns = (student, in_course, rows["grade"].to_numpy(dtype=np.float64), *moments)
    order = np.lexsort((in_course, student))
    return Rows(*(column[order] for column in columns))


def _visible_rows(class_data: ClassData, cut: np.datetime64) -> Rows:
    """Upstream rows as they were at `cut`; a grade or review comes to light with its completion."""
    rows, nat = _all_rows(class_data), np.datetime64("NaT", "us")
    done, reviewed = rows.completed <= cut, rows.reviewed <= cut
    then = replace(
        rows,
        grade=np.where(done, rows.grade, np.nan),
        started=np.where(rows.started <= cut, rows.started, nat),
        completed=np.where(done, rows.completed, nat),
        reviewed=np.where(done & reviewed, rows.reviewed, nat),
    )
    return then[done | ~np.isnat(then.started)]


def _class_start(class_data: ClassData, rows: Rows, tz: ZoneInfo) -> pd.Timestamp | None:
    if class_data.starts_on is not None:
        return local_midnight(class_data.starts_on, tz)
    if not len(rows):
        return None
    first = np.fmin(np.fmin.reduce(rows.started), np.fmin.reduce(rows.completed))
    return local_midnight(pd.Timestamp(first, tz="UTC").tz_convert(tz).date(), tz)


def _counts_at(
    class_data: ClassData, cut: pd.Timestamp, starts_at: pd.Timestamp | None, tz: ZoneInfo
) -> NDArray[np.bool_]:
    """For each of `_everyone`, whether they are enrolled at `cut`."""
    enrolled_on, withdrawn_on = _enrolments(class_data)
    today = np.datetime64(cut.tz_convert(tz).date())
    has_started = starts_at is not None and starts_at <= cut
    is_enrolled = (enrolled_on <= today) | (np.isnat(enrolled_on) & has_started)
    return is_enrolled & ~(withdrawn_on <= today)


def _lookup(index: pd.Index[Any], values: pd.Series[Any]) -> NDArray[np.intp]:
    """Where each value stands in the index, -1 if it does not. Looks each distinct value up once."""
    codes, distinct = pd.factorize(values)
    return np.append(index.get_indexer(pd.Index(distinct)), -1)[codes]


def _merge_attempts(rows: Rows, assignments: int) -> Rows:
    """One row a student and assignment.

    Started and completed are the earliest, reviewed the latest; the grade is that of the latest completion
    that has one. Of attempts completed in the same instant, the one reviewed later counts, then the better.
    """
    key = rows.student * assignments + rows.in_course
    is_first = np.diff(key, prepend=-1) != 0
    repeated = ~(is_first & np.append(is_first[1:], True))
    if not repeated.any():
        return rows
    attempts, firsts = rows[repeated], np.flatnonzero(is_first[repeated])
    work = np.cumsum(is_first[repeated]) - 1
    graded = np.flatnonzero(~np.isnan(attempts.grade))
    # NaT is the smallest integer there is.
    moments = attempts.reviewed.view("i8"), attempts.completed.view("i8")
    graded = graded[np.lexsort([column[graded] for column in (attempts.grade, *moments, work)])]
    grade = np.full(len(firsts), np.nan)
    grade[work[graded]] = attempts.grade[graded]  # of several the last one stays
    one_each, merged = rows[is_first], np.flatnonzero(repeated[is_first])
    one_each.grade[merged] = grade
    one_each.started[merged] = np.fmin.reduceat(attempts.started, firsts)
    one_each.completed[merged] = np.fmin.reduceat(attempts.completed, firsts)
    one_each.reviewed[merged] = np.fmax.reduceat(attempts.reviewed, firsts)
    return one_each
