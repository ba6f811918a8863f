"""The pages of signing in, signing out, and accepting an invitation.

They are plain HTML without any script.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from functools import partial
from html import escape
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from cohort_core.errors import BadInput, CohortError, DatabaseBusy
from cohort_core.formatting import count
from cohort_core.http.clients import client_network
from cohort_core.http.session_cookie import clear_secret, is_encrypted, secret_of, set_secret
from cohort_core.services.sign_in import Refused, SignIn

LOGIN_PATH, LOGOUT_PATH, INVITATION_PATH = "/login", "/logout", "/invitation"
MAX_FORM_BYTES = 16 * 1024
MAX_WAITING = 40
"""So many people may wait until their password is checked.

It takes a tenth of a second.
"""

WRONG = "Name, password or code is wrong. Check them, and sign in again."
FOREIGN = "This form was sent from another web site, so nothing was done. Sign in from here."
USED = "This invitation was used, is over, or is none of ours. Ask your administrator for a new one."
SET = "Your password is set. Sign in with it."
BUSY = "Too many people sign in at this moment. Wait a little, and sign in again."
TOO_LONG = "The form is too long. Shorten what you typed."
DIFFERENT = "The two passwords differ. Type the same one twice."
UNREADABLE = "The data cannot be read at this moment. Ask your administrator for help."

_PAGE_PATH = re.compile(r"(/[A-Za-z0-9_-]+)*/?")
_NO_CONTROL = re.compile(r"[^\x00-\x20\x7f\\]*")
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#66757a, #8d9a9e);
  --tint: light-dark(#14545b, #8fd3da); }
* { box-sizing: border-box; }
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 24rem; margin: 8vh auto; padding: 0 1.2rem;
  background: light-dark(#fff, #14191b); color: light-dark(#1e2a2d, #e4eaea); overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1.2rem; }
label { display: block; margin: 0 0 1rem; font-weight: 600; }
label small { display: block; font-weight: 400; font-size: .9rem; }
input { display: block; width: 100%; margin-top: .25rem; padding: .6rem .7rem; font: inherit;
  color: inherit; background: light-dark(#fff, #1f272a);
  border: 1px solid var(--line); border-radius: .4rem; }
button { width: 100%; padding: .7rem; font: inherit; font-weight: 600; border: 0; border-radius: .4rem;
  background: var(--tint); color: light-dark(#fff, #14191b); cursor: pointer; }
:focus-visible { outline: 3px solid var(--tint); outline-offset: 2px; }
.notice { border-left: 4px solid var(--tint);
  padding: .5rem .8rem; background: light-dark(#eef4f4, #1f272a); }
.error { border-color: light-dark(#a3341a, #f0a48f); }
a { color: var(--tint); }
"""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Cohort Tracker</title><style>{style}</style></head>
<body><main><p>Cohort Tracker</p><h1>{title}</h1>{body}</main></body></html>
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    # With "no-referrer", browsers would call the origin of the form null.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
T = TypeVar("T")
_Respond = Callable[[Request], Any]


class _Busy(Exception):
    """Too many people wait for their password to be checked."""


