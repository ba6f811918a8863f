"""Serves everything on one port: ``/dashboard``, the API at ``/`` and its ``/docs``."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import ipaddress
import logging
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from cohort_core import sockets
from cohort_core.api.app import DASHBOARD_PATH
from cohort_core.api.app import create_app as create_api
from cohort_core.clock import utc_now
from cohort_core.dashboard.first_page import EarlyPage
from cohort_core.errors import BadInput, CohortError
from cohort_core.export.own_work import own_work_csv
from cohort_core.http import uvicorn_protocol
from cohort_core.http.clients import is_loopback
from cohort_core.http.my_progress import MyProgressPages
from cohort_core.http.sign_in_pages import SignInPages
from cohort_core.services.services import Services
from cohort_core.services.sign_in import SignIn
from cohort_core.services.student_pages import StudentPages
from cohort_core.services.workspace import Workspace
from cohort_core.store.accounts import has_accounts
from cohort_core.store.tokens import load_tokens

_M_ARENA_MAX, _MAX_HEAPS = -8, 2


@dataclass(frozen=True)
class Door:
    """How people at other computers come in to the dashboard, once there are accounts.

    ``certfile`` and ``keyfile`` are for TLS. ``proxies`` are the addresses from which headers about client
    and scheme are believed. ``insecure`` lets people in without TLS.
    """

    certfile: Path | None = None
    keyfile: Path | None = None
    proxies: tuple[str, ...] = ()
    insecure: bool = False

    def __post_init__(self) -> None:
        """Raise ``BadInput`` for a certificate, key or address that cannot be used."""
        if self.keyfile and not self.certfile:
            raise BadInput("Name the certificate too, with --ssl-certfile.", parameter="ssl_certfile")
        if self.certfile:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certfile, self.keyfile, "")
            except (OSError, ValueError):
                raise BadInput(
                    "Certificate and key cannot be used. Name PEM files that this user may read and that "
                    "belong together, and a key without a password.",
                    parameter="ssl_certfile",
                ) from None
        for proxy in self.proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                raise BadInput(
                    "A proxy is named by its address or network, such as 127.0.0.1. Correct it.",
                    parameter="trusted_proxy",
                ) from None


def create_app(
    workspace: Workspace, *, exposed: bool = False, insecure: bool = False, hosts: Collection[str] = ()
) -> FastAPI:
    """Create the API, mount the dashboard, and add the plain pages.

    These are the pages of signing in and those of students.

    Where other computers can connect and nobody has an account, there is only the API. ``insecure`` lets
    people at other computers sign in without TLS. Streamlit allows one such app per process.
    """
    if exposed and not has_accounts(workspace.database):
        return create_api(workspace, exposed=True, hosts=hosts)
    dashboard = LateDashboard(workspace)
    app = create_api(workspace, exposed=exposed, insecure=insecure, hosts=hosts, lifespan=dashboard.lifespan)
    app.router.routes += SignInPages(SignIn(lambda: workspace), DASHBOARD_PATH).routes()
    app.router.routes += MyProgressPages(StudentPages(lambda: workspace), own_work_csv).routes()
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


def require_guard(workspace: Workspace, parameter: str) -> None:
    """Raise ``BadInput`` if there is neither a live token nor an account.

    Other computers need one.
    """
    now = utc_now()
    if has_accounts(workspace.database):
        return
    if not any(token.is_live(now) for token in load_tokens(workspace.database)):
        raise BadInput(
            "Others could connect, students' data is behind it, and there is no account or token to let in "
            "only those you choose. Make one first: `cohort-tracker account create NAME --role admin` for a "
            "person, `cohort-tracker token create --name NAME --role viewer` for a program. Or stay on this "
            "computer: --host 127.0.0.1.",
            parameter=parameter,
        )


def listen(workspace: Workspace, host: str, port: int) -> socket.socket:
    """Open a listening socket at an address.

    Raises ``BadInput`` if the address or port cannot be used, or if other computers can reach it while there
    is neither a live token nor an account.
    """
    if not is_loopback(host):
        require_guard(workspace, "host")
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


def _startup_lines(
    host: str, port: int, *, exposed: bool, door: Door | None, public_url: str | None
) -> Iterator[str]:
    """Yield the lines that are printed when the server has started.

    ``door`` is how people come in, None where nobody has an account.
    """
    name = f"[{host}]" if ":" in host else host
    base = f"{'https' if door and door.certfile else 'http'}://{name}:{port}"
    if not exposed:
        yield f"Dashboard  {base}{DASHBOARD_PATH}" + (", for people with an account" if door else "")
        yield f"API        {base}/docs"
    elif door:
        yield f"Dashboard  {public_url or base}{DASHBOARD_PATH}, for people with an account"
        yield f"API        {public_url or base}/health, with a token"
        if door.insecure:
            yield "Nothing is encrypted on the way: passwords can be read. Use this in a private network."
        elif not door.certfile and not door.proxies:
            yield "People at other computers are refused, since nothing is encrypted on the way. Give a"
            yield "certificate by --ssl-certfile, or name a proxy with TLS by --trusted-proxy."
    else:
        yield "Others can connect, to the API only, with a token. Nothing is encrypted on the way: put a"
        yield "proxy with TLS before it, or a private network around it (docs/access.md)."
        if ipaddress.ip_address(host).is_unspecified:
            yield f"API        port {port} of every address of this computer, such as http://127.0.0.1:{port}/health"
        else:
            yield f"API        http://{name}:{port}/health"
    yield "Ctrl-C stops it."


def _public_url(workspace: Workspace) -> str | None:
    with contextlib.suppress(CohortError):
        return workspace.settings().public_url
    return None


def _score_lines(workspace: Workspace) -> Iterator[str]:
    """Yield a line about a new version of the risk score, at the first start."""
    with contextlib.suppress(CohortError):
        change = workspace.count_score_change()
        if change and change.students:
            yield (
                f"The risk score has a new version. By it alone {change.moved:,} of {change.students:,} "
                "students are in another risk band than before (docs/risk.md)."
            )


def _message_lines(workspace: Workspace) -> Iterator[str]:
    """Yield a line about addresses of messages that this process cannot read."""
    with contextlib.suppress(CohortError):
        names = workspace.messages.unreadable()
        if names:
            yield (
                f"The address of {', '.join(names)} cannot be read, so nothing is sent there. A service "
                "often has no access to the keyring: remove the destination and add it again as its user."
            )


def serve(
    workspace: Workspace,
    listener: socket.socket,
    *,
    hosts: Collection[str] = (),
    door: Door | None = None,
    sync_every: timedelta | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Run until Ctrl-C, then stop the background jobs of the workspace.

    ``hosts`` are the host names under which other computers may send requests, ``door`` says how people at
    other computers come in. ``sync_every`` starts the schedule, ``say`` prints a line. Raises ``BadInput`` if
    ``hosts`` has names but there is neither a live token nor an account.
    """
    _share_heaps()
    hosts = [name for name in hosts if not is_loopback(name)]
    if hosts:
        require_guard(workspace, "allow_host")
    door = door or Door()
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
        workspace.messages.start()
        # Create the app before printing its address: somebody may open the address at once.
        app: Any = create_app(workspace, exposed=exposed, insecure=door.insecure, hosts=hosts)
        is_guarded = Services(workspace).has_accounts()
        lines = _startup_lines(
            host,
            port,
            exposed=exposed,
            door=door if is_guarded else None,
            public_url=_public_url(workspace),
        )
        for line in (*_score_lines(workspace), *_message_lines(workspace), *lines):
            say(line)
        _silence_uvicorn()
        if exposed and not is_guarded:
            begin_collecting()
        if door.proxies:
            app = ProxyHeadersMiddleware(app, trusted_hosts=list(door.proxies))
        config = uvicorn_protocol.config(app, certfile=door.certfile, keyfile=door.keyfile)
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        workspace.stop()
