"""Downloads made in Chromium as a mentor does it, opened and read back.

`tests/dashboard/test_files.py` fetches every file of every page without a browser.
"""

from __future__ import annotations

import csv
import io
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pypdf
import pytest
from playwright.sync_api import Locator, Page, expect

from cohort_core.dashboard.files.routes import GONE
from cohort_core.reports import catalog
from cohort_core.reports.row_models import StudentHealthRow
from cohort_core.store.audit import load_events
from tests.browser.conftest import PHONE, Dashboard, Watched, served
from tests.browser.test_dashboard import expect_no_sideways_scrolling, open_page, wait_for
from tests.conftest import ALL_DRILLS, sample
from tests.dashboard.conftest import EVIL
from tests.export.conftest import identifying_of, text_of

File = tuple[str, bytes]
OFFERED = {
    "overview": {"report", "attention", "changes", "reteach"},
    "blockers": {"course", "blockers", "by-section"},
    "risk": {"risk-parts", "student-health"},
    "matrix": {"matrix"},
    "trends": {"by-course-week", "progress-over-time", "velocity", "habits"},
    "student": {"student-missing", "risk-history", "student-timeline"},
    "assignment": {"assignment-students", "assignment-grades"},
    "classes": {"classes", "syncs"},
}
"""Some of the files of each page, by name without the extension."""
KINDS = {"csv", "xlsx", "pdf", "png", "svg"}

DRILL_MENUS = int(os.environ.get("DOWNLOAD_DRILL", "5"))
"""Menus of which two files each are fetched; the whole drill, of 40 files in two minutes, takes 20."""


@pytest.fixture
def class_id(dashboard: Dashboard) -> str:
    return next(status.id for status in dashboard.workspace.cohorts.statuses() if status.progressions > 3000)


def menus(page: Page) -> Locator:
    """Return the Download menus of a page, once it is complete."""
    expect(page.locator("[data-test-script-state=notRunning]")).to_have_count(1)
    return page.get_by_test_id("stMain").get_by_test_id("stPopover").get_by_role("button", name="Download")


def unfold(page: Page) -> None:
    for expander in page.get_by_test_id("stMain").get_by_test_id("stExpander").all():
        expander.locator("summary").click()
        expect(
            expander.get_by_test_id("stExpanderDetails").locator("button, canvas, p, li").first
        ).to_be_visible()


def files(page: Page, menu: Locator, turn: int | None = None) -> Iterator[File]:
    """Download the files of a menu, with the names that the browser gives them.

    With `turn` it downloads only one file, another kind for each turn.
    """
    menu.scroll_into_view_if_needed()
    menu.click()
    body = page.get_by_test_id("stPopoverBody")
    expect(body.get_by_role("link").first).to_be_visible()
    links = body.get_by_role("link").all()
    for link in links if turn is None else [links[turn % len(links)]]:
        with page.expect_download() as started:
            link.click()
        yield started.value.suggested_filename, Path(started.value.path()).read_bytes()
    page.keyboard.press("Escape")
    expect(body).to_have_count(0)


