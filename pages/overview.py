"""Is the class well, and who needs a message first."""

import streamlit as st

from cohort_core import charts, dashboard, reports
from cohort_core.dashboard import changed, lists, words

MOST_PEOPLE = 7

with dashboard.begin("overview") as view:
    summary = reports.progress_summary(view.cohort).record()
    health = reports.student_health(view.cohort)
    meaning = words.meanings(reports.ProgressSummaryRow)

    with st.container(horizontal=True, key="headline"):
        st.metric("Students", f"{summary['total_students']:,}", help=meaning["total_students"], width=110)
        st.metric(
            "Average completion",
            words.percent(summary["avg_completion"]),
            help=meaning["avg_completion"],
            width=190,
        )
        st.metric(
            "Active in 7 days",
            f"{(health.frame['stage'] == 'active').sum():,}",
            help="Students whose last start or completion is less than 7 days ago. "
            "Those who enrolled less than 7 days ago are not counted.",
            width=150,
        )
        st.metric(
            "Last sync",
            words.upper_first(view.age.words),
            help=words.literal(view.age.moment),
            width=220,
        )
    lists.split(
        [
            lists.Part("Completed everything", summary["completed_count"], charts.ACCENT),
            lists.Part("In progress", summary["in_progress_count"], charts.BANDS["medium"].colour),
            lists.Part("Not started", summary["not_started_count"], charts.NEUTRAL),
        ],
        "student",
    )

    who, progress = st.columns([3, 2], gap="large")
    with who:
        st.subheader("Who needs attention first", anchor=False)
        urgent = health.frame[health.frame["risk"] != "low"].head(MOST_PEOPLE)
        if urgent.empty:
            st.write("Nobody stands out: everyone is on pace with the cohort.")
        else:
            lists.people(lists.person(row) for row in health.records()[: len(urgent)])
        dashboard.link("risk", "All students by risk")
    with progress:
        st.subheader("Progress", anchor=False)
        st.altair_chart(
            charts.cumulative_progress(reports.progress_over_time(view.cohort).frame, height=240),
            alt="Assignments completed and in progress, summed over all students, at the end of each week",
        )
        dashboard.link("trends", "All trends")
    changed.show(view.workspace, view.cohort.facts.class_id, view.group_id, view.now)
