"""Adds ETag, gzip and HEAD to the API, and keeps responses until something changes.

Every write to the database or the settings ends everything that is kept. The key holds the rest of what a
response depends on: path, parameters, format, encoding, and the rights of the principal.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cohort_core.api.pagination import CACHE_KEY, wanted_format
from cohort_core.config.paths import file_version
from cohort_core.http.auth import EXPORTED_TYPES
from cohort_core.http.guards import is_below, qualities
from cohort_core.services.workspace import Workspace

MAX_CACHE_BYTES = 64 * 2**20
TEXT_TYPES = ("application/json", "text/csv")
TAGGED_TYPES = (*TEXT_TYPES, *EXPORTED_TYPES)
MIN_COMPRESSED_BYTES = 1000
GZIP_LEVEL = 3
"""Compresses nearly as well as the default level, in half the time."""


class WholeResponse(NamedTuple):
    """A response with status 200, as it is sent."""

    headers: list[tuple[bytes, bytes]]
    body: bytes
    tag: str


class ResponseCacheMiddleware:
    """Tags whole responses, and sends them again without routing as long as they are valid."""

    def __init__(
        self, app: ASGIApp, *, workspace: Workspace, excluded_path: str, max_bytes: int = MAX_CACHE_BYTES
    ) -> None:
        """Wrap an app; requests at or below ``excluded_path`` pass unchanged."""
        self._app = app
        self._workspace = workspace
        self._excluded_path = excluded_path
        self._max_bytes = max_bytes
        self._bytes = 0
        self._version: Hashable = None
        # The response that was sent last is at the end.
        self._responses: OrderedDict[Hashable, WholeResponse] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_reading = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        if not is_reading or is_below(scope["path"], self._excluded_path):
            await self._app(scope, receive, send)
            return
        # Read before the route begins: a response may be newer than its version, never older.
        state = scope.setdefault("state", {})
        store = state.get("store_version") or self._workspace.cohorts.watcher.poll()
        version = store and (store, file_version(self._workspace.home.config))
        if version != self._version:
            self._version, self._bytes = version, 0
            self._responses.clear()
        headers = Headers(scope=scope)
        accepts_gzip = _accepts_gzip(_joined(headers, "accept-encoding"))
        form = wanted_format(scope["path"], _joined(headers, "accept"))
        principal = state.get("access")
        rights = principal and (principal.role, principal.class_ids)
        key = (scope["path"], scope["query_string"], form, accepts_gzip, rights)
        response = self._responses.get(key)
        if response is None:
            # Routes know no HEAD. The server leaves out the body.
            state["is_head"] = scope["method"] == "HEAD"
            as_get = {**scope, "method": "GET"}
            response = await _ask_route(self._app, as_get, receive, send, accepts_gzip=accepts_gzip)
            if response is None:
                return
            if CACHE_KEY in state and version is not None and version == self._version:
                self._keep(key, response)
        else:
            self._responses.move_to_end(key)
        await _respond(response, _joined(headers, "if-none-match"), send)

    def _keep(self, key: Hashable, response: WholeResponse) -> None:
        if replaced := self._responses.pop(key, None):
            self._bytes -= _size(key, replaced)
        self._responses[key] = response
        self._bytes += _size(key, response)
        while self._bytes > self._max_bytes:
            self._bytes -= _size(*self._responses.popitem(last=False))


def _size(key: Hashable, response: WholeResponse) -> int:
    """Estimate the bytes in memory.

    A long query must count too. The headers count as 1,000 bytes.
    """
    return len(response.body) + len(str(key)) + 1000


async def _ask_route(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, accepts_gzip: bool
) -> WholeResponse | None:
    """Let a route respond, and return a response that gets a tag.

    Every other one is sent at once.
    """
    headers: MutableHeaders | None = None
    body = b""

    async def collect(message: Message) -> None:
        nonlocal headers, body
        if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
            given = MutableHeaders(scope=message)
            headers = given if given.get("content-type", "").startswith(TAGGED_TYPES) else None
        if headers is None:
            await send(message)
        else:
            body += message.get("body", b"")

    await app(scope, receive, collect)
    if headers is None:
        return None
    if headers["content-type"].startswith(TEXT_TYPES):
        headers.add_vary_header("Accept-Encoding")
        if accepts_gzip and len(body) >= MIN_COMPRESSED_BYTES:
            body = await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL, mtime=0)
            headers["content-encoding"] = "gzip"
    tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    headers["content-length"], headers["etag"] = str(len(body)), tag
    return WholeResponse(headers.raw, body, tag)


async def _respond(response: WholeResponse, if_none_match: str, send: Send) -> None:
    """Send a response, or 304 if the client has it."""
    status, headers, body = HTTPStatus.OK, [*response.headers], response.body
    if any(tag.strip().removeprefix("W/") in (response.tag, "*") for tag in if_none_match.split(",")):
        status, body = HTTPStatus.NOT_MODIFIED, b""
        headers = [header for header in headers if not header[0].startswith(b"content-")]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _joined(headers: Headers, name: str) -> str:
    """Return the values of all headers of this name, as one list."""
    return ", ".join(headers.getlist(name))


@lru_cache(maxsize=256)
def _accepts_gzip(accept_encoding: str) -> bool:
    wanted = qualities(accept_encoding)
    return wanted.get("gzip", wanted.get("*", 0.0)) > 0
