"""One port for everything: the dashboard at ``/dashboard``, the API at ``/``, its docs at ``/docs``."""

from __future__ import annotations

import gc
import logging
import socket
from collections.abc import Callable
from datetime import timedelta

import uvicorn
from fastapi import FastAPI

import api
from api import DASHBOARD_PATH
from cohort_core.dashboard.asgi import create_dashboard
from cohort_core.errors import BadInput
from cohort_core.settings import LOOPBACK_HOSTS
from cohort_core.workspace import Workspace


def create_app(workspace: Workspace) -> FastAPI:
    """The API with the dashboard mounted. Streamlit allows one such app a process."""
    dashboard = create_dashboard()
    app = api.create_app(workspace, lifespan=dashboard.lifespan())
    app.mount(DASHBOARD_PATH, dashboard)
    return app


def listen(host: str, port: int) -> socket.socket:
    """A socket on a loopback address. Raises ``BadInput`` for another host or a port that is taken."""
    if host not in LOOPBACK_HOSTS:
        raise BadInput(
            "Only this computer may connect for now, since students' data is behind it and there is no login "
            "yet. Use --host 127.0.0.1.",
            parameter="host",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_REUSEPORT"):
            # On Windows this option would let two servers share the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError):
        listener.close()
        raise BadInput(
            f"Port {port} cannot be used, most likely because another program uses it. Stop that program, or "
            "choose another port with --port.",
            parameter="port",
        ) from None
    return listener


def serve(
    workspace: Workspace,
    listener: socket.socket,
    *,
    sync_every: timedelta | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Run until Ctrl-C, and end what was started."""
    if workspace.settings().practice:
        workspace.start_practice_school()
    if sync_every:
        workspace.start_schedule(sync_every)
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    # Not before the app stands: whoever reads the address may use it at once.
    app = create_app(workspace)
    say(f"Dashboard  http://{name}:{port}{DASHBOARD_PATH}")
    say(f"API        http://{name}:{port}/docs")
    say("Ctrl-C stops it.")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # What is imported stays, and a garbage collection that looks through it takes 40 ms of a click.
    gc.freeze()
    config = uvicorn.Config(app, access_log=False, log_config=None, timeout_graceful_shutdown=3)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        workspace.stop()
