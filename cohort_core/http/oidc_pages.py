"""The routes of the school's own sign-in: there, back, and a code."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cohort_core.formatting import count
from cohort_core.http.clients import browser_label, client_network
from cohort_core.http.my_progress_html import ROOT as OWN_PAGE
from cohort_core.http.session_cookie import (
    OF_ATTEMPT,
    OF_STUDENT,
    clear_secret,
    secret_of,
    set_secret,
    value_of,
)
from cohort_core.http.sign_in_html import (
    HEADERS,
    LOGIN_PATH,
    OIDC_CODE_PATH,
    OIDC_PATH,
    code_form,
    login_link,
    notice,
    page,
    read_form,
)
from cohort_core.http.workers import Workers
from cohort_core.services.oidc_sign_in import (
    ATTEMPT_SECONDS,
    CALLBACK_PATH,
    WRONG_CODE,
    Denied,
    NeedsCode,
    OidcSignIn,
    OwnPageOpened,
)
from cohort_core.services.sign_in import Opened, Refused

MAX_PARAMETER = 4096
_DENIED = "You are not signed in"
_CODE_TITLE = "Second factor"


class OidcPages:
    """The handlers of the routes."""

    def __init__(self, oidc: OidcSignIn, next_page: Callable[[str], str]) -> None:
        """Create the handlers; ``next_page`` returns a page of the dashboard for any wanted address."""
        self._oidc = oidc
        self._next_page = next_page
        # A provider that answers slowly must not keep others from signing in with a password.
        self._workers = Workers()

    def handlers(self) -> tuple[tuple[str, str, Callable[[Request], object]], ...]:
        """Return method, path and handler of each route."""
        return (
            ("GET", OIDC_PATH, self._begin),
            ("GET", CALLBACK_PATH, self._finish),
            ("GET", OIDC_CODE_PATH, self._ask_code),
            ("POST", OIDC_CODE_PATH, self._take_code),
        )

    async def _begin(self, request: Request) -> Response:
        """Send the browser to the provider, if its person pressed the button."""
        target = self._next_page(request.query_params.get("next", ""))
        login = f"{LOGIN_PATH}?next={quote(target, safe='/')}"
        # Another site must not sign somebody in: there, they meet the button.
        if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            return RedirectResponse(login, HTTPStatus.SEE_OTHER, HEADERS)
        public = await self._workers.run(self._oidc.public_url) or ""
        if await self._workers.run(self._oidc.name) is None:
            return RedirectResponse(login, HTTPStatus.SEE_OTHER, HEADERS)
        if request.headers.get("host", "").casefold() != urlsplit(public).netloc.casefold():
            # The provider sends people back to the public address, and the cookie has to be there.
            return RedirectResponse(public + login, HTTPStatus.SEE_OTHER, HEADERS)
        begun = await self._workers.run(partial(self._oidc.begin, target))
        if isinstance(begun, Denied):
            return _denied(begun.sentence, HTTPStatus.SERVICE_UNAVAILABLE)
        response = RedirectResponse(begun.address, HTTPStatus.SEE_OTHER, HEADERS)
        set_secret(response, request.scope, begun.cookie, ATTEMPT_SECONDS, OF_ATTEMPT)
        return response

    async def _finish(self, request: Request) -> Response:
        """Take what the provider says of a person."""
        answer = {name: value for name, value in request.query_params.items() if len(value) <= MAX_PARAMETER}
        result, target = await self._workers.run(
            partial(
                self._oidc.finish,
                value_of(request.scope, OF_ATTEMPT),
                answer,
                address=client_network(request.scope),
                label=browser_label(request.headers.get("user-agent", "")),
                old_secret=secret_of(request.scope),
            )
        )
        return self._respond(request, result, target)

    async def _ask_code(self, request: Request) -> Response:
        if value_of(request.scope, OF_ATTEMPT) is None:
            return RedirectResponse(LOGIN_PATH, HTTPStatus.SEE_OTHER, HEADERS)
        return page(_CODE_TITLE, code_form())

    async def _take_code(self, request: Request) -> Response:
        form = await read_form(request) or {}
        result, target = await self._workers.run(
            partial(
                self._oidc.finish_with_code,
                value_of(request.scope, OF_ATTEMPT),
                form.get("code", ""),
                address=client_network(request.scope),
                label=browser_label(request.headers.get("user-agent", "")),
                old_secret=secret_of(request.scope),
            )
        )
        if isinstance(result, NeedsCode):
            return page(_CODE_TITLE, code_form(notice(WRONG_CODE)), HTTPStatus.UNAUTHORIZED)
        return self._respond(request, result, target)

    def _respond(
        self, request: Request, result: Opened | OwnPageOpened | Refused | Denied | NeedsCode, target: str
    ) -> Response:
        if isinstance(result, Refused):
            response = _denied(
                f"Too many attempts. Wait {count(result.wait, 'second')}, and sign in again.",
                HTTPStatus.TOO_MANY_REQUESTS,
            )
            response.headers["Retry-After"] = str(result.wait)
            return response
        if isinstance(result, NeedsCode):
            response = RedirectResponse(OIDC_CODE_PATH, HTTPStatus.SEE_OTHER, HEADERS)
            set_secret(response, request.scope, result.cookie, ATTEMPT_SECONDS, OF_ATTEMPT)
            return response
        if isinstance(result, Denied):
            return _denied(result.sentence, HTTPStatus.FORBIDDEN)
        if isinstance(result, OwnPageOpened):
            response = RedirectResponse(OWN_PAGE, HTTPStatus.SEE_OTHER, HEADERS)
            set_secret(response, request.scope, result.secret, result.seconds, OF_STUDENT)
        else:
            response = RedirectResponse(target, HTTPStatus.SEE_OTHER, HEADERS)
            set_secret(response, request.scope, result.secret, result.seconds)
        clear_secret(response, request.scope, OF_ATTEMPT)
        return response


def _denied(sentence: str, status: HTTPStatus) -> Response:
    return page(_DENIED, notice(sentence) + login_link(), status)
