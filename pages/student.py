"""One student: a message, the reasons for it, assignments that hold them up, and their working hours."""

from dataclasses import replace
from functools import partial

import streamlit as st

from cohort_core.charts import student_charts, week_charts
from cohort_core.dashboard.components import choosers, downloads, tables, text
from cohort_core.dashboard.files.questions import report_of
from cohort_core.dashboard.layout import View, begin, lazy_expander, name_tab, part
from cohort_core.dashboard.sections import contacts, own_page, student, worklist
from cohort_core.reports import catalog
from cohort_core.reports.labels import look_of
from cohort_core.reports.report import Report


def show_every_assignment(view: View, assignments: Report, student_id: str) -> None:
    ask = partial(report_of, name="student_assignments", student_id=student_id)
    downloads.menu(view, report=assignments, ask=ask)
    tables.show(
        student.to_rows(assignments.frame),
        assignments.row,
        student.ASSIGNMENTS,
        key="assignments",
        alt="Every assignment in course order",
        opens="assignment",
    )


def show_timeline(view: View, student_id: str) -> None:
    timeline = catalog.student_timeline(view.cohort, student_id)
    ask = partial(report_of, name="student_timeline", student_id=student_id)
    downloads.menu(view, report=timeline, ask=ask)
    student.show_timeline(timeline, view.cohort.tz)


with begin("student") as view:
    with st.container(horizontal=True, vertical_alignment="center", key="student-bar"):
        student_id = choosers.student(view)
        worklist.show(view, student_id)
    cohort = view.cohort
    health = catalog.student(cohort, student_id).record()
    name_tab(health["name"])
    st.header(text.literal(health["name"]), anchor=False)
    student.head(cohort, health, view.reader.mentors())
    part(contacts.show_on_student_page, view, student_id, health["name"])
    part(own_page.show, view, student_id)
    student.hint_at_namesakes(cohort, student_id)
    student.note_set_aside(view.reader.quarantined(view.class_id), student_id)
    student.show_reasons(health, view.reader.band_meanings())

    assignments = catalog.student_assignments(cohort, student_id)
    stuck, missing = student.stuck(assignments.frame), student.missing(assignments.frame)
    weak = student.weak_grades(assignments.frame)
    student.show_figures(cohort, health)

    history, habits = catalog.risk_history(cohort, student_id), catalog.habits(cohort, student_id)
    risk_chart = student_charts.risk_history(history.frame)
    has_habits = habits.frame[["started", "completed"]].to_numpy().any()
    habits_chart = week_charts.habits(habits.frame) if has_habits else None
    ask_assignments = partial(report_of, name="student_assignments", student_id=student_id)
    left, right = st.columns(2, gap="large")
    with left:
        downloads.heading(
            view,
            "Stuck in",
            report=replace(assignments, frame=stuck),
            ask=ask_assignments,
            narrow=student.stuck,
            name="student-stuck",
        )
        if stuck.empty:
            st.caption("Nothing at the moment.")
        else:
            # Whole days, as in all sentences about days.
            whole_days = stuck.assign(days=stuck["days"] // 1)
            tables.show(
                whole_days, assignments.row, student.STUCK, key="stuck", alt="Stuck in", opens="assignment"
            )
        downloads.heading(
            view,
            student.missing_text(len(missing), len(stuck)),
            report=replace(assignments, frame=missing),
            ask=ask_assignments,
            narrow=student.missing,
            name="student-missing",
            help="What half of the class or more has completed and this student has not, in course order, "
            "without what they are stuck in.",
        )
        if missing.empty:
            st.caption("Nothing that half of the class has completed.")
        else:
            tables.show(
                student.to_rows(missing),
                assignments.row,
                student.MISSING,
                key="missing",
                alt="Missing",
                opens="assignment",
            )
        if not weak.empty:
            downloads.heading(
                view,
                "Weak grades",
                report=replace(assignments, frame=weak),
                ask=ask_assignments,
                narrow=student.weak_grades,
                name="student-weak-grades",
                help="Grades at least 10 points below the average of the class, the weakest first.",
            )
            tables.show(
                weak,
                assignments.row,
                student.WEAK,
                key="weak",
                alt="Weak grades",
                opens="assignment",
            )
    with right:
        downloads.heading(
            view,
            "Risk, week by week",
            report=history,
            ask=partial(report_of, name="risk_history", student_id=student_id),
            picture=student_charts.risk_history,
            title="risk, week by week",
        )
        tables.picture(
            risk_chart,
            alt=f"Risk points at the end of each week; now {look_of(health).label}",
        )
        downloads.heading(
            view,
            "When they work",
            report=habits if habits_chart else None,
            ask=partial(report_of, name="habits", student_id=student_id),
            picture=week_charts.habits if habits_chart else None,
            name="student-habits",
            title="when they work",
            help="Starts and completions by hour of the week.",
        )
        if habits_chart:
            tables.picture(habits_chart, alt="Starts and completions by hour")
        else:
            st.caption("Nothing yet.")
    lazy_expander(
        "Every assignment, in course order",
        "every-assignment",
        show_every_assignment,
        view,
        assignments,
        student_id,
    )
    lazy_expander("What they did, newest first", "what-they-did", show_timeline, view, student_id)
