"""The progress of the class, week by week."""

from functools import partial

import streamlit as st

from cohort_core.charts import assignment_charts, week_charts
from cohort_core.dashboard.components import downloads, tables, text
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.layout import begin, lazy_expander
from cohort_core.dashboard.sections import class_comparison, trends
from cohort_core.reports import catalog
from cohort_core.reports.report import Report

COLUMNS = {
    "week": Column("Week of", "date", pinned=True),
    "completed_in_week": Column("Completed in the week", "whole"),
    "completed": Column("Completed so far", "whole"),
    "in_progress": Column("In progress", "whole"),
    "active_students": Column("Active students", "whole"),
}
TYPES = {
    "type": Column("Type", pinned=True),
    "completion_rate": Column("Completed", "share"),
    "avg_grade": Column("Average grade", "percent"),
    "completed": Column("Completions", "whole"),
    "in_progress": Column("In progress", "whole"),
    "assignments": Column("Assignments", "whole"),
}
GROUPS = {
    "label": Column("Group", pinned=True),
    "students": Column("Students", "whole"),
    "avg_completion": Column("Average completion", "share"),
    "active_this_week_count": Column("Active in 7 days", "whole"),
    "not_started_count": Column("Not started", "whole"),
    "avg_grade": Column("Average grade", "percent"),
    "kind": Column("Kind"),
}


def show_numbers(progress: Report) -> None:
    latest_first = progress.frame[::-1]
    tables.show(latest_first, progress.row, COLUMNS, key="weeks", alt="Progress by week, the latest first")


with begin("trends") as view:
    progress = catalog.progress_over_time(view.cohort)
    weeks = progress.frame
    if weeks.empty:
        st.info("Nobody has started anything yet. The first week appears with the first activity.")
        st.stop()
    trends.name_early_records(view.cohort)
    meaning = text.meanings(progress.row)
    progress_chart = week_charts.cumulative_progress(weeks)
    downloads.heading(
        view,
        "Progress",
        report=progress,
        picture=week_charts.cumulative_progress,
        help="Assignments, summed over all students, at the end of each week.",
    )
    tables.picture(
        progress_chart,
        alt="Assignments completed and in progress, summed over all students, at the end of each week",
    )
    left, right = st.columns(2, gap="large")
    with left:
        draw_completed = partial(week_charts.weekly, field="completed_in_week", title="Assignments completed")
        downloads.heading(
            view,
            "Completed per week",
            report=progress,
            has_table=False,
            picture=draw_completed,
            name="completed-per-week",
            help=meaning["completed_in_week"],
        )
        tables.picture(draw_completed(weeks), alt="Assignments completed in each week")
    with right:
        draw_active = partial(week_charts.weekly, field="active_students", title="Students")
        downloads.heading(
            view,
            "Active students",
            report=progress,
            has_table=False,
            picture=draw_active,
            name="active-students",
            title="Active students per week",
            help=meaning["active_students"],
        )
        tables.picture(draw_active(weeks), alt="Active students in each week")
    st.caption("The palest bar is the week that has not ended yet.")
    left, right = st.columns(2, gap="large")
    with left:
        velocity = catalog.velocity(view.cohort)
        downloads.heading(
            view,
            "Velocity",
            report=velocity,
            picture=trends.velocity_chart,
            help=text.meanings(velocity.row)["per_enrolled"],
        )
        tables.picture(trends.velocity_chart(velocity.frame), alt="Completions a student, week by week")
    with right:
        grades = catalog.grade_distribution(view.cohort)
        draw_grades = partial(assignment_charts.grades, height=240)
        downloads.heading(view, "Grades", report=grades, picture=draw_grades)
        tables.picture(draw_grades(grades.frame), alt="Completions by grade")
    habits = catalog.habits(view.cohort)
    downloads.heading(
        view,
        "When they work",
        report=habits,
        picture=week_charts.habits,
        help="Starts and completions by hour of the week, in the class's time zone.",
    )
    tables.picture(week_charts.habits(habits.frame), alt="Starts and completions by hour")

    class_comparison.show(view)
    types, groups = catalog.by_type(view.cohort), catalog.by_group(view.cohort)
    if len(types.frame) > 1:
        downloads.heading(view, "By type of assignment", report=types)
        tables.show(types.frame, types.row, TYPES, key="types", alt="Completion and grades by type")
    if not groups.frame.empty:
        downloads.heading(view, "Groups side by side", report=groups)
        tables.show(groups.frame, groups.row, GROUPS, key="groups", alt="Completion and grades by group")
    lazy_expander("The numbers", "numbers", show_numbers, progress)
