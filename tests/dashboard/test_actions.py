"""The actions of a mentor: connect, choose classes, sync, stop."""

from __future__ import annotations

import re
import threading
import time

import pytest
from streamlit.testing.v1 import AppTest

from cohort_core import practice
from cohort_core.practice.faults import Fault
from cohort_core.practice.server import Running
from cohort_core.services.workspace import Workspace
from cohort_core.sources.base import KnownSchool
from cohort_core.sources.openclass.client import OpenClassClient
from cohort_core.store.classes import set_active
from tests.dashboard.conftest import Use, page, shown


def wait_until_idle(workspace: Workspace) -> None:
    deadline = time.monotonic() + 10
    while workspace.running_job():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def fill_in(test: AppTest, school: Running, password: str = practice.PASSWORD) -> AppTest:
    test.selectbox[0].select("Another school").run()
    answers = [school.url, practice.APP_ID, practice.ORIGIN, practice.EMAIL, password]
    for field, answer in zip(test.text_input, answers, strict=True):
        field.set_value(answer)
    return next(button for button in test.button if button.label == "Connect").click().run()


def test_connecting_lists_the_classes_and_following_one_syncs_it(
    school: Running, workspace: Workspace, use: Use
) -> None:
    school.school.add_class("**Alpha**")
    school.school.add_class("Beta")
    use(workspace)
    test = fill_in(page("connect"), school)
    assert not test.exception
    assert not test.error
    assert [box.label for box in test.checkbox] == [r"\*\*Alpha\*\*", "Beta"]
    test.checkbox[1].uncheck().run()
    next(button for button in test.button if button.label == "Follow and sync").click().run()
    assert not test.exception
    wait_until_idle(workspace)
    assert [status.name for status in workspace.cohorts.statuses(active_only=True)] == ["**Alpha**"]
    assert workspace.jobs(1)[0].state == "done"
    assert workspace.jobs(1)[0].asked_by == "dashboard"


def test_a_wrong_password_gives_an_error_and_nothing_is_kept(
    school: Running, workspace: Workspace, use: Use
) -> None:
    use(workspace)
    test = fill_in(page("connect"), school, "wrong-secret")
    assert not test.exception
    (problem,) = test.error
    assert "does not accept this email and password" in problem.value
    assert "wrong-secret" not in shown(test)
    assert not workspace.is_connected()
    # The page is whole: what was typed is there, and so is the way to the practice school.
    assert [field.value for field in test.text_input][1:4] == [
        practice.APP_ID,
        practice.ORIGIN,
        practice.EMAIL,
    ]
    assert any(button.label == "Use the practice school" for button in test.button)


@pytest.mark.parametrize(
    ("fault", "answer", "words"),
    [
        (Fault("status", "/v1/auth/login", status=403), {}, "does not let this school"),
        (Fault("status", "/v1/auth/login", status=503), {}, "problem of its own"),
        (Fault("html", "/v1/auth/login", times=None), {}, "web page came in place"),
        (Fault("shape", "/v1/auth/login", value={}), {}, "not known here"),
        (None, {0: "http://127.0.0.1:9"}, "cannot be reached"),
        (None, {0: "openclass"}, "no web address"),
        (None, {2: "my school"}, "no web address"),
    ],
)
def test_each_failure_is_a_sentence_at_its_field(
    school: Running,
    workspace: Workspace,
    use: Use,
    fault: Fault | None,
    answer: dict[int, str],
    words: str,
) -> None:
    use(workspace)
    if fault:
        school.faults.add(fault)
    test = page("connect")
    test.selectbox[0].select("Another school").run()
    answers = [school.url, practice.APP_ID, practice.ORIGIN, practice.EMAIL, practice.PASSWORD]
    for place, field in enumerate(test.text_input):
        field.set_value(answer.get(place, answers[place]))
    next(button for button in test.button if button.label == "Connect").click().run()
    (problem,) = test.error
    assert words in problem.value
    for word in ("cohort", "COHORT", "config", "init", "HTTP"):
        assert word not in problem.value
    assert any(button.label == "Use the practice school" for button in test.button)
    assert not workspace.is_connected()


def test_empty_fields_are_named_at_their_place(workspace: Workspace, use: Use) -> None:
    use(workspace)
    test = page("connect")
    next(button for button in test.button if button.label == "Connect").click().run()
    assert [error.value for error in test.error] == ["Please fill this in."] * 2
    test.selectbox[0].select("Another school").run()
    next(button for button in test.button if button.label == "Connect").click().run()
    assert len(test.error) == 4


