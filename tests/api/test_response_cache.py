"""The response cache: it sends responses again until something that they depend on changes."""

from __future__ import annotations

import gzip
import http.client
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cohort_core.api.app import create_app
from cohort_core.api.pagination import CACHE_KEY
from cohort_core.api.response_cache import ResponseCacheMiddleware
from cohort_core.clock import utc_now
from cohort_core.config import settings
from cohort_core.config.paths import Home
from cohort_core.http.request_log import RequestLogMiddleware
from cohort_core.services.workspace import Workspace
from cohort_core.store import hides
from cohort_core.store.change_watcher import ChangeWatcher
from cohort_core.store.classes import ListedClass, bump_revision, find_class, save_classes, set_active
from cohort_core.store.database import Database
from cohort_core.store.sync_runs import create_job
from cohort_core.sync.lock import acquire_lock
from tests.api.conftest import Service
from tests.conftest import serving

CLASS = "/classes/sd-cohort-12"
HEALTH = f"{CLASS}/metrics/student-health"

Change = Callable[[Service], None]


@pytest.fixture
def own(service: Service, tmp_path: Path) -> Iterator[Service]:
    """The synced school in a home of its own, which the test may change."""
    home = Home(tmp_path / "home")
    home.ensure()
    with service.workspace.database.reading() as source, closing(sqlite3.connect(home.database)) as copy:
        source.backup(copy)
    workspace = Workspace(home)
    with serving(create_app(workspace)) as url:
        yield Service(url, workspace, service.upstream)
    workspace.stop()


def other_database(service: Service) -> Database:
    """Open the database as another process would do."""
    return Database(service.workspace.home)


def run_sql(statement: str) -> Change:
    def change(service: Service) -> None:
        with other_database(service).writing() as connection:
            connection.execute(statement)

    return change


def sql_with_revision(statement: str) -> Change:
    """Return a change to the data of all classes, with a new revision."""

    def change(service: Service) -> None:
        with other_database(service).writing() as connection:
            connection.execute(statement)
            for row in connection.execute("SELECT id FROM classes").fetchall():
                bump_revision(connection, row["id"])

    return change


def hide_first_in_triage(service: Service) -> None:
    entry = next(entry for entry in service.get("/triage")["items"] if entry["student_id"])
    hides.save_hide(
        other_database(service), entry["class_id"], entry["student_id"], "exempt", until=None, now=utc_now()
    )


def deactivate_class(service: Service) -> None:
    set_active(other_database(service), ["sd-cohort-12"], active=False)


def save_values(**values: Any) -> Change:
    return lambda service: settings.save_settings(service.workspace.home, **values)


SWAP = """
UPDATE classes
SET friendly_id = CASE friendly_id WHEN 'sd-cohort-12' THEN 'web-cohort-3' ELSE 'sd-cohort-12' END
WHERE friendly_id IN ('sd-cohort-12', 'web-cohort-3')
"""
"""Two classes swap their friendly ids."""

SET_ASIDE = "INSERT INTO quarantine SELECT id, 'k', 'r', '{}', 1, 1 FROM classes"
REGRADED = """
INSERT INTO changes
SELECT NULL, 1, class_id, '2026-11-20T00:00:00.000Z', 'changed', id, student_id, assignment_id,
  'grade', '0.1', '0.2'
FROM progressions WHERE grade IS NOT NULL
"""
GRADES = "UPDATE progressions SET grade = 0.01 WHERE grade IS NOT NULL"


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (HEALTH, sql_with_revision(GRADES)),
        (f"{HEALTH}.csv", sql_with_revision(GRADES)),
        (f"{CLASS}/students", sql_with_revision("UPDATE enrolments SET night = 'Monday'")),
        (f"{CLASS}/metrics/by-hour", sql_with_revision("UPDATE classes SET timezone = 'Asia/Tokyo'")),
        (
            f"{CLASS}/metrics/stuck",
            sql_with_revision("UPDATE classes SET synced_at = '2026-11-01T00:00:00.000Z'"),
        ),
        (
            f"{CLASS}/quarantine",
            run_sql(SET_ASIDE),
        ),
        (f"{CLASS}/changes?since=2026-01-01", sql_with_revision(REGRADED)),
        ("/classes", sql_with_revision("DELETE FROM progressions WHERE grade < 0.5")),
        ("/classes", deactivate_class),
        ("/triage", hide_first_in_triage),
        ("/triage", deactivate_class),
        ("/triage", save_values(thresholds={"triage_length": 3})),
        (HEALTH, save_values(anonymous=True)),
        (HEALTH, save_values(thresholds={"high_gap": 20.0})),
        (f"{CLASS}/metrics/by-weekday", run_sql(SWAP)),
    ],
)
def test_a_change_is_never_answered_as_before(own: Service, path: str, change: Change) -> None:
    def answer() -> bytes:
        got = requests.get(own.url + path, timeout=10)
        assert got.status_code == 200, got.text
        return got.content

    before = answer()
    assert answer() == before
    change(own)
    after = answer()
    assert after != before
    assert answer() == after


