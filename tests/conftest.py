"""Fixtures for all tests: a temporary home, a school over real HTTP, a workspace."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest
import uvicorn

from cohort_core import sockets
from cohort_core.config.paths import Home
from cohort_core.http import uvicorn_protocol
from cohort_core.practice.school import MemorySchool
from cohort_core.practice.server import Running, running
from cohort_core.services.workspace import Workspace
from cohort_core.sources.base import RetryPolicy

# No test may touch the keyring of the person who runs it.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
for name in [name for name in os.environ if name.startswith("COHORT_")]:
    del os.environ[name]

T = TypeVar("T")

ALL_DRILLS = os.environ.get("DRILLS") == "all"

FAST_RETRIES = RetryPolicy(
    connect_seconds=2,
    read_seconds=3,
    request_seconds=5,
    first_wait_seconds=0.001,
    longest_wait_seconds=0.01,
)


def sample(values: Sequence[T], few: int) -> Sequence[T]:
    """Return the first few values of a campaign; all of them with DRILLS=all."""
    return values if ALL_DRILLS else values[:few]


def unavailable(reason: str) -> NoReturn:
    """Skip a test that this machine cannot run. In CI it fails: a skip would hide that nothing was tested."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what DRILLS=all asks for, and run the slow tests first.

    So no worker goes on alone at the end.
    """
    drills = [] if ALL_DRILLS else [item for item in items if item.get_closest_marker("drill")]
    if drills:
        config.hook.pytest_deselected(items=drills)
        items[:] = [item for item in items if item not in drills]
    slow = ("tests/sync/", "tests/cli/")
    items.sort(key=lambda item: not item.nodeid.startswith(slow))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def school() -> Iterator[Running]:
    """An empty school that tests fill and change; pages hold at most 5 rows."""
    with running(MemorySchool(), page_cap=5) as served:
        yield served


@pytest.fixture
def workspace(home: Home) -> Iterator[Workspace]:
    workspace = Workspace(home, retry_policy=FAST_RETRIES)
    yield workspace
    workspace.stop()


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until a condition is true; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def serving(app: Callable[..., object]) -> Iterator[str]:
    """Serve an ASGI app by a real server in a thread; yield its address."""
    listener = sockets.listen("127.0.0.1", 0)
    config = uvicorn_protocol.config(app)
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise AssertionError("the server did not start")
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(5)
        listener.close()
