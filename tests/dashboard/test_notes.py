"""Notes and answers of a handover are for mentors: a viewer sees them on no page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cohort_core.dashboard.identity import current_principal, serve_as
from cohort_core.services.principal import CLI_OWNER, Principal
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import find_class
from tests.dashboard.conftest import DATA_PAGES, page, shown
from tests.dashboard.test_packs import CLASS
from tests.dashboard.test_packs import copied as copied  # a fixture


@pytest.fixture
def owner() -> Iterator[Principal]:
    """Serve the owner again at the end."""
    principal = current_principal()
    yield principal
    serve_as(principal)


def test_no_page_shows_a_note_to_a_viewer(copied: Workspace, owner: Principal) -> None:
    class_id = find_class(copied.database, CLASS)
    commands = Services(copied).commands(CLI_OWNER)
    student = str(copied.cohorts.cohort(class_id).students.index[0])
    commands.add_contact(class_id, student, "met", note="canary-note")
    commands.save_handover_note(class_id, "careful", "canary-answer")
    commands.save_handover_note(class_id, "careful", "canary-answer", student_id=student)
    seen: dict[str, set[str]] = {}
    for principal in (owner, Principal("viewer", "viewer", frozenset({class_id}))):
        serve_as(principal)
        seen[principal.role] = set()
        for name in (*DATA_PAGES, "classes"):
            unfold = ["handover-students"] if name == "handover" else []
            test = page(name, {"class": class_id, "student": student}, unfold)
            assert not test.exception, name
            if "canary" in shown(test) + str(test):
                seen[principal.role].add(name)
    assert seen["admin"] >= {"student", "handover"}
    assert seen["viewer"] == set()