def test_names_and_pseudonyms_are_kept_apart(own: Service) -> None:
    names, pseudonyms = (
        {row["name"] for row in own.get(HEALTH, anonymous=anonymous)} for anonymous in ("false", "true")
    )
    assert names.isdisjoint(pseudonyms)
    for _ in range(2):
        assert {row["name"] for row in own.get(HEALTH, anonymous="true")} == pseudonyms
        assert {row["name"] for row in own.get(HEALTH)} == names
    settings.save_settings(own.workspace.home, anonymous=True)
    assert {row["name"] for row in own.get(HEALTH)} == pseudonyms


def test_a_store_that_is_replaced_is_read_again(own: Service, service: Service) -> None:
    before = own.get("/classes")
    other = Home(own.workspace.home.folder.parent / "other")
    with Database(other).writing() as connection:
        connection.execute("INSERT INTO classes (id, name) VALUES ('x', 'Another')")
    other.database.replace(own.workspace.home.database)
    for left in ("-wal", "-shm"):
        own.workspace.home.database.with_name(f"cohort.db{left}").unlink(missing_ok=True)
    assert [row["name"] for row in own.get("/classes")] == ["Another"] != before


@pytest.mark.parametrize("looks", [False, True])
def test_another_file_with_the_same_revisions_is_another_store(own: Service, looks: bool) -> None:
    """Even if there was no file in between, so that the new one may have the same place on the disk."""
    path = f"{CLASS}/metrics/student-health"
    before, database = own.get(path), own.workspace.home.database
    other = database.with_name("other.db")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(other)) as copy:
        source.backup(copy)
        copy.execute("DELETE FROM progressions WHERE completed_at IS NOT NULL")
        copy.commit()
    another = other.read_bytes()
    for left in ("", "-wal", "-shm"):
        database.with_name(f"cohort.db{left}").unlink(missing_ok=True)
    if looks:
        assert own.workspace.cohorts.watcher.poll() is None
    database.write_bytes(another)
    assert sum(row["completed"] for row in before) > 0
    assert sum(row["completed"] for row in own.get(path)) == 0


def test_a_sync_that_is_killed_runs_no_longer(own: Service) -> None:
    """The store cannot know, since a killed sync writes no end."""
    database = other_database(own)
    lock = acquire_lock(database)
    job = create_job(
        database, [find_class(database, "sd-cohort-12")], asked_by="test", is_full=False, now=utc_now()
    )
    assert own.get("/sync")["items"][0]["state"] == "running"
    lock.release()  # as the operating system does for a process that was killed
    assert own.get("/sync")["items"][0]["state"] == own.get(f"/sync/{job}")["state"] == "interrupted"


def test_every_write_changes_the_version_of_the_store(home: Home) -> None:
    watcher, database = ChangeWatcher(Database(home)), Database(home)
    assert watcher.poll() is None
    versions = set()
    for name in ("A", "B", "C"):
        save_classes(database, [ListedClass("a", "a-1", name, None)])
        versions.add(watcher.poll())
        assert watcher.poll() in versions
    assert len(versions - {None}) == 3
    home.database.unlink()
    assert watcher.poll() is None
    watcher.close()


