"""Drop requests and answers that belong to a page which is no longer shown.

Every few seconds a page asks whether a sync is running, and a person may click twice. Such a request can
reach the server after the request that opens another page. Streamlit then answers in the name of the earlier
page. The browser empties its window for that page, has no place for the elements that follow ("Bad delta
path index"), and stays empty. Or Streamlit forgets the change to the other page.
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
"""How long a request without an answer blocks the automatic requests of the page."""


class LateMessageFilter:
    """ASGI middleware around Streamlit that drops late requests and the start of late answers."""

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
            if not window.is_for_another_page(message):
                await send(message)

        await self._app(scope, receive_in_time, send_in_time)


class _Window:
    """The page that one browser window shows, and whether it waits for an answer."""

    def __init__(self) -> None:
        self._page: str | None = None
        self._asked_at: float | None = None

    def is_late(self, message: MutableMapping[str, Any]) -> bool:
        """Return True for an automatic request that comes too late.

        The page repeats an automatic request within seconds, so dropping it loses nothing. A request that a
        person made always passes.
        """
        request = _parse(BackMsg(), message)
        if request.WhichOneof("type") != "rerun_script":
            return False
        rerun = request.rerun_script
        if rerun.is_auto_rerun:
            is_waiting = self._asked_at is not None and monotonic() - self._asked_at < ANSWER_SECONDS
            return is_waiting or self._page not in {None, rerun.page_script_hash}
        self._asked_at = monotonic()
        return False

    def is_for_another_page(self, message: MutableMapping[str, Any]) -> bool:
        """Return True for the start of an answer to a page no longer shown."""
        answer = _parse(ForwardMsg(), message)
        kind = answer.WhichOneof("type")
        if kind == "new_session":
            page = answer.new_session.page_script_hash
            if answer.metadata.run.fragment_ids:
                return self._page not in {None, page}
            self._page = page
        elif kind == "navigation":
            # Only now does the server know which page the window's first address means.
            self._page = answer.navigation.page_script_hash
        elif kind == "script_finished" and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self._asked_at = None
        return False


def _parse(empty: Any, message: MutableMapping[str, Any]) -> Any:
    """Parse the protobuf message inside an ASGI message.

    An unreadable message leaves it empty; Streamlit will answer that itself.
    """
    with suppress(DecodeError):
        empty.ParseFromString(message.get("bytes") or b"")
    return empty
