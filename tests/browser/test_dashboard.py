"""The dashboard in Chromium, used as a mentor uses it."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Locator, Page, Position, expect

from cohort_core.dashboard.layout import PAGES
from cohort_core.practice.faults import Fault
from cohort_core.practice.school import hex_id
from cohort_core.reports import catalog
from tests.browser.conftest import PHONE, Dashboard, Watched, served
from tests.dashboard.conftest import DATA_PAGES, EVIL

NAMES = list(PAGES)
WITHOUT_CHARTS = ("overview", "class_night", "handover")
LINKED = [page.name for page in PAGES.values() if page.in_sidebar]
"""Pages that the sidebar offers."""
HOSTILE = {
    "student": f"?student={hex_id('student', 's2')}",
    "assignment": f"?assignment={hex_id('assignment', 'a2')}",
}


def wait_for(page: Page, name: str) -> None:
    """Wait until a page is complete: its title is there, and nothing is running or stale."""
    expect(page.locator("h1").get_by_text(PAGES[name].title, exact=True)).to_be_visible()
    expect(page.locator("[data-test-script-state=notRunning]")).to_have_count(1)
    expect(page.locator("[data-stale=true]")).to_have_count(0)


def open_page(page: Page, dashboard: Dashboard, name: str, query: str = "") -> None:
    page.goto(dashboard.address(name, query))
    wait_for(page, name)


def go(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name=PAGES[name].title, exact=True).click()
    wait_for(page, name)


def expect_no_sideways_scrolling(page: Page) -> None:
    wider = page.evaluate(
        "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".some(element => element.scrollWidth > element.clientWidth)"
    )
    assert not wider


def test_evil_names_are_text_from_the_first_page_of_a_fresh_server_on(
    hostile_home: Path, tmp_path: Path, watched: Watched
) -> None:
    with served(hostile_home, tmp_path) as url:
        page = watched.tab()
        for name in NAMES:
            page.goto(f"{url}/dashboard/{name}{HOSTILE.get(name, '')}")
            wait_for(page, name)
            expect_evil_names_as_text(page, name)
        watched.close()


def expect_evil_names_as_text(page: Page, name: str) -> None:
    sidebar = page.get_by_test_id("stSidebar")
    for linked in LINKED:
        expect(sidebar.get_by_role("link", name=PAGES[linked].title, exact=True)).to_be_visible()
    expect(sidebar.get_by_role("button", name="Sync now")).to_be_enabled()
    if name in DATA_PAGES:
        expect(page.get_by_text(EVIL, exact=True).first).to_be_visible()
    if name in DATA_PAGES and name not in WITHOUT_CHARTS:
        # The labels of charts are drawn, not parsed. After this wait, any fetch or script would have run.
        expect(page.get_by_test_id("stVegaLiteChart").first.locator("canvas, svg").first).to_be_visible()
    if name == "risk":
        page.get_by_test_id("stVegaLiteChart").first.locator("canvas, svg").first.hover(
            position={"x": 300, "y": 100}
        )
        expect(page.locator("#vg-tooltip-element")).to_contain_text(EVIL)
    assert page.locator("img[src*='127.0.0.1:9']").count() == 0
    # A student's tab has the student's name, with the begin of the email where others have it too.
    assert page.title().startswith(EVIL if name == "student" else PAGES[name].title)
    assert page.title().endswith(" · Cohort Tracker")


def test_a_page_that_is_not_there_is_no_page(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    page.goto(dashboard.address("overview", "?class=x"))
    wait_for(page, "overview")
    assert page.url.startswith(dashboard.address("", "?class="))


def test_through_navigation_class_and_group_stay(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    open_page(page, dashboard, "overview")
    first = re.search(r"class=([0-9a-f]+)", page.url)
    assert first
    chooser = page.get_by_test_id("stSidebar").get_by_test_id("stSelectbox").first
    chooser.click()
    page.get_by_role("option", name="Web Basics, Cohort 3").click()
    expect(page.get_by_test_id("stMain").get_by_text("Web Basics, Cohort 3", exact=True)).to_be_visible()
    chosen = re.search(r"class=([0-9a-f]+)", page.url)
    assert chosen
    assert chosen[1] != first[1]
    for name in LINKED[1:]:
        go(page, name)
        assert f"class={chosen[1]}" in page.url
        expect_no_sideways_scrolling(page)
    go(page, "risk")
    page.reload()
    wait_for(page, "risk")
    expect(page.get_by_test_id("stMain").get_by_text("Web Basics, Cohort 3", exact=True)).to_be_visible()
    go(page, "trends")
    page.go_back()
    wait_for(page, "risk")
    assert f"class={chosen[1]}" in page.url
    copied = watched.tab()
    copied.goto(page.url)
    wait_for(copied, "risk")
    expect(copied.get_by_test_id("stMain").get_by_text("Web Basics, Cohort 3", exact=True)).to_be_visible()


def test_on_a_phone_the_sidebar_leads_to_a_page(dashboard: Dashboard, watched: Watched) -> None:
    """That no page scrolls sideways is seen in `test_accessibility`."""
    page = watched.tab(PHONE)
    open_page(page, dashboard, "overview")
    page.get_by_test_id("stExpandSidebarButton").click()
    go(page, "blockers")
    expect_no_sideways_scrolling(page)


@pytest.mark.parametrize(
    ("colours", "background"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 25, 27)")]
)
def test_light_and_dark_are_ours(
    dashboard: Dashboard, watched: Watched, colours: str, background: str
) -> None:
    page = watched.tab(colours=colours)
    open_page(page, dashboard, "risk")
    shown = page.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).backgroundColor")
    assert shown == background


def test_nothing_of_streamlit_is_offered(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    open_page(page, dashboard, "risk")
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    table.hover()
    expect(page.get_by_test_id("stElementToolbarButton").first).to_be_visible()
    assert page.get_by_role("button", name=re.compile("csv|Vega", re.IGNORECASE)).count() == 0
    assert page.get_by_text("Deploy", exact=True).count() == 0


def test_sync_now_from_press_to_result_and_again(dashboard: Dashboard, watched: Watched) -> None:
    assert dashboard.school
    page = watched.tab()
    open_page(page, dashboard, "overview")
    sidebar = page.get_by_test_id("stSidebar")
    release = threading.Event()
    dashboard.school.faults.add(Fault("call", path="*/progressions", edit=lambda: release.wait(20) and None))
    sidebar.get_by_role("button", name="Sync now").click()
    expect(sidebar.get_by_role("button", name="Syncing…")).to_be_disabled()
    expect(sidebar.get_by_text(re.compile(r"page \d+|waiting for OpenClass", re.IGNORECASE))).to_be_visible()
    # Another tab shows the same sync. Neither closing a tab nor changing the page ends it.
    other = watched.tab()
    open_page(other, dashboard, "risk")
    expect(other.get_by_test_id("stSidebar").get_by_role("button", name="Syncing…")).to_be_visible()
    other.close()
    go(page, "trends")
    release.set()
    expect(sidebar.get_by_text(re.compile("Synced [0-9,]+ records? in"))).to_be_visible()
    expect(sidebar.get_by_role("button", name="Sync now")).to_be_enabled()
    expect(sidebar.get_by_text("Last synced just now")).to_be_visible()
    sidebar.get_by_role("button", name="Sync now").click()
    expect(sidebar.get_by_text(re.compile("nothing new"))).to_be_visible()


def test_a_sync_from_the_command_line_is_noticed(dashboard: Dashboard, watched: Watched) -> None:
    assert dashboard.school
    page = watched.tab()
    open_page(page, dashboard, "classes")
    dashboard.workspace.prepare_sync(asked_by="cli").run()
    began = time.monotonic()
    expect(page.get_by_test_id("stSidebar").get_by_text(re.compile("Synced .* records? in"))).to_be_visible()
    assert time.monotonic() - began < 8


def test_a_stopped_sync_says_so(dashboard: Dashboard, watched: Watched) -> None:
    assert dashboard.school
    page = watched.tab()
    open_page(page, dashboard, "overview")
    sidebar = page.get_by_test_id("stSidebar")
    dashboard.school.faults.add(Fault("delay", path="*/progressions", seconds=2.0))
    sidebar.get_by_role("button", name="Sync now").click()
    sidebar.get_by_role("button", name="Stop").click()
    expect(sidebar.get_by_text(re.compile("The sync was stopped"))).to_be_visible()


def test_a_first_start_leads_to_a_synced_practice_class(tmp_path: Path, watched: Watched) -> None:
    with served(tmp_path / "home", tmp_path) as url:
        page = watched.tab()
        page.goto(f"{url}/dashboard")
        wait_for(page, "connect")
        page.get_by_role("button", name="Use the practice school").click()
        page.get_by_role("button", name="Follow and sync").click()
        wait_for(page, "overview")
        expect(page.get_by_test_id("stMain").get_by_role("heading", name="Needs attention")).to_be_visible()
        expect(
            page.get_by_test_id("stSidebar").get_by_text(re.compile("Synced [0-9,]+ records in"))
        ).to_be_visible()
        page.close()


def first_person(page: Page) -> Locator:
    lists = "[class*='st-key-people-needs'] a, [class*='st-key-people-attention'] a"
    return page.get_by_test_id("stMain").locator(lists).first


def test_from_attention_to_the_student_and_back(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    open_page(page, dashboard, "overview")
    name = first_person(page).inner_text()
    first_person(page).click()
    wait_for(page, "student")
    expect(page.locator("h2").get_by_text(name, exact=True)).to_be_visible()
    shared = watched.tab()
    shared.goto(page.url)
    wait_for(shared, "student")
    expect(shared.locator("h2").get_by_text(name, exact=True)).to_be_visible()
    page.go_back()
    wait_for(page, "overview")
    # The student may not be first any more, because a sync from an earlier test may have ended.
    expect(page.get_by_test_id("stMain").get_by_role("link", name=name, exact=True).first).to_be_visible()


def test_a_row_a_bar_and_a_square_lead_to_their_student(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    big = next(status.id for status in dashboard.workspace.cohorts.statuses() if status.progressions > 3000)
    health = catalog.student_health(dashboard.workspace.cohorts.cohort(big)).frame
    targets: tuple[tuple[str, str, Position, str | None], ...] = (
        ("risk", "stDataFrame", {"x": 60, "y": 52}, health["name"][0]),
        ("risk", "stVegaLiteChart", {"x": 200, "y": 18}, health["name"][0]),
        ("matrix", "stVegaLiteChart", {"x": 300, "y": 300}, None),
    )
    for name, element, position, expected in targets:
        open_page(page, dashboard, name, f"?class={big}")
        shown = page.get_by_test_id(element).first
        shown.locator("canvas, svg").first.wait_for()
        # A click on a heading sorts or selects a column; it opens no student.
        shown.click(position={"x": 60, "y": 3})
        expect(page.locator("[data-stale=true]")).to_have_count(0)
        shown.click(position=position)
        wait_for(page, "student")
        if expected:
            expect(page.locator("h2").get_by_text(expected, exact=True)).to_be_visible()
        page.go_back()
        wait_for(page, name)


def test_the_name_of_an_assignment_in_the_matrix_leads_to_it(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    big = next(status for status in dashboard.workspace.cohorts.statuses() if status.progressions > 3000)
    names = dashboard.workspace.cohorts.cohort(big.id).assignments["name"].tolist()
    open_page(page, dashboard, "matrix", f"?class={big.id}")
    drawn = page.get_by_test_id("stVegaLiteChart").locator("canvas").first
    drawn.wait_for()
    drawn.hover(position={"x": 300, "y": 110})
    tooltip = page.locator("#vg-tooltip-element")
    expect(tooltip).to_contain_text("Assignment")
    expect(tooltip).not_to_contain_text("Student")
    tooltip_text = tooltip.inner_text()
    drawn.click(position={"x": 300, "y": 110})
    wait_for(page, "assignment")
    opened = page.get_by_test_id("stMain").locator("h2").first.inner_text()
    assert opened in names
    assert opened in tooltip_text
    page.go_back()
    wait_for(page, "matrix")


def test_pseudonyms_take_the_place_of_names_and_give_it_back(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    open_page(page, dashboard, "overview")
    name = first_person(page).inner_text()
    first_person(page).click()
    wait_for(page, "student")
    real = page.url
    anonymous = page.get_by_test_id("stSidebar").get_by_text("Anonymous", exact=True)
    anonymous.click()
    expect(page.get_by_text(name, exact=True)).to_have_count(0)
    expect(page.locator("h2").first).not_to_have_text(name)
    assert re.search(r"[?&]anonymous=1", page.url)
    assert str(re.search(r"student=([^&]+)", real)[1]) not in page.url  # type: ignore[index]
    assert name.split()[-1] not in page.content()
    anonymous.click()
    expect(page.locator("h2").get_by_text(name, exact=True)).to_be_visible()


def test_every_address_has_the_policy(dashboard: Dashboard) -> None:
    """The policy keeps the browser from asking other hosts, even at an address that is no page."""
    for name in ("", "risk", "nowhere", "index.html", "student/x", "docs"):
        answer = requests.get(dashboard.address(name), timeout=10)
        assert answer.headers["Content-Type"].startswith("text/html"), name
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"], name


def test_enter_takes_a_typed_day(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    open_page(page, dashboard, "risk")
    day = page.get_by_test_id("stSidebar").get_by_test_id("stDateInput").get_by_role("spinbutton")
    day.first.focus()
    # In the order of the field: year, month, day.
    page.keyboard.type("20261101")
    page.keyboard.press("Enter")
    expect(page.get_by_text("as it was at the end of Sunday 1 November 2026")).to_be_visible()
    expect(day.last).to_be_focused()
    page.keyboard.press("Backspace")
    page.keyboard.type("02")
    page.keyboard.press("Enter")
    expect(page.get_by_text("as it was at the end of Monday 2 November 2026")).to_be_visible()
    page.goto("about:blank")
