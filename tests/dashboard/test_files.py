"""Download links: what a question holds, who may fetch its answer, for how long, and what is in it."""

from __future__ import annotations

import asyncio
import csv
import io
import pickle
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from streamlit.testing.v1 import AppTest

from cohort_core import server
from cohort_core.api.app import create_app
from cohort_core.charts import student_charts
from cohort_core.config.settings import save_settings
from cohort_core.dashboard.asgi import BrowserCookieMiddleware
from cohort_core.dashboard.components import downloads
from cohort_core.dashboard.files.owner import COOKIE, owner
from cohort_core.dashboard.files.questions import Question, Selection, Source, Step, report_of
from cohort_core.dashboard.files.registry import (
    LIFETIME_SECONDS,
    MAX_PER_OWNER,
    TEXT_LIFETIME_SECONDS,
    FileRegistry,
    shared_registry,
)
from cohort_core.dashboard.files.routes import GONE, file_route
from cohort_core.dashboard.first_page import FirstPageMiddleware, first_page_template
from cohort_core.dashboard.identity import serve_as
from cohort_core.dashboard.sections import bulk, student, student_filter, triage
from cohort_core.dashboard.settings import roster_import
from cohort_core.errors import DatabaseBusy
from cohort_core.practice.server import Running
from cohort_core.reports import catalog
from cohort_core.reports.report import Report
from cohort_core.services.principal import DASHBOARD_OWNER, Principal
from cohort_core.services.purge import purge_student
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.audit import load_events
from cohort_core.store.classes import find_class, set_active
from tests.conftest import sample
from tests.dashboard.conftest import EVIL, Use, page

MINE, OTHERS = "m" * 43, "o" * 43
WAIT_SECONDS = 10


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(clock: Clock) -> FileRegistry:
    return FileRegistry(now=clock)


def health_of(class_id: str, **changes: Any) -> Question:
    ask = Step.of(partial(report_of, name="student_health"))
    question = Question("student_health", ask, Selection(class_id), anonymous=False)
    return replace(question, **changes)


def mounted(registry: FileRegistry, workspace: Workspace, *more: BaseRoute) -> Starlette:
    """Return an app with the route where the server has it."""
    registry.root_path = "/dashboard"
    route = file_route(registry, lambda: Services(workspace))
    return Starlette(routes=[*more, Mount("/dashboard", routes=[route])])


def browser(app: ASGIApp, cookie: str | None = MINE) -> TestClient:
    return TestClient(app, cookies={COOKIE: cookie} if cookie else None, follow_redirects=False)


def offered(registry: FileRegistry, question: Question, cookie: str = MINE) -> str:
    """Offer a question to a browser, and return the address."""
    name = owner({COOKIE: cookie})
    assert name
    return registry.link(registry.offer(name, question))


