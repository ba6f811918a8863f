"""People with an account each, at once: every byte that arrives, and what of it another may fetch."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from html import escape
from urllib.parse import quote
from zipfile import ZipFile

import pytest
import requests
from playwright.sync_api import Error, Page, Response, WebSocket, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from cohort_core.api.app import create_app
from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.services.principal import OWNER
from cohort_core.services.reader import Reader
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts
from cohort_core.store.accounts import Account
from cohort_core.store.database import utc_text
from cohort_core.store.maintenance import backup
from cohort_core.store.roles import Role
from cohort_core.store.tokens import digest
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
BIG, SMALL = "sd-cohort-12", "web-cohort-3"
ROLES: dict[str, tuple[Role, str | None]] = {
    "mia": ("mentor", BIG),
    "vic": ("viewer", SMALL),
    "dora": ("director", SMALL),
    "ada": ("admin", None),
}
"""The role and class of each person; None for all classes."""
FIRST = ("overview", "student", "settings")
WALKED = (*FIRST, *(name for name in PAGES if name not in FIRST), "my_account")
FILE = re.compile(rb"/dashboard/(?:files|media)/[A-Za-z0-9._-]+")


@dataclass
class People:
    """A server to which people sign in."""

    url: str
    workspace: Workspace
    accounts: dict[str, Account]

    def open_session(self, name: str) -> str:
        """Return the secret of a new session of a person."""
        secret = accounts.open_session(
            self.workspace.database,
            self.accounts[name].id,
            label="Chromium",
            lifetime=timedelta(days=1),
            now=utc_now(),
        )
        assert secret
        return secret

    def tab(self, watched: Watched, name: str, secret: str = "") -> Page:
        page = watched.tab()
        cookie = {"name": "cohort", "value": secret or self.open_session(name), "url": self.url}
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        return page

    def get(self, path: str, secret: str = "", **headers: str) -> requests.Response:
        cookies = {"cohort": secret} if secret else {}
        return requests.get(
            self.url + path, cookies=cookies, headers=headers, timeout=20, allow_redirects=False
        )

    def class_of(self, name: str) -> str:
        """Return the id of the class that a person looks at."""
        (class_id,) = self.accounts[name].class_ids or {self.classes[BIG]}
        return class_id

    @cached_property
    def classes(self) -> dict[str, str]:
        statuses = Reader(self.workspace, OWNER).statuses()
        return {status.friendly_id: status.id for status in statuses if status.friendly_id}

    @cached_property
    def words(self) -> dict[str, set[str]]:
        """By class, everything that names it or the people in it."""
        return {
            status.id: {status.id, status.name, status.friendly_id or status.id}
            | (names_of(self.workspace, status.id) if status.synced_at else set())
            for status in Reader(self.workspace, OWNER).statuses()
        }

    def foreign(self, name: str) -> set[str]:
        """Return what a person must not receive."""
        if self.accounts[name].class_ids is None:
            return set()
        own = self.class_of(name)
        words = {word for class_id in self.words if class_id != own for word in self.words[class_id]}
        words -= self.words[own]
        return words | names_of(self.workspace, own) if self.accounts[name].role == "director" else words


@pytest.fixture(scope="module")
def people(dashboard: Dashboard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    folder = tmp_path_factory.mktemp("people")
    home, source = Home(folder / "home"), dashboard.workspace
    home.ensure()
    backup(source.database, home.database, asked_by="test")
    for path in (source.home.config, source.home.credentials):
        shutil.copy(path, home.folder)
    workspace = Workspace(home)
    made = {
        name: accounts.create_account(
            workspace.database, name, role, class_id and [class_id], asked_by="test", now=utc_now()
        )
        for name, (role, class_id) in ROLES.items()
    }
    with served(home.folder, folder) as url:
        yield People(url, workspace, made)
    workspace.stop()


class Received:
    """Every byte that a tab gets from the server, and every address that it shows or asks for."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._parts: list[bytes] = []
        self._answers: list[Response] = []
        page.on("websocket", self._listen)
        page.on("request", lambda request: self._add(request.url))
        page.on("framenavigated", lambda frame: self._add(frame.url))
        page.on("response", lambda answer: self._answers.append(answer))

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._add)

    def _add(self, payload: str | bytes) -> None:
        self._parts.append(payload.encode() if isinstance(payload, str) else payload)

    def take(self) -> bytes:
        """Return everything since the last time, also unpacked: frames, bodies, addresses, the page."""
        for answer in self._answers:
            # Streamlit's scripts are the same for everybody; a redirect has no body.
            if "/static/" not in answer.url:
                with suppress(Error):
                    self._parts.append(answer.body())
        self._answers.clear()
        parts, self._parts[:] = [*self._parts, self._page.content().encode()], []
        return b"\n".join(piece for part in parts for piece in (part, *unpacked(part)))


