"""One assignment: who is where with it, how it was graded, how long it takes."""

import streamlit as st

from cohort_core import charts, dashboard, reports
from cohort_core.dashboard import downloads, lists, picking, tables, words, work

with dashboard.begin("assignment") as view:
    cohort = view.cohort
    assignment_id = picking.assignment(cohort)
    told = cohort.assignments.loc[[assignment_id]].iloc[0]
    st.subheader(words.literal(str(told["name"])), anchor=False)
    st.text(work.place(told, len(cohort.all_types.assignments)))

    students = reports.assignment_students(cohort, assignment_id)
    lists.split(work.parts(students.frame), "student")
    grades, times = st.columns(2, gap="large")
    with grades:
        ranges = reports.assignment_grades(cohort, assignment_id)
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
        curve = reports.assignment_durations(cohort, assignment_id)
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
        work.in_words(students.frame),
        students.row,
        work.COLUMNS,
        key="students",
        alt="Students by where they are with it",
        opens="student",
    )