def rows_of(response: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


def is_gone(response: httpx.Response) -> bool:
    return (
        response.status_code == 404
        and GONE in response.text
        and response.headers["content-type"] == "text/html; charset=utf-8"
        and response.headers["cache-control"] == "no-store"
        and "content-disposition" not in response.headers
    )


# Questions


def test_equal_questions_are_equal_and_hold_no_data(big: str) -> None:
    narrow = partial(student_filter.filter_students, band="high", stage="all", search="", everything="all")
    again = partial(student_filter.filter_students, stage="all", band="high", everything="all", search="")
    question = health_of(big, narrow=Step.of(narrow), picture=Step.of(student_filter.risk_chart))
    assert question == health_of(big, narrow=Step.of(again), picture=Step.of(student_filter.risk_chart))
    assert question != health_of(big, narrow=Step.of(partial(narrow, band="low")))
    assert len(pickle.dumps(question)) < 2000


def test_a_question_cannot_hold_what_could_hold_data() -> None:
    frame = pd.DataFrame({"a": [1]})

    def closure(_: Source) -> pd.DataFrame:
        return frame

    page_function = partial(print)
    vars(page_function)["__module__"] = "__main__"
    for function in (
        closure,
        lambda _: frame,
        partial(student.stuck, frame),
        partial(len, [1]),
    ):
        with pytest.raises(TypeError, match="cannot be part of a question"):
            Step.of(function)


def test_a_function_of_a_page_cannot_be_part_of_a_question() -> None:
    # Streamlit runs the file of a page as __main__, anew for each run.
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("def draw(frame): return frame", namespace)  # noqa: S102 - what Streamlit does with a page
    with pytest.raises(TypeError, match="cannot be part of a question"):
        Step.of(namespace["draw"])


# Registry


def test_the_same_question_of_the_same_owner_keeps_its_id(registry: FileRegistry) -> None:
    ids = {registry.offer("me", health_of("c1")) for _ in range(50)}
    assert len(ids) == 1
    assert len(registry) == 1
    assert registry.offer("you", health_of("c1")) not in ids
    assert registry.offer("me", health_of("c1", anonymous=True)) not in ids
    assert len(registry) == 3


def test_an_id_has_more_than_128_random_bits(registry: FileRegistry) -> None:
    ids = [registry.offer("me", health_of(f"c{number}")) for number in range(100)]
    assert len(set(ids)) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", file_id) for file_id in ids)


def test_a_question_is_kept_for_a_day_after_the_last_offer(registry: FileRegistry, clock: Clock) -> None:
    question = health_of("c1")
    file_id = registry.offer("me", question)
    clock.seconds += LIFETIME_SECONDS - 1
    assert registry.offer("me", question) == file_id
    clock.seconds += LIFETIME_SECONDS - 1
    assert registry.find("me", file_id) == question
    clock.seconds += 1
    assert registry.find("me", file_id) is None
    assert len(registry) == 0
    assert registry.offer("me", question) != file_id


def test_a_text_of_a_mentor_is_kept_for_an_hour(registry: FileRegistry, clock: Clock) -> None:
    merge = partial(bulk.mail_merge, student_ids="s1", subject="Hello", body="Something personal")
    text = registry.offer("me", health_of("c1", name="mail-merge", ask=Step.of(merge)))
    other = registry.offer("me", health_of("c1"))
    clock.seconds += TEXT_LIFETIME_SECONDS - 1
    assert registry.find("me", text) is not None
    clock.seconds += 1
    assert registry.find("me", text) is None
    assert registry.find("me", other) is not None
    assert len(registry) == 1


def test_a_question_too_many_drops_the_oldest_of_the_same_owner(registry: FileRegistry) -> None:
    yours = registry.offer("you", health_of("c1"))
    ids = [registry.offer("me", health_of(f"c{number}")) for number in range(MAX_PER_OWNER)]
    # Offered again, the first is not the oldest any more.
    assert registry.offer("me", health_of("c0")) == ids[0]
    registry.offer("me", health_of("one more"))
    assert registry.find("me", ids[1]) is None
    assert all(registry.find("me", file_id) for file_id in (ids[0], *ids[2:]))
    assert registry.find("you", yours)
    assert len(registry) == MAX_PER_OWNER + 1


def test_all_owners_together_are_bounded(clock: Clock) -> None:
    registry = FileRegistry(now=clock, max_questions=10)
    ids = [registry.offer(f"owner {number}", health_of("c1")) for number in range(25)]
    assert len(registry) == 10
    assert registry.find("owner 14", ids[14]) is None
    assert registry.find("owner 15", ids[15])


def test_threads_share_a_registry(registry: FileRegistry) -> None:
    def offer_many() -> None:
        for number in range(300):
            registry.find("me", registry.offer("me", health_of(f"c{number % 50}")))

    threads = [threading.Thread(target=offer_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry) == 50


# Owner


def test_only_a_cookie_of_ours_makes_an_owner() -> None:
    assert owner({COOKIE: MINE}) != owner({COOKIE: OTHERS})
    for cookies in ({}, {COOKIE: ""}, {COOKIE: "short"}, {COOKIE: f"{MINE[:-1]};"}, {"other": MINE}):
        assert owner(cookies) is None


@pytest.fixture
def pages(registry: FileRegistry) -> Starlette:
    """Return an app with the middleware around the first page, and Streamlit's first own request."""
    health = Route("/_stcore/health", lambda _: PlainTextResponse("ok"))
    template = first_page_template('<title>Streamlit</title><link href="./favicon.png">')
    layers = [
        Middleware(BrowserCookieMiddleware, registry=registry),
        Middleware(FirstPageMiddleware, template=template),
    ]
    return Starlette(routes=[Mount("/dashboard", routes=[health], middleware=layers)])


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/dashboard/risk/?class=c1", "/dashboard/risk?class=c1"),
        ("/dashboard/overview?class=c1", "/dashboard/?class=c1"),
        ("/dashboard/overview/", "/dashboard/"),
    ],
)
def test_each_page_has_one_address(pages: Starlette, path: str, leads_to: str) -> None:
    response = browser(pages, None).get(path, follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (307, leads_to)


@pytest.mark.parametrize("path", ["/dashboard/", "/dashboard/risk", "/dashboard/_stcore/health"])
def test_a_browser_gets_its_cookie_with_its_first_page(
    pages: Starlette, registry: FileRegistry, path: str
) -> None:
    first, second = browser(pages, None).get(path), browser(pages, None).get(path)
    cookies = [SimpleCookie(response.headers["set-cookie"])[COOKIE] for response in (first, second)]
    assert cookies[0].value != cookies[1].value
    assert owner({COOKIE: cookies[0].value})
    attributes = {name: value for name, value in cookies[0].items() if value}
    # Without an age it ends with the browser.
    assert attributes == {"path": "/dashboard", "httponly": True, "samesite": "Strict"}
    assert "set-cookie" not in browser(pages, MINE).get(path).headers
    assert registry.link("x") == "/dashboard/files/x"


def test_a_page_opened_from_another_site_does_not_replace_the_cookie(pages: Starlette) -> None:
    # A strict cookie does not come with this request, even if the browser has it.
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert "set-cookie" not in browser(pages, None).get("/dashboard/risk", headers=headers).headers
    headers = {"Sec-Fetch-Site": "same-origin"}
    assert "set-cookie" in browser(pages, None).get("/dashboard/_stcore/health", headers=headers).headers


# Route


def test_a_link_gives_the_file_to_its_browser_alone(
    registry: FileRegistry, practised: Workspace, big: str
) -> None:
    app = mounted(registry, practised)
    link = offered(registry, health_of(big, reference="sd-cohort-12"))
    assert link.startswith("/dashboard/files/")
    response = browser(app).get(link)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="sd-cohort-12-student-health.csv"'
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    expected = catalog.student_health(practised.cohorts.cohort(big)).records()
    assert [row["student_id"] for row in rows_of(response)] == [row["student_id"] for row in expected]

    refusals = [browser(app, cookie).get(link) for cookie in (OTHERS, None, "short")]
    refusals.append(browser(app).get("/dashboard/files/unknown"))
    assert all(is_gone(refusal) for refusal in refusals)
    assert len({refusal.content for refusal in refusals}) == 1


def test_head_is_as_get_without_a_body_and_without_the_audit(
    registry: FileRegistry, practised: Workspace, big: str
) -> None:
    app, link = mounted(registry, practised), offered(registry, health_of(big))
    before = len(load_events(practised.database))
    head = browser(app).head(link)
    assert head.status_code == 200
    assert head.content == b""
    assert len(load_events(practised.database)) == before
    get = browser(app).get(link)
    assert {**head.headers} == {**get.headers}
    assert int(head.headers["content-length"]) == len(get.content)
    assert browser(app, OTHERS).head(link).status_code == 404
    assert browser(app).post(link).status_code == 405


def test_the_audit_says_who_got_which_file(registry: FileRegistry, practised: Workspace, big: str) -> None:
    app = mounted(registry, practised)
    before = len(load_events(practised.database))
    questions = [
        health_of(big, extension="xlsx"),
        health_of(big, anonymous=True),
        health_of(big, name="report", extension="pdf"),
    ]
    links = [offered(registry, question) for question in questions]
    assert len(load_events(practised.database)) == before
    assert [browser(app).get(link).status_code for link in links] == [200, 200, 200]
    browser(app, OTHERS).get(links[0])
    events = load_events(practised.database)
    assert len(events) == before + 3
    assert [(event.who, event.action, event.detail) for event in events[2::-1]] == [
        ("dashboard", "export", f"student_health.xlsx, class {big}"),
        ("dashboard", "export", f"student_health.csv, class {big}, pseudonyms"),
        ("dashboard", "report", f"report.pdf, class {big}"),
    ]


def test_a_link_of_an_open_page_works_after_an_hour_of_other_work(
    registry: FileRegistry, clock: Clock, practised: Workspace, big: str
) -> None:
    app, link = mounted(registry, practised), offered(registry, health_of(big))
    for number in range(360):
        clock.seconds += 10
        offered(registry, health_of(f"c{number}"))
    assert browser(app).get(link).status_code == 200


def test_after_a_day_a_link_is_gone(
    registry: FileRegistry, clock: Clock, practised: Workspace, big: str
) -> None:
    app, link = mounted(registry, practised), offered(registry, health_of(big))
    clock.seconds += LIFETIME_SECONDS - 1
    assert browser(app).get(link).status_code == 200
    # A fetch is no offer.
    clock.seconds += 1
    assert is_gone(browser(app).get(link))


@pytest.fixture
def followed(upstream_and_workspace: tuple[Running, Workspace]) -> tuple[Workspace, str]:
    """A workspace for one test, with the class Alpha synced, and the id of that class."""
    _, workspace = upstream_and_workspace
    set_active(workspace.database, ["alpha"], active=True)
    workspace.prepare_sync(asked_by="test").run()
    return workspace, find_class(workspace.database, "alpha")


def some_student(workspace: Workspace, class_id: str) -> str:
    return str(workspace.cohorts.cohort(class_id).students.index[1])


def test_a_purge_between_page_and_fetch_holds(
    registry: FileRegistry, followed: tuple[Workspace, str]
) -> None:
    workspace, class_id = followed
    app = mounted(registry, workspace)
    student_id = some_student(workspace, class_id)
    ask = Step.of(partial(report_of, name="student_timeline", student_id=student_id))
    links = [
        offered(registry, health_of(class_id)),
        offered(registry, health_of(class_id, ask=ask, name="student_timeline")),
    ]
    assert [browser(app).get(link).status_code for link in links] == [200, 200]
    purge_student(workspace.database, student_id, asked_by="test")
    everyone = rows_of(browser(app).get(links[0]))
    assert everyone
    assert student_id not in {row["student_id"] for row in everyone}
    assert is_gone(browser(app).get(links[1]))


def test_a_student_hidden_between_page_and_fetch_is_left_out(
    registry: FileRegistry, followed: tuple[Workspace, str]
) -> None:
    workspace, class_id = followed
    app = mounted(registry, workspace)
    link = offered(registry, health_of(class_id, ask=Step.of(triage.entries_of_class)))
    before = [row["student_id"] for row in rows_of(browser(app).get(link)) if row["student_id"]]
    workspace.hide_student(class_id, before[0], "exempt")
    after = [row["student_id"] for row in rows_of(browser(app).get(link)) if row["student_id"]]
    assert after == before[1:]


def test_pseudonyms_between_page_and_fetch_hold(
    registry: FileRegistry, followed: tuple[Workspace, str]
) -> None:
    workspace, class_id = followed
    app = mounted(registry, workspace)
    student_id = some_student(workspace, class_id)
    ask = Step.of(partial(report_of, name="risk_history", student_id=student_id))
    draw = Step.of(student_charts.risk_history)
    table, picture = (
        offered(registry, question)
        for question in (
            health_of(class_id),
            health_of(class_id, ask=ask, picture=draw, extension="svg", title="risk"),
        )
    )
    assert all(row["name"].startswith(EVIL) for row in rows_of(browser(app).get(table)))
    assert "127.0.0.1:9" in browser(app).get(picture).text
    save_settings(workspace.home, anonymous=True)
    assert not any(row["name"].startswith(EVIL) for row in rows_of(browser(app).get(table)))
    # The id in this question is real, and means nobody any more.
    assert is_gone(browser(app).get(picture))


@pytest.fixture
def as_viewer() -> Iterator[Principal]:
    """The dashboard is served to a mentor of no class at first."""
    principal = Principal("viewer", "viewer", frozenset())
    serve_as(principal)
    yield principal
    serve_as(DASHBOARD_OWNER)


def test_a_right_taken_away_between_page_and_fetch_holds(
    registry: FileRegistry, practised: Workspace, big: str, as_viewer: Principal
) -> None:
    app = mounted(registry, practised)
    template = health_of(
        big, ask=Step.of(roster_import.mentors_template), selection=Selection(), name="mentors"
    )
    links = [offered(registry, health_of(big)), offered(registry, template)]
    assert all(is_gone(browser(app).get(link)) for link in links)
    serve_as(replace(as_viewer, class_ids=frozenset({big})))
    assert browser(app).get(links[0]).status_code == 200
    assert is_gone(browser(app).get(links[1]))
    assert load_events(practised.database, limit=1)[0].who == "viewer"
    serve_as(DASHBOARD_OWNER)
    assert [browser(app).get(link).status_code for link in links] == [200, 200]


def test_an_anonymous_question_names_nobody(registry: FileRegistry, followed: tuple[Workspace, str]) -> None:
    workspace, class_id = followed
    response = browser(mounted(registry, workspace)).get(
        offered(registry, health_of(class_id, anonymous=True))
    )
    assert 'filename="student-health-anonymous.csv"' in response.headers["content-disposition"]
    names = {row["name"] for row in rows_of(response)}
    assert names
    assert EVIL not in names


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ('a"; filename="evil.exe', "a-filename-evil-exe-student-health.csv"),
        ("../../etc/passwd", "etc-passwd-student-health.csv"),
        ("first\r\nSet-Cookie: x=y", "first-set-cookie-x-y-student-health.csv"),
        ("Ünïcode 数据", "n-code-student-health.csv"),
        ("数据", "student-health.csv"),
        ("x" * 500, f"{'x' * 80}-student-health.csv"),
        (EVIL, None),
    ],
)
def test_odd_names_make_safe_file_names(
    registry: FileRegistry, practised: Workspace, big: str, reference: str, name: str | None
) -> None:
    response = browser(mounted(registry, practised)).get(
        offered(registry, health_of(big, reference=reference))
    )
    assert response.status_code == 200
    disposition = response.headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="[a-z0-9-]+\.csv"', disposition)
    assert name is None or disposition == f'attachment; filename="{name}"'
    assert "set-cookie" not in response.headers


