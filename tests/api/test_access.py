"""Permissions: every route of the app is requested with every kind of token."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pypdf
import pytest
import requests
from fastapi import FastAPI
from starlette.routing import Mount

from cohort_core import clock
from cohort_core.api.app import create_app
from cohort_core.api.routes import sync as sync_routes
from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.config.settings import save_settings
from cohort_core.errors import NoNetwork, SyncCancelled
from cohort_core.http.auth import needed_right
from cohort_core.http.rate_limit import Limits
from cohort_core.practice.faults import Fault
from cohort_core.reports import catalog
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.audit import load_events
from cohort_core.store.classes import find_class
from cohort_core.store.destinations import Wanted
from cohort_core.store.help_requests import add_request, load_requests
from cohort_core.store.maintenance import backup
from cohort_core.store.student_links import StudentKey
from cohort_core.store.tokens import create_token, load_tokens, revoke_token
from tests.api.conftest import Service
from tests.conftest import FAST_RETRIES, sample, serving, wait_until

MINE, OTHER = "web-cohort-3", "pda-cohort-7"
OPEN = "/health"
ADMINISTRATION = ("/tokens", "/audit", "/settings", "/accounts", "/sessions", "/destinations")


def is_administration(path: str) -> bool:
    return path.startswith(ADMINISTRATION) or path.endswith(("/activate", "/deactivate"))


WELL = (200, 201, 202, 204, 307, 409)
EDGE = Limits(failures=10**6, syncs=10**6)


@dataclass
class Guarded:
    """A service with tokens and a database of its own."""

    url: str
    app: FastAPI
    workspace: Workspace
    tokens: dict[str, str]
    student: dict[str, str]
    job: dict[str, int]

    def ask(self, method: str, path: str, who: str | None = None, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.tokens.get(who, who)}"} if who else {}
        headers |= more.pop("headers", {})
        return requests.request(
            method, self.url + path, headers=headers, timeout=20, allow_redirects=False, **more
        )

    def contact(self, class_id: str, student_id: str) -> int:
        """Return the number of a contact that is there."""
        return (
            Services(self.workspace)
            .commands(CLI_OWNER)
            .add_contact(class_id, student_id, "met", hide_days=0)
            .contact.id
        )

    def request(self, class_id: str, student_id: str) -> int:
        """Return the number of a request for help that is there."""
        with self.workspace.database.writing() as connection:
            add_request(connection, StudentKey(class_id, student_id), None, None, utc_now())
            return load_requests(connection)[0].id

    def account(self) -> int:
        """Return the number of an account that is there."""
        name = f"spare-{secrets.token_hex(8)}"
        return Services(self.workspace).accounts(CLI_OWNER).create(name, "admin").id

    def destination(self) -> tuple[int, int]:
        """Return the numbers of a destination where nobody listens, and of a message that failed."""
        messages = Services(self.workspace).messages(CLI_OWNER)
        wanted = Wanted(f"spare-{secrets.token_hex(8)}", "webhook")
        made, _ = messages.add(wanted, {"url": "http://127.0.0.1:9/"})
        messages.send_test(made.id)
        return made.id, messages.messages(made.id)[0].id

    def routes(self, reference: str, class_name: str) -> Iterator[tuple[str, str]]:
        """Yield every method and path of the app, for one class, its students and its syncs."""
        class_id = find_class(self.workspace.database, class_name)
        assignment = self.workspace.cohorts.class_data(class_id).assignments["assignment_id"].iloc[0]
        for route in self.app.routes:
            path = getattr(route, "path", "")
            path = path.replace("{class_id}", reference).replace("{student_id}", self.student[class_name])
            path = path.replace("{assignment_id}", assignment).replace("{job}", str(self.job[class_name]))
            if "{contact}" in path:
                # Only here: a write ends every cache, and each of the many routes would compute anew.
                path = path.replace("{contact}", str(self.contact(class_id, self.student[class_name])))
            if "{request}" in path:
                number = str(self.request(class_id, self.student[class_name]))
                path = path.replace("{request}", number)
            if "{account}" in path or path == "/sessions":
                account_id = self.account()
                path = path.replace("{account}", str(account_id))
            if "{destination}" in path:
                destination, delivery = self.destination()
                path = path.replace("{destination}", str(destination)).replace("{delivery}", str(delivery))
            path = path.replace("{name}", "spare").replace("{kind}", "praise")
            path += "/swagger-ui.css" if isinstance(route, Mount) else ""
            assert "{" not in path, path
            methods = set(getattr(route, "methods", None) or {"GET"})
            # Every route with GET also answers HEAD.
            for method in sorted(methods | ({"HEAD"} if "GET" in methods else set())):
                yield method, path


def is_refused(answer: requests.Response, status: int, code: str) -> bool:
    """Return whether a request was refused. The response to HEAD has no body with a code to check."""
    is_head = answer.request.method == "HEAD"
    return answer.status_code == status and (is_head or answer.json()["code"] == code)


def body_of(method: str, path: str) -> dict[str, Any]:
    if path == "/sync":
        return {"json": {"class_ids": ["web-cohort-3"]}}
    if (method, path) == ("POST", "/tokens"):
        # The next route in the list revokes this token.
        return {"json": {"name": "spare"}}
    if (method, path) == ("POST", "/accounts"):
        return {"json": {"name": f"new-{secrets.token_hex(8)}", "role": "admin"}}
    if (method, path) == ("POST", "/destinations"):
        url = "http://127.0.0.1:9/"
        return {"json": {"name": f"new-{secrets.token_hex(8)}", "kind": "slack", "url": url}}
    if method == "PATCH" and path.startswith("/destinations"):
        return {"json": {"at": "09:00"}}
    if path == "/sessions":
        return {"params": {"account": 1}} if method == "DELETE" else {}
    if method == "PATCH" and path.startswith("/accounts"):
        return {"json": {"is_active": True}}
    if method == "PATCH":
        return {"json": {"anonymous": False}}
    if (method, path.rsplit("/", 1)[-1]) == ("POST", "contacts"):
        return {"json": {"channel": "email"}}
    if path.startswith("/drafts/"):
        return {"json": {"body": "Well done!"}} if method == "PUT" else {}
    if path.endswith("/handover-notes"):
        return {"json": {"question": "helps", "text": "Patience."}}
    return {"json": {"kind": "exempt"}} if method == "PUT" else {}


@pytest.fixture(scope="module")
def guarded(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    home = Home(tmp_path_factory.mktemp("access") / "home")
    home.ensure()
    backup(service.workspace.database, home.database, asked_by="test")
    for path in (service.workspace.home.config, service.workspace.home.credentials):
        shutil.copy(path, home.folder)
    save_settings(home, student_page=True)
    workspace = Workspace(home, retry_policy=FAST_RETRIES)
    jobs = {name: workspace.prepare_sync([name], asked_by="test").run().id for name in (MINE, OTHER)}
    health = {name: catalog.student_health(workspace.cohorts.cohort(name)) for name in (MINE, OTHER)}
    students = {name: report.frame["student_id"].iloc[0] for name, report in health.items()}
    now = datetime.now(UTC)

    def make(name: str, role: str, *classes: str) -> str:
        return create_token(
            workspace.database,
            name,
            role,
            classes or None,
            lifetime=timedelta(days=1),
            asked_by="test",
            now=now,
        )

    tokens = {role: make(role, role) for role in ("viewer", "mentor", "admin")}
    tokens |= {"my-viewer": make("my-viewer", "viewer", MINE), "my-mentor": make("my-mentor", "mentor", MINE)}
    # Each for a single test, so that the requests of other tests are not counted.
    tokens["my-reader"], tokens["downloader"] = (
        make("my-reader", "viewer", MINE),
        make("downloader", "viewer"),
    )
    tokens["revoked"] = make("revoked", "viewer")
    revoke_token(workspace.database, "revoked", asked_by="test", now=now)
    tokens["expired"] = create_token(
        *(workspace.database, "expired", "admin"),
        lifetime=timedelta(hours=1),
        asked_by="test",
        now=now - timedelta(hours=2),
    )
    app = create_app(workspace, limits=EDGE)
    with serving(app) as url:
        yield Guarded(url, app, workspace, tokens, students, jobs)
    workspace.stop()


@pytest.mark.parametrize("who", ["my-viewer", "my-mentor", "mentor"])
def test_only_an_admin_administers(guarded: Guarded, who: str) -> None:
    asked = [route for route in guarded.routes(MINE, MINE) if is_administration(route[1])]
    assert {method for method, _ in asked} >= {"GET", "POST", "PATCH", "DELETE"}
    for method, path in asked:
        answer = guarded.ask(method, path, who, **body_of(method, path))
        assert is_refused(answer, 403, "role_too_low"), (method, path)


def test_a_mentor_changes_the_drafts_and_a_viewer_does_not(guarded: Guarded) -> None:
    wanted = {"subject": "Hello", "body": "Hi {first_name}"}
    for who, status in (("my-viewer", 403), ("my-mentor", 200), ("mentor", 200), ("admin", 200)):
        answers = [guarded.ask("PUT", "/drafts/stuck", who, json=wanted)]
        answers.append(guarded.ask("DELETE", "/drafts/stuck", who))
        assert [answer.status_code for answer in answers] == [status, status], who
        assert status == 403 or answers[0].json()["who"] == f"token:{who}"
        events = [
            event.action
            for event in load_events(guarded.workspace.database)
            if event.who == f"token {who}" and event.detail == "stuck"
        ]
        assert events == ([] if status == 403 else ["draft reset", "draft"]), who


def test_every_route_is_known_here(guarded: Guarded) -> None:
    routes = list(guarded.routes(MINE, MINE))
    assert len(routes) > 100
    assert ("GET", f"/classes/{MINE}/report.pdf") in routes
    # Paths without a rule are for admins, so a new route is refused until it gets a rule.
    for method in ("GET", "POST", "DELETE", "PATCH"):
        assert needed_right(method, "/new") == "administer"
    assert needed_right("POST", f"/classes/{MINE}/students") == "administer"


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (None, "token_missing"),
        ("wrong", "token_unknown"),
        ("revoked", "token_revoked"),
        ("expired", "token_expired"),
    ],
)
def test_nobody_gets_in_without_a_live_token(guarded: Guarded, who: str | None, code: str) -> None:
    for method, path in guarded.routes(MINE, MINE):
        answer = guarded.ask(method, path, who, **body_of(method, path))
        if path == OPEN:
            assert answer.status_code == 200
            continue
        assert is_refused(answer, 401, code), (method, path)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["X-Frame-Options"] == "DENY"
    assert guarded.ask("GET", "/nowhere", who).status_code == 401


@pytest.mark.parametrize("role", sample(["viewer", "mentor", "admin"], 2))
def test_a_role_does_what_it_may(guarded: Guarded, role: str) -> None:
    for method, path in guarded.routes(MINE, MINE):
        answer = guarded.ask(method, path, role, **body_of(method, path))
        is_writing = method not in ("GET", "HEAD")
        if (role == "viewer" and is_writing) or (role != "admin" and is_administration(path)):
            assert is_refused(answer, 403, "role_too_low"), (method, path)
        else:
            assert answer.status_code in WELL, (method, path, answer.text)
    for method in ("GET", "POST"):
        assert guarded.ask(method, "/nowhere", role).status_code == 404


@pytest.mark.parametrize("who", sample(["my-mentor", "my-viewer"], 1))
def test_a_token_of_one_class_knows_no_other(guarded: Guarded, who: str) -> None:
    """Another class looks as if it did not exist: by both ids, as JSON, CSV, XLSX and PDF."""
    other_id = find_class(guarded.workspace.database, OTHER)
    count = 0
    for reference in (other_id, OTHER):
        for method, path in guarded.routes(reference, OTHER):
            answer = guarded.ask(method, path, who, **body_of(method, path))
            text = answer.content.decode("latin-1")
            assert (other_id in text, OTHER in text) == (False, False), (method, path)
            if reference not in path:
                continue
            count += 1
            if (who == "my-viewer" and method not in ("GET", "HEAD")) or is_administration(path):
                assert answer.status_code == 403
                continue
            unknown = guarded.ask(method, path.replace(reference, "none"), who, **body_of(method, path))
            assert (answer.status_code, answer.content) == (404, unknown.content), (method, path)
            differing = {"date", "x-request-id"}
            assert _without(answer.headers, differing) == _without(unknown.headers, differing)
    assert count > 100
    for method, path in guarded.routes(MINE, MINE):
        if method == "GET" and path.startswith(f"/classes/{MINE}/"):
            assert guarded.ask("GET", path, who).status_code == 200, path


def text_of(answer: requests.Response) -> str:
    """Return the text of a response, also of a PDF or a workbook."""
    content = answer.content
    if content.startswith(b"%PDF"):
        return " ".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(content)).pages)
    if content.startswith(b"PK"):
        with ZipFile(BytesIO(content)) as workbook:
            return " ".join(workbook.read(name).decode() for name in workbook.namelist())
    return content.decode()


def test_a_viewer_gets_no_note_and_no_answer_of_a_handover(guarded: Guarded) -> None:
    """In no format. The mentor asks first, so that a response that was kept for one would show."""
    commands = Services(guarded.workspace).commands(CLI_OWNER)
    student = guarded.student[MINE]
    made = commands.add_contact(MINE, student, "call", note="canary-note", hide_days=0)
    abouts: tuple[dict[str, str], ...] = ({}, {"student_id": student})
    for about in abouts:
        commands.save_handover_note(MINE, "careful", "canary-answer", **about)
    seen: dict[str, set[str]] = {"mentor": set(), "viewer": set(), "my-viewer": set()}
    try:
        routes = [path for method, path in guarded.routes(MINE, MINE) if method == "GET"]
        for path in (path for path in routes if not path.startswith("/sync/")):
            for who, paths in seen.items():
                if "canary" in text_of(guarded.ask("GET", path, who)):
                    paths.add(path)
    finally:
        commands.delete_contact(MINE, student, made.contact.id)
        for about in abouts:
            commands.save_handover_note(MINE, "careful", "", **about)
    lists = (f"/classes/{MINE}/contacts", f"/classes/{MINE}/students/{student}/contacts")
    wanted = {f"{path}{suffix}" for path in lists for suffix in ("", ".csv", ".xlsx")}
    assert seen["mentor"] == wanted | {f"/classes/{MINE}/handover.pdf"}
    assert (seen["viewer"], seen["my-viewer"]) == (set(), set())


def _without(headers: Any, names: set[str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in names}


def test_lists_over_all_classes_hold_those_of_the_token(guarded: Guarded) -> None:
    mine = find_class(guarded.workspace.database, MINE)
    assert [row["id"] for row in guarded.ask("GET", "/classes", "my-viewer").json()] == [mine]
    assert len(guarded.ask("GET", "/classes", "viewer").json()) > 3
    needs = guarded.ask("GET", "/triage?limit=1000", "my-viewer").json()["items"]
    assert {row["class_id"] for row in needs} == {mine}
    assert (
        len({row["class_id"] for row in guarded.ask("GET", "/triage?limit=1000", "viewer").json()["items"]})
        > 1
    )
    # A response that is cached for one token must not be sent to another.
    assert [row["id"] for row in guarded.ask("GET", "/classes", "my-viewer").json()] == [mine]
    assert guarded.ask("GET", "/health").json()["last_sync"]


def finished(guarded: Guarded, job: int) -> dict[str, Any]:
    with guarded.ask("GET", f"/sync/{job}/events", "admin", stream=True) as answer:
        *_, last = (line for line in answer.iter_lines(decode_unicode=True) if line)
    state: dict[str, Any] = json.loads(last.removeprefix("data: "))
    return state


def test_a_sync_is_of_the_tokens_own_classes(guarded: Guarded) -> None:
    mine = find_class(guarded.workspace.database, MINE)
    refused = guarded.ask("POST", "/sync", "my-mentor", json={"class_ids": [MINE, OTHER]})
    unknown = guarded.ask("POST", "/sync", "my-mentor", json={"class_ids": [MINE, "none"]})
    assert (refused.status_code, refused.content) == (404, unknown.content)
    started = guarded.ask("POST", "/sync", "my-mentor")
    assert started.status_code == 202, started.text
    assert [row["class_id"] for row in finished(guarded, started.json()["job"])["classes"]] == [mine]

    whole = guarded.ask("POST", "/sync", "mentor", json={"class_ids": [MINE, OTHER]}).json()["job"]
    assert len(finished(guarded, whole)["classes"]) == 2
    seen = guarded.ask("GET", f"/sync/{whole}", "my-viewer").json()
    assert [row["class_id"] for row in seen["classes"]] == [mine]
    assert seen["records"] == seen["classes"][0]["records"]
    assert guarded.ask("POST", f"/sync/{whole}/cancel", "my-mentor").status_code == 404
    nothing = guarded.ask("GET", "/sync/999999", "my-viewer")
    for path in ("", "/events"):
        hidden = guarded.ask("GET", f"/sync/{guarded.job[OTHER]}{path}", "my-viewer")
        assert (hidden.status_code, hidden.content) == (404, nothing.content)


def test_a_failed_sync_is_failed_for_a_token_that_sees_a_part(guarded: Guarded, service: Service) -> None:
    service.upstream.faults.add(Fault("status", "*/classes/*", status=503, times=None))
    try:
        job = guarded.workspace.prepare_sync([MINE, OTHER], asked_by="test").run()
    finally:
        service.upstream.faults.clear()
    whole, part = (guarded.ask("GET", f"/sync/{job.id}", who).json() for who in ("mentor", "my-viewer"))
    assert (whole["state"], part["state"]) == ("failed", "failed")
    assert part["error"] == whole["error"] == {"code": "upstream_down", "message": whole["error"]["message"]}
    guarded.workspace.prepare_sync([MINE, OTHER], asked_by="test").run()


def test_a_sync_that_fails_before_its_classes_is_failed_for_a_part(guarded: Guarded) -> None:
    job = guarded.workspace.prepare_sync([MINE, OTHER], asked_by="test")
    job._fail(NoNetwork("OpenClass cannot be reached."))
    state = guarded.ask("GET", f"/sync/{job.id}", "my-viewer").json()
    (part,) = state["classes"]
    assert (state["state"], state["error"]["code"], part["state"]) == ("failed", "no_network", "failed")
    assert part["ended_at"] == state["ended_at"] is not None


def test_a_sync_that_is_stopped_later_is_done_for_classes_that_were_done(
    guarded: Guarded, service: Service
) -> None:
    job = guarded.workspace.prepare_sync([MINE, OTHER], asked_by="test")
    other = find_class(guarded.workspace.database, OTHER)
    service.upstream.faults.add(Fault("call", f"*{other}*", edit=job.stop))
    with pytest.raises(SyncCancelled):
        job.run()
    whole, part = (guarded.ask("GET", f"/sync/{job.id}", who).json() for who in ("mentor", "my-viewer"))
    assert (whole["error"]["code"], whole["classes"][1]["error"]) == ("sync_cancelled", None)
    assert [row["state"] for row in whole["classes"]] == ["done", "cancelled"]
    assert (whole["state"], part["state"], part["error"]) == ("cancelled", "done", None)


def test_a_sync_whose_part_is_over_runs_on_without_a_number(guarded: Guarded, service: Service) -> None:
    other, answers = find_class(guarded.workspace.database, OTHER), []

    def ask() -> None:
        answers.append(guarded.ask("GET", f"/sync/{job.id}", "my-mentor").json()["state"])
        both = (
            guarded.ask("POST", "/sync", who, json={"class_ids": [MINE]}) for who in ("my-mentor", "mentor")
        )
        answers.extend(row.json().get("job") for row in both)

    job = guarded.workspace.prepare_sync([MINE, OTHER], asked_by="test")
    service.upstream.faults.add(Fault("call", f"*{other}*", edit=ask))
    job.run()
    assert answers == ["done", None, job.id]


def test_a_part_of_a_sync_tells_nothing_of_the_rest(guarded: Guarded) -> None:
    """Not even the duration shows that the sync had another class."""
    job = guarded.workspace.prepare_sync([OTHER, MINE], asked_by="test").run()
    part = guarded.ask("GET", f"/sync/{job.id}", "my-viewer").json()
    (mine,) = part["classes"]
    times = ("started_at", "ended_at", "seconds")
    assert [part[name] for name in times] == [mine[name] for name in times]


def test_a_shared_friendly_id_means_the_tokens_own_class(guarded: Guarded) -> None:
    database = guarded.workspace.database
    mine, other = find_class(database, MINE), find_class(database, OTHER)

    def rename(name: str) -> None:
        with database.writing() as connection:
            connection.execute("UPDATE classes SET friendly_id = ? WHERE id = ?", (name, other))

    rename(MINE)
    try:
        whole = guarded.ask("GET", f"/classes/{mine}/students", "my-viewer")
        named = guarded.ask("GET", f"/classes/{MINE}/students", "my-viewer")
        assert (named.status_code, named.content) == (200, whole.content)
        assert guarded.ask("GET", f"/classes/{MINE}/students", "viewer").status_code == 422
    finally:
        rename(OTHER)


def test_a_path_with_a_newline_is_not_found(guarded: Guarded) -> None:
    """The pattern of a route matches it, but the limits would not."""
    assert guarded.ask("POST", "/sync%0A", "admin").status_code == 404


def test_half_characters_are_no_class(guarded: Guarded) -> None:
    headers = {"Content-Type": "application/json"}
    half = b'"class_ids": ["\\ud800"]}'
    for method, path, who, body in (
        ("POST", "/sync", "mentor", b"{" + half),
        ("POST", "/tokens", "admin", b'{"name": "half", ' + half),
    ):
        answer = guarded.ask(method, path, who, data=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_class")


def test_only_admins_see_where_the_files_are(guarded: Guarded) -> None:
    config = guarded.workspace.home.config
    before = config.read_text()
    config.write_text("[")
    try:
        for who, is_shown in (("viewer", False), ("mentor", False), ("admin", True)):
            answer = guarded.ask("GET", f"/classes/{MINE}/students?limit=3", who)
            assert (answer.status_code, answer.json()["code"]) == (500, "bad_settings")
            assert (str(config) in answer.text) == is_shown
    finally:
        config.write_text(before)


def test_the_syncs_listed_are_of_the_tokens_own_classes(guarded: Guarded) -> None:
    mine = find_class(guarded.workspace.database, MINE)
    everything = guarded.ask("GET", "/sync?limit=1000", "viewer").json()
    part = guarded.ask("GET", "/sync?limit=1000", "my-viewer").json()
    assert 0 < part["total"] < everything["total"]
    assert all(row["class_ids"] == [mine] for row in part["items"])
    assert guarded.job[OTHER] not in {row["job"] for row in part["items"]}


def test_what_is_not_there_is_not_there_whatever_the_role(guarded: Guarded) -> None:
    for method, path, status in (
        ("GET", "/nope", 404),
        ("GET", "/classes/", 404),
        ("GET", f"/classes/{MINE}/metrics/stuk", 404),
        ("POST", f"/classes/{MINE}/metrics/stuck", 405),
        ("POST", "/triage", 405),
    ):
        for who in ("viewer", "my-viewer", "admin"):
            assert guarded.ask(method, path, who).status_code == status, (method, path, who)
        assert guarded.ask(method, path).status_code == 401


@pytest.mark.parametrize("seconds", [0.3, 5.0])
def test_a_stream_ends_with_its_token(
    guarded: Guarded, service: Service, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """Also while there are no events."""
    monkeypatch.setattr(sync_routes, "HEARTBEAT_SECONDS", 0.2)
    database = guarded.workspace.database
    watcher = create_token(database, "watcher", "viewer", asked_by="test", now=datetime.now(UTC))
    service.upstream.faults.add(Fault("delay", "*/progressions*", seconds=seconds, times=None))
    job = guarded.workspace.prepare_sync([MINE, OTHER], asked_by="test", full=True)
    running = job.start()
    try:
        headers = {"Authorization": f"Bearer {watcher}"}
        url = f"{guarded.url}/sync/{job.id}/events"
        with requests.get(url, headers=headers, stream=True, timeout=20) as answer:
            lines = answer.iter_lines(decode_unicode=True)
            assert next(lines) == "event: progress"
            revoke_token(database, "watcher", asked_by="test", now=datetime.now(UTC))
            rest = list(lines)
        assert running.is_alive()
        assert "event: ended" not in rest
        if seconds > 1:
            assert "event: progress" not in rest
    finally:
        service.upstream.faults.clear()
        guarded.workspace.cancel_sync(job.id)
        running.join(60)


def test_a_token_ends_by_the_same_clock_as_it_began(guarded: Guarded) -> None:
    """The clock of a demo can run faster than that on the wall."""
    token = create_token(
        *(guarded.workspace.database, "short", "viewer"),
        lifetime=timedelta(hours=1),
        asked_by="test",
        now=utc_now(),
    )
    assert guarded.ask("GET", "/classes", token).status_code == 200
    clock.move_on(timedelta(hours=2))
    try:
        assert is_refused(guarded.ask("GET", "/classes", token), 401, "token_expired")
    finally:
        clock.move_on(timedelta(hours=-2))


def test_a_sync_of_other_classes_has_no_number_for_a_token(guarded: Guarded) -> None:
    job = guarded.workspace.prepare_sync([OTHER], asked_by="test")
    try:
        for who, number in (("mentor", job.id), ("my-mentor", None)):
            answer = guarded.ask("POST", "/sync", who)
            assert (answer.status_code, answer.json()["code"]) == (409, "sync_running")
            assert (answer.json().get("job"), "Location" in answer.headers) == (number, number is not None)
    finally:
        job.run()


def test_use_and_exports_are_kept(guarded: Guarded) -> None:
    mine = find_class(guarded.workspace.database, MINE)
    guarded.ask("GET", f"/classes/{MINE}/students.csv", "my-reader")
    guarded.ask("GET", f"/classes/{mine}/students", "my-reader", headers={"Accept": "text/csv"})
    guarded.ask("GET", f"/classes/{MINE}/report.pdf?as_of=2026-11-20", "my-reader")
    guarded.ask("HEAD", f"/classes/{MINE}/students.csv", "my-reader")
    events = eventually(
        lambda: [
            event for event in load_events(guarded.workspace.database) if event.who == "token my-reader"
        ],
        4,
    )
    assert sorted(event.detail for event in events if event.action == "export") == [
        f"/classes/*/{file}, class {mine}" for file in ("report.pdf", "students", "students.csv")
    ]
    assert len([event for event in events if event.action == "token used"]) == 1
    mine_used = eventually(
        lambda: [
            token.name
            for token in load_tokens(guarded.workspace.database)
            if token.last_used_at and token.name in ("my-reader", "revoked", "expired")
        ],
        1,
    )
    assert mine_used == ["my-reader"]


def test_a_crowd_of_downloads_is_counted_in_few_lines(guarded: Guarded) -> None:
    def counts() -> list[int]:
        details = [
            event.detail
            for event in load_events(guarded.workspace.database)
            if (event.who, event.action) == ("token downloader", "export")
        ]
        return [int(match[1]) if (match := re.search(r", (\d+) times$", detail)) else 1 for detail in details]

    def ask(_: int) -> None:
        assert guarded.ask("GET", f"/classes/{MINE}/assignments.csv", "downloader").status_code == 200

    with ThreadPoolExecutor(8) as many:
        list(many.map(ask, range(120)))
    wait_until(lambda: sum(counts()) == 120)
    assert len(counts()) < 60


def eventually(look: Callable[[], list[Any]], count: int) -> list[Any]:
    wait_until(lambda: len(look()) == count)
    return look()


def test_the_log_has_who_and_what_and_no_secret(guarded: Guarded) -> None:
    student = guarded.student[MINE]
    answer = guarded.ask(
        "GET",
        f"/classes/{MINE}/students/{student}/timeline?as_of=s3cret-text&token=s3cret-token",
        "my-viewer",
        headers={"X-Request-ID": "id-of-mine"},
    )
    assert answer.headers["X-Request-ID"] == "id-of-mine"
    guarded.ask("GET", f"/{guarded.tokens['admin']}/x%0Ainjected", "admin")
    guarded.ask("GET", "/classes", "wrong", headers={"X-Request-ID": "last-of-mine"})
    log = guarded.workspace.home.requests
    assert log.stat().st_mode & 0o777 == 0o600
    eventually(lambda: re.findall("last-of-mine", log.read_text() if log.exists() else ""), 1)
    lines = log.read_text().splitlines()
    timeline = next(line for line in lines if "id-of-mine" in line).split()
    assert timeline[1:4] == ["GET", "/classes/*/students/*/timeline", "422"]
    assert " ".join(timeline[6:]) == "token my-viewer"
    assert any(" GET /*/* 404 " in line for line in lines)
    text = "\n".join(lines)
    for secret in (*guarded.tokens.values(), student, "s3cret", "injected", "wrong"):
        assert secret not in text
    assert len({len(line.split()) for line in lines} - {7, 8}) == 0


def test_tokens_are_in_no_file(guarded: Guarded) -> None:
    for path in guarded.workspace.home.files():
        content = path.read_bytes()
        for token in guarded.tokens.values():
            assert token.encode() not in content, path


def test_without_its_database_a_server_calls_no_token_wrong(guarded: Guarded) -> None:
    database = guarded.workspace.home.database
    away = database.with_name("away")
    away.mkdir()
    moved = [file for file in database.parent.glob("cohort.db*") if file.suffix != ".lock"]
    for file in moved:
        file.rename(away / file.name)
    try:
        for who in ("viewer", None):
            answer = guarded.ask("GET", "/classes", who)
            assert (answer.status_code, answer.json()["code"]) == (500, "database_unusable")
            assert str(database.parent) not in answer.text
        health = guarded.ask("GET", "/health")
        assert (health.status_code, str(database.parent) in health.text) == (500, False)
    finally:
        for file in moved:
            (away / file.name).rename(file)
    assert guarded.ask("GET", "/classes", "viewer").status_code == 200
