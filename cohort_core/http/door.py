"""The door of the dashboard: without a session, nobody gets anywhere.

An ended session ends what is open. Without accounts the door lets everything through. With them it sees every
request and every WebSocket before Streamlit does, and says in headers of its own whose session it is. It
remembers which files Streamlit offered in a session, since Streamlit itself gives them to everybody who asks.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cohort_core.clock import utc_now
from cohort_core.config.settings import Settings
from cohort_core.errors import CohortError
from cohort_core.http.access_cache import AccessCache
from cohort_core.http.browser_pages import CLOSED
from cohort_core.http.clients import is_foreign
from cohort_core.http.guards import problem, qualities, unavailable
from cohort_core.http.session_cookie import is_encrypted, secret_of
from cohort_core.http.sign_in_html import LOGIN_PATH
from cohort_core.http.sign_in_pages import is_sign_in_path
from cohort_core.services.workspace import Workspace, shared_workspace
from cohort_core.store import accounts
from cohort_core.store.accounts import Account, Session
from cohort_core.store.tokens import digest

ACCOUNT_HEADER, SESSION_HEADER = "x-cohort-account", "x-cohort-session"
_OWN_HEADERS = (b"x-cohort-", b"x_cohort_")
SIGNED_OUT = 4401
"""The code with which the WebSocket of an ended session is closed."""
POLL_SECONDS = 0.25
SEEN_EVERY = timedelta(minutes=5)
"""The use of all sessions is stored so often.

After each write, caches are read again.
"""
MAX_OFFERED = 2_000
_MEDIA = re.compile(rb"/media/([0-9a-f]{32,64})")
_OFFERED_PATH = re.compile(r"/(?:media|_stcore/upload_file)/([^/.]*).*", re.DOTALL)
"""A path that only the session may ask to which Streamlit offered its first part."""


class Messages(Protocol):
    """Reads the messages of Streamlit's WebSocket, which only the dashboard knows."""

    def is_by_person(self, data: bytes) -> bool:
        """Return whether a person made the browser ask, not a timer."""

    def wanted_file(self, data: bytes) -> str | None:
        """Return the id of a deferred file that the browser asks for, if any."""

    def offered(self, data: bytes) -> Collection[str]:
        """Return the ids of deferred files and of the Streamlit session that an answer holds."""


