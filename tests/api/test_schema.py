"""The OpenAPI schema is complete: for a generated client, and for random requests.

``SCHEMATHESIS_CASES=2000 python -m pytest tests/api/test_schema.py`` tries 2,000 cases per route.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Service
from tests.conftest import serving

CLASS = "sd-cohort-12"
CASES = os.environ.get("SCHEMATHESIS_CASES")
# The schema is the same for all classes, so it allows groups, types and times that a class does not have.
# Such requests are refused, and so is a sync that cannot start.
SETTINGS = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "502"]
"""


@pytest.fixture(scope="module")
def schema(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("schema") / "openapi.json"
    file.write_text(json.dumps(service.get("/openapi.json")))
    return file


@pytest.fixture(scope="module")
def client(service: Service, schema: Path) -> Any:
    """A client that a public generator makes from the schema."""
    out = schema.parent / "generated_client"
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(schema)]
    subprocess.run([*command, "--output-path", str(out), "--meta", "none"], check=True, timeout=120)
    sys.path.insert(0, str(out.parent))
    try:
        yield importlib.import_module("generated_client").Client(base_url=service.url)
    finally:
        sys.path.remove(str(out.parent))


def called(client: Any, module: str, *words: Any, **query: Any) -> Any:
    return importlib.import_module(f"generated_client.api.{module}").sync(*words, client=client, **query)


def test_a_generated_client_reads_lists_objects_and_errors(service: Service, client: Any) -> None:
    summary = called(client, "metrics.progress_summary", CLASS)
    assert summary.to_dict() == service.get(f"/classes/{CLASS}/progress-summary")

    health = called(client, "metrics.student_health", CLASS, sort="-pct,name", limit=3)
    expected = service.get(f"/classes/{CLASS}/metrics/student-health", sort="-pct,name", limit=3)
    # The client has turned times into objects, so they are compared below.
    assert [(row.name, row.pct, row.risk_parts.quiet) for row in health] == [
        (row["name"], row["pct"], row["risk_parts"]["quiet"]) for row in expected
    ]
    assert health[0].last_activity_at.isoformat()[:19] == expected[0]["last_activity_at"][:19]

    stuck = called(client, "metrics.stuck", CLASS, limit=2, fields="student_id,days_open")
    assert (len(stuck.items), stuck.limit) == (2, 2)
    assert set(stuck.items[0].to_dict()) == {"student_id", "days_open"}
    assert stuck.synced_at <= called(client, "service.health").last_sync

    triage = called(client, "metrics.triage", limit=1)
    needs = service.get("/triage", limit=1)
    assert (triage.total, triage.items[0].reason) == (needs["total"], needs["items"][0]["reason"])

    problem = called(client, "metrics.stuck", "none")
    assert (problem.status, problem.code) == (404, "unknown_class")


@pytest.fixture
def small_school() -> Iterator[str]:
    """The school of docs/api.md. Only two classes are synced, which is faster."""
    reference = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "api_reference.py"))
    with reference["practice_app"]() as app, serving(app) as url:
        yield url


def test_nothing_that_the_schema_allows_breaks_a_promise(small_school: str, schema: Path) -> None:
    """All checks of Schemathesis pass: no server errors, and responses as the schema describes them."""
    settings = schema.with_name("schemathesis.toml")
    settings.write_text(SETTINGS)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run", str(schema)]
    # Two workers are not faster, and the generator of cases has crashed once with them.
    options = ["--url", small_school, "--max-examples", CASES or "1", "--seed", "1", "--workers", "1"]
    # The other phases take minutes: they vary each parameter, and follow links between responses.
    options += [] if CASES else ["--phases", "fuzzing"]
    # Left out: streams last as long as a sync, a PDF takes a second, syncs and settings would change the
    # data, and with a first token all other requests would need one.
    options += ["--exclude-path-regex", r"/events$|report\.pdf$"]
    options += ["--exclude-method", "POST", "--exclude-method", "PATCH"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
