"""Turns errors into RFC 9457 problems with a stable ``code``.

A problem never repeats what was sent.
"""

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
    errors.SystemRefused: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.SyncRunning: HTTPStatus.CONFLICT,
    errors.SyncCancelled: HTTPStatus.CONFLICT,
    errors.SyncFailed: HTTPStatus.BAD_GATEWAY,
    errors.RemovalsRefused: HTTPStatus.CONFLICT,
    errors.AnswerChanged: HTTPStatus.CONFLICT,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.UnknownClass: HTTPStatus.NOT_FOUND,
    errors.UnknownJob: HTTPStatus.NOT_FOUND,
    errors.BadInput: HTTPStatus.UNPROCESSABLE_ENTITY,
}
_CODES_OF_PATH_PARAMETERS = {
    "student_id": "unknown_student",
    "assignment_id": "unknown_assignment",
    "contact": "unknown_contact",
    "name": "unknown_token",
}
"""If such a parameter names nothing that exists, the answer is 404 with this code."""

_REASONS = {"extra_forbidden": "has a field that is not known; the schema at /docs names those there are"}

_HINTS = {
    HTTPStatus.NOT_FOUND: "The paths there are stand at /docs.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The header Allow names those there are.",
}


class Problem(BaseModel):
    """An error in the format of RFC 9457.

    Some have more fields, such as `parameter` or `job`.
    """

    model_config = ConfigDict(extra="allow")
    type: str = Field(description="Always about:blank; `code` says which it is.", examples=["about:blank"])
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The status of the answer.", examples=[404])
    detail: str = Field(description="What happened, and what to do about it.")
    code: str = Field(description="Stable name of the error, for programs.", examples=["unknown_class"])


def add_error_handlers(app: FastAPI) -> None:
    """Turn every error that a route can raise into a problem."""
    app.add_exception_handler(errors.CohortError, _cohort_problem)
    app.add_exception_handler(OSError, _system_problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(HTTPException, _http_problem)


def _cohort_problem(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, errors.CohortError):
        raise error
    names_files = isinstance(error, errors.StoreError | errors.BadSettings | errors.SystemRefused)
    if names_files and request.state.access.role != "admin":
        return unavailable(error)
    parameter = error.details.get("parameter")
    if parameter in _CODES_OF_PATH_PARAMETERS and parameter in request.path_params:
        code = _CODES_OF_PATH_PARAMETERS[parameter]
        return problem(HTTPStatus.NOT_FOUND, error.message, code, **error.details)
    return problem(STATUS_OF_ERROR[type(error)], error.message, error.code, **error.details)


def _system_problem(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, OSError):
        raise error
    return _cohort_problem(request, errors.refused_by_system(error))


def _validation_problem(_request: Request, error: Exception) -> JSONResponse:
    """Name every parameter that is wrong and say what it should be.

    Never repeats what was sent.
    """
    if not isinstance(error, RequestValidationError):
        raise error
    problems = [
        {
            "parameter": _parameter_name(item["loc"], item["type"]),
            "reason": _REASONS.get(item["type"], item["msg"]),
        }
        for item in error.errors()
    ]
    detail = "; ".join(f"{item['parameter']}: {item['reason']}" for item in problems)
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"{detail}. Correct this and ask again.",
        errors.BadInput.code,
        parameter=problems[0]["parameter"],
        problems=problems,
    )


def _parameter_name(location: tuple[str | int, ...], kind: str) -> str:
    """Return the name of the wrong field, or `body` if the sender chose that name."""
    names = [part for part in location[1:] if isinstance(part, str)]
    if location[0] == "body" and kind == "extra_forbidden":
        # The last name was chosen by the sender, and may be anything.
        names.pop()
    return ".".join(names) or str(location[0])


def _http_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
    description = (status.description or status.phrase).rstrip(".")
    if status == HTTPStatus.BAD_REQUEST:
        description = "The body cannot be read as JSON in UTF-8"
    answer = problem(status, f"{description}. {_HINTS.get(status, 'See /docs.')}", status.name.lower())
    answer.headers.update(headers)
    return answer


def _allowed_methods(request: Request) -> list[str]:
    """Return the methods of all routes with this path. Each route knows only its own."""
    methods = {"OPTIONS"}
    for route in request.app.routes:
        match, _ = route.matches(request.scope)
        if match != Match.NONE:
            methods |= set(getattr(route, "methods", None) or ())
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)
