"""A student's own page, over real HTTP: links, sessions, help, and what nobody may learn from it."""

from __future__ import annotations

import csv
import io
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.routing import Route
from websockets.exceptions import InvalidStatus

from cohort_core import clock
from cohort_core.api.app import create_app
from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.config.settings import save_settings
from cohort_core.errors import BadInput
from cohort_core.export.own_work import own_work_csv
from cohort_core.http.my_progress import MyProgressPages
from cohort_core.http.rate_limit import Limits
from cohort_core.http.sign_in_pages import SignInPages
from cohort_core.metrics.cohort import names_of_all
from cohort_core.metrics.own_progress import own_progress
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.purge import purge_student
from cohort_core.services.services import Services
from cohort_core.services.sign_in import SignIn
from cohort_core.services.student_pages import StudentPages
from cohort_core.services.workspace import Workspace
from cohort_core.store.accounts import create_account
from cohort_core.store.audit import load_events
from cohort_core.store.classes import find_class
from cohort_core.store.database import Database
from cohort_core.store.maintenance import backup, restore
from cohort_core.store.student_links import StudentKey
from tests.api.conftest import Service
from tests.api.test_sign_in import HTML, served, socket_of
from tests.conftest import ALL_DRILLS, FAST_RETRIES, serving
from tests.identity_provider import running_provider

CLASS = "web-cohort-3"


