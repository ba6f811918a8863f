"""Who may ask the API for what, decided before anything else of it runs.

On loopback, while no token was made, whoever can connect is the machine's owner. From the first token on, or
if others can connect, every path but ``/health`` wants one. What a path needs stands in ``_RULES``; a path
that nobody thought of is for admins, who see all classes, so that forgetting one opens nothing; but whatever
is below a class is there to be read by those who may see the class.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import re
from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cohort_core.config.settings import LOOPBACK_HOSTS
from cohort_core.errors import CohortError
from cohort_core.http.audit_writer import AuditWriter
from cohort_core.http.guards import SAFE_METHODS, host_name, is_below, plain_address, problem, unavailable
from cohort_core.http.rate_limit import FixedWindow, Limits
from cohort_core.http.request_log import masked_path
from cohort_core.services.principal import NOBODY, OWNER, Principal
from cohort_core.store import classes, tokens
from cohort_core.store.change_watcher import ChangeWatcher, StoreState
from cohort_core.store.database import Database
from cohort_core.store.tokens import ROLES, Role, Token

logger = logging.getLogger(__name__)

OPEN_PATH = "/health"
EXPORTED_TYPES = (
    "text/csv",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
PASSED_ON = re.compile(
    r"forwarded|via|cdn-loop|true-client-ip|cf-.*|fastly-.*|fly-.*|tailscale-.*|x-azure-.*|x-envoy-.*|"
    r"x-(original-)?forwarded-.*|x-real-ip|x-(cluster-)?client-ip"
)
"""Headers of a proxy. Who is behind it is not known, even if the proxy runs on this computer."""


_READ = frozenset({"GET", "HEAD"})
_RULES: tuple[tuple[frozenset[str], str, Role], ...] = (
    (_READ, r"/|/docs(/oauth2-redirect)?|/openapi\.json|/static-offline-docs(/.*)?", "viewer"),
    (_READ, r"/(classes|triage)(\.[a-z]+)?", "viewer"),
    (_READ, r"/classes/[^/]+/.+", "viewer"),
    (_READ, r"/sync(\.[a-z]+|/[^/]+(/events)?)?", "viewer"),
    (frozenset({"POST"}), r"/sync(/[^/]+/cancel)?", "mentor"),
    (frozenset({"PUT", "DELETE"}), r"/classes/[^/]+/students/[^/]+/mark", "mentor"),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_OF_CLASS = re.compile(r"/classes/([^/]+)")


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether only this computer can reach this address."""
    try:
        return host in LOOPBACK_HOSTS or ipaddress.ip_address(plain_address(host)).is_loopback
    except ValueError:
        return False


def needed_role(method: str, path: str) -> Role:
    """The least role that may do this."""
    if method == "OPTIONS":
        return "viewer"
    for methods, pattern, role in _RULES:
        if method in methods and re.fullmatch(pattern, path):
            return role
    return "admin"


def _is_there(scope: Scope) -> bool:
    """Whether a route would answer. What is not there may be looked for by everybody whose token is good."""
    # Routes know no HEAD: what answers GET answers that too.
    asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
    return any(route.matches(asked)[0] == Match.FULL for route in scope["app"].routes)


