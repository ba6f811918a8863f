"""Clients that mean harm, over real sockets; one that does not is answered all along."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import uvicorn

from cohort_core import sockets
from cohort_core.api.app import create_app
from cohort_core.http import uvicorn_protocol
from cohort_core.http.rate_limit import Limits
from tests.api.conftest import Service
from tests.conftest import wait_until

CROWD = 40
STREAMS = 45
"""More than there are threads."""


class Hasty(uvicorn_protocol.TimeoutProtocol):
    request_seconds = 0.5
    stalled_seconds = 0.3


class Crowded(uvicorn_protocol.TimeoutProtocol):
    """As patient as in earnest, with room for few."""

    max_waiting = CROWD


@dataclass
class Target:
    address: tuple[str, int]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.address[1]}"

    def open(self, data: bytes = b"") -> socket.socket:
        one = socket.create_connection(self.address, timeout=5)
        one.sendall(data)
        return one

    def answer(self, data: bytes) -> bytes:
        """Everything that comes until the connection is closed."""
        told = b""
        with self.open(data) as one:
            while part := one.recv(65536):
                told += part
        return told

    def send(self, head: str, body: bytes = b"") -> tuple[int, Any]:
        told = self.answer(f"{head}\r\nHost: localhost\r\nConnection: close\r\n".encode("latin-1") + body)
        first, _, rest = told.partition(b"\r\n\r\n")
        return int(first.split()[1]), json.loads(rest) if b"problem+json" in first else rest


@pytest.fixture(scope="module")
def target(service: Service) -> Iterator[Target]:
    """The API as it is served, but for less patience."""
    limits = Limits(body_bytes=2000, failures=3, syncs=2, streams=STREAMS)
    with served(create_app(service.workspace, limits=limits), Hasty) as one:
        yield one


@pytest.fixture
def crowded(service: Service) -> Iterator[Target]:
    with served(create_app(service.workspace), Crowded) as one:
        yield one


@contextmanager
def served(app: Any, protocol: type[uvicorn_protocol.TimeoutProtocol]) -> Iterator[Target]:
    listener = sockets.listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn_protocol.config(app, protocol))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    yield Target(listener.getsockname())
    server.should_exit = True
    thread.join(5)


@pytest.fixture(autouse=True)
def well_meaning(target: Target) -> Iterator[None]:
    """Somebody who asks all the time, on a new connection each time, and waits for no answer long."""
    over, slowest, wrong = threading.Event(), [0.0], []

    def ask() -> None:
        while not over.is_set():
            start = time.perf_counter()
            try:
                answer = requests.get(f"{target.url}/classes", timeout=5)
                if answer.status_code != 200:
                    wrong.append(str(answer.status_code))
            except requests.RequestException as error:
                wrong.append(str(error))
            slowest.append(time.perf_counter() - start)

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    over.set()
    thread.join()
    assert wrong == []
    assert max(slowest) < 2


@contextmanager
def many(target: Target, count: int, data: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(target.open(data)) for _ in range(count)]


def is_dropped(one: socket.socket) -> bool:
    try:
        return one.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"GET /classes HTTP/1.1\r\nHost: localhost\r\nX-A: ",
        b"POST /sync HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /heal",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Content-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + b"X-A: b\r\n" * 300
        + b"\r\n",
    ],
)
def test_a_request_that_never_ends_is_dropped_however_it_dribbles(target: Target, start: bytes) -> None:
    begun = time.monotonic()
    with many(target, 20, start) as crowd:
        for one in crowd:
            one.settimeout(0.02)
        left = crowd
        while left:
            assert time.monotonic() - begun < 4
            left = [one for one in left if not _ended(one)]


def _ended(one: socket.socket) -> bool:
    """Send one byte more, and read what is there."""
    try:
        one.sendall(b"a")
    except OSError:
        return True
    return _is_over(one)


def _is_over(one: socket.socket) -> bool:
    """Read what is there; whether that was all that will come."""
    try:
        while one.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\r\n", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"]
)
def test_of_too_many_connections_those_that_wait_longest_go(crowded: Target, request_: bytes) -> None:
    """Whether for the rest of a request, or between two of them."""
    with many(crowded, CROWD + 10, request_) as crowd:
        assert requests.get(f"{crowded.url}/health", timeout=5).status_code == 200
        for one in crowd:
            one.settimeout(0.02)
        # Sooner than Uvicorn ends those that say nothing.
        wait_until(lambda: all(_is_over(one) for one in crowd[:10]), seconds=3)
        assert sum(_is_over(one) for one in crowd) < 15


def test_connections_that_are_opened_and_dropped_stop_nobody(target: Target) -> None:
    for number in range(600):
        one = target.open(b"GET /classes HTTP/1.1\r\nHost: localhost\r\n\r\n" if number % 2 else b"")
        if number % 3 == 0:
            # Reset instead of closed.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()


def test_an_answer_that_nobody_takes_is_given_up(target: Target) -> None:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(5)
        one.connect(target.address)
        request = b"GET /classes/sd-cohort-12/progressions HTTP/1.1\r\nHost: localhost\r\n\r\n"
        one.sendall(request * 20)
        # Longer than the server waits, also where the machine is busy.
        time.sleep(4)
        told = 0
        while part := _rest(one):
            told += len(part)
    whole = len(requests.get(f"{target.url}/classes/sd-cohort-12/progressions", timeout=5).content)
    assert told < 20 * whole


def _rest(one: socket.socket) -> bytes:
    try:
        return one.recv(65536)
    except ConnectionError:
        return b""


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (f"GET /classes HTTP/1.1\r\nX-Long: {'a' * 100_000}", 431),
        (f"GET /{'a' * 100_000} HTTP/1.1", 431),
        ("GET /classes/%ff%fe/students HTTP/1.1", 404),
        ("GET /classes?limit=%ff HTTP/1.1", 422),
        ("GET /classes?%ff=%00 HTTP/1.1", 422),
        ("GET /classes/%00%0a/students HTTP/1.1", 404),
        ("GET /classes/\xff HTTP/1.1", 400),
        ("GET /classes HTTP/1.1\r\nAuthorization: Bearer \xff\xfe", 401),
        ("GET /classes HTTP/1.1\r\nAuthorization: Bearer", 401),
        ("GET /classes HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1", 401),
        ("GET /classes HTTP/1.1\r\nRange: bytes=0-1,5-,-3,a-b", 200),
        ("GET /classes HTTP/1.1\r\nAccept-Encoding: " + "gzip;q=1," * 2000, 200),
        ("GET /classes HTTP/1.1\r\nIf-None-Match: " + '"a",' * 5000, 200),
        ("BREW /classes HTTP/1.1", 405),
        ("nonsense", 400),
    ],
)
def test_heads_that_are_no_good(target: Target, head: str, status: int) -> None:
    got, told = target.send(head, b"\r\n")
    assert got == status, told
    if got >= 400:
        assert told["code"]


DEEP = b"[" * 900 + b"]" * 900


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"\xff\xfe{", "application/json", 422),
        (b'{"class_ids": ' + DEEP + b"}", "application/json", 422),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "application/json", 422),
        (b'{"class_ids": ["' + b"a" * 3000 + b'"]}', "application/json", 413),
        (b'{"full": 1e999}', "application/json", 422),
        (b"full=1", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"", "text/plain", 415),
    ],
)
def test_bodies_that_are_no_good(target: Target, body: bytes, kind: str, status: int) -> None:
    told = f"Content-Type: {kind}\r\n" if kind else ""
    put = "PUT /classes/sd-cohort-12/students/x/mark HTTP/1.1"
    length = f"{told}Content-Length: {len(body)}\r\n\r\n".encode()
    got, answer = target.send(put, length + body)
    assert got in (status, 400) if status == 422 else got == status, answer
    assert answer["code"]
    if body:
        chunked = f"{told}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode()
        assert target.send(put, chunked + body + b"\r\n0\r\n\r\n")[0] == got


def test_what_is_asked_too_often_has_to_wait(target: Target) -> None:
    def refused(**headers: str) -> requests.Response:
        return requests.get(f"{target.url}/classes", headers=headers, timeout=5)

    codes = [refused(Authorization=f"Bearer {number}").status_code for number in range(20)]
    assert set(codes) == {401, 429}
    waiting = refused(Authorization="Bearer x")
    assert (waiting.status_code, waiting.json()["code"]) == (429, "too_many_failures")
    assert 0 < int(waiting.headers["Retry-After"]) <= 60
    unknown = {"class_ids": ["none"]}
    syncs = [requests.post(f"{target.url}/sync", json=unknown, timeout=5) for _ in range(3)]
    assert syncs[-1].status_code == 429
    assert syncs[-1].json()["code"] == "too_many_syncs"


def test_those_who_watch_a_sync_leave_room_for_those_who_ask(service: Service, target: Target) -> None:
    job = service.workspace.prepare_sync(["web-cohort-3"], asked_by="test")
    try:
        request = f"GET /sync/{job.id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        with many(target, STREAMS, request) as watching:
            assert all(one.recv(12) == b"HTTP/1.1 200" for one in watching)
            with target.open(request) as one_too_many:
                assert one_too_many.recv(12) == b"HTTP/1.1 429"
            assert requests.get(f"{target.url}/classes/sd-cohort-12/students", timeout=5).status_code == 200
    finally:
        job.run()


def test_a_request_that_breaks_off_does_nothing(target: Target, service: Service) -> None:
    before = service.get("/sync", limit=1)
    for body in (b"", b"{", b'{"class_ids":'):
        with target.open(
            b"POST /sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 50\r\n\r\n" + body
        ):
            time.sleep(0.05)
    time.sleep(0.3)
    assert service.get("/sync", limit=1) == before


@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_a_request_of_two_lengths_ends_its_connection(target: Target, host: str) -> None:
    """A proxy that goes by the first length would let the second request through as part of the body."""
    hidden = b"0\r\n\r\nGET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = f"GET /health HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nContent-Length: "
    told = target.answer(f"{head}{len(hidden)}\r\n\r\n".encode() + hidden)
    assert told.startswith(b"HTTP/1.1 400")
    assert told.count(b"HTTP/1.1") == 1


def test_what_somebody_makes_up_is_not_in_the_log(target: Target, service: Service) -> None:
    made_up = "S3CRET" * 1000
    for head in (f"{made_up} /health HTTP/1.1", "GET /health HTTP/1.1\r\nX-Request-ID: cohort_S3CRET"):
        target.send(head, b"\r\n")
    target.answer(b"POST /sync HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n")
    log = service.workspace.home.requests
    wait_until(lambda: log.exists() and "* /health 405" in log.read_text())
    assert "S3CRET" not in log.read_text()
    assert "Error" not in log.read_text()
