"""The practice school over HTTP: the four calls of the OpenClass API, rosters, and faults.

Shapes follow upstream to the letter, oddities included: answers are JSON texts inside JSON, a list
in most calls and a bare string in one.
"""

from __future__ import annotations

import asyncio
import base64
import csv
import hmac
import io
import json
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from cohort_core import connections
from cohort_core.errors import BadInput
from cohort_core.practice import (
    DEFAULT_DAY,
    DEFAULT_PAGE_CAP,
    DEFAULT_PORT,
    DEFAULT_SEED,
    DEFAULT_TOKEN_DAYS,
    EMAIL,
    PASSWORD,
)
from cohort_core.practice.faults import Fault, Faults
from cohort_core.practice.school import (
    MENTOR_COLUMNS,
    STUDENT_COLUMNS,
    Row,
    School,
    hex_id,
    row_id,
)

HOST = "127.0.0.1"
_DEFAULT_RETURN_COUNT = 30
_LOG_LENGTH = 100_000
_JSON = "application/json"


@dataclass
class Seen:
    """A request in the log; ``status`` is 0 until an answer is begun."""

    method: str
    path: str
    query: str
    status: int
    at: float
    """Seconds of ``time.monotonic`` at which it arrived."""


class Tokens:
    """JSON Web Tokens as the real service gives them, which can be made void all at once."""

    def __init__(self, key: bytes, life: timedelta) -> None:
        self._key = key
        self._life = life
        self._generation = 0

    def issue(self, user_id: str) -> str:
        now = int(time.time())
        life = int(self._life.total_seconds())
        claims = {"sub": user_id, "iat": now, "exp": now + life, "gen": self._generation}
        signed = f"{_b64({'alg': 'HS256', 'typ': 'JWT'})}.{_b64(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def is_good(self, token: str | None) -> bool:
        try:
            signed, _, signature = (token or "").rpartition(".")
            if not hmac.compare_digest(signature, self._signature(signed)):
                return False
            claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        except (ValueError, TypeError):
            return False
        return bool(claims["exp"] > time.time() and claims["gen"] == self._generation)

    def expire_all(self) -> None:
        self._generation += 1

    def _signature(self, signed: str) -> str:
        digest = hmac.digest(self._key, signed.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _b64(claims: dict[str, Any]) -> str:
    text = json.dumps(claims, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _text(value: Any) -> str:
    # Not escaped to ASCII, so that a client that trusts a wrong charset is found out.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _answer(value: Any, status: int = 200) -> Response:
    return Response(_text(value).encode(), status, media_type=_JSON)


def _refusal(status: int, message: str) -> Response:
    return _answer({"error": {"status": status, "message": message}}, status)


def newest_first(rows: Sequence[Any]) -> list[Any]:
    """By completion, newest first, rows without a readable one last; ties by id."""

    def instant(row: Any) -> float:
        text = row.get("completed_assignment_at") if isinstance(row, dict) else None
        try:
            moment = datetime.fromisoformat(text)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return float("-inf")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    return sorted(sorted(rows, key=lambda row: row_id(row) or ""), key=instant, reverse=True)


class PracticeApp:
    """The ASGI app: a log and the faults of the connection around the routes."""

    def __init__(
        self,
        school: School,
        faults: Faults | None = None,
        *,
        page_cap: int = DEFAULT_PAGE_CAP,
        token_life: timedelta = timedelta(days=DEFAULT_TOKEN_DAYS),
        faults_over_http: bool = False,
    ) -> None:
        self.school = school
        self.faults = faults if faults is not None else Faults()
        self.requests: deque[Seen] = deque(maxlen=_LOG_LENGTH)
        self.tokens = Tokens(hex_id("token key", school.app_id).encode(), token_life)
        self.page_cap = page_cap
        self.transports: dict[tuple[str, int], asyncio.Transport] = {}
        self._sorted: dict[str, tuple[Sequence[Row], list[Row]]] = {}
        self._pages: dict[tuple[str, int, int], bytes] = {}
        routes = [
            Route("/v1/auth/login", self._login, methods=["POST"]),
            Route("/v1/classes", self._classes),
            Route("/v1/classes/{class_id}", self._class),
            Route("/v1/classes/{class_id}/progressions", self._progressions),
            Route("/practice/students.csv", self._students_csv),
            Route("/practice/mentors.csv", self._mentors_csv),
        ]
        if faults_over_http:
            routes.append(Route("/practice/faults", self._faults, methods=["GET", "POST", "DELETE"]))
        self._routes = Starlette(routes=routes, exception_handlers={HTTPException: _on_http_exception})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._routes(scope, receive, send)
            return
        method, path, query = scope["method"], scope["path"], scope["query_string"].decode("latin-1")
        seen = Seen(method, path, query, 0, time.monotonic())
        self.requests.append(seen)

        async def logging_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
            await send(message)

        taken = [] if path.startswith("/practice/") else self.faults.take(method, path, query)
        scope["practice.faults"] = taken
        await self._with_faults({fault.kind: fault for fault in taken}, scope, receive, logging_send)

    async def _with_faults(
        self, faults: dict[str, Fault], scope: Scope, receive: Receive, send: Send
    ) -> None:
        for kind in ("call", "insert", "expire"):
            if kind in faults:
                self._change_school(faults[kind], scope["path"])
        if "delay" in faults:
            await asyncio.sleep(faults["delay"].seconds)
        if "hang" in faults:
            await _gone(receive)
        elif "reset" in faults:
            self._reset(scope)
            await _gone(receive)
        elif replacement := _replacement(faults):
            await replacement(scope, receive, send)
        elif "cut" in faults:
            await self._routes(scope, receive, self._cutting(scope, receive, send))
        elif "charset" in faults:
            charset = str(faults["charset"].value or "iso-8859-1")
            await self._routes(scope, receive, _mislabelling(charset, send))
        else:
            await self._routes(scope, receive, send)

    def _change_school(self, fault: Fault, path: str) -> None:
        if fault.kind == "expire":
            self.tokens.expire_all()
        elif fault.kind == "call":
            assert callable(fault.edit)
            fault.edit()
        else:
            class_id = path.split("/")[3]
            row = fault.value or _made_up(self.school.rows(class_id), fault.hits)
            self.school.put_row(class_id, row)

    def _transport(self, scope: Scope) -> asyncio.Transport:
        try:
            return self.transports[tuple(scope["client"])]
        except (KeyError, TypeError):
            raise RuntimeError("this fault needs the practice school's own server: use running()") from None

    def _reset(self, scope: Scope) -> None:
        transport = self._transport(scope)
        # Lingering for zero seconds turns the close into a reset.
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()

    def _cutting(self, scope: Scope, receive: Receive, send: Send) -> Send:
        async def cut(message: Message) -> None:
            if message["type"] == "http.response.body":
                body = message["body"]
                await send({**message, "body": body[: len(body) // 2], "more_body": True})
                self._transport(scope).close()
                await _gone(receive)
            else:
                await send(message)

        return cut

    # --- who may ask ---------------------------------------------------------------------------

    def _wrong_school(self, request: Request) -> Response | None:
        right = (self.school.origin, self.school.app_id)
        if (request.headers.get("origin"), request.headers.get("x-openclass-app-id")) != right:
            return _refusal(403, "Origin or X-OpenClass-App-Id is not of this school")
        return None

    def _refused(self, request: Request) -> Response | None:
        if refusal := self._wrong_school(request):
            return refusal
        if not self.tokens.is_good(request.headers.get("bearer")):
            return _refusal(401, "unauthorized")
        return None

    # --- the four calls ------------------------------------------------------------------------

    async def _login(self, request: Request) -> Response:
        if refusal := self._wrong_school(request):
            return refusal
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return _refusal(400, "expected a form")
        form = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        user = self.school.login(form.get("email", [""])[0], form.get("password", [""])[0])
        if user is None:
            return _refusal(401, "invalid email or password")
        return _answer({"result": {"objects": [_text(user)], "token": self.tokens.issue(user["id"])}})

    async def _classes(self, request: Request) -> Response:
        if refusal := self._refused(request):
            return refusal
        data = [{**known, "units": self.school.units(known["id"])} for known in self.school.classes()]
        metadata = {"total": len(data), "page": 0, "results_per_page": max(len(data), _DEFAULT_RETURN_COUNT)}
        return _answer({"result": {"objects": _text({"metadata": metadata, "data": data})}})

    async def _class(self, request: Request) -> Response:
        if refusal := self._refused(request):
            return refusal
        class_id = request.path_params["class_id"]
        for known in self.school.classes():
            if known["id"] == class_id:
                data = [{**known, "units": self.school.units(class_id)}]
                return _answer({"result": {"objects": [_text({"data": data})]}})
        return _refusal(404, "no such class")

    async def _progressions(self, request: Request) -> Response:
        if refusal := self._refused(request):
            return refusal
        faults: dict[str, Fault] = {fault.kind: fault for fault in request.scope["practice.faults"]}
        cap = int(faults["cap"].value or 2) if "cap" in faults else self.page_cap
        try:
            page = int(request.query_params.get("page", "0"))
            count = min(int(request.query_params.get("return_count", _DEFAULT_RETURN_COUNT)), cap)
        except ValueError:
            return _refusal(400, "page and return_count are numbers")
        if page < 0 or count < 1:
            return _refusal(400, "page counts from 0, return_count from 1")
        newest = request.query_params.get("sort_by_completed_at") == "-1"
        class_id = request.path_params["class_id"]
        try:
            rows = self.school.rows(class_id)
        except KeyError:
            return _refusal(404, "no such class")
        if not newest:
            # What upstream does then is not known: an order of no use, so that a client notices.
            by_id = sorted(rows, key=lambda row: row_id(row) or "")
            return Response(_page(by_id, page, count, faults), media_type=_JSON)
        known, ordered = self._sorted.get(class_id, (None, []))
        if known is not rows:
            ordered = newest_first(rows)
            self._sorted[class_id] = (rows, ordered)
            self._pages = {key: body for key, body in self._pages.items() if key[0] != class_id}
        if faults:
            return Response(_page(ordered, page, count, faults), media_type=_JSON)
        key = (class_id, count, page)
        if key not in self._pages:
            self._pages[key] = _page(ordered, page, count, {})
        return Response(self._pages[key], media_type=_JSON)

    # --- beside the protocol -------------------------------------------------------------------

    async def _students_csv(self, request: Request) -> Response:
        wanted = request.query_params.get("class")
        known = {entry["id"]: entry["friendly_id"] for entry in self.school.classes()}
        chosen = [i for i in known if wanted in (i, known[i])] if wanted else self.school.rosters()
        if not chosen and wanted:
            return _refusal(404, "no such class")
        return _csv(STUDENT_COLUMNS, [line for class_id in chosen for line in self.school.roster(class_id)])

    async def _mentors_csv(self, request: Request) -> Response:
        return _csv(MENTOR_COLUMNS, self.school.mentors())

    async def _faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.faults.clear()
        elif request.method == "POST":
            try:
                self.faults.add_described(json.loads(await request.body()))
            except (ValueError, TypeError) as error:
                return _refusal(422, str(error))
        active = [{k: v for k, v in vars(fault).items() if not callable(v)} for fault in self.faults.active()]
        return _answer({"faults": active})


def _page(ordered: Sequence[Any], page: int, count: int, faults: dict[str, Fault]) -> bytes:
    data = list(ordered[page * count : (page + 1) * count])
    metadata = {
        "total": len(ordered),
        "page": page,
        "results_per_page": count,
        "can_load_more": (page + 1) * count < len(ordered),
    }
    if fault := faults.get("page"):
        metadata["page"] = page + 1 if fault.value is None else fault.value
    if fault := faults.get("total"):
        metadata["total"] += 7 if fault.value is None else fault.value
    if fault := faults.get("rows"):
        data = fault.edited(data)
    return _text({"result": {"objects": [_text({"metadata": metadata, "data": data})]}}).encode()


def _replacement(faults: dict[str, Fault]) -> Response | None:
    """The answer that stands for the real one, if there is such a fault."""
    if fault := faults.get("status"):
        response = _refusal(fault.status, "a practice fault")
        if fault.retry_after is not None:
            response.headers["Retry-After"] = str(fault.retry_after)
        return response
    if fault := faults.get("redirect"):
        return Response(status_code=302, headers={"Location": fault.location})
    if "html" in faults:
        return Response("<!doctype html><title>Just a moment…</title><p>Checking.", media_type="text/html")
    if fault := faults.get("shape"):
        return _answer({"data": {"items": []}, "next": None} if fault.value is None else fault.value)
    return None


def _mislabelling(charset: str, send: Send) -> Send:
    async def mislabel(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message["headers"] if pair[0] != b"content-type"]
            label = f"{_JSON}; charset={charset}".encode()
            message = {**message, "headers": [*kept, (b"content-type", label)]}
        await send(message)

    return mislabel


async def _gone(receive: Receive) -> None:
    """Wait until the client is gone, or was sent away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _made_up(rows: Sequence[Row], number: int) -> Row:
    """A row that was completed just now, of people and work that the class has."""
    model = (
        rows[0] if rows else {"user": {"id": hex_id("someone")}, "assignment": {"id": hex_id("something")}}
    )
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    times = {"started_assignment_at": now, "completed_assignment_at": now, "reviewed_at": None}
    return {**model, "_id": {"$oid": hex_id("inserted", number, time.time_ns())}, "grade": 1, **times}


def _csv(columns: Sequence[str], lines: Sequence[dict[str, str]]) -> Response:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(lines)
    return Response(text.getvalue().encode(), media_type="text/csv; charset=utf-8")


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _refusal(error.status_code, error.detail)


def create_app(
    school: School,
    faults: Faults | None = None,
    *,
    page_cap: int = DEFAULT_PAGE_CAP,
    token_life: timedelta = timedelta(days=DEFAULT_TOKEN_DAYS),
    faults_over_http: bool = False,
) -> PracticeApp:
    """An ASGI app that serves this school."""
    return PracticeApp(
        school, faults, page_cap=page_cap, token_life=token_life, faults_over_http=faults_over_http
    )


# --- running it --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Running:
    """A server that runs in a thread of this process."""

    url: str
    school: Any
    faults: Faults
    requests: deque[Seen] = field(repr=False)
    app: PracticeApp = field(repr=False)


def _listen(port: int) -> socket.socket:
    try:
        return connections.listen(HOST, port)
    except (OSError, OverflowError) as error:
        raise BadInput(
            f"The practice school cannot use port {port}, most likely because another program does. "
            "Stop that program, or choose another port with --port.",
            parameter="port",
        ) from error


class _ThreadServer(uvicorn.Server):
    """Stops at once, where uvicorn takes a fifth of a second: tests start a server each."""

    def __init__(self, config: uvicorn.Config, app: PracticeApp) -> None:
        super().__init__(config)
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for transport in list(self._app.transports.values()):
            transport.abort()
        # Two turns of the loop: one in which the connections learn of it, one in which the app does.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)


def _config(app: PracticeApp) -> uvicorn.Config:
    class Protocol(H11Protocol):
        """Lets the app reach the connection, which resets and cut bodies need."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            app.transports[transport.get_extra_info("peername")[:2]] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            app.transports.pop(self.transport.get_extra_info("peername")[:2], None)
            super().connection_lost(exc)

    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="error",
        timeout_graceful_shutdown=1,
    )


@contextmanager
def running(
    school: School | PracticeApp,
    *,
    port: int = 0,
    faults: Faults | None = None,
    page_cap: int = DEFAULT_PAGE_CAP,
    token_life: timedelta = timedelta(days=DEFAULT_TOKEN_DAYS),
    faults_over_http: bool = False,
) -> Iterator[Running]:
    """Serve a school in a thread on 127.0.0.1 for as long as the block lasts.

    Port 0 takes any free one. An app that was made before keeps its own options.
    """
    if isinstance(school, PracticeApp):
        app = school
    else:
        app = create_app(
            school, faults, page_cap=page_cap, token_life=token_life, faults_over_http=faults_over_http
        )
    listener = _listen(port)
    server = _ThreadServer(_config(app), app)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="practice-school", daemon=True
    )
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.002)
        if not thread.is_alive():
            raise RuntimeError("the practice server did not start; its log says why")
        yield Running(f"http://{HOST}:{listener.getsockname()[1]}", app.school, app.faults, app.requests, app)
    finally:
        if thread.is_alive():
            server.stop()
        thread.join(timeout=5)
        listener.close()


def serve(
    port: int = DEFAULT_PORT,
    *,
    day: int = DEFAULT_DAY,
    seed: int = DEFAULT_SEED,
    page_cap: int = DEFAULT_PAGE_CAP,
    token_days: float = DEFAULT_TOKEN_DAYS,
    faults: bool = False,
    timezone: str = "UTC",
    say: Callable[[str], object] = print,
) -> None:
    """Run the practice school in the foreground until Ctrl-C. ``BadInput`` if the port is taken."""
    from cohort_core.practice.generated import PracticeSchool

    listener = _listen(port)
    school = PracticeSchool(seed=seed, day=day, timezone=timezone)
    app = create_app(
        school, page_cap=page_cap, token_life=timedelta(days=token_days), faults_over_http=faults
    )
    address = f"http://{HOST}:{listener.getsockname()[1]}"
    say(f"Practice school at {address} (everybody in it is invented). Ctrl-C stops it.")
    say(f"  address         {address}")
    say(f"  application id  {school.app_id}")
    say(f"  origin          {school.origin}")
    say(f"  email           {EMAIL}")
    say(f"  password        {PASSWORD}")
    say(f"  rosters         {address}/practice/students.csv  {address}/practice/mentors.csv")
    if faults:
        say(f"  faults          POST a list to {address}/practice/faults, DELETE clears it")
    with closing(listener), suppress(KeyboardInterrupt):
        uvicorn.Server(_config(app)).run(sockets=[listener])
    say("Practice school stopped.")
