"""Run the pages in this process over real data: a school over HTTP, a real sync, rosters with groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.runtime.context import ContextProxy, StreamlitCookies
from streamlit.testing.v1 import AppTest

from cohort_core.config.paths import Home
from cohort_core.dashboard import layout
from cohort_core.imports.roster_files import import_practice_rosters
from cohort_core.practice.generated import PracticeSchool
from cohort_core.practice.school import MemorySchool, Row, progression
from cohort_core.practice.server import Running, running
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import set_active
from tests.conftest import FAST_RETRIES

PROJECT = Path(__file__).resolve().parents[2]
DATA_PAGES = (
    *("overview", "blockers", "risk", "matrix", "trends", "class_night", "handover"),
    *("student", "assignment"),
)
PAGES = (*DATA_PAGES, "classes", "settings", "connect")
LINKED = (
    *("overview", "blockers", "risk", "matrix", "trends", "class_night", "handover", "classes"),
    "settings",
)
"""Pages that the sidebar offers."""
EVIL = "![x](http://127.0.0.1:9/p.png) **b** <script>alert(1)</script> $x$ :red[r]"

Use = Callable[[Workspace], None]


def page(name: str, query: dict[str, str] | None = None, unfold: Sequence[str] = ()) -> AppTest:
    """Run a page as the first thing that a fresh server does, without app.py.

    `unfold` holds the keys of the expanders to open.
    """
    test = AppTest.from_file(PROJECT / "pages" / f"{name}.py", default_timeout=20)
    for key, value in (query or {}).items():
        test.query_params[key] = value
    for key in unfold:
        test.session_state[key] = True
    return test.run()


def shown(test: AppTest) -> str:
    """Return all text of the page in Markdown, text, HTML and notice elements."""
    elements = [
        *test.title,
        *test.header,
        *test.markdown,
        *test.text,
        *test.caption,
        *test.info,
        *test.warning,
        *test.error,
        *test.success,
        *test.html,
    ]
    return "\n".join(
        str(getattr(element, "value", None) or getattr(element, "body", "")) for element in elements
    )


@pytest.fixture(autouse=True)
def cookies(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The cookies that the browser sends, none at first; AppTest itself has a mock in their place."""
    sent: dict[str, str] = {}
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _: StreamlitCookies(sent)))
    return sent


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Make the pages use a given workspace."""
    return lambda workspace: monkeypatch.setattr(layout, "shared_services", lambda: Services(workspace))


@pytest.fixture(scope="session")
def practised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The invented classes of the practice school, synced, with their rosters. Tests must not change it."""
    workspace = Workspace(Home(tmp_path_factory.mktemp("dashboard") / "home"), retry_policy=FAST_RETRIES)
    with running(PracticeSchool()) as upstream:
        workspace.connect_to_practice(upstream.url, asked_by="test")
        bootcamps = [
            status.id
            for status in workspace.cohorts.statuses()
            if not status.name.startswith("Open University")
        ]
        set_active(workspace.database, bootcamps, active=True)
        workspace.prepare_sync(asked_by="test").run()
        import_practice_rosters(workspace.database, upstream.school)
        yield workspace
    workspace.stop()


@pytest.fixture
def big(practised: Workspace, use: Use) -> str:
    """The id of the class with 3,781 records, in a workspace that the pages use."""
    use(practised)
    return next(status.id for status in practised.cohorts.statuses() if status.friendly_id == "sd-cohort-12")


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A class in which everything has the evil name: class, units, assignments, students."""
    workspace = Workspace(Home(tmp_path_factory.mktemp("hostile") / "home"), retry_policy=FAST_RETRIES)
    school = MemorySchool()
    with running(school) as upstream:
        school.add_class(EVIL, friendly_id="evil", rows=evil_rows())
        workspace.connect_to_practice(upstream.url, asked_by="test")
        set_active(workspace.database, [status.id for status in workspace.cohorts.statuses()], active=True)
        workspace.prepare_sync(asked_by="test").run()
        yield workspace
    workspace.stop()


def evil_rows() -> Iterator[Row]:
    start = datetime.now(UTC) - timedelta(days=60)
    for assignment in range(6):
        for student in range(8):
            if student == 0 and assignment > 0:
                continue
            at = (start + timedelta(days=assignment * 8, hours=student)).isoformat()
            row = progression(
                f"{student}-{assignment}",
                student=f"s{student}",
                assignment=f"a{assignment}",
                grade=0.5,
                started=at,
                completed=None if student == 1 and assignment == 5 else at,
            )
            row["user"] |= {"first_name": EVIL, "last_name": None}
            row["assignment"]["name"] = EVIL
            yield row


@pytest.fixture
def upstream_and_workspace(school: Running, workspace: Workspace, use: Use) -> tuple[Running, Workspace]:
    """A school and a home for one test, connected, with nothing synced: for tests that change things."""
    school.school.add_class("Alpha", rows=list(evil_rows()))
    school.school.add_class("Beta")
    workspace.connect_to_practice(school.url, asked_by="test")
    use(workspace)
    return school, workspace
