"""Import every file of tests/cases/roster through the command line, and compare with expected.json.

    python tests/cases.py

prints each case with what was expected and what came; exit code 1 if any differs. Each file goes into a home
of its own, made by `init` and `sync` against `practice-server --data` with the class of tests/cases/upstream.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CASES = Path(__file__).resolve().parent / "cases"
sys.path.insert(0, str(CASES.parents[1]))

from cohort_core import practice  # noqa: E402

COMMAND = [sys.executable, "-m", "cohort_core.cli"]
COUNTS = ("matched", "near", "new", "not_used")
LINES_LEFT = 72


class Home:
    """A home that is synced with the class of the cases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "COHORT_HOME": str(folder),
            "HOME": str(folder.parent),
            "COHORT_SYNC_RATE": "0",
            "COHORT_TIMEZONE": "Europe/Berlin",
        }

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environment,
            cwd=CASES.parents[1],
            check=False,
        )

    def ok(self, *words: str, given: str = "") -> str:
        done = self.run(*words, given=given)
        if done.returncode:
            raise AssertionError((words, done.stdout, done.stderr))
        return done.stdout

    def copy(self, folder: Path) -> Home:
        shutil.copytree(self.folder, folder)
        return Home(folder)


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Serve the class of the cases; yields the address."""
    data = folder / "school.json"
    subprocess.run(
        [sys.executable, "-m", "tests.cases.upstream.base_class", str(data)], cwd=CASES.parents[1], check=True
    )
    process = subprocess.Popen(
        [*COMMAND, "practice-server", "--data", str(data), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=CASES.parents[1],
        env={**os.environ, "COHORT_HOME": str(folder / "school"), "PYTHONUNBUFFERED": "1"},
    )
    try:
        address = re.search(r"http://\S+", process.stdout.readline() if process.stdout else "")
        if address is None:
            raise AssertionError("the practice server did not start")
        yield address[0]
    finally:
        process.terminate()
        process.communicate(timeout=20)


@contextmanager
def synced_home(folder: Path) -> Iterator[Home]:
    """Make a home by `init` and `sync`, as a mentor does."""
    with server(folder) as address:
        home = Home(folder / "home")
        home.ok(
            *("init", "--api-base", address, "--app-id", practice.APP_ID, "--origin", practice.ORIGIN),
            *("--email", practice.EMAIL, "--password-stdin", "--classes", "evening-a"),
            given=f"{practice.PASSWORD}\n",
        )
        home.ok("sync")
        yield home


def expectations() -> dict[str, dict[str, Any]]:
    expected: dict[str, dict[str, Any]] = json.loads((CASES / "expected.json").read_text("utf-8"))
    return expected


def outcome(home: Home, name: str, *options: str) -> dict[str, Any]:
    """Import a file, and return its counts, columns not used and exit code."""
    done = home.run(
        "import", "--students", str(CASES / "roster" / name), "--class-id", "evening-a", "--json", *options
    )
    if done.returncode not in {0, LINES_LEFT}:
        return {"refused": True, "exit": done.returncode, "says": done.stderr.strip()}
    answer = json.loads(done.stdout)
    got = {key: answer[key] for key in COUNTS}
    return got | {"ignored_columns": answer["ignored_columns"], "exit": done.returncode}


def differences(expected: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """Name the entries that differ; an exit code of 0 must mean that no line is left."""
    wrong = [key for key, value in expected.items() if key != "say" and got.get(key) != value]
    if not got.get("refused"):
        is_whole = not (got["near"] or got["new"] or got["not_used"])
        wrong += ["exit"] if (got["exit"] == 0) != is_whole else []
    return wrong


def main() -> int:
    is_right = True
    with tempfile.TemporaryDirectory() as name, synced_home(Path(name)) as home:
        for number, (case, expected) in enumerate(expectations().items()):
            got = outcome(home.copy(Path(name) / str(number)), case)
            wrong = differences(expected, got)
            is_right = is_right and not wrong
            wanted = {key: value for key, value in expected.items() if key != "say"}
            print(f"{'DIFFERS' if wrong else 'right  '} {case}\n  expected {wanted}\n  got      {got}")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
