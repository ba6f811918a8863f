"""A request of a page reaches the server only after another page was requested or is shown."""

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


class DelayingProxy:
    """Carries the messages between a page and the server, and can deliver a request late.

    It holds back the first automatic poll for a sync. With `sends_twice` it forwards the first request
    that a click makes for a part of the page, and sends it again when the answer begins.
    """

    def __init__(self, page: Page, *, sends_twice: bool) -> None:
        self._sends_twice = sends_twice
        self._page: WebSocketRoute | None = None
        self._server: WebSocketRoute | None = None
        self._held: bytes | None = None
        self.is_holding = False
        self.carried = 0
        self.polls = 0
        self.answers = 0
        self.connections = 0
        page.route_web_socket("**/stream", self._connect)

    @property
    def holds_request(self) -> bool:
        return self._held is not None

    def deliver(self) -> None:
        assert self._server
        assert self._held
        self._server.send(self._held)

    def cut(self) -> None:
        """Cut the connection, as when a computer wakes up; the page then makes a new connection."""
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
        request = BackMsg.FromString(message).rerun_script
        is_wanted = request.fragment_id and request.is_auto_rerun != self._sends_twice
        if self.is_holding and not self.holds_request and is_wanted:
            self._held = message
            if not self._sends_twice:
                return
        self._server.send(message)
        self.carried += not request.is_auto_rerun
        self.polls += request.is_auto_rerun
        if self.is_holding and self.holds_request and not self._sends_twice:
            # Deliver it right after the request for another page.
            self.is_holding = False
            self.deliver()

    def _answer(self, message: Any) -> None:
        assert self._page
        self._page.send(message)
        is_answer = ForwardMsg.FromString(message).HasField("new_session")
        self.answers += is_answer
        if self.is_holding and self.holds_request and is_answer:
            self.is_holding = False
            self.deliver()


def wait_while(page: Page, holds: Callable[[], bool]) -> None:
    """Wait while a condition holds, or fail; meanwhile the messages of the page pass."""
    deadline = time.monotonic() + 15
    while holds():
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)


def test_a_late_poll_for_a_sync_does_not_bring_the_earlier_page_back(
    dashboard: Dashboard, watched: Watched
) -> None:
    page = watched.tab()
    proxy = DelayingProxy(page, sends_twice=False)
    open_page(page, dashboard, "overview")
    proxy.is_holding = True
    wait_while(page, lambda: not proxy.holds_request)
    go(page, "trends")
    proxy.deliver()
    page.wait_for_timeout(500)
    wait_for(page, "trends")
    go(page, "overview")


def test_a_second_click_on_a_row_does_not_bring_its_page_back(dashboard: Dashboard, watched: Watched) -> None:
    page = watched.tab()
    proxy = DelayingProxy(page, sends_twice=True)
    open_page(page, dashboard, "risk")
    table = page.get_by_test_id("stDataFrame")
    table.locator("canvas").first.wait_for()
    # A click on a heading opens no student. When it has been answered, the table is ready.
    before = proxy.carried
    table.click(position={"x": 60, "y": 3})
    wait_while(page, lambda: proxy.carried == before)
    wait_for(page, "risk")
    proxy.is_holding = True
    table.click(position={"x": 60, "y": 52})
    wait_for(page, "student")
    proxy.deliver()
    page.wait_for_timeout(500)
    wait_for(page, "student")
    expect(page.locator("h2").first).to_be_visible()
    page.go_back()
    wait_for(page, "risk")


def test_after_a_lost_connection_polls_and_clicks_are_answered(
    dashboard: Dashboard, watched: Watched
) -> None:
    page = watched.tab()
    proxy = DelayingProxy(page, sends_twice=False)
    open_page(page, dashboard, "risk")
    proxy.cut()
    wait_while(page, lambda: not proxy.connections)
    wait_for(page, "risk")
    # Click the label, because it covers the button.
    page.get_by_role("radiogroup", name="Risk level").get_by_text("◆ Critical", exact=True).click()
    expect(page.locator("h2").get_by_text(re.compile(r"^\d+ students?$"))).not_to_have_text("63 students")
    polls, answers = proxy.polls, proxy.answers
    wait_while(page, lambda: proxy.polls == polls)
    wait_while(page, lambda: proxy.answers == answers)
    wait_for(page, "risk")
    go(page, "trends")
