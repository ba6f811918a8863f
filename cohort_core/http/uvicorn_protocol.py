"""Timeouts for connections: slow requests, clients that do not read, and too many connections.

Uvicorn drops a connection that is idle between two requests, but waits without end for the rest of a request,
and its limit of connections refuses all new ones alike. Here a request has some seconds to arrive completely.
If there are too many connections, the one that has been waiting longest is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from http import HTTPStatus
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from cohort_core.sockets import BACKLOG, allow_many_files

MAX_HEAD_BYTES = 32 * 1024
CHUNK_BYTES = 16 * 1024
REQUEST_SECONDS = 20.0
STALLED_SECONDS = 30.0
MAX_WAITING = 4 * BACKLOG
"""More than the backlog, so that every new connection gets time to send a request."""


class TimeoutProtocol(H11Protocol):
    """A connection that is closed if the client is too slow."""

    request_seconds = REQUEST_SECONDS
    stalled_seconds = STALLED_SECONDS
    max_waiting = MAX_WAITING
    _stall: asyncio.TimerHandle | None = None
    _is_between_requests = False

    def __init__(self, config: uvicorn.Config, server_state: ServerState, **more: Any) -> None:
        super().__init__(config, server_state, **more)
        # All waiting connections of the server, the one that waits longest first.
        self._waiting: dict[TimeoutProtocol, asyncio.TimerHandle]
        self._waiting = vars(server_state).setdefault("waiting", {})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self._is_between_requests:
            # The time limit of the next request starts with its first byte.
            self._is_between_requests = False
            self._end_wait()
        # h11 checks the size of a head only while it is incomplete, so it gets the data in small chunks.
        for start in range(0, len(data), CHUNK_BYTES):
            if self.transport.get_protocol() is not self:
                self.transport.get_protocol().data_received(data[start:])  # type: ignore[attr-defined]
                break
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + CHUNK_BYTES])
        if self.transport.get_protocol() is self and self._is_incomplete():
            self._wait()
        else:
            self._end_wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_wait()
        self._end_stall()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE:
            self._is_between_requests = not self.conn.trailing_data[0]
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_stall()

    def resume_writing(self) -> None:
        self._end_stall()
        super().resume_writing()

    def _should_upgrade(self) -> bool:
        """Refuse upgrades of HTTP/1.0.

        Uvicorn would call it 1.1, and that would hide an old proxy from `AuthMiddleware`.
        """
        return self.scope["http_version"] != "1.0" and super()._should_upgrade()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        super().handle_websocket_upgrade(event)
        # The WebSocket protocol neither answers nor closes if it cannot read the handshake.
        if not self.transport.get_protocol().handshake_initiated:  # type: ignore[attr-defined]
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read as a request, in the format of all other errors."""
        if self.cycle is not None:
            # Let the app know that the client is gone, so that it sends nothing after this response.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        is_long = len(self.conn.trailing_data[0]) > MAX_HEAD_BYTES
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if is_long else HTTPStatus.BAD_REQUEST
        detail = (
            f"Address and headers have at most {MAX_HEAD_BYTES} bytes. Send less."
            if is_long
            else "This is no HTTP request. Correct it and send it again."
        )
        body = json.dumps(
            {
                "type": "about:blank",
                "title": status.phrase,
                "status": status,
                "detail": detail,
                "code": "head_too_large" if is_long else "bad_request",
            }
        ).encode()
        headers = [
            ("Content-Type", "application/problem+json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        with contextlib.suppress(h11.LocalProtocolError):
            for event in (
                h11.Response(status_code=status, headers=headers, reason=status.phrase.encode()),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _is_incomplete(self) -> bool:
        """Return whether the next request, or its body, has not arrived completely."""
        return self.conn.their_state in {h11.IDLE, h11.SEND_BODY}

    def _wait(self) -> None:
        if self not in self._waiting:
            self._waiting[self] = self.loop.call_later(self.request_seconds, self._drop)
            if len(self._waiting) > self.max_waiting:
                next(iter(self._waiting))._drop()

    def _end_wait(self) -> None:
        timer = self._waiting.pop(self, None)
        if timer:
            timer.cancel()

    def _drop(self) -> None:
        self._end_wait()
        self.transport.abort()

    def _watch_stall(self) -> None:
        size = self.transport.get_write_buffer_size()

        def check() -> None:
            if self.transport.get_write_buffer_size() >= size:
                self.transport.abort()
            else:
                self._watch_stall()

        self._end_stall()
        self._stall = self.loop.call_later(self.stalled_seconds, check)

    def _end_stall(self) -> None:
        if self._stall:
            self._stall.cancel()
            self._stall = None


def config(app: Any, protocol: type[TimeoutProtocol] = TimeoutProtocol) -> uvicorn.Config:
    """Configure uvicorn for an app.

    Its own request log is off, since it would contain query strings.
    """
    allow_many_files()
    return uvicorn.Config(
        app,
        http=protocol,
        ws="websockets-sansio",
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        backlog=BACKLOG,
        # The client is the peer of the connection; a header can claim anything.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        # Between two programs on the same computer, compression costs more than it saves.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=3,
    )
