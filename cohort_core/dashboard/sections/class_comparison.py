"""The class beside the mentor's other classes, at the same week of the course."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from cohort_core.charts import week_charts
from cohort_core.dashboard import url_state
from cohort_core.dashboard.components import downloads, tables
from cohort_core.dashboard.files.questions import Source
from cohort_core.dashboard.layout import View
from cohort_core.errors import CohortError
from cohort_core.metrics.cohort import Cohort, of_type
from cohort_core.reports import catalog
from cohort_core.services.reader import Reader

MAX_CLASSES = 8
"""Nobody can tell more lines apart."""
FIELDS = {"avg_completion": "Average completion", "active_share": "Active students"}


def show(view: View) -> None:
    report = catalog.by_course_week(view.cohort)
    full_weeks = report.frame[report.frame["is_full"]]
    if full_weeks.empty:
        return
    heading_place = st.container()
    field = url_state.choose(
        "compare",
        st.segmented_control,
        "Compare",
        tuple(FIELDS),
        default="avg_completion",
        format_func=FIELDS.__getitem__,
        label_visibility="collapsed",
    )
    others = list(_other_classes(view.reader, view.cohort, view.as_of))
    chart = _chart(view.cohort, others, field)
    with heading_place:
        downloads.heading(
            view,
            "At the same week of the course",
            report=report,
            scene=partial(chart_of, field=field),
            title=f"{FIELDS[field]} by week of the course",
            help="Weeks that are over, counted from the day on which each class began.",
        )
    tables.picture(chart, alt=f"{FIELDS[field]} in each full week of the course, beside other classes")
    if not others:
        st.caption("Follow another class on the Classes page to see the two side by side.")


def chart_of(source: Source, field: str) -> Any:
    """Draw the chart for a file; None before the first full week."""
    others = list(_other_classes(source.reader, source.cohort, source.selection.as_of))
    return _chart(source.cohort, others, field)


def _chart(cohort: Cohort, others: list[tuple[str, pd.DataFrame]], field: str) -> Any:
    weeks = catalog.by_course_week(cohort).frame
    full_weeks = weeks[weeks["is_full"]]
    if full_weeks.empty:
        return None
    return week_charts.course_weeks((cohort.class_data.name, full_weeks), others, field, FIELDS[field])


def _other_classes(reader: Reader, shown: Cohort, as_of: str | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name and the full weeks of each other class that the mentor follows.

    They are whole classes: a group of the shown class does not narrow them.
    """
    others = [
        status
        for status in reader.statuses(active_only=True)
        if status.synced_at and status.id != shown.class_data.class_id
    ]
    for status in others[:MAX_CLASSES]:
        try:
            cohort = reader.cohort(status.id, as_of)
            chosen = of_type(cohort, shown.type) if shown.type else cohort
        except CohortError:
            # The class has no assignments of this type, so there is nothing to compare.
            continue
        weeks = catalog.by_course_week(chosen).frame
        if weeks["is_full"].any():
            yield status.name, weeks[weeks["is_full"]]
