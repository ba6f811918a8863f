"""The students of a class, narrowed to those that are looked for."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

import pandas as pd

from cohort_core.reports.labels import BANDS

ENGAGEMENT_GAP = "gap"
"""The stage that is the report of that name."""
KEEPING_UP = "Keeping up, but silent"
STAGES = {
    "new": "New",
    "active": "Active",
    "cooling": "Cooling",
    "quiet": "Quiet",
    "gone": "Gone",
    "never_started": "Never started",
}


def matching(health: pd.DataFrame, *, band: str, stage: str, sought: str, everything: str) -> pd.DataFrame:
    """Rows of ``student_health`` of this band and stage (or `everything`), with `sought` in the name.

    Case and accents do not count: "jose" finds José.
    """
    fits = pd.Series(True, index=health.index)
    if band != everything:
        fits &= health["risk"] == band
    if stage == ENGAGEMENT_GAP:
        fits &= health["risk"].isin(["low", "medium"]) & health["stage"].isin(["cooling", "quiet"])
    elif stage != everything:
        fits &= health["stage"] == stage
    for word in folded(sought).split():
        fits &= health["name"].map(folded).str.contains(word, regex=False)
    return health[fits]


def folded(text: str) -> str:
    """Text to compare, without case and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l").replace("ø", "o"))
    return "".join(one for one in apart if not unicodedata.combining(one))


def in_words(health: pd.DataFrame, stages: Mapping[str, str]) -> pd.DataFrame:
    return health.assign(
        risk=health["risk"].map(lambda one: BANDS[one].marked),
        stage=health["stage"].map(stages),
        reasons=health["reasons"].map(" ".join),
    )
