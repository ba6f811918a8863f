"""The door around a page with files of each kind: whose they are, and what keeps a session alive."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.http import door
from cohort_core.store import accounts
from cohort_core.store.accounts import Session
from cohort_core.store.database import Database, utc_text
from cohort_core.store.tokens import digest
from tests.api.test_sign_in import free_port

SEEN_EVERY = 2.0
"""The server of these tests stores the use of sessions so often, in seconds."""
IDLE = timedelta(hours=12)
PAGE = """
from uuid import uuid4

import streamlit as st

# Streamlit gives equal files one address.
number = st.session_state.setdefault("number", str(uuid4()))
name = f"content of account {st.user.get('account')} in {number}"
st.text(f"I am {name}")
st.audio(name.encode(), format="audio/wav")
st.download_button("Now", name.encode(), file_name="now.txt")
st.download_button("Later", lambda: f"late {name}".encode(), file_name="later.txt")
"""
SERVE = """
import sys
from datetime import timedelta

import streamlit as st
import uvicorn

from cohort_core.dashboard.asgi import app_options
from cohort_core.dashboard.streamlit_config import apply_streamlit_options
from cohort_core.http import door

page, port, seconds = sys.argv[1:]
door.SEEN_EVERY = timedelta(seconds=float(seconds))
apply_streamlit_options()
app = st.App(page, **app_options(is_alone=True))
apply_streamlit_options()
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error")
"""
MEDIA = re.compile(rb"/media/[0-9a-f]{32,64}\.(?:wav|txt|bin)")


class Doorway:
    """A page behind the door, and the people who may come in."""

    def __init__(self, url: str, database: Database) -> None:
        self.url = url
        self.database = database

    def open_session(self, name: str) -> str:
        account = accounts.find_account(self.database, name)
        secret = accounts.open_session(
            self.database, account.id, label="x", lifetime=timedelta(days=1), now=utc_now()
        )
        assert secret
        return secret

    def session(self, secret: str) -> Session:
        return next(item for item in accounts.load_sessions(self.database) if item.digest == digest(secret))

    def move(self, secret: str, column: str, at: datetime) -> None:
        """Set a time of a session, as if time had passed."""
        with self.database.writing() as connection:
            connection.execute(
                f"UPDATE sessions SET {column} = ? WHERE digest = ?",
                (utc_text(at), digest(secret)),
            )

    def get(self, path: str, secret: str = "") -> requests.Response:
        cookies = {"cohort": secret} if secret else {}
        return requests.get(self.url + path, cookies=cookies, timeout=10, allow_redirects=False)

    @contextmanager
    def socket(self, secret: str, before: str = "", **headers: str) -> Iterator[ClientConnection]:
        """Open the socket of a tab; `before` is the Streamlit session that the tab had before."""
        protocols = [Subprotocol(name) for name in ("streamlit", "x", before) if name]
        with connect(
            f"{self.url.replace('http', 'ws')}/_stcore/stream",
            additional_headers={"Cookie": f"cohort={secret}", **headers},
            subprotocols=protocols,
        ) as connection:
            yield connection


@pytest.fixture(scope="module")
def doorway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doorway]:
    folder = tmp_path_factory.mktemp("door")
    home = Home(folder / "home")
    home.ensure()
    database = Database(home)
    database.migrate()
    for name in ("ada", "vic"):
        accounts.create_account(database, name, "viewer", asked_by="test", now=utc_now())
    page, port = folder / "page.py", free_port()
    page.write_text(PAGE, "utf-8")
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(page), str(port), str(SEEN_EVERY)],
        cwd=Path(__file__).resolve().parents[2],
        env={"COHORT_HOME": str(home.folder), "HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                requests.get(f"{url}/login", timeout=20)
                break
            except requests.ConnectionError:
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield Doorway(url, database)
    finally:
        server.kill()
        server.wait(10)


def rerun(connection: ClientConnection, timer_of: str = "") -> list[ForwardMsg]:
    """Run the page as a click does, or as a timer of a page; return all messages until it is complete."""
    request = BackMsg()
    request.rerun_script.query_string = ""
    request.rerun_script.is_auto_rerun = bool(timer_of)
    request.rerun_script.page_script_hash = timer_of
    connection.send(request.SerializeToString())
    messages: list[ForwardMsg] = []
    while not messages or messages[-1].WhichOneof("type") != "script_finished":
        message = ForwardMsg()
        message.ParseFromString(bytes(connection.recv(timeout=10)))  # type: ignore[arg-type]
        messages.append(message)
    return messages


def content_of(messages: list[ForwardMsg]) -> bytes:
    return b"\n".join(message.SerializeToString() for message in messages)


def deferred_of(messages: list[ForwardMsg]) -> str:
    buttons = (
        message.delta.new_element.download_button
        for message in messages
        if message.WhichOneof("type") == "delta"
    )
    return next(button.deferred_file_id for button in buttons if button.deferred_file_id)


def new_session(messages: list[ForwardMsg]) -> Any:
    return next(message.new_session for message in messages if message.WhichOneof("type") == "new_session")


def ask_for(connection: ClientConnection, page: list[ForwardMsg], file_id: str) -> str:
    """Ask for a deferred file from a page; return its address, "" without an answer within a second."""
    request = BackMsg()
    request.backend_operation_request.request_id = "r"
    request.backend_operation_request.session_id = new_session(page).initialize.session_id
    request.backend_operation_request.deferred_file.file_id = file_id
    connection.send(request.SerializeToString())
    message = ForwardMsg()
    with suppress(TimeoutError):
        while message.WhichOneof("type") != "backend_operation_response":
            message.ParseFromString(bytes(connection.recv(timeout=1)))  # type: ignore[arg-type]
    return message.backend_operation_response.deferred_file.url


def test_a_file_that_one_session_was_offered_is_none_of_another(doorway: Doorway) -> None:
    ada, again, vic = (doorway.open_session(name) for name in ("ada", "ada", "vic"))
    with doorway.socket(ada) as of_ada, doorway.socket(vic) as of_vic, doorway.socket(again) as of_again:
        sent, of_others = rerun(of_ada), {tab: rerun(tab) for tab in (of_vic, of_again)}
        addresses = {address.decode() for address in MEDIA.findall(content_of(sent))}
        assert len(addresses) == 2
        for tab, own in of_others.items():
            assert ask_for(tab, own, deferred_of(sent)) == ""
        addresses.add(ask_for(of_ada, sent, deferred_of(sent)))
        assert len(addresses) == 3
        bodies = {address: doorway.get(address, ada) for address in addresses}
        for answer in bodies.values():
            assert (answer.status_code, b"content of account 1" in answer.content) == (200, True)
        for address in addresses:
            stem, _, ending = address.partition(".")
            for asked in (address, stem, f"{stem}.x", f"{address}/", f"{stem}/x.{ending}", f"{stem}.x/y"):
                for secret, status in ((vic, 404), (again, 404), ("", 401)):
                    refused = doorway.get(asked, secret)
                    assert refused.status_code == status, asked
                    assert b"content of account" not in refused.content
        accounts.end_session(doorway.database, digest(ada))
        for address in addresses:
            assert doorway.get(address, ada).status_code == 401


def test_nobody_names_themselves_or_takes_over_a_page(doorway: Doorway) -> None:
    ada, vic = doorway.open_session("ada"), doorway.open_session("vic")
    with doorway.socket(ada) as of_ada:
        first = rerun(of_ada)
        assert b"I am content of account 1" in content_of(first)
        page_of_ada = new_session(first).initialize.session_id
        # As a name, in its other spelling, and with the page of another.
        for headers in (
            {"X-Cohort-Account": "1"},
            {"x_cohort_account": "1"},
            {"X-COHORT-SESSION": digest(ada)},
        ):
            for before in ("", page_of_ada):
                with doorway.socket(vic, before, **headers) as of_vic:
                    shown = content_of(rerun(of_vic))
                    assert b"I am content of account 2" in shown
                    assert b"content of account 1" not in shown
        assert b"I am content of account 1" in content_of(rerun(of_ada))


@contextmanager
def closed_as_signed_out(within: float) -> Iterator[None]:
    """Require that the server closes a socket with 4401, so many seconds from now."""
    since = time.monotonic()
    with pytest.raises(ConnectionClosed) as closed:
        yield
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == door.SIGNED_OUT
    assert time.monotonic() - since < within


def test_a_session_whose_time_is_over_closes_its_socket(doorway: Doorway) -> None:
    secret = doorway.open_session("vic")
    with doorway.socket(secret) as connection:
        rerun(connection)
        doorway.move(secret, "ends_at", utc_now() + timedelta(seconds=1.5))
        with closed_as_signed_out(within=3.5):
            for _ in range(100):
                connection.recv(timeout=5)
    assert doorway.get("/_stcore/health", secret).status_code == 401


def test_timers_of_an_open_page_keep_no_session_alive_and_a_person_does(doorway: Doorway) -> None:
    idle, used = doorway.open_session("vic"), doorway.open_session("vic")
    for secret in (idle, used):
        doorway.move(secret, "seen_at", utc_now() - IDLE + timedelta(seconds=2))
    # A tab that connects again by itself: its first run is by nobody either.
    with doorway.socket(used, "before") as clicked, doorway.socket(idle, "before") as left:
        rerun(clicked)
        rerun(clicked)
        page = new_session(rerun(left)).page_script_hash
        with closed_as_signed_out(within=2 + 1.5):
            deadline = time.monotonic() + 6
            while time.monotonic() < deadline:
                rerun(left, timer_of=page)
                time.sleep(0.1)
        rerun(clicked)
    assert doorway.get("/_stcore/health", idle).status_code == 401
    assert doorway.get("/_stcore/health", used).status_code == 200


def test_the_use_of_sessions_is_stored_rarely(doorway: Doorway) -> None:
    assert timedelta(minutes=5) == door.SEEN_EVERY
    secret = doorway.open_session("vic")
    with (
        doorway.socket(secret) as connection,
        closing(sqlite3.connect(doorway.database.home.database)) as reading,
    ):
        versions = set()
        since = time.monotonic()
        while time.monotonic() - since < SEEN_EVERY * 0.9:
            rerun(connection)
            versions.add(reading.execute("PRAGMA data_version").fetchone()[0])
            time.sleep(0.05)
        # One write at most in such a time, or two at its edges.
        assert len(versions) <= 3
        assert doorway.session(secret).seen_at <= utc_text(utc_now())


def test_a_session_counts_as_used_when_it_was_not_when_that_was_stored(doorway: Doorway) -> None:
    ada, vic = doorway.open_session("ada"), doorway.open_session("vic")
    with doorway.socket(vic) as connection:
        # The use of others is stored now, so that of Ada waits.
        rerun(connection)
        time.sleep(0.6)
    with doorway.socket(ada) as connection:
        rerun(connection)
        used_at = utc_now()
    time.sleep(SEEN_EVERY + 1)
    with doorway.socket(vic) as connection:
        rerun(connection)
        time.sleep(0.8)
    assert doorway.session(ada).seen_at <= utc_text(used_at + timedelta(seconds=1))
    assert doorway.session(vic).seen_at >= utc_text(used_at + timedelta(seconds=SEEN_EVERY))
