"""The practice school speaks the protocol to the letter, over real HTTP."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from cohort_core.errors import BadInput
from cohort_core.practice import PASSWORD
from cohort_core.practice.school import MemorySchool, hex_id, progression
from cohort_core.practice.server import HOST, Running, running, serve
from tests.practice.conftest import Reader


def test_login_gives_the_user_as_text_and_a_token_that_ends(
    server: Running, new_reader: Callable[[Running], Reader]
) -> None:
    result = new_reader(server).log_in().json()["result"]
    [user] = result["objects"]
    assert json.loads(user)["email"] == "mentor@practice.example"
    claims = result["token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert claims["exp"] - claims["iat"] == 30 * 24 * 3600
    assert abs(claims["iat"] - time.time()) < 60


def test_wrong_password_is_401(server: Running, new_reader: Callable[[Running], Reader]) -> None:
    assert new_reader(server).log_in("wrong").status_code == 401


@pytest.mark.parametrize("header", ["Origin", "X-OpenClass-App-Id"])
def test_another_school_is_403(server: Running, reader: Reader, header: str) -> None:
    reader.session.headers[header] = "other"
    assert reader.log_in().status_code == 403
    assert reader.get("/v1/classes").status_code == 403


@pytest.mark.parametrize("token", [None, "", "nonsense", "a.b.c", "ä.ö.ü".encode()])
def test_without_a_good_token_is_401(server: Running, reader: Reader, token: str | bytes | None) -> None:
    reader.session.headers["bearer"] = token  # type: ignore[assignment]
    assert reader.get("/v1/classes").status_code == 401


def test_a_forged_token_is_401(server: Running, reader: Reader) -> None:
    header, claims, signature = str(reader.session.headers["bearer"]).split(".")
    forged = json.loads(base64.urlsafe_b64decode(claims + "=="))
    forged["exp"] += 1
    claims = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")
    reader.session.headers["bearer"] = f"{header}.{claims}.{signature}"
    assert reader.get("/v1/classes").status_code == 401


def test_an_expired_token_is_401(
    memory: tuple[MemorySchool, str], new_reader: Callable[[Running], Reader]
) -> None:
    with running(memory[0], token_life=timedelta(seconds=-1)) as server:
        reader = new_reader(server)
        assert reader.log_in().ok
        assert reader.get("/v1/classes").status_code == 401


def test_a_token_outlives_the_server(
    memory: tuple[MemorySchool, str], new_reader: Callable[[Running], Reader]
) -> None:
    with running(memory[0]) as first:
        reader = new_reader(first)
        reader.log_in()
    with running(memory[0]) as second:
        reader.url = second.url
        assert reader.get("/v1/classes").ok


def test_classes_are_one_string(reader: Reader, memory: tuple[MemorySchool, str]) -> None:
    objects = reader.get("/v1/classes").json()["result"]["objects"]
    assert isinstance(objects, str)
    listed = json.loads(objects)
    assert listed["metadata"]["total"] == 1
    assert listed["metadata"]["page"] == 0
    [entry] = listed["data"]
    assert entry["_id"] == {"$oid": memory[1]}
    assert entry["id"] == memory[1]
    assert entry["friendly_id"] == "small-class"
    assert entry["name"] == "Small class"
    assert entry["is_published"] is True
    assert entry["units"] == [{"name": "Week 1", "assignments": ["a"]}]


def test_one_class_is_a_list_of_one_string(reader: Reader, memory: tuple[MemorySchool, str]) -> None:
    objects = reader.get(f"/v1/classes/{memory[1]}").json()["result"]["objects"]
    assert isinstance(objects, list)
    [inside] = map(json.loads, objects)
    assert inside["data"][0]["units"] == [{"name": "Week 1", "assignments": ["a"]}]


@pytest.mark.parametrize("path", ["/v1/classes/{}", "/v1/classes/{}/progressions"])
def test_an_unknown_class_is_404(reader: Reader, path: str) -> None:
    assert reader.get(path.format(hex_id("nowhere"))).status_code == 404


@pytest.mark.parametrize("params", [{"page": "x"}, {"page": -1}, {"return_count": 0}])
def test_numbers_that_make_no_sense_are_400(
    reader: Reader, memory: tuple[MemorySchool, str], params: dict[str, Any]
) -> None:
    assert reader.get(f"/v1/classes/{memory[1]}/progressions", **params).status_code == 400


def test_other_paths_and_methods(reader: Reader) -> None:
    assert reader.get("/v2/classes").status_code == 404
    assert reader.session.delete(f"{reader.url}/v1/classes").status_code == 405


def test_pages_have_the_metadata_of_the_protocol(reader: Reader, memory: tuple[MemorySchool, str]) -> None:
    metadata, data = reader.page(memory[1], 0, 2)
    assert metadata == {"total": 5, "page": 0, "results_per_page": 2, "can_load_more": True}
    assert len(data) == 2
    metadata, data = reader.page(memory[1], 2, 2)
    assert metadata == {"total": 5, "page": 2, "results_per_page": 2, "can_load_more": False}
    assert len(data) == 1
    metadata, data = reader.page(memory[1], 3, 2)
    assert not metadata["can_load_more"]
    assert data == []


def test_page_size_defaults_to_30_and_is_capped(new_reader: Callable[[Running], Reader]) -> None:
    school = MemorySchool()
    class_id = school.add_class(rows=[progression(f"p{n}") for n in range(60)])
    with running(school, page_cap=40) as server:
        reader = new_reader(server)
        reader.log_in()
        [text] = reader.get(f"/v1/classes/{class_id}/progressions").json()["result"]["objects"]
        assert json.loads(text)["metadata"]["results_per_page"] == 30
        metadata, data = reader.page(class_id, 0, 200)
        assert (metadata["results_per_page"], len(data)) == (40, 40)


def test_newest_completion_first_then_those_without_ties_by_id(
    new_reader: Callable[[Running], Reader],
) -> None:
    school = MemorySchool()
    times = ["2026-01-02T00:00:00Z", None, "2026-01-03T01:00:00+02:00", "2026-01-02T00:00:00.000Z", None, "?"]
    rows = [progression(str(n), completed=at, plain_id=n % 2 == 0) for n, at in enumerate(times)]
    class_id = school.add_class(rows=rows)
    with running(school) as server:
        reader = new_reader(server)
        reader.log_in()
        read = reader.all_rows(class_id, 2)
    ids = [row["_id"] if isinstance(row["_id"], str) else row["_id"]["$oid"] for row in read]
    assert ids[0] == hex_id("progression", "2")
    assert ids[1:3] == sorted(hex_id("progression", n) for n in "03")
    assert ids[3:] == sorted(hex_id("progression", n) for n in "145")


def test_rows_come_back_as_they_were_put_and_changes_show(
    reader: Reader, memory: tuple[MemorySchool, str]
) -> None:
    school, class_id = memory
    put = progression("new", student="zoë", completed="2026-02-01T00:00:00.000Z")
    school.put_row(class_id, put)
    assert reader.all_rows(class_id)[0] == put
    identity = put["_id"]["$oid"]
    school.change_row(class_id, identity, grade=0.5)
    assert reader.all_rows(class_id)[0]["grade"] == 0.5
    school.drop_row(class_id, identity)
    assert len(reader.all_rows(class_id)) == 5


def test_the_log_holds_neither_tokens_nor_bodies(server: Running, reader: Reader) -> None:
    reader.get("/v1/classes")
    assert [(seen.method, seen.path, seen.status) for seen in server.requests] == [
        ("POST", "/v1/auth/login", 200),
        ("GET", "/v1/classes", 200),
    ]
    text = str(list(server.requests))
    assert PASSWORD not in text
    assert str(reader.session.headers["bearer"]) not in text


def test_only_loopback(server: Running) -> None:
    assert urlsplit(server.url).hostname == HOST == "127.0.0.1"


def test_a_taken_port_is_bad_input_that_says_what_to_do(server: Running) -> None:
    port = urlsplit(server.url).port
    assert port is not None
    with pytest.raises(BadInput, match="choose another port") as refused:
        serve(port)
    assert refused.value.details == {"parameter": "port"}


def test_the_server_is_gone_after_the_block(memory: tuple[MemorySchool, str]) -> None:
    with running(memory[0]) as server:
        port = urlsplit(server.url).port
    with pytest.raises(OSError), socket.create_connection((HOST, port), timeout=1):
        pass
