"""The names of the reports, by what they are about."""

from __future__ import annotations

MAIN_REPORTS = ("progress_summary", "completion", "blockers", "student_health", "progress_over_time")
OTHER_REPORTS = (
    *("time_to_complete", "stuck", "reteach", "activity", "engagement_gap", "velocity", "cohort_alarm"),
    *("pace", "forecast", "grade_distribution", "by_type", "by_section", "by_group", "by_weekday", "by_hour"),
    *("habits", "by_course_week", "matrix"),
)
STUDENT_REPORTS = ("student", "student_timeline", "student_assignments", "risk_history", "habits")
ASSIGNMENT_REPORTS = ("assignment_students", "assignment_grades", "assignment_durations")
