"""The live connection of a page: never there, dropped by a proxy, or gone with the server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, WebSocketRoute, expect

from tests.browser.conftest import PHONE, Dashboard, served


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_dropped_connection_is_said_after_ten_seconds(
    dashboard: Dashboard, chromium: Browser, is_closed: bool
) -> None:
    page = chromium.new_page(viewport=PHONE)  # type: ignore[arg-type]

    def drop(socket: WebSocketRoute) -> None:
        if is_closed:
            socket.close()

    page.route_web_socket(re.compile("_stcore/stream"), drop)
    page.goto(dashboard.address())
    expect(page.get_by_role("alert")).to_contain_text("does not arrive", timeout=15_000)
    page.close()


def test_a_server_that_went_away_is_said_in_our_words(chromium: Browser, tmp_path: Path) -> None:
    page = chromium.new_page()
    with served(tmp_path / "home", tmp_path) as url:
        page.goto(f"{url}/dashboard/connect")
        expect(page.get_by_role("heading", name="Connect", level=1)).to_be_visible()
        page.wait_for_timeout(11_000)
        expect(page.locator("#ct-away")).to_have_count(0)
    expect(page.locator("#ct-away")).to_contain_text("does not answer any more", timeout=15_000)
    page.wait_for_timeout(8_000)
    expect(page.get_by_text("connected to the internet")).not_to_be_visible()
    page.close()
