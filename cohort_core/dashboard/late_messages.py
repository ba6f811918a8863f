"""Requests that come too late: what a page asked for that is no longer the one that is shown.

Every few seconds a page asks whether a sync runs, and a hand may click twice. When such a request reaches
the server behind the one that opens another page, Streamlit answers it in the name of the page before: the
browser empties its window for that page, finds no place for what comes next ("Bad delta path index"), and
stays empty; or the way to the other page is forgotten.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from contextlib import suppress
from time import monotonic
from typing import Any

from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ANSWER_SECONDS = 10.0
"""How long a request without an answer keeps back those that a page makes by itself."""


class OnlyThePageShown:
    """ASGI middleware around Streamlit that stops late requests, and the beginning of a late answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        window = _Window()

        async def receive_in_time() -> MutableMapping[str, Any]:
            while True:
                message = await receive()
                if not window.is_late(message):
                    return message

        async def send_in_time(message: MutableMapping[str, Any]) -> None:
            if not window.is_of_another_page(message):
                await send(message)

        await self._app(scope, receive_in_time, send_in_time)


class _Window:
    """What one window of a browser shows, and whether it waits for an answer."""

    def __init__(self) -> None:
        self._page: str | None = None
        self._asked_at: float | None = None

    def is_late(self, message: MutableMapping[str, Any]) -> bool:
        """Only what a page asks for by itself, and will again in seconds: what a hand did is never lost."""
        request = _read(BackMsg(), message)
        if request.WhichOneof("type") != "rerun_script":
            return False
        asked = request.rerun_script
        if asked.is_auto_rerun:
            is_waiting = self._asked_at is not None and monotonic() - self._asked_at < ANSWER_SECONDS
            return is_waiting or self._page not in {None, asked.page_script_hash}
        self._asked_at = monotonic()
        return False

    def is_of_another_page(self, message: MutableMapping[str, Any]) -> bool:
        answer = _read(ForwardMsg(), message)
        kind = answer.WhichOneof("type")
        if kind == "new_session":
            page = answer.new_session.page_script_hash
            if answer.metadata.run.fragment_ids:
                return self._page not in {None, page}
            self._page = page
        elif kind == "navigation":
            # Of a window's first address the server knows only now which page it means.
            self._page = answer.navigation.page_script_hash
        elif kind == "script_finished" and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self._asked_at = None
        return False


def _read(empty: Any, message: MutableMapping[str, Any]) -> Any:
    """The protobuf message in an ASGI one; it stays empty if there is none, which Streamlit will answer."""
    with suppress(DecodeError):
        empty.ParseFromString(message.get("bytes") or b"")
    return empty
