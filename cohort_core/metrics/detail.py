"""Details of one student or one assignment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.caching import cached_on
from cohort_core.errors import BadInput
from cohort_core.metrics import group_stats
from cohort_core.metrics.activity import weeks
from cohort_core.metrics.cohort import Cohort, build
from cohort_core.metrics.durations import completes_elsewhere, is_stuck, is_timed
from cohort_core.metrics.risk import PARTS, risk
from cohort_core.timeutils import days

MAX_WEEKS = 260
"""Five years. With a date far away, the class would be built thousands of times."""
STATES = ("stuck", "in_progress", "skipped", "completed", "not_reached")

HALF_OF_THE_CLASS = 0.5


def of_student(cohort: Cohort, student_id: str) -> Cohort:
    """Return the cohort with this student alone, still compared with the whole class.

    Raises BadInput for a student who is not in the cohort.
    """
    row = cohort.students.index.get_indexer(pd.Index([student_id]))[0]
    if row < 0:
        raise BadInput(
            "This class has no such student at that time. The list of students has the ids there are.",
            parameter="student_id",
        )
    records = cohort.arrays[cohort.student == row]
    return replace(
        cohort,
        students=cohort.students.iloc[[row]],
        arrays=replace(records, student=np.zeros(len(records), dtype=np.intp)),
        whole=cohort.classwide,
        unfiltered=of_student(cohort.unfiltered, student_id) if cohort.unfiltered else None,
    )


def of_assignment(cohort: Cohort, assignment_id: str) -> Cohort:
    """Return the cohort with this assignment alone.

    Raises BadInput for an assignment that is not in the assignment set.
    """
    row = cohort.assignments.index.get_indexer(pd.Index([assignment_id]))[0]
    if row < 0:
        raise BadInput(
            "This class has no such assignment. The list of assignments has the ids there are.",
            parameter="assignment_id",
        )
    return replace(
        cohort,
        assignments=cohort.assignments.iloc[[row]],
        arrays=cohort.arrays[cohort.position == row],
        whole=cohort.classwide,
        unfiltered=cohort.all_types,
    )


def student_timeline(cohort: Cohort, student_id: str) -> pd.DataFrame:
    """List the events of a student, newest first.

    Returns one row an event; without events there are no rows. Columns: at (UTC), event (started, completed,
    reviewed), assignment_id, assignment, type, section, grade (of a completion, 0 to 1; NaN otherwise).
    Raises BadInput for a student who is not in the cohort.
    """
    alone = of_student(cohort, student_id)
    course = alone.assignments.iloc[alone.position].reset_index()
    events = []
    for rank, event in enumerate(("started", "completed", "reviewed")):
        frame = course.assign(
            at=alone.records[f"{event}_at"].array,
            event=event,
            rank=rank,
            grade=alone.arrays.grade if event == "completed" else np.nan,
        )
        events.append(frame[frame["at"].notna()])
    frame = pd.concat(events).rename(columns={"name": "assignment"})
    # Of events at the same instant the later in the course comes first, and then the later in the work.
    newest = frame.sort_values(["at", "position", "rank"], ascending=False)
    return newest.reset_index(drop=True)


def student_assignments(cohort: Cohort, student_id: str) -> pd.DataFrame:
    """List the assignments with a student's status and grade, in course order.

    Returns one row an assignment. Columns: assignment_id, name, type, section, position, status (completed,
    in_progress, stuck, not_started), grade (0 to 1 or NaN), started_at, completed_at and reviewed_at (UTC or
    NaT), days (from start to completion, NaN if the start is unknown; for open work its age), class_avg_grade
    and class_completion_rate_all (of the whole class, 0 to 1).
    Raises BadInput for a student who is not in the cohort.
    """
    alone, whole = of_student(cohort, student_id), cohort.classwide
    n = len(alone.assignments)
    status = np.full(n, "not_started", dtype="<U11")
    status[alone.position] = _states(alone)
    spans = np.full(n, np.nan)
    spans[alone.position] = _days_in_work(alone)
    records = alone.records.set_index("assignment_id").reindex(alone.assignments.index)
    done, total = whole.is_completed, len(whole.assignments)
    in_course = alone.assignments["position"].to_numpy()
    rate = group_stats.count(whole.position[done], total) / max(len(whole.students), 1)
    return alone.assignments.reset_index().assign(
        status=status,
        **{name: records[name].array for name in ("grade", "started_at", "completed_at", "reviewed_at")},
        days=spans,
        class_avg_grade=group_stats.mean(whole.position[done], total, whole.grade[done])[in_course],
        class_completion_rate_all=rate[in_course],
    )


def stuck_work(work: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `student_assignments` in which the student is stuck, the longest first."""
    return work[work["status"] == "stuck"].sort_values("days", ascending=False)


