"""Hostile clients over real sockets, while a normal client must always get its responses."""

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

STREAMS = 45
"""More than the server has threads."""


@dataclass
class Target:
    address: tuple[str, int]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.address[1]}"

    def open(self, data: bytes = b"") -> socket.socket:
        connection = socket.create_connection(self.address, timeout=5)
        connection.sendall(data)
        return connection

    def answer(self, data: bytes) -> bytes:
        """Send bytes, and return everything that arrives until the connection is closed."""
        received = b""
        with self.open(data) as connection:
            while part := connection.recv(65536):
                received += part
        return received

    def send(self, head: str, body: bytes = b"") -> tuple[int, Any]:
        received = self.answer(f"{head}\r\nHost: localhost\r\nConnection: close\r\n".encode("latin-1") + body)
        first, _, rest = received.partition(b"\r\n\r\n")
        return int(first.split()[1]), json.loads(rest) if b"problem+json" in first else rest


@pytest.fixture(scope="module")
def target(service: Service) -> Iterator[Target]:
    """The API with the protocol of the product, but lower limits."""
    limits = Limits(body_bytes=2000, failures=3, syncs=2, streams=STREAMS)
    with served(create_app(service.workspace, limits=limits)) as served_api:
        yield served_api


@contextmanager
def served(app: Any) -> Iterator[Target]:
    listener = sockets.listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn_protocol.config(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    yield Target(listener.getsockname())
    server.should_exit = True
    thread.join(5)


@pytest.fixture(autouse=True)
def well_meaning(target: Target) -> Iterator[None]:
    """A client that sends requests all the time, each on a new connection, and gets every answer.

    Other tests run beside this one, so it says nothing of how fast; a server that is stopped never answers.
    """
    over, wrong = threading.Event(), []

    def ask() -> None:
        while not over.is_set():
            try:
                answer = requests.get(f"{target.url}/classes", timeout=15)
                if answer.status_code != 200:
                    wrong.append(str(answer.status_code))
            except requests.RequestException as error:
                wrong.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    over.set()
    thread.join()
    assert wrong == []


@contextmanager
def many(target: Target, count: int, data: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(target.open(data)) for _ in range(count)]


def is_dropped(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("more", [b"Content-Length: 2\r\n", b"X-A: b\r\n" * 300])
def test_a_broken_websocket_upgrade_ends_its_connection(target: Target, more: bytes) -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    with many(target, 20, upgrade + more + b"\r\n") as crowd:
        assert all(is_dropped(connection) for connection in crowd)


def test_connections_that_are_opened_and_dropped_stop_nobody(target: Target) -> None:
    for number in range(600):
        connection = target.open(b"GET /classes HTTP/1.1\r\nHost: localhost\r\n\r\n" if number % 2 else b"")
        if number % 3 == 0:
            # Makes close() reset the connection.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


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
def test_bad_heads(target: Target, head: str, status: int) -> None:
    got, received = target.send(head, b"\r\n")
    assert got == status, received
    if got >= 400:
        assert received["code"]


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
def test_bad_bodies(target: Target, body: bytes, kind: str, status: int) -> None:
    header = f"Content-Type: {kind}\r\n" if kind else ""
    put = "PUT /classes/sd-cohort-12/students/x/mark HTTP/1.1"
    length = f"{header}Content-Length: {len(body)}\r\n\r\n".encode()
    got, answer = target.send(put, length + body)
    assert got in (status, 400) if status == 422 else got == status, answer
    assert answer["code"]
    if body:
        chunked = f"{header}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode()
        assert target.send(put, chunked + body + b"\r\n0\r\n\r\n")[0] == got


def test_too_many_requests_have_to_wait(target: Target) -> None:
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


def test_open_streams_leave_threads_for_other_requests(service: Service, target: Target) -> None:
    job = service.workspace.prepare_sync(["web-cohort-3"], asked_by="test")
    try:
        request = f"GET /sync/{job.id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        with many(target, STREAMS, request) as watching:
            assert all(connection.recv(12) == b"HTTP/1.1 200" for connection in watching)
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
    """A proxy that uses the first length would pass the second request on as part of the body."""
    hidden = b"0\r\n\r\nGET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = f"GET /health HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nContent-Length: "
    received = target.answer(f"{head}{len(hidden)}\r\n\r\n".encode() + hidden)
    assert received.startswith(b"HTTP/1.1 400")
    assert received.count(b"HTTP/1.1") == 1


def test_invented_words_are_not_in_the_log(target: Target, service: Service) -> None:
    made_up = "S3CRET" * 1000
    for head in (f"{made_up} /health HTTP/1.1", "GET /health HTTP/1.1\r\nX-Request-ID: cohort_S3CRET"):
        target.send(head, b"\r\n")
    target.answer(b"POST /sync HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n")
    log = service.workspace.home.requests
    wait_until(lambda: log.exists() and "* /health 405" in log.read_text())
    assert "S3CRET" not in log.read_text()
    assert "Error" not in log.read_text()
