"""The walk of docs/school.md, from its first command to three people who are signed in behind Caddy."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.services.passwords import hash_password
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts
from cohort_core.store.audit import load_events
from cohort_core.store.classes import find_class
from cohort_core.store.maintenance import backup
from cohort_core.store.tokens import create_token
from tests.browser.conftest import WAIT_MS, WIDE, Dashboard
from tests.browser.test_roles import named_in, settle
from tests.cli.test_school import BLOCKS, shell
from tests.conftest import unavailable
from tests.dashboard.test_roles import names_of

NAME, CLASS = "cohort.example.org", "sd-cohort-12"
PASSWORD = "seven green bicycles"
OPTIONS = """{{
	admin off
	http_port {http}
	https_port {https}
	local_certs
	skip_install_trust
	default_bind 127.0.0.1
}}
"""
"""Stands before the Caddyfile of the page: other ports, and certificates of its own."""
FORGED = {
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-For": "203.0.113.9",
    "Forwarded": "for=203.0.113.9;proto=http;host=evil.example",
}


@dataclass
class Walk:
    """A server and Caddy before it, as the walk leaves them."""

    workspace: Workspace
    links: dict[str, str]
    http: int
    https: int
    upstream: int
    trusted: ssl.SSLContext

    def ask(self, method: str, path: str, host: str = NAME, **more: Any) -> httpx.Response:
        """Ask Caddy over TLS, as a program at another computer does."""
        headers = {"Host": host, **more.pop("headers", {})}
        with httpx.Client(verify=self.trusted, timeout=20) as client:
            return client.request(
                method,
                f"https://127.0.0.1:{self.https}{path}",
                headers=headers,
                extensions={"sni_hostname": NAME},
                **more,
            )

    def sign_in(self, name: str, password: str, **headers: str) -> httpx.Response:
        return self.ask("POST", "/login", data={"name": name, "password": password}, headers=headers)

    def ask_past_caddy(self, method: str, path: str, **headers: str) -> httpx.Response:
        return httpx.request(method, f"http://127.0.0.1:{self.upstream}{path}", headers=headers, timeout=20)

    @contextmanager
    def socket(self, cookie: str) -> Iterator[ClientConnection]:
        with connect(
            f"wss://{NAME}/dashboard/_stcore/stream",
            sock=socket.create_connection(("127.0.0.1", self.https)),
            ssl=self.trusted,
            server_hostname=NAME,
            origin=Origin(f"https://{NAME}"),
            additional_headers={"Cookie": cookie},
            subprotocols=[Subprotocol("streamlit"), Subprotocol("x")],
            max_size=None,
        ) as connection:
            yield connection


def free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [listener.getsockname()[1] for listener in listeners]


def wait_for(is_ready: Callable[[], bool], *processes: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while not is_ready():
        assert all(process.poll() is None for process in processes)
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answers(walk: Walk) -> bool:
    with suppress(httpx.TransportError):
        return walk.ask("GET", "/login").status_code == 200
    return False


@pytest.fixture(scope="module")
def walk(dashboard: Dashboard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    if not shutil.which("caddy"):
        unavailable("there is no Caddy on this machine")
    folder = tmp_path_factory.mktemp("school")
    home, source = Home(folder / "home"), dashboard.workspace
    home.ensure()
    backup(source.database, home.database, asked_by="test")
    shutil.copy(source.home.credentials, home.folder)
    home.config.write_text(BLOCKS["config.toml"] + source.home.config.read_text("utf-8"), "utf-8")
    done = shell(home, f"CLASS={CLASS}\n{BLOCKS['accounts.sh']}")
    assert done.returncode == 0, done.stderr
    links = re.findall(rf"^https://{re.escape(NAME)}/invitation/\S+$", done.stdout, re.MULTILINE)
    http, https, upstream = free_ports(3)
    unit = configparser.RawConfigParser()
    unit.read_string(BLOCKS["cohort-tracker.service"])
    options = unit["Service"]["ExecStart"].partition("cohort-tracker ")[2].split()
    caddyfile = folder / "Caddyfile"
    site = BLOCKS["Caddyfile"].replace("127.0.0.1:3000", f"127.0.0.1:{upstream}")
    caddyfile.write_text(OPTIONS.format(http=http, https=https) + site, "utf-8")
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    environment["XDG_CONFIG_HOME"] = str(folder)
    server = subprocess.Popen(
        [sys.executable, "-m", "cohort_core.cli", *options, "--port", str(upstream)],
        env={**environment, "COHORT_HOME": str(home.folder)},
        stdout=subprocess.DEVNULL,
    )
    caddy = subprocess.Popen(
        ["caddy", "run", "--config", str(caddyfile), "--adapter", "caddyfile"],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    workspace = Workspace(home)
    try:
        root = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        wait_for(root.is_file, caddy)
        trusted = ssl.create_default_context(cafile=root)
        people = dict(zip(("boss", "ana", "dora"), links, strict=True))
        walk = Walk(workspace, people, http, https, upstream, trusted)
        wait_for(lambda: answers(walk), caddy, server)
        yield walk
    finally:
        for process in (caddy, server):
            process.terminate()
            process.wait(15)
        workspace.stop()


@pytest.fixture(scope="module")
def eve(walk: Walk) -> str:
    """A viewer with a password, for requests without a browser."""
    accounts.create_account(
        *(walk.workspace.database, "eve", "viewer"),
        password_hash=hash_password(PASSWORD),
        asked_by="test",
        now=utc_now(),
    )
    return "eve"


def test_behind_caddy_the_cookie_is_bound_and_no_word_of_the_client_is_believed(walk: Walk, eve: str) -> None:
    answer = walk.sign_in(eve, PASSWORD, **FORGED)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard/")
    (flags,) = answer.headers.get_list("Set-Cookie")
    assert flags.startswith("__Host-cohort=")
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= set(flags.casefold().split("; "))
    assert "domain" not in flags.casefold()
    cookie = flags.partition(";")[0]
    page = walk.ask("GET", "/dashboard/", headers={"Cookie": cookie, "Accept": "text/html"})
    assert page.status_code == 200
    assert "Cohort Tracker" in page.text
    assert "evil.example" not in str(answer.headers) + answer.text + page.text
    # The cookie of a page without encryption opens nothing here.
    without_prefix = cookie.removeprefix("__Host-")
    assert walk.ask("GET", "/dashboard/_stcore/health", headers={"Cookie": without_prefix}).status_code == 401
    events = load_events(walk.workspace.database)
    (signed_in,) = (event for event in events if (event.who, event.action) == ("account eve", "signed in"))
    assert signed_in.detail.endswith(" from 127.0.0.1")
    with walk.socket(cookie) as connection:
        message = BackMsg()
        message.rerun_script.query_string = ""
        connection.send(message.SerializeToString())
        assert len(bytes(connection.recv(timeout=20))) > 100  # type: ignore[arg-type]
    with pytest.raises(InvalidStatus), walk.socket(without_prefix):
        pass


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_plain_http_old_tls_and_other_names_get_nothing(walk: Walk, eve: str) -> None:
    for method in ("GET", "POST"):
        plain = httpx.request(
            method, f"http://127.0.0.1:{walk.http}/login", headers={"Host": NAME}, timeout=10
        )
        assert plain.status_code == 308
        assert plain.headers["Location"].startswith("https://")
        assert not plain.headers.get("Set-Cookie")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", walk.https)) as raw,
        pytest.raises(ssl.SSLError, match=r"(?i)alert.protocol.version"),
    ):
        old.wrap_socket(raw, server_hostname=NAME)
    for path in ("/login", "/dashboard/", "/classes"):
        poisoned = walk.ask("GET", path, host="evil.example")
        assert poisoned.content == b""
        assert not poisoned.headers.get("Location")
    # Past Caddy: another name, and its own name without encryption.
    for headers, code in (
        ({"Host": "evil.example"}, "foreign_host"),
        ({"Host": f"{NAME}.evil.example", "X-Forwarded-Proto": "https"}, "foreign_host"),
        ({"Host": NAME}, "not_encrypted"),
        ({"Host": NAME, "X-Forwarded-Proto": "http"}, "not_encrypted"),
        ({"Host": NAME, "X-Forwarded-Ssl": "on", "Forwarded": "proto=https"}, "not_encrypted"),
        (
            {"Host": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-For": "198.51.100.7"},
            "not_encrypted",
        ),
    ):
        for method in ("GET", "POST"):
            refused = walk.ask_past_caddy(method, "/login", **headers)
            assert refused.json()["code"] == code, headers
            assert "Set-Cookie" not in refused.headers
    # A link to choose a password never begins with what a client wrote.
    token = create_token(walk.workspace.database, "links", "admin", asked_by="test", now=utc_now())
    account = accounts.find_account(walk.workspace.database, eve)
    made = walk.ask(
        "POST", f"/accounts/{account.id}/invite", headers={"Authorization": f"Bearer {token}", **FORGED}
    )
    assert made.json()["invitation"].startswith(f"https://{NAME}/invitation/")


def test_guesses_behind_caddy_count_by_the_address_that_caddy_saw(walk: Walk) -> None:
    statuses = [
        walk.sign_in("nobody", "wrong", **{"X-Forwarded-For": f"203.0.113.{number}"}).status_code
        for number in range(12)
    ]
    assert statuses == [401] * 10 + [429] * 2


@pytest.fixture
def visitors(walk: Walk, chromium: Browser) -> Iterator[dict[str, BrowserContext]]:
    """A browser for each person, in which the name of the page leads to Caddy."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    browser = chromium.browser_type.launch(
        executable_path=path,
        args=[
            *("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"),
            f"--host-resolver-rules=MAP {NAME} 127.0.0.1:{walk.https}",
        ],
    )
    contexts = {
        name: browser.new_context(viewport=WIDE, ignore_https_errors=True)  # type: ignore[arg-type]
        for name in walk.links
    }
    for context in contexts.values():
        context.set_default_timeout(WAIT_MS)
    yield contexts
    browser.close()


