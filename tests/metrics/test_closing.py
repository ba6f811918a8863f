"""The counts of a finished class, and what may be said about a band, worked out by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from cohort_core.config.thresholds import Thresholds
from cohort_core.metrics.closing import band_counts
from cohort_core.metrics.cohort import build
from cohort_core.metrics.risk import risk
from cohort_core.reports.band_meaning import LIMITS, OTHER_THRESHOLDS, meanings, shown_share
from cohort_core.reports.document import markdown
from cohort_core.store.closing import BandTotal

from .school import Row, data_of, work


def _course() -> list[Row]:
    """Five students who work every ten days, from 1 January to 10 February, and Zoe, who only began."""
    rows = [
        work(f"p{n}", f"a{day}", None, f"{date(2025, 1, 1) + pd.Timedelta(days=day)} 10:00", 0.9, kind="quiz")
        for n in range(5)
        for day in (0, 10, 20, 30, 40)
    ]
    return [*rows, work("zoe", "a0", None, "2025-01-01 12:00", 0.9, kind="quiz")]


ROSTER: list[Row] = [
    {"student_id": "gone", "first_name": "Gone", "withdrawn_on": "2025-01-15"},
    {"student_id": "zoe", "first_name": "Zoe"},
]


def _counts(frame: pd.DataFrame) -> dict[tuple[int, str], tuple[int, int]]:
    rows = frame.to_numpy().tolist()
    return {(quarter, band): (students, lost) for quarter, band, students, lost in rows}


def test_a_class_is_counted_on_the_last_day_of_each_quarter() -> None:
    # 41 days from 1 January to 10 February: quarters end after 11, 21, 31 and 41 days.
    data = data_of(_course(), roster=ROSTER)
    expected: dict[tuple[int, str], list[int]] = {}
    for quarter, day in enumerate((11, 21, 31, 10), start=1):
        month = 2 if quarter == 4 else 1
        for student, band in risk(build(data, date(2025, month, day)))["band"].items():
            entry = expected.setdefault((quarter, str(band)), [0, 0])
            entry[0] += 1
            entry[1] += student in {"zoe", "gone"}
    counts = _counts(band_counts(data, {"zoe", "gone"}, date(2025, 12, 1)))
    assert counts == {key: tuple(entry) for key, entry in expected.items()}
    # Gone was there in the first quarter only; Zoe fell behind more and more.
    assert [sum(n for (q, _), (n, _) in counts.items() if q == quarter) for quarter in (1, 2, 3, 4)] == [
        *(7, 6, 6, 6)
    ]
    assert counts[4, "critical"] == (1, 1)


def test_a_class_ends_at_its_last_activity_or_when_it_was_closed() -> None:
    data = data_of(_course(), roster=ROSTER)
    # Two days after its last activity, and half a year after it, the course is the same.
    late, soon = (_counts(band_counts(data, set(), day)) for day in (date(2025, 7, 1), date(2025, 2, 12)))
    assert late == soon
    # Closed on 21 January, what happened later is no part of it: the second quarter ends on the 11th.
    early = _counts(band_counts(data, set(), date(2025, 1, 21)))
    first = _counts(band_counts(data, set(), date(2025, 2, 10)))
    assert {band: n for (quarter, band), n in early.items() if quarter == 4} == {
        band: n for (quarter, band), n in first.items() if quarter == 2
    }
    assert band_counts(data_of([], roster=ROSTER), set(), date(2025, 7, 1)).empty


@pytest.mark.parametrize(
    ("band", "students", "lost", "share"),
    [
        ("critical", 16, 11, (4 * 0.94 + 11) / 20),
        ("high", 14, 9, (12 * 0.67 + 9) / 26),
        ("medium", 28, 10, (12 * 0.43 + 10) / 40),
        ("low", 79, 12, (21 * 0.17 + 12) / 100),
    ],
)
def test_the_schools_own_counts_join_those_of_the_test(
    band: Any, students: int, lost: int, share: float
) -> None:
    assert shown_share(band, students, lost) == pytest.approx(share)


def test_the_words_of_a_band() -> None:
    tested = meanings()
    assert tested.limits == LIMITS
    assert [tested.of[band].split(", ")[1] for band in ("critical", "high", "medium", "low")] == [
        "about nine of ten such students were lost.",
        "four to eight of ten such students were lost.",
        "two to six of ten such students were lost.",
        "one to three of ten such students were lost.",
    ]
    few = meanings([BandTotal("high", 2, 14, 9)])
    assert few.of["high"].startswith(
        "In the courses on which this was tested, four to eight of ten such students were lost; in your 2 "
        "finished classes 9 of 14. If you help such students"
    )
    assert few.of["low"] == tested.of["low"]
    assert len(few.limits) == len(LIMITS) + 1
    # (12 · .67 + 12) / (12 + 20) = .626
    many = meanings([BandTotal("high", 1, 20, 12)])
    assert "; in your finished class 12 of 20; together about 63 of 100." in many.of["high"]
    assert "together" not in meanings([BandTotal("high", 1, 19, 12)]).of["high"]


def test_nothing_is_said_about_bands_that_were_not_tested() -> None:
    other = meanings([BandTotal("high", 2, 40, 9)], Thresholds(high_gap=12))
    assert set(other.of.values()) == {OTHER_THRESHOLDS}
    assert meanings(thresholds=Thresholds(stuck_days=9)) == meanings()


def test_the_documents_have_the_same_words() -> None:
    text = markdown()
    for sentence in (*meanings().of.values(), *LIMITS):
        assert sentence in text
