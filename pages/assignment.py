"""One assignment: who is where with it, how it was graded, how long it takes."""

import streamlit as st

from cohort_core.charts import charts
from cohort_core.dashboard.components import choosers, downloads, lists, tables, text
from cohort_core.dashboard.layout import begin
from cohort_core.dashboard.sections import assignment
from cohort_core.reports import catalog

with begin("assignment") as view:
    cohort = view.cohort
    assignment_id = choosers.assignment(cohort)
    told = cohort.assignments.loc[[assignment_id]].iloc[0]
    st.subheader(text.literal(str(told["name"])), anchor=False)
    st.text(assignment.place(told, len(cohort.all_types.assignments)))

    students = catalog.assignment_students(cohort, assignment_id)
    lists.split(assignment.parts(students.frame), "student")
    grades, times = st.columns(2, gap="large")
    with grades:
        ranges = catalog.assignment_grades(cohort, assignment_id)
        graded = charts.grades(ranges.frame) if ranges.frame["count"].sum() else None
        downloads.heading(
            view,
            "Grades",
            report=ranges if graded else None,
            picture=graded,
            name="assignment_grades",
            title=f"{told['name']}: grades",
        )
        if graded:
            tables.picture(graded, alt="Completions by grade")
        else:
            st.caption("No completion has a grade.")
    with times:
        curve = catalog.assignment_durations(cohort, assignment_id)
        timed = None if curve.frame.empty else charts.durations(curve.frame)
        downloads.heading(
            view,
            "How long it takes",
            report=curve,
            picture=timed,
            title=f"{told['name']}: how long it takes",
            help="Open work is taken to last longer than its age so far.",
        )
        if timed:
            tables.picture(timed, alt="Share expected to be done after so many days")
        else:
            st.caption("No time is known from start to completion.")
    downloads.heading(view, "Students", report=students)
    tables.show(
        assignment.in_words(students.frame),
        students.row,
        assignment.COLUMNS,
        key="students",
        alt="Students by where they are with it",
        opens="student",
    )