class AuthMiddleware:
    """Lets through who may, with their ``Access`` in the request's state; answers the others itself."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        database: Database,
        watcher: ChangeWatcher,
        excluded_path: str,
        exposed: bool = False,
        limits: Limits | None = None,
    ) -> None:
        """``beside`` is the path of the dashboard, which is for this computer only and asks no token.

        ``exposed`` says that other computers can connect.
        """
        self._app = app
        self._excluded_path = excluded_path
        self._exposed = exposed
        self._limits = limits or Limits()
        self._known = TokenCache(database, watcher)
        self._notes = AuditWriter(database)
        self._failures = FixedWindow(self._limits.failures)
        self._syncs = FixedWindow(self._limits.syncs)
        self._streams: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, self._notes.kept_before_the_end(receive), send)
            return
        path: str = scope["path"]
        headers = Headers(scope=scope)
        is_foreign = self._exposed or _is_passed_on(scope, headers)
        if is_below(path, self._excluded_path):
            await (_no_dashboard() if is_foreign else self._app)(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        if scope["type"] != "http":
            nothing = problem(HTTPStatus.NOT_FOUND, "Only the dashboard talks in this way.", "not_found")
            await nothing(scope, receive, send)
            return
        if path == OPEN_PATH:
            state["access"] = NOBODY
            await self._app(scope, receive, send)
            return
        try:
            state["store"] = await self._known.refresh()
            asked = self._identify(headers, _address(scope), must_be_known=is_foreign)
        except CohortError as error:
            # Whether there are tokens is not known, so nobody gets in.
            await unavailable(error)(scope, receive, send)
            return
        if not isinstance(asked, Principal):
            await asked(scope, receive, send)
            return
        state["access"] = asked
        if _CONTROL.search(path):
            # A route's pattern would allow a line's end behind it, which no rule here knows.
            await _not_there()(scope, receive, send)
            return
        refusal = self._refusal(scope, asked)
        if refusal:
            await refusal(scope, receive, send)
            return
        if scope["method"] not in SAFE_METHODS:
            body = await self._body(headers, receive)
            if not isinstance(body, bytes):
                await body(scope, receive, send)
                return
            receive = _replayed(body, receive)
        app = self._app_for_streams if path.endswith("/events") else self._app
        await app(scope, receive, self._watching(scope, asked, send))

    async def _app_for_streams(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What lasts may be had a few times only by each who asks: all of them look into the database."""
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

    def _identify(self, headers: Headers, address: str, *, must_be_known: bool) -> Principal | ASGIApp:
        given = headers.getlist("authorization")
        scheme, _, secret = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            if must_be_known or self._known.is_locked:
                return _unauthorised("Send a token: `Authorization: Bearer …`.", "token_missing")
            return OWNER
        now = datetime.now(UTC)
        token = self._known.find(tokens.digest(secret.strip()))
        if token and token.is_live(now):
            self._notes.add_use(token, address)
            return Principal(f"token {token.name}", token.role, token.class_ids, token.digest)
        wait = self._failures.wait(address)
        if wait:
            return _too_many("Too many tokens were refused.", "too_many_failures", wait)
        if token is None:
            return _unauthorised("This token is not known.", "token_unknown", is_given=True)
        if token.revoked_at:
            return _unauthorised("This token was revoked.", "token_revoked", is_given=True)
        return _unauthorised("This token has expired.", "token_expired", is_given=True)

    def _refusal(self, scope: Scope, asked: Principal) -> ASGIApp | None:
        method, path = scope["method"], scope["path"]
        needed = needed_role(method, path)
        if ROLES.index(asked.role) < ROLES.index(needed) and _is_there(scope):
            return problem(
                HTTPStatus.FORBIDDEN,
                f"This takes the role {needed}, and the token's is {asked.role}. Use another token.",
                "role_too_low",
                {"WWW-Authenticate": 'Bearer realm="Cohort Tracker", error="insufficient_scope"'},
            )
        of_class = _OF_CLASS.match(path)
        if of_class and not self._known.may_see(asked, of_class[1]):
            unknown = classes.unknown_class()
            return problem(HTTPStatus.NOT_FOUND, unknown.message, unknown.code)
        if method == "POST" and path == "/sync":
            wait = self._syncs.wait(asked.who)
            if wait:
                return _too_many("Too many syncs were asked for.", "too_many_syncs", wait)
        return None

    async def _body(self, headers: Headers, receive: Receive) -> bytes | ASGIApp:
        """The whole body, which is small; or what to answer if it cannot be had."""
        most = self._limits.body_bytes
        too_large = problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"A request's body has at most {most} bytes. Send less.",
            "body_too_large",
        )
        told = headers.get("content-length", "")
        if told.isdecimal() and int(told) > most:
            return too_large
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        is_packed = headers.get("content-encoding", "identity") != "identity"
        if is_packed or media_type not in {"", "application/json"}:
            return _not_json()
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return _nobody_there
            body += message.get("body", b"")
            if len(body) > most:
                return too_large
            if not message.get("more_body"):
                break
        return _not_json() if body and not media_type else body

    def _watching(self, scope: Scope, asked: Principal, send: Send) -> Send:
        """Keeps that a file with students' data was handed out; ends an answer that lasts with its token."""
        is_over = False

        async def watched(message: Message) -> None:
            nonlocal is_over
            if is_over:
                return
            if message["type"] == "http.response.body" and message.get("more_body"):
                await self._known.refresh()
                is_over = not self._known.may_stay(asked)
                if is_over:
                    message = {**message, "body": b"", "more_body": False}
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
                kind = Headers(raw=message["headers"]).get("content-type", "")
                if kind.startswith(EXPORTED_TYPES) and scope["method"] == "GET":
                    self._notes.add_event(asked.who, "export", self._told(scope, asked))
            await send(message)

        return watched

    def _told(self, scope: Scope, asked: Principal) -> str:
        of_class = _OF_CLASS.match(scope["path"])
        class_id = self._known.class_id(asked, of_class[1]) if of_class else None
        return masked_path(scope) + (f", class {class_id}" if class_id else "")


