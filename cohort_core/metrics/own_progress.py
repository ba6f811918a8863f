"""A student's own work as they see it themselves, compared with nobody's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.errors import BadInput
from cohort_core.metrics.activity import week_of, weeks
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.durations import is_stuck
from cohort_core.metrics.pace import forecast
from cohort_core.timeutils import Instants

MAX_WEEKS = 8
MAX_FORECAST_DAYS = 366
"""A day further off than this helps nobody."""

State = Literal["completed", "in_progress", "to_come"]


@dataclass(frozen=True)
class OwnWork:
    """A student's work in one assignment. Instants are in UTC.

    `grade` is a share, with a bonus more than 1. `is_long` says that it has been in progress for longer than
    the class takes, and for a week at least.
    """

    assignment_id: str
    name: str
    type: str | None
    section: str | None
    state: State = "to_come"
    started_at: datetime | None = None
    completed_at: datetime | None = None
    reviewed_at: datetime | None = None
    grade: float | None = None
    is_long: bool = False


class OwnWeek(NamedTuple):
    """A week in which the student worked, by its Monday."""

    monday: date
    started: int
    completed: int


@dataclass(frozen=True)
class OwnProgress:
    """The work of a student in course order, with weeks and forecast.

    `done_on` is a local day, None without a forecast; `may_finish` says that they are at work, so that a
    forecast is only too far off.
    """

    work: tuple[OwnWork, ...]
    weeks: tuple[OwnWeek, ...]
    done_on: date | None
    may_finish: bool

    @property
    def completed(self) -> int:
        """The number of completed assignments."""
        return sum(item.state == "completed" for item in self.work)

    @property
    def in_progress(self) -> list[OwnWork]:
        """All work in progress, in course order."""
        return [item for item in self.work if item.state == "in_progress"]

    @property
    def to_come(self) -> list[OwnWork]:
        """All work that is not started, in course order."""
        return [item for item in self.work if item.state == "to_come"]

    @property
    def is_finished(self) -> bool:
        """True if everything is completed."""
        return bool(self.work) and self.completed == len(self.work)


def own_progress(cohort: Cohort, student_id: str) -> OwnProgress:
    """Return the work of a student of a whole class as they see it.

    It takes a millisecond, as what it needs of the class is computed once. Raises ``BadInput`` for a student
    who does not count in the cohort.
    """
    row = int(cohort.students.index.get_indexer(pd.Index([student_id]))[0])
    if row < 0:
        raise BadInput("This class has no such student at that time.", parameter="student_id")
    # Records are ordered by student.
    first, last = np.searchsorted(cohort.student, [row, row + 1])
    mine = slice(int(first), int(last))
    work = list(_course(cohort))
    records = zip(
        cohort.position[mine].tolist(),
        cohort.arrays.grade[mine].tolist(),
        *(_moments(column[mine]) for column in (cohort.started, cohort.completed, cohort.arrays.reviewed)),
        is_stuck(cohort)[mine].tolist(),
        strict=True,
    )
    for place, grade, started, completed, reviewed, is_long in records:
        planned = work[place]
        work[place] = OwnWork(
            *(planned.assignment_id, planned.name, planned.type, planned.section),
            state="completed" if completed else "in_progress",
            started_at=started,
            completed_at=completed,
            reviewed_at=reviewed,
            grade=None if grade != grade else grade,
            is_long=is_long,
        )
    outcome, day = _forecasts(cohort)[student_id]
    is_near = day is not None and (day - cohort.local_date).days <= MAX_FORECAST_DAYS
    return OwnProgress(
        tuple(work),
        _own_weeks(cohort, cohort.started[mine], cohort.completed[mine]),
        day if outcome == "finished" or is_near else None,
        may_finish=outcome == "date",
    )


def _own_weeks(cohort: Cohort, started: Instants, completed: Instants) -> tuple[OwnWeek, ...]:
    mondays, starts = weeks(cohort)
    counts = np.zeros((2, len(mondays)), dtype=np.int64)
    for line, moments in enumerate((started, completed)):
        week = week_of(starts, moments[~np.isnat(moments)]) if len(mondays) else np.array([], dtype=np.intp)
        np.add.at(counts[line], week[week >= 0], 1)
    (worked,) = np.nonzero(counts.sum(axis=0))
    return tuple(
        OwnWeek(mondays[week].date(), int(counts[0, week]), int(counts[1, week]))
        for week in worked[-MAX_WEEKS:]
    )


@cached_on
def _course(cohort: Cohort) -> tuple[OwnWork, ...]:
    """Return the assignments in course order, as if nobody had started them."""
    columns = cohort.assignments.reset_index()
    plain = (
        [None if pd.isna(value) else str(value) for value in columns[name]]
        for name in ("assignment_id", "name", "type", "section")
    )
    return tuple(
        OwnWork(assignment_id or "", name or "Unnamed assignment", type_, section)
        for assignment_id, name, type_, section in zip(*plain, strict=True)
    )


@cached_on
def _forecasts(cohort: Cohort) -> dict[str, tuple[str, date | None]]:
    """Return outcome and day of `pace.forecast`, by student_id."""
    frame = forecast(cohort)
    days = [None if pd.isna(day) else day.date() for day in frame["finishes_on"]]
    return dict(zip(frame["student_id"], zip(frame["outcome"], days, strict=True), strict=True))


def _moments(column: Instants) -> list[datetime | None]:
    return [None if moment is None else moment.replace(tzinfo=UTC) for moment in column.tolist()]
