"""The reports by name, shared by pages, API, exports and documentation.

Most take a Cohort, some the data of a class, and each returns a Report: a frame with the model of its rows.
The model fixes names, types, units and meanings. The OpenAPI schema, the tooltips and docs/metrics.md are
made from the models and from the docstrings here, so write these for readers of the API too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from cohort_core import metrics
from cohort_core.caching import cached_on
from cohort_core.config.thresholds import DEFAULTS
from cohort_core.errors import BadInput
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.triage import ClassTriage
from cohort_core.reports.report import Report, make_report
from cohort_core.reports.row_models import (
    ActivityRow,
    AssignmentRow,
    AssignmentStudentRow,
    BlockerRow,
    ChangeRow,
    CohortAlarmRow,
    CompletionRow,
    CourseWeekRow,
    DirectorRow,
    DurationRow,
    EngagementGapRow,
    ForecastRow,
    GradeRangeRow,
    GroupRow,
    HabitRow,
    HourRow,
    MatrixRow,
    NeedRow,
    OutcomeRow,
    OutcomesByKindRow,
    PaceRow,
    PraiseRow,
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
    """Sum the class up in a few numbers.

    Completed, in progress and not started sum to the students. An empty class has zeros and no average.
    """
    return make_report("progress_summary", metrics.completion.progress_summary(cohort), ProgressSummaryRow)


@cached_on
def completion(cohort: Cohort) -> Report:
    """Show how completions spread over the assignments.

    A class without assignments has zeros and no average.
    """
    return make_report("completion", metrics.completion.completion(cohort), CompletionRow)


@cached_on
def blockers(cohort: Cohort, by: Ranking = "difficulty") -> Report:
    """Rank the assignments that stand in the way, the worst first.

    The ranking is by difficulty, fewest completions, lowest grade, longest time to complete or most students
    stuck. Assignments that fewer than 5 students (by default) have reached are not ranked and follow after
    the ranked ones; those that nobody has reached come last. Without assignments there are no rows. Raises
    BadInput for any other ranking.
    """
    if by not in metrics.blockers.RANKINGS:
        choices = ", ".join(metrics.blockers.RANKINGS)
        raise BadInput(f"There is no such ranking. Choose one of: {choices}.", parameter="by")
    return make_report("blockers", metrics.blockers.blockers(cohort, by), BlockerRow)


def in_course_order(report: Report) -> Report:
    """Sort the rows of a report about assignments by their place in the course."""
    return replace(report, frame=report.frame.sort_values("position").reset_index(drop=True))


@cached_on
def student_health(cohort: Cohort) -> Report:
    """List the students by risk, the worst first.

    Students with the same risk score are listed by least completed, and then by name. The risk compares a
    student with the whole class, also in the report on one group. "low" means on pace with the class, which
    is not the same as safe. Without students there are no rows.
    """
    return make_report("student_health", metrics.health.student_health(cohort), StudentHealthRow)


@cached_on
def progress_over_time(cohort: Cohort) -> Report:
    """Show cumulative progress at the end of each week.

    Weeks run from Monday to Sunday in the class's time zone. There is a row for every week from the first
    activity to *as of*, at which the last week ends; without activity there are no rows. Every week counts
    the students who are enrolled at *as of*.
    """
    return make_report("progress_over_time", metrics.activity.progress_over_time(cohort), WeekRow)


def time_to_complete(cohort: Cohort) -> Report:
    """Estimate how long each assignment takes from start to completion, in course order.

    The estimate is that of Kaplan and Meier, so open work counts as longer than its age. Starts that were
    only recorded together with the completion are left out, and their share is shown. Without assignments
    there are no rows.
    """
    frame = metrics.durations.time_to_complete(cohort)
    return make_report("time_to_complete", cohort.assignments.join(frame).reset_index(), TimeRow)


def stuck(cohort: Cohort) -> Report:
    """List the students who are stuck and their assignments, in work for longest first.

    Work is stuck when it has been open for longer than 7 days (by default) and than the 80th percentile of
    the assignment in the whole class. Without anybody stuck there are no rows.
    """
    return make_report("stuck", metrics.durations.stuck(cohort), StuckRow)


@cached_on
def reteach(cohort: Cohort) -> Report:
    """Rank the assignments to teach again, the most urgent first.

    The score is (stuck ÷ started) × slowness. Only assignments in which somebody is stuck and that at least 5
    students (by default) started are ranked; without any there are no rows.
    """
    return make_report("reteach", metrics.blockers.reteach(cohort), ReteachRow)


def activity(cohort: Cohort) -> Report:
    """List the students by their last activity, the longest silent first.

    Students without any activity come before them. Work of every type counts, also in the report on one type.
    Without students there are no rows.
    """
    return make_report("activity", metrics.activity.activity(cohort), ActivityRow)


@cached_on
def engagement_gap(cohort: Cohort) -> Report:
    """List the students who are on pace but have stopped coming, the longest silent first.

    This is the early warning: students with low or medium risk who are cooling or quiet. Without any there
    are no rows.
    """
    return make_report("engagement_gap", metrics.health.engagement_gap(cohort), EngagementGapRow)


@cached_on
def praise(cohort: Cohort) -> Report:
    """List the students who deserve a word of praise, those with the most completions first.

    They completed 3 assignments or more in the 7 days up to *as of*, after 14 silent days or more. Students
    who had never started before are not among them. If there is nobody, there are no rows.
    """
    return make_report("praise", metrics.praise.praise(cohort), PraiseRow)


@cached_on
def velocity(cohort: Cohort) -> Report:
    """Show completions per student, week by week.

    There is a row for every week from that of the first activity to that of *as of*. Without activity there
    are no rows.
    """
    return make_report("velocity", metrics.velocity.velocity(cohort), VelocityRow)


def by_course_week(cohort: Cohort) -> Report:
    """Show how far the class had come in each week of the course.

    This lets you compare classes that began at different times. Weeks are counted from the day on which the
    class starts: its own date, or else the day of the first activity. Every week counts the students who are
    enrolled at *as of*. Before the start there are no rows.
    """
    return make_report("by_course_week", metrics.velocity.by_course_week(cohort), CourseWeekRow)


@cached_on
def matrix(cohort: Cohort) -> Report:
    """Show the state of every student in every assignment.

    Students are listed by risk, the highest first, and each student's assignments in course order. There are
    as many rows as students times assignments, and none without students or assignments.
    """
    return make_report("matrix", metrics.matrix.matrix(cohort), MatrixRow)


@cached_on
def cohort_alarm(cohort: Cohort) -> Report:
    """Raise an alarm if the class as a whole has stalled.

    No comparison between students would show that. The last full week is compared with the four before it, by
    completions per enrolled student. With fewer than five full weeks there is no alarm and no usual velocity.
    """
    return make_report("cohort_alarm", metrics.velocity.cohort_alarm(cohort), CohortAlarmRow)


def pace(cohort: Cohort, student_id: str | None = None) -> Report:
    """Rank the students by their pace, those furthest behind first.

    Each is compared with the whole class. The percentile is null while there is no assignment that half of
    the class has completed. Without students there are no rows.
    Raises BadInput for a student who is not in the class.
    """
    return make_report("pace", _of_student(cohort, metrics.pace.pace(cohort), student_id), PaceRow)


def forecast(cohort: Cohort, student_id: str | None = None) -> Report:
    """Forecast when each student finishes at the pace of their last four active weeks.

    Students who will not finish come first. The pace is assumed to go on from *as of*, also for students who
    have been silent since those weeks. Without students there are no rows.
    Raises BadInput for a student who is not in the class.
    """
    return make_report(
        "forecast", _of_student(cohort, metrics.pace.forecast(cohort), student_id), ForecastRow
    )


@cached_on
def grade_distribution(cohort: Cohort) -> Report:
    """Count the grades in the ranges 0–50, 50–60, 60–70, 70–80, 80–90 and 90–100 %.

    There are always six rows. Without grades the counts are 0 and the shares null.
    """
    return make_report("grade_distribution", metrics.breakdowns.grade_distribution(cohort), GradeRangeRow)


@cached_on
def by_type(cohort: Cohort) -> Report:
    """Break completion and grades down by type of assignment, in course order.

    Without assignments there are no rows.
    """
    return make_report("by_type", metrics.breakdowns.by_type(cohort), TypeRow)


@cached_on
def by_section(cohort: Cohort) -> Report:
    """Break completion and grades down by unit of the course, in course order.

    Assignments outside all units come last. A student has completed a section after completing all of its
    assignments. Without assignments there are no rows.
    """
    return make_report("by_section", metrics.breakdowns.by_section(cohort), SectionRow)


@cached_on
def by_group(cohort: Cohort) -> Report:
    """Break completion and grades down by class night and by region.

    Students without a night or region have a row of their own, so the students of each kind sum to the class.
    A class without nights and regions has no rows.
    """
    return make_report("by_group", metrics.breakdowns.by_group(cohort), GroupRow)


def by_weekday(cohort: Cohort) -> Report:
    """Count starts and completions on each day of the week.

    There are always seven rows, Monday first.
    """
    return make_report("by_weekday", metrics.breakdowns.by_weekday(cohort), WeekdayRow)


def by_hour(cohort: Cohort) -> Report:
    """Count starts and completions in each hour of the day.

    There are always 24 rows.
    """
    return make_report("by_hour", metrics.breakdowns.by_hour(cohort), HourRow)


def habits(cohort: Cohort, student_id: str | None = None) -> Report:
    """Count starts and completions in each hour of the week.

    The counts are those of the class or of one student. There are always 168 rows, from Monday 0 o'clock.
    Raises BadInput for a student who is not in the class.
    """
    chosen = cohort if student_id is None else metrics.detail.of_student(cohort, student_id)
    return make_report("habits", metrics.breakdowns.habits(chosen), HabitRow)


def student(cohort: Cohort, student_id: str) -> Report:
    """Describe one student: the row of student health.

    Raises BadInput for a student who is not in the class.
    """
    return make_report(
        "student",
        metrics.health.student_health(metrics.detail.of_student(cohort, student_id)),
        StudentHealthRow,
    )


def student_timeline(cohort: Cohort, student_id: str) -> Report:
    """List the starts, completions and reviews of a student, newest first.

    A student who has done nothing has no rows.
    Raises BadInput for a student who is not in the class.
    """
    return make_report("student_timeline", metrics.detail.student_timeline(cohort, student_id), TimelineRow)


def student_assignments(cohort: Cohort, student_id: str) -> Report:
    """List every assignment with a student's status and grade, in course order.

    The numbers of the whole class stand beside them.
    Raises BadInput for a student who is not in the class.
    """
    frame = metrics.detail.student_assignments(cohort, student_id)
    return make_report("student_assignments", frame, StudentAssignmentRow)


def risk_history(cohort: Cohort, student_id: str) -> Report:
    """Show a student's risk at the end of each week.

    Each row uses only what could be seen by then. At most the last 260 weeks are shown. Weeks in which the
    student was not enrolled are left out.
    Raises BadInput for a student who is not in the class at *as of*.
    """
    return make_report("risk_history", metrics.detail.risk_history(cohort, student_id), RiskWeekRow)


def assignment_students(cohort: Cohort, assignment_id: str) -> Report:
    """List the students with their state in an assignment.

    Stuck students come first, then those in progress, those who skipped it, those who completed it and those
    who have not come that far, each by name.
    Raises BadInput for an assignment that is not in the assignment set.
    """
    frame = metrics.detail.assignment_students(cohort, assignment_id)
    return make_report("assignment_students", frame, AssignmentStudentRow)


def assignment_grades(cohort: Cohort, assignment_id: str) -> Report:
    """Count the grades of one assignment in six ranges, as the grade distribution does.

    Raises BadInput for an assignment that is not in the assignment set.
    """
    return grade_distribution(metrics.detail.of_assignment(cohort, assignment_id))


def assignment_durations(cohort: Cohort, assignment_id: str) -> Report:
    """Estimate the share of students who complete an assignment within each number of days.

    This is its Kaplan–Meier curve, with a row for each duration that occurred. While no completion has a
    known duration there are no rows.
    Raises BadInput for an assignment that is not in the assignment set.
    """
    frame = metrics.durations.durations(metrics.detail.of_assignment(cohort, assignment_id), 0)
    return make_report("assignment_durations", frame, DurationRow)


@dataclass(frozen=True, kw_only=True)
class Triage(Report):
    """The triage entries that are shown, and the number of entries left out."""

    more: int


def triage(
    cohorts: Sequence[Cohort], limit: int = DEFAULTS.triage_length, hidden: Collection[str] = ()
) -> Triage:
    """List the students and classes that need a mentor, the most urgent first.

    The list covers several classes and has at most `limit` entries; the others are counted. It has students
    with critical or high risk, stuck and not parked, on pace but silent, or never started, and classes with
    the cohort alarm. It goes by `urgency`, within that by points above the middle of the class, then by
    days. A student with several entries, or in several classes, is there once, with the first of them.
    Students that the mentor has hidden (`hidden`) are left out. If nobody needs a mentor there are no rows.
    """
    return triage_of([metrics.triage.class_triage(cohort) for cohort in cohorts], limit, hidden)


def triage_of(
    classes: Sequence[ClassTriage],
    limit: int,
    hidden: Collection[str] = (),
    last_contacts: Mapping[str, pd.Timestamp] | None = None,
) -> Triage:
    """Make the report ``triage`` from what it needs of each class."""
    frame, more = metrics.triage.merge_triage(classes, limit, hidden, last_contacts)
    made = make_report("triage", frame, NeedRow)
    return Triage(made.name, made.frame, made.row, more=more)


def _of_student(cohort: Cohort, frame: pd.DataFrame, student_id: str | None) -> pd.DataFrame:
    if student_id is None:
        return frame
    metrics.detail.of_student(cohort, student_id)
    return frame[frame["student_id"] == student_id].reset_index(drop=True)


def students(class_data: ClassData, group: str | None = None) -> Report:
    """List everyone enrolled in the class, or in one group of it, by last name.

    Withdrawn students are included.
    """
    return make_report("students", metrics.listings.students(class_data, group), StudentRow)


def assignments(class_data: ClassData) -> Report:
    """List the assignment set.

    Assignments of the units come first, in course order, and then those that were seen only in progressions.
    """
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
    """List the records as OpenClass has them, newest completion first.

    Nothing is merged or left out. A record that was completed at `completed_after` is in, a record completed
    at `completed_before` is not. A day means its first instant in the class's time zone. Raises BadInput for
    a time that cannot be used.
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
    """List the events between two instants of a class, newest first.

    They happened after `before` and up to `after`. `log` holds the changes that syncs have seen. If `after`
    is of a group, only its students are listed.
    """
    frame = metrics.changes.changes(class_data, log, before, after)
    names = metrics.cohort.names_of_all(class_data)
    return make_report(
        "changes",
        frame.assign(
            name=frame["student_id"].map(names),
            assignment=frame["assignment_id"].map(after.assignments["name"]),
        ),
        ChangeRow,
    )


