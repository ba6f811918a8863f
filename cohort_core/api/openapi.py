"""What the OpenAPI schema says beyond what FastAPI finds by itself.

So that a generated client reads every answer: which fields a list can be asked for, that `fields` leaves the
others out, the headers beside bare lists and files, and that errors are problems.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args, get_origin

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

from cohort_core.api.errors import Problem
from cohort_core.api.pagination import HEADERS, sortable
from cohort_core.export import tables
from cohort_core.http.auth import OPEN_PATH

PROBLEM = "application/problem+json"
EXAMPLES = Path(__file__).with_name("examples.json")
"""Real answers by operation, which docs/api_reference.py writes."""

TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of `cohort-tracker token create`. Wanted once there is one, and from elsewhere.",
}

_HEADER_WORDS = {
    "total": ("integer", "Rows there are, before `limit` and `offset`."),
    "limit": ("integer", "As asked; absent for all."),
    "offset": ("integer", "As asked: rows left out first."),
    "as_of": ("string", "The instant that the answer is about, UTC."),
    "synced_at": ("string", "End of the last successful sync, UTC."),
}


def item_of(route: APIRoute) -> type[BaseModel] | None:
    """The model of the rows of a list, bare or not; None for what is no list."""
    model = route.response_model
    if get_origin(model) is list:
        item: type[BaseModel] = get_args(model)[0]
        return item
    if isinstance(model, type) and issubclass(model, BaseModel) and "items" in model.model_fields:
        (item,) = get_args(model.model_fields["items"].annotation)
        return item
    return None


def describe(app: FastAPI) -> None:
    """Let the app tell its whole schema, computed once."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(plain(), app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _completed(schema: dict[str, Any], app: FastAPI) -> dict[str, Any]:
    schemas = schema["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    schema["components"]["securitySchemes"] = {"token": TOKEN}
    # On the computer itself, while there is no token, none is asked for.
    schema["security"] = [{"token": []}, {}]
    schema["paths"][OPEN_PATH]["get"]["security"] = []
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    routes = [one for one in app.routes if isinstance(one, APIRoute) and one.include_in_schema]
    examples = json.loads(EXAMPLES.read_text("utf-8")) if EXAMPLES.exists() else {}
    for route in routes:
        for method in route.methods or ():
            operation = schema["paths"][route.path][method.lower()]
            _complete_answers(operation, route)
            if example := examples.get(operation["operationId"]):
                operation["responses"]["200"]["content"]["application/json"]["example"] = example
            _describe_models(schemas, route)
            if row := item_of(route):
                _name_fields(operation, row)
                # With `fields` any of them may be absent.
                schemas[row.__name__].pop("required", None)
    return schema


def _describe_models(schemas: dict[str, Any], route: APIRoute) -> None:
    row, model = item_of(route), route.response_model
    whole = getattr(model, "__name__", None)
    for name, what in ((row and row.__name__, "A row"), (None if get_origin(model) else whole, "The answer")):
        if name in schemas and not schemas[name].get("description"):
            schemas[name]["description"] = f"{what} of `{route.path}`."


def _complete_answers(operation: dict[str, Any], route: APIRoute) -> None:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    # FastAPI's own shape of what cannot be used, which is not ours.
    operation["responses"].pop("422", None)
    for status in ("4XX", "5XX"):
        operation["responses"][status] = {
            "description": "A problem, which says what to do.",
            "content": {PROBLEM: problem},
        }
    good = operation["responses"].get("200")
    if good is None or "application/json" not in good.get("content", {}) or not has_files(route):
        return
    for kind in tables.KINDS.values():
        good["content"][kind.media_type.split(";")[0]] = {"schema": {"type": "string", "format": "binary"}}
    told = _HEADER_WORDS if item_of(route) else {name: _HEADER_WORDS[name] for name in ("as_of", "synced_at")}
    good["headers"] = {
        HEADERS[name]: {"description": words, "schema": {"type": kind}}
        for name, (kind, words) in told.items()
    }


def has_files(route: APIRoute) -> bool:
    """Whether the answer can be had as a table: a list, or a single row."""
    dependencies = {dependant.name for dependant in route.dependant.dependencies}
    return "send" in dependencies


def _name_fields(operation: dict[str, Any], row: type[BaseModel]) -> None:
    for parameter in operation["parameters"]:
        names = {"sort": sortable(row), "fields": list(row.model_fields)}.get(parameter["name"])
        if names:
            one = f"{'-?' if parameter['name'] == 'sort' else ''}({'|'.join(names)})"
            parameter["schema"] = {"type": "string", "pattern": f"^{one}(,{one})*$"}
            examples = [f"-{names[-1]}" if parameter["name"] == "sort" else ",".join(names[:2])]
            parameter["schema"]["examples"] = examples
            parameter["description"] += f" Here: {', '.join(f'`{name}`' for name in names)}."
