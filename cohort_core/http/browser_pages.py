"""Pages for people's browsers where programs get problems as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from html import escape
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cohort_core.errors import CohortError
from cohort_core.http.guards import host_name, is_below, qualities

CLOSED = (
    "The tokens or accounts that protect this are lost together with the database of before, so nobody is "
    "let in until there are new ones, made on this computer."
)
"""The sentence of a closed home. docs/access.md says how to open it."""

_PAGES = {
    "foreign_host": (
        "Open it under its own address",
        "This is Cohort Tracker under a name or address that it does not know. To keep your students' "
        "data safe, it answers under its own address only.",
    ),
    "dashboard_is_local": (
        "The dashboard is for its own computer",
        "Nobody has an account yet, so it is shown on the computer on which Cohort Tracker runs, and nowhere "
        "else. Open it there.",
    ),
    "not_encrypted": (
        "This connection is not encrypted",
        "Your password could be read on the way, so nothing is shown. Use the address that begins with "
        "https; your administrator has it.",
    ),
    "closed": ("Cohort Tracker is closed", CLOSED),
    "token_missing": (
        "This address is for programs",
        "Programs need a token here. People use the dashboard.",
    ),
    "not_found": ("There is nothing at this address", "You find everything from the dashboard."),
    "database_busy": (
        "The data is busy",
        "Another program holds it. Wait a moment, and load this page again.",
    ),
    "database_unusable": (
        "The data cannot be read",
        "The check-up on the server's computer says what to do.",
    ),
    "database_newer": ("The data cannot be read", "The check-up on the server's computer says what to do."),
    "bad_settings": ("The settings cannot be read", "The check-up on the server's computer says what to do."),
}
"""Title and sentence by the code of the problem.

Other problems stay JSON: only programs meet them.
"""

_WITHOUT_LINK = frozenset(
    {"closed", "not_encrypted", "database_busy", "database_unusable", "database_newer", "bad_settings"}
)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title} · Cohort Tracker</title><style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.05rem/1.55 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1.2rem; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; }} p {{ overflow-wrap: anywhere; }}
a {{ color: light-dark(#14545b, #8fd3da); }}
</style></head><body><main><p>Cohort Tracker</p><h1>{title}</h1><p>{sentence}</p>{link}</main></body></html>
"""


class BrowserPages:
    """Turns problems into pages for browsers that load a page, and leaves programs alone."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        dashboard_path: str,
        public_url: Callable[[], str | None],
        exposed: bool = False,
    ) -> None:
        """Wrap an app.

        ``public_url`` returns the address under which people open this, if there is one. ``exposed`` means
        that there is no dashboard.
        """
        self._app = app
        self._dashboard_path = dashboard_path
        self._public_url = public_url
        self._exposed = exposed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _loads_page(scope):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                kind = Headers(raw=message["headers"]).get("content-type", "")
                if kind.startswith("application/problem+json"):
                    start = message
                    return
            if start is None:
                await send(message)
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send(scope, receive, send, start, body)

        await self._app(scope, receive, send_page)

    async def _send(self, scope: Scope, receive: Receive, send: Send, start: Message, body: bytes) -> None:
        code = json.loads(body)["code"]
        if code not in _PAGES:
            await send(start)
            await send({"type": "http.response.body", "body": body})
            return
        title, sentence = _PAGES[code]
        link = "" if self._exposed or code in _WITHOUT_LINK else self._link(scope)
        kept = {
            name: value
            for name, value in Headers(raw=start["headers"]).items()
            if name not in {"content-type", "content-length"}
        }
        kept["content-security-policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        page = _PAGE.format(title=escape(title), sentence=escape(sentence), link=link)
        await HTMLResponse(page, HTTPStatus(start["status"]), kept)(scope, receive, send)

    def _link(self, scope: Scope) -> str:
        """Return a link to the same page under an address that works."""
        path = quote(scope["path"]) if is_below(scope["path"], self._dashboard_path) else self._dashboard_path
        public_url = None
        with suppress(CohortError):
            # Without readable settings the page still has to come.
            public_url = self._public_url()
        if public_url is None or urlsplit(public_url).hostname == host_name(Headers(scope=scope)):
            host, port = scope.get("server") or ("127.0.0.1", 80)
            public_url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        query = scope.get("query_string", b"").decode("latin-1")
        address = escape(f"{public_url}{path}{'?' + query if query and path != self._dashboard_path else ''}")
        return f'<p><a href="{address}">Open the dashboard at {escape(public_url)}</a></p>'


def _loads_page(scope: Scope) -> bool:
    """Return True for a browser that loads a page.

    A script in a page, or another program, gets JSON.
    """
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    headers = Headers(scope=scope)
    is_document = headers.get("sec-fetch-dest", "document") == "document"
    return is_document and qualities(headers.get("accept", "")).get("text/html", 0) > 0
