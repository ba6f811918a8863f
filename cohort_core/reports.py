"""The answers by name: what pages, API, exports and documentation share.

Each takes a Cohort and returns a Report, a frame with the model of its rows. The model fixes names, types,
units and meanings; the OpenAPI schema, tooltips and docs/metrics.md are made from it. `python -m
cohort_core.reports` prints that document.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from inspect import cleandoc
from typing import Any, Literal, Union, get_args, get_origin

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from cohort_core.cohort import Cohort, parse_from
from cohort_core.errors import BadInput
from cohort_core.metrics import activity as acting
from cohort_core.metrics import blockers as blocking
from cohort_core.metrics import changes as changing
from cohort_core.metrics import completion as completing
from cohort_core.metrics import drill, durations, health, listing, splits
from cohort_core.metrics import pace as pacing
from cohort_core.metrics import triage as needing
from cohort_core.metrics import velocity as moving
from cohort_core.store.facts import ClassFacts

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
    "band_moved",
]
Band = Literal["critical", "high", "medium", "low"]
Stage = Literal["new", "active", "cooling", "quiet", "gone", "never_started"]
Status = Literal["completed", "in_progress", "stuck", "not_started"]
State = Literal["stuck", "in_progress", "skipped", "completed", "not_reached"]
Event = Literal["started", "completed", "reviewed"]
Outcome = Literal["finished", "date", "not_at_this_pace"]
GroupKind = Literal["night", "region"]
Need = Literal["risk", "stuck", "engagement_gap", "never_started", "cohort_alarm"]
MOST_NEEDS = 7


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _of(meaning: str, unit: str = "") -> Any:
    return Field(description=meaning, json_schema_extra={"unit": unit} if unit else None)


def _share(meaning: str) -> Any:
    return _of(meaning, "0 to 1")


def _count(meaning: str, unit: str) -> Any:
    return _of(meaning, unit)


def _points(meaning: str) -> Any:
    return _of(meaning, "points")


class ProgressSummaryRow(Row):
    total_students: int = _count("Enrolments that count: enrolled and not withdrawn.", "students")
    avg_completion: float | None = _share("Mean over students of assignments completed ÷ the assignment set.")
    completed_count: int = _count("Students who completed the whole assignment set.", "students")
    in_progress_count: int = _count("Students who began and have not completed the whole set.", "students")
    not_started_count: int = _count("Students who have begun nothing.", "students")
    active_this_week_count: int = _count(
        "Students with a start or completion in the 7 days before *as of*.", "students"
    )


class CompletionRow(Row):
    total_assignments: int = _count("The assignment set of the class.", "assignments")
    assignments_with_0_completions: int = _count("Those that no student has completed.", "assignments")
    avg_students_per_assignment: float | None = _of(
        "Mean over the assignment set of the number of students who completed it.", "students"
    )
    total_students: int = _count("Students who count.", "students")


class BlockerRow(Row):
    rank: int | None = _of(
        "Place in the ranking; null below 5 students who came that far, or without the number."
    )
    assignment_id: str = _of("OpenClass id.")
    name: str = _of("Name, or the id of one that no progression has named yet.")
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
        "Students in it for longer than 7 days and than its 80th percentile in the class.", "students"
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


_STAGES = (
    "new: enrolled for less than 7 days; else by days since the last activity: active below 7, "
    "cooling below 14, quiet below 30, then gone; never_started without any."
)


class RiskParts(Row):
    missing: float = _points("For assignments that the class has completed and this student has not.")
    marks: float = _points("For marks lost in completed work.")
    late: float = _points("For work completed later than most of the class.")
    quiet: float = _points("For having completed nothing for longer than the class; up to 15.")


class StudentHealthRow(Row):
    student_id: str = _of("OpenClass id.")
    name: str = _of("First and last name, or the id of a student without one.")
    completed: int = _count("Assignments completed.", "assignments")
    total: int = _count("The assignment set of the class.", "assignments")
    pct: float | None = _share("Assignments completed ÷ the assignment set.")
    risk: Band = _of("Band of the risk score by its distance from the class's median: 30, 10 and 2 points.")
    risk_score: float = _points("0 to 100, the sum of the four parts.")
    risk_gap: float = _points("Risk score − median risk score of the whole class.")
    risk_parts: RiskParts = _of("The four parts of the score: missing, marks, late and quiet.", "points")
    reasons: list[str] = _of(
        "Why, in up to three sentences: the part with most points first, none below 2 points; each says what "
        "would clear it."
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
    name: str = _of("Name, or the id of one that no progression has named yet.")
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
    name: str = _of("First and last name, or the id of a student without one.")
    assignment_id: str = _of("OpenClass id.")
    assignment: str = _of("Name of the assignment.")
    type: str | None = _of("Kind of assignment, such as lesson or quiz.")
    section: str | None = _of("Unit of the course.")
    started_at: datetime = _of("Start.", "UTC")
    days_open: float = _of("Time since then.", "days")
    limit_days: float = _of(
        "After how long work on it is stuck: 7 days, or its 80th percentile in the whole class if that is "
        "longer (where it is not reached, the longest known duration).",
        "days",
    )
    is_parked: bool = _of("Whether the student completed something else in the 7 days before *as of*.")


class ReteachRow(Row):
    assignment_id: str = _of("OpenClass id.")
    name: str = _of("Name, or the id of one that no progression has named yet.")
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
    name: str = _of("First and last name, or the id of a student without one.")
    stage: Stage = _of(_STAGES)
    days_silent: int | None = _of("Whole days since the last start or completion.", "days")
    last_activity_at: datetime | None = _of("Last start or completion.", "UTC")


class EngagementGapRow(Row):
    student_id: str = _of("OpenClass id.")
    name: str = _of("First and last name, or the id of a student without one.")
    stage: Literal["cooling", "quiet"] = _of("cooling: silent for 7 to 13 days; quiet: for 14 to 29.")
    days_silent: int = _of("Whole days since the last start or completion.", "days")
    last_activity_at: datetime = _of("Last start or completion.", "UTC")
    risk: Literal["medium", "low"] = _of("Band of the risk score.")
    risk_score: float = _points("0 to 100.")
    risk_gap: float = _points("Risk score − median risk score of the whole class.")
    completed: int = _count("Assignments completed.", "assignments")
    total: int = _count("The assignment set.", "assignments")
    pct: float | None = _share("Assignments completed ÷ the assignment set.")


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
    name: str = _of("First and last name, or the id of a student without one.")
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


# Fields of the base that is named last come first.
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
    name: str = _of("First and last name, or the id of a student without one.")
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
    grade: float | None = _share("Grade, of a completion.")


class StudentAssignmentRow(Row):
    assignment_id: str = _of("OpenClass id.")
    name: str = _of("Name, or the id of one that no progression has named yet.")
    type: str | None = _of("Kind of assignment, such as lesson or quiz.")
    section: str | None = _of("Unit of the course.")
    position: int = _of("Place in course order, from 0.")
    status: Status = _of("completed, in_progress, stuck (open for too long) or not_started.")
    grade: float | None = _share("Grade of the student.")
    started_at: datetime | None = _of("Start.", "UTC")
    completed_at: datetime | None = _of("Completion.", "UTC")
    reviewed_at: datetime | None = _of("Review.", "UTC")
    days: float | None = _of(
        "From start to completion, null if less than 60 seconds; of open work to *as of*.", "days"
    )
    class_avg_grade: float | None = _share("Mean grade of the whole class.")
    class_completion_rate_all: float | None = _share("Students of the whole class who completed it ÷ all.")


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
    name: str = _of("First and last name, or the id of a student without one.")
    state: State = _of(
        "stuck, in_progress, skipped (nothing done here, but something later completed), completed, or "
        "not_reached."
    )
    is_parked: bool = _of("Stuck, and something else completed in the 7 days before *as of*.")
    grade: float | None = _share("Grade of the student.")
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
    kind: Need = _of(
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
    also: list[Need] = _of("Other needs of the same student or class.")


class StudentRow(Row):
    id: str = _of("OpenClass id; of a student who is only on the roster, one that starts with roster-.")
    first_name: str | None = _of("First name.")
    last_name: str | None = _of("Last name.")
    email: str | None = _of("Email address.")
    night: str | None = _of("Class night.")
    region: str | None = _of("Region.")
    enrolled_on: date | None = _of("Day of enrolment on the roster; null: since the class's start.")
    withdrawn_on: date | None = _of("Day from which the student no longer counts.")


class ProgressionRow(Row):
    id: str = _of("OpenClass id.")
    student_id: str = _of("OpenClass id.")
    assignment_id: str = _of("OpenClass id.")
    grade: float | None = _share("Grade.")
    started_at: datetime | None = _of("Start.", "UTC")
    completed_at: datetime | None = _of("Completion.", "UTC")
    reviewed_at: datetime | None = _of("Review.", "UTC")
    synced_at: datetime = _of("When this version of the record was fetched.", "UTC")


class ChangeRow(Row):
    at: datetime = _of("When it was seen; of what the first sync found, when OpenClass says.", "UTC")
    kind: ChangeKind = _of(
        "completed, started, graded (a grade for work completed earlier), regraded, reviewed, reopened, "
        "removed or returned (a record that OpenClass lost, or has again), new_student, came_back (active "
        "after 14 days without), band_moved."
    )
    student_id: str = _of("OpenClass id.")
    name: str | None = _of("First and last name.")
    assignment_id: str | None = _of("OpenClass id; null for what concerns the student as a whole.")
    assignment: str | None = _of("Name of the assignment.")
    grade_before: float | None = _share("Grade before, of a regrade.")
    grade_after: float | None = _share("Grade after, of a completion, grade or regrade.")
    band_before: Band | None = _of("Risk band at the first instant.")
    band_after: Band | None = _of("Risk band at the second.")


class AssignmentRow(Row):
    id: str = _of("OpenClass id.")
    name: str = _of("Name, or the id of one that no progression has named yet.")
    type: str | None = _of("Kind of assignment, such as lesson or quiz.")
    section: str | None = _of("Unit of the course.")
    position: int = _of("Place in course order, from 0.")


@dataclass(frozen=True)
class Report:
    """One answer: a frame whose columns and dtypes are those of its row model."""

    name: str
    frame: pd.DataFrame
    row: type[Row]

    def records(self) -> list[dict[str, Any]]:
        """The rows as plain values: missing is None, an instant "…Z" in milliseconds, a date "YYYY-MM-DD"."""
        columns = [
            _plain(self.frame[name], field.annotation) for name, field in self.row.model_fields.items()
        ]
        return [
            dict(zip(self.row.model_fields, values, strict=True)) for values in zip(*columns, strict=True)
        ]

    def record(self) -> dict[str, Any]:
        """The only row of an answer that has one."""
        (only,) = self.records()
        return only


def progress_summary(cohort: Cohort) -> Report:
    """The class in a few numbers.

    Completed, in progress and not started sum to the students. An empty class has zeros and no average.
    """
    return _report("progress_summary", completing.progress_summary(cohort), ProgressSummaryRow)


def completion(cohort: Cohort) -> Report:
    """How completions spread over the assignments. A class without assignments has zeros and no average."""
    return _report("completion", completing.completion(cohort), CompletionRow)


def blockers(cohort: Cohort, by: Ranking = "difficulty") -> Report:
    """Which assignments stand in the way, the worst first.

    Ranked by difficulty, fewest completions, lowest grade, longest time to complete or most students stuck.
    Assignments that fewer than 5 students have come to follow unranked, those that nobody has come to last.
    Raises BadInput for any other ranking. Without assignments there are no rows.
    """
    if by not in blocking.RANKINGS:
        known = ", ".join(blocking.RANKINGS)
        raise BadInput(f"There is no such ranking. Choose one of: {known}.", parameter="by")
    return _report("blockers", blocking.blockers(cohort, by), BlockerRow)


def student_health(cohort: Cohort) -> Report:
    """Who is falling behind, the worst first: by risk score, then least completed, then name.

    The risk compares a student with the whole class, also when one group of it is asked for. "low" means on
    pace with the cohort, which is not the same as safe. Without students there are no rows.
    """
    return _report("student_health", health.student_health(cohort), StudentHealthRow)


def progress_over_time(cohort: Cohort) -> Report:
    """Cumulative progress at the end of each week, Monday to Sunday in the class's time zone.

    Every week from the first activity to *as of*, at which the last one ends; without activity no rows. The
    students who count at *as of* make up every week.
    """
    return _report("progress_over_time", acting.progress_over_time(cohort), WeekRow)


def time_to_complete(cohort: Cohort) -> Report:
    """How long each assignment takes from start to completion, in course order.

    By Kaplan–Meier, so that open work counts as longer than its age. Starts that were only stamped together
    with the completion are left out, and their share is shown. Without assignments there are no rows.
    """
    frame = durations.time_to_complete(cohort)
    return _report("time_to_complete", cohort.assignments.join(frame).reset_index(), TimeRow)


def stuck(cohort: Cohort) -> Report:
    """Who is stuck in what, in work for longest first.

    Work is stuck when it has been open for longer than 7 days and than the 80th percentile of the assignment
    in the whole class. Without anybody stuck there are no rows.
    """
    return _report("stuck", durations.stuck(cohort), StuckRow)


def reteach(cohort: Cohort) -> Report:
    """Which assignment to teach again, the most urgent first: (stuck ÷ started) × slowness.

    Only assignments in which somebody is stuck and that at least 5 students started; without such, no rows.
    """
    return _report("reteach", blocking.reteach(cohort), ReteachRow)


def activity(cohort: Cohort) -> Report:
    """When each student was last seen, those who never were first, then the longest silent.

    Work of every type counts, also when one type is asked for. Without students there are no rows.
    """
    return _report("activity", acting.activity(cohort), ActivityRow)


def engagement_gap(cohort: Cohort) -> Report:
    """Who is on pace but has stopped coming, the longest silent first: the early warning.

    Students with low or medium risk who are cooling or quiet; without any there are no rows.
    """
    return _report("engagement_gap", health.engagement_gap(cohort), EngagementGapRow)


def velocity(cohort: Cohort) -> Report:
    """Completions per student, week by week, from the week of the first activity to that of *as of*.

    Without activity there are no rows.
    """
    return _report("velocity", moving.velocity(cohort), VelocityRow)


def cohort_alarm(cohort: Cohort) -> Report:
    """Whether the class as a whole has stalled, which no comparison between its students would show.

    The last full week against the four before it, by completions per enrolled student. With fewer than five
    full weeks there is no alarm and no usual velocity.
    """
    return _report("cohort_alarm", moving.cohort_alarm(cohort), CohortAlarmRow)


def pace(cohort: Cohort, student_id: str | None = None) -> Report:
    """Who runs ahead of the class and who behind, the last first; compared with the whole class.

    Null while half of the class has completed nothing in common. Without students there are no rows. Raises
    BadInput for a student whom the class does not have.
    """
    return _report("pace", _of_one(cohort, pacing.pace(cohort), student_id), PaceRow)


def forecast(cohort: Cohort, student_id: str | None = None) -> Report:
    """When each student finishes at the pace of their last four active weeks; those who will not first.

    The pace is taken to go on from *as of*, also for who has been silent since. Without students there are no
    rows. Raises BadInput for a student whom the class does not have.
    """
    return _report("forecast", _of_one(cohort, pacing.forecast(cohort), student_id), ForecastRow)


def grade_distribution(cohort: Cohort) -> Report:
    """How grades spread over 0–50, 50–60, 60–70, 70–80, 80–90 and 90–100 %.

    Always six rows; without grades counts of 0 and no shares.
    """
    return _report("grade_distribution", splits.grade_distribution(cohort), GradeRangeRow)


def by_type(cohort: Cohort) -> Report:
    """Completion and grades by type of assignment, in course order. Without assignments there are no rows."""
    return _report("by_type", splits.by_type(cohort), TypeRow)


def by_section(cohort: Cohort) -> Report:
    """Completion and grades by unit of the course, in its order; assignments outside all units last.

    A student has completed a section when all of its assignments are. Without assignments there are no rows.
    """
    return _report("by_section", splits.by_section(cohort), SectionRow)


def by_group(cohort: Cohort) -> Report:
    """Completion and grades by class night and by region; students without one in a row of their own.

    The students of each kind sum to the class. Without nights and regions there are no rows.
    """
    return _report("by_group", splits.by_group(cohort), GroupRow)


def by_weekday(cohort: Cohort) -> Report:
    """What is started and completed on which day of the week. Always seven rows, Monday first."""
    return _report("by_weekday", splits.by_weekday(cohort), WeekdayRow)


def by_hour(cohort: Cohort) -> Report:
    """What is started and completed at which hour of the day. Always 24 rows."""
    return _report("by_hour", splits.by_hour(cohort), HourRow)


def habits(cohort: Cohort, student_id: str | None = None) -> Report:
    """What is started and completed at which hour of the week, by the class or by one student.

    Always 168 rows, from Monday 0 o'clock. Raises BadInput for a student whom the class does not have.
    """
    one = cohort if student_id is None else drill.of_student(cohort, student_id)
    return _report("habits", splits.habits(one), HabitRow)


def student(cohort: Cohort, student_id: str) -> Report:
    """The row of student health of one student. Raises BadInput for one whom the class does not have."""
    return _report("student", health.student_health(drill.of_student(cohort, student_id)), StudentHealthRow)


def student_timeline(cohort: Cohort, student_id: str) -> Report:
    """What a student did, newest first; no rows if that is nothing.

    Raises BadInput for a student whom the class does not have.
    """
    return _report("student_timeline", drill.student_timeline(cohort, student_id), TimelineRow)


def student_assignments(cohort: Cohort, student_id: str) -> Report:
    """Every assignment with a student's status and grade, in course order, beside those of the whole class.

    Raises BadInput for a student whom the class does not have.
    """
    frame = drill.student_assignments(cohort, student_id)
    return _report("student_assignments", frame, StudentAssignmentRow)


def risk_history(cohort: Cohort, student_id: str) -> Report:
    """A student's risk week by week: what the score said at the end of each, from nothing known later.

    Weeks in which the student did not count are left out. Raises BadInput for a student whom the class does
    not have at *as of*.
    """
    return _report("risk_history", drill.risk_history(cohort, student_id), RiskWeekRow)


def assignment_students(cohort: Cohort, assignment_id: str) -> Report:
    """Where each student stands with an assignment: the stuck first, then in progress, skipped, completed and
    not come that far, each by name.

    Raises BadInput for an assignment that is not in the assignment set.
    """
    frame = drill.assignment_students(cohort, assignment_id)
    return _report("assignment_students", frame, AssignmentStudentRow)


def assignment_grades(cohort: Cohort, assignment_id: str) -> Report:
    """How the grades of one assignment spread: six rows, as the grade distribution.

    Raises BadInput for an assignment that is not in the assignment set.
    """
    return grade_distribution(drill.of_assignment(cohort, assignment_id))


def assignment_durations(cohort: Cohort, assignment_id: str) -> Report:
    """By when how many complete an assignment: its Kaplan–Meier curve, one row a time that occurred.

    No rows while nothing is timed. Raises BadInput for an assignment that is not in the assignment set.
    """
    frame = durations.durations(drill.of_assignment(cohort, assignment_id), 0)
    return _report("assignment_durations", frame, DurationRow)


@dataclass(frozen=True)
class Triage(Report):
    """The needs that are shown, and how many more there are."""

    more: int


def triage(cohorts: Sequence[Cohort], limit: int = MOST_NEEDS, settled: Collection[str] = ()) -> Triage:
    """Who needs a mentor, over several classes: the longest needs first, the rest counted.

    Students with critical or high risk, stuck and not parked, on pace but silent, or never started, and
    classes with the cohort alarm. A student with several needs, or in several classes, is there once, with
    the longest. Students whom the mentor has `settled` are left out. Without needs there are no rows.
    """
    frame, more = needing.triage(cohorts, limit, settled)
    made = _report("triage", frame, NeedRow)
    return Triage(made.name, made.frame, made.row, more)


def _of_one(cohort: Cohort, frame: pd.DataFrame, student_id: str | None) -> pd.DataFrame:
    if student_id is None:
        return frame
    drill.of_student(cohort, student_id)
    return frame[frame["student_id"] == student_id].reset_index(drop=True)


def students(facts: ClassFacts, group: str | None = None) -> Report:
    """Everyone enrolled in the class or one group of it, by last name; withdrawn students included."""
    return _report("students", listing.students(facts, group), StudentRow)


def assignments(facts: ClassFacts) -> Report:
    """The assignment set: that of the units in course order, and after it any seen only in progressions."""
    return _report("assignments", listing.assignments(facts), AssignmentRow)


def progressions(
    facts: ClassFacts,
    *,
    student_id: str | None = None,
    assignment_id: str | None = None,
    completed_after: str | None = None,
    completed_before: str | None = None,
    status: listing.Status | None = None,
) -> Report:
    """The records as OpenClass has them, newest completion first; nothing is merged or left out.

    A record that was completed at `completed_after` is in, one at `completed_before` is not; a day means
    its first instant in the class's time zone. Raises BadInput for a time that cannot be used.
    """
    after, before = (
        None if text is None else parse_from(text, facts.timezone, parameter)
        for text, parameter in ((completed_after, "completed_after"), (completed_before, "completed_before"))
    )
    frame = listing.progressions(
        facts,
        student_id=student_id,
        assignment_id=assignment_id,
        completed_after=after,
        completed_before=before,
        status=status,
    )
    return _report("progressions", frame, ProgressionRow)


def changes(facts: ClassFacts, log: pd.DataFrame, before: Cohort, after: Cohort) -> Report:
    """What happened after `before` and up to `after`, two instants of one class, newest first.

    `log` is what syncs saw change. Only students of the group of `after`.
    """
    frame = changing.changes(facts, log, before, after)
    names = after.classwide.students["name"]
    return _report(
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


def markdown() -> str:
    """docs/metrics.md: what every number means, in the words of the code."""
    parts = [_DOCUMENT_HEAD]
    for name, answer in REPORTS.items():
        parts += [
            f"## {answer.title}",
            f"`{name}`",
            cleandoc(answer.ask.__doc__ or ""),
            _field_table(answer.row),
        ]
    return "\n\n".join(parts) + "\n"


_DOCUMENT_HEAD = """\
# What every number means

