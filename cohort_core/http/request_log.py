"""The frame of every answer: an id of the request, headers that bind the browser, and a line in the log.

The line tells the path by the words that routes are made of. Whatever else stands in a path, an id of a
student or something that was never meant for us, is a star; what comes after the question mark is not there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
import traceback
import uuid
from datetime import UTC, datetime
from http import HTTPMethod
from logging.handlers import RotatingFileHandler
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cohort_core.config.paths import PRIVATE_FILE, Home
from cohort_core.http.guards import is_below, unexpected
from cohort_core.store.database import utc_text
from cohort_core.store.tokens import PREFIX

LOG_BYTES = 5_000_000
LOG_SECONDS = 0.25
"""So long lines wait for others: written one by one they would take a fifth of the time of an answer."""

_Raw = tuple[tuple[bytes, bytes], ...]


def _raw(**headers: str) -> _Raw:
    return tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())


_EVERYWHERE = _raw(referrer_policy="no-referrer", x_content_type_options="nosniff")
_OF_API = _EVERYWHERE + _raw(
    cache_control="private, no-cache", cross_origin_resource_policy="same-origin", x_frame_options="DENY"
)
_HEADERS = _OF_API + _raw(content_security_policy="default-src 'none'; frame-ancestors 'none'")
_OF_DOCS = _OF_API + _raw(
    content_security_policy="default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' "
    "'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
# Pages of the dashboard have a policy of their own, and frames of themselves.
_OF_DASHBOARD = _EVERYWHERE + _raw(x_frame_options="SAMEORIGIN")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset(HTTPMethod)


class RequestLogMiddleware:
    """Stands before everything else, so that refusals and failures have the frame as well."""

    def __init__(self, app: ASGIApp, *, home: Home, excluded_path: str) -> None:
        """``beside`` is the path of the dashboard, whose requests are not worth a line."""
        self._app = app
        self._home = home
        self._excluded_path = excluded_path
        self._log = _LogFile(home)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            if scope["type"] == "lifespan":
                self._log.write()
            return
        path: str = scope["path"]
        is_excluded = is_below(path, self._excluded_path)
        given = Headers(scope=scope).get("x-request-id", "")
        is_usable = _REQUEST_ID.fullmatch(given) and not given.startswith(PREFIX)
        request_id = given if is_usable else uuid.uuid4().hex
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        fixed = _OF_DASHBOARD if is_excluded else _OF_DOCS if path == "/docs" else _HEADERS
        status, is_over = 0, False

        async def framed(message: Message) -> None:
            nonlocal status, is_over
            if message["type"] == "http.response.start":
                status = message["status"]
                there = {name.lower() for name, _ in message["headers"]}
                more = [one for one in fixed if one[0] not in there]
                if not is_excluded:
                    more.append((b"x-request-id", request_id.encode()))
                message = {**message, "headers": [*message["headers"], *more]}
            elif message["type"] == "http.response.body":
                is_over = not message.get("more_body")
            await send(message)

        start = time.perf_counter()
        try:
            await self._app(scope, receive, framed)
        except Exception as error:
            if is_excluded:
                raise
            self._tell_places(error, request_id)
            if is_over:
                return
            if status:
                # Half an answer is out: only closing the connection tells that the rest is missing.
                raise _BrokenOff(request_id) from None
            await unexpected()(scope, receive, framed)
        finally:
            if not is_excluded:
                who = state["access"].who if "access" in state else "-"
                milliseconds = (time.perf_counter() - start) * 1000
                self._log.tell(
                    f"{masked_method(scope)} {masked_path(scope)} {status or '-'} {milliseconds:.1f}ms "
                    f"{request_id} {who}"
                )

    def _tell_places(self, error: Exception, request_id: str) -> None:
        """Keep where it happened. The message stays out: it may hold a student's data."""
        places = "".join(traceback.format_tb(error.__traceback__))
        self._log.tell(f"{request_id} {type(error).__name__}\n{places}")


class _BrokenOff(RuntimeError):
    """An answer could not be finished; what happened stands in the log beside the request's id."""


def masked_method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "*"


def masked_path(scope: Scope) -> str:
    """A request's path for a log or the audit."""
    words = _words(scope.get("app"))
    return "/".join(part if part in words else "*" for part in scope["path"].split("/")[:8])


def _words(app: Any) -> frozenset[str]:
    """The words of which an app's paths are made."""
    if app is None:
        return frozenset({""})
    words: frozenset[str] | None = getattr(app.state, "words", None)
    if words is None:
        paths = [getattr(route, "path", "") for route in app.routes]
        words = frozenset(part for path in paths for part in path.split("/") if "{" not in part) | {""}
        app.state.words = words
    return words


class _LogFile(RotatingFileHandler):
    """Lines in a file that only its owner reads, and a second one for what was before."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lines: list[str] = []
        super().__init__(home.requests, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", delay=True)

    def _open(self) -> Any:
        self._home.ensure()
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        return os.fdopen(descriptor, "a", encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A full disk stops no answer."""

    def tell(self, line: str) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(LOG_SECONDS, self.write)
        self._lines.append(f"{utc_text(datetime.now(UTC))} {line}")

    def write(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self.handle(logging.makeLogRecord({"msg": "\n".join(lines)}))

    def close(self) -> None:
        """Comes at the latest when Python ends, as for every handler."""
        self.write()
        super().close()
