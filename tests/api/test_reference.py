"""docs/api.md agrees with the running program."""

from __future__ import annotations

import runpy
from pathlib import Path

from cohort_core.api.openapi import EXAMPLES
from tests.api.conftest import Service

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_is_of_this_program() -> None:
    text, examples = runpy.run_path(str(DOCS / "api_reference.py"))["document"]()
    assert (DOCS / "api.md").read_text("utf-8") == text, "run `make docs`"
    assert EXAMPLES.read_text("utf-8") == examples, "run `make docs`"


def test_the_schema_describes_everything(service: Service) -> None:
    schema = service.get("/openapi.json")
    for name, model in schema["components"]["schemas"].items():
        assert model.get("description"), name
        for field, definition in model.get("properties", {}).items():
            assert definition.get("description"), (name, field)
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            good = operation["responses"].get("200", {}).get("content", {}).get("application/json")
            assert good is None or method != "get" or good["example"] is not None, path
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert schema["paths"]["/health"]["get"]["security"] == []
