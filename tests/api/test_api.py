"""The API as a program sees it: names, filters, errors, the sync."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests

from cohort_core import errors
from cohort_core.api.errors import STATUS_OF_ERROR
from cohort_core.practice.faults import Fault
from tests.api.conftest import Service

CLASS = "/classes/sd-cohort-12"


def test_every_error_has_a_status() -> None:
    assert set(STATUS_OF_ERROR) == set(errors.leaves())
    codes = [error.code for error in errors.leaves()]
    assert len(codes) == len(set(codes))


def test_health_has_the_last_sync(service: Service) -> None:
    health = service.get("/health")
    assert health["status"] == "ok"
    assert health["last_sync"] == max(item["synced_at"] for item in service.get("/classes"))


def test_both_ids_of_a_class_work(service: Service) -> None:
    row = next(row for row in service.get("/classes") if row["friendly_id"] == "sd-cohort-12")
    by_id, by_name = (
        service.get(f"/classes/{reference}/progress-summary") for reference in (row["id"], "sd-cohort-12")
    )
    assert by_id == by_name
    assert {"total_students", "avg_completion", "completed_count", "in_progress_count"} <= set(by_id)


def test_progressions_filters(service: Service) -> None:
    everything = service.get(f"{CLASS}/progressions")
    assert list(everything[0]) == [
        *("id", "student_id", "assignment_id", "grade"),
        *("started_at", "completed_at", "reviewed_at", "synced_at", "raw_grade"),
    ]
    student, assignment = everything[10]["student_id"], everything[10]["assignment_id"]

    def kept(condition: Any) -> list[str]:
        return [row["id"] for row in everything if condition(row)]

    def asked(**query: str) -> list[str]:
        return [row["id"] for row in service.get(f"{CLASS}/progressions", **query)]

    assert asked(student_id=student) == kept(lambda row: row["student_id"] == student)
    assert asked(assignment_id=assignment) == kept(lambda row: row["assignment_id"] == assignment)
    assert asked(status="completed") == kept(lambda row: row["completed_at"])
    assert asked(status="in_progress") == kept(lambda row: row["started_at"] and not row["completed_at"])
    middle = everything[1000]["completed_at"]
    assert asked(completed_after=middle) == kept(lambda row: (row["completed_at"] or "") >= middle)
    assert asked(completed_before=middle) == kept(
        lambda row: row["completed_at"] and row["completed_at"] < middle
    )
    assert asked(student_id="nobody") == []


def test_a_day_is_a_day_of_the_class(service: Service) -> None:
    everything = service.get(f"{CLASS}/progressions")
    # A class in New York: five hours behind UTC in November, four in summer.
    day = "2026-11-16"
    asked = service.get(f"{CLASS}/progressions", completed_after=day)
    assert {row["id"] for row in asked} == {
        row["id"] for row in everything if (row["completed_at"] or "") >= f"{day}T05:00:00.000Z"
    }


@pytest.mark.parametrize(
    "path",
    [
        *("/classes", f"{CLASS}/students", f"{CLASS}/assignments", f"{CLASS}/progressions"),
        *(f"{CLASS}/metrics/{name}" for name in ("blockers", "student-health", "progress-over-time")),
    ],
)
def test_lists_are_bare_and_can_be_cut(service: Service, path: str) -> None:
    everything = service.get(path)
    assert isinstance(everything, list)
    assert service.get(path, limit=2, offset=1) == everything[1:3]
    assert service.get(path, offset=1) == everything[1:]
    assert service.get(path, limit=0) == []


def test_groups_split_the_class(service: Service) -> None:
    whole = service.get(f"{CLASS}/progress-summary")["total_students"]
    nights = [service.get(f"{CLASS}/progress-summary", group=night) for night in ("tuesday", "Thursday")]
    without = sum(student["night"] is None for student in service.get(f"{CLASS}/students"))
    assert sum(summary["total_students"] for summary in nights) == whole - without
    assert all(summary["total_students"] for summary in nights)


@pytest.mark.parametrize(
    ("path", "query", "status", "code", "parameter"),
    [
        ("/classes/none/students", {}, 404, "unknown_class", None),
        ("/classes/none/metrics/blockers", {}, 404, "unknown_class", None),
        (f"{CLASS}/metrics/completion", {"as_of": "soon"}, 422, "bad_input", "as_of"),
        (f"{CLASS}/metrics/completion", {"group": "Sunday"}, 422, "bad_input", "group"),
        (f"{CLASS}/metrics/blockers", {"by": "luck"}, 422, "bad_input", "by"),
        (f"{CLASS}/progressions", {"completed_after": "2026-99-99"}, 422, "bad_input", "completed_after"),
        (f"{CLASS}/progressions", {"status": "lost"}, 422, "bad_input", "status"),
        ("/classes", {"limit": "many"}, 422, "bad_input", "limit"),
        ("/classes", {"offset": "-1"}, 422, "bad_input", "offset"),
        ("/sync/999999", {}, 404, "unknown_job", None),
        ("/nowhere", {}, 404, "not_found", None),
    ],
)
def test_errors_are_problems(
    service: Service, path: str, query: dict[str, str], status: int, code: str, parameter: str | None
) -> None:
    problem = service.refused(path, **query)
    assert (problem["status"], problem["code"], problem.get("parameter")) == (status, code, parameter)
    assert problem["detail"].endswith(".")


@pytest.mark.parametrize("body", [b"{", b'["s3cret"]', b'{"class_ids": "s3cret"}', b'{"password": "s3cret"}'])
def test_a_bad_body_is_refused_and_never_echoed(service: Service, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"{service.url}/sync", data=body, headers=headers, timeout=10)
    assert answer.status_code == 422
    assert answer.json()["parameter"]
    assert "s3cret" not in answer.text


def test_other_web_sites_are_kept_out(service: Service) -> None:
    forged = requests.get(f"{service.url}/health", headers={"Host": "evil.example"}, timeout=10)
    assert (forged.status_code, forged.json()["code"]) == (400, "foreign_host")
    foreign = requests.post(f"{service.url}/sync", headers={"Origin": "https://evil.example"}, timeout=10)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_origin")


def test_the_documentation_asks_no_other_host(service: Service) -> None:
    page = requests.get(f"{service.url}/docs", timeout=10).text
    assert "https://" not in page
    assert "/static-offline-docs/" in page


def ended(service: Service, job: int) -> dict[str, Any]:
    while True:
        state: dict[str, Any] = service.get(f"/sync/{job}")
        if state["state"] != "running":
            return state
        time.sleep(0.02)


def test_a_sync_is_started_watched_and_refused_while_it_runs(service: Service) -> None:
    service.upstream.faults.add(Fault("delay", "*/progressions", seconds=0.4, times=2))
    body = {"class_ids": ["web-cohort-3"], "full": True}
    started = requests.post(f"{service.url}/sync", json=body, timeout=10)
    assert started.status_code == 202
    job = started.json()["job"]
    assert started.headers["Location"] == f"/sync/{job}"
    second = requests.post(f"{service.url}/sync", timeout=10)
    assert (second.status_code, second.json()["code"], second.json()["job"]) == (409, "sync_running", job)
    state = ended(service, job)
    assert state["state"] == "done"
    assert [(item["friendly_id"], item["kind"], item["changed"]) for item in state["classes"]] == [
        ("web-cohort-3", "full", 0)
    ]


def test_an_unknown_class_or_a_failing_login_syncs_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = service.get("/sync", limit=1)["items"][0]["job"]
    unknown = requests.post(f"{service.url}/sync", json={"class_ids": ["none"]}, timeout=10)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_class")
    nothing = requests.post(f"{service.url}/sync", json={"class_ids": []}, timeout=10)
    assert (nothing.status_code, nothing.json()["parameter"]) == (422, "class_ids")
    assert service.get("/sync", limit=1)["items"][0]["job"] == before
    monkeypatch.setattr(service.workspace, "_tokens", {})
    service.upstream.faults.add(Fault("status", "/v1/auth/login", status=503))
    failing = requests.post(f"{service.url}/sync", timeout=10)
    assert (failing.status_code, failing.json()["code"]) == (502, "upstream_down")
    latest = service.get("/sync", limit=1)["items"][0]
    assert (latest["state"], latest["records"], latest["error_code"]) == ("failed", 0, "upstream_down")


def events_of(service: Service, job: int) -> list[tuple[str, dict[str, Any]]]:
    with requests.get(f"{service.url}/sync/{job}/events", stream=True, timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines(decode_unicode=True) if line]
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in zip(lines[::2], lines[1::2], strict=True)
    ]


def test_progress_comes_as_events_until_the_end(service: Service) -> None:
    service.upstream.faults.add(Fault("delay", "*/progressions", seconds=0.4, times=3))
    body = {"class_ids": ["web-cohort-3"], "full": True}
    job = requests.post(f"{service.url}/sync", json=body, timeout=10).json()["job"]
    events = events_of(service, job)
    assert [name for name, _ in events[:-1]] == ["progress"] * (len(events) - 1)
    assert len(events) >= 3
    name, last = events[-1]
    assert (name, last["state"]) == ("ended", "done")
    assert last == service.get(f"/sync/{job}")
    assert service.refused("/sync/999999/events")["code"] == "unknown_job"


def test_a_running_sync_can_be_cancelled(service: Service) -> None:
    service.upstream.faults.add(Fault("delay", "*/progressions", seconds=0.3, times=None))
    body = {"class_ids": ["pda-cohort-7"], "full": True}
    job = requests.post(f"{service.url}/sync", json=body, timeout=10).json()["job"]
    assert requests.post(f"{service.url}/sync/{job}/cancel", timeout=10).status_code == 202
    state = ended(service, job)
    service.upstream.faults.clear()
    assert (state["state"], state["error"]["code"]) == ("cancelled", "sync_cancelled")
    assert requests.post(f"{service.url}/sync/999999/cancel", timeout=10).status_code == 404
    again = requests.post(f"{service.url}/sync", json={"class_ids": ["pda-cohort-7"]}, timeout=10).json()
    assert ended(service, again["job"])["classes"][0]["kind"] == "full"


def test_records_that_cannot_be_used_are_listed_until_they_are_mended(service: Service) -> None:
    def sync() -> None:
        body = {"class_ids": ["web-cohort-3"]}
        ended(service, requests.post(f"{service.url}/sync", json=body, timeout=10).json()["job"])

    service.upstream.faults.add(Fault("rows", "*/progressions", edit="grade_text", first=2, times=None))
    sync()
    rows = service.get("/classes/web-cohort-3/quarantine")["items"]
    assert len(rows) >= 2
    assert {row["reason"] for row in rows} == {"grade is not a number"}
    service.upstream.faults.clear()
    sync()
    assert service.get("/classes/web-cohort-3/quarantine")["items"] == []


def test_changes_between_two_instants(service: Service) -> None:
    answer = service.get(f"{CLASS}/changes", since="2026-11-16")
    whole = answer["items"]
    assert len(whole) == answer["total"] > 0
    assert whole == sorted(whole, key=lambda row: row["at"], reverse=True)
    assert all(change["at"] >= "2026-11-16T05:00:00.000Z" for change in whole)
    assert service.get(f"{CLASS}/changes", since="2026-11-16", until="2026-11-18")["total"] < len(whole)
    assert service.refused(f"{CLASS}/changes", since="soon")["parameter"] == "since"
    assert service.get(f"{CLASS}/changes", since="2030-01-01")["items"] == []
    for word in ("later", ""):
        assert service.refused(f"{CLASS}/changes", until=word)["parameter"] == "until"


def test_triage_leaves_out_hidden_students(service: Service) -> None:
    def listed() -> list[tuple[str, str]]:
        entries = service.get("/triage", limit=10_000)["items"]
        return [(entry["class_id"], entry["student_id"]) for entry in entries]

    before = listed()
    class_id, student_id = next(entry for entry in before if entry[1])
    address = f"{service.url}/classes/{class_id}/students/{student_id}/mark"
    assert requests.put(address, json={"kind": "exempt"}, timeout=10).status_code == 204
    assert listed() == [entry for entry in before if entry[1] != student_id]
    assert requests.put(address, json={"kind": "done", "until": "2200-01-01"}, timeout=10).status_code == 204
    assert student_id not in {entry[1] for entry in listed()}
    assert requests.delete(address, timeout=10).status_code == 204
    assert listed() == before
    nobody = requests.put(address.replace(student_id, "nobody"), json={"kind": "exempt"}, timeout=10)
    assert (nobody.status_code, nobody.json()["code"]) == (404, "unknown_student")
    for mark in ({"kind": "done"}, {"kind": "done", "until": 0}, {"kind": "done", "until": "2020-01-01"}):
        assert requests.put(address, json=mark, timeout=10).json()["parameter"] == "until"


def test_triage_says_when_a_student_was_last_written_to(service: Service) -> None:
    entry = next(row for row in service.get("/triage", limit=10_000)["items"] if row["student_id"])
    assert entry["urgency"] in {"slipping", "far_behind", "never_started", "silent"}
    assert (entry["last_contact"], bool(entry["brief"])) == (None, True)
    address = f"{service.url}/classes/{entry['class_id']}/students/{entry['student_id']}/contacts"
    made = requests.post(address, json={"channel": "email", "hide_days": 0}, timeout=10).json()
    try:
        rows = service.get("/triage", limit=10_000)["items"]
        after = next(row for row in rows if row["student_id"] == entry["student_id"])
        assert after["last_contact"][:19] == made["at"][:19]
        # Seen from a day before it, there is no such contact.
        earlier = service.get("/triage", limit=10_000, as_of="2026-11-01")["items"]
        assert not any(row["last_contact"] for row in earlier)
    finally:
        assert requests.delete(f"{address}/{made['id']}", timeout=10).status_code == 204


def test_while_everybody_is_anonymous_only_pseudonyms_can_be_hidden(service: Service) -> None:
    """Otherwise a real id would show which pseudonym leaves the list."""
    real = service.get(f"{CLASS}/metrics/student-health")[0]["student_id"]
    with service.set(anonymous=True):
        pseudonymous = service.get(f"{CLASS}/metrics/student-health")[0]["student_id"]
        for student_id, status in ((real, 404), (pseudonymous, 204)):
            address = f"{service.url}{CLASS}/students/{student_id}/mark"
            assert requests.put(address, json={"kind": "exempt"}, timeout=10).status_code == status
            assert requests.delete(address, timeout=10).status_code == status


def test_an_unknown_parameter_is_refused_with_the_names_of_the_others(service: Service) -> None:
    problem = service.refused(f"{CLASS}/metrics/blockers", grupo="Tuesday")
    assert (problem["status"], problem["code"]) == (422, "bad_input")
    assert "group" in problem["detail"]
    assert "grupo" not in problem["detail"]


def test_a_parameter_with_two_values_is_refused(service: Service) -> None:
    assert service.refused("/classes", offset=["x", "0"])["parameter"] == "offset"
    assert service.refused(f"{CLASS}/metrics/blockers", by=["grade", "grade"])["parameter"] == "by"


def test_an_answer_that_has_not_changed_is_not_sent_again(service: Service) -> None:
    address = f"{service.url}{CLASS}/metrics/blockers"
    first = requests.get(address, timeout=10)
    tag = first.headers["ETag"]
    again = requests.get(address, headers={"If-None-Match": f'"other", {tag}'}, timeout=10)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    other = requests.get(address, params={"by": "grade"}, headers={"If-None-Match": tag}, timeout=10)
    assert other.status_code == 200
    assert "no-cache" in first.headers["Cache-Control"]
    assert first.headers["Content-Encoding"] == "gzip"


def test_head_is_get_without_the_body(service: Service) -> None:
    for path in ("/health", f"{CLASS}/students", "/nowhere", "/sync/999999"):
        head, get = (requests.request(method, service.url + path, timeout=10) for method in ("HEAD", "GET"))
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert head.headers["Content-Type"] == get.headers["Content-Type"]


def test_a_request_has_an_id(service: Service) -> None:
    given = requests.get(f"{service.url}/health", headers={"X-Request-ID": "night-7"}, timeout=10)
    assert given.headers["X-Request-ID"] == "night-7"
    forged = requests.get(f"{service.url}/health", headers={"X-Request-ID": "a b<script>"}, timeout=10)
    made = requests.get(f"{service.url}/health", timeout=10)
    assert len({forged.headers["X-Request-ID"], made.headers["X-Request-ID"], "a b<script>"}) == 3
