"""Settings in Chromium: a mentor sees the effect of a change before it counts everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cohort_core.practice.generated import PracticeSchool
from tests.browser.conftest import PHONE, Dashboard, Watched, served, synced
from tests.browser.test_dashboard import expect_no_sideways_scrolling, open_page
from tests.dashboard.conftest import EVIL

PARTS = ("connection", "thresholds", "roster", "sync", "time", "data")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A server whose settings nobody else uses."""
    folder = tmp_path_factory.mktemp("settings")
    with (
        synced(folder / "home", PracticeSchool(), "Web Basics, Cohort 3".__eq__) as (workspace, school),
        served(folder / "home", folder) as url,
    ):
        yield Dashboard(url, workspace, school)


def test_thresholds_show_their_effect_and_then_count(own: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    open_page(page, own, "settings", "?part=thresholds")
    expect(page.get_by_text("As it is now")).to_be_visible()
    field = page.get_by_role("spinbutton", name="Critical: points behind the class")
    field.fill("99")
    field.press("Enter")
    expect(page.get_by_text("What this would change")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Newly high \(\d+\)"))).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved. It counts on every page")).to_be_visible()
    open_page(page, own, "risk")
    expect(page.get_by_text("Critical: 0 students")).to_be_visible()


def test_a_roster_is_read_before_it_is_imported(own: Dashboard, watched: Watched, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text(
        f"first_name,last_name,night\nUrsula,Xiong,{EVIL}\n{EVIL},New,Tuesday\n,,\nNobody,,\n", "utf-8"
    )
    page = watched.tab()
    open_page(page, own, "settings", "?part=roster")
    uploader = page.get_by_test_id("stFileUploader").filter(has_text="Roster, as")
    uploader.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("3 lines: 0 match a student of OpenClass, 2 are new")).to_be_visible()
    expect(page.get_by_text("**b** <script>alert(1)</script> $x$ :red[r] New").first).to_be_visible()
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    page.get_by_text("All 2 of them").click()
    expect(page.get_by_text("2 students on the roster then")).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text(re.compile("^Imported"))).to_be_visible()
    expect(page.get_by_text("What would be imported")).to_have_count(0)
    assert page.locator("img[src*='127.0.0.1:9']").count() == 0
    file.write_text("first_name,last_name,night\nUrsula,Xiong,Tuesday\n", "utf-8")
    # An import empties the field: for a moment there are two.
    expect(uploader.locator("input[type=file]")).to_have_count(1)
    uploader.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("Replaces 2 lines, of which 1 is not in this file.")).to_be_visible()
    page.get_by_text("Add to it").click()
    expect(page.get_by_text(re.compile("^Replaces"))).to_have_count(0)
    page.get_by_role("button", name="Undo the last import").click()
    expect(page.get_by_text(re.compile("^The roster of before is back"))).to_be_visible()


def test_the_schedule_changes_while_it_runs(own: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    open_page(page, own, "settings", "?part=sync")
    page.get_by_test_id("stMain").get_by_test_id("stSelectbox").click()
    page.get_by_role("option", name="Every hour").click()
    main = page.get_by_test_id("stMain")
    expect(main.get_by_text(re.compile("Syncs automatically, next in"))).to_be_visible()
    expect(page.get_by_test_id("stSidebar").get_by_text(re.compile("Syncs automatically"))).to_be_visible()


def test_no_part_is_wider_than_a_phone(own: Dashboard, watched: Watched) -> None:
    page = watched.tab(PHONE, colours="dark")
    for part in PARTS:
        open_page(page, own, "settings", f"?part={part}")
        expect_no_sideways_scrolling(page)
