"""People and My account in a browser, on a phone and on a wide screen."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.store import accounts
from cohort_core.store.database import Database
from tests.browser.conftest import PHONE, WIDE, Dashboard, Watched, served


def fits(page: Page) -> bool:
    """Return whether the page is no wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def open_people(page: Page, url: str) -> None:
    page.goto(f"{url}/dashboard/settings?part=people")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_an_administrator_adds_a_mentor_and_sees_the_link_where_they_look(
    dashboard: Dashboard, watched: Watched, tmp_path: Path, size: dict[str, int]
) -> None:
    home = Home(tmp_path / "home")
    home.ensure()
    with closing(sqlite3.connect(dashboard.workspace.home.database)) as source:
        source.execute("VACUUM INTO ?", (str(home.database),))
    database = Database(home)
    ana = accounts.create_account(database, "ana", "admin", asked_by="test", now=utc_now())
    secret = accounts.open_session(
        database, ana.id, label="Chromium", lifetime=timedelta(days=1), now=utc_now()
    )
    with served(home.folder, tmp_path, account_id=ana.id) as url:
        page = watched.tab(size)
        page.context.add_cookies([{"name": "cohort", "value": secret or "", "url": url}])
        open_people(page, url)
        page.get_by_text("Add a person").click()
        page.get_by_role("textbox", name="Name for signing in").fill("ben")
        page.get_by_text("All classes, later ones too").click()
        page.get_by_role("button", name="Add and make a link").click()
        link = page.locator(".st-key-invitation code")
        expect(link).to_contain_text(f"{url}/invitation/")
        expect(link).to_be_in_viewport()
        page.get_by_role("button", name="Copy", exact=True).click()
        assert fits(page)
        page.get_by_role("button", name="Done").click()
        expect(link).to_have_count(0)
        page.get_by_role("button", name="Change ben").click()
        expect(page.get_by_role("button", name="Disable")).to_be_visible()
        assert fits(page)
        page.get_by_role("button", name="Disable").click()
        expect(page.get_by_test_id("stMain")).to_contain_text("ben cannot sign in any more")
        page.goto(f"{url}/dashboard/my_account")
        expect(page.get_by_role("heading", name="Where you are signed in")).to_be_visible()
        expect(page.get_by_test_id("stMain")).to_contain_text("Chromium")
        expect(page.locator(".ct-sign-out")).to_have_count(1)
        assert fits(page)
        # Before the server stops: an open tab complains that it is gone.
        watched.close()
