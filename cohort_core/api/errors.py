"""How errors look: RFC 9457 problems with a stable ``code``, which never repeat what was sent."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from cohort_core import errors
from cohort_core.http.guards import problem, unavailable

STATUS_OF_ERROR: dict[type[errors.CohortError], HTTPStatus] = {
    errors.NotConnected: HTTPStatus.CONFLICT,
    errors.BadSettings: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.SettingsBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NotInstalled: HTTPStatus.NOT_IMPLEMENTED,
    errors.DatabaseNewer: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.DatabaseBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DatabaseUnusable: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.LoginRefused: HTTPStatus.BAD_GATEWAY,
    errors.NoNetwork: HTTPStatus.BAD_GATEWAY,
    errors.UpstreamDown: HTTPStatus.BAD_GATEWAY,
    errors.UpstreamChanged: HTTPStatus.BAD_GATEWAY,
    errors.ClassInaccessible: HTTPStatus.BAD_GATEWAY,
    errors.SyncRunning: HTTPStatus.CONFLICT,
    errors.SyncCancelled: HTTPStatus.CONFLICT,
    errors.SyncFailed: HTTPStatus.BAD_GATEWAY,
    errors.RemovalsRefused: HTTPStatus.CONFLICT,
    errors.UnknownClass: HTTPStatus.NOT_FOUND,
    errors.UnknownJob: HTTPStatus.NOT_FOUND,
    errors.BadInput: HTTPStatus.UNPROCESSABLE_ENTITY,
}
_NAMED_BY_PATH = {
    "student_id": "unknown_student",
    "assignment_id": "unknown_assignment",
    "name": "unknown_token",
}
"""Whom a path is about: if there is no such one, the path is not there. With the code that says so."""

_REASONS = {"extra_forbidden": "has a field that is not known; the schema at /docs names those there are"}

_HINTS = {
    HTTPStatus.NOT_FOUND: "The paths there are stand at /docs.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The header Allow names those there are.",
}


class Problem(BaseModel):
    """An error, as RFC 9457 has it. Some have more to say, such as `parameter` or `job`."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(description="Always about:blank; `code` says which it is.", examples=["about:blank"])
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The status of the answer.", examples=[404])
    detail: str = Field(description="What happened, and what to do about it.")
    code: str = Field(description="Stable name of the error, for programs.", examples=["unknown_class"])


def add_problems(app: FastAPI) -> None:
    """Make every error that may come up in the app a problem."""
    app.add_exception_handler(errors.CohortError, _cohort_problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(HTTPException, _http_problem)


def _cohort_problem(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, errors.CohortError):
        raise error
    tells_of_files = isinstance(error, errors.StoreError | errors.BadSettings)
    if tells_of_files and request.state.access.role != "admin":
        return unavailable(error)
    parameter = error.details.get("parameter")
    if parameter in _NAMED_BY_PATH and parameter in request.path_params:
        return problem(HTTPStatus.NOT_FOUND, error.message, _NAMED_BY_PATH[parameter], **error.details)
    return problem(STATUS_OF_ERROR[type(error)], error.message, error.code, **error.details)


def _validation_problem(_request: Request, error: Exception) -> JSONResponse:
    """Names every parameter that cannot be used, and says what it should be; never repeats what was sent."""
    if not isinstance(error, RequestValidationError):
        raise error
    problems = [
        {"parameter": _parameter(one["loc"], one["type"]), "reason": _REASONS.get(one["type"], one["msg"])}
        for one in error.errors()
    ]
    detail = "; ".join(f"{one['parameter']}: {one['reason']}" for one in problems)
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"{detail}. Correct this and ask again.",
        errors.BadInput.code,
        parameter=problems[0]["parameter"],
        problems=problems,
    )


def _parameter(location: tuple[str | int, ...], kind: str) -> str:
    """The name of what was wrong; of what has no name that is ours, the body."""
    names = [part for part in location[1:] if isinstance(part, str)]
    if location[0] == "body" and kind == "extra_forbidden":
        # The last name is what was sent, whatever that may be.
        names.pop()
    return ".".join(names) or str(location[0])


def _http_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
    description = (status.description or status.phrase).rstrip(".")
    if status == HTTPStatus.BAD_REQUEST:
        description = "The body cannot be read as JSON in UTF-8"
    answer = problem(status, f"{description}. {_HINTS.get(status, 'See /docs.')}", status.name.lower())
    answer.headers.update(headers)
    return answer


def _allowed(request: Request) -> list[str]:
    """What all routes of a path take together. A route by itself knows its own methods only."""
    methods = {"OPTIONS"}
    for route in request.app.routes:
        match, _ = route.matches(request.scope)
        if match != Match.NONE:
            methods |= set(getattr(route, "methods", None) or ())
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)
