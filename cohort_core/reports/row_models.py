"""Row models of the reports: the names, types, units and meanings of their columns.

The OpenAPI schema, the tooltips, the files and docs/metrics.md are made from them.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Ranking = Literal["difficulty", "completions", "grade", "duration", "stuck"]
ChangeKind = Literal[
    "completed",
    "started",
    "graded",
    "regraded",
    "reviewed",
    "reopened",
    "removed",
    "returned",
    "new_student",
    "came_back",
    "left",
    "band_moved",
]
Band = Literal["critical", "high", "medium", "low"]
Stage = Literal["new", "active", "cooling", "quiet", "gone", "never_started"]
Status = Literal["completed", "in_progress", "stuck", "not_started"]
State = Literal["stuck", "in_progress", "skipped", "completed", "not_reached"]
Event = Literal["started", "completed", "reviewed"]
Outcome = Literal["finished", "date", "not_at_this_pace"]
GroupKind = Literal["night", "region"]
Scale = Literal["share", "share_with_bonus", "percent", "unclear"]
ContactOutcome = Literal["came_back", "reason_gone", "left", "nothing_since", "too_early"]
DirectorFigure = Literal[
    "students",
    "avg_completion",
    "completed_all",
    "active_in_7_days",
    "never_started",
    "velocity",
    "critical",
    "high",
    "medium",
    "low",
    "messages",
    "came_back",
    "nothing_since",
]
Urgency = Literal["class", "slipping", "far_behind", "never_started", "silent"]
TriageKind = Literal["risk", "stuck", "engagement_gap", "never_started", "cohort_alarm"]


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _of(meaning: str, unit: str = "") -> Any:
    return Field(description=meaning, json_schema_extra={"unit": unit} if unit else None)


def _share(meaning: str) -> Any:
    return _of(meaning, "0 to 1")


def _shown_grade(meaning: str) -> Any:
    return _of(meaning, "0 to 1, with a bonus up to 2")


def _count(meaning: str, unit: str) -> Any:
    return _of(meaning, unit)


def _points(meaning: str) -> Any:
    return _of(meaning, "points")


class ProgressSummaryRow(Row):
    total_students: int = _count("Enrolments that count: enrolled and not withdrawn.", "students")
    avg_completion: float | None = _share("Mean over students of assignments completed ÷ the assignment set.")
    avg_grade: float | None = _share(
        "Mean over students of their average grade, of those who have one; null without any."
    )
    completed_count: int = _count("Students who completed the whole assignment set.", "students")
    in_progress_count: int = _count("Students who began and have not completed the whole set.", "students")
    not_started_count: int = _count("Students who have begun nothing.", "students")
    active_this_week_count: int = _count(
        "Students with a start or completion in the 7 days before *as of*.", "students"
    )
    early_records: int = _count(
        "Records begun a year or more before all others, at most one in twenty: the start of the class and "
        "charts leave them out.",
        "records",
    )


class RiskBandRow(Row):
    band: Band = _of("The risk band; *low* is on pace with the class.")
    from_gap: float | None = _points(
        "The band begins so many points above the class's median (by default); null for the lowest."
    )
    meaning: str = _of(
        "What may be said about its students: how many such students were lost in the courses on which the "
        "score was tested, and in the closed classes of the school. Never about a single person."
    )
    limits: list[str] = _of("What must be said with it: on what it was tested, and what it does not foresee.")
    own_classes: int = _count("Closed classes of the school that had students in the band.", "classes")
    own_students: int = _count(
        "Their students in the band on the last day of a quarter of the course, summed over the quarters.",
        "students",
    )
    own_lost: int = _count("Those of them who were lost.", "students")


class CompletionRow(Row):
    total_assignments: int = _count("The assignment set of the class.", "assignments")
    assignments_with_0_completions: int = _count("Those that no student has completed.", "assignments")
    avg_students_per_assignment: float | None = _of(
        "Mean over the assignment set of the number of students who completed it.", "students"
    )
    total_students: int = _count("Students who count.", "students")


_NAME_OF_ASSIGNMENT = "Name, or section and place (Week 8, assignment 3) of one that no record has named yet."
_NAME_OF_STUDENT = (
    "First and last name, else the first part of the email; the latter in brackets beside equal names."
)
_SCALES = (
    "share: OpenClass sends grades from 0 to 1; share_with_bonus: also some up to 2, which count as 1; "
    "percent: from 0 to 100; unclear: shares and percentages, of which the fewer are left out."
)


class BlockerRow(Row):
    rank: int | None = _of(
        "Place in the ranking; null below 5 students (by default) who came that far, or without the number."
    )
    assignment_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_ASSIGNMENT)
    type: str | None = _of("Kind of assignment, such as lesson or quiz.")
    section: str | None = _of("Unit of the course.")
    position: int = _of("Place in course order, from 0.")
    completion_rate: float | None = _share("Students who completed it ÷ students who have come that far.")
    avg_grade: float | None = _share("Mean grade of its completions.")
    completion_rate_all: float | None = _share("Students who completed it ÷ all students.")
    students_reached: int = _count(
        "Students who have come that far: completed or started it, or completed a later one.", "students"
    )
    completed: int = _count("Students who completed it.", "students")
    in_progress: int = _count("Students who started and did not complete it.", "students")
    stuck: int = _count(
        "Students in it for longer than 7 days (by default) and than its 80th percentile in the class.",
        "students",
    )
    median_days: float | None = _of(
        "Days within which half complete it, open work counted as longer than its age; null: not reached.",
        "days",
    )
    p80_days: float | None = _of("Days within which four in five complete it; null: not reached.", "days")
    timed_count: int = _count(
        "Completions with a known duration: at least 60 seconds after the start.", "completions"
    )
    untimed_share: float | None = _share("Completions whose start is unknown ÷ all completions.")
    difficulty: float | None = _points(
        "0 to 100, the sum of the three parts; null if nobody has come that far."
    )
    incomplete_points: float | None = _points("Up to 50: 50 · (1 − completion_rate).")
    marks_points: float | None = _points(
        "Up to 30: 30 · (1 − avg_grade); null and not counted without grades."
    )
    slow_points: float | None = _points(
        "Up to 20: 0 at the median of the class's assignments, 20 at four times it; null and not counted "
        "without a median."
    )
    grade_scale: Scale = _of(_SCALES)
    grades_left_out: int = _count("Grades that fit no scale, so that no number counts them.", "grades")
    left_out_students: list[str] = _of("Names of the students who have them.")


_STAGES = (
    "new: enrolled for less than 7 days; else by days since the last activity: active below 7, "
    "cooling below 14, quiet below 30 (by default), then gone; never_started without any."
)


class RiskParts(Row):
    """The four parts of a risk score."""

    missing: float = _points("For assignments that the class has completed and this student has not.")
    marks: float = _points("For marks lost in completed work.")
    late: float = _points("For work completed later than most of the class.")
    quiet: float = _points("For having completed nothing for longer than the class; up to 15.")


class StudentHealthRow(Row):
    student_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_STUDENT)
    completed: int = _count("Assignments completed.", "assignments")
    total: int = _count("The assignment set of the class.", "assignments")
    pct: float | None = _share("Assignments completed ÷ the assignment set.")
    risk: Band = _of(
        "Band of the risk score by its distance from the class's median: 30, 10 and 2 points by default."
    )
    risk_score: float = _points("0 to 100, the sum of the four parts.")
    risk_gap: float = _points("Risk score − median risk score of the whole class.")
    risk_parts: RiskParts = _of("The four parts of the score: missing, marks, late and quiet.", "points")
    reasons: list[str] = _of(
        "Why, in up to three sentences: the part with most points first, none below 2 points; each says what "
        "to do about it."
    )
    missing_points: float = _points("For assignments that the class has completed and this student has not.")
    marks_points: float = _points("For marks lost in completed work.")
    late_points: float = _points("For work completed later than most of the class.")
    quiet_points: float = _points("For having completed nothing for longer than the class; up to 15.")
    avg_grade: float | None = _share("Mean grade of completed work; null without any.")
    in_progress: int = _count("Assignments started and not completed.", "assignments")
    stuck: int = _count("Assignments in which the student is stuck.", "assignments")
    last_activity_at: datetime | None = _of("Last start or completion.", "UTC")
    days_silent: int | None = _of("Whole days since then.", "days")
    stage: Stage = _of(_STAGES)
    night: str | None = _of("Class night.")
    region: str | None = _of("Region.")


class WeekRow(Row):
    week: date = _of("Its Monday, in the class's time zone.")
    completed: int = _count("Records completed by the week's end.", "records")
    in_progress: int = _count("Records started and not completed at the week's end.", "records")
    completed_in_week: int = _count("Records completed in the week.", "records")
    active_students: int = _count("Students with a start or completion in the week.", "students")


class TimeRow(Row):
    assignment_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_ASSIGNMENT)
    type: str | None = _of("Kind of assignment, such as lesson or quiz.")
    section: str | None = _of("Unit of the course.")
    position: int = _of("Place in course order, from 0.")
    timed_count: int = _count(
        "Completions with a known duration: at least 60 seconds after the start.", "completions"
    )
    untimed_share: float | None = _share("Completions whose start is unknown ÷ all completions.")
    median_days: float | None = _of(
        "Days within which half complete it, open work counted as longer than its age; null: not reached.",
        "days",
    )
    p80_days: float | None = _of("Days within which four in five complete it; null: not reached.", "days")
    longest_days: float | None = _of("The longest known duration.", "days")


class StuckRow(Row):
    student_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_STUDENT)
    assignment_id: str = _of("OpenClass id.")
    assignment: str = _of("Name of the assignment.")
    type: str | None = _of("Kind of assignment, such as lesson or quiz.")
    section: str | None = _of("Unit of the course.")
    started_at: datetime = _of("Start.", "UTC")
    days_open: float = _of("Time since then.", "days")
    limit_days: float = _of(
        "After how long work on it is stuck: 7 days by default, or its 80th percentile in the whole class if "
        "that is longer (where it is not reached, the longest known duration).",
        "days",
    )
    is_parked: bool = _of("Whether the student completed something else in the 7 days before *as of*.")


class ReteachRow(Row):
    assignment_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_ASSIGNMENT)
    type: str | None = _of("Kind of assignment, such as lesson or quiz.")
    section: str | None = _of("Unit of the course.")
    position: int = _of("Place in course order, from 0.")
    score: float = _of("stuck_share · slowness.", "0 to 4")
    started: int = _count("Students who started or completed it.", "students")
    stuck: int = _count("Students who are stuck in it.", "students")
    stuck_share: float = _share("Students stuck ÷ students who started or completed it.")
    slowness: float = _of(
        "Median days ÷ those of the class's median assignment, at most 4. Where half have not finished, the "
        "longest time that any was in work stands in for the median; 1 while no assignment has a median."
    )
    student_ids: list[str] = _of("OpenClass ids of the stuck, in it for longest first.")
    students: list[str] = _of("Their names, in the same order.")


class ActivityRow(Row):
    student_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_STUDENT)
    stage: Stage = _of(_STAGES)
    days_silent: int | None = _of("Whole days since the last start or completion.", "days")
    last_activity_at: datetime | None = _of("Last start or completion.", "UTC")


class EngagementGapRow(Row):
    student_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_STUDENT)
    stage: Literal["cooling", "quiet"] = _of(
        "cooling: silent for 7 to 13 days; quiet: for 14 to 29 (by default)."
    )
    days_silent: int = _of("Whole days since the last start or completion.", "days")
    last_activity_at: datetime = _of("Last start or completion.", "UTC")
    risk: Literal["medium", "low"] = _of("Band of the risk score.")
    risk_score: float = _points("0 to 100.")
    risk_gap: float = _points("Risk score − median risk score of the whole class.")
    completed: int = _count("Assignments completed.", "assignments")
    total: int = _count("The assignment set.", "assignments")
    pct: float | None = _share("Assignments completed ÷ the assignment set.")


class DirectorRow(Row):
    figure: DirectorFigure = _of(
        "students, avg_completion (0 to 1), completed_all, active_in_7_days, never_started (students), "
        "velocity (completions a student in the last full week), critical, high, medium, low (students by "
        "risk band), messages (messages and talks noted since then), came_back and nothing_since (of these, "
        "within 7 days)."
    )
    before: float | None = _of("Then; null without a value, and for what counts since then.")
    now: float | None = _of("At *as of*; null without a value.")
    change: float | None = _of("Now − then; null if one of them is missing.")


class PraiseRow(Row):
    student_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_STUDENT)
    completed: int = _count("Assignments completed in the 7 days up to *as of*.", "assignments")
    silent_days: int = _of("Whole days without a start or completion before these days.", "days")
    back_at: datetime = _of("The start or completion that ended the silence.", "UTC")
    assignment_id: str = _of("OpenClass id of the latest assignment completed.")
    assignment: str = _of("Its name.")


class VelocityRow(Row):
    week: date = _of("Its Monday, in the class's time zone.")
    completed_in_week: int = _count("Records completed in the week.", "records")
    active_students: int = _count("Students with a start or completion in the week.", "students")
    enrolled_students: int = _count(
        "Students enrolled by the week's end, of those who count at *as of*.", "students"
    )
    per_active: float | None = _of("Records completed ÷ active students.", "records a student")
    per_enrolled: float | None = _of("Records completed ÷ enrolled students.", "records a student")
    is_full: bool = _of("Whether the week is over at *as of*.")


class CourseWeekRow(Row):
    course_week: int = _of("Week of the course from 1, counted from the local day on which the class starts.")
    starts_on: date = _of("Its first day, in the class's time zone.")
    completed: int = _count("Records completed by the week's end, before the start included.", "records")
    avg_completion: float | None = _share("Those ÷ (students · assignments).")
    active_students: int = _count("Students with a start or completion in the week.", "students")
    active_share: float | None = _share("Those ÷ students.")
    is_full: bool = _of("Whether the week is over at *as of*.")


class CohortAlarmRow(Row):
    alarm: bool = _of("Whether the last full week is below half of the mean of the four before it.")
    week: date | None = _of("Monday of the last full week; null before there is one.")
    velocity: float | None = _of("Records completed in it ÷ enrolled students.", "records a student")
    usual_velocity: float | None = _of(
        "Mean of that over the four weeks before; null with fewer.", "records a student"
    )
    share: float | None = _of("velocity ÷ usual_velocity; null if that is 0.")


class PaceRow(Row):
    student_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_STUDENT)
    pace_percentile: float | None = _share(
        "Median over the compared assignments of the mid-rank of the student's completion in the class ÷ "
        "students, those who have not completed it last together: near 0 for the first, near 1 for the last."
    )
    compared: int = _count(
        "The last assignments in course order that half of the class completed, at most 5.", "assignments"
    )


class GradeRangeRow(Row):
    lower: float = _share("Lower end, which belongs to the range.")
    upper: float = _share("Upper end, which belongs to the next range; 1 to the last.")
    count: int = _count("Completions with a grade in the range.", "completions")
    share: float | None = _share("Those ÷ all completions with a grade.")


class _SplitRow(Row):
    assignments: int = _count("Assignments in it.", "assignments")
    completed: int = _count("Records completed.", "records")
    in_progress: int = _count("Records started and not completed.", "records")
    completion_rate: float | None = _share("Records completed ÷ (students · assignments).")
    students_completed: int = _count("Students who completed all of its assignments.", "students")
    students_completed_share: float | None = _share("Those ÷ students.")
    graded: int = _count("Completions with a grade.", "completions")
    avg_grade: float | None = _share("Mean grade of those.")


class _OfType(Row):
    type: str | None = _of("Kind of assignment; null for those without one.")


class _OfSection(Row):
    section: str | None = _of("Unit of the course; null for assignments outside all.")


# pydantic puts the fields of the base that is named last first.
class TypeRow(_SplitRow, _OfType):
    pass


class SectionRow(_SplitRow, _OfSection):
    pass


class GroupRow(Row):
    kind: GroupKind = _of("Whether the group is a class night or a region.")
    label: str | None = _of("Its name; null for the students who have none.")
    group_id: str | None = _of("What stands for it in addresses.")
    students: int = _count("Students in it.", "students")
    avg_completion: float | None = _share("Mean over them of assignments completed ÷ the assignment set.")
    completed_count: int = _count("Those who completed the whole assignment set.", "students")
    in_progress_count: int = _count("Those who began and have not completed the whole set.", "students")
    not_started_count: int = _count("Those who have begun nothing.", "students")
    active_this_week_count: int = _count(
        "Those with a start or completion in the 7 days before *as of*.", "students"
    )
    completed: int = _count("Records completed.", "records")
    in_progress: int = _count("Records started and not completed.", "records")
    graded: int = _count("Completions with a grade.", "completions")
    avg_grade: float | None = _share("Mean grade of those.")


class _SlotRow(Row):
    started: int = _count("Records started then.", "records")
    completed: int = _count("Records completed then.", "records")
    completed_share: float | None = _share("Those ÷ all records completed.")
    active_students: int = _count("Students who ever started or completed anything then.", "students")
    graded: int = _count("Completions then that have a grade.", "completions")
    avg_grade: float | None = _share("Mean grade of those.")


class _OfWeekday(Row):
    weekday: int = _of("From 1, Monday, to 7, Sunday, in the class's time zone.")
    name: str = _of("English name of the day.")


class _OfHour(Row):
    hour: int = _of("Hour of the day, 0 to 23, in the class's time zone.")


class WeekdayRow(_SlotRow, _OfWeekday):
    pass


class HourRow(_SlotRow, _OfHour):
    pass


class HabitRow(_SlotRow, _OfHour, _OfWeekday):
    pass


class ForecastRow(Row):
    student_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_STUDENT)
    outcome: Outcome = _of(
        "finished; date: will finish on it at this pace; not_at_this_pace: nothing completed in the weeks "
        "counted, or more than five years to go."
    )
    finishes_on: date | None = _of(
        "Local date: *as of* + assignments left ÷ per_week, in days rounded up; of who has finished, that of "
        "the last completion."
    )
    completed: int = _count("Assignments completed.", "assignments")
    total: int = _count("The assignment set.", "assignments")
    active_weeks: int = _count(
        "Weeks counted: the student's last four with a start or completion that are over; the running one "
        "only for who has no other.",
        "weeks",
    )
    per_week: float | None = _of("Completions in these weeks ÷ the weeks.", "assignments a week")


class TimelineRow(Row):
    at: datetime = _of("When.", "UTC")
    event: Event = _of("started, completed or reviewed.")
    assignment_id: str = _of("OpenClass id.")
    assignment: str = _of("Name of the assignment.")
    type: str | None = _of("Kind of assignment, such as lesson or quiz.")
    section: str | None = _of("Unit of the course.")
    grade: float | None = _shown_grade("Grade, of a completion.")


class StudentAssignmentRow(Row):
    assignment_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_ASSIGNMENT)
    type: str | None = _of("Kind of assignment, such as lesson or quiz.")
    section: str | None = _of("Unit of the course.")
    position: int = _of("Place in course order, from 0.")
    status: Status = _of("completed, in_progress, stuck (open for too long) or not_started.")
    grade: float | None = _shown_grade("Grade of the student.")
    started_at: datetime | None = _of("Start.", "UTC")
    completed_at: datetime | None = _of("Completion.", "UTC")
    reviewed_at: datetime | None = _of("Review.", "UTC")
    days: float | None = _of(
        "From start to completion, null if less than 60 seconds; of open work to *as of*.", "days"
    )
    class_avg_grade: float | None = _share("Mean grade of the whole class.")
    class_completion_rate_all: float | None = _share("Students of the whole class who completed it ÷ all.")


class MatrixRow(Row):
    student_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_STUDENT)
    assignment_id: str = _of("OpenClass id.")
    assignment: str = _of(_NAME_OF_ASSIGNMENT)
    position: int = _of("Place in course order, from 0.")
    state: Status = _of("completed, in_progress, stuck (open for too long) or not_started.")
    grade: float | None = _shown_grade("Grade of the student.")
    started_at: datetime | None = _of("Start.", "UTC")
    completed_at: datetime | None = _of("Completion.", "UTC")


class RiskWeekRow(Row):
    week: date = _of("Its Monday, in the class's time zone.")
    risk: Band = _of("Band at the week's end.")
    risk_score: float = _points("0 to 100, the sum of the four parts.")
    risk_gap: float = _points("Risk score − median risk score of the whole class at that time.")
    missing: float = _points("For assignments that the class had completed and this student had not.")
    marks: float = _points("For marks lost in completed work.")
    late: float = _points("For work completed later than most of the class.")
    quiet: float = _points("For having completed nothing for longer than the class; up to 15.")
    completed: int = _count("Assignments completed by then.", "assignments")
    total: int = _count("The assignment set.", "assignments")


class AssignmentStudentRow(Row):
    student_id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_STUDENT)
    state: State = _of(
        "stuck, in_progress, skipped (nothing done here, but something later completed), completed, or "
        "not_reached."
    )
    is_parked: bool = _of("Stuck, and something else completed in the 7 days before *as of*.")
    grade: float | None = _shown_grade("Grade of the student.")
    started_at: datetime | None = _of("Start.", "UTC")
    completed_at: datetime | None = _of("Completion.", "UTC")
    days: float | None = _of(
        "From start to completion, null if less than 60 seconds; of open work to *as of*.", "days"
    )
    night: str | None = _of("Class night.")
    region: str | None = _of("Region.")


class DurationRow(Row):
    days: float = _of("A time from start to completion that occurred.", "days")
    at_risk: int = _count("Records that were in work for at least so long.", "records")
    completed: int = _count("Records completed after exactly so long.", "records")
    finished_share: float = _share("Share expected to be done by then, open work taken into account.")


class NeedRow(Row):
    kind: TriageKind = _of(
        "risk (band critical or high), stuck (and not parked), engagement_gap, never_started, or "
        "cohort_alarm, which is about a class."
    )
    class_id: str = _of("OpenClass id of the class.")
    class_name: str = _of("Its name.")
    student_id: str | None = _of("OpenClass id; null for a class.")
    name: str = _of("First and last name, or the name of the class.")
    days: int = _of(
        "For how long: since the last completion, or enrolment if that is later (risk); in the assignment "
        "(stuck); silent (engagement gap); enrolled (never started); since the week's Monday (cohort alarm).",
        "days",
    )
    reason: str = _of("Why, in a sentence or two.")
    ends: str = _of("What takes the entry off the list.")
    also: list[TriageKind] = _of("Other needs of the same student or class.")
    urgency: Urgency = _of(
        "The group in the list, the first that fits: class (the cohort alarm), never_started, slipping (a "
        "higher risk band than 7 days before *as of*, or silent for 7 to 21 days, or stuck, not parked, and "
        "that for 7 days or less), far_behind (band critical or high), silent (the rest). The list has class "
        "first, then slipping, far_behind, never_started and silent."
    )
    risk: Band | None = _of("Risk band; null for a class.")
    brief: str = _of(
        "The same in a few words, first what decides the urgency: a higher level than a week ago, points "
        "behind the class if far behind, days silent, assignments behind the class, work in which the "
        "student is stuck."
    )
    last_contact: datetime | None = _of(
        "When a mentor last wrote or talked to the student, in any class of the list.", "UTC"
    )


class OutcomeRow(Row):
    contact_id: int = _of("Number of the contact.")
    student_id: str = _of("OpenClass id.")
    name: str = _of("First and last name.")
    at: datetime = _of("When the student was written or talked to.", "UTC")
    channel: str = _of("copied, email, call, met or other.")
    kind: TriageKind | None = _of("The triage entry that it was about; null for none.")
    outcome_7: ContactOutcome = _of(
        "After 7 days: left (withdrawn or removed by then), came_back (started or completed something after "
        "the contact and at most 7 days after it), reason_gone (came back, and has no entry of any kind in "
        "triage at the end of the last of these days, hidden or not), nothing_since (none of these, and the "
        "7 days are over), too_early."
    )
    outcome_14: ContactOutcome = _of("The same after 14 days.")
    came_back_at: datetime | None = _of("The first start or completion within 14 days.", "UTC")
    event: Event | None = _of("started or completed, of that.")
    assignment: str | None = _of("Name of the assignment of that.")


class OutcomesByKindRow(Row):
    kind: TriageKind | None = _of("The triage entry that the contacts were about; null for none.")
    days: int = _of("Contacts are judged so many days later: 7 or 14.", "days")
    contacts: int = _count("Contacts up to *as of*.", "contacts")
    came_back: int = _count("Those after which the student came back, reason gone or not.", "contacts")
    reason_gone: int = _count("Those of them with the reason gone.", "contacts")
    left: int = _count("Those after which the student was withdrawn or removed.", "contacts")
    nothing_since: int = _count("Those after which nothing happened, and whose time is over.", "contacts")
    too_early: int = _count("Those whose time is not over, and nothing happened yet.", "contacts")
    judged: int = _count("Those whose time is over, without left ones.", "contacts")
    judged_came_back: int = _count("Those of them after which the student came back.", "contacts")
    share: float | None = _share("Judged that came back ÷ judged; null below 20 judged: too few to tell.")
    share_low: float | None = _share("Lower end of its Wilson interval of 95 %.")
    share_high: float | None = _share("Upper end of it.")
    usual_entries: int = _count(
        "Entries of this kind at the end of every seventh day of the 26 weeks before *as of*, without a "
        "contact with the student so many days before or after, and without students who left.",
        "entries",
    )
    usual_came_back: int = _count("Those of them that came back without a message.", "entries")
    usual_reason_gone: int = _count("Those of them with the reason gone.", "entries")
    usual_share: float | None = _share(
        "The usual rate without a message: usual that came back ÷ usual entries; null below 20."
    )


class StudentRow(Row):
    id: str = _of("OpenClass id; of a student who is only on the roster, one that starts with roster-.")
    name: str = _of(_NAME_OF_STUDENT)
    first_name: str | None = _of("First name.")
    last_name: str | None = _of("Last name.")
    email: str | None = _of("Email address.")
    night: str | None = _of("Class night.")
    region: str | None = _of("Region.")
    enrolled_on: date | None = _of("Day of enrolment on the roster; null: since the class's start.")
    withdrawn_on: date | None = _of("Day from which the student no longer counts.")
    same_name_ids: list[str] = _of(
        "Ids of other students of the class with this name: perhaps one person with two accounts."
    )


class ProgressionRow(Row):
    id: str = _of("OpenClass id.")
    student_id: str = _of("OpenClass id.")
    assignment_id: str = _of("OpenClass id.")
    grade: float | None = _shown_grade(
        "Grade; null without one, and for one that does not fit the scale of the assignment."
    )
    started_at: datetime | None = _of("Start.", "UTC")
    completed_at: datetime | None = _of("Completion.", "UTC")
    reviewed_at: datetime | None = _of("Review.", "UTC")
    synced_at: datetime = _of("When this version of the record was fetched.", "UTC")
    raw_grade: float | None = _of("Grade as OpenClass sent it, on the scale of the assignment.")


class ChangeRow(Row):
    at: datetime = _of("When it was seen; of what the first sync found, when OpenClass says.", "UTC")
    kind: ChangeKind = _of(
        "completed, started, graded (a grade for work completed earlier), regraded, reviewed, reopened, "
        "removed or returned (a record that OpenClass lost, or has again), new_student, came_back (active "
        "after 14 days without, or in the class again), left (no longer in the class), band_moved."
    )
    student_id: str = _of("OpenClass id.")
    name: str | None = _of(_NAME_OF_STUDENT)
    assignment_id: str | None = _of("OpenClass id; null for what concerns the student as a whole.")
    assignment: str | None = _of("Name of the assignment.")
    grade_before: float | None = _shown_grade("Grade before, of a regrade.")
    grade_after: float | None = _shown_grade("Grade after, of a completion, grade or regrade.")
    band_before: Band | None = _of("Risk band at the first instant.")
    band_after: Band | None = _of("Risk band at the second.")
    records: int | None = _count(
        "Records of a student who left or is in the class again: those that went or came.", "records"
    )


class AssignmentRow(Row):
    id: str = _of("OpenClass id.")
    name: str = _of(_NAME_OF_ASSIGNMENT)
    type: str | None = _of("Kind of assignment, such as lesson or quiz.")
    section: str | None = _of("Unit of the course.")
    position: int = _of("Place in course order, from 0.")
    grade_scale: Scale = _of(_SCALES)
