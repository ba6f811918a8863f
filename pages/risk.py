"""The students who fall behind the class, and why."""

from dataclasses import replace
from functools import partial
from typing import get_args

import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.components import downloads, lists, tables, text
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.layout import View, begin, part
from cohort_core.dashboard.sections import bulk, contacts, hides, student_filter
from cohort_core.reports import catalog, row_models
from cohort_core.reports.labels import BANDS, RISK_PARTS, stage_words

ALL = "all"
COLUMNS = {
    "name": Column("Student", pinned=True, width="medium"),
    "risk": Column("Risk level"),
    "brief": Column("Reason", width="large"),
    "contact": Column("Last contact", width="medium"),
    "email": Column("Email", width="medium"),
    "risk_score": Column("Risk", "bar"),
    "pct": Column("Completed", "share"),
    "stuck": Column("Stuck in", "whole"),
    "days_silent": Column("Days silent", "whole"),
    "stage": Column("Activity"),
    "avg_grade": Column("Average grade", "percent"),
    "missing_points": Column("Missing", "points"),
    "marks_points": Column("Low grades", "points"),
    "late_points": Column("Late", "points"),
    "quiet_points": Column("Silent", "points"),
    "night": Column("Class night"),
    "region": Column("Region"),
}


def show_students(view: View) -> None:
    report = catalog.student_health(view.cohort)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        band = url_state.choose(
            "band",
            st.segmented_control,
            "Risk level",
            (ALL, *get_args(row_models.Band)),
            default=ALL,
            format_func=lambda band: "All" if band == ALL else BANDS[band].marked,
        )
        stage = url_state.choose(
            "stage",
            st.selectbox,
            "Activity",
            (ALL, student_filter.ENGAGEMENT_GAP, *get_args(row_models.Stage)),
            default=ALL,
            format_func=lambda stage: (
                stage_words(view.cohort.thresholds)
                | {student_filter.ENGAGEMENT_GAP: student_filter.KEEPING_UP}
            ).get(stage, "All"),
            width=185,
        )
        search = st.text_input("Search by name", key="search", width=205)
    narrow = partial(student_filter.filter_students, band=band, stage=stage, search=search, everything=ALL)
    shown = narrow(report.frame)
    hides.show_notice(view)
    if shown.empty:
        st.info("Nobody fits this choice.")
        return
    downloads.heading(
        view,
        text.count(len(shown), "student"),
        report=replace(report, frame=shown),
        narrow=narrow,
    )
    write_place = st.container()
    wrote = {
        student_id: words
        for (class_id, student_id), words in contacts.last_contacts(view).items()
        if class_id == view.class_id
    }
    table_rows = student_filter.to_rows(shown, stage_words(view.cohort.thresholds), view.cohort, wrote)
    columns = {
        name: column
        for name, column in COLUMNS.items()
        if table_rows[name].notna().any() or name not in ("contact", "email", "night", "region")
    }
    ticked = tables.show(
        table_rows,
        report.row,
        columns,
        key="students",
        alt="Students, the highest risk first",
        opens="student",
        has_ticks=view.commands is not None,
    )
    with write_place:
        if view.commands is not None:
            bulk.offer(view, ticked)
    downloads.heading(
        view,
        "Where the points come from",
        report=report,
        has_table=False,
        narrow=narrow,
        picture=student_filter.risk_chart,
        name="risk-parts",
    )
    if len(shown) > student_filter.MAX_BARS:
        st.caption(
            f"The first {student_filter.MAX_BARS} of {text.count(len(shown), 'student')}; "
            "the table above has all."
        )
    lists.legend(RISK_PARTS)
    tables.chart(
        student_filter.risk_chart(shown),
        alt="Risk points of each student by the four parts",
        key="parts",
        opens={"student_id": "student"},
    )


with begin("risk") as view:
    st.caption(
        "Each student against what most of this class has completed, how well and when. On pace means on "
        "pace with the class, not safe; and the score does not foresee who will drop out."
    )
    lists.band_counts(catalog.student_health(view.cohort).frame["risk"].value_counts().to_dict())
    with st.expander("What may be said about a risk level"):
        lists.band_meanings(view.reader.band_meanings())
    part(show_students, view)
