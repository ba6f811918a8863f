"""The schema is enough to use the API: by a generated client, and by a program that tries what it allows.

``SCHEMATHESIS_CASES=2000 python -m pytest tests/api/test_schema.py`` tries as many cases a route.
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
# What is asked for a night, a type or a point in time that the class does not have is refused, although the
# schema, which is for all classes, allows it; likewise a sync that cannot start.
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
    """A client that a public generator makes from the schema, and its package."""
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
    # Times are real ones, which are written otherwise.
    assert [(one.name, one.pct, one.risk_parts.quiet) for one in health] == [
        (one["name"], one["pct"], one["risk_parts"]["quiet"]) for one in expected
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
    """The school of docs/api.md, of which two classes are synced, for the sake of speed."""
    reference = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "api_reference.py"))
    with reference["practice_app"]() as app, serving(app) as url:
        yield url


def test_nothing_that_the_schema_allows_breaks_a_promise(small_school: str, schema: Path) -> None:
    """All checks of Schemathesis: no server error, statuses, types and shapes as told, refusals where due."""
    settings = schema.with_name("schemathesis.toml")
    settings.write_text(SETTINGS)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run", str(schema)]
    # With two workers it is no faster, and its own generator of cases fell once.
    options = ["--url", small_school, "--max-examples", CASES or "1", "--seed", "1", "--workers", "1"]
    # The other phases, which take each parameter in turn and follow one answer to the next, take minutes.
    options += [] if CASES else ["--phases", "fuzzing"]
    # A stream ends with its sync; a PDF takes a second each; a sync and other settings would change what is
    # being looked at, and the first token would shut out whoever has none.
    options += ["--exclude-path-regex", r"/events$|report\.pdf$"]
    options += ["--exclude-method", "POST", "--exclude-method", "PATCH"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
