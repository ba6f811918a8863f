"""Features of every list: its shape, sorting, fields, formats, and the methods of its path."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
import requests
from fastapi.routing import APIRoute

from cohort_core.api.dependencies import Read, api_router
from cohort_core.api.openapi import has_files
from cohort_core.api.pagination import SendList, SendRow, wanted_format
from cohort_core.store.database import utc_text
from tests.api.conftest import Service

CLASS = "/classes/sd-cohort-12"
HEALTH = f"{CLASS}/metrics/student-health"


def cells(answer: requests.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def test_a_list_has_one_shape(service: Service) -> None:
    class_data = service.workspace.cohorts.class_data("sd-cohort-12")
    assert class_data.synced_at is not None
    synced_at = utc_text(class_data.synced_at)
    whole = service.get(f"{CLASS}/metrics/activity")
    assert list(whole) == ["items", "total", "limit", "offset", "as_of", "synced_at"]
    total = len(whole["items"])
    assert [whole[name] for name in ("total", "limit", "offset", "as_of", "synced_at")] == [
        *(total, None, 0, synced_at, synced_at)
    ]
    part = service.get(f"{CLASS}/metrics/activity", limit=3, offset=4, as_of="2026-10-01")
    then = service.get(f"{CLASS}/metrics/activity", as_of="2026-10-01")["items"]
    assert (part["total"], part["limit"], part["offset"]) == (len(then), 3, 4)
    assert part["items"] == then[4:7]
    # The end of the day in New York.
    assert (part["as_of"], part["synced_at"]) == ("2026-10-02T03:59:59.999Z", synced_at)


@pytest.mark.parametrize("number", ["1.0", "1_0", "0x1", "\u0663", "", "one", "-1", "1e3"])
def test_a_number_of_rows_is_written_in_digits(service: Service, number: str) -> None:
    for parameter in ("limit", "offset"):
        problem = service.refused(f"{CLASS}/metrics/activity", **{parameter: number})
        assert (problem["status"], problem["parameter"]) == (422, parameter)
    assert service.refused("/sync/1.0")["status"] == 422


def test_a_bare_list_has_the_same_in_headers(service: Service) -> None:
    everything = service.get(HEALTH)
    answer = requests.get(service.url + HEALTH, params={"limit": 2, "offset": 1}, timeout=10)
    assert answer.json() == everything[1:3]
    headers = [answer.headers.get(name) for name in ("X-Total-Count", "X-Limit", "X-Offset")]
    assert headers == [str(len(everything)), "2", "1"]
    assert answer.headers["X-As-Of"] == answer.headers["X-Synced-At"]
    row = requests.get(f"{service.url}{CLASS}/progress-summary.csv", timeout=10)
    assert row.headers["X-As-Of"] == answer.headers["X-As-Of"]
    assert len(cells(row)) == 1


def ids_by(rows: list[dict[str, Any]], key: Any, *, descending: bool = False) -> list[str]:
    return [row["student_id"] for row in sorted(rows, key=key, reverse=descending)]


def test_lists_can_be_sorted(service: Service) -> None:
    everything = service.get(HEALTH)

    def asked(sort: str, **query: Any) -> list[str]:
        return [row["student_id"] for row in service.get(HEALTH, sort=sort, **query)]

    assert asked("-pct") == ids_by(everything, lambda row: row["pct"], descending=True)
    assert asked("name") == ids_by(everything, lambda row: row["name"].casefold())
    two = ids_by(everything, lambda row: (-row["pct"], row["name"].casefold()))
    assert asked("-pct,name") == two
    assert asked("-pct,name", limit=5, offset=3) == two[3:8]
    bands = ["critical", "high", "medium", "low"]
    assert asked("risk") == ids_by(everything, lambda row: bands.index(row["risk"]))
    file = requests.get(f"{service.url}{HEALTH}.csv?sort=-pct,name", timeout=10)
    assert [row["student_id"] for row in cells(file)] == two


def test_null_comes_last_in_both_directions(service: Service) -> None:
    for sort in ("grade", "-grade"):
        rows = service.get(f"{CLASS}/progressions", sort=sort, fields="grade")
        empty = [row["grade"] is None for row in rows]
        assert any(empty)
        assert empty == sorted(empty)
        grades = [row["grade"] for row in rows if row["grade"] is not None]
        assert grades == sorted(grades, reverse=sort.startswith("-"))


def test_lists_without_a_report_sort_alike(service: Service) -> None:
    everything = service.get("/classes")
    assert service.get("/classes", sort="-progressions") == sorted(
        everything, key=lambda row: row["progressions"], reverse=True
    )
    # False comes first, and equal rows keep their order.
    assert service.get("/classes", sort="is_active") == sorted(everything, key=lambda row: row["is_active"])


def test_fields_are_chosen_in_the_order_asked_for(service: Service) -> None:
    everything = service.get(HEALTH)
    expected = [{"pct": row["pct"], "student_id": row["student_id"]} for row in everything]
    got = service.get(HEALTH, fields="pct,student_id")
    assert got == expected
    assert list(got[0]) == ["pct", "student_id"]
    table = cells(requests.get(f"{service.url}{HEALTH}.csv?fields=pct,student_id", timeout=10))
    assert [list(row) for row in table] == [["pct", "student_id"]] * len(everything)
    assert service.get(f"{CLASS}/metrics/stuck", fields="name", limit=1)["items"][0].keys() == {"name"}
    assert service.get("/classes", fields="name")[0].keys() == {"name"}


@pytest.mark.parametrize(
    ("path", "query", "parameter", "allowed"),
    [
        (HEALTH, {"sort": "s3cret"}, "sort", "risk_score"),
        (HEALTH, {"sort": "reasons"}, "sort", "risk_score"),
        (HEALTH, {"sort": ""}, "sort", "risk_score"),
        (HEALTH, {"fields": "pct,s3cret"}, "fields", "reasons"),
        ("/classes", {"sort": "s3cret"}, "sort", "friendly_id"),
        ("/triage", {"fields": "s3cret"}, "fields", "reason"),
        (f"{CLASS}/progress-summary", {"fields": "total_students"}, "query", "group"),
        (f"{HEALTH}.csv", {"s3cret": "1"}, "query", "sort"),
    ],
)
def test_an_unknown_field_is_refused_with_the_names_of_the_others(
    service: Service, path: str, query: dict[str, str], parameter: str, allowed: str
) -> None:
    problem = service.refused(path, **query)
    assert (problem["status"], problem["code"], problem["parameter"]) == (422, "bad_input", parameter)
    assert allowed in problem["detail"]
    assert "s3cret" not in str(problem)


@pytest.mark.parametrize(
    ("path", "accept", "expected"),
    [
        ("/a", "", "json"),
        ("/a", "text/csv;q=0.2, application/json;q=0.9", "json"),
        ("/a", "text/csv;q=0.9, application/json;q=0.2", "csv"),
        ("/a", "text/*", "csv"),
        ("/a", "application/xml, */*;q=0.1", "json"),
        ("/a", "application/json;q=0", None),
        ("/a", "application/json;q=much", None),
        ("/a", "application/json;q=0, */*", "csv"),
        ("/a", "*/*;q=0.1, application/json;q=0.05", "csv"),
        ("/a", "text/html, */*;q=0.8", "json"),
        ("/a", "text/csv, */*", "csv"),
        ("/a", "application/xml", None),
        ("/a.csv", "application/xml", "csv"),
    ],
)
def test_the_preferred_format(path: str, accept: str, expected: str | None) -> None:
    assert wanted_format(path, accept) == expected


def test_a_format_that_is_not_there(service: Service) -> None:
    answer = requests.get(service.url + HEALTH, headers={"Accept": "application/xml"}, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    assert "text/csv" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (HEALTH, "GET, HEAD, OPTIONS"),
        (f"{HEALTH}.csv", "GET, HEAD, OPTIONS"),
        (f"{CLASS}/students/x/mark", "DELETE, OPTIONS, PUT"),
        ("/sync", "GET, HEAD, OPTIONS, POST"),
        ("/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_path_lists_its_methods(service: Service, path: str, methods: str) -> None:
    options = requests.options(service.url + path, timeout=10)
    assert (options.status_code, options.headers["Allow"], options.content) == (204, methods, b"")
    wrong = requests.patch(service.url + path, timeout=10)
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, methods)
    assert wrong.json()["code"] == "method_not_allowed"
    assert requests.options(f"{service.url}/nowhere", timeout=10).status_code == 404


def test_the_sender_makes_the_files_whatever_its_name() -> None:
    """A route has `.csv` and `.xlsx` because of a dependency, not because a parameter is called `send`."""
    router = api_router()

    @router.get("/list", response_model=None)
    def rows(anything: SendList) -> None: ...

    @router.get("/row", response_model=None)
    def row(something: SendRow) -> None: ...

    @router.get("/other", response_model=None)
    def other(send: Read) -> None: ...

    files = {route.path: has_files(route) for route in router.routes if isinstance(route, APIRoute)}
    assert files == {"/list": True, "/row": True, "/other": False}
