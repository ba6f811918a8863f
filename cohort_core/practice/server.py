"""Runs the practice school, either in a thread or in the foreground."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from cohort_core import sockets
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
from cohort_core.practice.app import PracticeApp, Seen
from cohort_core.practice.faults import Faults
from cohort_core.practice.school import School

HOST = "127.0.0.1"


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
        return sockets.listen(HOST, port)
    except (OSError, OverflowError) as error:
        raise BadInput(
            f"The practice school cannot use port {port}, most likely because another program does. "
            "Stop that program, or choose another port with --port.",
            parameter="port",
        ) from error


class _ThreadServer(uvicorn.Server):
    """A server that stops at once; uvicorn takes 0.2 seconds, too long for tests."""

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
        # Let the event loop run twice: first the connections notice the end, then the app does.
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

    Port 0 takes any free port. If ``school`` is an app already, it keeps its own options.
    """
    if isinstance(school, PracticeApp):
        app = school
    else:
        app = PracticeApp(
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
    data: Path | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Run the practice school in the foreground until Ctrl-C.

    With ``data`` it has the classes of that file in place of its own. Raises ``BadInput`` if the port is
    taken or the file cannot be used.
    """
    from cohort_core.practice.generated import PracticeSchool
    from cohort_core.practice.school_file import FileSchool

    school: School = FileSchool(data) if data else PracticeSchool(seed=seed, day=day, timezone=timezone)
    listener = _listen(port)
    app = PracticeApp(
        school, page_cap=page_cap, token_life=timedelta(days=token_days), faults_over_http=faults
    )
    address = f"http://{HOST}:{listener.getsockname()[1]}"
    people = f"with the classes of {data}" if data else "everybody in it is invented"
    say(f"Practice school at {address} ({people}). Ctrl-C stops it.")
    say(f"  address         {address}")
    say(f"  application id  {school.app_id}")
    say(f"  origin          {school.origin}")
    say(f"  email           {EMAIL}")
    say(f"  password        {PASSWORD}")
    if not data:
        say(f"  rosters         {address}/practice/students.csv  {address}/practice/mentors.csv")
    if faults:
        say(f"  faults          POST a list to {address}/practice/faults, DELETE clears it")
    with closing(listener), suppress(KeyboardInterrupt):
        uvicorn.Server(_config(app)).run(sockets=[listener])
    say("Practice school stopped.")
