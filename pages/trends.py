"""How the class moves, week by week."""

import streamlit as st

from cohort_core import charts, dashboard, reports
from cohort_core.dashboard import tables, words
from cohort_core.dashboard.tables import Column

COLUMNS = {
    "week": Column("Week of", "date", pinned=True),
    "completed_in_week": Column("Completed in the week", "whole"),
    "completed": Column("Completed so far", "whole"),
    "in_progress": Column("In progress", "whole"),
    "active_students": Column("Active students", "whole"),
}

with dashboard.begin("trends") as view:
    answer = reports.progress_over_time(view.cohort)
    weeks = answer.frame
    if weeks.empty:
        st.info("Nobody has started anything yet. The first week appears with the first activity.")
        st.stop()
    meaning = words.meanings(answer.row)
    st.subheader(
        "Progress", anchor=False, help="Assignments, summed over all students, at the end of each week."
    )
    st.altair_chart(
        charts.cumulative_progress(weeks),
        alt="Assignments completed and in progress, summed over all students, at the end of each week",
    )
    done, active = st.columns(2, gap="large")
    with done:
        st.subheader("Completed per week", anchor=False, help=meaning["completed_in_week"])
        st.altair_chart(
            charts.weekly(weeks, "completed_in_week", "Assignments completed"),
            alt="Assignments completed in each week",
        )
    with active:
        st.subheader("Active students", anchor=False, help=meaning["active_students"])
        st.altair_chart(
            charts.weekly(weeks, "active_students", "Students"), alt="Active students in each week"
        )
    st.caption("The palest bar is the week that has not ended yet.")
    with st.expander("The numbers"):
        tables.show(weeks[::-1], answer.row, COLUMNS, key="weeks", alt="Progress by week, the latest first")
