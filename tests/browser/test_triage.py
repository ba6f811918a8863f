"""The triage list in Chromium: by keyboard alone, and without those who are settled."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Dashboard, Watched
from tests.browser.test_dashboard import first_person, open_page, wait_for

MOST_TABS = 60
"""By so many presses of Tab the first student is reached, or the list is too far away."""


def tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"not reached by {MOST_TABS} presses of Tab")


def test_by_keyboard_alone_to_a_student_and_back(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    open_page(page, dashboard, "overview")
    expect(first_person(page)).to_be_visible()
    name = first_person(page).inner_text()
    tab_to(page, first_person(page))
    # Who goes by keyboard must see where they are.
    assert first_person(page).evaluate("one => one.matches(':focus-visible')")
    page.keyboard.press("Enter")
    wait_for(page, "student")
    expect(page.locator("h3").get_by_text(name, exact=True)).to_be_visible()
    # As Alt and the left arrow do, which a browser without a window does not know.
    page.go_back()
    wait_for(page, "overview")
    expect(first_person(page)).to_be_visible()
    tab_to(page, first_person(page))
