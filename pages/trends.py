"""How the class moves, week by week."""

import streamlit as st

from cohort_core.charts import charts
from cohort_core.dashboard.components import downloads, tables, text
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.layout import begin, folded
from cohort_core.dashboard.sections import class_comparison
from cohort_core.reports import catalog
from cohort_core.reports.report import Report

COLUMNS = {
    "week": Column("Week of", "date", pinned=True),
    "completed_in_week": Column("Completed in the week", "whole"),
    "completed": Column("Completed so far", "whole"),
    "in_progress": Column("In progress", "whole"),
    "active_students": Column("Active students", "whole"),
}
VELOCITY = {"per_enrolled": "For each enrolled student", "per_active": "For each student active in the week"}
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


def numbers(weeks: Report) -> None:
    latest_first = weeks.frame[::-1]
    tables.show(latest_first, weeks.row, COLUMNS, key="weeks", alt="Progress by week, the latest first")


with begin("trends") as view:
    answer = catalog.progress_over_time(view.cohort)
    weeks = answer.frame
    if weeks.empty:
        st.info("Nobody has started anything yet. The first week appears with the first activity.")
        st.stop()
    meaning = text.meanings(answer.row)
    cumulative = charts.cumulative_progress(weeks)
    downloads.heading(
        view,
        "Progress",
        report=answer,
        picture=cumulative,
        help="Assignments, summed over all students, at the end of each week.",
    )
    tables.picture(
        cumulative,
        alt="Assignments completed and in progress, summed over all students, at the end of each week",
    )
    done, active = st.columns(2, gap="large")
    with done:
        completed = charts.weekly(weeks, "completed_in_week", "Assignments completed")
        downloads.heading(
            view,
            "Completed per week",
            picture=completed,
            name="completed-per-week",
            help=meaning["completed_in_week"],
        )
        tables.picture(completed, alt="Assignments completed in each week")
    with active:
        seen = charts.weekly(weeks, "active_students", "Students")
        downloads.heading(
            view,
            "Active students",
            picture=seen,
            name="active-students",
            title="Active students per week",
            help=meaning["active_students"],
        )
        tables.picture(seen, alt="Active students in each week")
    st.caption("The palest bar is the week that has not ended yet.")
    pace, spread = st.columns(2, gap="large")
    with pace:
        velocity = catalog.velocity(view.cohort)
        speed = charts.lines(
            velocity.frame[velocity.frame["is_full"]], VELOCITY, "Completions a student", ".1f"
        )
        downloads.heading(
            view,
            "Velocity",
            report=velocity,
            picture=speed,
            help=text.meanings(velocity.row)["per_enrolled"],
        )
        tables.picture(speed, alt="Completions a student, week by week")
    with spread:
        ranges = catalog.grade_distribution(view.cohort)
        graded = charts.grades(ranges.frame, height=240)
        downloads.heading(view, "Grades", report=ranges, picture=graded)
        tables.picture(graded, alt="Completions by grade")
    habits = catalog.habits(view.cohort)
    hours = charts.habits(habits.frame)
    downloads.heading(
        view,
        "When they work",
        report=habits,
        picture=hours,
        help="Starts and completions by hour of the week, in the class's time zone.",
    )
    tables.picture(hours, alt="Starts and completions by hour")

    class_comparison.show(view)
    types, groups = catalog.by_type(view.cohort), catalog.by_group(view.cohort)
    if len(types.frame) > 1:
        downloads.heading(view, "By type of assignment", report=types)
        tables.show(types.frame, types.row, TYPES, key="types", alt="Completion and grades by type")
    if not groups.frame.empty:
        downloads.heading(view, "Groups side by side", report=groups)
        tables.show(groups.frame, groups.row, GROUPS, key="groups", alt="Completion and grades by group")
    folded("The numbers", "numbers", numbers, answer)
