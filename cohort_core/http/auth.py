"""Decides which requests may reach the API, before any other part of it runs.

On loopback, as long as no token or account was made, every client counts as the owner of the computer. As
soon as there is one, or if other computers can connect, every path except ``/health`` and those of
`sign_in_pages` needs a token.
``_RULES`` has the right that each path needs. A path without a rule is for admins, who see all classes, so a
forgotten rule opens nothing. Everything below a class can be read by every token that may see the class.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cohort_core.clock import utc_now
from cohort_core.errors import CohortError
from cohort_core.http.access_cache import AccessCache
from cohort_core.http.audit_writer import AuditWriter
from cohort_core.http.browser_pages import CLOSED
from cohort_core.http.clients import client_network, is_foreign
from cohort_core.http.encoded_paths import decoded
from cohort_core.http.guards import SAFE_METHODS, is_below, problem, unavailable
from cohort_core.http.my_progress import is_my_progress_path
from cohort_core.http.rate_limit import FixedWindow, Limits
from cohort_core.http.request_log import masked_path
from cohort_core.http.session_cookie import is_encrypted
from cohort_core.http.sign_in_pages import is_sign_in_path
from cohort_core.services.principal import NOBODY, OWNER, Principal
from cohort_core.store import classes, tokens
from cohort_core.store.change_watcher import ChangeWatcher
from cohort_core.store.database import Database
from cohort_core.store.roles import Right, role_with

logger = logging.getLogger(__name__)

OPEN_PATH = "/health"
"""Needs no token."""

EXPORTED_TYPES = (
    "text/csv",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
_READ = frozenset({"GET", "HEAD"})
_RULES: tuple[tuple[frozenset[str], str, Right], ...] = (
    (_READ, r"/|/docs(/oauth2-redirect)?|/openapi\.json|/static-offline-docs(/.*)?", "read"),
    (_READ, r"/(classes|triage|mentors|risk-bands|drafts)(\.[a-z]+)?|/status|/digest", "read"),
    (_READ, r"/classes/[^/]+/.+", "read"),
    (_READ, r"/sync(\.[a-z]+|/[^/]+(/events)?)?", "read"),
    (frozenset({"POST"}), r"/sync(/[^/]+/cancel)?", "act"),
    (frozenset({"POST"}), r"/classes/[^/]+/(close|open)", "act"),
    (frozenset({"PUT", "DELETE"}), r"/classes/[^/]+/students/[^/]+/mark", "act"),
    (frozenset({"POST"}), r"/classes/[^/]+/students/[^/]+/contacts", "act"),
    (frozenset({"POST", "DELETE"}), r"/classes/[^/]+/students/[^/]+/link", "act"),
    (frozenset({"POST"}), r"/classes/[^/]+/help-requests/[^/]+/answer", "act"),
    (frozenset({"PUT"}), r"/classes/[^/]+/handover-notes", "act"),
    (frozenset({"PUT", "DELETE"}), r"/drafts/[^/]+", "act"),
    (frozenset({"DELETE"}), r"/classes/[^/]+/students/[^/]+/contacts/[^/]+", "act"),
)
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")
_CLASS_PATH = re.compile(r"/classes/([^/]+)")


def needed_right(method: str, path: str) -> Right:
    """Return the right that such a request takes."""
    if method == "OPTIONS":
        return "read"
    for methods, pattern, right in _RULES:
        if method in methods and re.fullmatch(pattern, path):
            return right
    return "administer"


def _has_route(scope: Scope) -> bool:
    """Return whether a route matches.

    Without a route, every valid token gets a 404 instead of a 403.
    """
    # Routes do not list HEAD; those with GET answer it too.
    request = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
    return any(route.matches(request)[0] == Match.FULL for route in scope["app"].routes)


class AuthMiddleware:
    """Passes allowed requests on, with a ``Principal`` in ``request.state.access``; refuses the others."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        database: Database,
        watcher: ChangeWatcher,
        excluded_path: str,
        exposed: bool = False,
        insecure: bool = False,
        limits: Limits | None = None,
    ) -> None:
        """Protect an app.

        ``excluded_path`` is the path of the dashboard, which has a door of its own. Without accounts it is
        for this computer only, with them for others too, over TLS; ``insecure`` lets them in without.
        ``exposed`` means that other computers can connect.
        """
        self._app = app
        self._excluded_path = excluded_path
        self._exposed = exposed
        self._insecure = insecure
        self._limits = limits or Limits()
        self._access = AccessCache(database, watcher)
        self._audit = AuditWriter(database)
        self._failures = FixedWindow(self._limits.failures)
        self._syncs = FixedWindow(self._limits.syncs)
        self._streams: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, self._audit.flush_at_shutdown(receive), send)
            return
        path: str = scope["path"]
        headers = Headers(scope=scope)
        if await self._access.is_closed():
            await _closed()(scope, receive, send)
            return
        is_elsewhere = self._exposed or is_foreign(scope)
        if is_below(path, self._excluded_path) or is_sign_in_path(path) or is_my_progress_path(path):
            refusal = await self._refusal_of_pages(scope) if is_elsewhere else None
            await (refusal or self._app)(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        if scope["type"] != "http":
            refusal = problem(HTTPStatus.NOT_FOUND, "Only the dashboard talks in this way.", "not_found")
            await refusal(scope, receive, send)
            return
        if path == OPEN_PATH:
            state["access"] = NOBODY
            await self._app(scope, receive, send)
            return
        try:
            state["store_version"] = await self._access.refresh()
            principal = self._identify(headers, client_network(scope), needs_token=is_elsewhere)
        except CohortError as error:
            # The tokens cannot be read, so every request is refused.
            await unavailable(error)(scope, receive, send)
            return
        if not isinstance(principal, Principal):
            await principal(scope, receive, send)
            return
        state["access"] = principal
        if _CONTROL_CHARACTERS.search(path):
            # The pattern of a route also matches a path with a newline at its end, but no rule does.
            await _not_found()(scope, receive, send)
            return
        refused = self._refusal(scope, principal)
        if refused:
            await refused(scope, receive, send)
            return
        if scope["method"] not in SAFE_METHODS:
            body = await self._body(headers, receive)
            if not isinstance(body, bytes):
                await body(scope, receive, send)
                return
            receive = _replay(body, receive)
        app = self._limited_streams if path.endswith("/events") else self._app
        await app(scope, receive, self._supervised(scope, principal, send))

    async def _refusal_of_pages(self, scope: Scope) -> ASGIApp | None:
        """Return the response that keeps other computers from pages, if any.

        People there need accounts, and TLS on the way.
        """
        try:
            await self._access.refresh()
        except CohortError as error:
            return unavailable(error)
        if not self._access.has_accounts:
            return _no_dashboard()
        return None if self._insecure or is_encrypted(scope) else _not_encrypted()

    async def _limited_streams(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Limit the open streams of each principal, since every stream reads the database repeatedly."""
        who = scope["state"]["access"].who
        if self._streams[who] >= self._limits.streams:
            await _too_many("Too many streams of events are open.", "too_many_streams", 5)(
                scope, receive, send
            )
            return
        self._streams[who] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._streams[who] -= 1

    def _identify(self, headers: Headers, address: str, *, needs_token: bool) -> Principal | ASGIApp:
        """Return the principal of a request, or the response that refuses it."""
        given = headers.getlist("authorization")
        scheme, _, secret = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            if needs_token or self._access.is_locked:
                return _unauthorised("Send a token: `Authorization: Bearer …`.", "token_missing")
            return OWNER
        now = utc_now()
        token = self._access.find(tokens.digest(secret.strip()))
        if token and token.is_live(now):
            self._audit.add_use(token, address)
            return Principal(f"token {token.name}", token.role, token.class_ids, token.digest)
        wait = self._failures.wait(address)
        if wait:
            return _too_many("Too many tokens were refused.", "too_many_failures", wait)
        if token is None:
            return _unauthorised("This token is not known.", "token_unknown", is_given=True)
        if token.revoked_at:
            return _unauthorised("This token was revoked.", "token_revoked", is_given=True)
        return _unauthorised("This token has expired.", "token_expired", is_given=True)

    def _refusal(self, scope: Scope, principal: Principal) -> ASGIApp | None:
        """Return the response that refuses a request, or None if the principal may send it."""
        method, path = scope["method"], scope["path"]
        needed = needed_right(method, path)
        if not principal.may(needed) and _has_route(scope):
            return problem(
                HTTPStatus.FORBIDDEN,
                f"This takes the role {role_with(needed)}, and the token's is {principal.role}. Use another "
                "token.",
                "role_too_low",
                {"WWW-Authenticate": 'Bearer realm="Cohort Tracker", error="insufficient_scope"'},
            )
        class_path = _CLASS_PATH.match(path)
        if class_path and not self._access.may_see(principal, decoded(class_path[1])):
            unknown = classes.unknown_class()
            return problem(HTTPStatus.NOT_FOUND, unknown.message, unknown.code)
        if method == "POST" and path == "/sync":
            wait = self._syncs.wait(principal.who)
            if wait:
                return _too_many("Too many syncs were asked for.", "too_many_syncs", wait)
        return None

    async def _body(self, headers: Headers, receive: Receive) -> bytes | ASGIApp:
        """Read the whole body. Return it, or the response that refuses it."""
        max_bytes = self._limits.body_bytes
        too_large = problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"A request's body has at most {max_bytes} bytes. Send less.",
            "body_too_large",
        )
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > max_bytes:
            return too_large
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        is_compressed = headers.get("content-encoding", "identity") != "identity"
        if is_compressed or media_type not in {"", "application/json"}:
            return _not_json()
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return _send_nothing
            body += message.get("body", b"")
            if len(body) > max_bytes:
                return too_large
            if not message.get("more_body"):
                break
        return _not_json() if body and not media_type else body

    def _supervised(self, scope: Scope, principal: Principal, send: Send) -> Send:
        """Wrap ``send`` to audit exported files, and to end streams with their token."""
        is_over = False

        async def supervised(message: Message) -> None:
            nonlocal is_over
            if is_over:
                return
            if message["type"] == "http.response.body" and message.get("more_body"):
                await self._access.refresh()
                is_over = not self._access.is_valid(principal)
                if is_over:
                    message = {**message, "body": b"", "more_body": False}
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
                kind = Headers(raw=message["headers"]).get("content-type", "")
                if kind.startswith(EXPORTED_TYPES) and scope["method"] == "GET":
                    self._audit.add_event(principal.who, "export", self._audit_detail(scope, principal))
            await send(message)

        return supervised

    def _audit_detail(self, scope: Scope, principal: Principal) -> str:
        class_path = _CLASS_PATH.match(scope["path"])
        class_id = self._access.class_id(principal, decoded(class_path[1])) if class_path else None
        return masked_path(scope) + (f", class {class_id}" if class_id else "")


def _replay(body: bytes, receive: Receive) -> Receive:
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay


async def _send_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Send no response, since the client is gone."""


def _not_found() -> ASGIApp:
    return problem(
        HTTPStatus.NOT_FOUND, "There is nothing there. The paths there are stand at /docs.", "not_found"
    )


def _unauthorised(detail: str, code: str, *, is_given: bool = False) -> ASGIApp:
    how = 'Bearer realm="Cohort Tracker"' + (', error="invalid_token"' if is_given else "")
    advice = "`cohort-tracker token create` makes one."
    headers = {"WWW-Authenticate": how}
    return problem(HTTPStatus.UNAUTHORIZED, f"{detail} {advice}", code, headers)


def _too_many(detail: str, code: str, seconds: int) -> ASGIApp:
    headers = {"Retry-After": str(seconds)}
    return problem(HTTPStatus.TOO_MANY_REQUESTS, f"{detail} Try again in {seconds} seconds.", code, headers)


def _not_json() -> ASGIApp:
    return problem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "Send the body as `Content-Type: application/json`, not packed.",
        "not_json",
    )


def _closed() -> ASGIApp:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"{CLOSED} `cohort-tracker token create` does, or `cohort-tracker serve --open` does without tokens.",
        "closed",
    )


def _not_encrypted() -> ASGIApp:
    return problem(
        HTTPStatus.FORBIDDEN,
        "Passwords and students' data would travel unencrypted, so the dashboard answers other computers "
        "over TLS only. Ask by https, serve it with --ssl-certfile, or name the proxy with --trusted-proxy.",
        "not_encrypted",
    )


def _no_dashboard() -> ASGIApp:
    return problem(
        HTTPStatus.NOT_FOUND,
        "The dashboard is served to the computer that it runs on only, as long as nobody has an account. "
        "Open it there; from elsewhere, use the API with a token.",
        "dashboard_is_local",
    )
