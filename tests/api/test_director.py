"""The director's page over the API: each message is on one page, which begins where the last one ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pypdf
import pytest
import requests

from cohort_core.api.app import create_app
from cohort_core.clock import utc_now
from cohort_core.practice.school import hex_id, progression
from cohort_core.services.commands import Commands
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.store.classes import set_active
from cohort_core.store.database import utc_text
from tests.conftest import serving
from tests.sync.conftest import SyncedClass
from tests.sync.conftest import synced as synced  # a fixture

WHO = hex_id("student", "student 1")
FIRST_PAGE = datetime(2026, 4, 1, 12, tzinfo=UTC)
SECOND_PAGE = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass
class Office:
    """The API over two classes with a student in common."""

    url: str
    synced: SyncedClass
    other_id: str
    commands: Commands

    def note(self, at: datetime, class_id: str | None = None, channel: str = "email") -> int:
        """Note a contact, as if it were then; return its number."""
        reference = class_id or self.synced.id
        made = self.commands.add_contact(reference, WHO, channel, note=utc_text(at)).contact.id
        with self.synced.workspace.database.writing() as connection:
            connection.execute("UPDATE contacts SET at = ? WHERE id = ?", (utc_text(at), made))
        return made

    def ask(
        self, kind: str, query: dict[str, str], status: int = 200, method: str = "GET"
    ) -> requests.Response:
        path = f"{self.url}/classes/{self.synced.id}/director{kind}"
        answer = requests.request(method, path, params=query, timeout=20)
        assert answer.status_code == status, answer.text
        return answer

    def messages(self, **query: str) -> int:
        """Return how many messages the next page counts, without making it."""
        figures = {row["figure"]: row["now"] for row in self.ask("", query).json()["items"]}
        return int(figures["messages"])

    def make_page(self, **query: str) -> str:
        pages = pypdf.PdfReader(BytesIO(self.ask(".pdf", query).content)).pages
        return " ".join(pages[0].extract_text().split())


@pytest.fixture
def office(synced: SyncedClass) -> Iterator[Office]:
    at = "2026-03-02T10:00:00.000Z"
    row = progression("elsewhere", student="student 1", assignment="other", started=at, completed=at)
    other_id = synced.school.add_class("Other", rows=[row])
    synced.workspace.connect_to_practice(synced.served.url, asked_by="test")
    set_active(synced.workspace.database, [synced.id, other_id], active=True)
    synced.sync()
    with serving(create_app(synced.workspace)) as url:
        yield Office(url, synced, other_id, Services(synced.workspace).commands(CLI_OWNER))


def test_each_message_is_counted_on_one_page(office: Office) -> None:
    day = timedelta(days=1)
    office.note(FIRST_PAGE - day)
    office.note(FIRST_PAGE)
    office.note(SECOND_PAGE - day)
    # The same student in another class, and a contact that was deleted.
    office.note(SECOND_PAGE - day, office.other_id)
    office.commands.delete_contact(office.synced.id, WHO, office.note(SECOND_PAGE - 2 * day, channel="met"))
    office.note(SECOND_PAGE + day)
    # After the last sync, so after the end of the third page.
    office.note(utc_now() + timedelta(minutes=1), channel="call")
    counts = []
    for as_of in (utc_text(FIRST_PAGE), utc_text(SECOND_PAGE), None):
        query = {"as_of": as_of} if as_of else {}
        counts.append(office.messages(**query))
        words = "1 message or talk noted" if counts[-1] == 1 else f"{counts[-1]} messages and talks noted"
        assert words in office.make_page(**query)
    assert counts == [2, 1, 1]


def test_one_copy_to_several_counts_once_for_each(office: Office) -> None:
    for _ in range(2):
        office.commands.add_contact(office.synced.id, WHO, "copied", template="several")
    office.synced.sync()
    assert office.messages() == 1


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("HEAD", {}, 200),
        ("GET", {"since": "2150-01-01"}, 422),
        ("GET", {"group": "Nobody"}, 422),
        ("GET", {"as_of": "never"}, 422),
    ],
)
def test_what_hands_out_no_page_moves_no_beginning(
    office: Office, method: str, query: dict[str, Any], status: int
) -> None:
    office.make_page(as_of=utc_text(FIRST_PAGE))
    office.note(FIRST_PAGE + timedelta(days=1))
    office.ask(".pdf", {"as_of": utc_text(SECOND_PAGE), **query}, status, method)
    office.ask(".pdf", query, status, method)
    assert office.messages() == 1
    assert "since 1 April 2026" in office.make_page()
