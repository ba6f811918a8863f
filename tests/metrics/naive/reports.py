"""All naive reports on a class, by the names of the program's reports."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from .assignments import (
    assignment_durations,
    assignment_students,
    blockers,
    is_stuck,
    reteach,
    stuck_work,
    time_to_complete,
)
from .breakdowns import WEEKDAYS, breakdown, by_group, grade_distribution, slot
from .progress import (
    by_course_week,
    cohort_alarm,
    completion,
    matrix,
    progress_over_time,
    progress_summary,
    velocity,
)
from .school import Row, School, completions_of
from .students import (
    activity,
    assignment_of_student,
    engagement_gap,
    forecast,
    pace,
    praise,
    student_health,
    timeline,
)


def main_reports(
    rows: list[Row],
    units: list[Row],
    roster: list[Row],
    timezone: str,
    as_of: datetime,
    group: str | None = None,
    starts_on: str | None = None,
    kind: str | None = None,
) -> dict[str, Any]:
    """Compute the five main reports, as the API sends them.

    rows: id, student_id, first_name, last_name, assignment_id, name, type, grade, started_at, completed_at,
    reviewed_at (ISO texts with an offset, or None). units: name and assignments (a list of ids), in course
    order. roster: student_id, and where known first_name, last_name, night, region, enrolled_on,
    withdrawn_on ("YYYY-MM-DD"). as_of has a zone. Assignments outside all units come last, by name.
    """
    school = School(rows, units, roster, ZoneInfo(timezone), as_of, starts_on, kind)
    everyone = list(school.students)
    chosen = [s for s in everyone if group is None or school.in_group(s, group)]
    return {
        "progress_summary": progress_summary(school, chosen),
        "completion": completion(school, chosen),
        "blockers": blockers(school, everyone, chosen),
        "student_health": student_health(school, everyone, chosen),
        "progress_over_time": progress_over_time(school, chosen),
    }


def other_reports(
    rows: list[Row],
    units: list[Row],
    roster: list[Row],
    timezone: str,
    as_of: datetime,
    group: str | None = None,
    starts_on: str | None = None,
    kind: str | None = None,
) -> dict[str, Any]:
    """Compute the other reports about the class, with the parameters of `main_reports`."""
    school = School(rows, units, roster, ZoneInfo(timezone), as_of, starts_on, kind)
    everyone = list(school.students)
    chosen = [s for s in everyone if group is None or school.in_group(s, group)]
    health = main_reports(rows, units, roster, timezone, as_of, group, starts_on, kind)["student_health"]
    by_id = {row["student_id"]: row for row in health}
    weeks = velocity(school, chosen)
    return {
        "time_to_complete": time_to_complete(school, chosen),
        "stuck": stuck_work(school, everyone, chosen),
        "reteach": reteach(school, everyone, chosen),
        "activity": activity(health),
        "engagement_gap": engagement_gap(health),
        "velocity": weeks,
        "praise": praise(school, chosen),
        "cohort_alarm": cohort_alarm(weeks),
        "by_course_week": by_course_week(school, chosen),
        "matrix": matrix(school, everyone, [row["student_id"] for row in health]),
        "pace": pace(school, everyone, chosen),
        "forecast": forecast(school, chosen),
        "grade_distribution": grade_distribution([r for _, _, r in completions_of(school, chosen)]),
        "by_type": breakdown(school, chosen, "type", lambda a: school.kind[a][1]),
        "by_section": breakdown(school, chosen, "section", school.section.get),
        "by_group": by_group(school, roster, chosen, by_id),
        "by_weekday": [
            {
                "weekday": day + 1,
                "name": WEEKDAYS[day],
                **slot(school, chosen, lambda m, d=day: m.weekday() == d),
            }
            for day in range(7)
        ],
        "by_hour": [
            {"hour": hour, **slot(school, chosen, lambda m, h=hour: m.hour == h)} for hour in range(24)
        ],
    }


def detail_reports(school: School, s: str, a: str | None, group: list[str]) -> dict[str, Any]:
    """Compute the reports about one student, and about one assignment if there is any."""
    everyone = list(school.students)
    stuck = is_stuck(school, everyone)
    reports: dict[str, Any] = {
        "student_timeline": timeline(school, s),
        "student_assignments": [
            assignment_of_student(school, everyone, stuck, s, b) for b in school.assignments
        ],
        "habits": [
            {
                "weekday": day + 1,
                "name": WEEKDAYS[day],
                "hour": hour,
                **slot(school, [s], lambda m, d=day, h=hour: (m.weekday(), m.hour) == (d, h)),
            }
            for day in range(7)
            for hour in range(24)
        ],
    }
    if a is not None:
        reports["assignment_students"] = assignment_students(school, stuck, group, a)
        done = [school.record[t, a] for t in group if school.done(t, a)]
        reports["assignment_grades"] = grade_distribution(done)
        reports["assignment_durations"] = assignment_durations(school, group, a)
    return reports
