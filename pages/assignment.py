"""One assignment: the state of each student in it, the grades, and the time it takes."""

from functools import partial

import streamlit as st

from cohort_core.charts import assignment_charts
from cohort_core.dashboard.components import choosers, downloads, lists, tables, text
from cohort_core.dashboard.files.questions import report_of
from cohort_core.dashboard.layout import begin
from cohort_core.dashboard.sections import assignment
from cohort_core.reports import catalog

with begin("assignment") as view:
    cohort = view.cohort
    assignment_id = choosers.assignment(cohort)
    row = cohort.assignments.loc[[assignment_id]].iloc[0]
    st.header(text.literal(str(row["name"])), anchor=False)
    st.text(assignment.place(row, len(cohort.all_types.assignments)))

    students = catalog.assignment_students(cohort, assignment_id)
    lists.stacked_bar(assignment.parts(students.frame), "student")
    left, right = st.columns(2, gap="large")
    with left:
        grades = catalog.assignment_grades(cohort, assignment_id)
        grades_chart = assignment_charts.grades(grades.frame) if grades.frame["count"].sum() else None
        downloads.heading(
            view,
            "Grades",
            report=grades if grades_chart else None,
            ask=partial(report_of, name="assignment_grades", assignment_id=assignment_id),
            picture=assignment_charts.grades if grades_chart else None,
            name="assignment_grades",
            title="grades",
        )
        if grades_chart:
            tables.picture(grades_chart, alt="Completions by grade")
        else:
            st.caption("No completion has a grade.")
    with right:
        durations = catalog.assignment_durations(cohort, assignment_id)
        durations_chart = None if durations.frame.empty else assignment_charts.durations(durations.frame)
        downloads.heading(
            view,
            "How long it takes",
            report=durations,
            ask=partial(report_of, name="assignment_durations", assignment_id=assignment_id),
            picture=assignment_charts.durations if durations_chart else None,
            title="how long it takes",
            help="Open work is taken to last longer than its age so far.",
        )
        if durations_chart:
            tables.picture(durations_chart, alt="Share expected to be done after so many days")
        else:
            st.caption("No time is known from start to completion.")
    downloads.heading(
        view,
        "Students",
        report=students,
        ask=partial(report_of, name="assignment_students", assignment_id=assignment_id),
    )
    tables.show(
        assignment.to_rows(students.frame),
        students.row,
        assignment.COLUMNS,
        key="students",
        alt="Students by where they are with it",
        opens="student",
    )
