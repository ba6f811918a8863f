"""Runs every example of docs/automation.md."""

from __future__ import annotations

import configparser
import csv
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cohort_core.cli.exit_codes import EXIT_CODES
from cohort_core.practice.faults import Fault
from tests.api.conftest import Service
from tests.conftest import unavailable

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
        *("nightly.sh", "cohort-sync.service", "cohort-sync.timer", "slack.sh", "notebook.py"),
        *("sheets.sh", "fetch.sh"),
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


def test_the_list_in_slack(
    service: Service, environment: dict[str, str], webhook: tuple[str, list[dict[str, str]]]
) -> None:
    address, posted = webhook
    done = run("slack.sh", environment | {"SLACK_WEBHOOK": address})
    assert (done.returncode, done.stderr) == (0, "")
    triage = service.get("/triage", limit=5)
    first, *lines = posted[0]["text"].split("\n")
    assert first == f"Today: 5 of {triage['total']} need a message (data of {triage['synced_at']})"
    assert len(lines) == len(triage["items"])
    for line, entry in zip(lines, triage["items"], strict=True):
        assert entry["reason"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in line


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
