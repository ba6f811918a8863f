"""The dashboard as an ASGI app that other apps can mount, with every setting certain."""

from __future__ import annotations

import json
from contextlib import suppress
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

# Whatever a name or a library smuggles into a page, the browser sends no request to another host.
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

_MOUNT = "@MOUNT@"

# Streamlit puts the entries of a menu at the end of the document, where nobody would find them by keyboard.
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
    """Create the dashboard, for one mount in one process.

    Its lifespan belongs to the app that mounts it. Raises ``RuntimeError`` if Streamlit's first page is not
    as expected.
    """
    apply_streamlit_options()
    original = (Path(st.__file__).parent / "static" / "index.html").read_text("utf-8")
    first_page = Middleware(FirstPage, template=first_page_template(original))
    return st.App(ENTRY, on_script_error=show_error, middleware=[first_page, Middleware(OnlyThePageShown)])


def make_ready(workspace: Workspace) -> None:
    """Import and compute in advance, while the browser loads scripts.

    The first page of a process would wait for it.
    """
    for module in iter_modules(pages.__path__, f"{pages.__name__}."):
        import_module(module.name)
    # The first call makes Streamlit search the source of all its callers.
    is_repl()
    # An error here happens again on a page, which says what to do.
    with suppress(CohortError):
        reader = Reader(workspace, workspace.cohorts.is_anonymous())
        for shown in reader.statuses(active_only=True)[:1]:
            cohort = reader.cohort(shown.id)
            for report in (catalog.student_health, catalog.progress_over_time, catalog.blockers):
                report(cohort)
            reader.changes(shown.id)


class FirstPage:
    """Answers the addresses of pages with Streamlit's first page, after adding where it is mounted.

    Otherwise that page looks for its server at every address above its own, which fails once for each page,
    and it has the title Streamlit until the first answer.
    """

    def __init__(self, app: ASGIApp, *, template: str) -> None:
        """Wrap Streamlit's app; ``template`` is made by ``first_page_template``."""
        self._app = app
        self._template = template

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "")
        name = scope["path"].removeprefix(root).strip("/") if scope["type"] == "http" else None
        if name is None or scope["method"] not in {"GET", "HEAD"} or name not in {"", *PAGES}:
            await self._app(scope, receive, _with_policy(send))
        elif name == "overview" or not scope["path"].startswith(f"{root}/"):
            query = scope["query_string"].decode("latin-1")
            await _answer(send, 307, {"location": f"{root}/{'?' + query if query else ''}"}, b"")
        else:
            # In a script element nothing but "<" could end it early.
            path = json.dumps(f"{root}/").replace("<", "\\u003c")
            page = self._template.replace(_MOUNT, path).encode()
            await _answer(send, 200, _HEADERS, b"" if scope["method"] == "HEAD" else page)


def _with_policy(send: Send) -> Send:
    """Wrap ``send``: at every address, Streamlit's page gets the same content policy."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                headers.setdefault("content-security-policy", _HEADERS["content-security-policy"])
        await send(message)

    return guarded


def first_page_template(original: str) -> str:
    """Add our title, icon and scripts to Streamlit's first page.

    A mark stands where the path of the mount goes. Raises ``RuntimeError`` if the page is not as expected.
    """
    script = (
        f"<script>(() => {{ const base = new URL({_MOUNT}, location.origin).href;"
        "window.__streamlit = {BACKEND_BASE_URL: base, MAIN_PAGE_BASE_URL: base}; })();"
        f"{_INTO_MENUS}</script>"
    )
    page = _replace(original, "<title>Streamlit</title>", f"<title>{PRODUCT}</title>{script}")
    return _replace(page, 'href="./favicon.png"', f'href="data:image/svg+xml,{quote(ICON)}"')


def _replace(page: str, old: str, new: str) -> str:
    if page.count(old) != 1:
        raise RuntimeError(
            f"The first page of Streamlit {st.__version__} has no {old}, which the dashboard replaces. "
            "Install a version that pyproject.toml allows."
        )
    return page.replace(old, new)


async def _answer(send: Any, status: int, headers: dict[str, str], body: bytes) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
