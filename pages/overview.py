"""Is the class well, and who needs a message first."""

import streamlit as st

from cohort_core import charts, dashboard, reports
from cohort_core.dashboard import changed, headline, lists, triage

with dashboard.begin("overview") as view:
    headline.alarm(reports.cohort_alarm(view.cohort).record())
    headline.show(view)
    who, progress = st.columns([3, 2], gap="large")
    with who:
        triage.show(view)
    with progress:
        st.subheader("Progress", anchor=False)
        st.altair_chart(
            charts.cumulative_progress(reports.progress_over_time(view.cohort).frame, height=240),
            alt="Assignments completed and in progress, summed over all students, at the end of each week",
        )
        dashboard.link("trends", "All trends")
        lists.reteach(
            reports.reteach(view.cohort).records(), most=3, names=5, least=view.cohort.thresholds.least_ranked
        )
        dashboard.link("blockers", "All blockers")
    changed.show(view.reader, view.class_id, view.group_id, view.as_of, view.now)
