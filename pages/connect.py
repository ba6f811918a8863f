"""The first minute: where the school is, and which of its classes to follow."""

import streamlit as st

from cohort_core import dashboard
from cohort_core.dashboard import connecting

with dashboard.begin("connect", needs_class=False) as view:
    if listed := connecting.listed_classes():
        connecting.choose_classes(view.workspace, listed)
    else:
        if view.workspace.is_connected():
            connecting.show_connection(view.workspace, anonymous=view.reader.anonymous)
        school, practice = st.columns([3, 2], gap="large")
        with school:
            connecting.ask_for_school(view.workspace, anonymous=view.reader.anonymous)
        with practice:
            connecting.offer_practice_school(view.workspace)
