"""The whole class in one picture: students by assignments."""

import streamlit as st

from cohort_core import charts, dashboard
from cohort_core.dashboard import downloads, lists, matrix, selection, tables, words


def show(view: dashboard.View) -> None:
    order = selection.choose(
        "order",
        st.segmented_control,
        "Students by",
        tuple(matrix.ORDERS),
        default="risk",
        format_func=matrix.ORDERS.__getitem__,
    )
    answer = matrix.ordered(view.cohort, order)
    drawn = charts.matrix(matrix.cells(answer.frame))
    students = len(view.cohort.students)
    if students > matrix.MOST_STUDENTS:
        st.caption(
            f"The first {matrix.MOST_STUDENTS} of {words.count(students, 'student')}. "
            "Another order or a group shows others."
        )
    downloads.heading(view, "Students by assignments", report=answer, picture=drawn)
    lists.legend(
        {state: (f"{mark} {word}".strip(), colour) for state, (word, colour, mark) in charts.STATES.items()}
    )
    with st.container(key="matrix"):
        tables.chart(
            drawn,
            alt=f"{words.count(students, 'student')} by "
            f"{words.count(len(view.cohort.assignments), 'assignment')}, coloured by state",
            key="cells",
            opens={"student_id": "student", "heading_id": "assignment"},
        )
    st.caption(
        "Rest on a square or a number to read what it is; click it to open the student or the assignment."
    )


with dashboard.begin("matrix") as view:
    dashboard.part(show, view)
