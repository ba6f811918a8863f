"""A printed page is light and complete, and has no buttons."""

from __future__ import annotations

import io
from statistics import median

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import Dashboard, Watched
from tests.browser.test_dashboard import expect_no_sideways_scrolling, open_page

PALE = 220
"""White is 255; when printed, the background of a dark chart or table becomes a grey of 231."""
PAPER = {"width": 1000, "height": 1400}


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("name", ["risk", "trends"])
def test_a_page_prints_light_without_sidebar_and_buttons(
    dashboard: Dashboard, watched: Watched, colours: str, name: str
) -> None:
    page = watched.tab(PAPER, colours)
    open_page(page, dashboard, name)
    expect(page.get_by_test_id("stVegaLiteChart").first.locator("canvas, svg").first).to_be_visible()
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_role("button", name="Sync now")).to_be_visible()
    page.emulate_media(media="print", color_scheme=colours)  # type: ignore[arg-type]
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("h2").first).to_be_visible()
    expect(sidebar).to_be_hidden()
    for button in page.get_by_role("button", name="Download").all():
        expect(button).to_be_hidden()
    expect_no_sideways_scrolling(page)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("L")
    width, height = picture.size
    strips = {
        "page": (0, 0, width, height),
        "left margin": (0, 0, 6, height),
        "right margin": (width - 6, 0, width, height),
        "top": (0, 0, width, 6),
        "bottom": (0, height - 6, width, height),
    }
    for where, box in strips.items():
        assert median(picture.crop(box).tobytes()) >= PALE, where
