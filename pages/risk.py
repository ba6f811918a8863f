"""Who is falling behind the class, and why."""

from dataclasses import replace
from typing import get_args

import streamlit as st

from cohort_core.charts import charts
from cohort_core.dashboard import url_state
from cohort_core.dashboard.components import downloads, lists, tables, text
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.layout import View, begin, part
from cohort_core.dashboard.sections import student_filter
from cohort_core.reports import catalog, rows
from cohort_core.reports.labels import BANDS, RISK_PARTS

MOST_BARS = 20
ALL = "all"
COLUMNS = {
    "name": Column("Student", pinned=True, width="medium"),
    "risk": Column("Band"),
    "risk_score": Column("Risk", "bar"),
    "pct": Column("Completed", "share"),
    "stuck": Column("Stuck in", "whole"),
    "days_silent": Column("Days silent", "whole"),
    "stage": Column("Activity"),
    "reasons": Column("Why", width="large"),
    "avg_grade": Column("Average grade", "percent"),
    "missing_points": Column("Not done", "points"),
    "marks_points": Column("Marks lost", "points"),
    "late_points": Column("Late", "points"),
    "quiet_points": Column("Silent", "points"),
    "night": Column("Night"),
    "region": Column("Region"),
}


def students(view: View) -> None:
    answer = catalog.student_health(view.cohort)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        band = url_state.choose(
            "band",
            st.segmented_control,
            "Band",
            (ALL, *get_args(rows.Band)),
            default=ALL,
            format_func=lambda one: "All" if one == ALL else BANDS[one].marked,
        )
        stage = url_state.choose(
            "stage",
            st.selectbox,
            "Activity",
            (ALL, student_filter.ENGAGEMENT_GAP, *get_args(rows.Stage)),
            default=ALL,
            format_func=lambda one: (
                student_filter.STAGES | {student_filter.ENGAGEMENT_GAP: student_filter.KEEPING_UP}
            ).get(one, "All"),
            width=185,
        )
        sought = st.text_input("Search by name", key="search", width=205)
    shown = student_filter.matching(answer.frame, band=band, stage=stage, sought=sought, everything=ALL)
    if shown.empty:
        st.info("Nobody fits this choice.")
    else:
        first = shown.head(MOST_BARS)
        parts = charts.risk_parts(first)
        downloads.heading(view, "Where the points come from", picture=parts, name="risk-parts")
        if len(shown) > MOST_BARS:
            st.caption(
                f"The first {MOST_BARS} of {text.count(len(shown), 'student')}; the table below has all."
            )
        lists.legend(RISK_PARTS)
        tables.chart(
            parts,
            alt="Risk points of each student by the four parts",
            key="parts",
            opens={"student_id": "student"},
        )
        downloads.heading(view, text.count(len(shown), "student"), report=replace(answer, frame=shown))
        told = student_filter.in_words(shown, student_filter.STAGES)
        columns = {
            name: column
            for name, column in COLUMNS.items()
            if told[name].notna().any() or name not in ("night", "region")
        }
        tables.show(
            told,
            answer.row,
            columns,
            key="students",
            alt="Students, the highest risk first",
            opens="student",
        )
        st.caption("Click a bar or a row to open the student.")


with begin("risk") as view:
    st.caption(
        "Each student against what most of this class has completed, how well and when. On pace means on "
        "pace with the cohort, not safe; and the score does not foresee who will drop out."
    )
    lists.band_counts(catalog.student_health(view.cohort).frame["risk"].value_counts().to_dict())
    part(students, view)