class Counting:
    """A cacheable route that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.status = 200

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        self.calls += 1
        scope["state"][CACHE_KEY] = True
        body = f'"{self.calls}{"x" * 2000}"'
        await Response(body, self.status, media_type="application/json")(scope, receive, send)


@contextmanager
def serving_cached(workspace: Workspace, route: Counting, max_bytes: int = 10**6) -> Iterator[str]:
    save_classes(workspace.database, [ListedClass("a", "a-1", "A", None)])
    with serving(
        ResponseCacheMiddleware(route, workspace=workspace, excluded_path="/none", max_bytes=max_bytes)
    ) as url:
        yield url


def test_equal_requests_are_computed_once(workspace: Workspace) -> None:
    route = Counting()
    with serving_cached(workspace, route) as url:
        session = requests.Session()

        def got(path: str, **headers: str) -> str:
            return session.get(url + path, headers=headers, timeout=10).text

        first = got("/a?x=1&y=2")
        assert got("/a?x=1&y=2", Accept="application/json") == first
        assert session.head(f"{url}/a?x=1&y=2", timeout=10).headers["Content-Length"]
        assert route.calls == 1
        others = [got(*question) for question in (("/b?x=1&y=2",), ("/a?x=2&y=2",), ("/a?x=1&y=2&x=0",))]
        others.append(got("/a?x=1&y=2", Accept="text/csv"))
        assert len({first, *others}) == route.calls == 5
        session.post(f"{url}/a?x=1&y=2", timeout=10)
        assert route.calls == 6


def test_two_headers_of_one_name_are_one_list(service: Service) -> None:
    def kind(*wanted: str) -> str | None:
        with closing(http.client.HTTPConnection(service.url.removeprefix("http://"))) as asked:
            asked.putrequest("GET", HEALTH)
            for accept in wanted:
                asked.putheader("Accept", accept)
            asked.endheaders()
            return asked.getresponse().headers.get_content_type()

    assert kind("text/csv", "application/json") == "text/csv"
    # Cached under the header that was sent, so that others do not get it.
    assert kind("application/json") == "application/json"
    assert kind("application/json", "text/csv") == "application/json"


def test_errors_are_not_cached(workspace: Workspace) -> None:
    route = Counting()
    with serving_cached(workspace, route) as url:
        route.status = 422
        requests.get(url, timeout=10)
        route.status = 200
        assert requests.get(url, timeout=10).status_code == 200
        assert route.calls == 2


def test_the_least_recently_used_response_is_dropped_first(workspace: Workspace) -> None:
    route = Counting()
    # Each takes a little more than 3 kB, as long as it is not compressed.
    with serving_cached(workspace, route, max_bytes=9_900) as url:
        for path, asked in (("/a", 1), ("/b", 2), ("/a", 2), ("/c", 3), ("/d", 4), ("/a", 4), ("/b", 5)):
            requests.get(url + path, headers={"Accept-Encoding": "identity"}, timeout=10)
            assert route.calls == asked, path


def test_the_compressed_form_has_a_tag_of_its_own(service: Service) -> None:
    plain, packed = (
        requests.get(service.url + HEALTH, headers={"Accept-Encoding": coding}, timeout=10, stream=True)
        for coding in ("identity", "gzip;q=0.5, identity;q=0.1")
    )
    raw = packed.raw.read()
    assert gzip.decompress(raw) == plain.content
    assert packed.headers["Content-Length"] == str(len(raw))
    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert {"Accept", "Accept-Encoding"} <= set(plain.headers["Vary"].split(", "))
    for refusal in ("gzip;q=0", "*, gzip;q=0", "br, *;q=0"):
        refused = requests.get(service.url + HEALTH, headers={"Accept-Encoding": refusal}, timeout=10)
        assert "Content-Encoding" not in refused.headers, refusal
    for response in (plain, packed):
        headers = {"If-None-Match": f'W/"x", {response.headers["ETag"]}', "Accept-Encoding": "gzip"}
        again = requests.get(service.url + HEALTH, headers=headers, timeout=10)
        assert again.status_code == (304 if response is packed else 200)
    assert "Content-Encoding" not in again.headers
    assert again.headers["ETag"] == packed.headers["ETag"]


def test_an_unexpected_error_is_a_problem_with_the_id_of_the_request(workspace: Workspace) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("s3" + "cret")

    cached = ResponseCacheMiddleware(broken, workspace=workspace, excluded_path="/none")
    with serving(RequestLogMiddleware(cached, home=workspace.home, excluded_path="/none")) as url:
        answer = requests.get(url, headers={"X-Request-ID": "night-7"}, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    assert answer.headers["X-Request-ID"] == "night-7"
    log = workspace.home.requests.read_text()
    assert "night-7 ValueError" in log
    assert "s3cret" not in answer.text + log
