"""The dashboard as an ASGI app that another app can mount."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any
from urllib.parse import quote

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.env_util import is_repl

from cohort_core import dashboard
from cohort_core.dashboard.components.style import ICON
from cohort_core.dashboard.connection_script import CONNECTION_SCRIPT, CONNECTION_STYLE
from cohort_core.dashboard.errors import show_error
from cohort_core.dashboard.files.owner import new_cookie, owner
from cohort_core.dashboard.files.registry import FileRegistry, shared_registry
from cohort_core.dashboard.files.routes import file_route
from cohort_core.dashboard.keyboard_script import KEYBOARD_SCRIPT
from cohort_core.dashboard.late_messages import LateMessageFilter
from cohort_core.dashboard.layout import PAGES, PRODUCT
from cohort_core.dashboard.live_messages import StreamlitMessages
from cohort_core.dashboard.streamlit_config import ENTRY, apply_streamlit_options
from cohort_core.errors import CohortError
from cohort_core.http.door import Door
from cohort_core.http.sign_in_pages import SignInPages
from cohort_core.reports import catalog
from cohort_core.services.principal import DASHBOARD_OWNER
from cohort_core.services.services import Services, shared_services
from cohort_core.services.sign_in import SignIn

# A name or a library may smuggle an address into a page. The browser must not ask another host for it.
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
PRELOADED = frozenset(
    {
        *(
            "Html",
            "purify",
            "rehype-raw",
            "hastscript",
            "PageLink",
            "Button",
            "ButtonGroup",
            "Checkbox",
        ),
        *("TextInput", "Selectbox", "useMenuTrigger", "useSyncComboBoxEnterTargetFocus"),
        *("DateInput", "DateField", "ReorderedSegments"),
    }
)
"""Scripts of Streamlit that every page of ours needs.

The browser asks for them with the page; otherwise it asks for each when the first element needs it, and the
first page takes a tenth longer.
"""
FIRST_PAGE_SECONDS = 3.0
"""Within this time, a first page that is asked for at once is complete."""

# Streamlit puts the content of a menu at the end of the document, where keyboard users cannot find it.
# So when somebody opens a menu by keyboard, its first button or link gets the focus.
_FOCUS_MENU_SCRIPT = """
document.addEventListener("click", event => {
  const isByKey = event.detail === 0;
  if (!isByKey || !event.target.closest("[data-testid=stPopoverButton]")) return;
  const enter = frames => {
    const body = document.querySelector("[data-testid=stPopoverBody]");
    const copy = "[class*='st-key-copy-'] button";
    const first = body && (body.querySelector(copy) || body.querySelector("button, a"));
    if (first) first.focus();
    if (frames && document.activeElement !== first) requestAnimationFrame(() => enter(frames - 1));
  };
  enter(300);
});
"""


_COPY_SCRIPT = """
document.addEventListener('click', event => {
  const button = event.target.closest('[class*="st-key-copy-"] button');
  if (!button) return;
  let place = button;
  while (place && !place.querySelector('[data-testid="stCode"] code')) place = place.parentElement;
  if (!place) return;
  const text = place.querySelector('[data-testid="stCode"] code').textContent;
  const copyWithoutClipboard = () => {
    const field = document.createElement('textarea');
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).catch(copyWithoutClipboard);
  else copyWithoutClipboard();
}, true);
"""
"""Lets a button copy the text above it, which a button of Streamlit cannot do."""


def create_dashboard() -> st.App:
    """Create the dashboard, for one mount in one process.

    The app that mounts it must also run its lifespan. Raises ``RuntimeError`` if Streamlit's first page is
    not as expected.
    """
    apply_streamlit_options()
    return st.App(ENTRY, **app_options())


def app_options(*, is_alone: bool = False) -> dict[str, Any]:
    """Return what Streamlit's app needs besides the script.

    `is_alone` is for app.py, around which no server has the pages on which people sign in.
    """
    sign_in = Router(SignInPages(SignIn(), "").routes()) if is_alone else None
    registry = shared_registry()
    original = (Path(st.__file__).parent / "static" / "index.html").read_text("utf-8")
    return {
        "routes": [file_route(registry, shared_services)],
        "on_script_error": show_error,
        "middleware": [
            Middleware(Door, messages=StreamlitMessages(), sign_in=sign_in),
            Middleware(BrowserCookieMiddleware, registry=registry),
            Middleware(FirstPageMiddleware, template=first_page_template(original)),
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
            reader.changes(status.id)
        # The Overview asks all classes. If it comes first, it waits for this instead of computing the same.
        reader.triage()
    time.sleep(FIRST_PAGE_SECONDS)
    for module in walk_packages(dashboard.__path__, f"{dashboard.__name__}."):
        import_module(module.name)


class FirstPageMiddleware:
    """Answers a page's address with Streamlit's HTML page, after adding the mount point.

    Without the mount point, that HTML page looks for its server at every address above its own, and fails
    once for each page. It also calls itself Streamlit until the first answer.
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
        elif scope["path"] != (address := f"{root}/{'' if name == 'overview' else name}"):
            query = scope["query_string"].decode("latin-1")
            await _respond(send, 307, {"location": f"{address}{'?' + query if query else ''}"}, b"")
        else:
            # In a script element nothing but "<" could end it early.
            path = json.dumps(f"{root}/", allow_nan=False).replace("<", "\\u003c")
            page = self._template.replace(_MOUNT, path).encode()
            await _respond(send, 200, _HEADERS, b"" if scope["method"] == "HEAD" else page)


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
    is_first = name in {"", "_stcore/health", *PAGES}
    return is_first and is_own and owner(connection.cookies, connection.headers) is None


