"""The pages of signing in, signing out, and accepting an invitation.

They are plain HTML without any script.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cohort_core.errors import BadInput, CohortError, DatabaseBusy, NotInstalled
from cohort_core.formatting import count
from cohort_core.http.clients import browser_label, client_network
from cohort_core.http.oidc_pages import OidcPages
from cohort_core.http.session_cookie import clear_secret, is_encrypted, secret_of, set_secret
from cohort_core.http.sign_in_html import (
    HEADERS,
    INVITATION_PATH,
    LOGIN_PATH,
    LOGOUT_PATH,
    OIDC_PATH,
    invitation_form,
    login_form,
    login_link,
    notice,
    page,
    read_form,
)
from cohort_core.http.workers import Busy, Workers
from cohort_core.services.oidc_sign_in import OidcSignIn
from cohort_core.services.sign_in import Refused, SignIn

WRONG = "Name, password or code is wrong. Check them, and sign in again."
FOREIGN = "This form was sent from another web site, so nothing was done. Sign in from here."
USED = (
    "This link was used, is older than seven days, or a newer one took its place. Ask an administrator for a "
    "new link."
)
SET = "Your password is set. Sign in with it."
OUT = "You are signed out."
BUSY = "Too many people sign in at this moment. Wait a little, and sign in again."
TOO_LONG = "The form is too long. Shorten what you typed."
DIFFERENT = "The two passwords are not the same. Type them again."
PART_MISSING = "This way to sign in is not installed on the server. Ask your administrator for help."
UNREADABLE = "The data cannot be read at this moment. Ask your administrator for help."

_PAGE_PATH = re.compile(r"(/[A-Za-z0-9_-]+)*/?")
_NO_CONTROL = re.compile(r"[^\x00-\x20\x7f\\]*")
_Respond = Callable[[Request], Any]


class SignInPages:
    """The handlers of the pages, for one dashboard at ``dashboard_path``."""

    def __init__(self, sign_in: SignIn, dashboard_path: str) -> None:
        self._sign_in = sign_in
        self._dashboard_path = dashboard_path
        self._run = Workers().run
        self._oidc = OidcSignIn(sign_in)

    def routes(self) -> list[Route]:
        """Return the routes of the pages, which nobody needs a session for."""
        handlers: tuple[tuple[str, str, _Respond], ...] = (
            ("GET", LOGIN_PATH, self._show_login),
            ("POST", LOGIN_PATH, self._log_in),
            ("POST", LOGOUT_PATH, self._log_out),
            ("GET", f"{INVITATION_PATH}/{{secret}}", self._show_invitation),
            ("POST", f"{INVITATION_PATH}/{{secret}}", self._accept_invitation),
            *OidcPages(self._oidc, self._next).handlers(),
        )
        return [
            Route(path, self._guarded(handle), methods=[method], include_in_schema=False)
            for method, path, handle in handlers
        ]

    def _guarded(self, handle: _Respond) -> _Respond:
        """Refuse forms of other sites, and answer errors with a page."""

        async def respond(request: Request) -> Response:
            if request.method == "POST" and not is_from_here(request):
                return page("Nothing was done", notice(FOREIGN) + login_link(), HTTPStatus.FORBIDDEN)
            try:
                response: Response = await handle(request)
            except Busy:
                response = page("Sign in", notice(BUSY) + login_link(), HTTPStatus.SERVICE_UNAVAILABLE)
                response.headers["Retry-After"] = "5"
            except CohortError as error:
                sentence = error.message if isinstance(error, DatabaseBusy) else UNREADABLE
                if isinstance(error, NotInstalled):
                    sentence = PART_MISSING
                response = page("Sign in", notice(sentence), HTTPStatus.SERVICE_UNAVAILABLE)
            return response

        return respond

    async def _show_login(self, request: Request) -> Response:
        if not await self._run(self._sign_in.is_wanted):
            return RedirectResponse(f"{self._dashboard_path}/", HTTPStatus.SEE_OTHER, HEADERS)
        asked = request.query_params
        above = "".join(
            notice(sentence, is_error=False)
            for key, sentence in (("set", SET), ("out", OUT))
            if asked.get(key) == "1"
        )
        target = self._next(asked.get("next", ""))
        provider = await self._provider()
        return page("Sign in", login_form(target, above, provider=provider))

    async def _log_in(self, request: Request) -> Response:
        form = await read_form(request)
        if form is None:
            return page("Sign in", notice(TOO_LONG) + login_link(), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        target = self._next(form.get("next", ""))
        name = form.get("name", "")
        address = client_network(request.scope)
        result = await self._run(
            partial(
                self._sign_in.sign_in,
                name,
                form.get("password", ""),
                form.get("code", ""),
                address=address,
                label=browser_label(request.headers.get("user-agent", "")),
                old_secret=secret_of(request.scope),
            ),
            address=address,
        )
        if isinstance(result, Refused):
            sentence, status = WRONG, HTTPStatus.UNAUTHORIZED
            if result.wait:
                sentence = f"Too many attempts. Wait {count(result.wait, 'second')}, and sign in again."
                status = HTTPStatus.TOO_MANY_REQUESTS
            response = page(
                "Sign in",
                login_form(target, notice(sentence), name, is_wrong=True, provider=await self._provider()),
                status,
            )
            if result.wait:
                response.headers["Retry-After"] = str(result.wait)
            return response
        response = RedirectResponse(target, HTTPStatus.SEE_OTHER, HEADERS)
        set_secret(response, request.scope, result.secret, result.seconds)
        return response

    async def _log_out(self, request: Request) -> Response:
        secret = secret_of(request.scope)
        if secret:
            await self._run(partial(self._sign_in.sign_out, secret))
        response = RedirectResponse(LOGIN_PATH, HTTPStatus.SEE_OTHER, HEADERS)
        clear_secret(response, request.scope)
        return response

    async def _show_invitation(self, request: Request) -> Response:
        account = await self._run(partial(self._sign_in.invited, request.path_params["secret"]))
        if account is None:
            return page("This link does not work", notice(USED) + login_link(), HTTPStatus.NOT_FOUND)
        provider = await self._provider() if account.email else None
        return page("Choose your password", invitation_form(account.name, provider=provider))

    async def _accept_invitation(self, request: Request) -> Response:
        secret = request.path_params["secret"]
        form = await read_form(request)
        account = await self._run(partial(self._sign_in.invited, secret))
        if account is None:
            return page("This link does not work", notice(USED) + login_link(), HTTPStatus.NOT_FOUND)
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
            return page("This link does not work", notice(USED) + login_link(), HTTPStatus.NOT_FOUND)
        if problem:
            body = invitation_form(account.name, notice(problem))
            return page("Choose your password", body, HTTPStatus.UNPROCESSABLE_ENTITY)
        response = RedirectResponse(f"{LOGIN_PATH}?set=1", HTTPStatus.SEE_OTHER, HEADERS)
        # Who sets a password ends the session that this browser had, whoever it belonged to.
        clear_secret(response, request.scope)
        return response

    async def _provider(self) -> str | None:
        """Return whose sign-in the button offers; None without one, or where settings cannot be read."""
        with suppress(CohortError):
            return await self._run(self._oidc.name)
        return None

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
    return path in {LOGIN_PATH, LOGOUT_PATH, OIDC_PATH} or path.startswith(
        (f"{INVITATION_PATH}/", f"{OIDC_PATH}/")
    )