@dataclass
class Own:
    """A server with the page of students, and a database of its own."""

    url: str
    workspace: Workspace

    @property
    def class_id(self) -> str:
        return find_class(self.workspace.database, CLASS)

    @property
    def students(self) -> list[str]:
        """The students with an address of their own who have started."""
        students = self.workspace.cohorts.cohort(self.class_id).students
        has_records = students.index.isin(self.workspace.cohorts.class_data(CLASS).progressions["student_id"])
        return list(
            students.index[has_records & students["email"].notna() & ~students["email"].duplicated(False)]
        )

    def commands(self) -> Any:
        return Services(self.workspace).commands(CLI_OWNER)

    def link(self, student_id: str) -> str:
        address: str = self.commands().make_student_link(self.class_id, student_id)
        return self.url + address.removeprefix("http://127.0.0.1:3000")

    def opened(self, student_id: str) -> requests.Session:
        session = requests.Session()
        answer = session.post(self.link(student_id), timeout=10, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/my-progress")
        return session

    def page(self, session: requests.Session, path: str = "/my-progress") -> requests.Response:
        return session.get(self.url + path, timeout=10)

    def send(self, session: requests.Session, path: str, **form: str) -> requests.Response:
        return session.post(f"{self.url}/my-progress/{path}", data=form, timeout=10)

    def long_open(self) -> tuple[str, str, str]:
        """Return a student with work in progress for long, with id and name of the assignment."""
        cohort = self.workspace.cohorts.cohort(self.class_id)
        for student_id in self.students:
            for item in own_progress(cohort, student_id).in_progress:
                if item.is_long:
                    return student_id, item.assignment_id, item.name
        raise AssertionError


@pytest.fixture(scope="module")
def own(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    home = Home(tmp_path_factory.mktemp("own") / "home")
    home.ensure()
    backup(service.workspace.database, home.database, asked_by="test")
    shutil.copy(service.workspace.home.config, home.folder)
    save_settings(home, student_page=True)
    workspace = Workspace(home, retry_policy=FAST_RETRIES)
    app = create_app(workspace, limits=Limits(failures=10**6))
    app.router.routes += MyProgressPages(StudentPages(lambda: workspace), own_work_csv).routes()
    with serving(app) as url:
        yield Own(url, workspace)
    workspace.stop()


def text_of(answer: requests.Response) -> str:
    """Return the words of a page, without its style."""
    body = answer.text.partition("</style>")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_a_link_preview_uses_nothing_up_and_a_click_opens_the_page(own: Own) -> None:
    student = own.students[0]
    link = own.link(student)
    for _ in range(3):
        preview = requests.get(link, timeout=10)
        assert (preview.status_code, preview.cookies.get_dict()) == (200, {})
        assert "Open my page" in preview.text
    first_name = str(own.workspace.cohorts.cohort(own.class_id).students.loc[student, "first_name"])
    assert first_name not in preview.text
    for _ in range(2):
        session = requests.Session()
        page = session.post(link, timeout=10)
        assert page.status_code == 200
        assert page.url.endswith("/my-progress")
        assert f"Hello {first_name}" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script|style=|onclick|javascript:|https?://", page.text)
    cookie = next(iter(session.cookies))
    assert cookie.name == "cohort-student"
    assert cookie.has_nonstandard_attr("HttpOnly")
    answer = own.send(session, "leave")
    assert "closed on this device" in text_of(answer)
    assert own.page(session).status_code == 401


def test_a_student_comes_in_by_the_schools_sign_in_with_a_verified_address_alone(own: Own) -> None:
    pages = [
        *SignInPages(SignIn(lambda: own.workspace), "/dashboard").routes(),
        *MyProgressPages(StudentPages(lambda: own.workspace), own_work_csv).routes(),
    ]
    people = own.workspace.cohorts.class_data(own.class_id).students.set_index("student_id")
    email, first_name = (str(people.loc[own.students[0], name]) for name in ("email", "first_name"))
    with running_provider() as provider, serving(Starlette(routes=pages)) as url:
        save_settings(own.workspace.home, public_url=url)
        admin = Services(own.workspace).accounts(CLI_OWNER)
        admin.connect_school_sign_in(provider.issuer, "tracker", "secret")
        provider.add("1", email=email, email_verified=True)
        provider.add("2", email=email, email_verified=False)
        provider.add("3", email="nobody@example.org", email_verified=True)

        def come_in(subject: str) -> requests.Response:
            browser = requests.Session()
            assert "Sign in with" in browser.get(f"{url}/my-progress", timeout=10).text
            begun = browser.get(f"{url}/login/oidc", allow_redirects=False, timeout=10)
            return browser.get(provider.consent(begun.headers["Location"], subject), timeout=20)

        page = come_in("1")
        assert page.url.endswith("/my-progress")
        assert f"Hello {first_name}" in page.text
        assert [come_in(subject).status_code for subject in "23"] == [403, 403]
        admin.disconnect_school_sign_in()
        save_settings(own.workspace.home, public_url=None)


def test_the_page_says_what_the_records_say_and_so_does_the_file(own: Own) -> None:
    student = own.students[1]
    session = own.opened(student)
    words = text_of(own.page(session))
    cohort = own.workspace.cohorts.cohort(own.class_id)
    mine = cohort.records[cohort.records["student_id"] == student].set_index("assignment_id")
    completed = int(mine["completed_at"].notna().sum())
    assert f"{completed} of {len(cohort.assignments)} assignments completed" in words
    answer = own.page(session, "/my-progress.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["assignment"] for row in rows] == list(cohort.assignments["name"])
    states = {True: "completed", False: "in progress"}
    for row, assignment_id in zip(rows, cohort.assignments.index, strict=True):
        if assignment_id not in mine.index:
            assert (row["state"], row["grade"], row["started_at"]) == ("to come", "", "")
            continue
        record = mine.loc[assignment_id]
        is_completed = bool(record["completed_at"] == record["completed_at"])
        assert row["state"] == states[is_completed]
        assert bool(row["completed_at"]) == is_completed
        grade = record["grade"]
        assert (float(row["grade"]) if row["grade"] else None) == (grade if grade == grade else None)


SHAMING = re.compile(
    r"\b(risk|critical|high|medium|on pace|behind|silent|stuck|late|missing|skipped|rank|percentile|score"
    r"|points|worse|slow\w*|fail\w*|never|average|fifth)\b",
    re.IGNORECASE,
)


def test_no_page_names_another_or_shames(own: Own) -> None:
    """The bytes of students' pages and files; 50 of them with DRILLS=all."""
    cohort = own.workspace.cohorts.cohort(own.class_id)
    everyone = cohort.class_data.students.set_index("student_id")
    names, assignments = names_of_all(cohort.class_data), " ".join(cohort.assignments["name"])
    words_of_course = {word.lower() for word in re.findall(r"\w+", assignments)}
    for student in own.students[: 50 if ALL_DRILLS else 4]:
        session = own.opened(student)
        page, file = own.page(session), own.page(session, "/my-progress.csv")
        assert (page.status_code, file.status_code) == (200, 200)
        sent = unescape((page.content + file.content + repr(page.headers).encode()).decode())
        me = everyone.loc[student]
        for other, row in everyone.drop(student).iterrows():
            assert str(other) not in sent
            assert names[str(other)] not in sent
            if isinstance(row["email"], str):
                assert row["email"] not in sent
            if isinstance(row["last_name"], str) and row["last_name"] != me["last_name"]:
                assert not re.search(rf"\b{re.escape(row['last_name'])}\b", sent), row["last_name"]
        shaming = {word.lower() for word in SHAMING.findall(text_of(page))}
        assert shaming <= words_of_course, shaming


def test_asking_for_help_reaches_the_mentor_once_and_is_answered(own: Own) -> None:
    student, assignment_id, name = own.long_open()
    session = own.opened(student)
    assert f'value="{assignment_id}"' in own.page(session).text
    for said in ("<b>It loops</b> for ever", "again"):
        answer = own.send(session, "ask", assignment=assignment_id, text=said)
        assert answer.status_code == 200
    assert f"You asked for help with {name}" in text_of(answer)
    reader = Services(own.workspace).reader(CLI_OWNER)
    (request,) = reader.help_requests(CLASS)
    assert (request.student_id, request.assignment_id) == (student, assignment_id)
    assert (request.text, request.answered_at) == ("<b>It loops</b> for ever", None)
    own.commands().answer_help(CLASS, request.id)
    own.commands().answer_help(CLASS, request.id)
    assert "Answered on" in text_of(own.page(session))
    actions = [(event.who, event.action) for event in load_events(own.workspace.database, 3)]
    assert actions == [("cli", "help answered"), ("student", "help asked"), ("student", "own page opened")]
    assert own.send(session, "take-back", request=str(request.id)).status_code == 200
    assert len(reader.help_requests(CLASS)) == 1
    # A new question, which is taken back.
    own.send(session, "ask", text="How do I begin?")
    (new,) = [item for item in reader.help_requests(CLASS) if item.answered_at is None]
    other = own.opened(own.students[-1])
    own.send(other, "take-back", request=str(new.id))
    assert new in reader.help_requests(CLASS)
    own.send(session, "take-back", request=str(new.id))
    assert [item.id for item in reader.help_requests(CLASS)] == [request.id]


def test_what_cannot_be_asked_is_said_kindly(own: Own) -> None:
    session = own.opened(own.students[2])
    for form, words in (
        ({"text": "  "}, "Write in a few words what would help you."),
        ({"text": "x" * 501}, "Say it in 500 characters."),
        ({"assignment": "nonsense"}, "This is not in progress any more."),
    ):
        answer = own.send(session, "ask", **form)
        assert (answer.status_code, words in text_of(answer)) == (422, True)
    for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        for path in ("ask", "take-back", "leave", "open/x"):
            answer = session.post(f"{own.url}/my-progress/{path}", headers=foreign, timeout=10)
            assert answer.status_code == 403
    for _ in range(40):
        answer = own.send(session, "take-back", request="9" * 15)
    assert (answer.status_code, answer.headers["Retry-After"].isdecimal()) == (429, True)
    assert own.page(session).status_code == 200


def test_links_that_do_not_work_say_why(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    student = own.students[3]
    old = own.link(student)
    session = requests.Session()
    session.post(old, timeout=10)
    new = own.link(student)
    assert own.page(session).status_code == 401
    for ask in (requests.get, requests.post):
        answer = ask(old, timeout=10)
        assert (answer.status_code, "This link has ended" in answer.text) == (410, True)
        answer = ask(f"{own.url}/my-progress/open/nonsense", timeout=10)
        assert (answer.status_code, "This link does not work" in answer.text) == (404, True)
    session.post(new, timeout=10)
    assert own.page(session).status_code == 200
    monkeypatch.setattr(clock, "_ahead", timedelta(days=31))
    for ask in (requests.get, requests.post):
        answer = ask(new, timeout=10)
        assert (answer.status_code, "This link is over" in answer.text) == (410, True)
    assert own.page(session).status_code == 401
    monkeypatch.undo()
    assert own.page(session).status_code == 200
    own.commands().end_student_link(CLASS, student)
    assert own.page(session).status_code == 401


def test_it_is_off_until_an_administrator_switches_it_on(own: Own) -> None:
    student = own.students[4]
    link, session = own.link(student), own.opened(student)
    del link
    save_settings(own.workspace.home, student_page=None)
    try:
        for path in ("/my-progress", "/my-progress.csv", "/my-progress/open/x"):
            answer = own.page(session, path)
            assert (answer.status_code, "This page is not in use" in answer.text) == (404, True)
        assert own.send(session, "ask", text="Hello").status_code == 404
        with pytest.raises(BadInput, match="An administrator switches it on"):
            own.commands().make_student_link(CLASS, student)
        pages = StudentPages(lambda: own.workspace)
        assert pages.student_of_verified_address(email_of(own, student)) is None
    finally:
        save_settings(own.workspace.home, student_page=True)
    assert own.page(session).status_code == 200


def email_of(own: Own, student_id: str) -> str:
    return str(own.workspace.cohorts.cohort(own.class_id).students.loc[student_id, "email"])


def test_an_address_means_a_student_only_if_exactly_one_has_it(own: Own) -> None:
    pages = StudentPages(lambda: own.workspace)
    student, other = own.students[5], own.students[6]
    address = email_of(own, student)
    key = StudentKey(own.class_id, student)
    assert pages.student_of_verified_address(f" {address.upper()} ") == key
    for unknown in ("", "@", "nobody@example.org", address.replace("@", "＠"), f"x{address}"):
        assert pages.student_of_verified_address(unknown) is None
    save_settings(own.workspace.home, anonymous=True)
    try:
        assert pages.student_of_verified_address(address) == key
    finally:
        save_settings(own.workspace.home, anonymous=None)
    opened = pages.open_for(key)
    cookies = {"cohort-student": opened.secret}
    assert requests.get(f"{own.url}/my-progress", cookies=cookies, timeout=10).status_code == 200
    own.commands().end_student_link(CLASS, student)
    assert requests.get(f"{own.url}/my-progress", cookies=cookies, timeout=10).status_code == 200
    with own.workspace.database.writing() as connection:
        connection.execute("UPDATE students SET email = ? WHERE id = ?", (address, other))
        connection.execute("UPDATE enrolments SET email = ? WHERE student_id = ?", (address, other))
        connection.execute("UPDATE classes SET revision = revision + 1")
    assert email_of(own, other) == address
    assert pages.student_of_verified_address(address) is None


def test_a_withdrawn_student_gets_a_kind_page_and_no_link(own: Own) -> None:
    student = own.students[7]
    session, address = own.opened(student), email_of(own, student)
    with own.workspace.database.writing() as connection:
        changed = connection.execute(
            "UPDATE enrolments SET withdrawn_on = ? WHERE lower(email) = ?",
            ((utc_now().date() - timedelta(days=30)).isoformat(), address.lower()),
        )
        assert changed.rowcount == 1
        connection.execute("UPDATE classes SET revision = revision + 1")
    page = own.page(session)
    assert page.status_code == 200
    assert "You are not in this class any more" in text_of(page)
    assert "What to do next" not in page.text
    assert own.page(session, "/my-progress.csv").url.endswith("/my-progress")
    assert own.send(session, "ask", text="Hello").status_code == 422
    with pytest.raises(BadInput, match="not in the class now"):
        own.commands().make_student_link(CLASS, student)
    pages = StudentPages(lambda: own.workspace)
    assert pages.student_of_verified_address(address) is None


def test_anonymous_mode_hides_the_name_and_works(own: Own) -> None:
    student = own.students[8]
    row = own.workspace.cohorts.cohort(own.class_id).students.loc[student]
    own.commands().add_contact(CLASS, student, "met", note="canary-note", hide_days=0)
    session = own.opened(student)
    assert "canary" not in own.page(session).text
    save_settings(own.workspace.home, student_notes=True)
    try:
        assert "Your mentor talked with you" in text_of(own.page(session))
        assert "canary-note" in own.page(session).text
        save_settings(own.workspace.home, anonymous=True)
        page = own.page(session)
        assert page.status_code == 200
        assert "What to do next" in page.text
        for name in ("first_name", "last_name", "email"):
            assert str(row[name]) not in page.text
        assert "canary" not in page.text
        assert "Hello" not in page.text
        assert own.send(session, "ask", text="canary-text").status_code == 200
        (shown,) = [
            item
            for item in Services(own.workspace).reader(CLI_OWNER).help_requests(CLASS)
            if item.assignment_id is None
        ]
        assert shown.text is None
        assert shown.student_id == own.workspace.cohorts.student_ids(own.class_id, student)[1]  # type: ignore[index]
        with pytest.raises(BadInput):
            own.commands().make_student_link(CLASS, student)
        assert own.commands().make_student_link(CLASS, shown.student_id)
    finally:
        save_settings(own.workspace.home, anonymous=None, student_notes=None)
    assert own.page(session).status_code == 401


def test_a_session_of_a_student_opens_nothing_of_the_api(own: Own) -> None:
    session = own.opened(own.students[9])
    secret = session.cookies["cohort-student"]
    admin = Services(own.workspace).admin(CLI_OWNER)
    admin.create_token("guard", "viewer")
    routes = [route for route in create_app(own.workspace).routes if isinstance(route, Route)]
    assert len(routes) > 100
    try:
        for route in routes:
            path = re.sub(r"\{[^}]+\}", "1", route.path)
            if path == "/health":
                continue
            for method in route.methods or ():
                for headers in ({}, {"Authorization": f"Bearer {secret}"}):
                    answer = session.request(
                        method, own.url + path, headers=headers, timeout=10, allow_redirects=False
                    )
                    assert answer.status_code == 401, (method, path, answer.status_code)
        assert own.page(session).status_code == 200
    finally:
        admin.revoke_token("guard")


def test_a_purge_ends_links_sessions_and_requests_and_a_backup_holds_no_link(own: Own, home: Home) -> None:
    student = own.students[10]
    link, session = own.link(student), requests.Session()
    session.post(link, timeout=10)
    own.send(session, "ask", text="canary-question")
    copy = home.folder.with_suffix(".db")
    backup(own.workspace.database, copy, asked_by="test")
    assert b"canary-question" in copy.read_bytes()
    with closing(sqlite3.connect(copy)) as kept:
        for table in ("student_links", "student_sessions"):
            assert kept.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    purge_student(own.workspace.database, student, asked_by="test")
    assert own.page(session).status_code == 401
    assert "This link does not work" in requests.get(link, timeout=10).text
    assert b"canary-question" not in own.workspace.database.path.read_bytes()
    with own.workspace.database.reading() as connection:
        for table in ("student_links", "student_sessions", "help_requests"):
            rows = connection.execute(f"SELECT * FROM {table} WHERE student_id = ?", (student,))
            assert rows.fetchall() == []
    # Put back, the student is there again and the link is not.
    restore(own.workspace.database, copy, asked_by="test")
    assert "This link does not work" in requests.get(link, timeout=10).text


def test_a_session_of_a_student_opens_nothing_of_the_dashboard(own: Own, tmp_path: Path) -> None:
    student = own.students[0]
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}
    answer = requests.get(f"{own.url}/my-progress", headers=elsewhere, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (404, "dashboard_is_local")
    home = Home(tmp_path / "home")
    home.ensure()
    with closing(sqlite3.connect(own.workspace.database.path)) as source:
        source.execute("VACUUM INTO ?", (str(home.database),))
    shutil.copy(own.workspace.home.config, home.folder)
    create_account(Database(home), "boss", "admin", asked_by="test", now=utc_now())
    workspace = Workspace(home)
    secret = StudentPages(lambda: workspace).open_for(StudentKey(own.class_id, student)).secret
    workspace.stop()
    with served(home) as url:
        session = requests.Session()
        for name in ("cohort-student", "cohort", "__Host-cohort"):
            session.cookies.set(name, secret)
        assert session.get(f"{url}/my-progress", timeout=10).status_code == 200
        for path in ("", "risk", f"student?student={student}"):
            page = session.get(f"{url}/dashboard/{path}", headers=HTML, allow_redirects=False, timeout=10)
            assert (page.status_code, page.headers["Location"].startswith("/login")) == (303, True)
        for path in ("_stcore/health", "files/x", "media/00112233445566778899aabbccddeeff"):
            assert session.get(f"{url}/dashboard/{path}", timeout=10).status_code == 401
        with pytest.raises(InvalidStatus):
            socket_of(url, session)
        for path in ("/classes", "/triage", f"/classes/{CLASS}/students"):
            assert session.get(f"{url}{path}", timeout=10).status_code == 401
        refused = session.get(f"{url}/my-progress", headers=elsewhere, timeout=10)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_encrypted")
