"""The Settings page: a change counts only once it is saved, and then it counts everywhere."""

from __future__ import annotations

import stat
from datetime import date
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.config.settings import Preferences
from cohort_core.config.thresholds import DEFAULTS
from cohort_core.dashboard.settings.cities import city_of
from cohort_core.practice.server import Running
from cohort_core.reports import catalog
from cohort_core.reports.labels import BANDS
from cohort_core.services.principal import OWNER
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.audit import load_events
from cohort_core.store.classes import load_calendars, set_active
from cohort_core.store.roster import Enrolment, load_seen_students
from cohort_core.store.roster_imports import save_roster
from tests.dashboard.conftest import EVIL, Use, page, shown

PARTS = ("connection", "students", "thresholds", "roster", "sync", "time", "data")


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
    assert "Saved" in test.success[0].value.replace("\\", "")
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


def upload(test: AppTest, content: bytes | str, name: str = "r.csv") -> AppTest:
    data = content.encode() if isinstance(content, str) else content
    test.file_uploader[0].set_value((name, data, "text/csv")).run()
    assert not test.exception
    return test


def box(test: AppTest, text: str) -> Any:
    return next(element for element in test.main.checkbox if text in element.label.replace("\\", ""))


def choice(test: AppTest, text: str) -> Any:
    return next(element for element in test.main.selectbox if text in element.label.replace("\\", ""))


def emails(workspace: Workspace) -> set[str]:
    return set(workspace.cohorts.class_data("alpha").students["email"].dropna())


OTHER_EVIL = "<i>Ulf</i> $y$ :blue[z] [q](http://127.0.0.1:9)"
ROSTER = f"""first_name,last_name,email,night
Una,New,una@new.example,Tuesday
,,,
{OTHER_EVIL},Evil,e@new.example,Monday
"""


def test_a_roster_is_shown_before_it_is_imported(followed: Workspace) -> None:
    test = upload(part("roster"), ROSTER + "Nobody,,,\n")
    assert "3 lines: 0 match a student of OpenClass, 2 are new, 1 cannot be used." in shown(test)
    assert not test.warning
    assert "Line 5: has no email and no full name, and nobody at OpenClass" in shown(test)
    assert next(button for button in test.main.button if button.label == "Import").disabled
    box(test, "Line 2: Una New").check().run()
    assert "1 student on the roster then" in shown(test)
    assert "una@new.example" not in emails(followed)
    test = press(test, "Import")
    assert "1 of 3 lines are on the roster, 1 of them not seen at OpenClass yet" in test.success[
        0
    ].value.replace("\\", "")
    assert "una@new.example" in emails(followed)
    assert "e@new.example" not in emails(followed)
    event = load_events(followed.database)[0]
    assert (event.who, event.detail.split(", class")[0]) == ("dashboard", "roster, 1 lines, replaced")
    assert not test.file_uploader[0].value


def test_all_of_a_list_are_ticked_at_once(followed: Workspace) -> None:
    people = "".join(f"p{number}@new.example,P{number},New\n" for number in range(45))
    test = upload(part("roster"), "email,first_name,last_name\n" + people)
    assert len([element for element in test.main.checkbox if element.label.startswith("Line")]) == 20
    box(test, "All 45 of them").check().run()
    press(test, "Import")
    assert sum(email.endswith("@new.example") for email in emails(followed)) == 45


def test_a_near_line_is_a_question(followed: Workspace) -> None:
    student = followed.cohorts.class_data("alpha").students.iloc[0]
    test = upload(
        part("roster"), f"first_name,last_name,night\n{student['first_name']}x,{student['last_name']},Tue\n"
    )
    asked = choice(test, "Do you mean")
    assert asked.value == "ask"
    assert next(button for button in test.main.button if button.label == "Import").disabled
    asked.select("same").run()
    press(test, "Import")
    students = followed.cohorts.class_data("alpha").students.set_index("student_id")
    assert students.loc[student["student_id"], "night"] == "Tue"
    assert len(students) == len(followed.cohorts.class_data("alpha").students)