@dataclass(eq=False)
class _Socket:
    """An open WebSocket; without accounts it belongs to no session."""

    session: str | None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Door:
    """ASGI middleware around the dashboard."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        messages: Messages,
        load_workspace: Callable[[], Workspace] = shared_workspace,
        sign_in: ASGIApp | None = None,
    ) -> None:
        """Guard an app.

        ``sign_in`` answers the pages of signing in, where no server around the dashboard does. Then the door
        also refuses other computers without TLS.
        """
        self._app = app
        self._messages = messages
        self._load_workspace = load_workspace
        self._sign_in = sign_in
        self._access: AccessCache | None = None
        self._sockets: set[_Socket] = set()
        self._poller: asyncio.Task[None] | None = None
        self._offered: dict[str, OrderedDict[str, None]] = {}
        """By session, the ids of files and of Streamlit's sessions that went out to it."""
        self._idle = timedelta(hours=Settings.model_fields["session_idle_hours"].default)
        self._seen: dict[str, datetime] = {}
        """The last use of the sessions that were used since the last write."""
        self._written_at = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        # Nobody names themselves.
        headers = [header for header in scope["headers"] if not header[0].lower().startswith(_OWN_HEADERS)]
        scope = {**scope, "headers": headers}
        try:
            refusal = await self._refresh()
        except CohortError as error:
            refusal = unavailable(error)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        has_accounts = self._access is not None and self._access.has_accounts
        if self._sign_in and has_accounts and not is_encrypted(scope) and is_foreign(scope):
            await _not_encrypted()(scope, receive, send)
        elif self._sign_in and is_sign_in_path(_path(scope)):
            await self._sign_in(scope, receive, send)
        elif not has_accounts:
            await self._pass_on(scope, receive, send, None)
        else:
            secret = secret_of(scope)
            opened = self._live(digest(secret)) if secret else None
            if opened is None:
                await _refuse(scope, receive, send)
                return
            session, account = opened
            scope["headers"] = [
                *headers,
                (ACCOUNT_HEADER.encode(), str(account.id).encode()),
                (SESSION_HEADER.encode(), session.digest.encode()),
            ]
            await self._pass_on(scope, receive, send, session.digest)

    async def _refresh(self) -> ASGIApp | None:
        """Read accounts and sessions again; return the response of a closed home.

        Raises ``CohortError`` if there are accounts that cannot be read.
        """
        workspace = None
        try:
            workspace = self._load_workspace()
            if self._access is None:
                self._access = AccessCache(workspace.database, workspace.cohorts.watcher)
            await self._access.refresh()
        except CohortError:
            # Without accounts, the pages say what is wrong.
            if workspace is not None and "accounts" in workspace.home.guards():
                raise
            return None
        if not self._access.has_accounts and await self._access.is_closed():
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, CLOSED, "closed")
        return None

    def _live(self, session: str) -> tuple[Session, Account] | None:
        """Return a live session with its account."""
        if self._access is None:
            return None
        with suppress(CohortError):
            # Settings that cannot be read leave it as it was.
            self._idle = timedelta(hours=self._load_workspace().settings().session_idle_hours)
        idle = self._idle + (SEEN_EVERY if session in self._seen else timedelta())
        return self._access.find_session(session, utc_now(), idle)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, session: str | None) -> None:
        if scope["type"] == "websocket":
            await self._watch(scope, receive, send, session)
        elif session is None:
            await self._app(scope, receive, send)
        else:
            path = _path(scope)
            asked = _OFFERED_PATH.fullmatch(path)
            if asked and asked[1] not in self._offered.get(session, ()):
                await problem(HTTPStatus.NOT_FOUND, "This file is not there. Reload the page.", "not_found")(
                    scope, receive, send
                )
                return
            await self._app(scope, receive, send if path.startswith("/static/") else _without_store(send))

    async def _watch(self, scope: Scope, receive: Receive, send: Send, session: str | None) -> None:
        """Run a WebSocket until it, or its session, ends."""
        socket = _Socket(session)
        self._sockets.add(socket)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        ended = asyncio.create_task(socket.ended.wait())
        pending: asyncio.Task[Message] | None = None
        # A tab that lost its connection connects by itself, and nobody has done anything.
        counts = not _is_again(scope)

        async def receive_while_live() -> Message:
            nonlocal pending, counts
            while True:
                if pending is None:
                    pending = asyncio.create_task(receive())  # type: ignore[arg-type]
                await asyncio.wait({pending, ended}, return_when=asyncio.FIRST_COMPLETED)
                if ended.done():
                    with suppress(RuntimeError):
                        await send({"type": "websocket.close", "code": SIGNED_OUT})
                    return {"type": "websocket.disconnect", "code": SIGNED_OUT}
                message, pending = pending.result(), None
                data = message.get("bytes")
                if session is None or not data:
                    return message
                if self._messages.is_by_person(data):
                    if counts:
                        self._seen[session] = utc_now()
                    counts = True
                wanted = self._messages.wanted_file(data)
                if wanted is None or wanted in self._offered.get(session, ()):
                    return message

        async def send_while_live(message: Message) -> None:
            if socket.ended.is_set():
                return
            data = message.get("bytes")
            if session is not None and data:
                self._keep_offered(session, data)
            await send(message)

        try:
            await self._app(scope, receive_while_live, send_while_live)
        finally:
            self._sockets.discard(socket)
            ended.cancel()
            if pending is not None:
                pending.cancel()

    def _keep_offered(self, session: str, data: bytes) -> None:
        """Keep the ids of files that an answer offers, the latest of each session."""
        ids = [match.decode() for match in _MEDIA.findall(data)] if b"/media/" in data else []
        ids += self._messages.offered(data)
        if not ids:
            return
        kept = self._offered.setdefault(session, OrderedDict())
        for file_id in ids:
            kept[file_id] = None
            kept.move_to_end(file_id)
        while len(kept) > MAX_OFFERED:
            kept.popitem(last=False)

    async def _poll(self) -> None:
        """Look for ended sessions as long as a WebSocket is open."""
        while self._sockets:
            await asyncio.sleep(POLL_SECONDS)
            # What cannot be read now is read again in a moment; sessions end by the clock meanwhile.
            with suppress(CohortError):
                if self._access is not None:
                    await self._access.refresh()
                self._end_sockets()
                await self._note_seen()

    def _end_sockets(self) -> None:
        access = self._access
        if access is None:
            return
        for socket in self._sockets:
            is_live = self._live(socket.session) if socket.session else not access.has_accounts
            if not is_live:
                socket.ended.set()
        for session in [session for session in self._offered if not self._live(session)]:
            del self._offered[session]

    async def _note_seen(self) -> None:
        if not self._seen or time.monotonic() - self._written_at < SEEN_EVERY.total_seconds():
            return
        seen = dict(self._seen)
        self._written_at = time.monotonic()
        await asyncio.to_thread(accounts.note_seen, self._load_workspace().database, seen)
        self._seen = {session: at for session, at in self._seen.items() if seen.get(session) != at}


def _path(scope: Scope) -> str:
    """Return the path below the place where the dashboard is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _is_again(scope: Scope) -> bool:
    """Return whether a tab asks for the Streamlit session that it had before."""
    protocols = Headers(scope=scope).get("sec-websocket-protocol", "").split(",")
    return len(protocols) > 2


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a person to the login, and refuse everything else."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": SIGNED_OUT})
        return
    accept = qualities(Headers(scope=scope).get("accept", ""))
    if scope["method"] in {"GET", "HEAD"} and accept.get("text/html", 0) > 0:
        query = scope.get("query_string", b"").decode("latin-1")
        wanted = quote(f"{scope['path']}{'?' + query if query else ''}", safe="/")
        response: ASGIApp = RedirectResponse(
            f"{LOGIN_PATH}?next={wanted}", HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"}
        )
    else:
        response = problem(
            HTTPStatus.UNAUTHORIZED,
            "Nobody is signed in here. Sign in first.",
            "signed_out",
            {"Cache-Control": "no-store"},
        )
    await response(scope, receive, send)


def _not_encrypted() -> ASGIApp:
    return problem(
        HTTPStatus.FORBIDDEN,
        "The way here is not encrypted, so the dashboard is shown to its own computer only. Ask by https.",
        "not_encrypted",
    )


def _without_store(send: Send) -> Send:
    """Keep browsers and proxies from storing what a person saw."""

    async def send_without_store(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["cache-control"] = "no-store"
        await send(message)

    return send_without_store
