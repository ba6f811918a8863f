"""The classes to follow, and the results of their syncs."""

import streamlit as st

from cohort_core.dashboard.layout import begin, link
from cohort_core.dashboard.sections import followed_classes, sync_history

with begin("classes", needs_class=False) as view:
    if not view.classes:
        st.info("There are no classes yet: Cohort Tracker does not know your school.")
        link("connect", "Connect to your school, or try the practice school")
        st.stop()
    followed_classes.show(view)
    sync_history.show(view)
    sync_history.show_set_aside(view)
