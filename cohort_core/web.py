"""What every answer of the API has in common, whatever its route: guards, headers, and how errors look.

The dashboard, mounted beside the API, has headers of its own and only passes the guard.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cohort_core.settings import LOOPBACK_HOSTS

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TAGGED_TYPES = ("application/json", "text/csv")
API_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def problem(status: int, detail: str, code: str, **more: Any) -> JSONResponse:
    """An error as RFC 9457 has it, with a stable ``code``; ``detail`` ends with what to do."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    headers = {"Location": f"/sync/{more['job']}"} if more.get("job") else None
    return JSONResponse(body | {"code": code} | more, status, headers, media_type="application/problem+json")


class BrowserGuard:
    """Keeps other web sites from reaching this one through the mentor's browser.

    A forged name that leads to this computer (DNS rebinding) shows in the Host header; a page of another
    site that starts something here shows in the Origin header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(scope) if scope["type"] in {"http", "websocket"} else None
        await (refusal or self._app)(scope, receive, send)


def _refusal(scope: Scope) -> JSONResponse | None:
    headers = Headers(scope=scope)
    host, origin = headers.get("host", ""), headers.get("origin")
    try:
        is_local = urlsplit(f"//{host}").hostname in LOOPBACK_HOSTS
        is_foreign = origin is not None and urlsplit(origin).netloc != host
    except ValueError:
        is_local, is_foreign = False, True
    if not is_local:
        return problem(
            HTTPStatus.BAD_REQUEST, "Ask for this by the name localhost or 127.0.0.1.", "foreign_host"
        )
    if is_foreign and scope.get("method") not in SAFE_METHODS:
        return problem(
            HTTPStatus.FORBIDDEN, "Other web sites may not do this. Ask from here.", "foreign_origin"
        )
    return None


class ApiAnswers:
    """Gives the API's answers their common headers, an ETag with 304, an id of the request, and HEAD."""

    def __init__(self, app: ASGIApp, *, beside: str) -> None:
        """``beside`` is the path of what is mounted next to the API and left alone."""
        self._app = app
        self._beside = beside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path == self._beside or path.startswith(f"{self._beside}/"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        is_head = scope["method"] == "HEAD"
        if is_head:
            scope = {**scope, "method": "GET"}
        answer = _Answer(send, request_id, headers.get("if-none-match", ""), is_head=is_head)
        await self._app(scope, receive, answer.send)


class _Answer:
    """One answer on its way out. Those that get a tag are held back until they are whole."""

    def __init__(self, send: Send, request_id: str, known_tags: str, *, is_head: bool) -> None:
        self._send = send
        self._request_id = request_id
        self._known_tags = {tag.strip().removeprefix("W/") for tag in known_tags.split(",")}
        self._is_head = is_head
        self._start: Message | None = None
        self._chunks: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            for name, value in API_HEADERS.items():
                headers.setdefault(name, value)
            is_tagged = message["status"] == HTTPStatus.OK and headers.get("content-type", "").startswith(
                TAGGED_TYPES
            )
            if is_tagged:
                self._start = message
                return
        elif self._start is not None:
            self._chunks.append(message.get("body", b""))
            if not message.get("more_body"):
                await self._send_tagged(self._start, b"".join(self._chunks))
            return
        elif self._is_head:
            message = {**message, "body": b""}
        await self._send(message)

    async def _send_tagged(self, start: Message, body: bytes) -> None:
        tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
        headers = MutableHeaders(scope=start)
        headers["ETag"] = tag
        if self._known_tags & {tag, "*"}:
            start["status"] = HTTPStatus.NOT_MODIFIED
            del headers["content-length"]
            body = b""
        await self._send(start)
        await self._send({"type": "http.response.body", "body": b"" if self._is_head else body})
