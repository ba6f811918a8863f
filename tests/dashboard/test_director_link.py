"""The link of the director's page: a look at its headers moves no beginning of the next page."""

from __future__ import annotations

from cohort_core.dashboard.files.questions import SHEETS, Question, Selection, Step
from cohort_core.dashboard.files.registry import FileRegistry
from cohort_core.services.director_pages import ACTION
from cohort_core.services.workspace import Workspace
from cohort_core.store.audit import load_details
from cohort_core.store.classes import find_class
from tests.dashboard.test_files import browser, mounted, offered
from tests.dashboard.test_files import clock as clock  # a fixture
from tests.dashboard.test_files import registry as registry  # a fixture
from tests.dashboard.test_packs import CLASS
from tests.dashboard.test_packs import copied as copied  # a fixture


def test_a_look_at_the_headers_makes_no_page(registry: FileRegistry, copied: Workspace) -> None:
    app = mounted(registry, copied)
    selection = Selection(find_class(copied.database, CLASS))
    question = Question("director", Step.of(SHEETS["director"][1]), selection, False, extension="pdf")
    link = offered(registry, question)
    assert browser(app).head(link).status_code == 200
    assert not list(load_details(copied.database, ACTION))
    assert browser(app).get(link).content.startswith(b"%PDF")
    assert len(list(load_details(copied.database, ACTION))) == 1
