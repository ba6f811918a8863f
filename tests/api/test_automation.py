"""Runs every example of docs/automation.md."""

from __future__ import annotations

import configparser
import csv
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from cohort_core.cli.exit_codes import EXIT_CODES
from cohort_core.practice.faults import Fault
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.store.destinations import Wanted
from tests.api.conftest import Service
from tests.conftest import unavailable, wait_until

DOCUMENT = (Path(__file__).parents[2] / "docs" / "automation.md").read_text("utf-8")
BLOCKS = {name: text for _, name, text in re.findall(r"```(\w+) (\S+)\n(.*?)```", DOCUMENT, re.DOTALL)}


@pytest.fixture
def environment(service: Service, tmp_path: Path) -> dict[str, str]:
    """The environment of a mentor's shell, with the program on its path."""
    program = tmp_path / "bin" / "cohort-tracker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cohort_core.cli "$@"\n')
    program.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{program.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COHORT_HOME": str(service.workspace.home.folder),
        "API": service.url,
        "DRIVE": str(tmp_path),
        "NO_PROXY": "127.0.0.1",
    }


def run(name: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    file = Path(environment["DRIVE"]) / name
    file.write_text(BLOCKS[name], "utf-8")
    command = [sys.executable if name.endswith(".py") else "bash", str(file)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_every_block_is_run_here() -> None:
    assert set(BLOCKS) == {
        *("nightly.sh", "cohort-sync.service", "cohort-sync.timer", "digest.sh", "receiver.py"),
        *("notebook.py", "sheets.sh", "fetch.sh"),
    }


def test_the_nightly_sync_speaks_when_a_person_must_act(
    service: Service, environment: dict[str, str]
) -> None:
    quiet = run("nightly.sh", environment)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    service.upstream.faults.add(Fault("status", "*/progressions", status=403, times=None))
    noisy = run("nightly.sh", environment)
    service.upstream.faults.clear()
    assert noisy.returncode in EXIT_CODES.values()
    assert noisy.returncode not in {0, 68, 69, 75}
    assert noisy.stderr.strip()


def test_the_codes_of_a_sync_are_explained() -> None:
    (table,) = re.findall(r"\| exit code .*?\n\n", DOCUMENT, re.DOTALL)
    named = {
        int(code) for line in table.strip().splitlines() for code in re.findall(r"\d+", line.split("|")[1])
    }
    assert named <= {0, 74, *EXIT_CODES.values()}
    assert {0, 67, 68, 69, 73, 74, 75, 76, 77, 78} <= named


def test_the_units_run_the_script_that_stands_above_them() -> None:
    read = {name: configparser.RawConfigParser() for name in ("cohort-sync.service", "cohort-sync.timer")}
    for name, unit in read.items():
        setattr(unit, "optionxform", str)  # noqa: B010 - keep the case of names; mypy refuses to assign
        unit.read_string(BLOCKS[name])
    assert read["cohort-sync.service"]["Service"]["ExecStart"].endswith("/nightly.sh")
    assert read["cohort-sync.service"]["Service"]["Type"] == "oneshot"
    assert read["cohort-sync.timer"]["Timer"]["OnCalendar"]
    assert read["cohort-sync.timer"]["Install"]["WantedBy"] == "timers.target"


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        unavailable("there is no systemd on this machine")
    units = [tmp_path / name for name in ("cohort-sync.service", "cohort-sync.timer")]
    for unit in units:
        unit.write_text(BLOCKS[unit.name], "utf-8")
    (tmp_path / "nightly.sh").touch()
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", *map(str, units)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
        check=False,
    )
    assert "cohort-sync" not in done.stderr, done.stderr


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The address of a channel, and the messages posted to it."""
    posted: list[dict[str, str]] = []

    class Channel(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Channel) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", posted
        server.shutdown()


def test_a_digest_to_slack(
    service: Service, environment: dict[str, str], webhook: tuple[str, list[dict[str, str]]]
) -> None:
    address, posted = webhook
    try:
        done = run("digest.sh", environment | {"SLACK_WEBHOOK": address})
        assert done.returncode == 0, done.stderr
        assert address not in done.stdout + done.stderr
        headline = service.get("/digest")["headline"]
        assert headline in done.stdout
        test, digest = posted
        assert "This is a test" in test["text"]
        assert digest["text"].endswith(headline), "before it there may be a failed sync"
    finally:
        Services(service.workspace).messages(CLI_OWNER).remove("team")


def test_the_receiver_checks_signatures(service: Service, environment: dict[str, str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    messages = Services(service.workspace).messages(CLI_OWNER)
    _, secret = messages.add(Wanted("program", "webhook"), {"url": f"http://127.0.0.1:{port}/"})
    file = Path(environment["DRIVE"]) / "receiver.py"
    file.write_text(BLOCKS["receiver.py"], "utf-8")
    own = environment | {"WEBHOOK_SECRET": str(secret), "PORT": str(port)}
    receiver = subprocess.Popen([sys.executable, str(file)], env=own, stdout=subprocess.PIPE, text=True)
    try:
        assert receiver.stdout is not None
        wait_until(lambda: is_open(port), 20)
        assert messages.send_test("program").state == "delivered"
        assert '"type": "ping"' in receiver.stdout.readline()
        messages.rotate_secret("program")
        assert messages.send_test("program").state == "delivered", "both sign for a day"
        receiver.stdout.readline()
        forged = {"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
        answer = requests.post(f"http://127.0.0.1:{port}/", data="{}", headers=forged, timeout=10)
        assert answer.status_code == 401
        assert receiver.stdout.readline() == "x is not ours\n"
    finally:
        receiver.kill()
        receiver.communicate()
        messages.remove("program")


def is_open(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def test_the_notebook(service: Service, environment: dict[str, str]) -> None:
    done = run("notebook.py", environment)
    assert done.returncode == 0, done.stderr
    bands = {row["risk"] for row in service.get("/classes/sd-cohort-12/metrics/student-health")}
    assert all(band in done.stdout for band in bands)
    week = service.get("/classes/sd-cohort-12/metrics/velocity")["items"][-1]["week"]
    assert week in done.stdout


def test_the_files_for_sheets(service: Service, environment: dict[str, str]) -> None:
    folder = Path(environment["DRIVE"])
    for name in ("sheets.sh", "sheets.sh", "fetch.sh"):
        done = run(name, environment)
        assert done.returncode == 0, done.stderr
    for report in ("student-health", "blockers"):
        with (folder / f"{report}.csv").open(encoding="utf-8-sig", newline="") as file:
            assert len(list(csv.DictReader(file))) == len(
                service.get(f"/classes/sd-cohort-12/metrics/{report}")
            )
    fetched = (folder / "stuck.csv").read_bytes()
    assert fetched.count(b"\r\n") == service.get("/classes/sd-cohort-12/metrics/stuck")["total"] + 1
    # The file is not sent again as long as it has not changed.
    (folder / "stuck.csv").unlink()
    assert run("fetch.sh", environment).returncode == 0
    assert not (folder / "stuck.csv").exists() or not (folder / "stuck.csv").read_bytes()
