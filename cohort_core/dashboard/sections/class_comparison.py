"""The class beside the mentor's other classes, week of the course by week of the course."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import streamlit as st

from cohort_core.charts import charts
from cohort_core.dashboard import url_state
from cohort_core.dashboard.components import downloads, tables
from cohort_core.dashboard.layout import View
from cohort_core.errors import CohortError
from cohort_core.metrics.cohort import of_type
from cohort_core.reports import catalog

MAX_CLASSES = 8
"""More lines nobody can tell apart."""
FIELDS = {"avg_completion": "Average completion", "active_share": "Active students"}


def show(view: View) -> None:
    answer = catalog.by_course_week(view.cohort)
    mine = answer.frame[answer.frame["is_full"]]
    if mine.empty:
        return
    titled = st.container()
    field = url_state.choose(
        "compare",
        st.segmented_control,
        "Compare",
        tuple(FIELDS),
        default="avg_completion",
        format_func=FIELDS.__getitem__,
        label_visibility="collapsed",
    )
    others = list(_others(view))
    drawn = charts.course_weeks((view.cohort.class_data.name, mine), others, field, FIELDS[field])
    with titled:
        downloads.heading(
            view,
            "At the same week of the course",
            report=answer,
            picture=drawn,
            title=f"{FIELDS[field]} by week of the course",
            help="Weeks that are over, counted from the day on which each class began.",
        )
    tables.picture(drawn, alt=f"{FIELDS[field]} in each full week of the course, beside other classes")
    if not others:
        st.caption("Follow another class on the Classes page to see the two side by side.")


def _others(view: View) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name and full weeks of the other classes that the mentor follows, the whole of each."""
    active = [one for one in view.classes if one.is_active and one.synced_at and one.id != view.class_id]
    for one in active[:MAX_CLASSES]:
        try:
            cohort = view.reader.cohort(one.id, view.as_of)
            chosen = of_type(cohort, view.cohort.type) if view.cohort.type else cohort
        except CohortError:
            # It has no assignments of this type, so there is nothing to compare.
            continue
        weeks = catalog.by_course_week(chosen).frame
        if weeks["is_full"].any():
            yield one.name, weeks[weeks["is_full"]]
