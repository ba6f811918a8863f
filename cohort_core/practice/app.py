"""The practice school as an ASGI app: request log, faults and calls."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from cohort_core.practice import DEFAULT_PAGE_CAP, DEFAULT_TOKEN_DAYS
from cohort_core.practice.faults import Fault, Faults
from cohort_core.practice.protocol import FAULTS, JSON, Calls, Tokens, answer, on_http_exception, refusal
from cohort_core.practice.school import Row, School, hex_id

_LOG_LENGTH = 100_000


@dataclass
class Seen:
    """A request in the log; ``status`` is 0 until a response begins."""

    method: str
    path: str
    query: str
    status: int
    at: float
    """Seconds of ``time.monotonic`` at which it arrived."""


class PracticeApp:
    """Serves a school, logs the requests and lets faults happen to them."""

    def __init__(
        self,
        school: School,
        faults: Faults | None = None,
        *,
        page_cap: int = DEFAULT_PAGE_CAP,
        token_life: timedelta = timedelta(days=DEFAULT_TOKEN_DAYS),
        faults_over_http: bool = False,
    ) -> None:
        self.school = school
        self.faults = faults if faults is not None else Faults()
        self.requests: deque[Seen] = deque(maxlen=_LOG_LENGTH)
        self.tokens = Tokens(hex_id("token key", school.app_id).encode(), token_life)
        self.transports: dict[tuple[str, int], asyncio.Transport] = {}
        calls = Calls(school, self.faults, self.tokens, page_cap)
        self._routes = Starlette(
            routes=calls.routes(faults_over_http=faults_over_http),
            exception_handlers={HTTPException: on_http_exception},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._routes(scope, receive, send)
            return
        method, path, query = scope["method"], scope["path"], scope["query_string"].decode("latin-1")
        seen = Seen(method, path, query, 0, time.monotonic())
        self.requests.append(seen)

        async def logging_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
            await send(message)

        taken = [] if path.startswith("/practice/") else self.faults.take(method, path, query)
        scope[FAULTS] = taken
        await self._with_faults({fault.kind: fault for fault in taken}, scope, receive, logging_send)

    async def _with_faults(
        self, faults: dict[str, Fault], scope: Scope, receive: Receive, send: Send
    ) -> None:
        for kind in ("call", "insert", "expire"):
            if kind in faults:
                self._change_school(faults[kind], scope["path"])
        if "delay" in faults:
            await asyncio.sleep(faults["delay"].seconds)
        if "hang" in faults:
            await _until_disconnect(receive)
        elif "reset" in faults:
            self._reset(scope)
            await _until_disconnect(receive)
        elif replacement := _replacement(faults):
            await replacement(scope, receive, send)
        elif "cut" in faults:
            await self._routes(scope, receive, self._cutting(scope, receive, send))
        elif "charset" in faults:
            charset = str(faults["charset"].value or "iso-8859-1")
            await self._routes(scope, receive, _mislabelling(charset, send))
        else:
            await self._routes(scope, receive, send)

    def _change_school(self, fault: Fault, path: str) -> None:
        if fault.kind == "expire":
            self.tokens.expire_all()
        elif fault.kind == "call":
            assert callable(fault.edit)
            fault.edit()
        else:
            class_id = path.split("/")[3]
            row = fault.value or _made_up(self.school.rows(class_id), fault.hits)
            self.school.put_row(class_id, row)

    def _transport(self, scope: Scope) -> asyncio.Transport:
        try:
            return self.transports[tuple(scope["client"])]
        except (KeyError, TypeError):
            raise RuntimeError("this fault needs the practice school's own server: use running()") from None

    def _reset(self, scope: Scope) -> None:
        transport = self._transport(scope)
        # Lingering for zero seconds turns the close into a reset.
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()

    def _cutting(self, scope: Scope, receive: Receive, send: Send) -> Send:
        async def cut(message: Message) -> None:
            if message["type"] == "http.response.body":
                body = message["body"]
                await send({**message, "body": body[: len(body) // 2], "more_body": True})
                self._transport(scope).close()
                await _until_disconnect(receive)
            else:
                await send(message)

        return cut


def _replacement(faults: dict[str, Fault]) -> Response | None:
    """Return the response that replaces the real one, or None without such a fault."""
    if fault := faults.get("status"):
        response = refusal(fault.status, "a practice fault")
        if fault.retry_after is not None:
            response.headers["Retry-After"] = str(fault.retry_after)
        return response
    if fault := faults.get("redirect"):
        return Response(status_code=302, headers={"Location": fault.location})
    if "html" in faults:
        return Response("<!doctype html><title>Just a moment…</title><p>Checking.", media_type="text/html")
    if fault := faults.get("shape"):
        return answer({"data": {"items": []}, "next": None} if fault.value is None else fault.value)
    return None


def _mislabelling(charset: str, send: Send) -> Send:
    async def mislabel(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message["headers"] if pair[0] != b"content-type"]
            label = f"{JSON}; charset={charset}".encode()
            message = {**message, "headers": [*kept, (b"content-type", label)]}
        await send(message)

    return mislabel


async def _until_disconnect(receive: Receive) -> None:
    """Wait until the client has disconnected or was disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _made_up(rows: Sequence[Row], number: int) -> Row:
    """Make up a row that a student of the class completed just now."""
    model = (
        rows[0] if rows else {"user": {"id": hex_id("someone")}, "assignment": {"id": hex_id("something")}}
    )
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    times = {"started_assignment_at": now, "completed_assignment_at": now, "reviewed_at": None}
    return {**model, "_id": {"$oid": hex_id("inserted", number, time.time_ns())}, "grade": 1, **times}
