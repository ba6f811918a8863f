"""The classes to follow; the results of their syncs are one click away."""

import streamlit as st

from cohort_core.dashboard.layout import begin, lazy_expander, link
from cohort_core.dashboard.sections import followed_classes, sync_history

with begin("classes", needs_class=False) as view:
    if not view.classes:
        st.info("There are no classes yet: Cohort Tracker does not know your school.")
        link("connect", "Connect to your school, or try the practice school")
        st.stop()
    followed_classes.show(view)
    sync_history.show_problem(view)
    lazy_expander("Sync details", "sync-details", sync_history.show, view)
