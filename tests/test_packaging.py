"""The wheel, in a virtual environment of its own; and the entries at the top of the checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import streamlit
from packaging.requirements import Requirement
from streamlit import env_util
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from uvicorn.protocols.http.h11_impl import H11Protocol

from cohort_core.dashboard.first_page import PRELOADED, first_page_template, preloaded_scripts

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))
ENTRIES = {".streamlit/config.toml", "api.py", "app.py", *(f"pages/{name}.py" for name in PAGES)}
START_SECONDS = 60
DASHBOARD = re.compile(r"(http://\S+)/dashboard")

# Every page, run by the package that is installed, over the school of the demo.
RUN_PAGES = """
import sys
from streamlit.testing.v1 import AppTest
from cohort_core.config.paths import entry_folder

for name in sys.argv[1:]:
    page = AppTest.from_file(entry_folder() / "pages" / f"{name}.py", default_timeout=60).run()
    assert not page.exception, (name, page.exception)
    print(name, page.title[0].value)
"""


@dataclass
class Installed:
    """A fresh virtual environment with the wheel, outside of the checkout."""

    folder: Path
    wheel: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("COHORT_", "PYTHON"))
        }
        return kept | {
            "COHORT_HOME": str(self.folder / "home"),
            "HOME": str(self.folder),
            "NO_BROWSER": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def command(self, *words: str) -> list[str]:
        return [str(self.folder / "venv" / "bin" / words[0]), *words[1:]]

    def run(self, *words: str) -> str:
        done = subprocess.run(
            self.command(*words), cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", folder / "dist", "."], cwd=ROOT, check=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    subprocess.run(
        [*pip, "--python", python, "install", "--no-compile", "-c", constraints, f"{wheel}[reports]"],
        cwd=folder,
        check=True,
    )
    return Installed(folder, wheel)


@contextmanager
def started(command: list[str], url: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a server until the block ends; the block begins when its address answers."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    try:
        wait_for(process, url)
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def wait_for(process: subprocess.Popen[str], url: str) -> None:
    request = urllib.request.Request(url)
    for _ in range(START_SECONDS * 10):
        assert process.poll() is None, process.communicate()[0]
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{url} does not answer")


def got(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


def test_the_wheel_adds_one_name_and_carries_the_entries(installed: Installed) -> None:
    names = ZipFile(installed.wheel).namelist()
    metadata = f"cohort_tracker-{PROJECT['version']}.dist-info"
    assert {name.split("/")[0] for name in names} == {"cohort_core", metadata}
    assert {f"cohort_core/entry/{entry}" for entry in ENTRIES} <= set(names)
    assert not any("openings" in name or "golden" in name for name in names)
    assert {f"{metadata}/licenses/LICENSE", "cohort_core/practice/data/ATTRIBUTION.md"} <= set(names)


def test_the_installed_demo_shows_every_page_and_makes_a_report(installed: Installed) -> None:
    assert installed.run("cohort-tracker", "--version").strip() == PROJECT["version"]
    command = installed.command("cohort-tracker", "demo", "--port", "0")
    demo = subprocess.Popen(
        command, cwd=installed.folder, env=installed.environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert demo.stdout is not None
        address = next(match[1] for line in demo.stdout if (match := DASHBOARD.search(line)))
        wait_for(demo, f"{address}/health")
        assert json.loads(got(f"{address}/health"))["status"] == "ok"
        assert "<title>Cohort Tracker</title>" in got(f"{address}/dashboard/risk")
        classes = json.loads(got(f"{address}/classes"))
        shown = installed.run("python", "-c", RUN_PAGES, *PAGES)
        assert len(shown.splitlines()) == len(PAGES)
    finally:
        demo.terminate()
        demo.communicate(timeout=20)
    report = installed.folder / "report.pdf"
    installed.run("cohort-tracker", "report", "--class-id", classes[0]["id"], "--out", str(report))
    assert report.read_bytes().startswith(b"%PDF")


def test_streamlit_runs_app_py(tmp_path: Path, free_port: int) -> None:
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    command += [f"--server.port={free_port}", "--server.scriptHealthCheckEnabled=true"]
    environment = os.environ | {"COHORT_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    with started(command, f"http://127.0.0.1:{free_port}/_stcore/health", cwd=ROOT, env=environment):
        # Streamlit runs the script itself for this answer, which is no 200 when the script fails.
        assert got(f"http://127.0.0.1:{free_port}/_stcore/script-health-check") == "ok"
        # The app of app.py has the route of the downloads, not Streamlit's own app around the script.
        with pytest.raises(urllib.error.HTTPError, match="404") as missing:
            got(f"http://127.0.0.1:{free_port}/files/unknown")
        assert "no longer there" in missing.value.read().decode()


def test_uvicorn_runs_api_py(tmp_path: Path, free_port: int) -> None:
    command = [sys.executable, "-m", "uvicorn", "api:app", "--port", str(free_port)]
    environment = os.environ | {"COHORT_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    with started(command, f"http://127.0.0.1:{free_port}/health", cwd=ROOT, env=environment):
        assert json.loads(got(f"http://127.0.0.1:{free_port}/classes")) == []


PRIVATE_PARTS: dict[str, list[tuple[object, str]]] = {
    "uvicorn": [
        (H11Protocol, "data_received"),
        (H11Protocol, "_should_upgrade"),
        (H11Protocol, "handle_websocket_upgrade"),
        (H11Protocol, "send_400_response"),
    ],
    "streamlit": [
        (env_util, "is_repl"),
        (BackMsg().rerun_script, "page_script_hash"),
        (BackMsg().rerun_script, "is_auto_rerun"),
        (ForwardMsg().new_session, "page_script_hash"),
        (ForwardMsg().metadata.run, "fragment_ids"),
        (ForwardMsg().navigation, "page_script_hash"),
        (ForwardMsg, "FINISHED_EARLY_FOR_RERUN"),
    ],
}
"""Parts that their authors may change in any version, by library: each with the object that has it."""


@pytest.mark.parametrize("library", PRIVATE_PARTS)
def test_private_parts_are_there_and_their_library_has_an_upper_bound(library: str) -> None:
    missing = [name for owner, name in PRIVATE_PARTS[library] if not hasattr(owner, name)]
    assert not missing, "the bound in pyproject.toml may rise when the code that uses these is adapted"
    (bound,) = (
        requirement.specifier
        for requirement in map(Requirement, PROJECT["dependencies"])
        if requirement.name == library
    )
    assert any(part.operator == "<" for part in bound)


def test_every_script_that_the_first_page_asks_for_is_there() -> None:
    assert {name.partition(".")[0] for name in preloaded_scripts()} == PRELOADED
    assert len(preloaded_scripts()) == len(PRELOADED)


@pytest.mark.parametrize("part", ["<title>Streamlit</title>", 'href="./favicon.png"'])
def test_a_first_page_without_a_part_that_is_replaced_stops_the_start(part: str) -> None:
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text("utf-8")
    assert part not in first_page_template(page)
    with pytest.raises(RuntimeError, match=re.escape(part)):
        first_page_template(page.replace(part, ""))


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
