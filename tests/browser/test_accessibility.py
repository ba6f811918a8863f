"""The accessibility checker axe finds nothing serious on any page."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

from tests.browser.conftest import PHONE, WIDE, Dashboard, Watched
from tests.browser.test_dashboard import NAMES, open_page

SERIOUS = {"serious", "critical"}


@pytest.mark.parametrize(("colours", "viewport"), [("light", WIDE), ("dark", PHONE)])
def test_axe_finds_nothing_serious(
    dashboard: Dashboard, watched: Watched, colours: str, viewport: dict[str, int]
) -> None:
    page = watched.tab(viewport, colours)
    violations = []
    for name in NAMES:
        open_page(page, dashboard, name)
        page.wait_for_load_state("networkidle")
        violations += [
            (name, violation["id"], node["html"], node["failureSummary"])
            for violation in Axe().run(page).response["violations"]
            for node in violation["nodes"]
            if violation["impact"] in SERIOUS
        ]
    assert not violations
