"""A class at one instant: the input of every metric.

`build` cuts the data of a class at *as of* and merges attempts. Nothing after that instant can be seen in
the result. A Cohort is a value: it holds frames and arrays, has no clock and reads nothing.
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
from cohort_core.display_names import display_names
from cohort_core.errors import BadInput
from cohort_core.metrics.groups import has_label, labels_of_group
from cohort_core.store.class_data import ClassData
from cohort_core.timeutils import Instants, instants, local_midnight, naive, resolve, zoned

EARLY_GAP = np.timedelta64(365, "D")
RECORDS_FOR_EACH_EARLY = 20
"""At most one record in so many is early, but always one."""
_NAME_COLUMNS = ["first_name", "last_name", "email"]

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class RecordArrays:
    """Records as arrays of one length, ordered by student and then by assignment."""

    student: NDArray[np.intp]
    """Row of the student in `Cohort.students`."""
    in_course: NDArray[np.intp]
    """Position of the assignment in the course, from 0."""
    grade: NDArray[np.float64]
    """0 to 1, with a bonus up to 2, NaN for none."""
    started: Instants
    completed: Instants
    reviewed: Instants

    @property
    def begun(self) -> Instants:
        """The start, or the completion if that is earlier or the start is unknown."""
        return np.fmin(self.started, self.completed)

    def __len__(self) -> int:
        return len(self.student)

    def __getitem__(self, chosen: NDArray[np.bool_]) -> RecordArrays:
        return RecordArrays(*(column[chosen] for column in vars(self).values()))


@dataclass(frozen=True)
class Cohort:
    """The students of a class who count at `as_of`, with their work up to then.

    students: one row a student, index student_id; name, first_name, last_name, email, night, region,
    enrolled_on. assignments: one row an assignment, in course order, index assignment_id; name, type,
    section, position (in the whole course, also when only one type is chosen). arrays: one entry a student
    and assignment that was started or completed; `records` is the same as a frame. starts_at: the local
    midnight at which the class starts. None if no date is set and nothing has happened. first_moment: the
    first start or completion in the whole class, NaT for none; a few records from years before all others
    are no beginning, and charts leave them out.
    """

    class_data: ClassData
    as_of: pd.Timestamp
    group: str | None
    tz: ZoneInfo
    starts_at: pd.Timestamp | None
    students: pd.DataFrame
    assignments: pd.DataFrame
    arrays: RecordArrays
    first_moment: np.datetime64
    whole: Cohort | None = None
    """The whole class with all its assignments, if this cohort is a part of it."""
    type: str | None = None
    unfiltered: Cohort | None = None
    """The same students with all assignments, if one type is chosen."""
    thresholds: Thresholds = DEFAULTS

    @property
    def classwide(self) -> Cohort:
        """The whole class.

        Students of a group are compared with it, so that no filter changes a risk band.
        """
        return self.whole or self

    @property
    def all_types(self) -> Cohort:
        """These students with assignments of every type.

        Numbers about one student or one assignment come from here, whichever type is chosen.
        """
        return self.unfiltered or self

    @property
    def local_date(self) -> date:
        return self.as_of.tz_convert(self.tz).date()

    @cached_property
    def enrolled_since(self) -> pd.Series[Any]:
        """The local day of enrolment, by student.

        A student without a day on the roster has the day on which the class starts.
        """
        enrolled = self.students["enrolled_on"]
        if self.starts_at is None:
            return enrolled
        return enrolled.fillna(pd.Timestamp(self.starts_at.tz_convert(self.tz).date()))

    @cached_property
    def is_early(self) -> NDArray[np.bool_]:
        """Begun years before the first moment of the class, by record."""
        return self.arrays.begun < self.first_moment

    @cached_property
    def now(self) -> np.datetime64:
        return naive(self.as_of)

    @cached_property
    def records(self) -> pd.DataFrame:
        """The records as a frame, one row a student and assignment.

        Columns: student_id, assignment_id, position (in the course), grade (0 to 1, with a bonus up to 2, or
        NaN), started_at, completed_at, reviewed_at (UTC).
        """
        return pd.DataFrame(
            {
                "student_id": self.students.index.take(self.student),
                "assignment_id": self.assignments.index.take(self.position),
                "position": self.arrays.in_course,
                "grade": self.arrays.grade,
                "started_at": zoned(self.started),
                "completed_at": zoned(self.completed),
                "reviewed_at": zoned(self.arrays.reviewed),
            }
        )

    @property
    def student(self) -> NDArray[np.intp]:
        """The row of the student in `students`, by record."""
        return self.arrays.student

    @cached_property
    def position(self) -> NDArray[np.intp]:
        """The row of the assignment in `assignments`, by record."""
        if self.unfiltered is None:
            return self.arrays.in_course
        return np.searchsorted(self.assignments["position"], self.arrays.in_course)

    @cached_property
    def grade(self) -> NDArray[np.float64]:
        """The grade as it counts, by record: 0 to 1, NaN for none.

        A bonus counts as 1.
        """
        return np.minimum(self.arrays.grade, 1.0)

    @property
    def started(self) -> Instants:
        return self.arrays.started

    @property
    def completed(self) -> Instants:
        return self.arrays.completed

    @cached_property
    def is_completed(self) -> NDArray[np.bool_]:
        return ~np.isnat(self.completed)

    @cached_property
    def is_open(self) -> NDArray[np.bool_]:
        """In progress, that is started and not completed, by record."""
        return ~self.is_completed


def build(
    class_data: ClassData,
    as_of: pd.Timestamp | datetime | date | None = None,
    group: str | None = None,
    type: str | None = None,
    thresholds: Thresholds = DEFAULTS,
) -> Cohort:
    """Build the cohort of a class as it was at `as_of`.

    `as_of` is an instant, or a date, which means the end of that local day. The default is the end of the
    last sync. `group` is the label of a night or a region, in any case, or the id of a group. `type` is a
    type of assignment, in any case.

    A class without data gives a cohort without students and records.
    Raises BadInput for a group or type that the class does not have.
    """
    tz = ZoneInfo(class_data.timezone)
    cut = resolve(as_of if as_of is not None else class_data.synced_at, tz)
    assignments = _assignment_set(class_data)
    rows = _visible_rows(class_data, naive(cut))
    first_moment = _first_moment(rows)
    starts_at = _class_start(class_data, first_moment, tz)
    counts = _is_enrolled(class_data, cut, starts_at, tz)
    # Rows of nobody have the place -1, which is the last one: a False is put there.
    rows = rows[(rows.in_course >= 0) & np.append(counts, False)[rows.student]]
    rows = _merge_attempts(replace(rows, student=_renumbered(counts, rows.student)), len(assignments))
    students = _people(class_data)[counts]
    whole = Cohort(
        class_data,
        cut,
        None,
        tz,
        starts_at,
        students,
        assignments,
        rows,
        first_moment,
        thresholds=thresholds,
    )
    cohort = whole if group is None else of_group(whole, group)
    return cohort if type is None else of_type(cohort, type)


def of_group(whole: Cohort, group: str) -> Cohort:
    """Return the students of one group, still compared with the whole class.

    Raises BadInput as `build` does.
    """
    chosen = labels_of_group(whole.class_data, group)
    member = np.zeros(len(whole.students), dtype=bool)
    for kind, label in chosen:
        member |= has_label(whole.students, kind, label)
    records = whole.arrays[member[whole.student]]
    return replace(
        whole,
        group=chosen[0][1],
        students=whole.students[member],
        arrays=replace(records, student=_renumbered(member, records.student)),
        whole=whole,
    )


def of_type(cohort: Cohort, type: str) -> Cohort:
    """Return the cohort with the assignments of one type, such as quiz, in any case.

    Counts are then about that type alone. Numbers about one student (risk, activity) or one assignment stay
    the same. Raises BadInput for a type that the class does not have.
    """
    everything = cohort.all_types
    types = everything.assignments["type"]
    wanted = (types.str.strip().str.casefold() == type.strip().casefold()).to_numpy(dtype=bool)
    if not wanted.any():
        choices = ", ".join(sorted(types.dropna().unique()))
        advice = f"Choose one of: {choices}." if choices else "Its assignments have no types."
        raise BadInput(f"This class has no such type of assignment. {advice}", parameter="type")
    return replace(
        everything,
        type=types[wanted].iloc[0],
        assignments=everything.assignments[wanted],
        arrays=everything.arrays[wanted[everything.position]],
        whole=everything.classwide,
        unfiltered=everything,
    )


def judged_by(cohort: Cohort, thresholds: Thresholds) -> Cohort:
    """Return the same cohort with other thresholds.

    The class with which it is compared gets them too.
    """
    if cohort.thresholds == thresholds:
        return cohort
    whole, unfiltered = (
        related and judged_by(related, thresholds) for related in (cohort.whole, cohort.unfiltered)
    )
    return replace(cohort, thresholds=thresholds, whole=whole, unfiltered=unfiltered)


def _renumbered(kept: NDArray[np.bool_], places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Turn places in a list, all of them kept ones, into places among the kept."""
    return (np.cumsum(kept) - 1)[places]


