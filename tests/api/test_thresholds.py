"""Thresholds that a mentor sets apply at once in the API, files, the report and the command line."""

from __future__ import annotations

import csv
import io

import requests

from cohort_core.export import pdf
from cohort_core.services.principal import OWNER
from cohort_core.services.reader import Reader
from tests.api.conftest import Service

HEALTH = "/classes/sd-cohort-12/metrics/student-health"


def counted(rows: list[dict[str, str]], column: str = "risk") -> dict[str, int]:
    return {band: [row[column] for row in rows].count(band) for band in ("critical", "high", "medium", "low")}


def test_thresholds_apply_everywhere_at_once(service: Service) -> None:
    before, needs = service.get(HEALTH), service.get("/triage")["items"]
    with service.set(thresholds={"high_gap": 20, "triage_length": 3, "least_ranked": 40}):
        after = service.get(HEALTH)
        assert counted(after) != counted(before)
        assert [row["risk_score"] for row in after] == [row["risk_score"] for row in before]
        assert all((row["risk"] in {"critical", "high"}) == (row["risk_gap"] >= 20) for row in after)

        file = csv.DictReader(io.StringIO(requests.get(service.url + HEALTH + ".csv", timeout=10).text))
        assert counted(list(file)) == counted(after)
        reader = Reader(service.workspace, OWNER)
        assert counted(reader.report("student-health", "sd-cohort-12").records()) == counted(after)
        content = pdf.content(reader.cohort("sd-cohort-12"))
        assert [band["count"] for band in content["bands"]] == list(counted(after).values())
        assert "Levels begin 30, 20 and 2 points" in str(content["definitions"])

        assert service.get("/triage")["items"] == service.get("/triage", limit=3)["items"]
        assert len(needs) == 7
        blockers = service.get("/classes/sd-cohort-12/metrics/blockers")
        assert all((row["rank"] is not None) == (row["students_reached"] >= 40) for row in blockers)

    assert service.get(HEALTH) == before
    assert service.get("/triage")["items"] == needs


def test_invalid_thresholds_are_reported(service: Service) -> None:
    with service.set(thresholds={"high_gap": 50}):
        problem = service.refused(HEALTH)
    assert problem["code"] == "bad_settings"
    assert "must rise from medium_gap over high_gap to critical_gap" in problem["detail"]
