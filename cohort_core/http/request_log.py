"""Gives every request an id, security headers, and a line in the log.

The line has only those parts of the path that are words of routes. Everything else in it, such as the id of
a student or something that was never meant for us, becomes a star, and the query is left out.
"""

from __future__ import annotations

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
from cohort_core.formatting import round_half_up
from cohort_core.http.guards import is_below, unexpected
from cohort_core.store.database import utc_text
from cohort_core.store.tokens import PREFIX

MAX_LOG_BYTES = 5_000_000

_RawHeaders = tuple[tuple[bytes, bytes], ...]


def _raw(**headers: str) -> _RawHeaders:
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
# The dashboard sets its own content policy, and shows its own pages in frames.
_OF_DASHBOARD = _EVERYWHERE + _raw(x_frame_options="SAMEORIGIN")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset(HTTPMethod)


class RequestLogMiddleware:
    """The outermost middleware, so that refusals and failures get headers and a log line too."""

    def __init__(self, app: ASGIApp, *, home: Home, excluded_path: str) -> None:
        """Log into the folder ``home``; requests of the dashboard at ``excluded_path`` get no line."""
        self._app = app
        self._home = home
        self._excluded_path = excluded_path
        self._log = _LogFile(home)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
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

        async def send_with_headers(message: Message) -> None:
            nonlocal status, is_over
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                added = [header for header in fixed if header[0] not in present]
                if not is_excluded:
                    added.append((b"x-request-id", request_id.encode()))
                message = {**message, "headers": [*message["headers"], *added]}
            elif message["type"] == "http.response.body":
                is_over = not message.get("more_body")
            await send(message)

        start = time.perf_counter()
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            if is_excluded:
                raise
            self._log_traceback(error, request_id)
            if is_over:
                return
            if status:
                # Half of the response is sent. Only closing the connection shows that the rest is missing.
                raise _ResponseCutOff(request_id) from None
            await unexpected()(scope, receive, send_with_headers)
        finally:
            if not is_excluded:
                who = state["access"].who if "access" in state else "-"
                milliseconds = round_half_up((time.perf_counter() - start) * 1000, 1)
                self._log.add(
                    f"{masked_method(scope)} {masked_path(scope)} {status or '-'} {milliseconds}ms "
                    f"{request_id} {who}"
                )

    def _log_traceback(self, error: Exception, request_id: str) -> None:
        """Log where an error happened, without its message, which may hold a student's data."""
        places = "".join(traceback.format_tb(error.__traceback__))
        self._log.add(f"{request_id} {type(error).__name__}\n{places}")


class _ResponseCutOff(RuntimeError):
    """A response could not be finished; the log has the cause under the request's id."""


def masked_method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "*"


def masked_path(scope: Scope) -> str:
    """Return a request's path for a log or the audit.

    Everything except the words of routes becomes a star.
    """
    words = _route_words(scope.get("app"))
    return "/".join(part if part in words else "*" for part in scope["path"].split("/")[:8])


def _route_words(app: Any) -> frozenset[str]:
    """Return the fixed parts of the paths of an app's routes, and the empty one."""
    if app is None:
        return frozenset({""})
    words: frozenset[str] | None = getattr(app.state, "route_words", None)
    if words is None:
        paths = [getattr(route, "path", "") for route in app.routes]
        words = frozenset(part for path in paths for part in path.split("/") if "{" not in part) | {""}
        app.state.route_words = words
    return words


class _LogFile(RotatingFileHandler):
    """A log that only its owner can read, with one older file beside it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        super().__init__(home.requests, maxBytes=MAX_LOG_BYTES, backupCount=1, encoding="utf-8", delay=True)

    def _open(self) -> Any:
        self._home.ensure()
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        return os.fdopen(descriptor, "a", encoding="utf-8")

    def add(self, text: str) -> None:
        self.handle(logging.makeLogRecord({"msg": f"{utc_text(datetime.now(UTC))} {text}"}))
