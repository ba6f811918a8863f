"""The answers by name: what pages, API, exports and documentation share.

Each takes a Cohort and returns a Report, a frame with the model of its rows. The model fixes names, types,
units and meanings; the OpenAPI schema, tooltips and docs/metrics.md are made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from cohort_core import metrics
from cohort_core.caching import cached_on
from cohort_core.config.thresholds import DEFAULTS
from cohort_core.errors import BadInput
from cohort_core.metrics.cohort import Cohort
from cohort_core.reports.report import Report, make_report
from cohort_core.reports.rows import (
    ActivityRow,
    AssignmentRow,
    AssignmentStudentRow,
    BlockerRow,
    ChangeRow,
    CohortAlarmRow,
    CompletionRow,
    CourseWeekRow,
    DurationRow,
    EngagementGapRow,
    ForecastRow,
    GradeRangeRow,
    GroupRow,
    HabitRow,
    HourRow,
    MatrixRow,
    NeedRow,
    PaceRow,
    ProgressionRow,
    ProgressSummaryRow,
    Ranking,
    ReteachRow,
    RiskWeekRow,
    Row,
    SectionRow,
    StuckRow,
    StudentAssignmentRow,
    StudentHealthRow,
    StudentRow,
    TimelineRow,
    TimeRow,
    TypeRow,
    VelocityRow,
    WeekdayRow,
    WeekRow,
)
from cohort_core.store.class_data import ClassData
from cohort_core.timeutils import parse_from


@cached_on
def progress_summary(cohort: Cohort) -> Report:
    """The class in a few numbers.

    Completed, in progress and not started sum to the students. An empty class has zeros and no average.
    """
    return make_report("progress_summary", metrics.completion.progress_summary(cohort), ProgressSummaryRow)


@cached_on
def completion(cohort: Cohort) -> Report:
    """How completions spread over the assignments. A class without assignments has zeros and no average."""
    return make_report("completion", metrics.completion.completion(cohort), CompletionRow)


@cached_on
def blockers(cohort: Cohort, by: Ranking = "difficulty") -> Report:
    """Which assignments stand in the way, the worst first.

    Ranked by difficulty, fewest completions, lowest grade, longest time to complete or most students stuck.
    Assignments that fewer than 5 students (by default) have come to follow unranked, those that nobody has
    come to last.
    Raises BadInput for any other ranking. Without assignments there are no rows.
    """
    if by not in metrics.blockers.RANKINGS:
        known = ", ".join(metrics.blockers.RANKINGS)
        raise BadInput(f"There is no such ranking. Choose one of: {known}.", parameter="by")
    return make_report("blockers", metrics.blockers.blockers(cohort, by), BlockerRow)


def in_course_order(report: Report) -> Report:
    """The rows of a report about assignments in the order of the course."""
    return replace(report, frame=report.frame.sort_values("position").reset_index(drop=True))


@cached_on
def student_health(cohort: Cohort) -> Report:
    """Who is falling behind, the worst first: by risk score, then least completed, then name.

    The risk compares a student with the whole class, also when one group of it is asked for. "low" means on
    pace with the cohort, which is not the same as safe. Without students there are no rows.
    """
    return make_report("student_health", metrics.health.student_health(cohort), StudentHealthRow)


@cached_on
def progress_over_time(cohort: Cohort) -> Report:
    """Cumulative progress at the end of each week, Monday to Sunday in the class's time zone.

    Every week from the first activity to *as of*, at which the last one ends; without activity no rows. The
    students who count at *as of* make up every week.
    """
    return make_report("progress_over_time", metrics.activity.progress_over_time(cohort), WeekRow)


def time_to_complete(cohort: Cohort) -> Report:
    """How long each assignment takes from start to completion, in course order.

    By Kaplan–Meier, so that open work counts as longer than its age. Starts that were only stamped together
    with the completion are left out, and their share is shown. Without assignments there are no rows.
    """
    frame = metrics.durations.time_to_complete(cohort)
    return make_report("time_to_complete", cohort.assignments.join(frame).reset_index(), TimeRow)


def stuck(cohort: Cohort) -> Report:
    """Who is stuck in what, in work for longest first.

    Work is stuck when it has been open for longer than 7 days (by default) and than the 80th percentile of
    the assignment in the whole class. Without anybody stuck there are no rows.
    """
    return make_report("stuck", metrics.durations.stuck(cohort), StuckRow)


@cached_on
def reteach(cohort: Cohort) -> Report:
    """Which assignment to teach again, the most urgent first: (stuck ÷ started) × slowness.

    Only assignments in which somebody is stuck and that at least 5 students (by default) started; without
    such, no rows.
    """
    return make_report("reteach", metrics.blockers.reteach(cohort), ReteachRow)


def activity(cohort: Cohort) -> Report:
    """When each student was last seen, those who never were first, then the longest silent.

    Work of every type counts, also when one type is asked for. Without students there are no rows.
    """
    return make_report("activity", metrics.activity.activity(cohort), ActivityRow)


@cached_on
def engagement_gap(cohort: Cohort) -> Report:
    """Who is on pace but has stopped coming, the longest silent first: the early warning.

    Students with low or medium risk who are cooling or quiet; without any there are no rows.
    """
    return make_report("engagement_gap", metrics.health.engagement_gap(cohort), EngagementGapRow)


@cached_on
def velocity(cohort: Cohort) -> Report:
    """Completions per student, week by week, from the week of the first activity to that of *as of*.

    Without activity there are no rows.
    """
    return make_report("velocity", metrics.velocity.velocity(cohort), VelocityRow)


def by_course_week(cohort: Cohort) -> Report:
    """How far the class had come in each week of the course, to compare it with classes of other times.

    Weeks are counted from the day on which the class starts: its own date, else the day of the first
    activity. The students who count at *as of* make up every week. Before the start there are no rows.
    """
    return make_report("by_course_week", metrics.velocity.by_course_week(cohort), CourseWeekRow)


@cached_on
def matrix(cohort: Cohort) -> Report:
    """Every student in every assignment: students by risk, the highest first, and each in course order.

    As many rows as students times assignments; without either, none.
    """
    return make_report("matrix", metrics.matrix.matrix(cohort), MatrixRow)


@cached_on
def cohort_alarm(cohort: Cohort) -> Report:
    """Whether the class as a whole has stalled, which no comparison between its students would show.

    The last full week against the four before it, by completions per enrolled student. With fewer than five
    full weeks there is no alarm and no usual velocity.
    """
    return make_report("cohort_alarm", metrics.velocity.cohort_alarm(cohort), CohortAlarmRow)


def pace(cohort: Cohort, student_id: str | None = None) -> Report:
    """Who runs ahead of the class and who behind, the last first; compared with the whole class.

    Null while half of the class has completed nothing in common. Without students there are no rows. Raises
    BadInput for a student whom the class does not have.
    """
    return make_report("pace", _of_one(cohort, metrics.pace.pace(cohort), student_id), PaceRow)


def forecast(cohort: Cohort, student_id: str | None = None) -> Report:
    """When each student finishes at the pace of their last four active weeks; those who will not first.

    The pace is taken to go on from *as of*, also for who has been silent since. Without students there are no
    rows. Raises BadInput for a student whom the class does not have.
    """
    return make_report("forecast", _of_one(cohort, metrics.pace.forecast(cohort), student_id), ForecastRow)


@cached_on
def grade_distribution(cohort: Cohort) -> Report:
    """How grades spread over 0–50, 50–60, 60–70, 70–80, 80–90 and 90–100 %.

    Always six rows; without grades counts of 0 and no shares.
    """
    return make_report("grade_distribution", metrics.breakdowns.grade_distribution(cohort), GradeRangeRow)


@cached_on
def by_type(cohort: Cohort) -> Report:
    """Completion and grades by type of assignment, in course order. Without assignments there are no rows."""
    return make_report("by_type", metrics.breakdowns.by_type(cohort), TypeRow)


@cached_on
def by_section(cohort: Cohort) -> Report:
    """Completion and grades by unit of the course, in its order; assignments outside all units last.

    A student has completed a section when all of its assignments are. Without assignments there are no rows.
    """
    return make_report("by_section", metrics.breakdowns.by_section(cohort), SectionRow)


@cached_on
def by_group(cohort: Cohort) -> Report:
    """Completion and grades by class night and by region; students without one in a row of their own.

    The students of each kind sum to the class. Without nights and regions there are no rows.
    """
    return make_report("by_group", metrics.breakdowns.by_group(cohort), GroupRow)


def by_weekday(cohort: Cohort) -> Report:
    """What is started and completed on which day of the week. Always seven rows, Monday first."""
    return make_report("by_weekday", metrics.breakdowns.by_weekday(cohort), WeekdayRow)


def by_hour(cohort: Cohort) -> Report:
    """What is started and completed at which hour of the day. Always 24 rows."""
    return make_report("by_hour", metrics.breakdowns.by_hour(cohort), HourRow)


def habits(cohort: Cohort, student_id: str | None = None) -> Report:
    """What is started and completed at which hour of the week, by the class or by one student.

    Always 168 rows, from Monday 0 o'clock. Raises BadInput for a student whom the class does not have.
    """
    one = cohort if student_id is None else metrics.detail.of_student(cohort, student_id)
    return make_report("habits", metrics.breakdowns.habits(one), HabitRow)


def student(cohort: Cohort, student_id: str) -> Report:
    """The row of student health of one student. Raises BadInput for one whom the class does not have."""
    return make_report(
        "student",
        metrics.health.student_health(metrics.detail.of_student(cohort, student_id)),
        StudentHealthRow,
    )


def student_timeline(cohort: Cohort, student_id: str) -> Report:
    """What a student did, newest first; no rows if that is nothing.

    Raises BadInput for a student whom the class does not have.
    """
    return make_report("student_timeline", metrics.detail.student_timeline(cohort, student_id), TimelineRow)


def student_assignments(cohort: Cohort, student_id: str) -> Report:
    """Every assignment with a student's status and grade, in course order, beside those of the whole class.

    Raises BadInput for a student whom the class does not have.
    """
    frame = metrics.detail.student_assignments(cohort, student_id)
    return make_report("student_assignments", frame, StudentAssignmentRow)


def risk_history(cohort: Cohort, student_id: str) -> Report:
    """A student's risk week by week: what the score said at the end of each, from nothing known later.

    At most the last 260 weeks. Those in which the student did not count are left out. Raises BadInput for a
    student whom the class does not have at *as of*.
    """
    return make_report("risk_history", metrics.detail.risk_history(cohort, student_id), RiskWeekRow)


def assignment_students(cohort: Cohort, assignment_id: str) -> Report:
    """Where each student stands with an assignment: the stuck first, then in progress, skipped, completed and
    not come that far, each by name.

    Raises BadInput for an assignment that is not in the assignment set.
    """
    frame = metrics.detail.assignment_students(cohort, assignment_id)
    return make_report("assignment_students", frame, AssignmentStudentRow)


def assignment_grades(cohort: Cohort, assignment_id: str) -> Report:
    """How the grades of one assignment spread: six rows, as the grade distribution.

    Raises BadInput for an assignment that is not in the assignment set.
    """
    return grade_distribution(metrics.detail.of_assignment(cohort, assignment_id))


def assignment_durations(cohort: Cohort, assignment_id: str) -> Report:
    """By when how many complete an assignment: its Kaplan–Meier curve, one row a time that occurred.

    No rows while nothing is timed. Raises BadInput for an assignment that is not in the assignment set.
    """
    frame = metrics.durations.durations(metrics.detail.of_assignment(cohort, assignment_id), 0)
    return make_report("assignment_durations", frame, DurationRow)


@dataclass(frozen=True, kw_only=True)
class Triage(Report):
    """The needs that are shown, and how many more there are."""

    more: int


def triage(
    cohorts: Sequence[Cohort], limit: int = DEFAULTS.triage_length, hidden: Collection[str] = ()
) -> Triage:
    """Who needs a mentor, over several classes: the longest needs first, the rest counted.

    Students with critical or high risk, stuck and not parked, on pace but silent, or never started, and
    classes with the cohort alarm. A student with several needs, or in several classes, is there once, with
    the longest. Students whom the mentor has hidden (`hidden`) are left out. Without needs there are no rows.
    """
    frame, more = metrics.triage.triage(cohorts, limit, hidden)
    made = make_report("triage", frame, NeedRow)
    return Triage(made.name, made.frame, made.row, more=more)


def _of_one(cohort: Cohort, frame: pd.DataFrame, student_id: str | None) -> pd.DataFrame:
    if student_id is None:
        return frame
    metrics.detail.of_student(cohort, student_id)
    return frame[frame["student_id"] == student_id].reset_index(drop=True)


def students(class_data: ClassData, group: str | None = None) -> Report:
    """Everyone enrolled in the class or one group of it, by last name; withdrawn students included."""
    return make_report("students", metrics.listings.students(class_data, group), StudentRow)


def assignments(class_data: ClassData) -> Report:
    """The assignment set: that of the units in course order, and after it any seen only in progressions."""
    return make_report("assignments", metrics.listings.assignments(class_data), AssignmentRow)


def progressions(
    class_data: ClassData,
    *,
    student_id: str | None = None,
    assignment_id: str | None = None,
    completed_after: str | None = None,
    completed_before: str | None = None,
    status: metrics.listings.Status | None = None,
) -> Report:
    """The records as OpenClass has them, newest completion first; nothing is merged or left out.

    A record that was completed at `completed_after` is in, one at `completed_before` is not; a day means
    its first instant in the class's time zone. Raises BadInput for a time that cannot be used.
    """
    after, before = (
        None if text is None else parse_from(text, class_data.timezone, parameter)
        for text, parameter in ((completed_after, "completed_after"), (completed_before, "completed_before"))
    )
    frame = metrics.listings.progressions(
        class_data,
        student_id=student_id,
        assignment_id=assignment_id,
        completed_after=after,
        completed_before=before,
        status=status,
    )
    return make_report("progressions", frame, ProgressionRow)


def changes(class_data: ClassData, log: pd.DataFrame, before: Cohort, after: Cohort) -> Report:
    """What happened after `before` and up to `after`, two instants of one class, newest first.

    `log` is what syncs saw change. Only students of the group of `after`.
    """
    frame = metrics.changes.changes(class_data, log, before, after)
    names = after.classwide.students["name"]
    return make_report(
        "changes",
        frame.assign(
            name=frame["student_id"].map(names),
            assignment=frame["assignment_id"].map(after.assignments["name"]),
        ),
        ChangeRow,
    )


@dataclass(frozen=True)
class Answer:
    """A report as documented: its title, its function and the model of its rows."""

    title: str
    ask: Callable[..., Report]
    row: type[Row]


REPORTS = {
    "progress_summary": Answer("Progress summary", progress_summary, ProgressSummaryRow),
    "completion": Answer("Completion", completion, CompletionRow),
    "blockers": Answer("Blockers", blockers, BlockerRow),
    "student_health": Answer("Student health", student_health, StudentHealthRow),
    "progress_over_time": Answer("Progress over time", progress_over_time, WeekRow),
    "time_to_complete": Answer("Time to complete", time_to_complete, TimeRow),
    "stuck": Answer("Stuck", stuck, StuckRow),
    "reteach": Answer("Reteach", reteach, ReteachRow),
    "activity": Answer("Activity", activity, ActivityRow),
    "engagement_gap": Answer("Engagement gap", engagement_gap, EngagementGapRow),
    "velocity": Answer("Velocity", velocity, VelocityRow),
    "by_course_week": Answer("By course week", by_course_week, CourseWeekRow),
    "matrix": Answer("Matrix", matrix, MatrixRow),
    "cohort_alarm": Answer("Cohort alarm", cohort_alarm, CohortAlarmRow),
    "pace": Answer("Pace", pace, PaceRow),
    "forecast": Answer("Forecast", forecast, ForecastRow),
    "grade_distribution": Answer("Grade distribution", grade_distribution, GradeRangeRow),
    "by_type": Answer("By type", by_type, TypeRow),
    "by_section": Answer("By section", by_section, SectionRow),
    "by_group": Answer("By group", by_group, GroupRow),
    "by_weekday": Answer("By weekday", by_weekday, WeekdayRow),
    "by_hour": Answer("By hour", by_hour, HourRow),
    "habits": Answer("Habits", habits, HabitRow),
    "student": Answer("Student", student, StudentHealthRow),
    "student_timeline": Answer("Student: timeline", student_timeline, TimelineRow),
    "student_assignments": Answer("Student: assignments", student_assignments, StudentAssignmentRow),
    "risk_history": Answer("Student: risk history", risk_history, RiskWeekRow),
    "assignment_students": Answer("Assignment: students", assignment_students, AssignmentStudentRow),
    "assignment_grades": Answer("Assignment: grades", assignment_grades, GradeRangeRow),
    "assignment_durations": Answer("Assignment: durations", assignment_durations, DurationRow),
    "triage": Answer("Triage", triage, NeedRow),
    "students": Answer("Students", students, StudentRow),
    "assignments": Answer("Assignments", assignments, AssignmentRow),
    "progressions": Answer("Progressions", progressions, ProgressionRow),
    "changes": Answer("Changes", changes, ChangeRow),
}