def test_equal_names_have_their_emails_beside_them(followed: Workspace) -> None:
    class_id = followed.cohorts.find_class("alpha")
    with followed.database.writing() as connection:
        ids = [student.id for student in load_seen_students(connection, class_id)[:2]]
        connection.executemany(
            "UPDATE students SET first_name = 'Jo', last_name = 'Smith', email = ? WHERE id = ?",
            [(f"jo{number}@twin.example", student_id) for number, student_id in enumerate(ids)],
        )
    test = upload(part("roster"), "email,night\njo0@twin.example,Tue\njo1@twin.example,Tue\n")
    assert test.dataframe[-1].value["At OpenClass"].tolist() == ["Jo Smith (jo0)", "Jo Smith (jo1)"]


def test_what_a_roster_takes_away_and_that_it_comes_back(followed: Workspace) -> None:
    test = upload(part("roster"), ROSTER)
    box(test, "All 2 of them").check().run()
    test = press(test, "Import")
    test = upload(test, "email,night\nuna@new.example,Friday\n")
    assert "Replaces 2 lines, of which 1 is not in this file." in shown(test)
    test.radio[0].set_value("Add to it").run()
    assert "Replaces" not in shown(test)
    test = press(test, "Import")
    assert {"una@new.example", "e@new.example"} <= emails(followed)
    test = press(upload(test, "email,night\nuna@new.example,Friday\n"), "Import")
    assert "e@new.example" not in emails(followed)
    test = press(test, "Undo the last import")
    assert "The roster of before is back: 2 lines" in test.success[0].value.replace("\\", "")
    assert "e@new.example" in emails(followed)


def test_lines_that_nobody_at_openclass_fits_can_be_removed(followed: Workspace) -> None:
    test = upload(part("roster"), ROSTER)
    box(test, "All 2 of them").check().run()
    test = press(test, "Import")
    assert test.main.expander[0].label == "On the roster, not seen at OpenClass (2)"
    assert test.dataframe[0].value["Email"].tolist() == ["una@new.example", "e@new.example"]
    test.multiselect[0].select(test.multiselect[0].options[1]).run()
    test = press(test, "Remove the chosen")
    assert emails(followed) >= {"una@new.example"}
    assert "e@new.example" not in emails(followed)
    press(test, "Remove all 1")
    assert "una@new.example" not in emails(followed)


def test_what_a_file_leaves_open_is_asked(followed: Workspace) -> None:
    text = "email,first_name,last_name,Roles,Which night suits you?,enrolled_on\n"
    text += "una@new.example,Zo\xeb,New,Student,Monday,01/02/2001\n"
    test = upload(part("roster"), text.encode("cp1252"))
    assert "Columns not used: Roles" in shown(test)
    assert choice(test, "Letters of the file").value
    choice(test, "Class night is in the column").select("Which night suits you?").run()
    box(test, "Line 2").check().run()
    assert "Class nights: Monday 1" in shown(test)


def test_a_workbook_and_its_sheets(followed: Workspace) -> None:
    book = openpyxl.Workbook()
    for name, email in (("Tuesday", "una@new.example"), ("Thursday", "bob@new.example")):
        sheet = book.create_sheet(name)
        sheet.append(["Email", "Night"])
        sheet.append([email, name])
    del book["Sheet"]
    file = BytesIO()
    book.save(file)
    test = upload(part("roster"), file.getvalue(), "r.xlsx")
    choice(test, "Sheet").select("Thursday").run()
    box(test, "bob").check().run()
    press(test, "Import")
    assert "bob@new.example" in emails(followed)


def test_anonymous_mode_shows_no_name_of_a_file(followed: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    save_roster(
        followed.database, {followed.cohorts.find_class("alpha"): [Enrolment(email="ghost@new.example")]}
    )
    monkeypatch.setenv("COHORT_ANONYMOUS", "1")
    test = upload(part("roster"), ROSTER)
    everything = shown(test) + "".join(element.label for element in test.main.checkbox)
    for name in ("Una", "una@", "ghost", "Evil"):
        assert name not in everything
        assert all(name not in table.value.to_string() for table in test.dataframe)
    assert "hidden in anonymous mode" in everything


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "workbook"),
        (b"\x89PNG\0\0", "is no text"),
        (b"colour,size\nred,1\n", "columns"),
        (b"email,night\n", "no people"),
    ],
)
def test_an_unusable_file_gives_a_sentence(followed: Workspace, content: bytes, sentence: str) -> None:
    test = upload(part("roster"), content)
    assert sentence in test.error[0].value.replace("\\", "")
    assert "Import" not in [button.label for button in test.main.button]
    assert "Mentors" in [element.value for element in test.header]


