"""What a page asked for reaches the server when another page has been asked for, or is there already."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.conftest import Dashboard, Watched
from tests.browser.test_dashboard import go, open_page, wait_for


class Post:
    """Carries what passes between a page and the server, and can deliver a request late.

    The first look for a sync that a page takes by itself is kept; with `sends_twice`, the first request
    that a hand makes for a part of the page goes to the server, and once more when its answer begins.
    """

    def __init__(self, page: Page, *, sends_twice: bool) -> None:
        self._sends_twice = sends_twice
        self._page: WebSocketRoute | None = None
        self._server: WebSocketRoute | None = None
        self._kept: bytes | None = None
        self.is_keeping = False
        self.carried = 0
        self.looks = 0
        self.answers = 0
        self.connections = 0
        page.route_web_socket("**/stream", self._connect)

    @property
    def has_one(self) -> bool:
        return self._kept is not None

    def deliver(self) -> None:
        assert self._server
        assert self._kept
        self._server.send(self._kept)

    def cut(self) -> None:
        """As when a computer wakes up: the connection is gone, and the page makes another."""
        assert self._page
        self.connections = 0
        self._page.close()

    def _connect(self, socket: WebSocketRoute) -> None:
        self.connections += 1
        self._page, self._server = socket, socket.connect_to_server()
        self._page.on_message(self._ask)
        self._server.on_message(self._answer)

    def _ask(self, message: Any) -> None:
        assert self._server
        asked = BackMsg.FromString(message).rerun_script
        is_wanted = asked.fragment_id and asked.is_auto_rerun != self._sends_twice
        if self.is_keeping and not self.has_one and is_wanted:
            self._kept = message
            if not self._sends_twice:
                return
        self._server.send(message)
        self.carried += not asked.is_auto_rerun
        self.looks += asked.is_auto_rerun
        if self.is_keeping and self.has_one and not self._sends_twice:
            # Close behind the request for another page.
            self.is_keeping = False
            self.deliver()

    def _answer(self, message: Any) -> None:
        assert self._page
        self._page.send(message)
        is_answer = ForwardMsg.FromString(message).HasField("new_session")
        self.answers += is_answer
        if self.is_keeping and self.has_one and is_answer:
            self.is_keeping = False
            self.deliver()


def wait_while(page: Page, holds: Callable[[], bool]) -> None:
    """Or fail; meanwhile the page's messages are carried."""
    deadline = time.monotonic() + 15
    while holds():
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)


def test_a_look_for_a_sync_does_not_call_the_page_before_back(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    post = Post(page, sends_twice=False)
    open_page(page, dashboard, "overview")
    post.is_keeping = True
    wait_while(page, lambda: not post.has_one)
    go(page, "trends")
    post.deliver()
    page.wait_for_timeout(500)
    wait_for(page, "trends")
    go(page, "overview")


def test_a_second_click_on_a_row_does_not_call_its_page_back(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    post = Post(page, sends_twice=True)
    open_page(page, dashboard, "risk")
    table = page.get_by_test_id("stDataFrame")
    table.locator("canvas").first.wait_for()
    # A header opens nobody, and when its click has been answered the table is ready.
    before = post.carried
    table.click(position={"x": 60, "y": 3})
    wait_while(page, lambda: post.carried == before)
    wait_for(page, "risk")
    post.is_keeping = True
    table.click(position={"x": 60, "y": 52})
    wait_for(page, "student")
    post.deliver()
    page.wait_for_timeout(500)
    wait_for(page, "student")
    expect(page.locator("h3").first).to_be_visible()
    page.go_back()
    wait_for(page, "risk")


def test_after_a_lost_connection_looks_and_clicks_are_answered(
    dashboard: Dashboard, watched: Watched
) -> None:
    page = watched.tab()
    post = Post(page, sends_twice=False)
    open_page(page, dashboard, "risk")
    post.cut()
    wait_while(page, lambda: not post.connections)
    wait_for(page, "risk")
    # The label, since the button itself lies under it.
    page.get_by_role("radiogroup", name="Band").get_by_text("◆ Critical", exact=True).click()
    expect(page.locator("h3").get_by_text(re.compile(r"^\d+ students?$"))).not_to_have_text("63 students")
    looked, answers = post.looks, post.answers
    wait_while(page, lambda: post.looks == looked)
    wait_while(page, lambda: post.answers == answers)
    wait_for(page, "risk")
    go(page, "trends")
