"""Signing in and the door of the dashboard, against real servers."""

from __future__ import annotations

import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from html import escape
from pathlib import Path

import anyio
import pyotp
import pytest
import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.config.settings import save_settings
from cohort_core.dashboard.files.owner import COOKIE, owner
from cohort_core.http.door import SESSION_HEADER
from cohort_core.http.workers import MAX_OF_ADDRESS, Busy, Workers
from cohort_core.services import second_factor
from cohort_core.services.passwords import hash_password
from cohort_core.services.sign_in import MAX_KEPT, NAME_FAILURES, Guesses, Refused, SignIn
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts
from cohort_core.store.audit import load_events
from cohort_core.store.tokens import create_token
from tests.accounts import PASSWORD, make_people

HTML = {"Accept": "text/html"}
LATER = (
    "import sys; from datetime import timedelta; from cohort_core import clock; "
    "from cohort_core.cli import main; clock.move_on(timedelta(days=float(sys.argv.pop(1)))); main()"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("accounts") / "home")
    workspace = Workspace(home)
    workspace.database.migrate()
    make_people(workspace.database, {"ada": "admin", "mia": "mentor", "vic": "viewer"})
    workspace.stop()
    return home


@pytest.fixture(scope="module")
def url(folder: Home) -> Iterator[str]:
    with served(folder) as address:
        yield address


@pytest.fixture
def workspace(folder: Home) -> Iterator[Workspace]:
    workspace = Workspace(folder)
    yield workspace
    workspace.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@contextmanager
def served(home: Home, *options: str, scheme: str = "http", days: float = 0, port: int = 0) -> Iterator[str]:
    """Run `serve`, and wait until the dashboard answers."""
    port = port or free_port()
    words = ["-c", LATER, str(days)] if days else ["-m", "cohort_core.cli"]
    command = [sys.executable, *words, "serve", "--port", str(port), *options]
    environment = {**os.environ, "COHORT_HOME": str(home.folder), "HOME": str(home.folder.parent)}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    url = f"{scheme}://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                # The door answers when the dashboard is loaded.
                requests.get(f"{url}/dashboard/", timeout=20, verify=False, allow_redirects=False)  # noqa: S501
                break
            except requests.ConnectionError:
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield url
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait(10)


def sign_in(url: str, name: str, password: str = PASSWORD, **more: str) -> requests.Response:
    form = {"name": name, "password": password, **more}
    return requests.post(f"{url}/login", data=form, allow_redirects=False, timeout=20)


def signed_in(url: str, name: str) -> requests.Session:
    answer = sign_in(url, name)
    assert answer.status_code == 303, answer.text
    session = requests.Session()
    session.cookies.update(answer.cookies)
    return session


def socket_of(url: str, session: requests.Session | None, **headers: str) -> ClientConnection:
    cookies = "; ".join(f"{name}={value}" for name, value in (session.cookies if session else {}).items())
    return connect(
        f"{url.replace('http', 'ws')}/dashboard/_stcore/stream",
        additional_headers={"Cookie": cookies, **headers},
        origin=Origin(url),
        subprotocols=[Subprotocol("streamlit"), Subprotocol("x")],
        max_size=None,
        legacy=True,
    )


def seconds_until_closed(connection: ClientConnection) -> float:
    """Return how long the server takes to close a socket as signed out."""
    since = time.monotonic()
    with pytest.raises(ConnectionClosed) as closed:
        for _ in iter(lambda: connection.recv(timeout=5), None):
            pass
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    return time.monotonic() - since


def test_without_a_session_nothing_of_the_dashboard_comes(url: str) -> None:
    page = requests.get(f"{url}/dashboard/risk?class=a", headers=HTML, allow_redirects=False, timeout=10)
    assert (page.status_code, page.headers["Location"]) == (303, "/login?next=/dashboard/risk%3Fclass%3Da")
    for path in (
        "_stcore/health",
        "_stcore/host-config",
        "static/js/index.js",
        "files/x",
        f"media/{'0' * 32}",
    ):
        assert requests.get(f"{url}/dashboard/{path}", timeout=10).status_code == 401, path
    with pytest.raises(InvalidStatus):
        socket_of(url, None)
    forged = {"X-Cohort-Account": "1", "Authorization": "Bearer ct_x"}
    assert requests.get(f"{url}/dashboard/_stcore/health", headers=forged, timeout=10).status_code == 401
    for path in ("/login", "/health"):
        assert requests.get(url + path, timeout=10).status_code == 200