class SignInPages:
    """The handlers of the pages, for one dashboard at ``dashboard_path``."""

    def __init__(self, sign_in: SignIn, dashboard_path: str) -> None:
        self._sign_in = sign_in
        self._dashboard_path = dashboard_path
        self._limiters: list[anyio.CapacityLimiter] = []

    def routes(self) -> list[Route]:
        """Return the routes of the pages, which nobody needs a session for."""
        handlers: tuple[tuple[str, str, _Respond], ...] = (
            ("GET", LOGIN_PATH, self._show_login),
            ("POST", LOGIN_PATH, self._log_in),
            ("POST", LOGOUT_PATH, self._log_out),
            ("GET", f"{INVITATION_PATH}/{{secret}}", self._show_invitation),
            ("POST", f"{INVITATION_PATH}/{{secret}}", self._accept_invitation),
        )
        return [
            Route(path, self._guarded(handle), methods=[method], include_in_schema=False)
            for method, path, handle in handlers
        ]

    def _guarded(self, handle: _Respond) -> _Respond:
        """Refuse forms of other sites, and answer errors with a page."""

        async def respond(request: Request) -> Response:
            if request.method == "POST" and not is_from_here(request):
                return _page("Nothing was done", _notice(FOREIGN) + _login_link(), HTTPStatus.FORBIDDEN)
            try:
                response: Response = await handle(request)
            except _Busy:
                response = _page("Sign in", _notice(BUSY) + _login_link(), HTTPStatus.SERVICE_UNAVAILABLE)
                response.headers["Retry-After"] = "5"
            except CohortError as error:
                sentence = error.message if isinstance(error, DatabaseBusy) else UNREADABLE
                response = _page("Sign in", _notice(sentence), HTTPStatus.SERVICE_UNAVAILABLE)
            return response

        return respond

    async def _show_login(self, request: Request) -> Response:
        if not await self._run(self._sign_in.is_wanted):
            return RedirectResponse(f"{self._dashboard_path}/", HTTPStatus.SEE_OTHER, _HEADERS)
        notice = _notice(SET, is_error=False) if request.query_params.get("set") == "1" else ""
        return _page("Sign in", _login_form(self._next(request.query_params.get("next", "")), notice))

    async def _log_in(self, request: Request) -> Response:
        form = await read_form(request)
        if form is None:
            return _page("Sign in", _notice(TOO_LONG) + _login_link(), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        target = self._next(form.get("next", ""))
        name = form.get("name", "")
        result = await self._run(
            partial(
                self._sign_in.sign_in,
                name,
                form.get("password", ""),
                form.get("code", ""),
                address=client_network(request.scope),
                label=browser_label(request.headers.get("user-agent", "")),
                old_secret=secret_of(request.scope),
            )
        )
        if isinstance(result, Refused):
            sentence, status = WRONG, HTTPStatus.UNAUTHORIZED
            if result.wait:
                sentence = f"Too many attempts. Wait {count(result.wait, 'second')}, and sign in again."
                status = HTTPStatus.TOO_MANY_REQUESTS
            response = _page("Sign in", _login_form(target, _notice(sentence), name, is_wrong=True), status)
            if result.wait:
                response.headers["Retry-After"] = str(result.wait)
            return response
        response = RedirectResponse(target, HTTPStatus.SEE_OTHER, _HEADERS)
        set_secret(response, request.scope, result.secret, result.seconds)
        return response

    async def _log_out(self, request: Request) -> Response:
        secret = secret_of(request.scope)
        if secret:
            await self._run(partial(self._sign_in.sign_out, secret))
        response = RedirectResponse(LOGIN_PATH, HTTPStatus.SEE_OTHER, _HEADERS)
        clear_secret(response, request.scope)
        return response

    async def _show_invitation(self, request: Request) -> Response:
        account = await self._run(partial(self._sign_in.invited, request.path_params["secret"]))
        if account is None:
            return _page("This link does not work", _notice(USED) + _login_link(), HTTPStatus.NOT_FOUND)
        return _page("Choose your password", _invitation_form(account.name))

    async def _accept_invitation(self, request: Request) -> Response:
        secret = request.path_params["secret"]
        form = await read_form(request)
        account = await self._run(partial(self._sign_in.invited, secret))
        if account is None:
            return _page("This link does not work", _notice(USED) + _login_link(), HTTPStatus.NOT_FOUND)
        problem = TOO_LONG if form is None else ""
        password = (form or {}).get("password", "")
        if form is not None and form.get("again", password) != password:
            problem = DIFFERENT
        if not problem:
            try:
                account = await self._run(partial(self._sign_in.set_password, secret, password))
            except BadInput as error:
                problem = error.message
        if account is None:
            return _page("This link does not work", _notice(USED) + _login_link(), HTTPStatus.NOT_FOUND)
        if problem:
            body = _invitation_form(account.name, _notice(problem))
            return _page("Choose your password", body, HTTPStatus.UNPROCESSABLE_ENTITY)
        response = RedirectResponse(f"{LOGIN_PATH}?set=1", HTTPStatus.SEE_OTHER, _HEADERS)
        # Who sets a password ends the session that this browser had, whoever it belonged to.
        clear_secret(response, request.scope)
        return response

    async def _run(self, work: Callable[[], T]) -> T:
        """Run slow work in threads of its own; the API keeps its own."""
        # A limiter belongs to an event loop, so the first request creates it.
        if not self._limiters:
            self._limiters.append(anyio.CapacityLimiter(4))
        (limiter,) = self._limiters
        if limiter.statistics().tasks_waiting >= MAX_WAITING:
            raise _Busy
        return await anyio.to_thread.run_sync(work, limiter=limiter)

    def _next(self, wanted: str) -> str:
        """Return the wanted page of the dashboard; the first page for any other address."""
        first = f"{self._dashboard_path}/"
        if not wanted.startswith(first) or not _NO_CONTROL.fullmatch(wanted):
            return first
        parts = urlsplit(wanted)
        if parts.scheme or parts.netloc or not _PAGE_PATH.fullmatch(parts.path):
            return first
        return parts.path + (f"?{quote(parts.query, safe='=&%+,.:;~*')}" if parts.query else "")


def is_from_here(request: Request) -> bool:
    """Return whether a form comes from a page of this server, or from a program."""
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    scheme = "https" if is_encrypted(request.scope) else "http"
    return origin is None or origin == f"{scheme}://{request.headers.get('host', '')}"


def is_sign_in_path(path: str) -> bool:
    """Return whether a path is that of a page of this module."""
    return path in {LOGIN_PATH, LOGOUT_PATH} or path.startswith(f"{INVITATION_PATH}/")


def browser_label(user_agent: str) -> str:
    """Return browser and system, such as "Firefox on Windows"."""
    browser = next((name for mark, name in _BROWSERS if f"{mark}/" in user_agent), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser


async def read_form(request: Request) -> dict[str, str] | None:
    """Return the fields of a form; None if it is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM_BYTES:
            return None
    text = body.decode("utf-8", "replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=20, errors="replace"))
    except ValueError:
        return None


def _page(title: str, body: str, status: int = HTTPStatus.OK) -> Response:
    content = _PAGE.format(title=escape(title), style=_STYLE, body=body)
    return HTMLResponse(content, status, _HEADERS)


def _notice(sentence: str, *, is_error: bool = True) -> str:
    kind, role = ("notice error", "alert") if is_error else ("notice", "status")
    return f'<p id="notice" class="{kind}" role="{role}">{escape(sentence)}</p>'


def _login_link() -> str:
    return f'<p><a href="{LOGIN_PATH}">Sign in</a></p>'


def _login_form(target: str, notice: str = "", name: str = "", *, is_wrong: bool = False) -> str:
    described = ' aria-describedby="notice"' if notice else ""
    wrong = f'{described} aria-invalid="true"' if is_wrong else described
    focus_name, focus_password = ("", " autofocus") if name else (" autofocus", "")
    return f"""{notice}<form method="post" action="{LOGIN_PATH}">
<input type="hidden" name="next" value="{escape(target)}">
<label>Name or email<input name="name" value="{escape(name[:256])}" autocomplete="username"
 autocapitalize="none" spellcheck="false" maxlength="256" required{wrong}{focus_name}></label>
<label>Password<input name="password" type="password" autocomplete="current-password" maxlength="1024"
 required{wrong}{focus_password}></label>
<label>Code<small>Only if you set up a second factor.</small><input name="code" inputmode="numeric"
 autocomplete="one-time-code" maxlength="16"></label>
<button>Sign in</button></form>"""


def _invitation_form(name: str, notice: str = "") -> str:
    described = ' aria-describedby="notice" aria-invalid="true"' if notice else ""
    return f"""{notice}<form method="post">
<label>Your name here<input name="name" value="{escape(name)}" autocomplete="username" readonly></label>
<label>New password<small>At least 12 letters; a few words in a row are good.</small><input name="password"
 type="password" autocomplete="new-password" minlength="12" maxlength="256" required autofocus
{described}></label>
<label>The same again<input name="again" type="password" autocomplete="new-password" maxlength="256" required
{described}></label>
<button>Set the password</button></form>"""
