"""Every fault can be seen by a client, and ends when it should."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests

from cohort_core.practice.faults import BAD_ROWS, KINDS, Fault, http_date
from cohort_core.practice.school import MemorySchool, hex_id, progression
from cohort_core.practice.server import Running
from tests.practice.conftest import Reader

PAGES = "*/progressions"


@pytest.mark.parametrize("status", [403, 404, 408, 500, 502, 503])
def test_status(server: Running, reader: Reader, status: int) -> None:
    server.faults.add(Fault("status", status=status))
    assert reader.get("/v1/classes").status_code == status
    assert reader.get("/v1/classes").status_code == 200


@pytest.mark.parametrize("retry_after", [3, http_date(3)], ids=["seconds", "date"])
def test_429_with_retry_after(server: Running, reader: Reader, retry_after: int | str) -> None:
    server.faults.add(Fault("status", status=429, retry_after=retry_after))
    answer = reader.get("/v1/classes")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == str(retry_after)


def test_delay(server: Running, reader: Reader) -> None:
    server.faults.add(Fault("delay", seconds=0.2))
    begin = time.monotonic()
    assert reader.get("/v1/classes").ok
    assert time.monotonic() - begin >= 0.2


def test_hang(server: Running, reader: Reader) -> None:
    server.faults.add(Fault("hang"))
    with pytest.raises(requests.ReadTimeout):
        reader.session.get(f"{reader.url}/v1/classes", timeout=0.2)
    assert server.requests[-1].status == 0
    assert reader.get("/v1/classes").ok


def test_reset(server: Running, reader: Reader) -> None:
    server.faults.add(Fault("reset"))
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        reader.get("/v1/classes")
    assert reader.get("/v1/classes").ok


def test_cut_body(server: Running, reader: Reader) -> None:
    server.faults.add(Fault("cut"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        reader.get("/v1/classes")
    assert reader.get("/v1/classes").ok


def test_html(server: Running, reader: Reader) -> None:
    server.faults.add(Fault("html"))
    answer = reader.get("/v1/classes")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    with pytest.raises(ValueError):
        answer.json()


@pytest.mark.parametrize("value", [None, [], 3, {"result": {"objects": 5}}, {"result": {"objects": ["{"]}}])
def test_another_shape(server: Running, reader: Reader, value: Any) -> None:
    server.faults.add(Fault("shape", value=value))
    given = reader.get("/v1/classes").json()
    assert given == value if value is not None else "result" not in given


def test_redirect(server: Running, reader: Reader) -> None:
    server.faults.add(Fault("redirect", location="http://127.0.0.1:9/there"))
    answer = reader.get("/v1/classes")
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://127.0.0.1:9/there")


def test_wrong_charset(server: Running, reader: Reader, memory: tuple[MemorySchool, str]) -> None:
    school, class_id = memory
    school.put_row(class_id, progression("accent", student="zoë"))
    server.faults.add(Fault("charset", path=PAGES))
    answer = reader.get(f"/v1/classes/{class_id}/progressions")
    assert answer.headers["Content-Type"] == "application/json; charset=iso-8859-1"
    assert "Zoë" in answer.content.decode("utf-8")
    assert "Zoë" not in answer.text


def test_tokens_expire_and_a_new_login_works(server: Running, reader: Reader) -> None:
    server.faults.add(Fault("expire", after=1))
    assert reader.get("/v1/classes").status_code == 200
    assert reader.get("/v1/classes").status_code == 401
    assert reader.get("/v1/classes").status_code == 401
    reader.log_in()
    assert reader.get("/v1/classes").status_code == 200


def test_wrong_page_echoed(server: Running, reader: Reader, memory: tuple[MemorySchool, str]) -> None:
    server.faults.add(Fault("page", path=PAGES))
    assert reader.page(memory[1], 1, 2)[0]["page"] == 2


def test_smaller_cap(server: Running, reader: Reader, memory: tuple[MemorySchool, str]) -> None:
    server.faults.add(Fault("cap", path=PAGES, value=3, times=None))
    metadata, data = reader.page(memory[1])
    assert (metadata["results_per_page"], len(data), metadata["can_load_more"]) == (3, 3, True)
    assert len(reader.all_rows(memory[1])) == 5


def test_total_that_lies(server: Running, reader: Reader, memory: tuple[MemorySchool, str]) -> None:
    server.faults.add(Fault("total", path=PAGES, value=-2))
    assert reader.page(memory[1])[0]["total"] == 3
    assert reader.page(memory[1])[0]["total"] == 5


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows(server: Running, reader: Reader, memory: tuple[MemorySchool, str], name: str) -> None:
    good = reader.all_rows(memory[1])
    server.faults.add(Fault("rows", path=PAGES, edit=name, first=1))
    bad = reader.all_rows(memory[1])
    # Compared as texts, because True == 1.
    assert json.dumps(bad[0]) == json.dumps(BAD_ROWS[name](good[0])) != json.dumps(good[0])
    assert bad[1:] == good[1:]
    assert reader.all_rows(memory[1]) == good


def test_rows_edited_by_a_function(server: Running, reader: Reader, memory: tuple[MemorySchool, str]) -> None:
    server.faults.add(Fault("rows", path=PAGES, edit=lambda row: {**row, "grade": 85}))
    assert {row["grade"] for row in reader.all_rows(memory[1])} == {85}


def test_a_row_inserted_between_pages_shifts_them(
    server: Running, reader: Reader, memory: tuple[MemorySchool, str]
) -> None:
    school, class_id = memory
    server.faults.add(Fault("insert", path=PAGES, after=1))
    first = reader.page(class_id, 0, 2)[1]
    second = reader.page(class_id, 1, 2)[1]
    assert second[0] == first[1]
    assert len(school.rows(class_id)) == 6


def test_anything_can_happen_between_pages(
    server: Running, reader: Reader, memory: tuple[MemorySchool, str]
) -> None:
    school, class_id = memory
    gone = hex_id("progression", "p4")
    server.faults.add(Fault("call", path=PAGES, after=1, edit=lambda: school.drop_row(class_id, gone)))
    reader.page(class_id, 0, 2)
    assert reader.page(class_id, 1, 2)[0]["total"] == 4


def test_faults_are_counted_and_aimed(
    server: Running, reader: Reader, memory: tuple[MemorySchool, str]
) -> None:
    server.faults.add(
        Fault("status", path="*/progressions[?]*page=1*", status=503, after=1, times=2),
        Fault("status", path="/v1/auth/*", method="POST", status=500, times=None),
    )
    second = {"page": 1, "return_count": 2}
    path = f"/v1/classes/{memory[1]}/progressions"
    assert [reader.get(path, **second).status_code for _ in range(4)] == [200, 503, 503, 200]
    assert reader.get(path, page=0).status_code == 200
    assert [reader.log_in().status_code for _ in range(2)] == [500, 500]
    server.faults.clear()
    assert reader.log_in().status_code == 200


def test_several_in_one_request(server: Running, reader: Reader, memory: tuple[MemorySchool, str]) -> None:
    server.faults.add(Fault("cap", path=PAGES, value=2), Fault("total", path=PAGES, value=1))
    metadata, _ = reader.page(memory[1])
    assert (metadata["results_per_page"], metadata["total"]) == (2, 6)


def test_faults_of_a_kind_queue(server: Running, reader: Reader) -> None:
    server.faults.add(Fault("status", status=500, times=2), Fault("status", status=503))
    assert [reader.get("/v1/classes").status_code for _ in range(4)] == [500, 500, 503, 200]


def test_faults_from_outside(server: Running, reader: Reader, memory: tuple[MemorySchool, str]) -> None:
    address = f"{server.url}/practice/faults"
    wanted = [{"kind": "status", "status": 502}, {"kind": "rows", "path": PAGES, "edit": "null_user"}]
    assert len(requests.post(address, json=wanted, timeout=5).json()["faults"]) == 2
    assert reader.get("/v1/classes").status_code == 502
    assert reader.all_rows(memory[1])[0]["user"] is None
    assert requests.get(address, timeout=5).json() == {"faults": []}
    requests.post(address, json=[{"kind": "hang", "times": None}], timeout=5)
    requests.delete(address, timeout=5)
    assert reader.get("/v1/classes").ok


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "{}",
        "[1]",
        "[{}]",
        '[{"kind": "fire"}]',
        '[{"kind": "rows"}]',
        '[{"kind": "cut", "x": 1}]',
        '[{"kind": "cut", "times": "1"}]',
        '[{"kind": "rows", "edit": "no such"}]',
        '[{"kind": "call", "edit": "no_id"}]',
    ],
)
def test_a_wrong_list_of_faults_is_422(server: Running, body: str) -> None:
    answer = requests.post(f"{server.url}/practice/faults", data=body, timeout=5)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]


def test_no_faults_from_outside_unless_asked_for(practice_reader: Reader) -> None:
    assert practice_reader.get("/practice/faults").status_code == 404


def test_all_kinds_are_explained() -> None:
    from cohort_core.practice import faults

    assert all(f"| ``{kind}`` |" in (faults.__doc__ or "") for kind in KINDS)
