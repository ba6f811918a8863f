"""Serves everything on one port: ``/dashboard``, the API at ``/`` and its ``/docs``."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import ipaddress
import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from datetime import timedelta
from typing import Any

import pyarrow
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import Receive, Scope, Send

from cohort_core import sockets
from cohort_core.api.app import DASHBOARD_PATH
from cohort_core.api.app import create_app as create_api
from cohort_core.clock import utc_now
from cohort_core.dashboard.first_page import EarlyPage
from cohort_core.errors import BadInput, CohortError
from cohort_core.http import uvicorn_protocol
from cohort_core.http.auth import is_loopback
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.tokens import load_tokens

_M_ARENA_MAX, _MAX_HEAPS = -8, 2


def create_app(workspace: Workspace, *, exposed: bool = False, hosts: Collection[str] = ()) -> FastAPI:
    """Create the API and mount the dashboard, unless other computers can connect.

    Streamlit allows one such app per process.
    """
    if exposed:
        return create_api(workspace, exposed=True, hosts=hosts)
    dashboard = LateDashboard(workspace)
    app = create_api(workspace, hosts=hosts, lifespan=dashboard.lifespan)
    app.add_route(DASHBOARD_PATH, _to_dashboard, include_in_schema=False)
    app.mount(DASHBOARD_PATH, dashboard)
    return app


class LateDashboard:
    """The dashboard, which is loaded while the server already answers.

    Half of a start is the import of Streamlit, Altair and the pages, which the API does not need. The first
    page and its scripts are sent before the end of it; other requests wait for it.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._loaded: asyncio.Future[Any]
        self._early = EarlyPage(self._later)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Whoever has to sign in gets no page before that.
        if self._loaded.done() or "accounts" in self._workspace.home.guards():
            await self._later(scope, receive, send)
        else:
            await self._early(scope, receive, send)

    async def _later(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = await asyncio.shield(self._loaded)
        await app(scope, receive, send)

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        """Load the dashboard and run it until the server that mounts it stops."""
        self._loaded = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        running = asyncio.create_task(self._run(app, stop))
        try:
            yield
        finally:
            stop.set()
            await running

    async def _run(self, app: Any, stop: asyncio.Event) -> None:
        try:
            dashboard = await asyncio.to_thread(_create_dashboard)
            async with dashboard.lifespan()(app):
                self._loaded.set_result(dashboard)
                threading.Thread(target=_make_ready, args=(self._workspace,), daemon=True).start()
                await stop.wait()
        except Exception as error:
            begin_collecting()
            # Each request of the dashboard fails with it, and the log says why; the API goes on.
            if self._loaded.done():
                raise
            self._loaded.set_exception(error)


def _create_dashboard() -> Any:
    from cohort_core.dashboard.asgi import create_dashboard

    dashboard = create_dashboard()
    # The import of Streamlit makes uvicorn talk.
    _silence_uvicorn()
    return dashboard


def _silence_uvicorn() -> None:
    """Let uvicorn print errors only; its log of requests would show students' ids in addresses."""
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def _to_dashboard(request: Request) -> RedirectResponse:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{DASHBOARD_PATH}/{query}")


def _share_heaps() -> None:
    """Let all threads share a few memory heaps, if the C library is glibc.

    Otherwise each of about fifty threads has a heap of its own that never shrinks, and a server that runs for
    days needs half as much memory again. Arrow is set to the same heaps, as its own pool has one per thread.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _MAX_HEAPS)
        pyarrow.set_memory_pool(pyarrow.system_memory_pool())


def _make_ready(workspace: Workspace) -> None:
    from cohort_core.dashboard.asgi import make_ready

    try:
        make_ready(Services(workspace))
    finally:
        begin_collecting()


def begin_collecting() -> None:
    """Begin with garbage collection, which leaves out all that is there now.

    What was imported stays until the end. Collections that walk through it take a sixth of the time of a
    start, and later add 40 ms to a click.
    """
    gc.freeze()
    gc.enable()


def require_live_token(workspace: Workspace, parameter: str) -> None:
    """Raise ``BadInput`` if there is no live token, since other computers need one."""
    now = utc_now()
    if not any(token.is_live(now) for token in load_tokens(workspace.database)):
        raise BadInput(
            "Others could connect, students' data is behind it, and there is no token to let in only those "
            "you choose. Make one first: `cohort-tracker token create --name NAME --role viewer`. Or stay "
            "on this computer: --host 127.0.0.1.",
            parameter=parameter,
        )


def listen(workspace: Workspace, host: str, port: int) -> socket.socket:
    """Open a listening socket at an address.

    Raises ``BadInput`` if the address or port cannot be used, or if other computers can reach it while there
    is no live token.
    """
    if not is_loopback(host):
        require_live_token(workspace, "host")
    try:
        return sockets.listen(host, port)
    except socket.gaierror:
        raise BadInput(
            "This is no address of this computer. Correct --host; 0.0.0.0 stands for all of them.",
            parameter="host",
        ) from None
    except (OSError, OverflowError):
        raise BadInput(
            f"Port {port} cannot be used there, most likely because another program uses it. Stop that "
            "program, or choose another port with --port.",
            parameter="port",
        ) from None


def _startup_lines(host: str, port: int, *, exposed: bool) -> Iterator[str]:
    """Yield the lines that are printed when the server has started."""
    name = f"[{host}]" if ":" in host else host
    if not exposed:
        yield f"Dashboard  http://{name}:{port}{DASHBOARD_PATH}"
        yield f"API        http://{name}:{port}/docs"
    else:
        yield "Others can connect, to the API only, with a token. Nothing is encrypted on the way: put a"
        yield "proxy with TLS before it, or a private network around it (docs/access.md)."
        if ipaddress.ip_address(host).is_unspecified:
            yield f"API        port {port} of every address of this computer, such as http://127.0.0.1:{port}/health"
        else:
            yield f"API        http://{name}:{port}/health"
    yield "Ctrl-C stops it."


def _score_lines(workspace: Workspace) -> Iterator[str]:
    """Yield a line about a new version of the risk score, at the first start."""
    with contextlib.suppress(CohortError):
        change = workspace.count_score_change()
        if change and change.students:
            yield (
                f"The risk score has a new version. By it alone {change.moved:,} of {change.students:,} "
                "students are in another risk band than before (docs/risk.md)."
            )


def serve(
    workspace: Workspace,
    listener: socket.socket,
    *,
    hosts: Collection[str] = (),
    sync_every: timedelta | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Run until Ctrl-C, then stop the background jobs of the workspace.

    ``hosts`` are the host names under which other computers may send requests, ``sync_every`` starts the
    schedule, ``say`` prints a line. Raises ``BadInput`` if ``hosts`` has names but there is no live token.
    """
    _share_heaps()
    hosts = [name for name in hosts if not is_loopback(name)]
    if hosts:
        require_live_token(workspace, "allow_host")
    host, port = listener.getsockname()[:2]
    # A proxy in front means that other computers can connect, whatever headers it sends.
    exposed = bool(hosts) or not is_loopback(host)
    try:
        if workspace.settings().practice:
            workspace.start_practice_school()
        with contextlib.suppress(CohortError):
            workspace.erase_expired_contacts()
        if sync_every:
            workspace.start_schedule(sync_every)
        # Create the app before printing its address: somebody may open the address at once.
        app = create_app(workspace, exposed=exposed, hosts=hosts)
        for line in (*_score_lines(workspace), *_startup_lines(host, port, exposed=exposed)):
            say(line)
        _silence_uvicorn()
        if exposed:
            begin_collecting()
        uvicorn.Server(uvicorn_protocol.config(app)).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        workspace.stop()
