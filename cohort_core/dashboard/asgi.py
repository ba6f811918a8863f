"""The dashboard as an ASGI app that other apps can mount, with every setting certain."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any
from urllib.parse import quote

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.env_util import is_repl

from cohort_core import dashboard as pages
from cohort_core.dashboard.components.style import ICON
from cohort_core.dashboard.errors import show_error
from cohort_core.dashboard.late_messages import OnlyThePageShown
from cohort_core.dashboard.layout import PAGES, PRODUCT
from cohort_core.dashboard.streamlit_config import ENTRY, apply_streamlit_options
from cohort_core.errors import CohortError
from cohort_core.reports import catalog
from cohort_core.services.reader import Reader
from cohort_core.services.workspace import Workspace

# Whatever a name or a library may smuggle into a page, the browser asks no other host for it.
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
    "content-type": "text/html; charset=utf-8",
}

# Streamlit puts what a menu holds at the end of the document, where nobody would find it by keyboard.
_INTO_MENUS = """
document.addEventListener("click", event => {
  const isByKey = event.detail === 0;
  if (!isByKey || !event.target.closest("[data-testid=stPopoverButton]")) return;
  const enter = frames => {
    const first = document.querySelector("[data-testid=stPopoverBody] button");
    if (first) first.focus();
    if (frames && document.activeElement !== first) requestAnimationFrame(() => enter(frames - 1));
  };
  enter(60);
});
"""


def create_dashboard() -> st.App:
    """The dashboard, for one mount in one process; its lifespan belongs to the app that mounts it."""
    apply_streamlit_options()
    return st.App(
        ENTRY, on_script_error=show_error, middleware=[Middleware(FirstPage), Middleware(OnlyThePageShown)]
    )


def make_ready(workspace: Workspace) -> None:
    """Do beforehand what the first page of a process would wait for, while the browser loads scripts."""
    for module in iter_modules(pages.__path__, f"{pages.__name__}."):
        import_module(module.name)
    # The first time, Streamlit looks through the source of all that called it.
    is_repl()
    # What fails here fails again on a page, which says what to do.
    with suppress(CohortError):
        reader = Reader(workspace, workspace.cohorts.is_anonymous())
        for shown in reader.statuses(active_only=True)[:1]:
            cohort = reader.cohort(shown.id)
            for report in (catalog.student_health, catalog.progress_over_time, catalog.blockers):
                report(cohort)
            reader.changes(shown.id)


class FirstPage:
    """Answers the addresses of pages with Streamlit's own first page, told where it is mounted.

    Left alone, that page looks for its server at every address above its own, which fails once for each
    page, and it names itself Streamlit until the first answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "")
        name = scope["path"].removeprefix(root).strip("/") if scope["type"] == "http" else None
        if name is None or scope["method"] not in {"GET", "HEAD"} or name not in {"", *PAGES}:
            await self._app(scope, receive, _with_policy(send))
        elif name == "overview" or not scope["path"].startswith(f"{root}/"):
            query = scope["query_string"].decode("latin-1")
            await _answer(send, 307, {"location": f"{root}/{'?' + query if query else ''}"}, b"")
        else:
            await _answer(send, 200, _HEADERS, b"" if scope["method"] == "HEAD" else _first_page(root))


def _with_policy(send: Send) -> Send:
    """Whatever address Streamlit answers with its page, that gets the same policy."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                headers.setdefault("content-security-policy", _HEADERS["content-security-policy"])
        await send(message)

    return guarded


@cache
def _first_page(root: str) -> bytes:
    original = (Path(st.__file__).parent / "static" / "index.html").read_text("utf-8")
    # In a script element nothing but "<" could end it early.
    path = json.dumps(f"{root}/").replace("<", "\\u003c")
    told = (
        f"<script>(() => {{ const base = new URL({path}, location.origin).href;"
        "window.__streamlit = {BACKEND_BASE_URL: base, MAIN_PAGE_BASE_URL: base}; })();"
        f"{_INTO_MENUS}</script>"
    )
    page = original.replace("<title>Streamlit</title>", f"<title>{PRODUCT}</title>{told}")
    icon = f'href="data:image/svg+xml,{quote(ICON)}"'
    return page.replace('href="./favicon.png"', icon).encode()


async def _answer(send: Any, status: int, headers: dict[str, str], body: bytes) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
