"""Completes the OpenAPI schema that FastAPI makes, so that generated clients can read every response.

Added are: the fields that each list has for `sort` and `fields`, the fact that `fields` leaves the others
out, the headers of bare lists and files, and problems as the format of all errors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args, get_origin

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

from cohort_core.api.errors import Problem
from cohort_core.api.pagination import HEADERS, ListSender, RowSender, sortable_fields
from cohort_core.export import tables
from cohort_core.http.auth import OPEN_PATH

PROBLEM_TYPE = "application/problem+json"
EXAMPLES = Path(__file__).with_name("examples.json")
"""Real responses by operation id, written by docs/api_reference.py."""

TOKEN_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of `cohort-tracker token create`. Wanted once there is one, and from elsewhere.",
}

_HEADERS_OF_LIST = {
    "total": ("integer", "Rows there are, before `limit` and `offset`."),
    "limit": ("integer", "As asked; absent for all."),
    "offset": ("integer", "As asked: rows left out first."),
    "as_of": ("string", "The instant that the answer is about, UTC."),
    "synced_at": ("string", "End of the last successful sync, UTC."),
}


def item_of(route: APIRoute) -> type[BaseModel] | None:
    """Return the model of the rows of a list, bare or not.

    None if the response is no list.
    """
    model = route.response_model
    if get_origin(model) is list:
        item: type[BaseModel] = get_args(model)[0]
        return item
    if isinstance(model, type) and issubclass(model, BaseModel) and "items" in model.model_fields:
        (item,) = get_args(model.model_fields["items"].annotation)
        return item
    return None


def complete_schema(app: FastAPI) -> None:
    """Make the app serve the complete schema, which is computed once."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete_schema(plain(), app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete_schema(schema: dict[str, Any], app: FastAPI) -> dict[str, Any]:
    schemas = schema["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    schema["components"]["securitySchemes"] = {"token": TOKEN_SCHEME}
    # As long as no token exists, requests from this computer need none.
    schema["security"] = [{"token": []}, {}]
    schema["paths"][OPEN_PATH]["get"]["security"] = []
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    routes = [route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema]
    examples = json.loads(EXAMPLES.read_text("utf-8")) if EXAMPLES.exists() else {}
    for route in routes:
        for method in route.methods or ():
            operation = schema["paths"][route.path][method.lower()]
            _complete_responses(operation, route)
            if example := examples.get(operation["operationId"]):
                operation["responses"]["200"]["content"]["application/json"]["example"] = example
            _describe_models(schemas, route)
            if row := item_of(route):
                _list_fields(operation, row)
                # The parameter `fields` can leave out any of them.
                schemas[row.__name__].pop("required", None)
    return schema


def _describe_models(schemas: dict[str, Any], route: APIRoute) -> None:
    row, model = item_of(route), route.response_model
    response = None if get_origin(model) else getattr(model, "__name__", None)
    for name, what in ((row and row.__name__, "A row"), (response, "The answer")):
        if name in schemas and not schemas[name].get("description"):
            schemas[name]["description"] = f"{what} of `{route.path}`."


def _complete_responses(operation: dict[str, Any], route: APIRoute) -> None:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    # FastAPI documents its own format for invalid requests; ours is a problem.
    operation["responses"].pop("422", None)
    for status in ("4XX", "5XX"):
        operation["responses"][status] = {
            "description": "A problem, which says what to do.",
            "content": {PROBLEM_TYPE: problem},
        }
    good = operation["responses"].get("200")
    if good is None or "application/json" not in good.get("content", {}) or not has_files(route):
        return
    for kind in tables.KINDS.values():
        good["content"][kind.media_type.split(";")[0]] = {"schema": {"type": "string", "format": "binary"}}
    names = _HEADERS_OF_LIST if item_of(route) else ("as_of", "synced_at")
    good["headers"] = {
        HEADERS[name]: {"description": description, "schema": {"type": kind}}
        for name in names
        for kind, description in (_HEADERS_OF_LIST[name],)
    }


def has_files(route: APIRoute) -> bool:
    """Return whether the response is a table, which can also be sent as a file.

    A table is a list or a single row. The route depends on one of the senders then, whatever the parameter
    is called.
    """
    return any(dependant.call in (ListSender, RowSender) for dependant in route.dependant.dependencies)


def _list_fields(operation: dict[str, Any], row: type[BaseModel]) -> None:
    for parameter in operation["parameters"]:
        names = {"sort": sortable_fields(row), "fields": list(row.model_fields)}.get(parameter["name"])
        if names:
            field = f"{'-?' if parameter['name'] == 'sort' else ''}({'|'.join(names)})"
            parameter["schema"] = {"type": "string", "pattern": f"^{field}(,{field})*$"}
            examples = [f"-{names[-1]}" if parameter["name"] == "sort" else ",".join(names[:2])]
            parameter["schema"]["examples"] = examples
            parameter["description"] += f" Here: {', '.join(f'`{name}`' for name in names)}."
