"""Stops requests of a page that is no longer shown.

Every few seconds a page asks whether a sync runs, and a person may click twice. If such a request reaches the
server after the one that opens another page, Streamlit 1.67 answers it in the name of the previous page. Then
the browser clears its window for that page, finds no place for the next message ("Bad delta path index"), and
stays empty; or it forgets that the other page was opened.
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
"""For this time, an unanswered request stops those that a page makes by itself."""


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
    """The page that a browser window shows, and the time of its last unanswered request."""

    def __init__(self) -> None:
        self._page: str | None = None
        self._asked_at: float | None = None

    def is_late(self, message: MutableMapping[str, Any]) -> bool:
        """Return whether a request must be stopped.

        Only those that a page makes by itself are, since it repeats them in seconds. No click is ever lost.
        """
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
        """Return whether an answer begins for a page that is no longer shown.

        Remember the page of every other answer.
        """
        answer = _read(ForwardMsg(), message)
        kind = answer.WhichOneof("type")
        if kind == "new_session":
            page = answer.new_session.page_script_hash
            if answer.metadata.run.fragment_ids:
                return self._page not in {None, page}
            self._page = page
        elif kind == "navigation":
            # Only now does the server know which page the first address of a window means.
            self._page = answer.navigation.page_script_hash
        elif kind == "script_finished" and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self._asked_at = None
        return False


def _read(empty: Any, message: MutableMapping[str, Any]) -> Any:
    """Parse the protobuf message in an ASGI message.

    It stays empty if there is none. Streamlit answers such a message itself.
    """
    with suppress(DecodeError):
        empty.ParseFromString(message.get("bytes") or b"")
    return empty