def rows_of(file: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"))))


def read_back(name: str, file: bytes, *, anonymous: bool = True) -> None:
    """Check that the content of a file is whole and fits its extension."""
    match name.rsplit(".", 1)[-1]:
        case "csv":
            assert file.startswith(b"\xef\xbb\xbf")
            assert rows_of(file)
        case "xlsx":
            book = openpyxl.load_workbook(io.BytesIO(file))
            assert book.sheetnames[-1] == "Definitions"
            assert book.worksheets[0].max_row > 1
            entries = [[cell.value for cell in row[:2]] for row in book["Definitions"]]
            assert (["Names", "Pseudonyms"] in entries) == anonymous
        case "pdf":
            assert "Software Development" in pypdf.PdfReader(io.BytesIO(file)).pages[0].extract_text()
        case "png":
            assert file.startswith(b"\x89PNG\r\n\x1a\n")
            assert file.endswith(b"IEND\xaeB`\x82")
        case "svg":
            text = "".join(ElementTree.fromstring(file).itertext())
            assert "Software Development, Cohort 12 · as of " in text
            assert ("names are pseudonyms" in text) == anonymous
        case other:
            raise AssertionError(other)


def test_every_download_of_every_page_opens_and_names_nobody(
    dashboard: Dashboard, watched: Watched, class_id: str
) -> None:
    workspace = dashboard.workspace
    identifying = identifying_of(workspace.cohorts.class_data(class_id))
    cohort = workspace.cohorts.cohort(class_id, anonymous=True)
    chosen = {
        "student": f"&student={catalog.student_health(cohort).frame['student_id'][4]}",
        "assignment": f"&assignment={catalog.reteach(cohort).frame['assignment_id'][0]}",
        "overview": "&since=week",
    }
    page = watched.tab()
    kinds = set()
    for name in sample(list(OFFERED), 3):
        open_page(page, dashboard, name, f"?class={class_id}&anonymous=1{chosen.get(name, '')}")
        menus(page)
        unfold(page)
        stems = set()
        of_class = "" if name == "classes" else "sd-cohort-12-"
        for turn, menu in enumerate(menus(page).all()):
            # Here each menu gives one file, of another kind each time. Other tests read all kinds.
            for file, data in files(page, menu, turn):
                read_back(file, data)
                assert not identifying.found_in(text_of(data) if not file.endswith("png") else file), file
                assert file.startswith(of_class)
                assert re.search(r"-anonymous\.\w+$", file)
                stem, kind = file.removeprefix(of_class).replace("-anonymous", "").split(".")
                stems.add(stem)
                kinds.add(kind)
        assert OFFERED[name] <= stems, (name, stems)
    assert kinds == KINDS or not ALL_DRILLS


def test_a_table_has_the_rows_that_are_shown_with_names_and_definitions(
    dashboard: Dashboard, watched: Watched, class_id: str
) -> None:
    page = watched.tab()
    open_page(page, dashboard, "risk", f"?class={class_id}&band=high")
    downloaded = dict(files(page, menus(page).first))
    health = catalog.student_health(dashboard.workspace.cohorts.cohort(class_id))
    high = [row for row in health.records() if row["risk"] == "high"]
    rows = rows_of(downloaded["sd-cohort-12-student-health.csv"])
    assert list(rows[0]) == list(StudentHealthRow.model_fields)
    assert [row["name"] for row in rows] == [row["name"] for row in high]
    assert [float(row["risk_score"]) for row in rows] == [row["risk_score"] for row in high]
    book = openpyxl.load_workbook(io.BytesIO(downloaded["sd-cohort-12-student-health.xlsx"]))
    assert [cell.value for cell in book.worksheets[0]["A"]][1:] == [row["student_id"] for row in high]
    audit = load_events(dashboard.workspace.database, limit=2)
    assert [(event.who, event.action) for event in audit] == [("dashboard", "export")] * 2
    assert audit[0].detail == f"student_health.xlsx, class {class_id}"


def test_an_evil_name_is_text_in_every_file(hostile_home: Path, tmp_path: Path, watched: Watched) -> None:
    with served(hostile_home, tmp_path) as url:
        page = watched.tab()
        page.goto(f"{url}/dashboard/risk")
        wait_for(page, "risk")
        for menu in menus(page).all():
            for name, data in files(page, menu):
                if name.endswith(".csv"):
                    assert rows_of(data)[0]["name"].startswith(EVIL)
                if name.endswith(".svg"):
                    drawn = ElementTree.fromstring(data)
                    unsafe = [node for node in drawn.iter() if node.tag.endswith(("script", "image"))]
                    assert not unsafe
        page.close()


def test_on_a_phone_and_by_keyboard(dashboard: Dashboard, watched: Watched, class_id: str) -> None:
    page = watched.tab(PHONE)
    open_page(page, dashboard, "trends", f"?class={class_id}")
    menus(page).first.focus()
    page.keyboard.press("Enter")
    link = page.get_by_test_id("stPopoverBody").get_by_role("link", name="Table (CSV)")
    expect(link).to_be_visible()
    expect(link).to_be_focused()
    assert link.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    expect_no_sideways_scrolling(page)
    box = page.get_by_test_id("stPopoverBody").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    assert started.value.suggested_filename == "sd-cohort-12-progress-over-time.csv"
    page.keyboard.press("Escape")
    expect(menus(page).first).to_be_focused()


def addresses(page: Page, menu: Locator) -> list[str]:
    """Open a menu, and return the addresses of its files."""
    menu.scroll_into_view_if_needed()
    menu.click()
    links = page.get_by_test_id("stPopoverBody").get_by_role("link")
    expect(links.first).to_be_visible()
    hrefs = [link.get_attribute("href") or "" for link in links.all()]
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    return hrefs


def test_downloads_arrive_whole_while_other_tabs_are_open(
    dashboard: Dashboard, watched: Watched, class_id: str
) -> None:
    # Each tab has a timer, and each of its runs once ended the files of all others.
    names = ["overview", "risk", "trends", "blockers", "matrix"]
    first = watched.tab()
    tabs = [first, *(first.context.new_page() for _ in names[1:])]
    for tab, name in zip(tabs, names, strict=True):
        open_page(tab, dashboard, name, f"?class={class_id}")
        menus(tab)
    arrived = []
    started_at = time.monotonic()
    for turn in range(DRILL_MENUS):
        tab = tabs[turn % len(tabs)]
        tab.bring_to_front()
        menu = menus(tab).nth(turn % menus(tab).count())
        menu.click()
        link = tab.get_by_test_id("stPopoverBody").get_by_role("link").first
        expect(link).to_be_visible()
        # As somebody who reads first; the timers of all tabs run meanwhile.
        tab.wait_for_timeout(1000)
        for _ in range(2):
            with tab.expect_download() as started:
                link.click()
            assert started.value.failure() is None
            data = Path(started.value.path()).read_bytes()
            read_back(started.value.suggested_filename, data, anonymous=False)
            arrived.append(len(data))
        tab.keyboard.press("Escape")
        expect(tab.get_by_test_id("stPopoverBody")).to_have_count(0)
    assert len(arrived) == 2 * DRILL_MENUS
    assert time.monotonic() - started_at > DRILL_MENUS


def test_a_link_works_in_its_own_browser_alone(dashboard: Dashboard, watched: Watched, class_id: str) -> None:
    page, other = watched.tab(), watched.tab()
    for path in ("", "risk"):
        page.goto(f"{dashboard.address(path)}?class={class_id}")
        wait_for(page, "risk" if path else "overview")
        (address, *_) = addresses(page, menus(page).last)
        assert address.startswith("/dashboard/files/")
        assert page.request.get(dashboard.url + address).ok
        # Before and after the other browser has a cookie of its own.
        assert other.request.get(dashboard.url + address).status == 404
    open_page(other, dashboard, "risk", f"?class={class_id}")
    response = other.request.get(dashboard.url + address)
    assert response.status == 404
    assert GONE in response.text()


def test_a_link_that_is_gone_leads_to_a_page_from_which_one_goes_back(
    dashboard: Dashboard, watched: Watched, class_id: str
) -> None:
    page = watched.tab()
    open_page(page, dashboard, "risk", f"?class={class_id}")
    menus(page).first.click()
    link = page.get_by_test_id("stPopoverBody").get_by_role("link").first
    expect(link).to_be_visible()
    link.evaluate("element => element.setAttribute('href', '/dashboard/files/long-gone')")
    link.click()
    expect(page.get_by_text(GONE)).to_be_visible()
    # The browser writes a 404 into its console.
    assert all("404" in complaint for complaint in watched.complaints)
    watched.complaints.clear()
    page.go_back()
    wait_for(page, "risk")
    with page.expect_download() as started:
        menus(page).first.click()
        page.get_by_test_id("stPopoverBody").get_by_role("link").first.click()
    assert started.value.failure() is None
