"""A student's own page on a phone, what it does to the mentor's Overview, and arranging that Overview."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from cohort_core.config.paths import Home
from cohort_core.config.settings import save_settings
from cohort_core.metrics.own_progress import own_progress
from tests.browser.conftest import PHONE, WIDE, Dashboard, Watched, served
from tests.browser.test_accessibility import findings

SHORT = {"width": 375, "height": 667}


@pytest.fixture(scope="module")
def own(dashboard: Dashboard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A server with a copy of the practice school, in which students have pages of their own."""
    folder = tmp_path_factory.mktemp("own")
    home = Home(folder / "home")
    home.ensure()
    with closing(sqlite3.connect(dashboard.workspace.home.database)) as source:
        source.execute("VACUUM INTO ?", (str(home.database),))
    shutil.copy(dashboard.workspace.home.config, home.folder)
    save_settings(home, student_page=True)
    with served(home.folder, folder) as url:
        yield Dashboard(url, dashboard.workspace, None)


def fits(page: Page) -> bool:
    """Return whether the page is no wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.querySelector('.stApp, body')).backgroundColor"))


def test_a_student_asks_for_help_and_the_mentor_answers(own: Dashboard, watched: Watched) -> None:
    cohort = own.workspace.cohorts.cohort("web-cohort-3")
    class_id = cohort.class_data.class_id
    student, name = next(
        (student_id, item.name)
        for student_id in cohort.students.index
        for item in own_progress(cohort, student_id).in_progress
        if item.is_long
    )
    mentor = watched.tab(WIDE)
    mentor.goto(own.address("student", f"?class={class_id}&student={student}"))
    mentor.get_by_role("button", name="Their own page").click()
    mentor.get_by_role("button", name="Make a link").click()
    link = mentor.locator("code").filter(has_text="/my-progress/open/")
    expect(link).to_contain_text(f"{own.url}/my-progress/open/")
    address = link.inner_text()

    phone = watched.tab(SHORT, "dark")
    phone.goto(address)
    phone.get_by_role("button", name="Open my page").click()
    expect(phone.get_by_role("heading", level=1)).to_contain_text("Hello")
    expect(phone.locator(".first")).to_be_in_viewport()
    assert fits(phone)
    assert background(phone) == "rgb(20, 25, 27)"
    assert findings(phone) == []
    phone.emulate_media(color_scheme="light")
    assert findings(phone) == []
    card = phone.locator(".card").filter(has=phone.get_by_role("heading", name=name, exact=True))
    card.get_by_label("What would help you?").fill("Where do I <b>begin</b>?")
    card.get_by_role("button", name="Ask for help").click()
    expect(phone.get_by_role("status")).to_have_text("Your mentor gets your question. It was good to ask.")
    assert fits(phone)
    phone.reload()
    expect(phone.get_by_text(f"You asked for help with {name}")).to_be_visible()

    mentor.goto(own.address("", f"?class={class_id}"))
    asked = mentor.get_by_role("heading", name="Asked for help")
    expect(asked).to_be_in_viewport()
    expect(mentor.get_by_text("Where do I <b>begin</b>?")).to_be_visible()
    first = mentor.get_by_test_id("stMain").get_by_role("heading", level=2).first
    expect(first).to_have_text("Asked for help")
    mentor.get_by_role("button", name="Answered").click()
    expect(mentor.get_by_text("Noted that you answered.")).to_be_visible()
    expect(asked).to_have_count(0)
    phone.reload()
    expect(phone.get_by_text("Answered on")).to_be_visible()
    phone.get_by_role("button", name="Close my page on this device").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your page is closed on this device")
    # Before the server stops: an open tab complains that it is gone.
    watched.close()


def test_the_overview_is_arranged_dark_and_reset_on_a_phone(own: Dashboard, watched: Watched) -> None:
    page = watched.tab(PHONE)
    page.goto(own.address())
    main = page.get_by_test_id("stMain")
    heading = main.get_by_role("heading", name="Needs attention")
    expect(heading).to_be_visible()
    page.get_by_text("Arrange this page").click()
    page.get_by_role("button", name="Hide Needs attention").click()
    expect(heading).to_have_count(0)
    expect(main.get_by_text("Needs attention (hidden)")).to_be_visible()
    assert fits(page)
    assert findings(page) == []
    page.get_by_role("radio", name="Dark", exact=True).click()
    expect(page.locator(".stApp")).to_have_css("background-color", "rgb(20, 25, 27)")
    page.get_by_text("Arrange this page").click()
    page.get_by_role("button", name="Reset to ours").click()
    expect(heading).to_be_visible()
    expect(page.locator(".stApp")).to_have_css("background-color", "rgb(255, 255, 255)")
    watched.close()
