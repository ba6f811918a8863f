"""The handover: what the next mentor has to know, and what is not answered yet."""

import streamlit as st

from cohort_core.dashboard.components import downloads
from cohort_core.dashboard.layout import begin, part
from cohort_core.dashboard.sections import handover

with begin("handover") as view:
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="titled-handover",
    ):
        st.caption(handover.describe(view))
        downloads.sheet_menu(view, "handover")
    part(handover.show, view)
