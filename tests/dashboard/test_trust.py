"""The pages make syncs trustworthy: they show changes, records set aside, and removals that wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.dashboard import sync_panel
from cohort_core.dashboard.components import text
from cohort_core.dashboard.sections import changes
from cohort_core.practice.faults import Fault
from cohort_core.practice.school import row_id
from cohort_core.practice.server import Running
from cohort_core.services.principal import OWNER
from cohort_core.services.reader import Reader
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import find_class, set_active
from cohort_core.sync.scheduler import Plan, Schedule
from tests.dashboard.conftest import EVIL, Use, page, shown
from tests.dashboard.test_actions import wait_until_idle

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def followed(upstream_and_workspace: tuple[Running, Workspace]) -> tuple[Running, Workspace]:
    school, workspace = upstream_and_workspace
    set_active(workspace.database, ["alpha"], active=True)
    workspace.prepare_sync(asked_by="test").run()
    return school, workspace


def upstream_id(workspace: Workspace) -> str:
    return find_class(workspace.database, "alpha")


def events(test: AppTest) -> str:
    """Return the texts of all events, without the names, which are links."""
    return "\n".join(element.value for element in test.html if "<span class='ct-what'>" in element.value)


def test_what_changed_since_the_sync_before(followed: tuple[Running, Workspace]) -> None:
    school, workspace = followed
    alpha = upstream_id(workspace)
    row = school.school.rows(alpha)[20]
    school.school.change_row(alpha, str(row_id(row)), grade=0.75)
    workspace.prepare_sync(asked_by="test", full=True).run()
    test = page("overview")
    assert not test.exception
    assert test.button_group(key="kind-widget").options == ["Everything", "1 changed grade"]
    sentences = events(test)
    assert "50 % → 75 %" in sentences
    links = [(link.proto.label, link.proto.query_string) for link in test.main.get("page_link")]
    # Everybody has this name, so the first part of the email stands beside it.
    of_student = f"{EVIL} ({row['user']['email'].split('@')[0]})"
    assert (text.literal(of_student), f"class={alpha}&student={row['user']['id']}") in links
    assert (text.literal(EVIL), f"class={alpha}&assignment={row['assignment']['id']}") in links


def test_nothing_changed_is_a_sentence(followed: tuple[Running, Workspace]) -> None:
    _, workspace = followed
    workspace.prepare_sync(asked_by="test").run()
    assert "Nothing has changed since the sync before" in shown(page("overview"))


def test_a_class_that_was_synced_once_begins_with_the_last_week(followed: tuple[Running, Workspace]) -> None:
    test = page("overview")
    assert test.button_group(key="since-widget").options == ["A week ago", "A day of your choice"]


def test_changes_since_a_day_and_of_one_kind_by_the_address(big: str) -> None:
    day = (datetime.now(UTC) - timedelta(days=30)).date()
    test = page("overview", {"class": big, "since": "day", "day": day.isoformat(), "kind": "completed"})
    assert not test.exception
    assert test.date_input[0].value == day
    assert ">completed<" in events(test)
    assert ">started<" not in events(test)
    test.date_input[0].set_value(day - timedelta(days=1)).run()
    assert test.query_params["day"] == (day - timedelta(days=1)).isoformat()


@pytest.mark.parametrize("day", ["", "yesterday", "1900-01-01", "9999-12-31"])
def test_a_day_that_cannot_be_is_another_day(big: str, day: str) -> None:
    test = page("overview", {"class": big, "since": "day", "day": day})
    assert not test.exception
    assert not test.error


@pytest.mark.parametrize(
    ("kind", "before", "after", "sentence"),
    [
        ("completed", None, 0.9, "completed Loops with 90 %"),
        ("completed", None, None, "completed Loops"),
        ("started", None, None, "started Loops"),
        ("graded", None, 0.8, "got 80 % for Loops"),
        ("regraded", 0.7, 0.85, "got another grade for Loops 70 % → 85 %"),
        ("regraded", 0.7, None, "got another grade for Loops 70 % → –"),
        ("reviewed", None, None, "had Loops reviewed"),
        ("reopened", None, None, "has Loops open again"),
        ("removed", None, None, "has no record of Loops at OpenClass any more"),
        ("returned", None, None, "has a record of Loops at OpenClass again"),
        ("new_student", None, None, "is new in this class"),
        ("came_back", None, None, "is back after two weeks or more without activity"),
        ("left", None, None, "is no longer in this class (46 records)"),
        ("band_moved", None, None, "moved from ● Medium to ▲ High"),
    ],
)
def test_each_kind_of_change_as_text(
    kind: str, before: float | None, after: float | None, sentence: str
) -> None:
    row = {
        "kind": kind,
        "assignment": "Loops",
        "grade_before": before,
        "grade_after": after,
        "band_before": "medium",
        "band_after": "high",
        "records": 46 if kind == "left" else None,
    }
    assert " ".join(filter(None, changes.describe_change(row))) == sentence
    assert kind in changes.KINDS


def test_records_that_were_set_aside_are_listed_with_their_reason(
    followed: tuple[Running, Workspace],
) -> None:
    school, workspace = followed
    school.faults.add(Fault("rows", "*/progressions", edit="grade_text", first=2, times=None))
    workspace.prepare_sync(asked_by="test", full=True).run()
    test = page("classes", unfold=["sync-details"])
    assert not test.exception
    assert "Records that were set aside" in [heading.value for heading in test.header]
    assert set(test.dataframe[1].value["reason"]) == {"grade is not a number"}
    assert set(test.dataframe[1].value["class_name"]) == {"Alpha"}
    student_id = next(filter(None, (record.student_id for record in Reader(workspace, OWNER).quarantined())))
    of_student = page("student", {"student": student_id})
    assert any("what OpenClass sent cannot be used" in warning.value for warning in of_student.warning)


def test_removing_much_waits_for_a_yes(followed: tuple[Running, Workspace]) -> None:
    school, workspace = followed
    alpha = upstream_id(workspace)
    for row in school.school.rows(alpha)[:20]:
        school.school.drop_row(alpha, str(row_id(row)))
    for _ in range(2):
        workspace.prepare_sync(asked_by="test", full=True).run()
    test = page("classes")
    assert "no longer has 20 of the 43 records" in shown(test)
    next(button for button in test.button if button.label == "Remove them here too").click().run()
    assert not test.exception
    wait_until_idle(workspace)
    assert workspace.cohorts.class_data("alpha").progressions.shape[0] == 23
    test = page("classes", unfold=["sync-details"])
    assert "Remove them here too" not in [button.label for button in test.button]
    assert test.dataframe[0].value["removed"][0] == 20


def test_read_everything_reads_everything(followed: tuple[Running, Workspace]) -> None:
    _, workspace = followed
    buttons = page("classes", unfold=["sync-details"]).button
    next(button for button in buttons if button.label == "Download everything again").click().run()
    wait_until_idle(workspace)
    job = workspace.jobs(1)[0]
    assert job.is_full
    assert job.runs[0].records == 43


def test_the_automatic_sync_as_text() -> None:
    every = timedelta(minutes=30)
    plan = Plan(every, NOW + timedelta(minutes=12))
    assert sync_panel.plan_text(plan, NOW) == "Syncs automatically, next in 12 minutes."
    failed = Plan(every, NOW + timedelta(hours=2), 3, "No network.")
    assert sync_panel.plan_text(failed, NOW) == (
        "The automatic sync has failed 3 times in a row: No network. It tries again in 2 hours."
    )


def test_an_automatic_sync_that_fails_is_shown_on_every_page(
    practised: Workspace, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = Schedule(timedelta(hours=1), lambda: practised.jobs(1)[0])
    schedule.plan = Plan(timedelta(hours=1), datetime.now(UTC) + timedelta(hours=4), 2, EVIL)
    monkeypatch.setattr(practised, "_schedule", schedule)
    use(practised)
    (warning,) = [element.value for element in page("trends").sidebar.warning]
    assert warning.endswith("It tries again in 4 hours\\.")
    assert "![" not in warning


def test_until_as_text() -> None:
    steps = [timedelta(seconds=10), timedelta(minutes=5), timedelta(minutes=90), timedelta(days=3)]
    assert [text.until(NOW + step, NOW) for step in steps] == [
        "now",
        "in 5 minutes",
        "in 2 hours",
        "in 3 days",
    ]
    assert text.until(NOW - timedelta(hours=1), NOW) == "now"
