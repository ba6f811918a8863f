"""A mentor's morning in Chromium, with a clock and counts of clicks: who first, why, and ten messages."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from cohort_core.practice.generated import PracticeSchool
from cohort_core.services.workspace import Workspace
from tests.browser.conftest import Dashboard, Watched, served, synced
from tests.browser.test_dashboard import expect_no_sideways_scrolling, wait_for

LAPTOP, PHONE = {"width": 1280, "height": 720}, {"width": 375, "height": 812}
FIRST_ROW, STRIP = 320, 90
"""Pixels: at most so far down is the first student, at most so high the strip with the figures."""
MAX_NODES = 5000
LARGEST = ("Open University DDD", "Open University EEE")
ROWS = "[class*='st-key-people-attention'] a[href*='student=']"
MESSAGE = "[class*='st-key-message-'] button"


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The classes of the practice school, without the two largest: with some 500 students."""
    folder = tmp_path_factory.mktemp("morning")
    home = folder / "home"
    with (
        synced(home, PracticeSchool(), lambda name: not name.startswith(LARGEST)) as (workspace, school),
        served(home, folder) as url,
    ):
        yield Dashboard(url, workspace, school)


@pytest.fixture(autouse=True)
def nothing_noted(morning: Dashboard) -> Iterator[None]:
    """Take back what a test notes."""
    yield
    workspace = morning.workspace
    for contact in workspace.cohorts.load_contacts():
        workspace.show_again(contact.class_id, contact.student_id)
    with workspace.database.writing() as connection:
        connection.execute("DELETE FROM contacts")


def class_of(workspace: Workspace) -> str:
    return next(s.id for s in workspace.cohorts.statuses() if s.friendly_id == "sd-cohort-12")


class Mentor:
    """Somebody with a mouse: counts clicks and changes of page."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks, self.pages = page, 0, 0
        page.on("framenavigated", lambda frame: self._note_page())

    def _note_page(self) -> None:
        self.pages += 1

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1


def overview(page: Page, morning: Dashboard, scope: str = "this") -> Locator:
    """Open the Overview, and return the links of the listed students."""
    page.goto(morning.address("", f"?class={class_of(morning.workspace)}&scope={scope}"))
    wait_for(page, "overview")
    rows = page.get_by_test_id("stMain").locator(ROWS)
    expect(rows.first).to_be_visible()
    return rows


@pytest.mark.parametrize("scope", ["this", "all"])
def test_who_first_and_why_takes_no_click(morning: Dashboard, watched: Watched, scope: str) -> None:
    page = watched.tab(LAPTOP)
    first = overview(page, morning, scope).first
    # While parts of the page arrive, the rows may still move.
    page.wait_for_function(
        f'() => document.querySelector("{ROWS}").getBoundingClientRect().top <= {FIRST_ROW}'
    )
    box = first.bounding_box()
    assert box
    strip = page.locator(".ct-strip").bounding_box()
    assert strip
    assert strip["height"] <= STRIP
    entries = morning.workspace.cohorts.triage(
        [class_of(morning.workspace)]
        if scope == "this"
        else [s.id for s in morning.workspace.cohorts.statuses(open_only=True)],
        50,
    ).records()
    students = [row for row in entries if row["student_id"]]
    expect(first).to_have_text(students[0]["name"])
    brief = page.locator(".ct-brief").first
    expect(brief).to_contain_text(students[0]["brief"])
    assert any(character.isdigit() for character in brief.inner_text())
    row = brief.bounding_box()
    assert row
    assert abs(row["y"] - box["y"]) < 12, "a student is one line"
    expect(page.locator(MESSAGE).first).to_be_visible()


def test_ten_are_worked_off_in_twenty_clicks_without_a_change_of_page(
    morning: Dashboard, watched: Watched
) -> None:
    page = watched.tab(LAPTOP)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    rows = overview(page, morning)
    names = morning.workspace.cohorts.class_triages([class_of(morning.workspace)])[0].names
    mentor, began = Mentor(page), time.monotonic()
    for number in range(10):
        student_id = str(rows.first.get_attribute("href")).rpartition("student=")[2].partition("&")[0]
        mentor.click(page.locator(f"[class*='st-key-message-'][class*='{student_id}'] button"))
        expect(page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")).to_contain_text("Hi")
        mentor.click(page.locator(f"[class*='st-key-copy-'][class*='{student_id}'] button"))
        notice = page.locator(".st-key-notice")
        expect(notice).to_contain_text(f"Noted. {names[student_id]} is back on the list on")
        expect(notice).to_contain_text("if nothing changes.")
        expect(page.locator(f"{ROWS}[href*='{student_id}']")).to_have_count(0)
        assert len(morning.workspace.cohorts.load_contacts()) == number + 1
    seconds = time.monotonic() - began
    print(f"ten students: {mentor.clicks} clicks, {mentor.pages} changes of page, {seconds:.1f} s")
    assert mentor.clicks <= 20
    assert mentor.pages == 0
    assert page.evaluate("navigator.clipboard.readText()").startswith("Hi")
    page.locator(".st-key-undo button").click()
    expect(page.locator(f"{ROWS}[href*='{student_id}']")).to_have_count(1)
    assert len(morning.workspace.cohorts.load_contacts()) == 9


def test_six_get_one_message_and_each_is_noted(morning: Dashboard, watched: Watched) -> None:
    page = watched.tab({"width": 1280, "height": 1200})
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(morning.address("risk", f"?class={class_of(morning.workspace)}"))
    wait_for(page, "risk")
    table = page.get_by_test_id("stDataFrame").first.locator("canvas").first
    expect(table).to_be_visible()
    for number in range(1, 7):
        box = table.bounding_box()
        assert box
        page.mouse.click(box["x"] + 14, box["y"] + 35 * number + 18)
        expect(page.get_by_text(f"Write to {number}", exact=True)).to_be_visible()
    page.get_by_text("Write to 6", exact=True).click()
    preview = page.locator(".st-key-bulk-preview").get_by_test_id("stCode")
    expect(preview).to_contain_text("Hi ")
    assert preview.inner_text().count("Hi ") == 6
    assert "{first_name}" not in preview.inner_text()
    address = str(page.get_by_role("link", name="Write one email to all").get_attribute("href"))
    assert address.startswith("mailto:?bcc=")
    assert address.count("%40") + address.partition("&")[0].count("@") == 6
    assert len(address) < 1800
    page.locator(".st-key-copy-bulk button").click()
    expect(page.locator(".st-key-notice")).to_contain_text(
        "Noted for 6 students. They are back on the list on"
    )
    assert page.evaluate("navigator.clipboard.readText()").count("Hi ") == 6
    assert len(morning.workspace.cohorts.load_contacts()) == 6
    page.locator(".st-key-undo button").click()
    expect(page.locator(".st-key-notice")).to_have_count(0)
    assert morning.workspace.cohorts.load_contacts() == []


def expect_focus(page: Page, name: str) -> None:
    """Wait until the focus is on a student's row, to be seen."""
    expect(page.locator(f"{ROWS}:focus-visible")).to_have_text(name)


