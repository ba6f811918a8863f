"""The answers by name: what pages, API, exports and documentation share.

Each takes a Cohort and returns a Report, a frame with the model of its rows. The model fixes names, types,
units and meanings; the OpenAPI schema, tooltips and docs/metrics.md are made from it. `python -m
cohort_core.reports` prints that document.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from inspect import cleandoc
from typing import Any, Literal, Union, get_args, get_origin

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from cohort_core.cohort import Cohort, parse_from
from cohort_core.errors import BadInput
from cohort_core.metrics import activity, health, listing
from cohort_core.metrics import blockers as blocking
from cohort_core.metrics import changes as changing
from cohort_core.metrics import completion as completing
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
    stage: Stage = _of(
        "new: enrolled for less than 7 days; else by days since the last activity: active below 7, "
        "cooling below 14, quiet below 30, then gone; never_started without any."
    )
    night: str | None = _of("Class night.")
    region: str | None = _of("Region.")


class WeekRow(Row):
    week: date = _of("Its Monday, in the class's time zone.")
    completed: int = _count("Records completed by the week's end.", "records")
    in_progress: int = _count("Records started and not completed at the week's end.", "records")
    completed_in_week: int = _count("Records completed in the week.", "records")
    active_students: int = _count("Students with a start or completion in the week.", "students")


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
    return _report("progress_over_time", activity.progress_over_time(cohort), WeekRow)


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
- Shares, rates and grades run from 0 to 1. A mean over nothing is null, never 0."""


def _field_table(row: type[Row]) -> str:
    lines = ["| field | type | unit | meaning |", "|---|---|---|---|"]
    for name, field in row.model_fields.items():
        extra = field.json_schema_extra
        unit = extra.get("unit", "") if isinstance(extra, dict) else ""
        lines.append(f"| `{name}` | {_type_name(field.annotation)} | {unit} | {field.description} |")
    return "\n".join(lines)


def _type_name(annotation: Any) -> str:
    bare, optional = _unwrap(annotation)
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
    RiskParts: "object",
}
_DTYPES = {
    bool: "bool",
    list[str]: "object",
    RiskParts: "object",
    str: "str",
    int: "int64",
    float: "float64",
    datetime: "datetime64[us, UTC]",
    date: "datetime64[us]",
}


def _report(name: str, frame: pd.DataFrame, row: type[Row]) -> Report:
    dtypes = {field: _dtype(info.annotation) for field, info in row.model_fields.items()}
    return Report(name, frame[list(dtypes)].astype(dtypes), row)


def _dtype(annotation: Any) -> str:
    bare, optional = _unwrap(annotation)
    if bare is int and optional:
        return "Int64"
    return "str" if get_origin(bare) is Literal else _DTYPES[bare]


def _unwrap(annotation: Any) -> tuple[Any, bool]:
    """The type without None, and whether None was in it."""
    if get_origin(annotation) not in (types.UnionType, Union):
        return annotation, False
    (bare,) = (part for part in get_args(annotation) if part is not type(None))
    return bare, True


def _plain(column: pd.Series[Any], annotation: Any) -> list[Any]:
    """The one place where missing values become None."""
    bare, _ = _unwrap(annotation)
    missing = column.isna()
    if bare is datetime:
        column = column.dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3] + "Z"
    elif bare is date:
        column = column.dt.strftime("%Y-%m-%d")
    values = column.astype("object")
    return values.where(~missing, None).tolist()


if __name__ == "__main__":
    print(markdown(), end="")
