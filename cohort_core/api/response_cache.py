"""Answers are computed once per state of the store, kept as bytes, and given again without any routing.

An answer that a route allows to be kept is found by everything that it depends on: path, parameters, format,
who asks, settings, and the state of the store. So nothing has to be thrown away when something changes: what
no longer holds is not found, and goes when room is needed.
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

KEPT_BYTES = 128 * 2**20
TEXT_TYPES = ("application/json", "text/csv")
"""Answers of these types are held back until they are whole, tagged, and compressed for who takes that."""

_MIN_PACKED = 1000
_GZIP_LEVEL = 3
"""Nearly as small as by the usual level, in half the time."""


@dataclass
class Kept:
    """A whole answer, plain and compressed, and for which state of the store it holds."""

    headers: list[tuple[bytes, bytes]]
    body: bytes
    is_text: bool
    reference: str | None
    state: Hashable
    packed: bytes | None = None
    tag: bytes = b""

    def __post_init__(self) -> None:
        self.tag = hashlib.blake2b(self.body, digest_size=16).hexdigest().encode()

    @property
    def is_worth_packing(self) -> bool:
        return self.is_text and len(self.body) >= _MIN_PACKED

    async def pack(self) -> bytes:
        """The compressed form, made when somebody first asks for it."""
        if self.packed is None:
            self.packed = await asyncio.to_thread(gzip.compress, self.body, _GZIP_LEVEL, mtime=0)
        return self.packed

    def holds(self, state: StoreState) -> bool:
        return self.state == _part(state, self.reference)


def _part(state: StoreState, reference: str | None) -> Hashable:
    """What of a state matters to an answer about this class, or about anything."""
    return state.number if reference is None else state.of_class(reference)


class _Shelf:
    """Kept answers up to a number of bytes; those that were not asked for the longest go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._answers: OrderedDict[Hashable, tuple[Kept, int]] = OrderedDict()

    def get(self, key: Hashable, state: StoreState) -> Kept | None:
        answer, _ = self._answers.get(key, (None, 0))
        if answer is None or not answer.holds(state):
            return None
        self._answers.move_to_end(key)
        return answer

    def put(self, key: Hashable, answer: Kept) -> None:
        self._drop(key)
        # With room for what is asked, and for the compressed form, which may come later.
        room = 2 * len(answer.body) + len(str(key))
        if room > self._most_bytes:
            return
        self._answers[key] = answer, room
        self._bytes += room
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._answers)))

    def _drop(self, key: Hashable) -> None:
        _, room = self._answers.pop(key, (None, 0))
        self._bytes -= room


class ResponseCacheMiddleware:
    """Gives the API's answers tags with 304, gzip, and HEAD; and gives the kept ones itself."""

    def __init__(
        self, app: ASGIApp, *, workspace: Workspace, excluded_path: str, most_bytes: int = KEPT_BYTES
    ) -> None:
        """``beside`` is the path of what is mounted next to the API and left alone."""
        self._app = app
        self._workspace = workspace
        self._excluded_path = excluded_path
        self._shelf = _Shelf(most_bytes)
        self._asked: dict[Hashable, asyncio.Event] = {}

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
            await self._ask(call)
            return
        key = (*call.question(), file_version(self._workspace.home.config))
        if found := self._shelf.get(key, state):
            await call.give(found)
        elif asked := self._asked.get(key):
            # Somebody else has just asked the same: once is enough.
            await asked.wait()
            state = self._workspace.cohorts.watcher.poll()
            found = self._shelf.get(key, state) if state else None
            await (call.give(found) if found else self._ask(call, key, state))
        else:
            self._asked[key] = asked = asyncio.Event()
            try:
                await self._ask(call, key, state, asked)
            finally:
                self._let_go(key, asked)

    async def _ask(
        self,
        call: _Call,
        key: Hashable = None,
        state: StoreState | None = None,
        asked: asyncio.Event | None = None,
    ) -> None:
        """Let a route answer, and keep that if it allows it. `state` is from before it began.

        Those who wait for `asked` go on as soon as the answer is kept, or it is clear that nothing will be: a
        stream may last, and so may sending.
        """

        def let_go() -> None:
            if asked is not None:
                self._let_go(key, asked)

        def keep_it(answer: Kept) -> None:
            if state is not None and CACHE_KEY in call.scope["state"]:
                answer.reference = call.scope["state"][CACHE_KEY]
                answer.state = _part(state, answer.reference)
                self._shelf.put(key, answer)
            let_go()

        held = _Held(call, keep_it, let_go)
        try:
            await self._app(call.as_get(), call.receive, held.send)
        except Exception:
            if not held.is_started:
                await unexpected()(call.scope, call.receive, held.send)
            raise

    def _let_go(self, key: Hashable, asked: asyncio.Event) -> None:
        """Another may ask the same by now, whom this must not take from those who wait."""
        if self._asked.get(key) is asked:
            del self._asked[key]
        asked.set()


