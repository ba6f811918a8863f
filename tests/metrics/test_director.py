"""The figures of the director's page, then and now."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from cohort_core.export.director import content
from cohort_core.metrics.cohort import build
from cohort_core.metrics.outcomes import CONTACT_COLUMNS
from cohort_core.reports import catalog
from cohort_core.services.director_pages import DirectorPage, describe, find_last
from cohort_core.store.changes import LOG_COLUMNS
from tests.metrics.school import small_class
from tests.metrics.test_catalog import EDGES

NO_LOG = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in LOG_COLUMNS.items()})
NONE = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in CONTACT_COLUMNS.items()})


def test_the_figures_by_hand() -> None:
    after = small_class()
    before = build(after.class_data, date(2025, 3, 8))
    rows = [
        # Ed begins on the 27th; the third contact was before the page of before.
        {
            "contact_id": 1,
            "student_id": "ed",
            "at": pd.Timestamp("2025-03-26T10:00Z"),
            "kind": "never_started",
        },
        {"contact_id": 2, "student_id": "cy", "at": pd.Timestamp("2025-03-12T10:00Z"), "kind": "stuck"},
        {"contact_id": 3, "student_id": "cy", "at": pd.Timestamp("2025-03-05T10:00Z"), "kind": "stuck"},
    ]
    contacts = pd.DataFrame(rows, columns=list(CONTACT_COLUMNS)).astype(CONTACT_COLUMNS)
    figures = {row["figure"]: row for row in catalog.director(before, after, contacts).records()}
    assert figures["students"]["now"] == 6
    # Four completions of a1 among six students and four assignments; later five more.
    assert figures["avg_completion"]["before"] == pytest.approx(4 / 24)
    assert figures["avg_completion"]["now"] == pytest.approx(8 / 24)
    assert figures["never_started"]["change"] == -1
    assert [figures[name]["now"] for name in ("messages", "came_back", "nothing_since")] == [2, 1, 1]
    assert figures["messages"]["before"] is None
    bands = ("critical", "high", "medium", "low")
    assert sum(figures[band]["now"] for band in bands) == figures["students"]["now"]


@pytest.mark.parametrize("edge", EDGES)
def test_the_page_holds_at_the_edges(edge: str) -> None:
    after = EDGES[edge]()
    before = build(after.class_data, after.as_of - timedelta(days=28))
    report = catalog.director(before, after, NONE)
    for row in report.records():
        report.row.model_validate(row)
    changes = catalog.changes(after.class_data, NO_LOG, before, after)
    page = DirectorPage(before, after, report, changes, NONE, is_first=True)
    said = content(page, names=True)
    assert "nan" not in str(said)
    assert "None" not in str(said)


def test_the_next_page_begins_at_the_last_one_of_an_earlier_day() -> None:
    cohort = small_class()
    week_ago = build(cohort.class_data, cohort.as_of - timedelta(days=7))
    month_ago = build(cohort.class_data, cohort.as_of - timedelta(days=20))
    of_group = build(cohort.class_data, cohort.as_of - timedelta(days=1), "Tue")
    details = [describe(made) for made in (cohort, of_group, week_ago, month_ago)]
    assert find_last(details, cohort) == week_ago.as_of
    assert find_last(details, build(cohort.class_data, cohort.as_of, "Tue")) == of_group.as_of
    assert find_last(details[:2], cohort) is None
