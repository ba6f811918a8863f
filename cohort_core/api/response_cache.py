"""Caches whole responses, and sends them again without routing as long as they are valid.

The cache key holds everything that a response depends on: path, parameters, format, the rights of the
principal and the settings. Each entry also remembers its state of the store. So nothing has to be removed
when something changes: outdated entries no longer match, and are dropped when space is needed.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from operator import itemgetter
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cohort_core.api.pagination import CACHE_KEY, wanted_format
from cohort_core.config.paths import file_version
from cohort_core.http.guards import is_below, qualities, unexpected
from cohort_core.services.workspace import Workspace
from cohort_core.store.change_watcher import StoreState

MAX_CACHE_BYTES = 128 * 2**20
TEXT_TYPES = ("application/json", "text/csv")
"""Responses of these types are buffered, tagged, and compressed for clients that accept it."""

_MIN_COMPRESSED = 1000
_GZIP_LEVEL = 3
"""Compresses nearly as well as the default level, in half the time."""


@dataclass
class CachedResponse:
    """A complete response, and the state of the store that it was made from."""

    headers: list[tuple[bytes, bytes]]
    body: bytes
    is_text: bool
    reference: str | None
    state: Hashable
    compressed: bytes | None = None
    tag: bytes = b""

    def __post_init__(self) -> None:
        self.tag = hashlib.blake2b(self.body, digest_size=16).hexdigest().encode()

    @property
    def is_worth_compressing(self) -> bool:
        return self.is_text and len(self.body) >= _MIN_COMPRESSED

    async def compress(self) -> bytes:
        """Return the compressed body. It is made when a client first accepts it."""
        if self.compressed is None:
            self.compressed = await asyncio.to_thread(gzip.compress, self.body, _GZIP_LEVEL, mtime=0)
        return self.compressed

    def is_valid(self, state: StoreState) -> bool:
        return self.state == _relevant_state(state, self.reference)


def _relevant_state(state: StoreState, reference: str | None) -> Hashable:
    """Return the part of a state that a response depends on.

    That is the state of one class, or of the whole store if ``reference`` is None.
    """
    return state.number if reference is None else state.of_class(reference)


class _LRUCache:
    """Responses up to a total size; the least recently used ones are dropped."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._responses: OrderedDict[Hashable, tuple[CachedResponse, int]] = OrderedDict()

    def get(self, key: Hashable, state: StoreState) -> CachedResponse | None:
        response, _ = self._responses.get(key, (None, 0))
        if response is None or not response.is_valid(state):
            return None
        self._responses.move_to_end(key)
        return response

    def put(self, key: Hashable, response: CachedResponse) -> None:
        self._drop(key)
        # Counts the key too, and the compressed body, which may be made later.
        size = 2 * len(response.body) + len(str(key))
        if size > self._max_bytes:
            return
        self._responses[key] = response, size
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._responses)))

    def _drop(self, key: Hashable) -> None:
        _, size = self._responses.pop(key, (None, 0))
        self._bytes -= size


