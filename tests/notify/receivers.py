"""Receivers of messages on this computer: real servers, with the limits of the real ones and with faults."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A running receiver. `faults` are used up one by one; without any it takes what keeps to the limits."""

    url: str
    requests: list[Request] = field(default_factory=list)
    faults: deque[Any] = field(default_factory=deque)
    problems: list[str] = field(default_factory=list)

    @property
    def everything(self) -> bytes:
        """All bytes that arrived, but for the address itself."""
        return b"\n".join(request.body + json.dumps(request.headers).encode() for request in self.requests)


def limits_broken(path: str, body: Any) -> str | None:
    """Say which limit of the real service a message breaks."""
    if path.startswith("/slack"):
        blocks = body["blocks"]
        texts = [block["text"]["text"] for block in blocks if "text" in block]
        if not body.get("text") or len(blocks) > 50 or any(not 0 < len(text) <= 3000 for text in texts):
            return "invalid_blocks"
        if len(json.dumps(body)) > 2 * 13_000 or sum(map(len, texts)) > 13_000:
            return "msg_too_long"
    if path.startswith("/discord"):
        embeds = body["embeds"]
        total = sum(
            len(embed.get("title", ""))
            + len(embed.get("description", ""))
            + len(embed.get("footer", {}).get("text", ""))
            for embed in embeds
        )
        if total > 6000 or len(embeds) > 10 or any(len(embed["description"]) > 4096 for embed in embeds):
            return "embeds too long"
        if body.get("allowed_mentions") != {"parse": []}:
            return "would ping"
    if path.startswith("/teams"):
        card = body["attachments"][0]
        if card["contentType"] != "application/vnd.microsoft.card.adaptive" or len(json.dumps(body)) > 28_000:
            return "no card"
    return None


STATUS = {"slack": 200, "discord": 204, "teams": 202}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Serve a receiver for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            if len(body) < length:
                # The sender was killed in the middle.
                return
            receiver.requests.append(Request(self.path, dict(self.headers), body))
            fault = receiver.faults.popleft() if receiver.faults else None
            if fault is not None:
                self.misbehave(fault)
                return
            broken = limits_broken(self.path, json.loads(body))
            if broken:
                receiver.problems.append(broken)
            self.answer(400 if broken else STATUS.get(self.path.split("/")[1], 200))

        def answer(self, status: int, **headers: str) -> None:
            # Whoever was killed reads no response.
            with suppress(OSError):
                self.send_answer(status, **headers)

        def send_answer(self, status: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", "0" if status == 204 else "2")
            self.end_headers()
            if status != 204:
                self.wfile.write(b"ok")

        def misbehave(self, fault: Any) -> None:
            if isinstance(fault, int):
                self.answer(fault)
            elif isinstance(fault, dict):
                status = fault.pop("status")
                self.answer(status, **fault)
            elif fault == "hang":
                stopping.wait(30)
            elif fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                self.connection.close()
            elif fault == "drip":
                for letter in b"HTTP/1.1 200 " + b"x" * 2000:
                    if stopping.wait(0.05):
                        return
                    try:
                        self.wfile.write(bytes([letter]))
                        self.wfile.flush()
                    except OSError:
                        return

    stopping = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # Connections that end in the middle are what these tests are about.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()


def wait_for(condition: Any, seconds: float = 10) -> None:
    """Wait until a condition is true; fail after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