def test_the_cookie_and_the_pages_of_signing_in(url: str) -> None:
    answer = sign_in(url, "vic")
    flags = answer.headers["Set-Cookie"]
    assert flags.startswith("cohort=")
    assert "HttpOnly" in flags
    assert "SameSite=lax" in flags
    for response in (answer, requests.get(f"{url}/login", timeout=10)):
        assert response.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "<script" not in response.text
    session = signed_in(url, "vic")
    assert session.get(f"{url}/dashboard/", timeout=10).headers["Cache-Control"] == "no-store"
    # The API does not know the cookie, and the dashboard no token.
    assert session.get(f"{url}/classes", timeout=10).status_code == 401


def test_what_a_browser_calls_itself_and_a_typed_name_are_never_markup(
    url: str, workspace: Workspace
) -> None:
    evil = """"'><script>alert(1)</script>![x](http://127.0.0.1:9/p.png)"""
    form = {"name": evil, "password": "wrong"}
    refused = requests.post(f"{url}/login", data=form, timeout=20)
    assert (refused.status_code, evil in refused.text, escape(evil) in refused.text) == (401, False, True)
    form = {"name": "vic", "password": PASSWORD, "next": evil}
    headers = {"User-Agent": f"{evil} Firefox/145.0 (X11; Linux) =1+1"}
    answer = requests.post(f"{url}/login", data=form, headers=headers, allow_redirects=False, timeout=20)
    assert answer.headers["Location"] == "/dashboard/"
    labels = {session.label for session in accounts.load_sessions(workspace.database)}
    assert "Firefox on Linux" in labels
    details = [event.detail for event in load_events(workspace.database)]
    assert "Firefox on Linux from 127.0.0.1" in details
    assert not [text for text in (*labels, *details) if "<" in text or "=1+1" in text]


def test_fields_of_passwords_hide_them_and_let_managers_fill_them(url: str, workspace: Workspace) -> None:
    account = accounts.create_account(workspace.database, "late", "viewer", asked_by="test", now=utc_now())
    secret = accounts.create_invitation(workspace.database, account.id, asked_by="test", now=utc_now())
    for path, number, kind in (
        ("/login", 1, "current-password"),
        (f"/invitation/{secret}", 2, "new-password"),
    ):
        page = requests.get(url + path, timeout=10).text
        assert page.count('type="password"') == number
        assert {kind, "username"} <= set(re.findall(r'autocomplete="([^"]*)"', page))
        assert not re.search(r"<script|\son\w+=", page)


def test_a_token_opens_no_page(url: str, workspace: Workspace) -> None:
    secret = create_token(workspace.database, "door", "admin", asked_by="test", now=utc_now())
    headers = {"Authorization": f"Bearer {secret}"}
    assert requests.get(f"{url}/classes", headers=headers, timeout=10).status_code == 200
    assert requests.get(f"{url}/dashboard/_stcore/health", headers=headers, timeout=10).status_code == 401


def test_a_new_session_at_each_sign_in_and_the_old_one_ends(url: str) -> None:
    session = signed_in(url, "vic")
    old = session.cookies.get_dict()
    planted = requests.post(
        f"{url}/login",
        data={"name": "vic", "password": PASSWORD},
        cookies={"cohort": "planted-by-another"},
        allow_redirects=False,
        timeout=20,
    )
    assert planted.cookies["cohort"] != "planted-by-another"
    again = session.post(
        f"{url}/login", data={"name": "vic", "password": PASSWORD}, allow_redirects=False, timeout=20
    )
    assert again.status_code == 303
    fresh = {"cohort": again.cookies["cohort"]}
    assert fresh != {"cohort": planted.cookies["cohort"]}
    assert requests.get(f"{url}/dashboard/_stcore/health", cookies=fresh, timeout=10).status_code == 200
    assert requests.get(f"{url}/dashboard/_stcore/health", cookies=old, timeout=10).status_code == 401


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example/dashboard/",
        "/dashboard/../../x",
        "/dashboard//evil.example",
        "/dashboard\\..\\x",
        "/\\evil.example",
        "/dashboard/%2e%2e/x",
        "/dashboard/\n",
        "javascript:alert(1)",
        "/logout",
        "/dashboardevil",
    ],
)
def test_a_login_leads_nowhere_else(url: str, wanted: str) -> None:
    assert sign_in(url, "vic", next=wanted).headers["Location"] == "/dashboard/"


