"""Pages and files as every role: no byte names another's class, or to a director any student."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.dashboard.components import downloads
from cohort_core.dashboard.files.questions import Question, answer
from cohort_core.dashboard.identity import current_principal, serve_as
from cohort_core.errors import CohortError
from cohort_core.services.principal import DASHBOARD_OWNER, OWNER, Principal
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.roles import Role
from tests.conftest import sample
from tests.dashboard.conftest import DATA_PAGES, page, shown

UNFOLDED = (
    *("every-assignment", "what-they-did", "matrix-table", "numbers", "all-changes", "handover-students"),
    *("sync-details", "more-praise"),
)
"""Keys of the expanders of all pages."""
WALKED = (*DATA_PAGES, "classes", "settings", "connect", "my_account")
ACTIONS = (
    "Sync now",
    "Message",
    "Hide until",
    "Copy",
    "Save",
    "Stop",
    "Reset",
    "Follow",
    "Close",
    "Look for",
)


@pytest.fixture(autouse=True)
def owner() -> Iterator[Principal]:
    """Serve the owner again at the end."""
    yield current_principal()
    serve_as(DASHBOARD_OWNER)


def bytes_of(test: AppTest) -> bytes:
    """Return everything that a page sends, charts and tables included."""
    protos: list[Any] = [getattr(element, "proto", None) for element in test._tree]
    parts = [proto.SerializeToString() for proto in protos if hasattr(proto, "SerializeToString")]
    return b"\n".join([shown(test).encode(), *parts])


def named_in(content: bytes, words: set[str]) -> set[str]:
    return {word for word in words if word.encode() in content}


def names_of(workspace: Workspace, class_id: str) -> set[str]:
    """Return names, emails and ids of the students of a class."""
    students = Services(workspace).reader(OWNER).class_data(class_id).students
    names = students["first_name"].fillna("") + " " + students["last_name"].fillna("")
    words = {*names, *students["student_id"], *students["email"].dropna()}
    return {word.strip() for word in words if len(word.strip()) > 4}


def foreign_words(workspace: Workspace, class_id: str) -> set[str]:
    """Return what names other classes or their students, and nothing of this class."""
    words: set[str] = set()
    reader = Services(workspace).reader(OWNER)
    for status in reader.statuses():
        if status.id != class_id:
            words |= {status.id, status.name, status.friendly_id or status.id}
            words |= names_of(workspace, status.id) if status.synced_at else set()
    (own,) = (status for status in reader.statuses() if status.id == class_id)
    return words - names_of(workspace, class_id) - {own.name}


@pytest.mark.parametrize("role", sample(["director", "viewer", "mentor", "admin"], 2))
def test_no_page_sends_what_a_role_may_not_see(practised: Workspace, big: str, role: Role) -> None:
    principal = Principal(f"account {role}", role, frozenset({big}))
    foreign, own = foreign_words(practised, big), names_of(practised, big)
    reader = Services(practised).reader(OWNER)
    student = str(reader.class_data(big).students["student_id"].iloc[0])
    other = next(status for status in reader.statuses() if status.id != big and status.synced_at)
    serve_as(principal)
    is_director, has_names = role == "director", False
    for name in WALKED:
        test = page(name, {"class": big, "student": "" if is_director else student}, UNFOLDED)
        assert not test.exception, name
        sent = bytes_of(test)
        assert not named_in(sent, foreign), name
        has_names = has_names or bool(named_in(sent, own))
        assert not (is_director and named_in(sent, own)), (name, named_in(sent, own))
        buttons = [button.label for button in test.button]
        if role in {"viewer", "director"}:
            assert not [label for label in buttons if label.startswith(ACTIONS)], (name, buttons)
            assert not test.text_area, name
    assert has_names != is_director
    test = page("risk", {"class": other.id})
    assert "not among your classes" in test.info[0].value
    assert not named_in(bytes_of(test), foreign - {other.id})


def test_an_address_gives_a_director_no_name(practised: Workspace, big: str) -> None:
    own = names_of(practised, big)
    reader = Services(practised).reader(OWNER)
    real = [str(student) for student in reader.class_data(big).students["student_id"][:3]]
    serve_as(Principal("account dora", "director", frozenset({big})))
    for query in ({"anonymous": "0"}, {"anonymous": ""}, {"scope": "all"}):
        test = page("overview", {"class": big, **query})
        assert not named_in(bytes_of(test), own)
        assert "Anonymous" not in [toggle.label for toggle in test.toggle]
    for student in real:
        test = page("student", {"class": big, "student": student})
        # A link with a real id does not say whose pseudonym it is.
        assert "This student is not in the class" in test.info[0].value
        assert not named_in(bytes_of(test), own - {student})
    pseudonym = str(
        Services(practised).reader(current_principal()).class_data(big).students["student_id"].iloc[0]
    )
    test = page("student", {"class": big, "student": pseudonym})
    assert "A first message" not in shown(test)
    assert not test.code


@pytest.mark.parametrize("role", sample(["director", "viewer", "mentor", "admin"], 2))
def test_no_file_of_any_page_holds_what_a_role_may_not_see(
    practised: Workspace, big: str, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    """Fetch every file that a page offers to the owner, as each role: the address says nothing of rights."""
    offered: dict[str, Question] = {}

    def keep(labelled: Iterable[tuple[str, Question]]) -> str:
        offered.update((repr(question), question) for _, question in labelled)
        return "<p></p>"

    monkeypatch.setattr(downloads, "_placeholder", keep)
    student = str(Services(practised).reader(OWNER).class_data(big).students["student_id"].iloc[0])
    for name in (*DATA_PAGES, "classes"):
        page(name, {"class": big, "student": student}, UNFOLDED)
    other = next(
        status.id
        for status in Services(practised).reader(OWNER).statuses()
        if status.id != big and status.synced_at
    )
    foreign, own = foreign_words(practised, big), names_of(practised, big)
    principal = Principal(f"account {role}", role, frozenset({big}))
    services, answered = Services(practised), 0
    # PDF and pictures take long and come from the same reader; the tables of each page are read as text.
    files = [question for question in offered.values() if question.extension == "csv"]
    assert len(files) > 10
    for question in files:
        reader = services.reader(principal, anonymous=question.anonymous)
        try:
            content = answer(question, services, reader)
        except (CohortError, KeyError):
            # Of a student by the real id there is no file for a director.
            assert role == "director"
            continue
        answered += 1
        assert not named_in(content, foreign), question.name
        assert not (role == "director" and named_in(content, own)), question.name
        moved = replace(
            question, selection=replace(question.selection, class_id=other, group=None, type=None)
        )
        if question.selection.class_id:
            with pytest.raises(CohortError):
                answer(moved, services, reader)
    assert answered > 8