def ask_unexpected(_: Source) -> Report:
    raise RuntimeError(f"a row of {EVIL}")


def ask_busy(_: Source) -> Report:
    raise DatabaseBusy("Another program does not let go of the database. Try again.")


def test_an_error_is_a_sentence_and_no_traceback(
    registry: FileRegistry, practised: Workspace, big: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = mounted(registry, practised)
    before = len(load_events(practised.database))
    unexpected = browser(app).get(offered(registry, health_of(big, ask=Step.of(ask_unexpected))))
    assert unexpected.status_code == 500
    assert "Something failed" in unexpected.text
    busy = browser(app).get(offered(registry, health_of(big, ask=Step.of(ask_busy))))
    assert busy.status_code == 503
    assert "does not let go" in busy.text
    for response in (unexpected, busy):
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert "Traceback" not in response.text
        assert "127.0.0.1:9" not in response.text
    assert "127.0.0.1:9" not in caplog.text
    assert len(load_events(practised.database)) == before


_go_on = threading.Event()


def ask_slowly(source: Source) -> Report:
    """Answer when the test says so."""
    assert _go_on.wait(WAIT_SECONDS)
    return catalog.student_health(source.cohort)


def test_slow_files_do_not_keep_others_waiting(
    registry: FileRegistry, practised: Workspace, big: str
) -> None:
    async def health(_: Request) -> PlainTextResponse:
        # As the routes of the API, which run in the threads that all share.
        return PlainTextResponse(await asyncio.to_thread(lambda: "ok"))

    app = mounted(registry, practised, Route("/health", health))
    links = [
        offered(registry, health_of(big, ask=Step.of(ask_slowly), name=f"slow {number}"))
        for number in range(60)
    ]
    _go_on.clear()

    async def run() -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", cookies={COOKIE: MINE}
        ) as client:
            files = [asyncio.create_task(client.get(link)) for link in links]
            await asyncio.sleep(0.2)
            for _ in range(20):
                response = await asyncio.wait_for(client.get("/health"), 2)
                assert response.text == "ok"
            assert not any(file.done() for file in files)
            _go_on.set()
            return [(await file).status_code for file in files]

    assert asyncio.run(run()) == [200] * 60


