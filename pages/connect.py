"""The first minute: connect to a school, and choose the classes to follow."""

import streamlit as st

from cohort_core.dashboard.layout import begin
from cohort_core.dashboard.settings import connection, school_form

with begin("connect", needs_class=False) as view:
    if listed := connection.listed_classes():
        connection.choose_classes(view, listed)
    else:
        if view.reader.is_connected():
            connection.show_connection(view)
        school, practice = st.columns([3, 2], gap="large")
        with school:
            school_form.show(view)
        with practice:
            connection.offer_practice_school(view)
