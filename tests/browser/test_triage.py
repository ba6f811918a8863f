"""The triage list in Chromium: used by keyboard alone, and with hidden students."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Dashboard, Watched
from tests.browser.test_dashboard import first_person, open_page, wait_for

MAX_TABS = 60
"""If the first student needs more presses of Tab than this, the list is too far away."""


@pytest.fixture
def class_id(dashboard: Dashboard) -> str:
    return next(status.id for status in dashboard.workspace.cohorts.statuses() if status.progressions > 3000)


def tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"not reached by {MAX_TABS} presses of Tab")


def test_by_keyboard_alone_to_a_student_and_back(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    open_page(page, dashboard, "overview")
    expect(first_person(page)).to_be_visible()
    tab_to(page, first_person(page))
    name = first_person(page).inner_text()
    # Keyboard users must see which element has the focus.
    expect(page.locator("a[href*='student=']:focus-visible")).to_have_text(name)
    page.keyboard.press("Enter")
    wait_for(page, "student")
    expect(page.locator("h2").get_by_text(name, exact=True)).to_be_visible()
    # The same as Alt and the left arrow, which a browser without a window does not support.
    page.go_back()
    wait_for(page, "overview")
    expect(first_person(page)).to_be_visible()
    tab_to(page, first_person(page))


def listed(page: Page, student_id: str) -> Locator:
    """Return the links to a student in the list Needs attention."""
    lists = "[class*='st-key-people-attention']"
    return page.get_by_test_id("stMain").locator(lists).locator(f"a[href*='student={student_id}']")


def first_student(page: Page) -> tuple[str, str]:
    """Return the id and the name of the first student in the list."""
    expect(first_person(page)).to_be_visible()
    address = urlsplit(str(first_person(page).get_attribute("href")))
    return parse_qs(address.query)["student"][0], first_person(page).inner_text()


def test_done_for_today_and_listed_again(dashboard: Dashboard, watched: Watched, class_id: str) -> None:
    page = watched.tab()
    open_page(page, dashboard, "overview", f"?class={class_id}&scope=this")
    student_id, name = first_student(page)
    try:
        main = page.get_by_test_id("stMain")
        main.locator(f"[class*='st-key-message-'][class*='{student_id}'] button").click()
        page.locator(f"[class*='st-key-hide-'][class*='{student_id}'] button").click()
        page.get_by_role("menuitem", name="Until tomorrow").click()
        description = main.get_by_text(re.compile(rf"^{re.escape(name)}: until \w+ \d+ \w+ \d+$"))
        expect(listed(page, student_id)).to_have_count(0)
        main.get_by_text("Hidden (1)", exact=True).click()
        expect(description).to_be_visible()
        page.reload()
        wait_for(page, "overview")
        expect(first_person(page)).to_be_visible()
        expect(listed(page, student_id)).to_have_count(0)
        main.get_by_text("Hidden (1)", exact=True).click()
        expect(description).to_be_visible()
        main.get_by_role("button", name="Show again").click()
        expect(listed(page, student_id).first).to_be_visible()
        expect(description).to_have_count(0)
        assert not dashboard.workspace.cohorts.load_hides()
    finally:
        dashboard.workspace.show_again(class_id, student_id)


def test_done_ends_by_itself_when_its_day_begins(
    dashboard: Dashboard, watched: Watched, class_id: str
) -> None:
    page = watched.tab()
    open_page(page, dashboard, "overview", f"?class={class_id}&scope=this")
    student_id, _ = first_student(page)
    today = dashboard.workspace.cohorts.cohort(class_id).local_date
    main = page.get_by_test_id("stMain")
    try:
        for until, times in ((today + timedelta(days=2), 0), (today, 1)):
            dashboard.workspace.hide_student(class_id, student_id, "done", until)
            page.reload()
            wait_for(page, "overview")
            expect(first_person(page)).to_be_visible()
            expect(listed(page, student_id)).to_have_count(times)
            expect(main.get_by_text("Hidden (1)", exact=True)).to_have_count(1 - times)
    finally:
        dashboard.workspace.show_again(class_id, student_id)
