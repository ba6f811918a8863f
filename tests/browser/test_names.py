"""Names in lists lead to whom they name, and back leads back."""

from __future__ import annotations

from playwright.sync_api import expect

from cohort_core.reports import catalog
from tests.browser.conftest import Dashboard, Watched
from tests.browser.test_dashboard import open_page, wait_for


def test_who_is_stuck_and_what_changed_lead_to_the_student(dashboard: Dashboard, watched: Watched) -> None:
    class_id = next(one.id for one in dashboard.workspace.cohorts.statuses() if one.progressions > 3000)
    first = catalog.reteach(dashboard.workspace.cohorts.cohort(class_id)).records()[0]
    page = watched.tab()
    open_page(page, dashboard, "overview", f"?class={class_id}&since=week&kind=completed")
    main = page.get_by_test_id("stMain")
    listed = main.locator("[class*='st-key-people-reteach']")
    listed.get_by_text(first["students"][0], exact=True).first.click()
    wait_for(page, "student")
    expect(page.locator("h3").get_by_text(first["students"][0], exact=True)).to_be_visible()
    page.go_back()
    wait_for(page, "overview")
    event = main.locator("[class*='st-key-events-changed'] a[href*='student=']").first
    name = event.inner_text()
    event.click()
    wait_for(page, "student")
    expect(page.locator("h3").get_by_text(name, exact=True)).to_be_visible()
    page.go_back()
    wait_for(page, "overview")
    work = main.locator("[class*='st-key-events-changed'] a[href*='assignment=']").first
    name = work.inner_text()
    work.click()
    wait_for(page, "assignment")
    expect(page.locator("h3").get_by_text(name, exact=True)).to_be_visible()
