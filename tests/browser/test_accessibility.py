"""What axe finds on every page: nothing serious that is ours."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import PHONE, WIDE, Dashboard, Watched
from tests.browser.test_dashboard import NAMES, open_page

SERIOUS = {"serious", "critical"}
# The points of a metric's sparkline, which show only under the pointer, have no name.
STREAMLITS_OWN = ("svg-img-alt", "metric_chart_")


@pytest.mark.parametrize(("colours", "viewport"), [("light", WIDE), ("dark", PHONE)])
def test_axe_finds_nothing_serious(
    dashboard: Dashboard, watched: Watched, colours: str, viewport: dict[str, int]
) -> None:
    page = watched.tab(viewport, colours)
    found = []
    for name in NAMES:
        open_page(page, dashboard, name)
        page.wait_for_load_state("networkidle")
        found += [
            (name, violation["id"], node["html"], node["failureSummary"])
            for violation in Axe().run(page).response["violations"]
            for node in violation["nodes"]
            if violation["impact"] in SERIOUS and not is_streamlits_own(violation["id"], node["html"])
        ]
    assert not found


def is_streamlits_own(rule: str, html: str) -> bool:
    return rule == STREAMLITS_OWN[0] and STREAMLITS_OWN[1] in html
