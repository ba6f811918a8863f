"""Which student or assignment a page is about: kept in its address, chosen by name."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.layout import View
from cohort_core.metrics.cohort import Cohort

_NONE = ""


def student(view: View) -> str:
    """The id of the student whom the address means. Ends the page if there is none, with a way to choose."""
    cohort = view.cohort
    asked = st.query_params.get("student")
    if asked and asked not in cohort.students.index:
        # A copied address may come from a dashboard with names, or from one without.
        known = view.workspace.cohorts.student_id_for(view.class_id, asked, anonymous=view.reader.anonymous)
        if known is not None:
            url_state.write("student", known)
    return _choose("student", "Student", cohort.students["name"])


def assignment(cohort: Cohort) -> str:
    """The id of the assignment that the address means. Ends the page if there is none."""
    return _choose("assignment", "Assignment", cohort.assignments["name"])


def _choose(name: str, label: str, names: pd.Series[str]) -> str:
    labels = dict(zip(names.index, names, strict=True))
    if name == "student":
        labels = dict(sorted(labels.items(), key=lambda one: one[1].casefold()))
    asked = st.query_params.get(name)
    if asked and asked not in labels:
        st.info(
            f"This {name} is not in the class, group or type that you look at, or was not yet on that day."
        )
    chosen = url_state.choose(
        name,
        st.selectbox,
        label,
        (_NONE, *labels),
        default=_NONE,
        width=420,
        label_visibility="collapsed",
        format_func=lambda one: labels.get(one, f"Choose a{'n' if name == 'assignment' else ''} {name}"),
    )
    if chosen == _NONE:
        st.stop()
    return chosen
