"""Students' own pages as an administrator, a mentor and others see them in the dashboard."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.clock import utc_now
from cohort_core.dashboard import layout
from cohort_core.services.principal import DASHBOARD_OWNER
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.help_requests import add_request
from cohort_core.store.student_links import StudentKey
from tests.dashboard.conftest import page, shown
from tests.dashboard.test_arrangement import copied as copied  # a fixture

TEXT = "I **never** get <b>out</b>"


def test_an_administrator_switches_it_on_and_a_mentor_makes_a_link(copied: Workspace) -> None:
    class_id = next(status.id for status in copied.cohorts.statuses() if status.friendly_id == "web-cohort-3")
    student = copied.cohorts.cohort(class_id).students.index[0]
    query = {"class": class_id, "student": student}
    assert not [button for button in page("student", query).button if button.key == "own-page-make"]
    settings = page("settings", {"part": "students"})
    assert [toggle.disabled for toggle in settings.toggle if "Anonymous" not in toggle.label] == [False, True]
    settings.toggle(key="student_page-False").set_value(True).run()
    assert not settings.exception
    assert (copied.settings().student_page, copied.settings().student_notes) == (True, False)
    assert "Links open on this computer alone" in shown(settings)
    test = page("student", query, unfold=("own-page",))
    test.button(key="own-page-make").click().run()
    assert not test.exception
    (address,) = [code.value for code in test.main.code if "/my-progress/open/" in code.value]
    test.button(key="own-page-end").click().run()
    assert "The link has ended" in shown(test)
    assert not [code for code in test.main.code if address in code.value]
    (link,) = Services(copied).reader(DASHBOARD_OWNER).student_links(class_id)
    assert (link.made_by, link.revoked_at is None) == ("dashboard", False)


def test_those_see_a_request_who_may_answer_it(copied: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses = [status for status in copied.cohorts.statuses(open_only=True) if status.students]
    mine, other = statuses[0].id, statuses[1].id
    cohort = copied.cohorts.cohort(mine)
    student = cohort.students.index[0]
    name = cohort.students["name"].iloc[0]
    with copied.database.writing() as connection:
        add_request(connection, StudentKey(mine, student), cohort.assignments.index[3], TEXT, utc_now())

    def overview(role: str, class_id: str, query: dict[str, str] | None = None) -> AppTest:
        principal = replace(DASHBOARD_OWNER, role=role, class_ids=frozenset({class_id}))  # type: ignore[arg-type]
        monkeypatch.setattr(layout, "current_principal", lambda: principal)
        test = page("overview", query)
        assert not test.exception
        return test

    for role, class_id in (("viewer", mine), ("director", mine), ("mentor", other)):
        test = overview(role, class_id)
        assert "Asked for help" not in [header.value for header in test.header]
        assert TEXT not in shown(test)
    hidden = overview("mentor", mine, {"anonymous": "1"})
    assert hidden.header[0].value == "Asked for help"
    assert TEXT not in shown(hidden)
    assert name not in str(next(iter(hidden.main.get("page_link"))).proto)
    test = overview("mentor", mine)
    assert test.header[0].value == "Asked for help"
    assert TEXT in [text.value for text in test.main.text]
    test.button(key="answered-1").click().run()
    assert "Asked for help" not in [header.value for header in test.header]
    (request,) = Services(copied).reader(DASHBOARD_OWNER).help_requests(mine)
    assert request.who == "dashboard"