def unpacked(content: bytes) -> Iterator[bytes]:
    """Yield what is packed in content: workbooks, compressed bodies, pictures in addresses."""
    for encoded in re.findall(rb";base64,([A-Za-z0-9+/=]+)", content):
        yield base64.b64decode(encoded + b"==")
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    if content.startswith(b"PK\x03\x04"):
        with ZipFile(io.BytesIO(content)) as book:
            yield from (book.read(name) for name in book.namelist())


def named_in(content: bytes, words: set[str]) -> set[str]:
    """Return which words are in content as they are, in JSON, in HTML or in an address."""
    return {
        word
        for word in words
        if any(form.encode() in content for form in {word, json.dumps(word)[1:-1], escape(word), quote(word)})
    }


def settle(page: Page) -> None:
    """Wait until a page is complete."""
    expect(page.get_by_test_id("stMain").locator("h1")).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).to_contain_text("Last synced")
    expect(page.locator("[data-test-script-state=notRunning]")).to_have_count(1)
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    page.wait_for_timeout(200)


def test_four_people_at_once_get_no_foreign_name_and_the_buttons_of_their_role(
    people: People, watched: Watched
) -> None:
    tabs = {name: people.tab(watched, name) for name in ROLES}
    received = {name: Received(page) for name, page in tabs.items()}
    foreign = {name: people.foreign(name) for name in ROLES}
    own = {name: names_of(people.workspace, people.class_of(name)) for name in ROLES}
    seen: dict[str, set[str]] = {name: set() for name in ROLES}
    for address in sample(WALKED, len(FIRST)):
        for name, page in tabs.items():
            data = Reader(people.workspace, OWNER).class_data(people.class_of(name))
            # A director's address has no student: it would say the real id by itself.
            student = "" if name == "dora" else f"student={data.students['student_id'].iloc[0]}&"
            about = f"{student}assignment={data.assignments['assignment_id'].iloc[0]}"
            page.goto(f"{people.url}/dashboard/{address}?{about}", wait_until="commit")
        for name, page in tabs.items():
            settle(page)
            expect(page.get_by_test_id("stException")).to_have_count(0)
            content = received[name].take()
            assert len(content) > 10_000
            assert not named_in(content, foreign[name]), (name, address, named_in(content, foreign[name]))
            seen[name] |= named_in(content, own[name])
            buttons = {label for label in page.get_by_role("button").all_inner_texts() if label}
            drawn = {action for action in ACTIONS if any(action in label for label in buttons)}
            if name in {"vic", "dora"}:
                assert not drawn, (name, address, drawn)
                assert not (
                    address == "classes" and page.get_by_test_id("stMain").get_by_role("switch").count()
                )
            elif address == "overview":
                expect(page.get_by_role("button", name="Sync now")).to_be_enabled()
                expect(page.get_by_role("button", name="Message").first).to_be_visible()
    # The search finds names where they may be.
    assert [name for name, words in seen.items() if len(words) > 5] == ["mia", "vic", "ada"]
    for name in ("mia", "vic", "dora"):
        other = people.classes[SMALL if name == "mia" else BIG]
        tabs[name].goto(f"{people.url}/dashboard/risk?class={other}")
        expect(tabs[name].get_by_text("The address asks for a class")).to_be_visible()
        # The address itself says the id; nothing says the class.
        assert named_in(received[name].take(), foreign[name]) <= {other}


