"""Names in lists open the page of the student or assignment, and Back returns."""

from __future__ import annotations

from playwright.sync_api import expect

from cohort_core.reports import catalog
from tests.browser.conftest import Dashboard, Watched
from tests.browser.test_dashboard import open_page, wait_for


def test_names_of_stuck_students_and_in_changes_are_links(dashboard: Dashboard, watched: Watched) -> None:
    statuses = dashboard.workspace.cohorts.statuses()
    class_id = next(status.id for status in statuses if status.progressions > 3000)
    first = catalog.reteach(dashboard.workspace.cohorts.cohort(class_id)).records()[0]
    page = watched.tab()
    open_page(page, dashboard, "overview", f"?class={class_id}&since=week&kind=completed")
    main = page.get_by_test_id("stMain")
    listed = main.locator("[class*='st-key-people-reteach']")
    listed.get_by_text(first["students"][0], exact=True).first.click()
    wait_for(page, "student")
    expect(page.locator("h2").get_by_text(first["students"][0], exact=True)).to_be_visible()
    page.go_back()
    wait_for(page, "overview")
    event = main.locator("[class*='st-key-events-changed'] a[href*='student=']").first
    name = event.inner_text()
    event.click()
    wait_for(page, "student")
    expect(page.locator("h2").get_by_text(name, exact=True)).to_be_visible()
    page.go_back()
    wait_for(page, "overview")
    assignment = main.locator("[class*='st-key-events-changed'] a[href*='assignment=']").first
    name = assignment.inner_text()
    assignment.click()
    wait_for(page, "assignment")
    expect(page.locator("h2").get_by_text(name, exact=True)).to_be_visible()