def accept(context: BrowserContext, link: str, name: str) -> Page:
    """Choose a password by a link, and sign in with it."""
    page = context.new_page()
    page.goto(link)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same password again").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("status")).to_contain_text("Your password is set")
    page.get_by_label("Name or email").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    settle(page)
    return page


def test_three_people_sign_in_and_the_audit_says_who_did_what_without_students(
    walk: Walk, visitors: dict[str, BrowserContext]
) -> None:
    pages = {name: accept(visitors[name], link, name) for name, link in walk.links.items()}
    for context in visitors.values():
        (cookie,) = (item for item in context.cookies() if item.get("name") == "__Host-cohort")
        assert (cookie.get("secure"), cookie.get("httpOnly"), cookie.get("sameSite")) == (True, True, "Lax")
        assert (cookie.get("domain"), cookie.get("path")) == (NAME, "/")
    # Ana hides a student, and fetches a table of her class.
    ana = pages["ana"]
    ana.locator("[class*='st-key-message-'] button").first.click()
    ana.locator("[class*='st-key-hide-'] button").first.click()
    ana.get_by_role("menuitem", name="Until tomorrow").click()
    expect(ana.get_by_test_id("stMain")).to_contain_text("Hidden (1)")
    ana.goto(f"https://{NAME}/dashboard/risk")
    settle(ana)
    ana.get_by_test_id("stMain").get_by_role("button", name="Download").first.click()
    with ana.expect_download() as started:
        ana.get_by_test_id("stPopoverBody").get_by_role("link", name="CSV").first.click()
    class_id = find_class(walk.workspace.database, CLASS)
    students = names_of(walk.workspace, class_id)
    assert named_in(Path(started.value.path()).read_bytes(), students)
    # The administrator disables the director, whose open page is at the login.
    boss = pages["boss"]
    boss.goto(f"https://{NAME}/dashboard/settings?part=people")
    settle(boss)
    boss.get_by_role("button", name="Change dora").click()
    boss.get_by_role("button", name="Disable").click()
    pages["dora"].wait_for_url("**/login?next=*", wait_until="commit", timeout=3_000)
    expect(boss.get_by_test_id("stMain")).to_contain_text("dora cannot sign in any more")
    token = shell(walk.workspace.home, "cohort-tracker token create --name audit --role admin").stdout.strip()
    audit = walk.ask("GET", "/audit", headers={"Authorization": f"Bearer {token}"})
    did = {(item["who"], item["action"]): item["detail"] for item in audit.json()["items"]}
    assert f"class {class_id}" in did["account ana", "export"]
    assert did["account ana", "hide"].startswith(f"class {class_id}, ")
    assert did["account boss", "account changed"] == "dora: disabled"
    assert did["account dora", "signed in"].endswith(" from 127.0.0.1")
    assert not named_in(audit.content, students)