def test_a_login_leads_back_to_the_page(url: str) -> None:
    wanted = "/dashboard/risk?class=a&day=2026-01-01"
    assert sign_in(url, "vic", next=wanted).headers["Location"] == wanted


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
@pytest.mark.parametrize("path", ["/login", "/logout", "/invitation/x"])
def test_forms_of_other_sites_are_refused(url: str, path: str, headers: dict[str, str]) -> None:
    session = signed_in(url, "vic")
    form = {"name": "vic", "password": PASSWORD}
    assert session.post(url + path, data=form, headers=headers, timeout=10).status_code == 403
    assert session.get(f"{url}/dashboard/_stcore/health", timeout=10).status_code == 200


def test_a_foreign_host_is_refused(url: str) -> None:
    for path in ("/login", "/dashboard/"):
        answer = requests.get(url + path, headers={"Host": "evil.example"}, timeout=10)
        assert answer.status_code == 400


def test_an_ended_session_closes_what_is_open_within_a_second(url: str, workspace: Workspace) -> None:
    mia, vic = signed_in(url, "mia"), signed_in(url, "vic")
    sockets = [socket_of(url, mia), socket_of(url, mia), socket_of(url, vic)]
    account = accounts.find_account(workspace.database, "mia")
    # This process is another one than the server's.
    accounts.change_account(workspace.database, account.id, asked_by="test", is_active=False)
    assert seconds_until_closed(sockets[0]) < 1
    assert seconds_until_closed(sockets[1]) < 1
    assert mia.get(f"{url}/dashboard/_stcore/health", timeout=10).status_code == 401
    assert sign_in(url, "mia").status_code == 401
    accounts.change_account(workspace.database, account.id, asked_by="test", is_active=True)
    assert vic.post(f"{url}/logout", allow_redirects=False, timeout=10).headers["Location"] == "/login"
    assert seconds_until_closed(sockets[2]) < 1


def test_the_sign_in_page_says_what_happened_and_what_to_do_without_a_password(url: str) -> None:
    for query, sentence in (
        ("", None),
        ("?out=1", "You are signed out."),
        ("?set=1", "Your password is set."),
    ):
        text = requests.get(f"{url}/login{query}", timeout=10).text
        assert ('role="status"' in text) is (sentence is not None)
        assert sentence is None or sentence in text
        assert "Forgot your password, or lost the phone? Ask an administrator for a new link." in text


def session_id(connection: ClientConnection) -> str:
    """Run the first page, and return the id of Streamlit's session."""
    message = BackMsg()
    message.rerun_script.query_string = ""
    connection.send(message.SerializeToString())
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(bytes(connection.recv(timeout=20)))  # type: ignore[arg-type]
        if answer.WhichOneof("type") == "new_session":
            return str(answer.new_session.initialize.session_id)


def test_nobody_uploads_into_the_session_of_another(url: str) -> None:
    ada, vic = signed_in(url, "ada"), signed_in(url, "vic")
    connection = socket_of(url, ada)
    address = f"{url}/dashboard/_stcore/upload_file/{session_id(connection)}/f1"
    foreign = vic.put(address, files={"f": ("x.csv", b"1")}, timeout=10)
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
    own = ada.put(address, files={"f": ("x.csv", b"1")}, timeout=10)
    assert not own.headers["Content-Type"].startswith("application/problem")
    connection.close()


def test_links_belong_to_a_session_whatever_the_browser() -> None:
    cookies = {COOKIE: "a" * 43}
    owners = {owner(cookies, {SESSION_HEADER: number}) for number in ("1", "2")} | {owner(cookies)}
    assert len(owners) == 3


