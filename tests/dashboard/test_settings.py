"""The Settings page: a change counts only once it is saved, and then it counts everywhere."""

from __future__ import annotations

import stat
from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.config.thresholds import DEFAULTS
from cohort_core.practice.server import Running
from cohort_core.reports import catalog
from cohort_core.services.workspace import Workspace
from cohort_core.store.audit import load_events
from cohort_core.store.classes import load_calendars, set_active
from tests.dashboard.conftest import EVIL, Use, page, shown

PARTS = ("connection", "thresholds", "roster", "sync", "time", "data")


@pytest.fixture
def followed(upstream_and_workspace: tuple[Running, Workspace]) -> Workspace:
    _, workspace = upstream_and_workspace
    set_active(workspace.database, ["alpha"], active=True)
    workspace.prepare_sync(asked_by="test").run()
    return workspace


def part(name: str, **query: str) -> AppTest:
    test = page("settings", {"part": name, **query})
    assert not test.exception
    assert not test.error
    return test


def press(test: AppTest, label: str) -> AppTest:
    test = next(button for button in test.main.button if button.label == label).click().run()
    assert not test.exception
    return test


@pytest.mark.parametrize("name", PARTS)
def test_evil_names_are_literal_on_every_part(hostile: Workspace, use: Use, name: str) -> None:
    use(hostile)
    test = part(name)
    for element in [*test.markdown, *test.caption, *test.info, *test.warning]:
        assert "127.0.0.1:9" not in str(element.value)
    assert all("<script>" not in element.value for element in test.html)
    if name == "thresholds":
        assert "&lt;script&gt;alert(1)" in shown(test)
    if name == "time":
        assert EVIL in [element.value for element in test.text]


def test_the_effect_is_shown_before_saving_and_is_right_afterwards(followed: Workspace) -> None:
    before = catalog.student_health(followed.cohorts.cohort("alpha")).frame
    test = part("thresholds")
    assert next(button for button in test.main.button if button.label == "Save").disabled
    test.number_input(key="threshold-critical_gap").set_value(99.0).run()
    page_text = shown(test)
    critical = int((before["risk"] == "critical").sum())
    assert critical
    assert f"<b>{critical} → 0</b>" in page_text
    assert f"Newly high ({critical}):" in page_text
    assert followed.settings().thresholds == DEFAULTS
    test = press(test, "Save")
    assert "Saved" in test.success[0].value
    assert followed.settings().thresholds.changed == {"critical_gap": 99.0}
    assert "critical" not in set(catalog.student_health(followed.cohorts.cohort("alpha")).frame["risk"])
    event = load_events(followed.database)[0]
    assert (event.who, event.action, event.detail) == ("dashboard", "settings", "thresholds")
    test = press(press(part("thresholds"), "Back to the defaults"), "Save")
    assert followed.settings().thresholds == DEFAULTS


def test_thresholds_that_fall_cannot_be_saved(followed: Workspace) -> None:
    test = part("thresholds")
    test.number_input(key="threshold-high_gap").set_value(50.0).run()
    assert "Critical must begin above high" in test.error[0].value
    assert next(button for button in test.main.button if button.label == "Save").disabled


def test_settings_from_the_environment_are_greyed_out(
    followed: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COHORT_THRESHOLDS__HIGH_GAP", "20")
    test = part("thresholds")
    assert test.number_input(key="threshold-high_gap").disabled
    assert test.number_input(key="threshold-high_gap").value == 20
    assert not test.number_input(key="threshold-critical_gap").disabled


def test_a_roster_is_shown_before_it_is_imported(followed: Workspace) -> None:
    text = "first_name,last_name,email,night\nAda,New,ada@new.example,Tuesday\n,,,\n"
    text += f"{EVIL},Evil,e@new.example,Monday\nNobody,,,\n"
    test = part("roster")
    test.file_uploader[0].set_value(("r.csv", text.encode(), "text/csv")).run()
    assert not test.exception
    assert "2 of 3 lines: 0 found at OpenClass, 2 not seen there yet, 1 cannot be used." in shown(test)
    assert test.dataframe[0].value["Line"].tolist() == [5]
    students = followed.cohorts.class_data("alpha").students
    assert "ada@new.example" not in set(students["email"].dropna())
    test = press(test, "Import")
    assert "Imported" in test.success[0].value
    assert "ada@new.example" in set(followed.cohorts.class_data("alpha").students["email"].dropna())
    assert load_events(followed.database)[0].detail == "roster, 2 lines"
    assert not test.file_uploader[0].value


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "is a workbook"),
        (b"\x89PNG\0\0", "is no text"),
        (b"colour,size\nred,1\n", "must name the columns"),
    ],
)
def test_an_unusable_file_gives_a_sentence(followed: Workspace, content: bytes, sentence: str) -> None:
    test = part("roster")
    test.file_uploader[0].set_value(("r.csv", content, "text/csv")).run()
    assert not test.exception
    assert sentence in test.error[0].value.replace("\\", "")
    assert "Import" not in [button.label for button in test.main.button]


def test_the_schedule_is_taken_up_at_once_and_ended(followed: Workspace) -> None:
    test = part("sync")
    box = test.main.selectbox[0]
    box.select("Every 30 minutes").run()
    assert not test.exception
    assert followed.plan
    assert followed.plan.every.total_seconds() == 1800
    assert followed.settings().sync_every == "30m"
    assert "Syncs by itself" in shown(test)
    test.main.selectbox[0].select("Off").run()
    assert followed.plan is None
    assert followed.settings().sync_every is None


def test_zone_and_start_of_a_class_are_kept(followed: Workspace) -> None:
    test = part("time")
    start = next(field for field in test.main.date_input if field.label == "Starts on")
    start.set_value(date(2026, 9, 1)).run()
    assert not test.exception
    alpha = followed.cohorts.class_data("alpha")
    assert load_calendars(followed.database)[alpha.class_id].starts_on == date(2026, 9, 1)
    assert alpha.starts_on == date(2026, 9, 1)


def test_pseudonyms_for_all_also_hide_the_mentor(followed: Workspace) -> None:
    email = followed.settings().email
    assert email
    assert email in shown(part("connection"))
    part("data").main.toggle[0].set_value(True).run()
    assert followed.settings().anonymous
    assert email not in shown(part("connection"))
    test = part("data")
    assert str(followed.home.folder) not in shown(press(test, "Check now"))


def test_a_backup_is_for_its_owner_alone(followed: Workspace) -> None:
    test = press(part("data"), "Make a backup")
    assert "Backed up to" in test.success[0].value
    (file,) = followed.home.backups.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(followed.home.backups.stat().st_mode) == 0o700
