"""Compares the API with plain loops over the raw rows of a class with 3,781 records."""

from __future__ import annotations

import json
import unicodedata
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from cohort_core import practice
from tests.api.conftest import Service
from tests.metrics.naive import main_reports
from tests.metrics.random_classes import assert_same

CLASS = "sd-cohort-12"
ROUTES = {
    "progress_summary": "progress-summary",
    "completion": "metrics/completion",
    "blockers": "metrics/blockers",
    "student_health": "metrics/student-health",
    "progress_over_time": "metrics/progress-over-time",
}


class Raw:
    """The class as upstream sends it, read with nothing but the protocol."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._headers = {"Origin": practice.ORIGIN, "X-OpenClass-App-Id": practice.APP_ID, "Accept": "*/*"}
        form = {"email": practice.EMAIL, "password": practice.PASSWORD}
        answer = requests.post(f"{url}/v1/auth/login", data=form, headers=self._headers, timeout=10)
        self._headers["bearer"] = answer.json()["result"]["token"]
        listed = json.loads(self._get("/v1/classes")["result"]["objects"])["data"]
        self.class_id = next(item["id"] for item in listed if item["friendly_id"] == CLASS)
        detail = self._inner(f"/v1/classes/{self.class_id}")
        self.units = detail["data"][0]["units"]
        self.rows = list(self._rows())

    def _get(self, path: str) -> Any:
        return requests.get(self._url + path, headers=self._headers, timeout=10).json()

    def _inner(self, path: str) -> Any:
        return json.loads(self._get(path)["result"]["objects"][0])

    def _rows(self) -> Any:
        page = 0
        while True:
            query = f"return_count=200&page={page}&sort_by_completed_at=-1"
            got = self._inner(f"/v1/classes/{self.class_id}/progressions?{query}")
            for row in got["data"]:
                identity = row["_id"]
                yield {
                    "id": identity["$oid"] if isinstance(identity, dict) else identity,
                    "student_id": row["user"]["id"],
                    "first_name": unicodedata.normalize("NFC", row["user"]["first_name"]),
                    "last_name": unicodedata.normalize("NFC", row["user"]["last_name"]),
                    "assignment_id": row["assignment"]["id"],
                    "name": row["assignment"]["name"],
                    "type": row["assignment"]["type"],
                    "grade": row.get("grade"),
                    "started_at": row.get("started_assignment_at"),
                    "completed_at": row.get("completed_assignment_at"),
                    "reviewed_at": row.get("reviewed_at"),
                }
            if not got["metadata"]["can_load_more"]:
                return
            page += 1


@pytest.fixture(scope="module")
def raw(service: Service) -> Raw:
    return Raw(service.upstream.url)


def roster(service: Service, raw: Raw) -> list[dict[str, Any]]:
    """Return the roster with student ids, which the naive computation needs."""
    everyone = service.get(f"/classes/{CLASS}/students")
    return [{"student_id": student["id"], **student} for student in everyone]


@pytest.mark.parametrize(
    ("weeks_back", "group"), [(0, None), (0, "Tuesday"), (4, None), (9, "Thursday"), (40, None)]
)
def test_the_api_agrees_with_plain_loops(
    service: Service, raw: Raw, weeks_back: int, group: str | None
) -> None:
    synced_at = datetime.fromisoformat(
        next(item["synced_at"] for item in service.get("/classes") if item["friendly_id"] == CLASS)
    )
    as_of = synced_at - timedelta(weeks=weeks_back)
    expected = main_reports(raw.rows, raw.units, roster(service, raw), "America/New_York", as_of, group)
    query = {} if weeks_back == 0 else {"as_of": as_of.isoformat()}
    if group:
        query["group"] = group
    for name, route in ROUTES.items():
        assert_same(service.get(f"/classes/{CLASS}/{route}", **query), expected[name], name)


def test_every_record_is_there_as_upstream_has_it(service: Service, raw: Raw) -> None:
    got = service.get(f"/classes/{CLASS}/progressions")
    assert len(got) == len(raw.rows) == 3781
    columns = ("id", "student_id", "assignment_id", "grade", "started_at", "completed_at", "reviewed_at")
    assert {tuple(row[name] for name in columns) for row in got} == {
        tuple(row[name] for name in columns) for row in raw.rows
    }
