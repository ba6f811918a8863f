"""Commands that Ctrl-C or another program stops: a line that says what is kept, and no half of a file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from cohort_core.practice.faults import Fault
from tests.cli.test_cli import COMMAND, Shell, free_port, wait_for
from tests.cli.test_cli import shell as shell  # a fixture
from tests.cli.test_cli import upstream as upstream  # a fixture

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


FROM_A_TERMINAL = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""Begin a command with Ctrl-C as a terminal has it; what a script starts in the background ignores it."""


def begin(shell: Shell, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", FROM_A_TERMINAL, *COMMAND[1:], *words],
        env=shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def drafts(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith((".", "tmp"))]


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_a_sync_that_is_stopped_says_what_it_kept(shell: Shell, number: signal.Signals) -> None:
    shell.connected()
    shell.upstream.faults.add(Fault("delay", "*/progressions", seconds=3.0, times=2))
    process = begin(shell, "sync")
    until = time.monotonic() + 30
    while json.loads(shell.ok("status", "--json"))["running"] is None:
        assert time.monotonic() < until
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (CODES[number], "")
    assert len(err.splitlines()) == 1
    assert "What it had read is kept. Run the same command again" in err
    assert "last run cancelled" in shell.ok("status")


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_a_backup_that_is_stopped_leaves_no_file(
    shell: Shell, tmp_path: Path, number: signal.Signals
) -> None:
    shell.synced()
    target = tmp_path / "backups" / "copy.db"
    target.parent.mkdir()
    with FileLock(shell.home / "cohort.db.lock"):
        process = begin(shell, "backup", str(target))
        until = time.monotonic() + 30
        while not drafts(target.parent):
            assert time.monotonic() < until
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == CODES[number]
    assert "no file was written" in err
    assert list(target.parent.iterdir()) == []


def test_a_server_that_another_program_stops_ends_well(shell: Shell) -> None:
    shell.connected()
    port = free_port()
    process = begin(shell, "serve", "--port", str(port))
    wait_for(f"http://127.0.0.1:{port}/health", process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out.endswith("Stopped. All data is kept; `cohort-tracker serve` starts it again.\n")