def test_by_keys_alone(morning: Dashboard, watched: Watched) -> None:
    page = watched.tab(LAPTOP)
    rows = overview(page, morning)
    names = [rows.nth(number).inner_text() for number in range(3)]
    page.keyboard.press("j")
    expect_focus(page, names[0])
    page.keyboard.press("j")
    expect_focus(page, names[1])
    page.keyboard.press("k")
    expect_focus(page, names[0])
    page.keyboard.press("m")
    copy = page.locator("[class*='st-key-copy-'] button")
    expect(copy).to_be_focused()
    # The name of the button says about which student it is.
    assert copy.evaluate("element => element.textContent").endswith(names[0])
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-notice")).to_contain_text(f"Noted. {names[0]}")
    # The focus is on the row that moved up, not lost.
    expect_focus(page, names[1])
    page.keyboard.press("?")
    expect(page.get_by_text("next student, in a list")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator(".st-key-find input")).to_be_focused()
    page.keyboard.type("maria jose")
    page.keyboard.press("Enter")
    wait_for(page, "student")
    expect(page).to_have_title("María José de la Cruz y Peña · Cohort Tracker")


def test_from_a_students_page_to_the_next_with_the_same_bar(morning: Dashboard, watched: Watched) -> None:
    page = watched.tab(LAPTOP)
    rows = overview(page, morning)
    second = rows.nth(1).inner_text()
    rows.first.click()
    wait_for(page, "student")
    expect(page.get_by_text("1 of ", exact=False).first).to_be_visible()
    copy = page.locator("[class*='st-key-copy-'] button")
    box = copy.bounding_box()
    assert box
    assert box["y"] < LAPTOP["height"], "the message comes first"
    page.get_by_role("button", name="Talked to them").click()
    expect(page.get_by_text("Hidden from Needs attention until", exact=False)).to_be_visible()
    page.locator(".st-key-next-student a").click()
    expect(page.locator("h2").get_by_text(second, exact=True)).to_be_visible()
    expect(page).to_have_title(f"{second} · Cohort Tracker")


def test_on_a_phone_the_first_student_is_on_the_first_screen(morning: Dashboard, watched: Watched) -> None:
    page = watched.tab(PHONE)
    first = overview(page, morning).first
    for element in (first, page.locator(".ct-brief").first, page.locator(MESSAGE).first):
        box = element.bounding_box()
        assert box
        assert box["y"] + box["height"] <= PHONE["height"]
        assert box["x"] + box["width"] <= PHONE["width"]
    expect_no_sideways_scrolling(page)


def test_twenty_more_do_not_fill_the_browser(morning: Dashboard, watched: Watched) -> None:
    """The pages as they open are counted in `test_accessibility`."""
    page = watched.tab(LAPTOP)
    overview(page, morning, "all")
    page.locator("[class*='st-key-more-'] button").click()
    expect(page.locator(ROWS)).to_have_count(27)
    assert page.locator("*").count() <= MAX_NODES
