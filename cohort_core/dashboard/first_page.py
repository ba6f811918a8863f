"""Streamlit's first page, with our title, icon and scripts.

Nothing here needs Streamlit itself, so that the server can send the page and its scripts while Streamlit is
still being imported.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cohort_core.config.paths import entry_folder
from cohort_core.dashboard.components.style import ICON, PRODUCT
from cohort_core.dashboard.connection_script import CONNECTION_SCRIPT, CONNECTION_STYLE
from cohort_core.dashboard.keyboard_script import KEYBOARD_SCRIPT
from cohort_core.dashboard.theme_script import THEME_SCRIPT

PAGES_FOLDER = entry_folder() / "pages"
_SCRIPTS = "static/"
_YEAR_SECONDS = 365 * 24 * 3600
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

_ICON_FILE = "favicon.png"
_ICON_HEADERS = {"content-type": "image/svg+xml", "cache-control": f"public, max-age={24 * 3600}"}

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


@cache
def static_folder() -> Path:
    """Return the folder of Streamlit's first page and scripts."""
    spec = find_spec("streamlit")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "static"


@cache
def page_names() -> frozenset[str]:
    """Return the names of all pages, which are those of their files."""
    return frozenset(path.stem for path in PAGES_FOLDER.glob("*.py"))


def first_page(app: ASGIApp) -> FirstPageMiddleware:
    """Put our first page before an app.

    Raises ``RuntimeError`` if Streamlit's first page is not as expected.
    """
    original = (static_folder() / "index.html").read_text("utf-8")
    return FirstPageMiddleware(app, template=first_page_template(original))


class EarlyPage:
    """The first page and its scripts, for the time until Streamlit is there.

    So the browser loads them while the server is still busy; the rest waits for it.
    """

    def __init__(self, later: ASGIApp) -> None:
        self._page = first_page(later)
        self._files = StaticFiles(directory=static_folder())
        self._later = later

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        if scope["type"] == "http" and name.startswith(_SCRIPTS):
            await self._files(scope, receive, _kept_by_browser(send))
        else:
            await self._page(scope, receive, send)


def _kept_by_browser(send: Send) -> Send:
    """Let the browser keep a file, as Streamlit does: its name ends with a digest."""

    async def send_kept(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            MutableHeaders(scope=message)["cache-control"] = f"public, immutable, max-age={_YEAR_SECONDS}"
        await send(message)

    return send_kept


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
        is_read = name is not None and scope["method"] in {"GET", "HEAD"}
        if is_read and name == _ICON_FILE:
            # The browser asks for it when Streamlit is there. A page that gives Streamlit an icon makes
            # it import an image library, which delays the first page.
            await _respond(send, 200, _ICON_HEADERS, ICON.encode())
        elif not is_read or name not in {"", *page_names()}:
            await self._app(scope, receive, _with_policy(send))
        elif scope["path"] != (address := f"{root}/{'' if name == 'overview' else name}"):
            query = scope["query_string"].decode("latin-1")
            await _respond(send, 307, {"location": f"{address}{'?' + query if query else ''}"}, b"")
        else:
            # In a script element nothing but "<" could end it early.
            path = json.dumps(f"{root}/", allow_nan=False).replace("<", "\\u003c")
            page = self._template.replace(_MOUNT, path).encode()
            await _respond(send, 200, _HEADERS, b"" if scope["method"] == "HEAD" else page)


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
    scripts = (static_folder() / "static" / "js").glob("*.js")
    return sorted(script.name for script in scripts if script.name.partition(".")[0] in PRELOADED)


def first_page_template(original: str) -> str:
    """Add our title, icon and scripts to Streamlit's first page.

    A mark stands where the path of the mount goes. Raises ``RuntimeError`` if the page is not as expected.
    """
    script = (
        f"<script>(() => {{ const base = new URL({_MOUNT}, location.origin).href;"
        "window.__streamlit = {BACKEND_BASE_URL: base, MAIN_PAGE_BASE_URL: base}; })();"
        f"{_FOCUS_MENU_SCRIPT}{_COPY_SCRIPT}{KEYBOARD_SCRIPT}{CONNECTION_SCRIPT}{THEME_SCRIPT}</script><style>{CONNECTION_STYLE}</style>"
    )
    early = "".join(
        f'<link rel="modulepreload" crossorigin href="./static/js/{name}">' for name in preloaded_scripts()
    )
    page = _replace(original, "<title>Streamlit</title>", f"<title>{PRODUCT}</title>{script}{early}")
    return _replace(page, 'href="./favicon.png"', f'href="data:image/svg+xml,{quote(ICON)}"')


def _replace(page: str, old: str, new: str) -> str:
    if page.count(old) != 1:
        raise RuntimeError(
            f"The first page of Streamlit {version('streamlit')} has no {old}, which the dashboard replaces. "
            "Install a version that pyproject.toml allows."
        )
    return page.replace(old, new)


async def _respond(send: Any, status: int, headers: dict[str, str], body: bytes) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
