"""The worker of a server: it sends at the time, and costs nothing in a home without destinations."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from cohort_core.services import message_worker
from tests.notify.conftest import School
from tests.notify.receivers import Receiver, wait_for

HEAVY = ("smtplib", "cohort_core.notify", "cohort_core.services.messenger")


def test_a_server_and_a_sync_import_nothing_without_destinations() -> None:
    code = (
        "import sys, cohort_core.server, cohort_core.cli.sync, cohort_core.services.workspace\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def served(made: School, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    """A class whose workspace sends by itself, as in a server."""
    monkeypatch.setattr(message_worker, "SLICE_SECONDS", 0.05)
    made.workspace.messages.start()
    yield made
    made.workspace.messages.stop()


def test_without_destinations_a_step_does_nothing(served: School) -> None:
    served.sync()
    time.sleep(0.2)
    assert served.workspace.messages._messenger is None
    assert served.value("SELECT count(*) FROM spells") == 0


def test_it_sends_by_itself_what_a_sync_brings(served: School, receiver: Receiver) -> None:
    served.sync()
    served.add("webhook", f"{receiver.url}/hook")
    receiver.faults.append(500)
    served.add_row(0, 3, 0)
    served.sync()
    wait_for(lambda: len(receiver.requests) >= 1)
    first = receiver.requests[0].headers["webhook-id"]
    with served.workspace.database.writing() as connection:
        connection.execute("UPDATE outbox SET next_try_at = made_at")
    wait_for(lambda: [item.headers["webhook-id"] for item in receiver.requests].count(first) == 2)
    wait_for(lambda: served.value("SELECT count(*) FROM outbox WHERE state <> 'delivered'") == 0)


def test_a_server_says_which_addresses_it_cannot_read(made: School, receiver: Receiver) -> None:
    made.add("slack", f"{receiver.url}/slack")
    assert made.workspace.messages.unreadable() == []
    made.workspace.home.addresses.unlink()
    assert made.workspace.messages.unreadable() == ["slack"]
    assert made.messages.send_test("slack").answer == "its address cannot be read here"


def test_an_error_of_a_step_ends_neither_thread_nor_sync(made: School, receiver: Receiver) -> None:
    made.sync()
    made.add("slack", f"{receiver.url}/slack")
    made.workspace.home.config.write_text("not toml [")
    made.workspace.messages.step()
