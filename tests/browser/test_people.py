"""People and My account in a browser, on a phone and on a wide screen."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.store import accounts
from cohort_core.store.database import Database
from tests.browser.conftest import PHONE, WIDE, Dashboard, Watched, served
from tests.browser.test_dashboard import wait_for
from tests.conftest import wait_until
from tests.dashboard.conftest import EVIL


def fits(page: Page) -> bool:
    """Return whether the page is no wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def open_people(page: Page, url: str) -> None:
    page.goto(f"{url}/dashboard/settings?part=people")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


def copy_of(home: Home, folder: Path) -> Home:
    """Copy the database of a home to one of its own."""
    copied = Home(folder / "home")
    copied.ensure()
    with closing(sqlite3.connect(home.database)) as source:
        source.execute("VACUUM INTO ?", (str(copied.database),))
    return copied


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_an_administrator_adds_a_mentor_and_sees_the_link_where_they_look(
    dashboard: Dashboard, watched: Watched, tmp_path: Path, size: dict[str, int]
) -> None:
    home = copy_of(dashboard.workspace.home, tmp_path)
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


def shows(place: Locator, words: Iterable[str]) -> bool:
    text = place.inner_text().replace("\u2060", "")
    return all(word in text for word in words)


def test_names_that_are_code_are_text_wherever_people_are_shown(
    hostile_home: Path, watched: Watched, tmp_path: Path
) -> None:
    home = copy_of(Home(hostile_home), tmp_path)
    database, now = Database(home), utc_now()
    ana = accounts.create_account(
        *(database, "www.evil.example", "admin"),
        email="![x](http://127.0.0.1:9/p.png):red[r]$x$@example.org",
        groups=[EVIL],
        asked_by="test",
        now=now,
    )
    ben = accounts.create_account(
        database, "b__e__n.www.evil.example", "mentor", ["evil"], groups=[EVIL], asked_by="test", now=now
    )
    secrets = {
        account.name: accounts.open_session(
            database, account.id, label=EVIL, lifetime=timedelta(days=1), now=now
        )
        for account in (ana, ben)
    }
    invitation = accounts.create_invitation(database, ben.id, asked_by="test", now=now)
    with served(home.folder, tmp_path) as url:
        for account, page_name, wanted in (
            (ana, "my_account", (EVIL, ana.name)),
            (ben, "my_account", (EVIL, ben.name)),
            (ana, "settings?part=people", (EVIL, ana.name, ben.name)),
        ):
            page = watched.tab()
            cookie = {"name": "cohort", "value": secrets[account.name] or "", "url": url}
            page.context.add_cookies([cookie])  # type: ignore[list-item]
            page.goto(f"{url}/dashboard/{page_name}")
            wait_for(page, page_name.partition("?")[0])
            main = page.get_by_test_id("stMain")
            if page_name.startswith("settings"):
                change = page.locator(f".st-key-change-person-{ben.id} button").first
                change.click()
                page.get_by_role("button", name="New link").click()
                expect(page.locator(".st-key-invitation code")).to_contain_text("/invitation/")
                page.keyboard.press("Escape")
                change.click()
                page.get_by_role("button", name="Disable").click()
                expect(main).to_contain_text("cannot sign in any more")
            # A joiner without width breaks what Markdown would make a link of. Parts may still arrive.
            wait_until(partial(shows, main, wanted))
            assert page.locator("a[href*='evil'], a[href*=':9'], img[src*=':9']").count() == 0
            assert main.locator("script, .katex").count() == 0
            assert main.locator("strong").get_by_text("b", exact=True).count() == 0
            # An open tab of somebody who is disabled complains.
            page.close()
        page = watched.tab()
        page.goto(f"{url}/login")
        page.get_by_label("Name or email").fill(f"{EVIL}\"'>")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_label("Name or email")).to_have_value(f"{EVIL}\"'>")
        accounts.change_account(database, ben.id, asked_by="test", is_active=True)
        link = accounts.create_invitation(database, ben.id, asked_by="test", now=utc_now())
        page.goto(f"{url}/invitation/{link}")
        expect(page.get_by_label("Your name for signing in")).to_have_value(ben.name)
        assert page.goto(f"{url}/invitation/{invitation}%3Cscript%3E")
        watched.complaints[:] = [
            text for text in watched.complaints if "401" not in text and "404" not in text
        ]
        watched.close()
