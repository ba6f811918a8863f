"""Closing a class on the page Classes, and what pages say of closed classes and of risk bands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.config.paths import Home
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import find_class
from cohort_core.store.maintenance import backup
from tests.conftest import FAST_RETRIES
from tests.dashboard.conftest import Use, page, shown

CLASS = "web-cohort-3"


@pytest.fixture
def copied(practised: Workspace, tmp_path: Path, use: Use) -> Iterator[Workspace]:
    """The practice school in a home of its own, which a test may change."""
    home = Home(tmp_path / "home")
    home.ensure()
    backup(practised.database, home.database, asked_by="test")
    workspace = Workspace(home, retry_policy=FAST_RETRIES)
    use(workspace)
    yield workspace
    workspace.stop()


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def test_a_class_is_closed_and_opened_on_the_page(copied: Workspace) -> None:
    class_id = find_class(copied.database, CLASS)
    key = f"close-{class_id}"
    test = page("classes", unfold=[key])
    lost = next(widget for widget in test.multiselect if widget.key == f"lost-{class_id}")
    withdrawn = copied.cohorts.class_data(CLASS).students.dropna(subset="withdrawn_on")
    assert len(lost.value) == len(withdrawn) > 0
    test = press(test, "Close the class")
    assert not test.exception
    assert "is closed" in test.info[0].value
    assert "closed since" in shown(test)
    status = next(status for status in copied.cohorts.statuses() if status.id == class_id)
    assert status.closed_on is not None
    assert not status.is_open
    test = press(test, "Open again")
    assert "closed since" not in shown(test)
    assert next(status for status in copied.cohorts.statuses() if status.id == class_id).is_open


def test_a_closed_class_is_readable_and_has_no_news(copied: Workspace) -> None:
    copied.close_class(CLASS, None, None)
    class_id = find_class(copied.database, CLASS)
    test = page("overview", {"class": class_id})
    assert not test.exception
    assert "nobody of it is listed" in shown(test)
    assert "so there is no news of it" in shown(test)
    assert "Web Basics, Cohort 3 (closed)" in test.sidebar.selectbox[0].options
    # Without a choice another class is shown.
    assert "Web Basics" not in page("overview").text[0].value
    for name in ("risk", "student", "trends", "blockers", "matrix"):
        assert not page(name, {"class": class_id}).exception


def test_pages_say_what_may_be_said_about_a_band(copied: Workspace) -> None:
    text = shown(page("risk"))
    assert "about nine of ten such students were lost" in text
    assert "It does not foresee who drops out next." in text
    assert "finished class" not in text
    student_id = copied.cohorts.cohort(CLASS).students.index[0]
    query = {"class": find_class(copied.database, CLASS), "student": student_id}
    assert "such students were lost" in shown(page("student", query))
    copied.close_class(CLASS, None, None)
    assert "; in your finished class " in shown(page("risk"))


def test_the_overview_says_once_what_the_new_score_moved(copied: Workspace) -> None:
    assert "new version" not in shown(page("overview"))
    with copied.database.writing() as connection:
        connection.execute("INSERT INTO score_changes (version) VALUES (2)")
    test = page("overview")
    assert "The risk score has a new version" in shown(test)
    test = press(test, "Got it")
    assert not test.exception
    assert "new version" not in shown(test)
    assert "new version" not in shown(page("overview"))
