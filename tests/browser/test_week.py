"""A week of a mentor in the practice school."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from cohort_core import clock
from cohort_core.config.settings import Preferences
from cohort_core.config.thresholds import Thresholds
from cohort_core.metrics.triage import ClassTriage
from cohort_core.practice.generated import PracticeSchool
from cohort_core.services.workspace import Workspace
from tests.browser.conftest import Watched, served, synced
from tests.browser.test_dashboard import wait_for

CLASS = "Software Development, Cohort 12"
LISTS = "[class*='st-key-people-attention']"
MIDDLE, END = 5, 8
PICTURES = os.environ.get("PICTURES_FOLDER")
"""A folder for pictures of each step, for looking at them."""


@contextmanager
def later(days: float) -> Iterator[None]:
    """Let this process, with its school, be so many days later."""
    clock.move_on(timedelta(days=days))
    try:
        yield
    finally:
        clock.move_on(-timedelta(days=days))


def sync_later(workspace: Workspace, days: float) -> ClassTriage:
    with later(days):
        workspace.prepare_sync(asked_by="test").run()
        return triage_of(workspace)


def triage_of(workspace: Workspace) -> ClassTriage:
    (class_id,) = (status.id for status in workspace.cohorts.statuses(active_only=True))
    return workspace.cohorts.class_triages([class_id])[0]


def choose(school: PracticeSchool, folder: Path) -> tuple[str, str, str]:
    """Return who will come back, who will not, and who will be worse, by looking into the future."""
    with synced(folder, school, CLASS.__eq__) as (workspace, _):
        now = triage_of(workspace)
        students = workspace.cohorts.class_data(now.class_id).students
        reachable = set(students["student_id"][students["email"].notna()])
        middle, end = (sync_later(workspace, days) for days in (MIDDLE, END))
    listed = [entry.student_id for entry in now.entries if entry.student_id]

    def acts(student_id: str, part: ClassTriage) -> bool:
        last = part.last_active.get(student_id)
        return last is not None and last > now.as_of + timedelta(hours=1)

    def gets_worse(student_id: str, part: ClassTriage) -> bool:
        kinds = {entry.kind for entry in now.entries if entry.student_id == student_id}
        gravest = next(kind for kind in ("never_started", "risk", "stuck", "engagement_gap") if kind in kinds)
        return part.is_worse(student_id, now.levels[student_id], gravest)

    stays = {entry.student_id for entry in end.entries}
    worse = next(s for s in listed if gets_worse(s, middle))
    back = next(s for s in listed if s != worse and acts(s, middle) and not gets_worse(s, middle))
    silent = next(
        s
        for s in listed
        if s in reachable and s in stays and not acts(s, end) and not gets_worse(s, middle) and s != worse
    )
    return back, silent, worse


def listed(page: Page, student_id: str) -> Locator:
    return page.locator(LISTS).locator(f"a[href*='student={student_id}']")


def message(page: Page, student_id: str, label: str) -> None:
    """Open the message beside a name, and choose an action."""
    wait_for(page, "overview")
    page.locator(f"[class*='st-key-message-'][class*='{student_id}'] button").click()
    button = page.get_by_role("link" if label == "Write an email" else "button", name=label)
    try:
        expect(button).to_be_visible()
    except AssertionError:
        take(page, "failed")
        raise
    take(page, f"message-{label.split()[0].lower()}")
    button.click()


def take(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


@pytest.mark.drill
def test_a_week(tmp_path: Path, watched: Watched) -> None:
    school = PracticeSchool()
    back, silent, worse = choose(school, tmp_path / "future")
    home = tmp_path / "home"
    with synced(home, school, CLASS.__eq__) as (workspace, _):
        (class_id,) = (status.id for status in workspace.cohorts.statuses(active_only=True))
        wanted = Preferences(thresholds=Thresholds(triage_length=50))
        workspace.change_preferences(wanted, asked_by="test")
        names = triage_of(workspace).names
        page = watched.tab({"width": 1280, "height": 1400})
        query = f"?class={class_id}&scope=this"
        with served(home, tmp_path) as url:
            page.context.grant_permissions(["clipboard-read", "clipboard-write"])
            page.goto(f"{url}/dashboard/overview{query}")
            wait_for(page, "overview")
            links = page.locator(LISTS).locator("a[href*='student=']")
            expect(links.first).to_be_visible()
            count = links.count()
            assert count > 3
            take(page, "1-before")
            message(page, back, "Copy and note it")
            notice = page.get_by_text(f"Noted. {names[back]} is back on the list on", exact=False)
            expect(notice).to_be_visible()
            expect(listed(page, back)).to_have_count(0)
            copied = page.evaluate("navigator.clipboard.readText()")
            assert copied.startswith("Hi")
            take(page, "1b-noted")
            page.get_by_role("button", name="Undo").click()
            expect(listed(page, back)).to_have_count(1)
            assert workspace.cohorts.load_contacts() == []
            message(page, back, "Copy and note it")
            expect(listed(page, back)).to_have_count(0)
            message(page, silent, "Write an email")
            expect(listed(page, silent)).to_have_count(0)
            message(page, worse, "Talked to them")
            expect(listed(page, worse)).to_have_count(0)
            expect(links).to_have_count(count - 3)
            take(page, "2-three-written-to")
            kept = {item.student_id: item.channel for item in workspace.cohorts.load_contacts()}
            assert kept == {back: "copied", silent: "email", worse: "met"}
            page.goto("about:blank")
            watched.hosts.clear()
        sync_later(workspace, MIDDLE)
        with served(home, tmp_path, days_later=MIDDLE) as url:
            page.goto(f"{url}/dashboard/overview{query}")
            wait_for(page, "overview")
            expect(listed(page, worse)).to_have_count(1)
            expect(listed(page, silent)).to_have_count(0)
            outcomes = page.locator("[class*='st-key-people-outcome-came']")
            expect(outcomes.get_by_text(names[back], exact=True)).to_be_visible()
            take(page, "3-after-five-days")
            page.goto("about:blank")
            watched.hosts.clear()
        sync_later(workspace, END)
        with served(home, tmp_path, days_later=END) as url:
            page.goto(f"{url}/dashboard/overview{query}")
            wait_for(page, "overview")
            expect(listed(page, silent)).to_have_count(1)
            expect(page.get_by_text("wrote 8 days ago, nothing since").first).to_be_visible()
            nothing = page.locator("[class*='st-key-people-outcome-nothing']")
            expect(nothing.get_by_text(names[silent], exact=True)).to_be_visible()
            take(page, "4-after-eight-days")
            page.goto(f"{url}/dashboard/student?class={class_id}&student={silent}")
            wait_for(page, "student")
            expect(page.get_by_text("Wrote 8 days ago · nothing since")).to_be_visible()
            take(page, "5-student")
            page.goto(f"{url}/dashboard/trends?class={class_id}")
            wait_for(page, "trends")
            page.get_by_role("heading", name="What came of your messages").scroll_into_view_if_needed()
            take(page, "6-trends")
            page.goto("about:blank")


@pytest.fixture(autouse=True)
def right_clock() -> Iterator[None]:
    """Leave the clock of this process as it is, whatever fails."""
    before = clock.utc_now()
    yield
    assert abs(clock.utc_now() - before) < timedelta(hours=1)
