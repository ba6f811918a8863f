"""The class night, the handover and the drafts in a browser: ticks, answers, PDFs, a live example."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pypdf
from playwright.sync_api import Page, expect

from cohort_core.practice.generated import PracticeSchool
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from tests.browser.conftest import PHONE, Watched, served, synced
from tests.browser.test_dashboard import expect_no_sideways_scrolling, go, wait_for
from tests.browser.test_downloads import files, menus
from tests.browser.test_week import CLASS, PICTURES, take
from tests.conftest import wait_until


def save(name: str, content: bytes) -> None:
    if PICTURES:
        (Path(PICTURES) / name).write_bytes(content)


def text_of(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(content)).pages).split())


def answer_for(page: Page, name: str, answers: dict[str, str]) -> None:
    """Answer about a student, by the labels of the four questions."""
    chooser = page.get_by_role("combobox", name="About")
    chooser.click()
    chooser.fill(name)
    page.get_by_role("option").filter(has_text=name).first.click()
    # Before that, the fields are those of the student before.
    expect(page.get_by_role("button", name=f"Save for {name}")).to_be_visible()
    wait_for(page, "handover")
    for label, text in answers.items():
        page.get_by_role("textbox", name=label).fill(text)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(f"Saved for the handover: {name}")).to_be_visible()


def test_an_evening_and_a_handover(tmp_path: Path, watched: Watched) -> None:
    home = tmp_path / "home"
    with synced(home, PracticeSchool(), CLASS.__eq__) as (workspace, _), served(home, tmp_path) as url:
        reader = Services(workspace).reader(CLI_OWNER)
        (class_id,) = (status.id for status in reader.statuses(active_only=True))
        page = watched.tab({"width": 1280, "height": 1100})
        # After a file from another page, one tick is one talk: no other box may follow.
        page.goto(f"{url}/dashboard/overview?class={class_id}")
        wait_for(page, "overview")
        assert files(page, menus(page).first)
        go(page, "class_night")
        take(page, "10-class-night")
        rows = page.locator("[class*='st-key-people-night-first']")
        first = rows.get_by_role("link").first.inner_text()
        rows.get_by_text("Talked to them").first.click()
        expect(rows.get_by_role("checkbox").first).to_be_checked()
        expect(page.get_by_role("checkbox", checked=True)).to_have_count(1)
        expect(rows.get_by_role("link").first).to_have_text(first)
        take(page, "11-class-night-ticked")
        wait_until(lambda: len(workspace.cohorts.load_contacts()) == 1)
        (contact,) = workspace.cohorts.load_contacts()
        assert (contact.channel, contact.who) == ("met", "dashboard")
        assert reader.cohort(class_id).students["name"][contact.student_id] == first
        ((name, sheet),) = files(page, menus(page).first)
        assert name == "sd-cohort-12-class-night.pdf"
        save(name, sheet)
        # On the sheet of afterwards the student is hidden, and was talked to.
        assert first not in text_of(sheet).split("Teach again")[0]
        rows.get_by_text("Talked to them").first.click()
        expect(rows.get_by_role("checkbox").first).not_to_be_checked()
        wait_until(lambda: not workspace.cohorts.load_contacts())

        names = reader.cohort(class_id).students["name"]
        plain = [name for name in names if name.replace(" ", "").isalpha() and name.isascii()][:2]
        page.goto(f"{url}/dashboard/handover?class={class_id}")
        wait_for(page, "handover")
        expect(page.get_by_text(f"What was promised: no answer for {len(names)} of")).to_be_visible()
        answer_for(page, plain[0], {"What was promised": "A call on Friday"})
        answer_for(page, plain[1], {"What was promised": "A laptop until June", "What helps": "Pairing"})
        expect(page.get_by_text(f"no answer for {len(names) - 2} of")).to_be_visible()
        take(page, "12-handover")
        ((name, sheet),) = files(page, menus(page).first)
        save(name, sheet)
        after = [text_of(sheet).split(f"{name} ", 1)[-1] for name in plain]
        assert "What was promised: A call on Friday" in after[0]
        assert "What was promised: A laptop until June" in after[1]
        assert "What helps: Pairing" in after[1]

        page.goto(f"{url}/dashboard/settings?class={class_id}&part=drafts")
        wait_for(page, "settings")
        message = page.get_by_role("textbox", name="Message", exact=True)
        message.fill("Dear {first_name},\nI miss you.\n{mentor}")
        message.press("Control+Enter")
        expect(page.get_by_text("Dear Amara,", exact=False)).to_be_visible()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved the draft “Never started”.")).to_be_visible()
        take(page, "13-drafts")
        assert reader.drafts()["never_started"].template.body.startswith("Dear {first_name},")

        page.goto(f"{url}/dashboard/trends?class={class_id}")
        wait_for(page, "trends")
        page.get_by_text("What came of your messages").click()
        expect(page.get_by_text("This is how many come back without one.")).to_be_visible()
        take(page, "14-trends")
        phone = watched.tab(PHONE)
        for place in ("class_night", "handover", "settings"):
            phone.goto(f"{url}/dashboard/{place}?class={class_id}&part=drafts")
            wait_for(phone, place)
            expect_no_sideways_scrolling(phone)
            take(phone, f"15-phone-{place}")
        page.goto("about:blank")
        phone.goto("about:blank")