def missing_work(work: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `student_assignments` that are missing, in course order.

    Half of the class or more has completed them, and the student has not. Those in which the student is stuck
    are left out.
    """
    is_open = work["status"].isin(["not_started", "in_progress"])
    return work[is_open & (work["class_completion_rate_all"] >= HALF_OF_THE_CLASS)]


def risk_history(cohort: Cohort, student_id: str) -> pd.DataFrame:
    """Replay the risk of a student at the end of each week.

    Returns one row a week in which the student was enrolled, at most the last 260; the running week is as of
    `cohort.as_of`. Columns: week (its Monday, local), risk (band), risk_score, risk_gap, missing, marks, late
    and quiet (points), completed and total (assignments). In each week the student is compared with the
    students who were enrolled then, by the records of that time.
    Raises BadInput for a student who is not in the cohort.
    """
    of_student(cohort, student_id)
    whole = cohort.classwide
    weekly = risk_by_week(whole)
    frame = weekly[weekly["student_id"] == student_id].reset_index(drop=True)
    return frame.drop(columns="student_id").assign(total=len(whole.assignments))


@cached_on
def risk_by_week(cohort: Cohort) -> pd.DataFrame:
    """Replay the risk of all students at the end of each week.

    Each week needs the whole class, so all students are computed at once. Returns one row a week and student
    who was enrolled at its end, by week. Columns: student_id, and those of `risk_history` without total.
    """
    weekly = []
    mondays, starts = weeks(cohort)
    for monday, end in zip(mondays[-MAX_WEEKS:], starts[1:][-MAX_WEEKS:], strict=True):
        moment = min(pd.Timestamp(end, tz="UTC") - pd.Timedelta(1, "us"), cohort.as_of)
        then = build(cohort.class_data, moment, thresholds=cohort.thresholds)
        completed = group_stats.count(then.student[then.is_completed], len(then.students))
        weekly.append(risk(then).assign(completed=completed, week=monday))
    columns = ["student_id", "week", "risk", "risk_score", "risk_gap", *PARTS, "completed"]
    if not weekly:
        return pd.DataFrame(columns=columns).astype({"week": "datetime64[us]"})
    frame = pd.concat(weekly).rename_axis("student_id").reset_index()
    named = frame.rename(columns={"band": "risk", "score": "risk_score", "gap": "risk_gap"})
    return named[columns].astype({"week": "datetime64[us]"})


def assignment_students(cohort: Cohort, assignment_id: str) -> pd.DataFrame:
    """List the students with their state in one assignment, by state and then by name.

    Returns one row a student. Columns: student_id, name, state, is_parked (stuck, and completed something
    else in the last 7 days), grade (0 to 1 or NaN), started_at and completed_at (UTC or NaT), days (as in
    `student_assignments`), night, region. The states, in their order: stuck, in_progress, skipped (did not
    start it, but completed a later one), completed, not_reached. Raises BadInput for an assignment that is
    not in the assignment set.
    """
    alone, everything = of_assignment(cohort, assignment_id), cohort.all_types
    here = int(alone.assignments["position"].iloc[0])
    n = len(cohort.students)
    done = everything.is_completed
    furthest = np.full(n, -1)
    np.maximum.at(furthest, everything.student[done], everything.position[done])
    state = np.where(furthest > here, "skipped", "not_reached")
    state[alone.student] = _states(alone)
    spans = np.full(n, np.nan)
    spans[alone.student] = _days_in_work(alone)
    records = alone.records.set_index("student_id").reindex(cohort.students.index)
    frame = cohort.students.reset_index().assign(
        state=state,
        is_parked=(state == "stuck") & completes_elsewhere(cohort),
        **{name: records[name].array for name in ("grade", "started_at", "completed_at")},
        days=spans,
    )
    order = frame.assign(folded=frame["name"].str.casefold(), rank=[STATES.index(name) for name in state])
    return frame.loc[order.sort_values(["rank", "folded", "student_id"]).index].reset_index(drop=True)


def _states(cohort: Cohort) -> NDArray[np.str_]:
    """Return the state of each record: completed, stuck or in_progress."""
    return np.select([cohort.is_completed, is_stuck(cohort)], ["completed", "stuck"], "in_progress")


def _days_in_work(cohort: Cohort) -> group_stats.Floats:
    """Return for each record the days from start to completion.

    NaN if the start is unknown; for open work its age.
    """
    spent = days(np.where(cohort.is_open, cohort.now, cohort.completed) - cohort.started)
    return np.where(cohort.is_open | is_timed(cohort), spent, np.nan)