def _with_cookie(send: Send, root_path: str) -> Send:
    async def give_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).append("set-cookie", new_cookie(root_path))
        await send(message)

    return give_cookie


def _with_policy(send: Send) -> Send:
    """Add the content security policy to every HTML page that Streamlit sends."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                headers.setdefault("content-security-policy", _HEADERS["content-security-policy"])
        await send(message)

    return guarded


def preloaded_scripts() -> list[str]:
    """Return the file names of the scripts in `PRELOADED`, which end with a digest."""
    scripts = (Path(st.__file__).parent / "static" / "static" / "js").glob("*.js")
    return sorted(script.name for script in scripts if script.name.partition(".")[0] in PRELOADED)


def first_page_template(original: str) -> str:
    """Add our title, icon and scripts to Streamlit's first page.

    A mark stands where the path of the mount goes. Raises ``RuntimeError`` if the page is not as expected.
    """
    script = (
        f"<script>(() => {{ const base = new URL({_MOUNT}, location.origin).href;"
        "window.__streamlit = {BACKEND_BASE_URL: base, MAIN_PAGE_BASE_URL: base}; })();"
        f"{_FOCUS_MENU_SCRIPT}{_COPY_SCRIPT}{KEYBOARD_SCRIPT}{CONNECTION_SCRIPT}</script><style>{CONNECTION_STYLE}</style>"
    )
    early = "".join(
        f'<link rel="modulepreload" crossorigin href="./static/js/{name}">' for name in preloaded_scripts()
    )
    page = _replace(original, "<title>Streamlit</title>", f"<title>{PRODUCT}</title>{script}{early}")
    return _replace(page, 'href="./favicon.png"', f'href="data:image/svg+xml,{quote(ICON)}"')


def _replace(page: str, old: str, new: str) -> str:
    if page.count(old) != 1:
        raise RuntimeError(
            f"The first page of Streamlit {st.__version__} has no {old}, which the dashboard replaces. "
            "Install a version that pyproject.toml allows."
        )
    return page.replace(old, new)


async def _respond(send: Any, status: int, headers: dict[str, str], body: bytes) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