def test_unknown_names_cost_as_much_as_wrong_passwords(workspace: Workspace) -> None:
    database = workspace.database
    for name in ("waiting", "gone"):
        made = accounts.create_account(database, name, "viewer", asked_by="test", now=utc_now())
    accounts.change_account(
        database, made.id, asked_by="test", password_hash=hash_password(PASSWORD), is_active=False
    )
    signing_in = SignIn(lambda: workspace)

    def measure(name: str) -> float:
        """Return the seconds that all processors worked; others who keep them busy do not count."""
        since = time.process_time()
        answer = signing_in.sign_in(name, "wrong and long enough", "", address="192.0.2.7", label="x")
        assert answer == Refused()
        return time.process_time() - since

    measure("nobody-0")
    names = {
        "wrong password": ["ada"] * 5,
        "unknown": [f"nobody-{number}" for number in range(1, 6)],
        "no password yet": ["waiting"] * 5,
        "disabled": ["gone"] * 5,
    }
    medians = {kind: statistics.median(map(measure, tried)) for kind, tried in names.items()}
    usual = medians["wrong password"]
    assert all(0.7 < seconds / usual < 1.4 for seconds in medians.values()), medians


def test_the_answer_does_not_say_whether_there_is_an_account(url: str) -> None:
    texts = {sign_in(url, name, "wrong and long").text.replace(name, "") for name in ("ada", "nobody-9")}
    assert len(texts) == 1


def make_factor(workspace: Workspace, name: str) -> pyotp.TOTP:
    """Give an account a second factor; return the app that shows its codes."""
    app = pyotp.TOTP(pyotp.random_base32())
    account = accounts.find_account(workspace.database, name)
    sealed = second_factor.sealed(workspace.home, app.secret)
    accounts.change_account(workspace.database, account.id, asked_by="test", totp_secret=sealed)
    return app


def test_a_second_factor_is_asked_for_at_the_login_and_each_code_works_once(
    url: str, workspace: Workspace
) -> None:
    make_people(workspace.database, {"tof": "viewer"})
    app = make_factor(workspace, "tof")
    code = app.now()
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    without, with_wrong = sign_in(url, "tof"), sign_in(url, "tof", code=wrong)
    # The answer is that of a wrong password: whoever guesses a password does not learn that it is right.
    assert without.status_code == with_wrong.status_code == 401
    assert without.text == with_wrong.text == sign_in(url, "tof", "wrong and long").text
    assert sign_in(url, "tof", "wrong and long", code=code).status_code == 401
    assert sign_in(url, "tof", code=f"{code[:3]} {code[3:]}").status_code == 303
    assert sign_in(url, "tof", code=code).status_code == 401


def opens_settings(url: str, session: requests.Session) -> bool:
    """Return whether a person gets the settings of an administrator."""
    with socket_of(url, session) as connection:
        message = BackMsg()
        message.rerun_script.query_string = "part=people"
        message.rerun_script.page_name = "settings"
        connection.send(message.SerializeToString())
        everything = b""
        while True:
            data = bytes(connection.recv(timeout=20))  # type: ignore[arg-type]
            everything += data
            answer = ForwardMsg()
            answer.ParseFromString(data)
            # The first run may end early, for another one.
            if answer.WhichOneof("type") == "script_finished" and answer.script_finished == 0:
                break
    assert (b"Your role cannot open this page" in everything) is not (b"Add a person" in everything)
    return b"Add a person" in everything


def test_a_demanded_second_factor_lets_administrators_only_look(folder: Home, workspace: Workspace) -> None:
    make_people(workspace.database, {"chief": "admin"})
    save_settings(folder, demand_second_factor=True)
    try:
        with served(folder) as url:
            assert not opens_settings(url, signed_in(url, "chief"))
            app = make_factor(workspace, "chief")
            session = requests.Session()
            session.cookies.update(sign_in(url, "chief", code=app.now()).cookies)
            assert opens_settings(url, session)
    finally:
        save_settings(folder, demand_second_factor=None)


def test_two_hundred_wrong_passwords_wait_and_touch_no_session_in_use(url: str) -> None:
    session = signed_in(url, "mia")
    statuses = [sign_in(url, "mia@example.org", f"wrong {number}").status_code for number in range(200)]
    assert statuses[:10] == [401] * 10
    assert set(statuses[10:]) == {429}
    waiting = sign_in(url, "MIA")
    assert waiting.status_code == 429
    assert re.search(r"Wait \d+ seconds", waiting.text)
    assert 0 < int(waiting.headers["Retry-After"]) <= 60
    assert session.get(f"{url}/dashboard/_stcore/health", timeout=10).status_code == 200
    assert sign_in(url, "vic").status_code == 303