def outcomes(cohort: Cohort, contacts: pd.DataFrame) -> Report:
    """List the contacts up to *as of*, newest first, with their outcomes.

    Without another *as of* those after the last sync are in it. Each is judged after 7 and after 14 days. An
    entry that vanishes from triage is no success by itself: only a start or completion is one. Of a student
    who was removed the id stands for the name. Without contacts there are no rows.
    """
    return make_report("outcomes", metrics.outcomes.outcomes(cohort, contacts), OutcomeRow)


def outcomes_by_kind(cohort: Cohort, contacts: pd.DataFrame) -> Report:
    """Count what came of contacts, beside what happens usually without a message.

    There is a row for 7 and for 14 days for each kind of triage entry that has contacts or usual entries.
    Compare `share` with `usual_share`, with care: mentors choose the students they write to, so a difference
    is no proof.
    """
    return make_report("outcomes_by_kind", metrics.outcomes.by_kind(cohort, contacts), OutcomesByKindRow)


def director(before: Cohort, after: Cohort, contacts: pd.DataFrame) -> Report:
    """Show the figures of a class then and now, for a programme director.

    *Then* is the day of the last director's page that was made on an earlier day; before the first one it is
    28 days ago. Nothing in it is a name.
    """
    return make_report("director", metrics.director.director(before, after, contacts), DirectorRow)


