"""Drafts, the director's page and the end of contacts over the API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pypdf
import pytest
import requests

from cohort_core.api.app import create_app
from cohort_core.clock import utc_now
from cohort_core.reports.drafts import KINDS, OURS
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.store.audit import load_events
from tests.api.test_closing import CLASS, Closing
from tests.api.test_closing import office as office  # a fixture
from tests.conftest import serving
from tests.sync.conftest import SyncedClass
from tests.sync.conftest import synced as synced  # a fixture


@pytest.fixture
def url(synced: SyncedClass) -> Iterator[str]:
    synced.sync()
    with serving(create_app(synced.workspace)) as url:
        yield url


def test_a_draft_is_listed_changed_and_reset(url: str, synced: SyncedClass) -> None:
    listed = requests.get(f"{url}/drafts", timeout=10).json()["items"]
    assert [row["kind"] for row in listed] == list(KINDS)
    assert all(row["is_ours"] and row["who"] is None for row in listed)
    wanted = {"subject": "Hello {first_name}", "body": "Hi {first_name},\r\nhow are you?\r\n{mentor}\r\n"}
    saved = requests.put(f"{url}/drafts/stuck", json=wanted, timeout=10)
    assert saved.status_code == 200, saved.text
    row = saved.json()
    assert (row["subject"], row["body"]) == (wanted["subject"], "Hi {first_name},\nhow are you?\n{mentor}")
    assert (row["is_ours"], row["who"]) == (False, "api")
    assert requests.get(f"{url}/drafts", timeout=10).json()["items"][3] == row
    assert "how are you?" in requests.get(f"{url}/drafts.csv", timeout=10).text
    reset = requests.delete(f"{url}/drafts/stuck", timeout=10).json()
    assert (reset["body"], reset["is_ours"]) == (OURS["stuck"].body, True)
    assert requests.delete(f"{url}/drafts/stuck", timeout=10).status_code == 200
    events = [event.action for event in load_events(synced.workspace.database) if "draft" in event.action]
    assert events == ["draft reset", "draft"]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("stuck", {"body": "Hi {name}"}),
        ("stuck", {"body": "Hi {first_name"}),
        ("stuck", {"body": ""}),
        ("stuck", {"subject": "a\nb", "body": "Hi"}),
        ("stuck", {"body": "Hi", "kind": "silent"}),
        ("going_well", {"body": "Hi"}),
    ],
)
def test_what_cannot_be_a_draft_changes_nothing(url: str, kind: str, wanted: dict[str, Any]) -> None:
    before = requests.get(f"{url}/drafts", timeout=10).json()["items"]
    refused = requests.put(f"{url}/drafts/{kind}", json=wanted, timeout=10)
    assert refused.status_code in (400, 422), refused.text
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert requests.get(f"{url}/drafts", timeout=10).json()["items"] == before


def test_the_directors_page_names_nobody_unless_asked(office: Closing) -> None:
    # A look at the headers makes no page, so it moves no begin of the next one.
    assert requests.head(f"{office.url}/classes/{CLASS}/director.pdf", timeout=30).status_code == 200
    answer = requests.get(f"{office.url}/classes/{CLASS}/director.pdf", timeout=30)
    pages = pypdf.PdfReader(BytesIO(answer.content)).pages
    assert len(pages) == 1
    text = " ".join(pages[0].extract_text().split())
    for student in office.get(f"/classes/{CLASS}/students"):
        assert student["name"] not in text
    figures = {row["figure"]: row for row in office.get(f"/classes/{CLASS}/director")["items"]}
    assert figures["students"]["now"] == office.get(f"/classes/{CLASS}/progress-summary")["total_students"]
    assert figures["messages"]["before"] is None
    made = [event for event in load_events(office.workspace.database) if event.action == "director's page"]
    assert len(made) == 1
    tomorrow = (utc_now() + timedelta(days=2)).date().isoformat()
    refused = requests.get(f"{office.url}/classes/{CLASS}/director?since={tomorrow}", timeout=10)
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_input")


def noted(office: Closing) -> None:
    """Note a contact, and an answer for the handover."""
    student = office.get(f"/classes/{CLASS}/students")[0]["id"]
    path = f"/classes/{CLASS}/students/{student}/contacts"
    office.post(path, 201, json={"channel": "met", "note": "Likes tea"})
    commands = Services(office.workspace).commands(CLI_OWNER)
    commands.save_handover_note(CLASS, "promised", "A laptop", student_id=student)


KEPT = "SELECT note FROM contacts UNION ALL SELECT text FROM handover_notes"


def test_contacts_of_a_closed_class_are_kept_or_deleted(office: Closing) -> None:
    noted(office)
    office.post(f"/classes/{CLASS}/close")
    assert office.rows(KEPT) == [("Likes tea",), ("A laptop",)]
    office.post(f"/classes/{CLASS}/open")
    office.post(f"/classes/{CLASS}/close", json={"contacts": "delete"})
    assert office.rows(KEPT) == []
    assert office.rows("SELECT * FROM marks WHERE contact_id IS NOT NULL") == []
    assert load_events(office.workspace.database, 1)[0].detail.endswith(", contacts erased")
    content = b"".join(path.read_bytes() for path in office.workspace.home.folder.glob("cohort.db"))
    assert b"Likes tea" not in content


@pytest.mark.parametrize(("days", "is_closed", "kept"), [(366, True, 0), (300, True, 2), (800, False, 2)])
def test_kept_contacts_go_a_year_after_the_class_closed(
    office: Closing, days: int, is_closed: bool, kept: int
) -> None:
    noted(office)
    long_ago = utc_now() - timedelta(days=days)
    with office.workspace.database.writing() as connection:
        for table in ("contacts", "handover_notes"):
            connection.execute(f"UPDATE {table} SET at = ?", (long_ago.strftime("%Y-%m-%dT%H:%M:%S.000Z"),))
        if is_closed:
            connection.execute("UPDATE classes SET closed_on = ?", (long_ago.date().isoformat(),))
    office.workspace.erase_expired_contacts()
    assert len(office.rows(KEPT)) == kept


def test_a_young_contact_of_a_class_closed_long_ago_stays(office: Closing) -> None:
    noted(office)
    with office.workspace.database.writing() as connection:
        connection.execute("UPDATE classes SET closed_on = '2020-01-01'")
    office.workspace.erase_expired_contacts()
    assert len(office.rows(KEPT)) == 2
