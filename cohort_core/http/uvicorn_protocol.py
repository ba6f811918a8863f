"""The server's protocol: uvicorn's, with a limit for heads, errors as problems, and safe upgrades."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from pathlib import Path
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from cohort_core.http.guards import problem
from cohort_core.sockets import BACKLOG

MAX_HEAD_BYTES = 32 * 1024
CHUNK_BYTES = 16 * 1024


class GuardedProtocol(H11Protocol):
    """A connection that refuses long heads and broken upgrades."""

    def data_received(self, data: bytes) -> None:
        # h11 checks the size of a head only while it is incomplete, so it gets the data in small chunks.
        for start in range(0, len(data), CHUNK_BYTES):
            if self.transport.is_closing():
                return
            if self.transport.get_protocol() is not self:
                self.transport.get_protocol().data_received(data[start:])  # type: ignore[attr-defined]
                return
            super().data_received(data[start : start + CHUNK_BYTES])

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
        if len(self.conn.trailing_data[0]) > MAX_HEAD_BYTES:
            detail = f"Address and headers have at most {MAX_HEAD_BYTES} bytes. Send less."
            status, code = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large"
        else:
            detail = "This is no HTTP request. Correct it and send it again."
            status, code = HTTPStatus.BAD_REQUEST, "bad_request"
        answer = problem(status, detail, code, {"Connection": "close"})
        with contextlib.suppress(h11.LocalProtocolError):
            for event in (
                h11.Response(status_code=status, headers=answer.raw_headers, reason=status.phrase.encode()),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def config(app: Any, *, certfile: Path | None = None, keyfile: Path | None = None) -> uvicorn.Config:
    """Configure uvicorn for an app.

    Its own request log is off, since it would contain query strings. With a certificate it speaks TLS.
    """
    return uvicorn.Config(
        app,
        ssl_certfile=certfile,
        ssl_keyfile=keyfile,
        http=GuardedProtocol,
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
