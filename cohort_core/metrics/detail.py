"""One student, or one assignment, in detail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.errors import BadInput
from cohort_core.metrics import group_stats
from cohort_core.metrics.activity import weeks
from cohort_core.metrics.cohort import Cohort, build
from cohort_core.metrics.durations import completes_elsewhere, is_stuck, is_timed
from cohort_core.metrics.risk import PARTS, risk
from cohort_core.timeutils import days

MAX_WEEKS = 260
"""Five years. A date far off, in a question or in a record, would have the class built thousands of times."""
STATES = ("stuck", "in_progress", "skipped", "completed", "not_reached")


def of_student(cohort: Cohort, student_id: str) -> Cohort:
    """The cohort with this student alone; compared with the same class. Raises BadInput for anybody else."""
    row = cohort.students.index.get_indexer(pd.Index([student_id]))[0]
    if row < 0:
        raise BadInput(
            "This class has no such student at that time. The list of students has the ids there are.",
            parameter="student_id",
        )
    rows = cohort.rows[cohort.student == row]
    return replace(
        cohort,
        students=cohort.students.iloc[[row]],
        rows=replace(rows, student=np.zeros(len(rows), dtype=np.intp)),
        whole=cohort.classwide,
        unfiltered=of_student(cohort.unfiltered, student_id) if cohort.unfiltered else None,
    )


def of_assignment(cohort: Cohort, assignment_id: str) -> Cohort:
    """The cohort with this assignment alone. Raises BadInput for one that is not in its assignment set."""
    row = cohort.assignments.index.get_indexer(pd.Index([assignment_id]))[0]
    if row < 0:
        raise BadInput(
            "This class has no such assignment. The list of assignments has the ids there are.",
            parameter="assignment_id",
        )
    return replace(
        cohort,
        assignments=cohort.assignments.iloc[[row]],
        rows=cohort.rows[cohort.position == row],
        whole=cohort.classwide,
        unfiltered=cohort.all_types,
    )


def student_timeline(cohort: Cohort, student_id: str) -> pd.DataFrame:
    """One row an event of the student, newest first: at, event (started, completed, reviewed), assignment_id,
    assignment, type, section, grade (of a completion, NaN otherwise).
    """
    one = of_student(cohort, student_id)
    course = one.assignments.iloc[one.position].reset_index()
    events = []
    for rank, event in enumerate(("started", "completed", "reviewed")):
        frame = course.assign(
            at=one.records[f"{event}_at"].array,
            event=event,
            rank=rank,
            grade=one.grade if event == "completed" else np.nan,
        )
        events.append(frame[frame["at"].notna()])
    frame = pd.concat(events).rename(columns={"name": "assignment"})
    # Of what happened in one instant, what must come later in course order or in the work stands above.
    newest = frame.sort_values(["at", "position", "rank"], ascending=False)
    return newest.reset_index(drop=True)


def student_assignments(cohort: Cohort, student_id: str) -> pd.DataFrame:
    """One row an assignment in course order: assignment_id, name, type, section, position, status (completed,
    in_progress, stuck, not_started), grade, started_at, completed_at, reviewed_at, days (from start to
    completion, NaN if the start is unknown; of open work its age), class_avg_grade and
    class_completion_rate_all (of the whole class).
    """
    one, whole = of_student(cohort, student_id), cohort.classwide
    n = len(one.assignments)
    status = np.full(n, "not_started", dtype="<U11")
    status[one.position] = np.select([one.is_completed, is_stuck(one)], ["completed", "stuck"], "in_progress")
    spans = np.full(n, np.nan)
    spans[one.position] = _spent(one)
    records = one.records.set_index("assignment_id").reindex(one.assignments.index)
    done, total = whole.is_completed, len(whole.assignments)
    in_course = one.assignments["position"].to_numpy()
    rate = group_stats.count(whole.position[done], total) / max(len(whole.students), 1)
    return one.assignments.reset_index().assign(
        status=status,
        **{name: records[name].array for name in ("grade", "started_at", "completed_at", "reviewed_at")},
        days=spans,
        class_avg_grade=group_stats.mean(whole.position[done], total, whole.grade[done])[in_course],
        class_completion_rate_all=rate[in_course],
    )


def risk_history(cohort: Cohort, student_id: str) -> pd.DataFrame:
    """One row a week in which the student counted, as it was at its end; the running week as of now. At most
    the last 260 weeks.

    Columns: week (its Monday, local), risk, risk_score, risk_gap, missing, marks, late, quiet (points),
    completed, total. The class of each week is the one that counted then.
    """
    of_student(cohort, student_id)
    whole = cohort.classwide
    weekly = risk_by_week(whole)
    frame = weekly[weekly["student_id"] == student_id].reset_index(drop=True)
    return frame.drop(columns="student_id").assign(total=len(whole.assignments))


@cached_on
def risk_by_week(cohort: Cohort) -> pd.DataFrame:
    """One row a week and student who counted at its end, in that order: student_id, and the columns of
    `risk_history` but total. Built once for all students, since each week needs the whole class anyway.
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
    """One row a student, by state and then name: student_id, name, state, is_parked, grade, started_at,
    completed_at, days (as in `student_assignments`), night, region.

    state: stuck, in_progress, skipped (nothing done here, but something later completed), completed,
    not_reached.
    """
    one, everything = of_assignment(cohort, assignment_id), cohort.all_types
    here = int(one.assignments["position"].iloc[0])
    n = len(cohort.students)
    done = everything.is_completed
    furthest = np.full(n, -1)
    np.maximum.at(furthest, everything.student[done], everything.position[done])
    state = np.where(furthest > here, "skipped", "not_reached")
    state[one.student] = np.select([one.is_completed, is_stuck(one)], ["completed", "stuck"], "in_progress")
    spans = np.full(n, np.nan)
    spans[one.student] = _spent(one)
    records = one.records.set_index("student_id").reindex(cohort.students.index)
    frame = cohort.students.reset_index().assign(
        state=state,
        is_parked=(state == "stuck") & completes_elsewhere(cohort),
        **{name: records[name].array for name in ("grade", "started_at", "completed_at")},
        days=spans,
    )
    order = frame.assign(folded=frame["name"].str.casefold(), rank=[STATES.index(one) for one in state])
    return frame.loc[order.sort_values(["rank", "folded", "student_id"]).index].reset_index(drop=True)


def _spent(cohort: Cohort) -> group_stats.Floats:
    """For each record the days from start to completion, NaN if that is not known; of open work its age."""
    spent = days(np.where(cohort.is_open, cohort.now, cohort.completed) - cohort.started)
    return np.where(cohort.is_open | is_timed(cohort), spent, np.nan)
