"""The JSON API over one workspace: middleware, routers, errors."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.routing import compile_path

from cohort_core.api.errors import add_error_handlers
from cohort_core.api.openapi import complete_schema, has_files
from cohort_core.api.pagination import HEADERS
from cohort_core.api.response_cache import ResponseCacheMiddleware
from cohort_core.api.routes import (
    accounts,
    admin,
    classes,
    contacts,
    messages,
    metrics,
    status,
    student_pages,
    sync,
)
from cohort_core.export import tables
from cohort_core.http.auth import AuthMiddleware
from cohort_core.http.browser_pages import BrowserPages
from cohort_core.http.encoded_paths import EncodedSlashes
from cohort_core.http.guards import ApiCors, BrowserGuard
from cohort_core.http.rate_limit import Limits
from cohort_core.http.request_log import RequestLogMiddleware
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace, shared_workspace

DASHBOARD_PATH = "/dashboard"


def create_app(
    workspace: Workspace | None = None,
    *,
    exposed: bool = False,
    insecure: bool = False,
    hosts: Collection[str] = (),
    limits: Limits | None = None,
    **options: Any,
) -> FastAPI:
    """Create the API over one workspace.

    The default workspace is the one that the environment names. ``exposed`` means that other computers can
    connect, ``hosts`` are the host names under which they may send requests, and ``insecure`` lets them
    sign in without TLS. ``options`` go to FastAPI.
    """
    workspace = workspace or shared_workspace()
    app = FastAPIOffline(
        redoc_url=None,
        # A redirect would name the scheme of the request as it arrives, which is wrong behind a TLS proxy.
        redirect_slashes=False,
        title="Cohort Tracker",
        summary="Who needs a message today, and which assignment to teach again.",
        version="1",
        **options,
    )
    app.state.services = Services(workspace)
    app.add_middleware(ResponseCacheMiddleware, workspace=workspace, excluded_path=DASHBOARD_PATH)
    _add_guards(app, workspace, exposed, insecure, hosts, limits)
    add_error_handlers(app)
    for routes in (classes, contacts, student_pages, metrics, sync, status, admin, accounts, messages):
        # Not `include_router`: it hides the routes from code that lists them, which are the sign-in, the
        # request log, the schema, and the tests that visit every route with every role.
        app.router.routes += routes.router.routes
    _add_files(app)
    complete_schema(app)
    return app


def _add_guards(
    app: FastAPI,
    workspace: Workspace,
    exposed: bool,
    insecure: bool,
    hosts: Collection[str],
    limits: Limits | None,
) -> None:
    """Add the middleware in front of the routes.

    The one that is added last sees a request first.
    """
    origins = workspace.settings().cors_origins
    app.add_middleware(
        AuthMiddleware,
        database=workspace.database,
        watcher=workspace.cohorts.watcher,
        excluded_path=DASHBOARD_PATH,
        exposed=exposed,
        insecure=insecure,
        limits=limits,
    )
    if origins:
        app.add_middleware(
            ApiCors,
            excluded_path=DASHBOARD_PATH,
            origins=origins,
            exposed_headers=("ETag", "Location", "Retry-After", "X-Request-ID", *HEADERS.values()),
        )
    app.add_middleware(BrowserGuard, excluded_path=DASHBOARD_PATH, hosts=hosts, origins=origins)
    app.add_middleware(EncodedSlashes, excluded_path=DASHBOARD_PATH)
    app.add_middleware(RequestLogMiddleware, home=workspace.home, excluded_path=DASHBOARD_PATH)
    app.add_middleware(
        BrowserPages,
        dashboard_path=DASHBOARD_PATH,
        public_url=lambda: workspace.settings().public_url,
        exposed=exposed,
    )


def _add_files(app: FastAPI) -> None:
    """Add a `.csv` and a `.xlsx` route for every route that answers with a table.

    They are copies: FastAPI would read the parameters of each function anew, a third of the time of a start.
    """
    files = []
    for route in app.router.routes:
        if isinstance(route, APIRoute) and has_files(route):
            for extension in tables.KINDS:
                file = copy.copy(route)
                file.path, file.name = f"{route.path}.{extension}", f"{route.name}_{extension}"
                file.path_regex, file.path_format, file.param_convertors = compile_path(file.path)
                file.include_in_schema = False
                files.append(file)
    # First in the list: the route of a student would take `ID.csv` for an id.
    app.router.routes[:0] = files