def test_a_file_of_one_session_is_none_of_another(people: People, watched: Watched) -> None:
    secret, other_session = people.open_session("mia"), people.open_session("mia")
    page = people.tab(watched, "mia", secret)
    received = Received(page)
    page.goto(f"{people.url}/dashboard/risk")
    settle(page)
    for menu in page.get_by_test_id("stMain").get_by_test_id("stPopover").all():
        button = menu.get_by_role("button", name="Download")
        if button.count():
            button.click()
            expect(page.get_by_test_id("stPopoverBody").get_by_role("link").first).to_be_visible()
            page.keyboard.press("Escape")
    addresses = sorted(address.decode() for address in set(FILE.findall(received.take())))
    assert len(addresses) >= 4
    own = names_of(people.workspace, people.class_of("mia"))
    fetched = {address: people.get(address, secret) for address in addresses}
    assert all(answer.status_code == 200 for answer in fetched.values())
    tables = [a for a in fetched.values() if a.headers["Content-Type"].startswith("text/csv")]
    assert any(named_in(answer.content, own) for answer in tables)
    others = [people.open_session(name) for name in ("ada", "vic", "dora")]
    for address, answer in fetched.items():
        for stranger, status in ((other_session, 404), ("", 401), *((other, 404) for other in others)):
            refused = people.get(address, stranger)
            assert refused.status_code == status, (address, status)
            assert answer.content[:64] not in refused.content
            assert not named_in(refused.content, own)
    watched.close()
    accounts.end_session(people.workspace.database, digest(secret))
    for address in addresses:
        assert people.get(address, secret).status_code == 401
        assert people.get(address, secret, Accept="text/html").status_code == 303


def test_a_tab_whose_time_runs_out_is_at_the_login_and_back_shows_no_data(
    people: People, watched: Watched
) -> None:
    secret = people.open_session("mia")
    page = people.tab(watched, "mia", secret)
    for name in ("overview", "risk"):
        page.goto(f"{people.url}/dashboard/{name}")
        settle(page)
    own = names_of(people.workspace, people.class_of("mia"))
    assert named_in(page.content().encode(), people.words[people.class_of("mia")])
    with people.workspace.database.writing() as connection:
        connection.execute(
            "UPDATE sessions SET ends_at = ? WHERE digest = ?",
            (utc_text(utc_now() + timedelta(seconds=2)), digest(secret)),
        )
    since = time.monotonic()
    page.wait_for_url("**/login?next=*", wait_until="commit", timeout=6_000)
    assert time.monotonic() - since < 4
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert "/login?next=" in page.url
    assert not named_in(page.content().encode(), own)
    # The health of the door, which the page asked for, is a 401.
    watched.complaints[:] = [text for text in watched.complaints if "401" not in text]


@pytest.mark.parametrize("name", sample(["ada", "mia", "vic", "dora"], 1))
def test_no_session_opens_a_route_of_the_api(people: People, name: str) -> None:
    secret, asked = people.open_session(name), 0
    words = set[str]().union(*people.words.values())
    cookies = {"cohort": secret, "__Host-cohort": secret}
    for route in create_app(people.workspace).routes:
        path = re.sub(r"\{class_id[^}]*\}", BIG, getattr(route, "path", "")).replace("{", "").replace("}", "")
        if path in {"", "/health", "/dashboard"}:
            continue
        for method in sorted(getattr(route, "methods", None) or {"GET"}):
            headers = {"X-Cohort-Account": str(people.accounts["ada"].id)}
            answer = requests.request(
                method, people.url + path, cookies=cookies, headers=headers, timeout=20, allow_redirects=False
            )
            assert answer.status_code == 401, (method, path, answer.status_code)
            assert not named_in(answer.content, words)
            asked += 1
    assert asked > 100


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:9", "null"])
def test_a_page_of_another_site_gets_no_socket(people: People, origin: str) -> None:
    cookie = f"cohort={people.open_session('vic')}"

    def open_socket(origin: str) -> None:
        with connect(
            f"{people.url.replace('http', 'ws')}/dashboard/_stcore/stream",
            additional_headers={"Cookie": cookie},
            origin=Origin(origin),
            subprotocols=[Subprotocol("streamlit"), Subprotocol("x")],
        ):
            pass

    open_socket(people.url)
    with pytest.raises(InvalidStatus) as refused:
        open_socket(origin)
    assert refused.value.response.status_code == 403


def test_under_a_foreign_name_there_is_no_socket(people: People) -> None:
    secret = people.open_session("vic")
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = base64.b64encode(b"0" * 16).decode()
    for host in ("evil.example", "127.0.0.1.evil.example", "evil@127.0.0.1"):
        headers = {**upgrade, "Sec-WebSocket-Key": key, "Host": host}
        assert people.get("/dashboard/_stcore/stream", secret, **headers).status_code == 400
