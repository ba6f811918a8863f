"""One assignment: who is where in it, the grades, and the time it takes."""

from functools import partial

import streamlit as st

from cohort_core.charts import assignment_charts
from cohort_core.dashboard.components import choosers, downloads, tables, text
from cohort_core.dashboard.files.questions import report_of
from cohort_core.dashboard.layout import begin, part
from cohort_core.dashboard.sections import assignment
from cohort_core.reports import catalog

with begin("assignment") as view:
    cohort = view.cohort
    assignment_id = choosers.assignment(cohort)
    row = cohort.assignments.loc[[assignment_id]].iloc[0]
    st.header(text.literal(str(row["name"])), anchor=False)
    st.text(assignment.place(row, len(cohort.all_types.assignments)))
    part(assignment.show_students, view, assignment_id)

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
            help="Assignments in progress count as lasting longer than they have so far.",
        )
        if durations_chart:
            tables.picture(durations_chart, alt="Share expected to have completed it after so many days")
        else:
            st.caption("Nobody has completed it yet with a known start.")
