"""Students deserve a word who are back with three completions after two silent weeks."""

from __future__ import annotations

from datetime import date

import pytest

from cohort_core.metrics.cohort import Cohort, build
from cohort_core.reports import catalog
from tests.metrics.school import UNITS, Row, data_of, work


def away(student: str, last_day: str, *days: str) -> list[Row]:
    """Return a first completion on a day, and one more on each of these days."""
    rows = [work(student, "a1", f"{last_day} 09:00", f"{last_day} 10:00")]
    return rows + [
        work(student, f"a{place}", f"{day} 09:00", f"{day} 10:00") for place, day in enumerate(days, start=2)
    ]


def cohort_of(*rows: Row) -> Cohort:
    return build(data_of(list(rows), UNITS), date(2025, 3, 27))


def test_three_completions_after_two_silent_weeks() -> None:
    cohort = cohort_of(*away("ana", "2025-03-07", "2025-03-24", "2025-03-25", "2025-03-26"))
    (row,) = catalog.praise(cohort).records()
    assert (row["student_id"], row["completed"], row["silent_days"]) == ("ana", 3, 16)
    assert row["back_at"] == "2025-03-24T09:00:00.000Z"
    assert row["assignment_id"] == "a4"


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(away("ana", "2025-03-07", "2025-03-24", "2025-03-25"), id="two are not three"),
        pytest.param(
            away("ana", "2025-03-12", "2025-03-24", "2025-03-25", "2025-03-26"), id="twelve days away"
        ),
        pytest.param(
            away("ana", "2025-03-24", "2025-03-24", "2025-03-25", "2025-03-26"), id="new, not back again"
        ),
        pytest.param(
            away("ana", "2025-03-01", "2025-03-17", "2025-03-18", "2025-03-19"), id="the week before"
        ),
    ],
)
def test_others_are_not_listed(rows: list[Row]) -> None:
    assert catalog.praise(cohort_of(*rows)).records() == []


def test_nothing_after_the_instant_counts() -> None:
    rows = away("ana", "2025-03-07", "2025-03-24", "2025-03-25", "2025-03-26")
    later = build(data_of(rows, UNITS), date(2025, 3, 25))
    assert catalog.praise(later).records() == []