Generated from `cohort_core/reports.py`; do not edit. The dashboard, the JSON API and the exports show the
same reports, so these definitions hold for all of them.

- **As of**: every answer is about one instant, by default the end of the class's last successful sync. A date
  means the end of that day in the class's time zone. Nothing after that instant is seen.
- **Student**: someone on the roster or seen in a progression, from the roster's day of enrolment (without
  one, from the class's start) until the day of withdrawal.
- **Record**: a student and an assignment. Of several attempts, the earliest start and completion count, the
  latest review, and the grade of the latest completion that has one.
- **Completed**: completed by *as of*. **In progress**: begun by then and not completed. A grade and a review
  are seen from the completion on.
- **Group**: a class night or a region. Counts, rates and times are the group's own; whether a student is
  stuck or at risk is measured against the whole class, so that choosing a group never changes it.
- **Type**: a kind of assignment. What is counted is then of that type alone; what is said of a student (risk,
  reasons, activity) or of one assignment stays what it is.
- Shares, rates and grades run from 0 to 1. A mean over nothing is null, never 0."""


def _field_table(row: type[Row]) -> str:
    lines = ["| field | type | unit | meaning |", "|---|---|---|---|"]
    for name, field in row.model_fields.items():
        lines.append(f"| `{name}` | {type_name(field.annotation)} | {unit(field)} | {field.description} |")
    return "\n".join(lines)


def unit(field: FieldInfo) -> str:
    """The unit of a column in words, empty for none."""
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def type_name(annotation: Any) -> str:
    """The type of a column in words."""
    bare, optional = unwrap(annotation)
    name = " / ".join(get_args(bare)) if get_origin(bare) is Literal else _TYPE_NAMES[bare]
    return f"{name} or null" if optional else name


_TYPE_NAMES = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "yes or no",
    datetime: "time",
    date: "date",
    list[str]: "list of texts",
    list[Need]: "list of texts",
    RiskParts: "object",
}
_DTYPES = {
    bool: "bool",
    list[str]: "object",
    list[Need]: "object",
    RiskParts: "object",
    str: "str",
    int: "int64",
    float: "float64",
    datetime: "datetime64[us, UTC]",
    date: "datetime64[us]",
}


def _report(name: str, frame: pd.DataFrame, row: type[Row]) -> Report:
    columns = {}
    for field, info in row.model_fields.items():
        column, dtype = frame[field], _dtype(info.annotation)
        # A cast to the type that it has already costs more than the whole answer of a small class.
        columns[field] = column if column.dtype == dtype else column.astype(dtype)  # type: ignore[call-overload]
    return Report(name, pd.DataFrame(columns, index=frame.index), row)


def _dtype(annotation: Any) -> str:
    bare, optional = unwrap(annotation)
    if bare is int and optional:
        return "Int64"
    return "str" if get_origin(bare) is Literal else _DTYPES[bare]


def unwrap(annotation: Any) -> tuple[Any, bool]:
    """The type without None, and whether None was in it."""
    if get_origin(annotation) not in (types.UnionType, Union):
        return annotation, False
    (bare,) = (part for part in get_args(annotation) if part is not type(None))
    return bare, True


def _plain(column: pd.Series[Any], annotation: Any) -> list[Any]:
    """The one place where missing values become None."""
    bare, _ = unwrap(annotation)
    missing = column.isna()
    if bare is datetime:
        column = column.dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3] + "Z"
    elif bare is date:
        column = column.dt.strftime("%Y-%m-%d")
    values = column.astype("object")
    return values.where(~missing, None).tolist()


if __name__ == "__main__":
    print(markdown(), end="")
