"""The practice school, synced, with its rosters, and the API over it: everything over real HTTP."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import tomli_w

from cohort_core.api.app import create_app
from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.imports.roster_files import import_practice_rosters
from cohort_core.practice.generated import PracticeSchool
from cohort_core.practice.server import Running, running
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import set_active
from tests.conftest import FAST_RETRIES, serving


@dataclass
class Service:
    url: str
    workspace: Workspace
    upstream: Running

    def get(self, path: str, **query: Any) -> Any:
        answer = requests.get(self.url + path, params=query, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, **query: Any) -> dict[str, Any]:
        answer = requests.get(self.url + path, params=query, timeout=10)
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem: dict[str, Any] = answer.json()
        assert problem["status"] == answer.status_code
        return problem

    @contextmanager
    def set(self, **values: Any) -> Iterator[None]:
        """Write values into the settings file while the block lasts, as a mentor could do."""
        file = self.workspace.home.config
        before = file.read_text()
        file.write_text(tomli_w.dumps(tomllib.loads(before) | values))
        try:
            yield
        finally:
            file.write_text(before)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    workspace = Workspace(Home(tmp_path_factory.mktemp("api") / "home"), retry_policy=FAST_RETRIES)
    opened = utc_now()
    # The school's clock stands still, so that a second sync brings nothing that a test did not ask for.
    with running(PracticeSchool(timezone="America/New_York", clock=lambda: opened)) as upstream:
        workspace.connect_to_practice(upstream.url, asked_by="test")
        set_active(workspace.database, [status.id for status in workspace.cohorts.statuses()], active=True)
        workspace.prepare_sync(asked_by="test").run()
        import_practice_rosters(workspace.database, upstream.school)
        with workspace.database.writing() as connection:
            connection.execute("UPDATE classes SET timezone = 'America/New_York'")
        with serving(create_app(workspace)) as url:
            yield Service(url, workspace, upstream)
    workspace.stop()
