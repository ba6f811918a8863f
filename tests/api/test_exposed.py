"""Access of other web sites and computers: none by default, then only what the mentor allows."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from cohort_core import server
from cohort_core.api.app import create_app
from cohort_core.config.paths import Home
from cohort_core.config.settings import save_settings
from cohort_core.http.clients import is_loopback
from cohort_core.http.guards import plain_address
from cohort_core.services.workspace import Workspace
from cohort_core.store.database import Database
from cohort_core.store.maintenance import backup
from cohort_core.store.tokens import create_token
from tests.api.conftest import Service
from tests.conftest import serving

FRIEND, STRANGER = "https://tools.example.org", "https://evil.example"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - the point of these tests; they connect to 127.0.0.1
COMMAND = [sys.executable, "-m", "cohort_core.cli", "serve", "--host", EVERYWHERE]
START_SECONDS = 30


def copied(service: Service, folder: Path) -> Home:
    """Make a home of its own with the classes of the practice school."""
    home = Home(folder / "home")
    home.ensure()
    backup(service.workspace.database, home.database, asked_by="test")
    return home


def asked_from(origin: str, url: str, path: str, method: str = "GET") -> requests.Response:
    return requests.request(method, url + path, headers={"Origin": origin}, timeout=10)


def preflight(origin: str, url: str, path: str, method: str) -> requests.Response:
    """Send what a browser sends before it lets a page of another site do more than read."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }
    return requests.options(url + path, headers=headers, timeout=10)


def allowed(answer: requests.Response) -> dict[str, str]:
    return {
        name.lower(): value
        for name, value in answer.headers.items()
        if name.lower().startswith("access-control-")
    }


@pytest.mark.parametrize("origin", [FRIEND, STRANGER, "null", "http://localhost:3000"])
def test_by_default_no_other_site_may_read(service: Service, origin: str) -> None:
    for path in ("/health", "/classes", "/triage", "/openapi.json", "/classes.csv", "/nowhere"):
        assert allowed(asked_from(origin, service.url, path)) == {}, path
        for method in ("GET", "POST", "PUT", "DELETE"):
            # The response to OPTIONS lists the methods. Without these headers the browser stops here.
            assert allowed(preflight(origin, service.url, path, method)) == {}, (method, path)


def test_only_the_origin_that_was_set_may_read(service: Service, tmp_path: Path) -> None:
    home = copied(service, tmp_path)
    save_settings(home, cors_origins=[FRIEND])
    workspace = Workspace(home)
    with serving(create_app(workspace)) as url:
        # One path twice, since its second response is cached.
        for path in ("/health", "/classes", "/classes", "/classes.csv"):
            answer = asked_from(FRIEND, url, path)
            assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, FRIEND), path
            # A cache must not send the response for one site to another.
            assert "origin" in answer.headers["Vary"].lower()
            assert "Access-Control-Allow-Credentials" not in answer.headers
        before = preflight(FRIEND, url, "/sync", "POST")
        assert (before.status_code, before.headers["Access-Control-Allow-Origin"]) == (200, FRIEND)
        # The dashboard is not for other sites, since it has no tokens.
        assert allowed(asked_from(FRIEND, url, "/dashboard/")) == {}
        assert allowed(preflight(FRIEND, url, "/dashboard/_stcore/stream", "POST")) == {}
        assert asked_from(FRIEND, url, "/dashboard/_stcore/upload_file/a/b", "PUT").status_code == 403
        for origin in (STRANGER, "null", f"{FRIEND}.evil.example", FRIEND.replace("https", "http")):
            for path in ("/health", "/classes", "/classes.csv"):
                answer = asked_from(origin, url, path)
                assert "Access-Control-Allow-Origin" not in answer.headers, (origin, path)
            refused = preflight(origin, url, "/sync", "POST")
            assert refused.status_code == 400
            assert "Access-Control-Allow-Origin" not in refused.headers
            written = asked_from(origin, url, "/sync", "POST")
            assert (written.status_code, written.json()["code"]) == (403, "foreign_origin")
    workspace.stop()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:3000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
        "[",
        "10.0.0.1",
        "localhost#.evil.example",
        "localhost/.evil.example",
        "localhost?.evil.example",
        "evil.example@localhost",
        "localhost\\.evil.example",
    ],
)
def test_a_forged_host_is_refused_on_loopback(service: Service, host: str) -> None:
    for path in ("/health", "/classes", "/docs", "/openapi.json"):
        answer = requests.get(service.url + path, headers={"Host": host}, timeout=10)
        assert 400 <= answer.status_code < 500, path
        assert answer.json()["code"] == "foreign_host"
    assert requests.get(f"{service.url}/health", timeout=10).status_code == 200