class ResponseCacheMiddleware:
    """Adds ETag with 304, gzip, HEAD and a cache to the API."""

    def __init__(
        self, app: ASGIApp, *, workspace: Workspace, excluded_path: str, max_bytes: int = MAX_CACHE_BYTES
    ) -> None:
        """Wrap an app; requests at or below ``excluded_path`` pass unchanged."""
        self._app = app
        self._workspace = workspace
        self._excluded_path = excluded_path
        self._cache = _LRUCache(max_bytes)
        self._pending: dict[Hashable, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or is_below(path, self._excluded_path):
            await self._app(scope, receive, send)
            return
        call = _Call(scope, receive, send)
        state = (
            (scope["state"].get("store") or self._workspace.cohorts.watcher.poll())
            if call.is_reading
            else None
        )
        if state is None:
            await self._call_route(call)
            return
        key = (*call.cache_key(), file_version(self._workspace.home.config))
        if cached := self._cache.get(key, state):
            await call.respond(cached)
        elif pending := self._pending.get(key):
            # The same request is being answered right now: wait for its response.
            await pending.wait()
            state = self._workspace.cohorts.watcher.poll()
            cached = self._cache.get(key, state) if state else None
            await (call.respond(cached) if cached else self._call_route(call, key, state))
        else:
            self._pending[key] = pending = asyncio.Event()
            try:
                await self._call_route(call, key, state, pending)
            finally:
                self._release(key, pending)

    async def _call_route(
        self,
        call: _Call,
        key: Hashable = None,
        state: StoreState | None = None,
        pending: asyncio.Event | None = None,
    ) -> None:
        """Let a route respond, and cache the response if the route allows it.

        `state` was read before the route began. Requests that wait for `pending` are released as soon as the
        response is cached, or is known not to be cached: a stream, or a slow client, may take long.
        """

        def release() -> None:
            if pending is not None:
                self._release(key, pending)

        def store(response: CachedResponse) -> None:
            if state is not None and CACHE_KEY in call.scope["state"]:
                response.reference = call.scope["state"][CACHE_KEY]
                response.state = _relevant_state(state, response.reference)
                self._cache.put(key, response)
            release()

        buffered = _BufferedResponse(call, store, release)
        try:
            await self._app(call.as_get(), call.receive, buffered.send)
        except Exception:
            if not buffered.is_started:
                await unexpected()(call.scope, call.receive, buffered.send)
            raise

    def _release(self, key: Hashable, pending: asyncio.Event) -> None:
        """Let waiting requests go on.

        If a later request has taken the key already, its entry stays.
        """
        if self._pending.get(key) is pending:
            del self._pending[key]
        pending.set()


class _Call:
    """One request, with what the cache needs to know about it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})
        self.scope, self.receive, self.send = scope, receive, send
        self.is_head = scope["method"] == "HEAD"
        self.is_reading = self.is_head or scope["method"] == "GET"

    def as_get(self) -> Scope:
        return {**self.scope, "method": "GET"} if self.is_head else self.scope

    def cache_key(self) -> tuple[Hashable, ...]:
        """Return the request and the rights of its principal: equal keys get equal responses."""
        path, query = self.scope["path"], self.scope["query_string"].decode("latin-1")
        # The sort is stable, since the order of repeated parameters matters.
        parameters = tuple(sorted(parse_qsl(query, keep_blank_values=True), key=itemgetter(0)))
        principal = self.scope["state"].get("access")
        rights = None if principal is None else (principal.role, principal.class_ids)
        return path, parameters, wanted_format(path, self._header(b"accept")), rights

    def _header(self, name: bytes) -> str:
        """Return the values of all headers of this name, as one list."""
        return b", ".join(value for key, value in self.scope["headers"] if key == name).decode("latin-1")

    async def respond(self, response: CachedResponse) -> None:
        body, tag, headers = response.body, response.tag, [*response.headers]
        if response.is_worth_compressing and _accepts_gzip(self._header(b"accept-encoding")):
            body, tag = await response.compress(), tag + b"-gzip"
            headers.append((b"content-encoding", b"gzip"))
        quoted = b'"%b"' % tag
        headers.append((b"etag", quoted))
        status = HTTPStatus.OK
        if _has_tag(self._header(b"if-none-match"), quoted.decode()):
            status, body = HTTPStatus.NOT_MODIFIED, b""
            headers = [header for header in headers if not header[0].startswith(b"content-")]
        else:
            headers.append((b"content-length", str(len(body)).encode()))
        await self.send({"type": "http.response.start", "status": int(status), "headers": headers})
        await self.send({"type": "http.response.body", "body": b"" if self.is_head else body})


class _BufferedResponse:
    """A response on its way out, held back until complete if it gets an ETag."""

    def __init__(
        self, call: _Call, store: Callable[[CachedResponse], None], release: Callable[[], None]
    ) -> None:
        self._call, self._store, self._release = call, store, release
        self.is_started = False
        self._is_over = False
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._is_text = False
        self._chunks: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif self._headers is not None:
            self._chunks.append(message.get("body", b""))
            if not message.get("more_body"):
                response = CachedResponse(self._headers, b"".join(self._chunks), self._is_text, None, None)
                self._store(response)
                await self._call.respond(response)
        elif not self._is_over:
            await self._call.send(message)

    async def _start(self, message: Message) -> None:
        self.is_started = True
        headers = MutableHeaders(scope=message)
        self._is_text = headers.get("content-type", "").startswith(TEXT_TYPES)
        is_cacheable = CACHE_KEY in self._call.scope["state"]
        if message["status"] == HTTPStatus.OK and self._call.is_reading and (self._is_text or is_cacheable):
            if self._is_text:
                headers.add_vary_header("Accept-Encoding")
            del headers["content-length"]
            self._headers = headers.raw
            return
        self._release()
        await self._call.send(message)
        if self._call.is_head:
            # End the response here: the body is left out, and may take long.
            self._is_over = True
            await self._call.send({"type": "http.response.body", "body": b""})


@lru_cache(maxsize=256)
def _accepts_gzip(accept_encoding: str) -> bool:
    wanted = qualities(accept_encoding)
    return wanted.get("gzip", wanted.get("*", 0.0)) > 0


def _has_tag(if_none_match: str, tag: str) -> bool:
    return any(entry.strip().removeprefix("W/") in (tag, "*") for entry in if_none_match.split(","))
