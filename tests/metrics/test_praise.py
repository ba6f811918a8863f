"""Students deserve a word who are back with three completions after two silent weeks."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from cohort_core.metrics.cohort import Cohort, build
from cohort_core.reports import catalog
from tests.metrics import naive
from tests.metrics.school import UNITS, Row, data_of, work

AS_OF = datetime(2025, 3, 28, 10, tzinfo=UTC)


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


def random_rows(seed: int) -> list[Row]:
    """Return a class whose moments lie at both ends of a silence, and at its edges."""
    chance = random.Random(seed)
    rows = []
    for student in ("ana", "bo", "cy", "di", "ed", "fay"):
        for number in range(1, 8):
            end = AS_OF - timedelta(days=chance.choice([0, 0.5, 2, 6.9, 7, 20.9, 21, 21.1, 25, 40]))
            start = end - timedelta(hours=chance.choice([0, 0, 1, 1, 1, 400]))
            completed = None if chance.random() < 0.1 else f"{end:%Y-%m-%d %H:%M}"
            rows.append(work(student, f"a{number}", f"{start:%Y-%m-%d %H:%M}", completed))
    return rows


def test_it_agrees_with_the_naive_computation_on_classes_with_silences() -> None:
    listed = 0
    for seed in range(40):
        rows = random_rows(seed)
        expected = naive.other_reports(rows, UNITS, [], "UTC", AS_OF)["praise"]
        got = catalog.praise(build(data_of(rows, UNITS), AS_OF)).records()
        assert got == expected, seed
        listed += len(got)
    assert listed > 20
