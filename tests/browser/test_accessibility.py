"""The accessibility checker axe finds nothing in what we render, on any page and in both themes.

What it finds in Streamlit's own elements is listed below by rule and selector. The list must not grow.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

from cohort_core.reports import catalog
from tests.browser.conftest import PHONE, WIDE, Dashboard, Watched
from tests.browser.test_dashboard import NAMES, expect_no_sideways_scrolling, open_page
from tests.dashboard.test_settings import PARTS

OF_STREAMLIT = frozenset({("presentation-role-conflict", 'data-testid="stFileUploaderDro')})
"""Pairs of a rule and of a part of the markup that Streamlit makes."""
MAX_NODES = 5_000


def findings(page: Page) -> list[tuple[str, str, str]]:
    """Return what axe finds in what we render: the rule, the markup, and what to do."""
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        (violation["id"], node["html"], node["failureSummary"])
        for violation in violations
        for node in violation["nodes"]
        if not any(violation["id"] == rule and part in node["html"] for rule, part in OF_STREAMLIT)
    ]


def levels(page: Page) -> list[int]:
    """Return the levels of the headings in the order of the page."""
    found_levels: list[int] = page.get_by_test_id("stMain").evaluate(
        "main => [...main.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(heading => +heading.tagName[1])"
    )
    return found_levels


@pytest.mark.parametrize(("colours", "viewport"), [("light", WIDE), ("dark", PHONE)])
def test_axe_finds_nothing_and_headings_have_no_gaps(
    dashboard: Dashboard, watched: Watched, colours: str, viewport: dict[str, int]
) -> None:
    page = watched.tab(viewport, colours)
    big = next(status.id for status in dashboard.workspace.cohorts.statuses() if status.progressions > 3000)
    stuck = catalog.stuck(dashboard.workspace.cohorts.cohort(big)).records()[0]
    wrong = []
    addresses = [(name, f"?class={big}") for name in NAMES]
    addresses += [(name, f"?class={big}&{name}={stuck[f'{name}_id']}") for name in ("student", "assignment")]
    addresses += [("settings", f"?part={part}") for part in PARTS]
    for name, query in addresses:
        open_page(page, dashboard, name, query)
        page.wait_for_load_state("networkidle")
        expect_no_sideways_scrolling(page)
        wrong += [(name, *finding) for finding in findings(page)]
        heads = levels(page)
        assert heads[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(heads)), (
            name,
            heads,
        )
        nodes = page.evaluate("document.querySelectorAll('*').length")
        assert name == "matrix" or nodes <= MAX_NODES, (name, nodes)
    assert not wrong
