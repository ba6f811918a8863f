"""Every report has its path, and the path sends the rows of the report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from cohort_core.api.app import create_app
from cohort_core.config.paths import Home
from cohort_core.metrics.cohort import Cohort, build
from cohort_core.reports import catalog
from cohort_core.services.cohorts import Cohorts
from cohort_core.services.workspace import Workspace
from cohort_core.store.class_data import ClassData
from cohort_core.timeutils import parse_as_of

from .report_names import ASSIGNMENT_REPORTS, OTHER_REPORTS, STUDENT_REPORTS
from .school import small_class, stalled_class


class Shelf(Cohorts):
    """Two small classes in place of those of a database."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.home, workspace.database, workspace.settings)
        self.home = workspace.home
        small = replace(small_class().class_data, synced_at=small_class().as_of)
        self.classes = {class_data.class_id: class_data for class_data in (small, stalled_class().class_data)}

    def find_class(self, reference: str) -> str:
        return reference

    def class_data(self, reference: str, *, anonymous: bool = False) -> ClassData:
        return self.classes[reference]

    def _current(self, reference: str) -> tuple[str, tuple[int, int], str]:
        return reference, (0, 0), "UTC"

    def cohort(
        self,
        reference: str,
        as_of: Any = None,
        group: str | None = None,
        type: str | None = None,
        **_: Any,
    ) -> Cohort:
        class_data = self.classes[reference]
        return build(class_data, parse_as_of(as_of, class_data.timezone) if as_of else None, group, type)

    def statuses(self, **_: Any) -> Any:
        return [SimpleNamespace(id=class_id, is_active=True, is_open=True) for class_id in self.classes]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(Workspace(Home(tmp_path_factory.mktemp("shelf") / "home")))


@pytest.fixture(scope="module")
def client(shelf: Shelf) -> Iterator[TestClient]:
    workspace = Workspace(shelf.home)
    workspace.cohorts = shelf
    app = create_app(workspace)
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def got(client: TestClient, path: str, **query: Any) -> Any:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def rows(answer: Any) -> list[Any]:
    """Return the rows of a list, bare or with a total, or the only row."""
    return answer if isinstance(answer, list) else answer.get("items", [answer])


@pytest.mark.parametrize("name", OTHER_REPORTS)
def test_every_metric_has_a_path(client: TestClient, name: str) -> None:
    path = f"/classes/c1/metrics/{name.replace('_', '-')}"
    expected = catalog.REPORTS[name].function(small_class()).records()
    assert rows(got(client, path)) == expected
    quiz = client.get(path, params={"type": "exam"})
    assert (quiz.status_code, quiz.json()["parameter"]) == (422, "type")
    cut = build(small_class().class_data, parse_as_of("2025-03-12", "UTC"), "Tue", "lesson")
    expected = catalog.REPORTS[name].function(cut).records()
    sent = got(client, path, as_of="2025-03-12", group="tue", type="Lesson")
    assert rows(sent) == expected


@pytest.mark.parametrize("name", [*STUDENT_REPORTS, *ASSIGNMENT_REPORTS])
def test_students_and_assignments_have_paths(client: TestClient, name: str) -> None:
    subject = "a2" if name in ASSIGNMENT_REPORTS else "cy"
    expected = catalog.REPORTS[name].function(small_class(), subject).records()
    kind = "assignment" if name in ASSIGNMENT_REPORTS else "student"
    last = re.sub(f"^{kind}_?", "", name).replace("_", "-")
    path = f"/classes/c1/{kind}s/{subject}/{last}".removesuffix("/")
    assert rows(got(client, path)) == expected
    unknown = client.get(path.replace(f"/{subject}", "/nobody"))
    code = "unknown_assignment" if name in ASSIGNMENT_REPORTS else "unknown_student"
    assert (unknown.status_code, unknown.json()["code"]) == (404, code)


@pytest.mark.parametrize("name", [name for name, spec in catalog.REPORTS.items() if spec.of_student == "one"])
def test_pace_and_forecast_of_one_student(client: TestClient, name: str) -> None:
    assert (
        got(client, f"/classes/c1/students/cy/{name}")
        == catalog.REPORTS[name].function(small_class(), "cy").record()
    )


def test_the_main_reports_take_a_type(client: TestClient) -> None:
    for path in ("progress-summary", "metrics/completion"):
        assert client.get(f"/classes/c1/{path}", params={"type": "exam"}).status_code == 422
    assert got(client, "/classes/c1/metrics/completion", type="lesson")["total_assignments"] == 3


def test_triage_over_all_active_classes(client: TestClient, shelf: Shelf) -> None:
    answer = got(client, "/triage", as_of="2025-03-28T10:00:00Z")
    classes = [
        build(class_data, parse_as_of("2025-03-28T10:00:00Z", "UTC")) for class_data in shelf.classes.values()
    ]
    expected = catalog.triage(classes)
    total = len(expected.records()) + expected.more
    assert (answer["items"], answer["total"], answer["limit"]) == (expected.records(), total, 7)
    second = got(client, "/triage", as_of="2025-03-28T10:00:00Z", limit=1, offset=1)
    assert (second["items"], second["total"]) == (expected.records()[1:2], total)
    assert client.get("/triage", params={"limit": -1}).status_code == 422


def test_every_report_has_a_path(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    models = {
        str(route["get"]["responses"]["200"]["content"]["application/json"]["schema"])
        for route in schema["paths"].values()
        if "get" in route and "application/json" in route["get"]["responses"]["200"].get("content", {})
    }
    names = {name for model in models for name in re.findall(r"/(\w+)'", model)}
    without = [
        name
        for name, spec in catalog.REPORTS.items()
        if not names & {spec.row.__name__, spec.row.__name__.replace("Row", "List")}
    ]
    assert without == []
