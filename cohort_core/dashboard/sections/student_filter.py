"""Narrow the students of a class by risk band, activity and name."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cohort_core.metrics.brief import brief_reasons
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.health import is_early_warning
from cohort_core.reports.labels import look_of
from cohort_core.reports.row_models import Stage

MAX_BARS = 20
ENGAGEMENT_GAP = "gap"
"""A choice beside the stages: the students of the report ``engagement_gap``."""
KEEPING_UP = "Keeping up, but silent"


def filter_students(
    health: pd.DataFrame, *, band: str, stage: str, search: str, everything: str
) -> pd.DataFrame:
    """Return the rows of ``student_health`` with this band and stage, and `search` in the name.

    `everything` stands for every band or stage. Case and accents do not matter: "jose" finds José.
    """
    fits = pd.Series(True, index=health.index)
    if band != everything:
        fits &= health["risk"] == band
    if stage == ENGAGEMENT_GAP:
        fits &= is_early_warning(health["risk"], health["stage"])
    elif stage != everything:
        fits &= health["stage"] == stage
    for word in normalize(search).split():
        fits &= health["name"].map(normalize).str.contains(word, regex=False)
    return health[fits]


def risk_chart(health: pd.DataFrame) -> Any:
    """Draw the risk points of the first students."""
    from cohort_core.charts import student_charts

    return student_charts.risk_parts(health.head(MAX_BARS))


def normalize(text: str) -> str:
    """Return the text without case and accents, for comparing."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l").replace("ø", "o"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def to_rows(
    health: pd.DataFrame, stages: Mapping[Stage, str], cohort: Cohort, contacts: Mapping[str, str]
) -> pd.DataFrame:
    """Return the students ready for the table.

    Bands and stages are text; a short reason and the email stand beside them. `contacts` describes the
    last contact with each student, by id.
    """
    return health.assign(
        risk=[look_of(row).marked for row in health.to_dict("records")],
        stage=health["stage"].map(stages),
        brief=health["student_id"].map(brief_reasons(cohort)),
        email=health["student_id"].map(cohort.students["email"]),
        contact=health["student_id"].map(contacts),
    )