@cached_on
def _assignment_set(class_data: ClassData) -> pd.DataFrame:
    course = class_data.assignments.sort_values("position").drop_duplicates("assignment_id")
    return course.assign(position=np.arange(len(course))).set_index("assignment_id")


@cached_on
def _everyone(class_data: ClassData) -> pd.DataFrame:
    """Return everyone who was ever in the class.

    Columns: those of `Cohort.students`, and withdrawn_on.
    """
    everyone = class_data.students.drop_duplicates("student_id").set_index("student_id")
    columns = ["first_name", "last_name", "email", "night", "region", "enrolled_on", "withdrawn_on"]
    frame = everyone[columns]
    # By id, so that equal names have the same numbers in every list.
    by_id = everyone.sort_index()
    names = pd.Series(display_names(people_of(by_id)), by_id.index, dtype="str")
    frame.insert(0, "name", names.reindex(everyone.index))
    return frame


def people_of(students: pd.DataFrame) -> list[tuple[str | None, str | None, str | None]]:
    """Return first name, last name and email of each row, None where missing."""
    columns = [
        students[name].to_numpy("object", na_value=None)  # type: ignore[call-overload]
        for name in _NAME_COLUMNS
    ]
    return list(zip(*columns, strict=True))


@cached_on
def names_of_all(class_data: ClassData) -> pd.Series[Any]:
    """Return the names of everyone who is or was in the class, by student_id."""
    present, gone = _everyone(class_data)["name"], class_data.former_students.set_index("student_id")
    if gone.empty:
        return present
    people = pd.concat([_everyone(class_data)[_NAME_COLUMNS], gone[_NAME_COLUMNS]])
    names = dict(zip(people.index, display_names(people_of(people)), strict=True)) | present.to_dict()
    return pd.Series(names, dtype="str")


