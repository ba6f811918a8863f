"""What every answer of the API has in common, whatever its route: guards, tags, and how errors look.

The dashboard, mounted beside the API, has headers of its own and only passes the guard.
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

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NOT_IN_HOST = re.compile(r"[@/?#\\\s]")
"""What makes a name out of part of another one."""


def is_below(path: str, root: str) -> bool:
    """Whether a path is that of something mounted there."""
    return path == root or path.startswith(f"{root}/")


def problem(
    status: int, detail: str, code: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """An error as RFC 9457 has it, with a stable ``code``; ``detail`` ends with what to do."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if more.get("job"):
        headers = {**(headers or {}), "Location": f"/sync/{more['job']}"}
    return JSONResponse(body | {"code": code} | more, status, headers, media_type="application/problem+json")


def unexpected() -> JSONResponse:
    """The answer to what went wrong for a reason that is ours."""
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something unexpected happened. Ask again; if it stays so, report it with the X-Request-ID of this "
        "answer.",
        "unexpected",
    )


def unavailable(error: CohortError) -> JSONResponse:
    """What somebody is told who may be anybody: not where the files are, nor what is wrong with them."""
    if isinstance(error, DatabaseBusy):
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, error.message, error.code)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The server's database or settings cannot be used. `cohort-tracker doctor`, run there, says why.",
        error.code,
    )


class BrowserGuard:
    """Keeps other web sites from reaching this one through the mentor's browser.

    A forged name that leads to this computer (DNS rebinding) shows in the Host header; a page of another
    site that starts something here shows in the Origin header.
    """

    def __init__(
        self, app: ASGIApp, *, excluded_path: str, hosts: Collection[str] = (), origins: Collection[str] = ()
    ) -> None:
        """``hosts`` are names by which others may ask, ``origins`` other web sites that may ask here, but for
        what is mounted at ``beside``.
        """
        self._app = app
        self._excluded_path = excluded_path
        self._hosts = LOOPBACK_HOSTS | {one.lower() for one in hosts}
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] in {"http", "websocket"} else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if "content-length" in headers and "transfer-encoding" in headers:
            # A proxy may take the first for the end of the request, so that who sends it adds another.
            return problem(
                HTTPStatus.BAD_REQUEST,
                "Send Content-Length or Transfer-Encoding, not both.",
                "bad_request",
                {"Connection": "close"},
            )
        name, origin = host_name(headers), headers.get("origin")
        # The address itself at which a request arrived is no name that somebody else could have given.
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
    """Lets web pages of other sites read what the API answers, and nothing of what is mounted beside it."""

    def __init__(
        self, app: ASGIApp, *, excluded_path: str, origins: Sequence[str], told_headers: Sequence[str]
    ) -> None:
        """``told_headers`` are those that the pages may read, beside the ones that browsers allow always."""
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("Authorization", "Content-Type", "If-None-Match", "X-Request-ID"),
            expose_headers=told_headers,
        )
        self._excluded_path = excluded_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_excluded = is_below(scope.get("path", ""), self._excluded_path)
        await (self.app if is_excluded else super().__call__)(scope, receive, send)


def host_name(headers: Headers) -> str | None:
    """The name or address, without the port, by which a request asks; None if that cannot be told."""
    told = headers.get("host", "")
    if _NOT_IN_HOST.search(told):
        return None
    try:
        return urlsplit(f"//{told}").hostname
    except ValueError:
        return None


@lru_cache(maxsize=256)
def plain_address(text: str) -> str:
    """An address as one writes it; to who listens at ::, an IPv4 one comes wrapped in an IPv6 one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    return str(getattr(address, "ipv4_mapped", None) or address)


def qualities(header: str) -> dict[str, float]:
    """What a header such as Accept names, in its order, each with how much it is wanted: 0 for not at all."""
    wanted: dict[str, float] = {}
    for entry in header.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        told = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        with suppress(ValueError):
            wanted.setdefault(name, min(max(float(told), 0.0), 1.0))
    return wanted


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