def environment(home: Home) -> dict[str, str]:
    return {**os.environ, "COHORT_HOME": str(home.folder), "HOME": str(home.folder.parent)}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def refused_to_serve(home: Home) -> None:
    done = subprocess.run(
        [*COMMAND, "--port", str(free_port())],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert done.returncode == 2, (done.stdout, done.stderr)
    message = " ".join(done.stderr.split())
    assert "there is no account or token" in message
    assert "cohort-tracker token create" in message
    assert "--host 127.0.0.1" in message
    assert "Traceback" not in message
    assert "http://" not in done.stdout


@contextmanager
def exposed(home: Home, *options: str) -> Iterator[str]:
    """Serve at all addresses, or with these options, while the block lasts."""
    port = free_port()
    process = subprocess.Popen(
        [*COMMAND[:4], *(options or COMMAND[4:]), "--port", str(port)],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
    try:
        while True:
            try:
                requests.get(f"{url}/health", timeout=5)
                break
            except requests.ConnectionError:
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < until
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_nobody_serves_others_without_a_token(service: Service, tmp_path: Path) -> None:
    home = copied(service, tmp_path)
    refused_to_serve(home)
    # An expired token does not count.
    workspace, now = Workspace(home), datetime.now(UTC)
    create_token(
        *(workspace.database, "old", "viewer"),
        lifetime=timedelta(hours=1),
        asked_by="test",
        now=now - timedelta(hours=2),
    )
    workspace.stop()
    refused_to_serve(home)


def test_with_a_token_others_get_the_api_and_no_dashboard(service: Service, tmp_path: Path) -> None:
    home = copied(service, tmp_path)
    workspace = Workspace(home)
    token = create_token(
        *(workspace.database, "mine", "viewer"),
        lifetime=timedelta(hours=1),
        asked_by="test",
        now=datetime.now(UTC),
    )
    workspace.stop()
    with exposed(home) as url:
        assert requests.get(f"{url}/health", timeout=10).json()["status"] == "ok"
        valid = {"Authorization": f"Bearer {token}"}
        wrong = {"Authorization": f"Bearer {token}x"}
        for headers, code in (({}, "token_missing"), (wrong, "token_unknown")):
            answer = requests.get(f"{url}/classes", headers=headers, timeout=10)
            assert (answer.status_code, answer.json()["code"]) == (401, code)
        answer = requests.get(f"{url}/classes", headers=valid, timeout=10)
        assert answer.status_code == 200
        assert len(answer.json()) == len(service.get("/classes"))
        for path in ("/dashboard", "/dashboard/", "/dashboard/risk", "/dashboard/_stcore/health"):
            for headers in ({}, valid):
                answer = requests.get(url + path, headers=headers, timeout=10, allow_redirects=False)
                assert answer.status_code in (401, 404), path
        forged = requests.get(f"{url}/classes", headers=valid | {"Host": "evil.example"}, timeout=10)
        assert (forged.status_code, forged.json()["code"]) == (400, "foreign_host")


def test_small_answers_are_sent_at_once(workspace: Workspace) -> None:
    """Without this option a response of two packets on an open connection takes 40 ms more."""

    async def is_undelayed() -> bool:
        accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def look(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            option = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            accepted.set_result(bool(option))
            writer.close()

        with server.listen(workspace, "127.0.0.1", 0) as listener:
            async with await asyncio.start_server(look, sock=listener):
                _, writer = await asyncio.open_connection(*listener.getsockname())
                writer.close()
                return await accepted

    assert asyncio.run(is_undelayed())


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("localhost", "localhost"),
    ],
)
def test_addresses_are_unwrapped(address: str, plain: str) -> None:
    assert plain_address(address) == plain
    assert is_loopback(address) == (plain in {"127.0.0.1", "localhost"})


@pytest.mark.parametrize(
    "name",
    [
        *("X-Forwarded-Proto", "X-Forwarded-For", "X-Original-Forwarded-For", "Forwarded", "Via"),
        *("CF-Connecting-IP", "CF-Ray", "Fly-Client-IP", "X-Cluster-Client-IP", "Tailscale-User-Login"),
    ],
)
def test_a_request_with_a_proxy_header_needs_a_token(service: Service, name: str) -> None:
    answer = requests.get(f"{service.url}/classes", headers={name: "https"}, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


def test_a_request_by_http_1_0_needs_a_token(service: Service) -> None:
    """Older versions of nginx send HTTP/1.0 by default, without any header of a proxy."""
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(f"GET /classes HTTP/1.0\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        assert b" 401 " in client.recv(65536).split(b"\r\n")[0]
    with socket.create_connection((host, int(port)), timeout=10) as client:
        head = f"GET /dashboard/_stcore/stream HTTP/1.0\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\n"
        key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        client.sendall(f"{head}Upgrade: websocket\r\n{key}\r\n".encode())
        assert b" 404 " in client.recv(65536).split(b"\r\n")[0]


def test_a_server_behind_a_proxy_serves_no_dashboard(service: Service, tmp_path: Path) -> None:
    """A proxy may pass on any name, and add no header of its own."""
    home = copied(service, tmp_path)
    create_token(Database(home), "mine", "viewer", asked_by="test", now=datetime.now(UTC))
    with exposed(home, "--allow-host", "cohort.example.org") as url:
        assert requests.get(f"{url}/classes", timeout=10).status_code == 401
        assert requests.get(f"{url}/dashboard/", timeout=10).status_code == 404


def test_a_server_at_all_addresses_prints_one_that_works(service: Service, tmp_path: Path) -> None:
    home = copied(service, tmp_path)
    create_token(Database(home), "mine", "viewer", asked_by="test", now=datetime.now(UTC))
    lines: list[str] = []
    port = free_port()
    process = subprocess.Popen(
        [*COMMAND, "--port", str(port)],
        env=environment(home) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    try:
        (url,) = re.findall(r"http://\S+", " ".join(lines))
        assert requests.get(url, timeout=10).json()["status"] == "ok"
    finally:
        process.terminate()
        process.communicate(timeout=10)
