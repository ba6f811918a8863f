"""One assignment: who is where with it, how it was graded, how long it takes."""

import streamlit as st

from cohort_core import charts, dashboard, reports
from cohort_core.dashboard import lists, picking, tables, words, work

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
        st.subheader("Grades", anchor=False)
        ranges = reports.assignment_grades(cohort, assignment_id).frame
        if ranges["count"].sum():
            st.altair_chart(charts.grades(ranges), alt="Completions by grade")
        else:
            st.caption("No completion has a grade.")
    with times:
        st.subheader(
            "How long it takes", anchor=False, help="Open work is taken to last longer than its age so far."
        )
        curve = reports.assignment_durations(cohort, assignment_id).frame
        if curve.empty:
            st.caption("No time is known from start to completion.")
        else:
            st.altair_chart(charts.durations(curve), alt="Share expected to be done after so many days")
    st.subheader("Students", anchor=False)
    tables.show(
        work.in_words(students.frame),
        students.row,
        work.COLUMNS,
        key="students",
        alt="Students by where they are with it",
        opens="student",
    )