@cached_on
def _people(class_data: ClassData) -> pd.DataFrame:
    return _everyone(class_data).drop(columns="withdrawn_on")


@cached_on
def _enrolments(class_data: ClassData) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Return the local days of enrolment and withdrawal of `_everyone`, NaT for none."""
    everyone = _everyone(class_data)
    return everyone["enrolled_on"].to_numpy(), everyone["withdrawn_on"].to_numpy()


@cached_on
def _all_rows(class_data: ClassData) -> RecordArrays:
    """Return the upstream rows as arrays.

    A row whose student or assignment is not in the class has -1 in that place.
    """
    rows = class_data.progressions
    student = _lookup(_everyone(class_data).index, rows["student_id"])
    in_course = _lookup(_assignment_set(class_data).index, rows["assignment_id"])
    moments = (instants(rows[name]) for name in ("started_at", "completed_at", "reviewed_at"))
    columns = (student, in_course, rows["grade"].to_numpy(dtype=np.float64), *moments)
    order = np.lexsort((in_course, student))
    return RecordArrays(*(column[order] for column in columns))


def _visible_rows(class_data: ClassData, cut: np.datetime64) -> RecordArrays:
    """Return the upstream rows as they were at `cut`.

    A grade and a review can be seen from the completion on.
    """
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


def _first_moment(rows: RecordArrays) -> np.datetime64:
    """Return the first start or completion, NaT for none.

    A few records are left out if a year or more lies between them and all others.
    """
    if not len(rows):
        return np.datetime64("NaT", "us")
    begun = rows.begun
    first: np.datetime64 = begun.min()
    most = min(max(1, len(begun) // RECORDS_FOR_EACH_EARLY), (len(begun) - 1) // 2)
    earliest = np.partition(begun, most)[: most + 1]
    if earliest.max() - first < EARLY_GAP:
        return first
    earliest.sort()
    (gaps,) = np.nonzero(np.diff(earliest) >= EARLY_GAP)
    return earliest[gaps[-1] + 1] if len(gaps) else first


def _class_start(class_data: ClassData, first: np.datetime64, tz: ZoneInfo) -> pd.Timestamp | None:
    if class_data.starts_on is not None:
        return local_midnight(class_data.starts_on, tz)
    if np.isnat(first):
        return None
    return local_midnight(pd.Timestamp(first, tz="UTC").tz_convert(tz).date(), tz)


def _is_enrolled(
    class_data: ClassData, cut: pd.Timestamp, starts_at: pd.Timestamp | None, tz: ZoneInfo
) -> NDArray[np.bool_]:
    """Return for each of `_everyone` whether they are enrolled at `cut`."""
    enrolled_on, withdrawn_on = _enrolments(class_data)
    today = np.datetime64(cut.tz_convert(tz).date())
    has_started = starts_at is not None and starts_at <= cut
    has_joined: NDArray[np.bool_] = (enrolled_on <= today) | (np.isnat(enrolled_on) & has_started)
    has_left: NDArray[np.bool_] = withdrawn_on <= today
    return has_joined & ~has_left


def _lookup(index: pd.Index[Any], values: pd.Series[Any]) -> NDArray[np.intp]:
    """Return the place of each value in the index, -1 for none.

    Each distinct value is looked up once.
    """
    codes, distinct = pd.factorize(values)
    return np.append(index.get_indexer(pd.Index(distinct)), -1)[codes]


def _merge_attempts(rows: RecordArrays, assignments: int) -> RecordArrays:
    """Merge the attempts of a student in an assignment into one record.

    The record has the earliest start, the earliest completion and the latest review. Its grade is that of the
    latest completion that has a grade. Of attempts completed at the same instant the one reviewed later
    counts, and then the better one.
    """
    key = rows.student * assignments + rows.in_course
    is_first = np.diff(key, prepend=-1) != 0
    repeated = ~(is_first & np.append(is_first[1:], True))
    if not repeated.any():
        return rows
    attempts, firsts = rows[repeated], np.flatnonzero(is_first[repeated])
    work = np.cumsum(is_first[repeated]) - 1
    graded = np.flatnonzero(~np.isnan(attempts.grade))
    # As an integer NaT is the smallest there is.
    moments = attempts.reviewed.view("i8"), attempts.completed.view("i8")
    graded = graded[np.lexsort([column[graded] for column in (attempts.grade, *moments, work)])]
    grade = np.full(len(firsts), np.nan)
    grade[work[graded]] = attempts.grade[graded]  # of several the last stays
    records, merged = rows[is_first], np.flatnonzero(repeated[is_first])
    records.grade[merged] = grade
    records.started[merged] = np.fmin.reduceat(attempts.started, firsts)
    records.completed[merged] = np.fmin.reduceat(attempts.completed, firsts)
    records.reviewed[merged] = np.fmax.reduceat(attempts.reviewed, firsts)
    return records
