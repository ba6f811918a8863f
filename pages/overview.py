"""The students who need a message first, the state of the class, and the news."""

import streamlit as st

from cohort_core.dashboard.components import downloads, lists, progress_lines
from cohort_core.dashboard.layout import begin, link, part
from cohort_core.dashboard.sections import changes, contacts, headline, praise, score_version, triage
from cohort_core.reports import catalog

with begin("overview") as view:
    score_version.show(view)
    headline.show(view)
    part(triage.show, view)
    left, right = st.columns(2, gap="large")
    with left:
        part(contacts.show_outcomes, view)
        part(changes.show, view)
    with right:
        part(praise.show, view)
        lists.reteach(view, catalog.reteach(view.cohort), max_assignments=3, max_names=5)
        link("blockers", "All blockers")
        weeks = catalog.progress_over_time(view.cohort)
        downloads.heading(view, "Progress", report=weeks, picture=progress_lines.picture)
        progress_lines.show(
            weeks.frame,
            alt="Assignments completed and in progress, summed over all students, at the end of each week",
        )
        headline.show_counts(view)
        link("trends", "All trends")