def test_the_schedule_is_taken_up_at_once_and_ended(followed: Workspace) -> None:
    test = part("sync")
    box = test.main.selectbox[0]
    box.select("Every 30 minutes").run()
    assert not test.exception
    assert followed.plan
    assert followed.plan.every.total_seconds() == 1800
    assert followed.settings().sync_every == "30m"
    assert "Syncs automatically" in shown(test)
    test.main.selectbox[0].select("Off").run()
    assert followed.plan is None
    assert followed.settings().sync_every is None


def test_zone_and_start_of_a_class_are_kept(followed: Workspace) -> None:
    test = part("time")
    start = next(field for field in test.main.date_input if field.label == "First day")
    start.set_value(date(2026, 9, 1)).run()
    assert not test.exception
    alpha = followed.cohorts.class_data("alpha")
    assert load_calendars(followed.database)[alpha.class_id].starts_on == date(2026, 9, 1)
    assert alpha.starts_on == date(2026, 9, 1)


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("New York", "America/New_York"),
        ("san francisco", "America/Los_Angeles"),
        ("Louisville", "America/Kentucky/Louisville"),
        ("München", "Europe/Berlin"),
        ("Mumbai", "Asia/Kolkata"),
    ],
)
def test_a_time_zone_is_chosen_by_its_city(followed: Workspace, typed: str, zone: str) -> None:
    box = part("time").main.selectbox[0]
    # The browser offers the options that contain what was typed.
    offered = [index for index, option in enumerate(box.options) if typed.casefold() in option.casefold()]
    assert len(offered) == 1
    box.select_index(offered[0]).run()
    assert followed.settings().timezone == zone
    again = part("time").main.selectbox[0]
    assert again.value == city_of(zone)


def test_a_zone_that_no_city_has_stays_chosen(followed: Workspace) -> None:
    commands = Services(followed).admin(OWNER)
    commands.change_settings(Preferences(timezone="Etc/GMT+5"))
    assert part("time").main.selectbox[0].value == city_of("Etc/GMT+5")


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
    assert "Backed up to" in test.success[0].value.replace("\\", "")
    (file,) = followed.home.backups.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(followed.home.backups.stat().st_mode) == 0o700


def test_who_changes_band_is_said_before_the_import_and_is_right(followed: Workspace) -> None:
    before = catalog.student_health(followed.cohorts.cohort("alpha")).frame.set_index("student_id")["risk"]
    people = "".join(f"Ghost{number},Nobody,ghost{number}@new.example\n" for number in range(30))
    test = upload(part("roster"), "first_name,last_name,email\n" + people)
    assert "would have another risk level" not in shown(test)
    box(test, "All 30 of them").check().run()
    assert "would have another risk level then" in shown(test)
    said = next(frame.value for frame in test.dataframe if {"Now", "Then"}.issubset(frame.value.columns))
    assert next(
        expander.label for expander in test.main.expander if "changes risk level" in expander.label
    ) == (f"Who changes risk level ({len(said)})")
    press(test, "Import")
    rows = catalog.student_health(followed.cohorts.cohort("alpha")).frame.set_index("student_id")
    after = rows.loc[rows.index.isin(before.index)]
    moved = after[after["risk"] != before.reindex(after.index)]
    assert len(moved) == len(said) > 0
    assert sorted(said["Name"]) == sorted(moved["name"])
    assert set(said["Then"]) == {BANDS[band].label for band in moved["risk"]}


def test_the_names_of_lines_that_nobody_fits_are_those_of_every_page(followed: Workspace) -> None:
    test = upload(part("roster"), "first_name,last_name,email\nUna,New,una1@a.org\nUna,New,una2@a.org\n")
    box(test, "All 2 of them").check().run()
    test = press(test, "Import")
    names = set(followed.cohorts.cohort("alpha").students["name"])
    listed = set(test.dataframe[0].value["Name"])
    assert len(listed) == 2
    assert listed <= names
