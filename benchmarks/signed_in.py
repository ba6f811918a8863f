"""Measure what signing in costs: a page with and without accounts, and fifty people with open tabs.

Run it alone: `python benchmarks/signed_in.py`. It serves the practice school on a free port, and speaks to
the WebSocket as a browser does.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.services.passwords import hash_password
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts, classes

PASSWORD = "seven green bicycles"  # noqa: S105 - of invented people
PEOPLE, CLICKS = 50, 60


@contextmanager
def served(home: Home) -> Iterator[tuple[str, int]]:
    """Serve a home; yield the address and the process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "cohort_core.cli", "serve", "--port", str(port)]
    environment = {**os.environ, "COHORT_HOME": str(home.folder)}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                requests.get(f"{url}/dashboard/", timeout=30, allow_redirects=False)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        # After this the server has loaded what later pages need.
        time.sleep(8)
        yield url, server.pid
    finally:
        server.terminate()
        server.wait(10)


def sign_in(url: str, name: str) -> str:
    """Return the cookie of a new session."""
    form = {"name": name, "password": PASSWORD}
    answer = requests.post(f"{url}/login", data=form, allow_redirects=False, timeout=60)
    return f"cohort={answer.cookies['cohort']}"


def open_tab(url: str, cookie: str) -> ClientConnection:
    return connect(
        f"{url.replace('http', 'ws')}/dashboard/_stcore/stream",
        additional_headers={"Cookie": cookie} if cookie else {},
        origin=Origin(url),
        subprotocols=[Subprotocol("streamlit"), Subprotocol("x")],
        max_size=None,
        legacy=True,
        compression=None,
    )


def run_page(tab: ClientConnection) -> float:
    """Run the page of a tab, and return the milliseconds until it is complete."""
    message = BackMsg()
    message.rerun_script.query_string = ""
    since = time.perf_counter()
    tab.send(message.SerializeToString())
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(bytes(tab.recv(timeout=120)))  # type: ignore[arg-type]
        if answer.WhichOneof("type") == "script_finished":
            return (time.perf_counter() - since) * 1000


def alternate(*tabs: ClientConnection) -> list[float]:
    """Run the pages of tabs in turn; return the median of each, in milliseconds.

    So what else the machine does slows down all of them.
    """
    for tab in tabs:
        run_page(tab)
    rounds = [[run_page(tab) for tab in tabs] for _ in range(CLICKS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def megabytes(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        workspace = Workspace(home)
        listed = workspace.use_practice_school(asked_by="benchmark")
        classes.set_active(workspace.database, [listed[0].id], active=True)
        workspace.prepare_sync(asked_by="benchmark").run()
        plain_home = Home(Path(folder) / "plain")
        shutil.copytree(home.folder, plain_home.folder)
        password_hash = hash_password(PASSWORD)
        for number in range(PEOPLE):
            accounts.create_account(
                workspace.database,
                f"person{number}",
                "mentor" if number else "admin",
                password_hash=password_hash,
                asked_by="benchmark",
                now=utc_now(),
            )
        with served(plain_home) as (plain_url, _), served(home) as (url, process), ExitStack() as tabs:
            plain = tabs.enter_context(open_tab(plain_url, ""))
            first = tabs.enter_context(open_tab(url, sign_in(url, "person0")))
            without, alone = alternate(plain, first)
            memory = megabytes(process)
            for number in range(1, PEOPLE):
                tab = tabs.enter_context(open_tab(url, sign_in(url, f"person{number}")))
                run_page(tab)
            later, among = alternate(plain, first)
            memory_among = megabytes(process)
        workspace.stop()
    signed_in, among_many = alone / without, among / later / (alone / without)
    print(f"page without accounts    {without:7.0f} ms")
    print(f"page signed in           {alone:7.0f} ms   {signed_in:.2f} x (limit 1.1)")
    print(f"page among {PEOPLE} people    {among:7.0f} ms   {among_many:.2f} x (limit 1.5)")
    print(f"memory with one          {memory:7.0f} MB")
    print(f"memory with {PEOPLE}           {memory_among:7.0f} MB   {memory_among / memory:.2f} x (limit 2)")


if __name__ == "__main__":
    main()
