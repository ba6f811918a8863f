"""Notes and answers of a handover: a viewer sees them on no page, and two mentors lose none of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.dashboard.identity import current_principal, serve_as
from cohort_core.services.principal import CLI_OWNER, Principal
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import find_class
from tests.dashboard.conftest import DATA_PAGES, page, shown
from tests.dashboard.test_packs import CLASS, press
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


def test_two_mentors_who_answer_at_once_lose_nothing(copied: Workspace) -> None:
    class_id = find_class(copied.database, CLASS)
    reader, other = Services(copied).reader(CLI_OWNER), Services(copied).commands(CLI_OWNER)

    def promised(test: AppTest) -> Any:
        return next(area for area in test.text_area if area.label == "What was promised")

    def answers() -> list[str]:
        return [note.text for note in reader.handover_notes(class_id)]

    test = page("handover", {"class": class_id})
    promised(test).set_value("A call on Friday").run()
    other.save_handover_note(class_id, "promised", "A laptop")
    # The page runs again before it is saved, and what was typed stays.
    test.run()
    next(area for area in test.text_area if area.label == "What helps").set_value("Tea").run()
    test = press(test, "Save")
    assert "Somebody changed this answer while you wrote" in test.error[0].value
    assert "A laptop" in test.error[0].value
    assert promised(test).value == "A call on Friday"
    assert sorted(answers()) == ["A laptop", "Tea"]
    # A third answer since then is not replaced either; the shown one is.
    other.save_handover_note(class_id, "promised", "")
    test = press(test, "Save")
    assert "the answer was removed" in test.error[0].value
    test = press(test, "Save")
    assert "Saved for the handover" in test.success[0].value
    assert sorted(answers()) == ["A call on Friday", "Tea"]
    # An untouched field shows what others saved.
    other.save_handover_note(class_id, "promised", "A laptop until June")
    test.run()
    assert promised(test).value == "A laptop until June"