class TokenCache:
    """The tokens and classes there are, read again when anybody has written to the database."""

    def __init__(self, database: Database, watcher: ChangeWatcher) -> None:
        self._database = database
        self._watcher = watcher
        self._number: int | None = None
        self._was_there = False
        self._tokens: list[Token] = []
        self._references: dict[str, frozenset[str]] = {}

    async def refresh(self) -> StoreState | None:
        """Returns what the store was like before anything was read."""
        state = self._watcher.poll()
        if state is None or state.number != self._number:
            # The look came first: what is written while the rest is read is read again next time.
            self._tokens, self._references = await asyncio.to_thread(self._load)
            self._number = state.number if state else None
        return state

    def _load(self) -> tuple[list[Token], dict[str, frozenset[str]]]:
        if not self._database.exists:
            if self._was_there:
                # Without it no token is known, and each that is good would count as an attempt to guess one.
                raise self._database.unusable("it is gone")
            return [], {}
        self._was_there = True
        return tokens.load_tokens(self._database), classes.load_references(self._database)

    @property
    def is_locked(self) -> bool:
        """Whether there is a token that was not revoked. That all have expired unlocks nothing."""
        return any(one.revoked_at is None for one in self._tokens)

    def find(self, digest: str) -> Token | None:
        found = None
        for one in self._tokens:
            if hmac.compare_digest(one.digest, digest):
                found = one
        return found

    def may_stay(self, asked: Principal) -> bool:
        """Whether who was let in would be so again."""
        if asked.token is None:
            return True
        token = self.find(asked.token)
        return token is not None and token.is_live(datetime.now(UTC))

    def may_see(self, asked: Principal, reference: str) -> bool:
        return asked.class_ids is None or self.class_id(asked, reference) is not None

    def class_id(self, asked: Principal, reference: str) -> str | None:
        """The class that this means to whoever asks."""
        meant = self._references.get(reference, frozenset())
        return min(meant if asked.class_ids is None else meant & asked.class_ids, default=None)


def _is_passed_on(scope: Scope, headers: Headers) -> bool:
    """Whether a request comes through a proxy, or by a name that is not this computer's own.

    HTTP/1.0 is what nginx before 1.29.7 speaks behind it, unless told otherwise, under this computer's name.
    """
    is_old = scope.get("http_version") == "1.0"
    is_named_so = is_loopback(host_name(headers) or "")
    return is_old or not is_named_so or any(PASSED_ON.fullmatch(one) for one in headers)


def _address(scope: Scope) -> str:
    return _network(plain_address((scope.get("client") or ("unknown", 0))[0]))


@lru_cache(maxsize=256)
def _network(client: str) -> str:
    """Where a request comes from. An IPv6 client has its whole network to choose addresses from."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if address.version == 6 and not address.is_loopback:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return client


def _replayed(body: bytes, receive: Receive) -> Receive:
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay


async def _nobody_there(scope: Scope, receive: Receive, send: Send) -> None:
    """Whoever asked has gone: nothing is done, and nobody is told."""


def _not_there() -> ASGIApp:
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


def _no_dashboard() -> ASGIApp:
    return problem(
        HTTPStatus.NOT_FOUND,
        "The dashboard is served to the computer that it runs on only, since it has no login of its own. "
        "Open it there; from elsewhere, use the API with a token.",
        "dashboard_is_local",
    )
