"""The first page comes before Streamlit is there, but not to people who have to sign in."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from cohort_core.config.paths import Home
from cohort_core.server import LateDashboard
from cohort_core.services.workspace import Workspace

WAIT_SECONDS = 0.3


async def ask(workspace: Workspace, *paths: str) -> list[httpx.Response]:
    """Ask a dashboard that is never loaded. Raises ``TimeoutError`` if it waits for that."""
    late = LateDashboard(workspace)
    late._loaded = asyncio.get_running_loop().create_future()
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/dashboard", late)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return [await asyncio.wait_for(client.get(path), WAIT_SECONDS) for path in paths]


def test_the_page_and_its_scripts_do_not_wait_for_streamlit(home: Home) -> None:
    workspace = Workspace(home)
    (page,) = asyncio.run(ask(workspace, "/dashboard/risk"))
    scripts = re.findall(r'(?:src|href)="\./(static/js/[^"]+)"', page.text)
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert len(scripts) > 10
    for script in asyncio.run(ask(workspace, *(f"/dashboard/{name}" for name in scripts))):
        assert script.status_code == 200, script.url
        assert "immutable" in script.headers["cache-control"]
    (missing,) = asyncio.run(ask(workspace, "/dashboard/static/js/..%2f..%2f..%2f__init__.py"))
    assert missing.status_code == 404
    assert "cache-control" not in missing.headers


def test_the_icon_needs_no_image_library(home: Home) -> None:
    (icon,) = asyncio.run(ask(Workspace(home), "/dashboard/favicon.png"))
    assert icon.headers["content-type"] == "image/svg+xml"
    assert icon.text.startswith("<svg")


def test_what_needs_streamlit_waits_for_it(home: Home) -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(ask(Workspace(home), "/dashboard/_stcore/health"))


def test_whoever_has_to_sign_in_gets_no_page_before(home: Home) -> None:
    workspace = Workspace(home)
    home.ensure()
    home.mark_guarded("accounts")
    with pytest.raises(TimeoutError):
        asyncio.run(ask(workspace, "/dashboard/risk"))
