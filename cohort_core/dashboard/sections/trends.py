"""The charts of the Trends page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cohort_core.charts import charts

VELOCITY = {"per_enrolled": "For each enrolled student", "per_active": "For each student active in the week"}


def velocity_chart(velocity: pd.DataFrame) -> Any:
    """Draw the completions a student, in the weeks that are over."""
    return charts.lines(velocity[velocity["is_full"]], VELOCITY, "Completions a student", "one_decimal")
