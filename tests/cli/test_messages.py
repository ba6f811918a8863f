"""The commands of messages: what they print, and that no address or secret is in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notify.receivers import receiving

COMMAND = [sys.executable, "-m", "cohort_core.cli"]
SECRET = "XSECRETX"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "COHORT_HOME": str(tmp_path / "home"), "COHORT_TIMEZONE": "UTC"}


def test_a_webhook_from_its_beginning_to_its_end(environment: dict[str, str]) -> None:
    everything = ""

    def run(*words: str, given: str = "", code: int = 0) -> str:
        nonlocal everything
        done = subprocess.run(
            [*COMMAND, *words], input=given, capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        everything += done.stdout + done.stderr
        return done.stdout

    with receiving() as receiver:
        assert "nothing leaves the school" in run("destination", "list")
        url = f"{receiver.url}/hook/{SECRET}"
        add = ("destination", "add", "--name", "program", "--kind", "webhook", "--url", "-")
        secret = run(*add, given=f"{url}\n").strip()
        assert secret.startswith("whsec_")
        run(*add, given=f"{url}\n", code=2)
        run("destination", "add", "--name", "x", "--kind", "slack", "--url", "http://example.org/x", code=2)
        (row,) = json.loads(run("destination", "list", "--json"))
        assert (row["name"], row["kind"], row["names"], row["is_on"]) == (
            "program",
            "webhook",
            "pseudonym",
            True,
        )
        receiver.faults.append(500)
        assert "not taken (500)" in run("destination", "test", "program", code=69)
        (message,) = json.loads(run("destination", "deliveries", "program", "--json"))
        assert (message["state"], message["may_repeat"]) == ("failed", True)
        assert "delivered" in run("destination", "redeliver", "program", str(message["delivery"]))
        run("destination", "off", "program")
        run("destination", "test", "program", code=2)
        run("destination", "on", "1")
        # A webhook gets no digest.
        run("digest", "--to", "program", code=2)
        assert "no destination for digests" in run("digest")
        before = everything
        new = run("destination", "new-secret", "program").strip()
        assert new.startswith("whsec_")
        assert new != secret
        everything = before
        run("destination", "remove", "program")
        run("destination", "test", "program", code=2)
        lines = run("audit")
    for action in ("added", "tested", "changed", "secret changed", "removed"):
        assert f"destination {action}" in lines, action
    assert SECRET not in everything
    assert everything.count(secret) == 1, "shown once"
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