class _Call:
    """One request, as far as it matters here."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})
        self.scope, self.receive, self.send = scope, receive, send
        self.is_head = scope["method"] == "HEAD"
        self.is_reading = self.is_head or scope["method"] == "GET"

    def as_get(self) -> Scope:
        return {**self.scope, "method": "GET"} if self.is_head else self.scope

    def question(self) -> tuple[Hashable, ...]:
        """What is asked, by whom: equal questions have equal answers."""
        path, query = self.scope["path"], self.scope["query_string"].decode("latin-1")
        # Of a name that is there twice the order counts.
        parameters = tuple(sorted(parse_qsl(query, keep_blank_values=True), key=itemgetter(0)))
        access = self.scope["state"].get("access")
        view = None if access is None else (access.role, access.class_ids)
        return path, parameters, wanted_format(path, self._header(b"accept")), view

    def _header(self, name: bytes) -> str:
        """All that stands under a name: what came in two headers is one list."""
        return b", ".join(value for known, value in self.scope["headers"] if known == name).decode("latin-1")

    async def give(self, answer: Kept) -> None:
        body, tag, headers = answer.body, answer.tag, [*answer.headers]
        if answer.is_worth_packing and _takes_gzip(self._header(b"accept-encoding")):
            body, tag = await answer.pack(), tag + b"-gzip"
            headers.append((b"content-encoding", b"gzip"))
        quoted = b'"%b"' % tag
        headers.append((b"etag", quoted))
        status = HTTPStatus.OK
        if _names(self._header(b"if-none-match"), quoted.decode()):
            status, body = HTTPStatus.NOT_MODIFIED, b""
            headers = [one for one in headers if not one[0].startswith(b"content-")]
        else:
            headers.append((b"content-length", str(len(body)).encode()))
        await self.send({"type": "http.response.start", "status": int(status), "headers": headers})
        await self.send({"type": "http.response.body", "body": b"" if self.is_head else body})


class _Held:
    """One answer of a route on its way out. Those that get a tag are held back until they are whole."""

    def __init__(
        self, call: _Call, keep_it: Callable[[Kept], None], keep_nothing: Callable[[], None]
    ) -> None:
        self._call, self._keep_it, self._keep_nothing = call, keep_it, keep_nothing
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
                answer = Kept(self._headers, b"".join(self._chunks), self._is_text, None, None)
                self._keep_it(answer)
                await self._call.give(answer)
        elif not self._is_over:
            await self._call.send(message)

    async def _start(self, message: Message) -> None:
        self.is_started = True
        headers = MutableHeaders(scope=message)
        self._is_text = headers.get("content-type", "").startswith(TEXT_TYPES)
        is_kept = CACHE_KEY in self._call.scope["state"]
        if message["status"] == HTTPStatus.OK and self._call.is_reading and (self._is_text or is_kept):
            if self._is_text:
                headers.add_vary_header("Accept-Encoding")
            del headers["content-length"]
            self._headers = headers.raw
            return
        self._keep_nothing()
        await self._call.send(message)
        if self._call.is_head:
            # Nothing comes after the headers, however long the body would take.
            self._is_over = True
            await self._call.send({"type": "http.response.body", "body": b""})


@lru_cache(maxsize=256)
def _takes_gzip(accept_encoding: str) -> bool:
    wanted = qualities(accept_encoding)
    return wanted.get("gzip", wanted.get("*", 0.0)) > 0


def _names(known_tags: str, tag: str) -> bool:
    return any(one.strip().removeprefix("W/") in (tag, "*") for one in known_tags.split(","))
