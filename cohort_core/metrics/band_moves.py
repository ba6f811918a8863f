"""The students who change their risk band when something else about the class changes."""

from __future__ import annotations

import pandas as pd

from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.risk import risk


def band_moves(before: Cohort, after: Cohort) -> pd.DataFrame:
    """Compare the bands of the students of two cohorts of one class.

    One row for each student of both whose band differs, index student_id, the highest later score first.
    Columns: name, band_before, band_after.
    """
    old, new = risk(before), risk(after)
    moved = pd.DataFrame(
        {
            "name": after.students["name"],
            "band_before": old["band"].reindex(new.index),
            "band_after": new["band"],
            "score": new["score"],
        }
    ).dropna(subset="band_before")
    moved = moved[moved["band_before"] != moved["band_after"]]
    return moved.sort_values("score", ascending=False, kind="stable").drop(columns="score")
