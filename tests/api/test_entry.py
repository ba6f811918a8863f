"""The API as `uvicorn api:app` serves it, which does not know at what address it listens."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cohort_core.api.app import create_app
from cohort_core.config.paths import Home
from cohort_core.services.workspace import Workspace


@pytest.mark.parametrize(
    ("client", "status"),
    [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 401), ("::ffff:192.0.2.7", 401), ("fd00::7", 401)],
)
def test_another_computer_needs_a_token_whatever_name_it_uses(
    tmp_path: Path, client: str, status: int
) -> None:
    app = create_app(Workspace(Home(tmp_path / "home")))
    with TestClient(app, base_url="http://localhost", client=(client, 50_000)) as asking:
        assert asking.get("/classes").status_code == status
        assert asking.get("/health").status_code == 200