Scope = Literal["class", "student", "assignment", "data", "span", "classes", "contacts", "periods"]
"""The subject of a report.

class, student, assignment: a cohort, and with it an id; data: the data of a class; span: two instants of a
class; classes: several cohorts; contacts: a cohort and the contacts with its students; periods: a cohort at
two instants, and the contacts.
"""
Shape = Literal["list", "one"]
"""Any number of rows, or always one."""

_SELECTORS: dict[Scope, tuple[str, ...]] = {
    "class": ("as_of", "group", "type"),
    "student": ("as_of", "group", "type"),
    "assignment": ("as_of", "group", "type"),
    "data": (),
    "span": ("since", "as_of", "group"),
    "classes": (),
    "contacts": ("as_of", "group"),
    "periods": ("since", "as_of", "group"),
}
_IDS: dict[Scope, tuple[str, ...]] = {"student": ("student_id",), "assignment": ("assignment_id",)}


@dataclass(frozen=True)
class ReportSpec:
    """A report in the catalog. Routes, files, schema, documents and tests follow from it."""

    name: str
    title: str
    function: Callable[..., Report]
    row: type[Row]
    scope: Scope = "class"
    shape: Shape = "list"
    takes: tuple[str, ...] = ()
    """Parameters of the function that may be left out."""
    of_student: Shape | None = None
    """The shape of a class report about one student, None for none."""
    has_own_route: bool = False
    """Its route in `api/routes` is written by hand."""

    @property
    def slug(self) -> str:
        """The name in addresses and commands, such as student-health."""
        return self.name.replace("_", "-")

    @property
    def required(self) -> tuple[str, ...]:
        """The parameters that must be given: the ids of the subject."""
        return _IDS.get(self.scope, ())

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters by which one class may be asked for the report."""
        of_student = ("student_id",) if self.of_student else ()
        return frozenset((*_SELECTORS[self.scope], *self.required, *self.takes, *of_student))


_SPECS = (
    ReportSpec(
        "progress_summary",
        "Progress summary",
        progress_summary,
        ProgressSummaryRow,
        shape="one",
        has_own_route=True,
    ),
    ReportSpec("completion", "Completion", completion, CompletionRow, shape="one", has_own_route=True),
    ReportSpec("blockers", "Blockers", blockers, BlockerRow, takes=("by",), has_own_route=True),
    ReportSpec("student_health", "Student health", student_health, StudentHealthRow, has_own_route=True),
    ReportSpec("progress_over_time", "Progress over time", progress_over_time, WeekRow, has_own_route=True),
    ReportSpec("time_to_complete", "Time to complete", time_to_complete, TimeRow),
    ReportSpec("stuck", "Stuck", stuck, StuckRow),
    ReportSpec("reteach", "Reteach", reteach, ReteachRow),
    ReportSpec("activity", "Activity", activity, ActivityRow),
    ReportSpec("engagement_gap", "Engagement gap", engagement_gap, EngagementGapRow),
    ReportSpec("praise", "Praise", praise, PraiseRow),
    ReportSpec("velocity", "Velocity", velocity, VelocityRow),
    ReportSpec("cohort_alarm", "Cohort alarm", cohort_alarm, CohortAlarmRow, shape="one"),
    ReportSpec("pace", "Pace", pace, PaceRow, of_student="one"),
    ReportSpec("forecast", "Forecast", forecast, ForecastRow, of_student="one"),
    ReportSpec("grade_distribution", "Grade distribution", grade_distribution, GradeRangeRow),
    ReportSpec("by_type", "By type", by_type, TypeRow),
    ReportSpec("by_section", "By section", by_section, SectionRow),
    ReportSpec("by_group", "By group", by_group, GroupRow),
    ReportSpec("by_weekday", "By weekday", by_weekday, WeekdayRow),
    ReportSpec("by_hour", "By hour", by_hour, HourRow),
    ReportSpec("habits", "Habits", habits, HabitRow, of_student="list"),
    ReportSpec("by_course_week", "By course week", by_course_week, CourseWeekRow),
    ReportSpec("matrix", "Matrix", matrix, MatrixRow),
    ReportSpec("student", "Student", student, StudentHealthRow, scope="student", shape="one"),
    ReportSpec("student_timeline", "Student: timeline", student_timeline, TimelineRow, scope="student"),
    ReportSpec(
        "student_assignments",
        "Student: assignments",
        student_assignments,
        StudentAssignmentRow,
        scope="student",
    ),
    ReportSpec("risk_history", "Student: risk history", risk_history, RiskWeekRow, scope="student"),
    ReportSpec(
        "assignment_students",
        "Assignment: students",
        assignment_students,
        AssignmentStudentRow,
        scope="assignment",
    ),
    ReportSpec(
        "assignment_grades", "Assignment: grades", assignment_grades, GradeRangeRow, scope="assignment"
    ),
    ReportSpec(
        "assignment_durations", "Assignment: durations", assignment_durations, DurationRow, scope="assignment"
    ),
    ReportSpec("triage", "Triage", triage, NeedRow, scope="classes", has_own_route=True),
    ReportSpec(
        "students", "Students", students, StudentRow, scope="data", takes=("group",), has_own_route=True
    ),
    ReportSpec("assignments", "Assignments", assignments, AssignmentRow, scope="data", has_own_route=True),
    ReportSpec(
        "progressions",
        "Progressions",
        progressions,
        ProgressionRow,
        scope="data",
        takes=("student_id", "assignment_id", "completed_after", "completed_before", "status"),
        has_own_route=True,
    ),
    ReportSpec(
        "outcomes", "Outcomes of contacts", outcomes, OutcomeRow, scope="contacts", has_own_route=True
    ),
    ReportSpec(
        "outcomes_by_kind",
        "Outcomes by kind",
        outcomes_by_kind,
        OutcomesByKindRow,
        scope="contacts",
        has_own_route=True,
    ),
    ReportSpec("director", "Director's page", director, DirectorRow, scope="periods", has_own_route=True),
    ReportSpec("changes", "Changes", changes, ChangeRow, scope="span", has_own_route=True),
)


REPORTS = {spec.name: spec for spec in _SPECS}


def find_report(name: str) -> ReportSpec:
    """Return a report about one class by its name. Raises BadInput."""
    spec = REPORTS.get(name.strip().replace("-", "_"))
    if spec is None or spec.scope == "classes":
        names = ", ".join(spec.slug for spec in REPORTS.values() if spec.scope != "classes")
        raise BadInput(f"There is no such report. Choose one of: {names}.", parameter="report")
    return spec
