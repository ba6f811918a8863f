"""Guards against other web sites, and helpers for responses and headers.

The dashboard, mounted beside the API, passes only `BrowserGuard`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cohort_core.config.settings import LOOPBACK_HOSTS
from cohort_core.errors import CohortError, DatabaseBusy

_PHRASES = {413: "Request Entity Too Large", 414: "Request-URI Too Long", 422: "Unprocessable Entity"}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NOT_IN_HOST = re.compile(r"[@/?#\\\s]")
"""Characters with which a part of `Host` could be read as the name."""


def is_below(path: str, root: str) -> bool:
    """Return whether a path is ``root`` or lies below it."""
    return path == root or path.startswith(f"{root}/")


def reason_phrase(status: int) -> str:
    """Return the words for a status, the same on every Python (3.13 changed some)."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def problem(
    status: int, detail: str, code: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Make an RFC 9457 error response with a stable ``code``.

    ``detail`` must end with what to do. ``more`` are additional fields.
    """
    body = {"type": "about:blank", "title": reason_phrase(status), "status": status, "detail": detail}
    if more.get("job"):
        headers = {**(headers or {}), "Location": f"/sync/{more['job']}"}
    return JSONResponse(body | {"code": code} | more, status, headers, media_type="application/problem+json")


def unexpected() -> JSONResponse:
    """Make the response for an unexpected error in this program."""
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something unexpected happened. Ask again; if it stays so, report it with the X-Request-ID of this "
        "answer.",
        "unexpected",
    )


def unavailable(error: CohortError) -> JSONResponse:
    """Make the response for an unusable database or settings.

    It may go to anybody, so it neither names files nor says what is wrong with them.
    """
    if isinstance(error, DatabaseBusy):
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, error.message, error.code)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The server's database or settings cannot be used. `cohort-tracker doctor`, run there, says why.",
        error.code,
    )


class BrowserGuard:
    """Keeps other web sites from reaching this server through the mentor's browser.

    The ``Host`` header reveals a foreign name that leads to this computer (DNS rebinding). The ``Origin``
    header reveals a page of another site that sends a request here.
    """

    def __init__(
        self, app: ASGIApp, *, excluded_path: str, hosts: Collection[str] = (), origins: Collection[str] = ()
    ) -> None:
        """Allow more host names and origins than those of this computer.

        ``hosts`` are additional host names of this server, ``origins`` are other web sites that may send
        requests, but not to ``excluded_path``.
        """
        self._app = app
        self._excluded_path = excluded_path
        self._hosts = LOOPBACK_HOSTS | {host.lower() for host in hosts}
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] in {"http", "websocket"} else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if "content-length" in headers and "transfer-encoding" in headers:
            # Request smuggling: a proxy and this server could disagree about where the request ends.
            return problem(
                HTTPStatus.BAD_REQUEST,
                "Send Content-Length or Transfer-Encoding, not both.",
                "bad_request",
                {"Connection": "close"},
            )
        name, origin = host_name(headers), headers.get("origin")
        # The address at which the request arrived is allowed too: DNS rebinding needs a name.
        arrived_at = plain_address((scope.get("server") or ("",))[0])
        if name is None or (name not in self._hosts and name != arrived_at):
            return problem(
                HTTPStatus.BAD_REQUEST,
                "Ask for this by the name localhost or 127.0.0.1, or serve it with --allow-host.",
                "foreign_host",
            )
        if scope.get("method") in SAFE_METHODS or origin is None:
            return None
        is_named = origin in self._origins and not is_below(scope["path"], self._excluded_path)
        if not is_named and _netloc(origin) != headers["host"]:
            return problem(
                HTTPStatus.FORBIDDEN, "Other web sites may not do this. Ask from here.", "foreign_origin"
            )
        return None


class ApiCors(CORSMiddleware):
    """Lets pages of other sites read the responses of the API, but nothing at ``excluded_path``."""

    def __init__(
        self, app: ASGIApp, *, excluded_path: str, origins: Sequence[str], exposed_headers: Sequence[str]
    ) -> None:
        """Allow pages of ``origins`` to read ``exposed_headers`` besides those that browsers always allow."""
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("Authorization", "Content-Type", "If-None-Match", "X-Request-ID"),
            expose_headers=exposed_headers,
        )
        self._excluded_path = excluded_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_excluded = is_below(scope.get("path", ""), self._excluded_path)
        await (self.app if is_excluded else super().__call__)(scope, receive, send)


def host_name(headers: Headers) -> str | None:
    """Return the host of the ``Host`` header, without the port; None if invalid."""
    host = headers.get("host", "")
    if _NOT_IN_HOST.search(host):
        return None
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


@lru_cache(maxsize=256)
def plain_address(text: str) -> str:
    """Return an address in its usual form.

    A server that listens at ``::`` sees IPv4 addresses wrapped in IPv6 ones; these are unwrapped.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    return str(getattr(address, "ipv4_mapped", None) or address)


def qualities(header: str) -> dict[str, float]:
    """Parse a header such as ``Accept`` into its entries with their quality, 0 to 1."""
    wanted: dict[str, float] = {}
    for entry in header.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        with suppress(ValueError):
            wanted.setdefault(name, min(max(float(quality), 0.0), 1.0))
    return wanted


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
