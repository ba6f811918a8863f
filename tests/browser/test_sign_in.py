"""People sign in with a browser each: four roles at once, and nothing to see after the end."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from cohort_core.clock import utc_now
from cohort_core.config.credentials import save_oidc_secret
from cohort_core.config.settings import save_settings
from cohort_core.practice.generated import PracticeSchool
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts
from tests.accounts import PASSWORD, make_people
from tests.browser.conftest import PHONE, Dashboard, Watched, served, synced
from tests.identity_provider import running_provider

PEOPLE = {"ada": "admin", "mia": "mentor", "vic": "viewer", "dora": "director"}


@pytest.fixture(scope="module")
def school_with_accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    folder = tmp_path_factory.mktemp("signed-in")
    wanted = ("Software Development, Cohort 12", "Web Basics, Cohort 3")
    with synced(folder / "home", PracticeSchool(), wanted.__contains__) as (workspace, school):
        make_people(workspace.database, PEOPLE)
        with served(folder / "home", folder) as url:
            yield Dashboard(url, workspace, school)


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Name or email").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def open_overview(page: Page, dashboard: Dashboard, name: str) -> None:
    page.goto(dashboard.address())
    sign_in(page, name)
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()


def account_of(workspace: Workspace, name: str) -> int:
    return accounts.find_account(workspace.database, name).id


def test_a_disabled_mentor_is_at_the_login_within_a_second(
    school_with_accounts: Dashboard, watched: Watched
) -> None:
    dashboard = school_with_accounts
    pages = {name: watched.tab() for name in PEOPLE}
    for name, page in pages.items():
        open_overview(page, dashboard, name)
    mia = account_of(dashboard.workspace, "mia")
    tab = pages["mia"].context.new_page()
    tab.goto(dashboard.address("risk"))
    expect(tab.get_by_role("heading", name="Risk", level=1)).to_be_visible()
    accounts.change_account(dashboard.workspace.database, mia, asked_by="test", is_active=False)
    since = time.monotonic()
    for page in (pages["mia"], tab):
        page.wait_for_url("**/login?next=*", wait_until="commit", timeout=3_000)
    assert time.monotonic() - since < 1.0
    for name in ("ada", "vic", "dora"):
        expect(pages[name].get_by_role("heading", name="Overview", level=1)).to_be_visible()
        assert "/login" not in pages[name].url
    pages["mia"].go_back()
    pages["mia"].wait_for_timeout(500)
    expect(pages["mia"].get_by_role("button", name="Sign in")).to_be_visible()
    # The right password opens nothing any more, and the answer is that of a wrong one.
    sign_in(tab, "mia")
    expect(tab.get_by_role("alert")).to_contain_text("is wrong")
    watched.complaints[:] = [text for text in watched.complaints if "401" not in text]
    accounts.change_account(dashboard.workspace.database, mia, asked_by="test", is_active=True)


def test_signing_out_ends_every_tab_and_the_login_leads_back(
    school_with_accounts: Dashboard, watched: Watched
) -> None:
    dashboard = school_with_accounts
    page = watched.tab(PHONE, "dark")
    page.goto(dashboard.address("risk"))
    assert page.url.endswith("/login?next=/dashboard/risk")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sign_in(page, "vic@example.org")
    expect(page.get_by_role("heading", name="Risk", level=1)).to_be_visible()
    other = page.context.new_page()
    other.goto(dashboard.address())
    expect(other.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    page.evaluate(
        "() => { const button = document.createElement('button'); button.className = 'ct-sign-out';"
        "document.body.append(button); button.click(); }"
    )
    for tab in (page, other):
        tab.wait_for_url("**/login*", timeout=3_000)
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    for tab in (page, other):
        expect(tab.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_person_comes_in_by_the_accounts_of_the_school(
    school_with_accounts: Dashboard, watched: Watched
) -> None:
    dashboard, database = school_with_accounts, school_with_accounts.workspace.database
    url = dashboard.address().partition("/dashboard")[0]
    made = accounts.create_account(
        database, "olga", "mentor", email="olga@example.org", asked_by="test", now=utc_now()
    )
    accounts.create_invitation(database, made.id, asked_by="test", now=utc_now())
    with running_provider() as provider:
        # Another site for the browser, so that it sends fewer cookies on the way back.
        provider.host = "localhost"
        provider.signed_in = "17"
        provider.add("17", email="olga@example.org", email_verified=True)
        save_settings(
            dashboard.workspace.home, public_url=url, oidc_issuer=provider.issuer, oidc_client_id="tracker"
        )
        save_oidc_secret(dashboard.workspace.home, "a secret of the school")
        page = watched.tab(PHONE)
        page.goto(dashboard.address("risk"))
        page.get_by_role("link", name="Sign in with your school's account").click()
        expect(page.get_by_role("heading", name="Risk", level=1)).to_be_visible()
        page.goto(dashboard.address("my_account"))
        expect(page.get_by_test_id("stMain")).to_contain_text("You also come in by the school's own sign-in")
        expect(page.get_by_test_id("stMain")).to_contain_text("olga")
    # The browser went to the provider and nowhere else.
    watched.hosts.discard(f"localhost:{provider.port}")
