"""Pages as every role: nothing of another class arrives, and no button is drawn that would be refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocket, expect

from cohort_core.services.principal import OWNER
from cohort_core.services.reader import Reader
from tests.browser.conftest import Dashboard, Watched, served
from tests.conftest import sample
from tests.dashboard.conftest import PAGES
from tests.dashboard.test_roles import names_of

ACTIONS = (
    "Sync now",
    "Message",
    "Hide until …",
    "Talked to them",
    "Copy and note it",
    "Show again",
    "Look for new classes",
    "Sync this class",
    "Download everything again",
    "Import",
    "Save",
)
"""Labels of buttons that change something."""


class Received:
    """Every byte that a tab gets from the server, and every address that it shows or asks for."""

    def __init__(self, page: Page) -> None:
        self.parts: list[bytes] = []
        page.on("websocket", self._listen)
        page.on("request", lambda request: self._add(request.url))
        page.on("framenavigated", lambda frame: self._add(frame.url))

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._add)

    def _add(self, payload: str | bytes) -> None:
        self.parts.append(payload.encode() if isinstance(payload, str) else payload)

    @property
    def size(self) -> int:
        return sum(map(len, self.parts))

    def found_in(self, words: set[str]) -> set[str]:
        everything = b"\n".join(self.parts)
        return {word for word in words if word.encode() in everything}


def identifying(dashboard: Dashboard, class_id: str) -> set[str]:
    """Return everything that names a class or the people in it."""
    reader = Reader(dashboard.workspace, OWNER)
    (status,) = (status for status in reader.statuses() if status.id == class_id)
    students = reader.class_data(class_id).students
    names = students["first_name"].fillna("") + " " + students["last_name"].fillna("")
    words = {status.id, status.name, status.friendly_id or status.id, *names}
    words |= {*students["student_id"], *students["email"].dropna()}
    return {word.strip() for word in words if len(word.strip()) > 4}


@pytest.mark.parametrize("role", sample(["viewer", "director", "mentor", "admin"], 3))
def test_pages_show_one_class_and_the_buttons_of_the_role(
    dashboard: Dashboard, watched: Watched, tmp_path: Path, role: str
) -> None:
    reader = Reader(dashboard.workspace, OWNER)
    active = reader.statuses(active_only=True)
    own = max(active, key=lambda status: status.progressions).id
    others = [status.id for status in reader.statuses() if status.id != own]
    foreign = set[str]().union(*(identifying(dashboard, class_id) for class_id in others))
    foreign -= identifying(dashboard, own)
    if role == "director":
        foreign |= names_of(dashboard.workspace, own)
    student = reader.class_data(own).students["student_id"].iloc[0]
    assignment = reader.class_data(own).assignments["assignment_id"].iloc[0]
    with served(dashboard.workspace.home.folder, tmp_path, role, own) as url:
        page = watched.tab()
        received = Received(page)
        for name in PAGES:
            received.parts.clear()
            # A director's address has no student: it would say the real id by itself.
            about = "" if role == "director" else f"student={student}&"
            page.goto(f"{url}/dashboard/{name}?{about}assignment={assignment}")
            expect(page.get_by_test_id("stMain").locator("h1")).to_be_visible()
            expect(page.get_by_test_id("stSidebar")).to_contain_text("Last synced")
            if name == "overview":
                expect(page.get_by_test_id("stMain")).to_contain_text("All students by risk")
            expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
            page.wait_for_timeout(300)
            received.parts.append(page.content().encode())
            expect(page.get_by_test_id("stException")).to_have_count(0)
            buttons = {label for label in page.get_by_role("button").all_inner_texts() if label}
            drawn = {action for action in ACTIONS if any(action in label for label in buttons)}
            assert received.size > 10_000
            assert not received.found_in(foreign), (name, received.found_in(foreign))
            if role in {"viewer", "director"}:
                assert not drawn, (name, drawn)
                if name == "classes":
                    expect(page.get_by_test_id("stMain").get_by_role("switch")).to_have_count(0)
            elif name == "overview":
                expect(page.get_by_role("button", name="Sync now")).to_be_enabled()
                expect(page.get_by_role("button", name="Message").first).to_be_visible()
        received.parts.clear()
        page.goto(f"{url}/dashboard/risk?class={others[0]}")
        expect(page.get_by_text("The address asks for a class")).to_be_visible()
        # The address itself says the id; nothing says the class.
        assert received.found_in(foreign) <= {others[0]}
        # Before the server stops: an open tab complains that it is gone.
        watched.close()
