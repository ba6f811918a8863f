"""The progress of the class, week by week."""

from functools import partial

import streamlit as st

from cohort_core.charts import assignment_charts, week_charts
from cohort_core.dashboard.components import downloads, tables, text
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.layout import View, begin, lazy_expander
from cohort_core.dashboard.sections import class_comparison, contacts_by_kind, trends, week
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
    "not_started_count": Column("Never started", "whole"),
    "avg_grade": Column("Average grade", "percent"),
    "mentors": Column("Mentors"),
}


def show_numbers(view: View, progress: Report) -> None:
    latest_first = progress.frame[::-1]
    alt = "Progress by week, the latest first"
    picked = tables.pick(latest_first, progress.row, COLUMNS, key="weeks", alt=alt)
    st.caption("Click a week to see who did what in it.")
    if picked is not None:
        week.show_once(view, latest_first["week"].iloc[picked].date())


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
    week.clickable_chart(
        progress_chart,
        alt="Assignments completed and in progress, summed over all students, at the end of each week",
        key="progress",
    )
    st.caption("Click a week in a chart to see who did what in it.")
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
        week.clickable_chart(draw_completed(weeks), alt="Assignments completed in each week", key="completed")
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
        week.clickable_chart(draw_active(weeks), alt="Active students in each week", key="active")
    st.caption("The pale bar is the week that has not ended yet.")
    left, right = st.columns(2, gap="large")
    with left:
        velocity = catalog.velocity(view.cohort)
        downloads.heading(
            view,
            "Work per week",
            report=velocity,
            picture=trends.velocity_chart,
            help=text.meanings(velocity.row)["per_enrolled"],
        )
        week.clickable_chart(
            trends.velocity_chart(velocity.frame),
            alt="Completions per student, week by week",
            key="velocity",
        )
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
        named_types = types.frame.assign(type=types.frame["type"].fillna("Without a type"))
        tables.show(named_types, types.row, TYPES, key="types", alt="Completion and grades by type")
    if not groups.frame.empty:
        downloads.heading(view, "Groups side by side", report=groups)
        named = trends.name_groups(groups.frame, view.reader.mentors())
        columns = {name: column for name, column in GROUPS.items() if named[name].notna().any()}
        tables.show(named, groups.row, columns, key="groups", alt="Completion and grades by group")
    contacts_by_kind.show(view)
    contacts_by_kind.offer_director_page(view)
    lazy_expander("All weeks in numbers", "numbers", show_numbers, view, progress)
    week.open_picked(view)
