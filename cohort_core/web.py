"""What every answer of the API has in common, whatever its route: guards, headers, and how errors look.

The dashboard, mounted beside the API, has headers of its own and only passes the guard.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cohort_core.settings import LOOPBACK_HOSTS

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
API_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


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
