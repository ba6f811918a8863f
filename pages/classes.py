"""Which classes to follow, and how their syncs went."""

import streamlit as st

from cohort_core import dashboard
from cohort_core.dashboard import following, history

with dashboard.begin("classes", needs_class=False) as view:
    if not view.classes:
        st.info("There are no classes yet: Cohort Tracker does not know your school.")
        dashboard.link("connect", "Connect to your school, or try the practice school")
        st.stop()
    following.show(view)
    history.show(view)
    history.show_set_aside(view)
