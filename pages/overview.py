"""Is the class well, who needs a message first, and what is new."""

import streamlit as st

from cohort_core import charts, dashboard, reports
from cohort_core.dashboard import changed, downloads, headline, lists, tables, triage

with dashboard.begin("overview") as view:
    headline.verdict(view)
    headline.show(view)
    who, news = st.columns(2, gap="large")
    with who:
        dashboard.part(triage.show, view)
    with news:
        dashboard.part(changed.show, view)
        lists.reteach(view, reports.reteach(view.cohort), most=3, names=5)
        dashboard.link("blockers", "All blockers")
        weeks = reports.progress_over_time(view.cohort)
        drawn = charts.cumulative_progress(weeks.frame, height=240)
        downloads.heading(view, "Progress", report=weeks, picture=drawn)
        tables.picture(
            drawn,
            alt="Assignments completed and in progress, summed over all students, at the end of each week",
        )
        dashboard.link("trends", "All trends")
