"""Choose a page's student or assignment by name; the address keeps the choice."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.layout import View
from cohort_core.metrics.cohort import Cohort

_NONE = ""


def student(view: View) -> str:
    """Return the id of the student in the address.

    Without a student it shows only the chooser, and ends the page there.
    """
    cohort = view.cohort
    requested = st.query_params.get("student")
    if requested and requested not in cohort.students.index:
        # A copied address may come from a dashboard with names, or from one with pseudonyms.
        student_id = view.reader.student_id_for(view.class_id, requested)
        if student_id is not None:
            url_state.write("student", student_id)
    return _choose("student", "Student", cohort.students["name"])


def assignment(cohort: Cohort) -> str:
    """Return the id of the assignment in the address.

    Without an assignment it shows only the chooser, and ends the page there.
    """
    return _choose("assignment", "Assignment", cohort.assignments["name"])


def _choose(name: str, label: str, names: pd.Series[str]) -> str:
    labels: dict[str, str] = dict(zip(names.index, names, strict=True))
    if name == "student":
        labels = dict(sorted(labels.items(), key=lambda item: item[1].casefold()))
    requested = st.query_params.get(name)
    if requested and requested not in labels:
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
        format_func=lambda identity: labels.get(
            identity, f"Choose a{'n' if name == 'assignment' else ''} {name}"
        ),
    )
    if chosen == _NONE:
        st.stop()
    return chosen
