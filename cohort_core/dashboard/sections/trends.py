"""The charts and the notice of the Trends page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from cohort_core.charts import week_charts
from cohort_core.dashboard.components.text import count, literal
from cohort_core.dashboard.sidebar import mentors_of
from cohort_core.metrics.cohort import Cohort
from cohort_core.reports import catalog
from cohort_core.store.roster import Mentor
from cohort_core.timeutils import zoned

VELOCITY = {"per_enrolled": "All students", "per_active": "Active students"}


def velocity_chart(velocity: pd.DataFrame) -> Any:
    """Draw the completions per student, in the weeks that are over."""
    return week_charts.lines(
        velocity[velocity["is_full"]], VELOCITY, "Completions per student", "one_decimal"
    )


def name_early_records(cohort: Cohort) -> None:
    """Say which records from years before the class its charts leave out."""
    early = catalog.progress_summary(cohort.all_types).record()["early_records"]
    if early:
        first = zoned(cohort.all_types.arrays[cohort.all_types.is_early].begun).min().tz_convert(cohort.tz)
        begins = "begins" if early == 1 else "begin"
        st.info(
            literal(
                f"{count(early, 'record')} {begins} years before the others, the first on {first:%Y-%m-%d}. "
                "The first day of the class and the charts leave them out."
            )
        )


def name_groups(groups: pd.DataFrame, mentors: Sequence[Mentor]) -> pd.DataFrame:
    """Name the groups with their kind, and the mentors of each class night."""
    kinds = groups["kind"].map({"night": "Class night", "region": "Region"})
    names = [
        ", ".join(mentors_of(mentors, label)) or None if kind == "night" else None
        for kind, label in zip(groups["kind"], groups["label"], strict=True)
    ]
    return groups.assign(
        label=kinds + ": " + groups["label"].fillna("none"),
        mentors=pd.Series(names, groups.index, dtype=object),
    )
