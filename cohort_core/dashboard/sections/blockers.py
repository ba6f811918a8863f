"""The charts and the notices of the Blockers page."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from cohort_core.charts import assignment_charts
from cohort_core.dashboard.components.text import and_more, count, literal
from cohort_core.dashboard.files.questions import Source
from cohort_core.reports import catalog
from cohort_core.reports.report import Report
from cohort_core.reports.row_models import Ranking

MAX_BARS = 12
MAX_NAMES = 8


def in_order(source: Source) -> Report:
    """Return the report ``blockers`` in the order of the course, for a file."""
    return catalog.in_course_order(catalog.blockers(source.cohort))


def course_chart(source: Source) -> Any:
    """Draw how far the class has come, for a file."""
    return assignment_charts.course(in_order(source).frame, len(source.cohort.students))


def ranking_chart(blockers: pd.DataFrame, by: Ranking) -> Any:
    """Draw the first assignments of a ranking; None if nothing is ranked."""
    ranked = blockers[blockers["rank"].notna()]
    return None if ranked.empty else assignment_charts.blockers(ranked.head(MAX_BARS), by)


def name_unclear_grades(blockers: Report) -> None:
    """Name the assignments whose grades fit no scale, and the students left out."""
    unclear = [row for row in blockers.records() if row["grades_left_out"]]
    if unclear:
        named = [
            f"{row['name']} ({count(row['grades_left_out'], 'grade')}: "
            f"{and_more(row['left_out_students'], MAX_NAMES)})"
            for row in unclear
        ]
        st.warning(
            literal(
                "The grades of some assignments fit no scale: some go up to 1, others above. No number "
                f"counts the smaller part: {and_more(named, MAX_NAMES)}. Give them one scale at OpenClass, "
                "then sync."
            )
        )
