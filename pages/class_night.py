"""The class night: students to talk to, and topics; a tick notes the talk."""

import streamlit as st

from cohort_core.dashboard.components import downloads
from cohort_core.dashboard.layout import begin, part
from cohort_core.dashboard.sections import class_night

with begin("class_night") as view:
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="titled-class_night",
    ):
        st.caption(class_night.describe(view))
        downloads.sheet_menu(view, "class-night")
    part(class_night.show, view)
