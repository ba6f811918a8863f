"""The dashboard as an ASGI app that another app can mount."""

from __future__ import annotations

import time
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.env_util import is_repl

from cohort_core import dashboard
from cohort_core.dashboard.errors import show_error
from cohort_core.dashboard.files.owner import new_cookie, owner
from cohort_core.dashboard.files.registry import FileRegistry, shared_registry
from cohort_core.dashboard.files.routes import file_route
from cohort_core.dashboard.first_page import first_page, page_names
from cohort_core.dashboard.late_messages import LateMessageFilter
from cohort_core.dashboard.live_messages import StreamlitMessages
from cohort_core.dashboard.streamlit_config import ENTRY, apply_streamlit_options
from cohort_core.errors import CohortError
from cohort_core.http.door import Door
from cohort_core.http.sign_in_pages import SignInPages
from cohort_core.reports import catalog
from cohort_core.services.principal import DASHBOARD_OWNER
from cohort_core.services.services import Services, shared_services
from cohort_core.services.sign_in import SignIn

FIRST_PAGE_SECONDS = 3.0
"""Within this time, a first page that is asked for at once is complete."""


def create_dashboard() -> st.App:
    """Create the dashboard, for one mount in one process.

    The app that mounts it must also run its lifespan. Raises ``RuntimeError`` if Streamlit's first page is
    not as expected.
    """
    apply_streamlit_options(guards_names=True)
    return st.App(ENTRY, **app_options())


def app_options(*, is_alone: bool = False) -> dict[str, Any]:
    """Return what Streamlit's app needs besides the script.

    `is_alone` is for app.py, around which no server has the pages on which people sign in.
    """
    sign_in = Router(SignInPages(SignIn(), "").routes()) if is_alone else None
    registry = shared_registry()
    return {
        "routes": [file_route(registry, shared_services)],
        "on_script_error": show_error,
        "middleware": [
            Middleware(Door, messages=StreamlitMessages(), sign_in=sign_in),
            Middleware(BrowserCookieMiddleware, registry=registry),
            Middleware(first_page),
            Middleware(LateMessageFilter),
        ],
    }


def make_ready(services: Services) -> None:
    """Do the slow work of a process's first page early, while the browser loads scripts.

    Afterwards, load what the other pages need.
    """
    # On its first call, Streamlit searches the source of all its callers.
    is_repl()
    # An error here comes again on a page, and the page says what to do.
    with suppress(CohortError, OSError):
        reader = services.reader(DASHBOARD_OWNER)
        reader.is_connected()
        for status in reader.statuses(active_only=True)[:1]:
            cohort = reader.cohort(status.id)
            for report in (catalog.student_health, catalog.progress_over_time, catalog.blockers):
                report(cohort)
        # The Overview asks all classes. If it comes first, it waits for this instead of computing the same.
        reader.triage()
    time.sleep(FIRST_PAGE_SECONDS)
    for module in walk_packages(dashboard.__path__, f"{dashboard.__name__}."):
        import_module(module.name)


class BrowserCookieMiddleware:
    """Gives each browser the cookie to which its download links belong, with its first page.

    A page that is opened from another site comes without the cookie even if there is one, since the cookie
    is strict. So such a page sets none. The page's own first request, before its WebSocket, does.
    """

    def __init__(self, app: ASGIApp, registry: FileRegistry) -> None:
        self._app = app
        self._registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            self._registry.root_path = scope.get("root_path", "")
        if scope["type"] == "http" and _needs_cookie(scope):
            send = _with_cookie(send, scope.get("root_path", ""))
        await self._app(scope, receive, send)


def _needs_cookie(scope: Scope) -> bool:
    name = scope["path"].removeprefix(scope.get("root_path", "")).strip("/")
    connection = HTTPConnection(scope)
    is_own = connection.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
    is_first = name in {"", "_stcore/health", *page_names()}
    return is_first and is_own and owner(connection.cookies, connection.headers) is None


def _with_cookie(send: Send, root_path: str) -> Send:
    async def give_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).append("set-cookie", new_cookie(root_path))
        await send(message)

    return give_cookie
