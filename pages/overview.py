"""Is the class well, who needs a message first, and what is new."""

import streamlit as st

from cohort_core.charts import charts
from cohort_core.dashboard.components import downloads, lists, tables
from cohort_core.dashboard.layout import begin, link, part
from cohort_core.dashboard.sections import changes, headline, triage
from cohort_core.reports import catalog

with begin("overview") as view:
    headline.verdict(view)
    headline.show(view)
    who, news = st.columns(2, gap="large")
    with who:
        part(triage.show, view)
    with news:
        part(changes.show, view)
        lists.reteach(view, catalog.reteach(view.cohort), most=3, names=5)
        link("blockers", "All blockers")
        weeks = catalog.progress_over_time(view.cohort)
        drawn = charts.cumulative_progress(weeks.frame, height=240)
        downloads.heading(view, "Progress", report=weeks, picture=drawn)
        tables.picture(
            drawn,
            alt="Assignments completed and in progress, summed over all students, at the end of each week",
        )
        link("trends", "All trends")
