"""Who is falling behind the class, and why."""

from typing import get_args

import streamlit as st

from cohort_core import charts, dashboard, reports
from cohort_core.charts import BANDS
from cohort_core.dashboard import lists, selection, tables, words
from cohort_core.dashboard.tables import Column

MOST_BARS = 20
ALL = "all"
STAGES = {
    "new": "New",
    "active": "Active",
    "cooling": "Cooling",
    "quiet": "Quiet",
    "gone": "Gone",
    "never_started": "Never started",
}
COLUMNS = {
    "name": Column("Student", pinned=True, width="medium"),
    "risk": Column("Band"),
    "risk_score": Column("Risk", "bar"),
    "pct": Column("Completed", "share"),
    "completed": Column("Done", "whole"),
    "stuck": Column("Stuck in", "whole"),
    "days_silent": Column("Days silent", "whole"),
    "stage": Column("Activity"),
    "avg_grade": Column("Average grade", "percent"),
    "missing_points": Column("Not done", "points"),
    "marks_points": Column("Marks lost", "points"),
    "late_points": Column("Late", "points"),
    "quiet_points": Column("Silent", "points"),
    "night": Column("Night"),
    "region": Column("Region"),
}

with dashboard.begin("risk") as view:
    st.caption(
        "Each student against what most of this class has completed, how well and when. On pace means on "
        "pace with the cohort, not safe; and the score does not foresee who will drop out."
    )
    answer = reports.student_health(view.cohort)
    counts = answer.frame["risk"].value_counts().to_dict()
    lists.band_counts(counts)
    band = selection.choose(
        "band",
        st.segmented_control,
        "Show",
        (ALL, *get_args(reports.Band)),
        default=ALL,
        format_func=lambda one: "Everyone" if one == ALL else BANDS[one].marked,
    )
    shown = answer.frame if band == ALL else answer.frame[answer.frame["risk"] == band]
    if shown.empty:
        st.info(f"Nobody is in the band {BANDS[band].label} at the moment.")
    else:
        first = shown.head(MOST_BARS)
        st.subheader("Where the points come from", anchor=False)
        if len(shown) > MOST_BARS:
            st.caption(
                f"The first {MOST_BARS} of {words.count(len(shown), 'student')}; the table below has all."
            )
        lists.legend(charts.RISK_PARTS)
        st.altair_chart(charts.risk_parts(first), alt="Risk points of each student by the four parts")
        st.subheader(words.count(len(shown), "student"), anchor=False)
        told = shown.assign(
            risk=shown["risk"].map(lambda one: BANDS[one].marked), stage=shown["stage"].map(STAGES)
        )
        columns = {
            name: column
            for name, column in COLUMNS.items()
            if told[name].notna().any() or name not in ("night", "region")
        }
        tables.show(told, answer.row, columns, key="students", alt="Students, the highest risk first")
