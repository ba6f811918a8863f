"""Which classes to follow, and how their syncs went."""

import streamlit as st

from cohort_core import dashboard
from cohort_core.dashboard import following, history

with dashboard.begin("classes", needs_class=False) as view:
    if not view.classes:
        st.info("There are no classes yet: Cohort Tracker does not know your school.")
        dashboard.link("connect", "Connect to your school, or try the practice school")
        st.stop()
    st.caption(
        "Switch on the classes that you follow: they are synced, and can be chosen in the sidebar. "
        "A class that you switch off keeps its data."
    )
    following.show(view.workspace, view.classes)
    st.subheader("Syncs", anchor=False)
    history.show(view.workspace)
    history.show_set_aside(view.reader, {one.id: one.name for one in view.classes})
