"""The whole class in one picture: all students by all assignments."""

from functools import partial

import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.components import downloads, lists, tables, text
from cohort_core.dashboard.layout import View, begin, lazy_expander, part
from cohort_core.dashboard.sections import matrix
from cohort_core.reports.labels import STATES


def show(view: View) -> None:
    order = url_state.choose(
        "order",
        st.segmented_control,
        "Students by",
        tuple(matrix.ORDERS),
        default="risk",
        format_func=matrix.ORDERS.__getitem__,
    )
    report = matrix.order_students(view.cohort, order)
    chart = matrix.chart(view.cohort, report.frame)
    students = len(view.cohort.students)
    if students > matrix.MAX_STUDENTS:
        st.caption(
            f"The first {matrix.MAX_STUDENTS} of {text.count(students, 'student')}. "
            "Another order or a group shows others."
        )
    downloads.heading(
        view,
        "Students by assignments",
        report=report,
        ask=partial(matrix.matrix_table, order=order),
        scene=partial(matrix.matrix_chart, order=order),
    )
    lists.legend(
        {state: (f"{mark} {word}".strip(), colour) for state, (word, colour, mark) in STATES.items()}
    )
    width = matrix.NAMES_PIXELS + matrix.COLUMN_PIXELS * len(view.cohort.assignments)
    st.html(
        f"<style>.st-key-matrix > div:has([data-testid=stVegaLiteChart]) {{ min-width: {width}px; }}</style>"
    )
    with st.container(key="matrix"):
        tables.chart(
            chart,
            alt=f"{text.count(students, 'student')} by "
            f"{text.count(len(view.cohort.assignments), 'assignment')}, coloured by state",
            key="cells",
            opens={"student_id": "student", "heading_id": "assignment"},
        )
        # Inside, so that the keyboard can reach what is scrolled.
        lazy_expander("The same as a table", "matrix-table", matrix.show_table, view.cohort, report.frame)
    st.caption(
        "Point at a square to see details. Click a square to open the student, or a name above to open the "
        "assignment."
    )


with begin("matrix") as view:
    part(show, view)
