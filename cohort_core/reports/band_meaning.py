"""The meaning of risk bands: sentences about their students, for pages, PDF, API and documents.

The words come from nine real courses (docs/risk.md). They are about bands, and never a percentage for a
person. A school's own closed classes are added to them; the score and its bands do not change by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from cohort_core.config.thresholds import DEFAULTS, Thresholds
from cohort_core.formatting import whole_percent
from cohort_core.reports.report import Report, make_report
from cohort_core.reports.row_models import Band, RiskBandRow
from cohort_core.store.closing import BandTotal

MIN_STUDENTS = 20
"""From so many students of the school on, its counts join those of the test."""
LIMITS = (
    "These courses were those of one university, and openings of pages stood in for completed lessons.",
    "It does not foresee who drops out next.",
    "One flag in four months is common among students who pass.",
)
OTHER_THRESHOLDS = (
    "Your thresholds for risk levels are not those that were tested, so nothing can be said about what "
    "became of such students."
)
_OWN_LIMIT = "The students of your finished classes are counted at the end of each quarter of the course."
_SUCCESS = "If you help such students, fewer of them are lost: that is a success."


@dataclass(frozen=True)
class Meanings:
    """The sentences about the students of each band, and what must be said with them."""

    of: dict[Band, str]
    limits: tuple[str, ...] = LIMITS


@dataclass(frozen=True)
class _Tested:
    """The share of a band that was lost in the test, and its weight."""

    share: str
    mean: float
    weight: int


_TESTED: dict[Band, _Tested] = {
    "critical": _Tested("about nine of ten", 0.94, 4),
    "high": _Tested("four to eight of ten", 0.67, 12),
    "medium": _Tested("two to six of ten", 0.43, 12),
    "low": _Tested("one to three of ten", 0.17, 21),
}


def shown_share(band: Band, students: int, lost: int) -> float:
    """Join the lost share of the test and of the school, 0 to 1."""
    tested = _TESTED[band]
    return (tested.weight * tested.mean + lost) / (tested.weight + students)


def meanings(totals: Iterable[BandTotal] = (), thresholds: Thresholds = DEFAULTS) -> Meanings:
    """Return the sentences that may be said about the students of each band.

    `totals` are the counts of the school's closed classes. With other thresholds for bands than those that
    were tested nothing is said about shares.
    """
    if thresholds.bands != DEFAULTS.bands:
        return Meanings(dict.fromkeys(_TESTED, OTHER_THRESHOLDS))
    by_band = {total.band: total for total in totals}
    sentences = {band: _sentence(band, by_band.get(band)) for band in _TESTED}
    return Meanings(sentences, (*LIMITS, _OWN_LIMIT) if by_band else LIMITS)


def _sentence(band: Band, own: BandTotal | None) -> str:
    sentence = f"In the courses on which this was tested, {_TESTED[band].share} such students were lost"
    if own is None or not own.students:
        return f"{sentence}."
    classes = "finished class" if own.classes == 1 else f"{own.classes:,} finished classes"
    sentence += f"; in your {classes} {own.lost:,} of {own.students:,}"
    if own.students >= MIN_STUDENTS:
        share = shown_share(band, own.students, own.lost)
        sentence += f"; together about {whole_percent(share)} of 100"
    return f"{sentence}. {_SUCCESS}"


def risk_bands(totals: Iterable[BandTotal] = (), thresholds: Thresholds = DEFAULTS) -> Report:
    """List the risk bands, the worst first, with the meaning of each.

    The counts are those of the school's own closed classes: the students of the band on the last day of each
    quarter of the course, so a student counts up to four times. Without closed classes they are 0.
    """
    totals = list(totals)
    said = meanings(totals, thresholds)
    by_band = {total.band: total for total in totals}
    begins: Mapping[str, float] = dict(thresholds.bands)
    rows = []
    for band in _TESTED:
        own = by_band.get(band, BandTotal(band, 0, 0, 0))
        rows.append(
            {
                "band": band,
                "from_gap": begins.get(band),
                "meaning": said.of[band],
                "limits": list(said.limits),
                "own_classes": own.classes,
                "own_students": own.students,
                "own_lost": own.lost,
            }
        )
    return make_report("risk_bands", pd.DataFrame(rows), RiskBandRow)