def test_a_known_school_takes_email_and_password_only(
    school: Running, workspace: Workspace, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    school.school.add_class("Alpha")
    schools = {"Code:You": KnownSchool(practice.ORIGIN, practice.APP_ID)}
    monkeypatch.setattr(OpenClassClient, "schools", staticmethod(lambda: schools))
    monkeypatch.setenv("COHORT_API_BASE", school.url)
    use(workspace)
    test = page("connect")
    assert test.selectbox[0].value == "Code:You"
    for field, answer in zip(test.text_input, [practice.EMAIL, practice.PASSWORD], strict=True):
        field.set_value(answer)
    next(button for button in test.button if button.label == "Connect").click().run()
    assert [box.label for box in test.checkbox] == ["Alpha"]
    assert workspace.settings().origin == practice.ORIGIN


def test_the_values_of_known_schools_can_be_sent() -> None:
    for name, values in OpenClassClient.schools().items():
        assert name.isprintable()
        assert values.origin.startswith("https://")
        assert re.fullmatch(r"[0-9a-f]{64}", values.app_id)


def test_the_practice_school_is_one_press_away(workspace: Workspace, use: Use) -> None:
    use(workspace)
    test = page("connect")
    next(button for button in test.button if button.label == "Use the practice school").click().run(
        timeout=30
    )
    assert not test.exception
    assert not test.error
    assert r"Software Development\, Cohort 12" in [box.label for box in test.checkbox]
    assert workspace.is_connected()


def test_a_class_is_switched_on_and_off(upstream_and_workspace: tuple[Running, Workspace]) -> None:
    _, workspace = upstream_and_workspace
    test = page("classes")
    test.toggle[0].set_value(True).run()
    (active,) = workspace.cohorts.statuses(active_only=True)
    next(toggle for toggle in test.toggle if toggle.value).set_value(False).run()
    assert not workspace.cohorts.statuses(active_only=True)
    assert active.name in [toggle.label for toggle in test.toggle]


def test_new_classes_are_found(upstream_and_workspace: tuple[Running, Workspace]) -> None:
    school, _ = upstream_and_workspace
    test = page("classes")
    school.school.add_class("Gamma")
    next(button for button in test.button if button.label == "Look for new classes").click().run()
    assert "Gamma" in [toggle.label for toggle in test.toggle]


@pytest.fixture
def followed(upstream_and_workspace: tuple[Running, Workspace]) -> tuple[Running, Workspace]:
    school, workspace = upstream_and_workspace
    set_active(workspace.database, ["alpha"], active=True)
    return school, workspace


def press(test: AppTest) -> AppTest:
    return test.sidebar.button(key="sync-now").click().run()


def test_sync_now_shows_the_result(followed: tuple[Running, Workspace]) -> None:
    _, workspace = followed
    test = press(page("overview"))
    wait_until_idle(workspace)
    test.run()
    assert not test.exception
    assert "Synced 43 records in" in shown(test).replace("\\", "")
    assert "43 new" in shown(test)
    assert "<dt>Students</dt><dd>8 " in shown(test)
    press(test)
    wait_until_idle(workspace)
    assert "nothing new" in shown(test.run())


def test_while_a_sync_runs_every_page_shows_it_and_offers_no_second(
    followed: tuple[Running, Workspace],
) -> None:
    school, workspace = followed
    release = threading.Event()
    school.faults.add(Fault("call", path="*/progressions", edit=lambda: release.wait(5) and None))
    try:
        test = press(page("classes"))
        other = page("risk")
        for tab in (test, other):
            assert not tab.exception
            assert tab.sidebar.button(key="sync-now").disabled
            assert tab.sidebar.button(key="sync-stop").label == "Stop"
        assert "The first sync of this class is running" in shown(other)
    finally:
        release.set()
    wait_until_idle(workspace)
    assert "new" in shown(test.run())


def test_stop_stops(followed: tuple[Running, Workspace]) -> None:
    school, workspace = followed
    school.faults.add(Fault("delay", path="*/progressions", seconds=0.3, times=None))
    test = press(page("classes"))
    test.sidebar.button(key="sync-stop").click().run()
    wait_until_idle(workspace)
    assert workspace.jobs(1)[0].state == "cancelled"
    assert "stopped" in shown(test.run())


def test_a_sync_that_fails_shows_its_own_sentence(followed: tuple[Running, Workspace]) -> None:
    school, workspace = followed
    school.faults.add(Fault("html", path="*/progressions", times=None))
    test = press(page("overview"))
    wait_until_idle(workspace)
    test.run()
    assert not test.exception
    job = workspace.jobs(1)[0]
    assert job.state == "failed"
    assert job.error
    assert job.error in shown(test).replace("\\", "")
    assert f"The last sync failed. {job.error}" in shown(page("risk")).replace("\\", "")
    syncs = page("classes", unfold=["sync-details"]).dataframe[0].value
    assert syncs["note"][0] == job.error
    assert syncs["result"][0] == "Failed"


def test_a_sync_from_elsewhere_is_shown_too(followed: tuple[Running, Workspace]) -> None:
    _, workspace = followed
    test = page("overview")
    assert "has not been synced" in shown(test)
    workspace.prepare_sync(asked_by="cli").run()
    assert "Synced 43 records" in shown(test.run()).replace("\\", "")