def test_other_hosts_are_refused_as_by_the_dashboard(
    registry: FileRegistry, practised: Workspace, big: str
) -> None:
    app = create_app(practised)
    app.mount("/dashboard", mounted(registry, practised).routes[0].app)  # type: ignore[attr-defined]
    link = offered(registry, health_of(big))
    here = TestClient(app, base_url="http://127.0.0.1", cookies={COOKIE: MINE}, client=("127.0.0.1", 5000))
    assert here.get(link).status_code == 200
    foreign = here.get(link, headers={"Host": "evil.example"})
    assert foreign.status_code == 400
    assert foreign.json()["code"] == "foreign_host"
    # A proxy means that other computers ask.
    assert here.get(link, headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 404


def test_a_server_for_other_computers_has_no_files(practised: Workspace, big: str) -> None:
    app = server.create_app(practised, exposed=True, hosts=["tracker.example"])
    link = offered(shared_registry(), health_of(big))
    there = TestClient(app, base_url="http://tracker.example", cookies={COOKIE: MINE})
    response = there.get(f"/dashboard/files/{link.rsplit('/', 1)[-1]}")
    assert response.status_code == 404
    assert GONE not in response.text


# Pages


MENUS = {
    "overview": ["report", "attention", "changes", "reteach", "progress_over_time"],
    "blockers": ["course", "reteach", "blockers", "by_section"],
    "risk": ["risk-parts", "student_health"],
    "matrix": ["matrix"],
    "trends": [
        *("progress_over_time", "completed-per-week", "active-students", "velocity", "grade_distribution"),
        *("habits", "by_course_week", "by_type", "by_group"),
    ],
    "student": [
        *("student-stuck", "student-missing", "risk_history", "student-habits"),
        *("student_assignments", "student_timeline"),
    ],
    "assignment": ["assignment_students", "assignment_grades", "assignment_durations"],
    "classes": ["classes", "syncs"],
}
UNFOLDED = {"student": ["every-assignment", "what-they-did"], "classes": ["sync-details"]}
WITHOUT_PICTURE = {
    *("report", "attention", "changes", "reteach", "by_section", "student_health", "by_type", "by_group"),
    *("student-stuck", "student-missing", "student_assignments", "student_timeline", "assignment_students"),
    *("classes", "syncs", "blockers"),
}
PICTURE_ONLY = {"risk-parts", "completed-per-week", "active-students"}


def links_of(test: AppTest) -> list[tuple[str, str]]:
    """Return the download links of a page, as labels and addresses."""
    html = "".join(element.value for element in test.html)
    return [
        (label, link)
        for link, label in re.findall(r'<a class="ct-download" href="([^"]+)">([^<]+)</a>', html)
    ]


@pytest.fixture
def address(practised: Workspace, big: str) -> dict[str, str]:
    cohort = practised.cohorts.cohort(big)
    stuck = catalog.stuck(cohort).frame
    return {
        "class": big,
        "student": stuck["student_id"].iloc[0],
        "assignment": stuck["assignment_id"].iloc[0],
        "since": "week",
        "scope": "this",
    }


@pytest.mark.parametrize("name", sample(list(MENUS), 3))
def test_every_file_of_a_page_can_be_fetched(
    name: str, address: dict[str, str], practised: Workspace, cookies: dict[str, str]
) -> None:
    cookies[COOKIE] = MINE
    registry = shared_registry()
    client = browser(mounted(registry, practised))
    menus = [f"download-{menu}" for menu in MENUS[name]]
    closed = page(name, address, UNFOLDED.get(name, []))
    assert not links_of(closed)
    test = page(name, address, [*UNFOLDED.get(name, []), *menus])
    assert not test.exception
    files = links_of(test)
    responses = [client.get(link) for _, link in files]
    assert {response.status_code for response in responses} == {200}
    names = [
        re.findall('filename="([^"]+)"', response.headers["content-disposition"])[0] for response in responses
    ]
    prefix = "" if name == "classes" else "sd-cohort-12-"
    expected = set()
    for menu in MENUS[name]:
        kinds = set() if menu in PICTURE_ONLY else {"csv", "xlsx"}
        kinds |= set() if menu in WITHOUT_PICTURE else {"png", "svg"}
        kinds |= {"pdf"} if menu == "report" else set()
        expected |= {f"{prefix}{menu.replace('_', '-')}.{kind}" for kind in kinds}
    assert set(names) == expected
    for response, file in zip(responses, names, strict=True):
        assert len(response.content) > 50, file
        if file.endswith(".csv"):
            assert rows_of(response), file
    # A page that is drawn again offers the same addresses.
    size = len(registry)
    assert sorted(links_of(test.run())) == sorted(files)
    assert len(registry) == size


def test_the_file_has_the_rows_of_the_page(
    address: dict[str, str], practised: Workspace, cookies: dict[str, str]
) -> None:
    cookies[COOKIE] = MINE
    client = browser(mounted(shared_registry(), practised))
    query = address | {"band": "high"}
    test = page("risk", query, ["download-student_health"])
    (link,) = (link for label, link in links_of(test) if label == "Table (CSV)")
    shown = test.dataframe[0].value["name"].tolist()
    assert shown
    assert [row["name"] for row in rows_of(client.get(link))] == shown

    test = page("student", address, ["download-student-missing"])
    (link,) = (link for label, link in links_of(test) if label == "Table (CSV)")
    missing = next(table.value for table in test.dataframe if "class_completion_rate_all" in table.value)
    assert [row["name"] for row in rows_of(client.get(link))] == missing["name"].tolist()


def test_the_title_of_a_picture_has_the_name_that_holds_now(
    address: dict[str, str], practised: Workspace, cookies: dict[str, str]
) -> None:
    cookies[COOKIE] = MINE
    client = browser(mounted(shared_registry(), practised))
    test = page("student", address, ["download-risk_history"])
    (link,) = (link for label, link in links_of(test) if label == "Picture (SVG)")
    cohort = practised.cohorts.cohort(address["class"])
    name = str(cohort.students["name"][address["student"]])
    assert f"{name}: risk, week by week" in client.get(link).text
    owned = owner({COOKIE: MINE})
    question = shared_registry().find(owned, link.rsplit("/", 1)[-1])
    assert question
    assert name.encode() not in pickle.dumps(question)


def test_without_cookies_a_menu_says_so_instead_of_dead_links(address: dict[str, str]) -> None:
    before = len(shared_registry())
    test = page("risk", address, ["download-student_health"])
    assert not links_of(test)
    assert any(downloads.NO_COOKIES in element.value for element in test.html)
    assert len(shared_registry()) == before


@pytest.fixture
def templates(use: Use, practised: Workspace, big: str, cookies: dict[str, str]) -> list[tuple[str, str]]:
    cookies[COOKIE] = MINE
    test = page("settings", {"class": big, "part": "roster"})
    assert not test.exception
    return links_of(test)


def test_templates_hold_the_students_but_not_in_anonymous_mode(
    templates: list[tuple[str, str]], practised: Workspace, big: str
) -> None:
    client = browser(mounted(shared_registry(), practised))
    students, mentors = (client.get(link) for _, link in templates)
    assert 'filename="students.csv"' in students.headers["content-disposition"]
    assert len(rows_of(students)) == len(practised.cohorts.class_data(big).students)
    assert 'filename="mentors.csv"' in mentors.headers["content-disposition"]
    assert mentors.content.decode("utf-8-sig").startswith("name,night")
    test = page("settings", {"class": big, "part": "roster", "anonymous": "1"})
    empty, none = (client.get(link) for _, link in links_of(test))
    assert rows_of(empty) == rows_of(none) == []
    assert empty.content.decode("utf-8-sig").startswith("student_id,email")