def test_guesses_from_many_addresses_wait_longer_each_time() -> None:
    now = 0.0
    guesses = Guesses(lambda: now)
    for number in range(NAME_FAILURES):
        assert guesses.begin("1", f"address {number}") == 0
    waits = []
    for number in range(6):
        wait = guesses.begin("1", f"other {number}")
        waits.append(wait)
        now += wait
        assert guesses.begin("1", f"other {number}") == 0
    assert waits == [1, 2, 4, 8, 16, 32]
    for number in range(MAX_KEPT + 50):
        guesses.begin(f"name {number}", "x")
    assert len(guesses._names) == len(guesses._pairs) == MAX_KEPT


def test_failures_of_a_name_count_for_a_day() -> None:
    now = 0.0
    guesses = Guesses(lambda: now)
    for number in range(NAME_FAILURES):
        assert guesses.begin("1", f"address {number}") == 0
    now = 23 * 3600.0
    assert guesses.begin("1", "a") == 0
    assert guesses.begin("1", "b") > 0
    now = 48 * 3600.0
    assert [guesses.begin("1", f"{number}") for number in range(NAME_FAILURES)] == [0] * NAME_FAILURES


def test_invented_names_make_no_failure_of_an_account_forgotten(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cohort_core.services.sign_in.MAX_KEPT", 3)
    door = SignIn(lambda: workspace)

    def wait(name: str) -> int:
        answer = door.sign_in(name, "wrong", "", address="192.0.2.7", label="")
        assert isinstance(answer, Refused)
        return answer.wait

    assert [wait("vic") for _ in range(10)] == [0] * 10
    assert [wait(f"nobody-{number}") for number in range(5)] == [0] * 5
    assert wait("vic") > 0


def test_one_address_keeps_nobody_else_from_signing_in() -> None:
    async def crowd() -> tuple[int, str]:
        workers, refused = Workers(), 0

        async def ask() -> None:
            nonlocal refused
            try:
                await workers.run(partial(time.sleep, 0.02), address="192.0.2.7")
            except Busy:
                refused += 1

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(ask)
            await anyio.sleep(0.01)
            answer = await workers.run(lambda: "in", address="192.0.2.8")
        await workers.run(lambda: None, address="192.0.2.7")
        return refused, answer

    assert anyio.run(crowd) == (100 - MAX_OF_ADDRESS, "in")


def test_an_invitation_sets_a_password_once_and_looking_uses_nothing_up(
    url: str, workspace: Workspace
) -> None:
    account = accounts.create_account(workspace.database, "new", "viewer", asked_by="test", now=utc_now())
    secret = accounts.create_invitation(workspace.database, account.id, asked_by="test", now=utc_now())
    address = f"{url}/invitation/{secret}"
    assert sign_in(url, "new", "").status_code == 401
    for _ in range(2):
        shown = requests.get(address, timeout=10)
        assert (shown.status_code, "new-password" in shown.text) == (200, True)
    short = requests.post(address, data={"password": "short", "again": "short"}, timeout=10)
    assert (short.status_code, 'role="alert"' in short.text) == (422, True)
    done = requests.post(
        address, data={"password": PASSWORD, "again": PASSWORD}, allow_redirects=False, timeout=10
    )
    assert (done.status_code, done.headers["Location"]) == (303, "/login?set=1")
    assert requests.get(address, timeout=10).status_code == 404
    assert requests.post(address, data={"password": "another long password"}, timeout=10).status_code == 404
    assert sign_in(url, "new").status_code == 303


def test_sessions_outlive_a_killed_server_but_not_their_time(folder: Home) -> None:
    port = free_port()
    with served(folder, port=port) as url:
        session = signed_in(url, "vic")
    with served(folder, port=port) as url:
        assert session.get(f"{url}/dashboard/_stcore/health", timeout=10).status_code == 200
    for days, status in ((0.4, 200), (0.6, 401), (15.0, 401), (-0.5, 200)):
        with served(folder, port=port, days=days) as url:
            answer = session.get(f"{url}/dashboard/_stcore/health", timeout=10)
            assert answer.status_code == status, days


def test_two_servers_over_one_home_share_sessions_and_their_end(folder: Home, url: str) -> None:
    with served(folder) as other:
        session = signed_in(url, "vic")
        connection = socket_of(other, session)
        session.post(f"{url}/logout", timeout=10)
        assert seconds_until_closed(connection) < 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of our own for 127.0.0.1, and its key."""
    place = tmp_path_factory.mktemp("tls")
    words = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    paths = place / "cert.pem", place / "key.pem"
    subprocess.run(
        ["openssl", *words.split(), "-out", str(paths[0]), "-keyout", str(paths[1])],
        check=True,
        capture_output=True,
    )
    return paths


def test_over_tls_the_cookie_is_bound_to_the_host(folder: Home, certificate: tuple[Path, Path]) -> None:
    cert, key = map(str, certificate)
    with served(folder, "--ssl-certfile", cert, "--ssl-keyfile", key, scheme="https") as url:
        form = {"name": "vic", "password": PASSWORD}
        answer = requests.post(f"{url}/login", data=form, verify=cert, allow_redirects=False, timeout=20)
        flags = answer.headers["Set-Cookie"]
        assert flags.startswith("__Host-cohort=")
        assert "Secure" in flags
        assert "Path=/" in flags
        assert "Domain" not in flags
        secret = answer.cookies["__Host-cohort"]
        # Any host of the domain can set the last two, which `strip` turns into the name with the prefix.
        names = {"__Host-cohort": 200, "cohort": 401, "\x85__Host-cohort": 401, "\xa0__Host-cohort": 401}
        for name, status in names.items():
            health = requests.get(
                f"{url}/dashboard/_stcore/health",
                headers={"Cookie": f"x=1; {name}={secret}"},
                verify=cert,
                timeout=10,
            )
            assert health.status_code == status, name


def test_others_come_in_over_tls_alone(folder: Home) -> None:
    with served(folder, "--host", "0.0.0.0", "--trusted-proxy", "192.0.2.1") as url:  # noqa: S104
        forged = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"}
        for headers in ({}, forged):
            for path in ("/login", "/dashboard/"):
                answer = requests.get(url + path, headers=headers, allow_redirects=False, timeout=10)
                assert (answer.status_code, answer.json()["code"]) == (403, "not_encrypted")
            assert requests.post(f"{url}/login", headers=headers, timeout=10).status_code == 403
    with served(folder, "--host", "0.0.0.0", "--insecure") as url:  # noqa: S104
        assert sign_in(url, "vic").status_code == 303


def test_idle_hours_are_a_setting(folder: Home) -> None:
    save_settings(folder, session_idle_hours=1)
    try:
        port = free_port()
        with served(folder, port=port) as url:
            session = signed_in(url, "vic")
        with served(folder, port=port, days=2 / 24) as url:
            assert session.get(f"{url}/dashboard/_stcore/health", timeout=10).status_code == 401
    finally:
        save_settings(folder, session_idle_hours=None)


def test_the_dashboard_alone_has_the_door_too(folder: Home) -> None:
    port = free_port()
    project = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = {**os.environ, "COHORT_HOME": str(folder.folder), "HOME": str(folder.folder.parent)}
    server = subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                page = requests.get(f"{url}/risk", headers=HTML, allow_redirects=False, timeout=20)
                break
            except requests.ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.2)
        assert (page.status_code, page.headers["Location"]) == (303, "/login?next=/risk")
        assert requests.get(f"{url}/_stcore/health", timeout=10).status_code == 401
        answer = sign_in(url, "vic", next="/risk")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/risk")
        cookies = {"cohort": answer.cookies["cohort"]}
        assert requests.get(f"{url}/_stcore/health", cookies=cookies, timeout=10).status_code == 200
    finally:
        server.kill()
        server.wait(10)


def test_times_are_those_of_the_store(workspace: Workspace) -> None:
    account = accounts.find_account(workspace.database, "vic")
    lifetime = timedelta(days=1)
    accounts.open_session(workspace.database, account.id, label="x", lifetime=lifetime, now=utc_now())
    (session, *_) = accounts.load_sessions(workspace.database)
    assert session.is_live(utc_now(), timedelta(hours=12))
    assert not session.is_live(utc_now() + timedelta(hours=13), timedelta(hours=12))
    assert not session.is_live(utc_now() + timedelta(days=2), timedelta(days=12))
