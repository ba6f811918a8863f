"""The pages of a student, of an assignment and of the whole class; filters and pseudonyms."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import get_args

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from cohort_core import practice
from cohort_core.dashboard.sections import headline, matrix, student, student_filter
from cohort_core.metrics.groups import groups
from cohort_core.practice.server import Running
from cohort_core.reports import catalog, row_models
from cohort_core.reports.labels import STATES, STUDENT_STATES
from cohort_core.services.workspace import Workspace
from tests.dashboard.conftest import DATA_PAGES, EVIL, Use, page, shown


def everything(test: AppTest) -> str:
    """Return all that the page sends to the browser, except charts."""
    links = [f"{link.proto.label} {link.proto.query_string}" for link in test.get("page_link")]
    boxes = [str(box.options) for box in test.selectbox]
    return "\n".join([shown(test), *links, *boxes, *(frame.value.to_csv() for frame in test.dataframe)])


# One student, one assignment


def test_the_page_of_a_student_agrees_with_the_reports(big: str, practised: Workspace) -> None:
    cohort = practised.cohorts.cohort(big)
    # The day on which the practice school is made decides which students are stuck.
    health = next(row for row in catalog.student_health(cohort).records()[5:] if row["stuck"])
    test = page(
        "student",
        {"class": big, "student": health["student_id"]},
        unfold=["every-assignment", "what-they-did"],
    )
    assert not test.exception
    assert test.header[0].value == health["name"]
    metrics = {metric.label: metric.value for metric in test.metric}
    assert metrics["Completed"] == f"{health['completed']} of {health['total']}"
    assert metrics["Risk"] == f"{health['risk_score']:.0f} points"
    assert health["reasons"][0] in shown(test)
    every = catalog.student_assignments(cohort, health["student_id"]).frame
    assert len(test.dataframe[-2].value) == len(every)
    assert len(test.dataframe[-1].value) == len(catalog.student_timeline(cohort, health["student_id"]).frame)
    assert test.dataframe[0].value["name"].tolist() == student.stuck(every)["name"].tolist()


def test_a_student_is_chosen_by_name_and_kept_in_the_address(big: str, practised: Workspace) -> None:
    wanted = practised.cohorts.cohort(big).students.index[3]
    test = page("student", {"class": big})
    assert not test.metric
    test.selectbox(key="student-widget").set_value(wanted).run()
    assert test.query_params["student"] == wanted
    assert test.metric


@pytest.mark.parametrize("name", ["student", "assignment"])
def test_an_id_outside_the_class_gives_a_sentence(big: str, name: str) -> None:
    test = page(name, {"class": big, name: "nobody"})
    assert not test.exception
    assert f"This {name} is not in the class" in shown(test)


def test_the_page_of_an_assignment_agrees_with_the_reports(big: str, practised: Workspace) -> None:
    cohort = practised.cohorts.cohort(big)
    first = catalog.blockers(cohort).records()[0]
    test = page("assignment", {"class": big, "assignment": first["assignment_id"]})
    assert not test.exception
    assert test.header[0].value == first["name"]
    states = test.dataframe[0].value["state"]
    assert (states == "Completed").sum() == first["completed"]
    assert states.str.startswith("Stuck").sum() == first["stuck"]


@pytest.mark.parametrize("name", ["student", "assignment"])
def test_evil_names_stay_names_there(hostile: Workspace, use: Use, name: str) -> None:
    use(hostile)
    cohort = hostile.cohorts.cohort("evil")
    identity = (cohort.students if name == "student" else cohort.assignments).index[1]
    test = page(name, {name: str(identity)}, unfold=["every-assignment"])
    assert not test.exception
    for element in [*test.header, *test.markdown, *test.caption, *test.metric]:
        assert "127.0.0.1:9" not in str(element.value)
    for element in test.html:
        assert "<script>" not in element.value.replace("<style>", "")
    assert all(shown.startswith(EVIL) for shown in test.dataframe[0].value["name"])


def test_pace_and_forecast_as_text() -> None:
    assert [student.pace_text(percentile) for percentile in (None, 0.0, 0.5, 1.0)] == [
        "–",
        "First fifth",
        "In the middle",
        "Last fifth",
    ]
    on = {"finishes_on": "2027-02-01"}
    assert student.forecast_text(on | {"outcome": "date"}) == "1 Feb 2027"
    assert student.forecast_text(on | {"outcome": "finished"}) == "Done, 1 Feb 2027"
    assert student.forecast_text({"outcome": "not_at_this_pace"}) == "Not at this pace"


def test_every_state_has_a_word() -> None:
    assert set(STUDENT_STATES) == set(get_args(row_models.State))
    assert set(STATES) == set(get_args(row_models.Status))


# Student risk


def test_students_are_found_by_band_stage_and_name(big: str, practised: Workspace) -> None:
    health = catalog.student_health(practised.cohorts.cohort(big)).frame
    test = page("risk", {"class": big, "stage": "cooling"})
    assert len(test.dataframe[0].value) == (health["stage"] == "cooling").sum()
    silent = page("risk", {"class": big, "stage": student_filter.ENGAGEMENT_GAP}).dataframe[0].value
    assert set(silent["name"]) == set(catalog.engagement_gap(practised.cohorts.cohort(big)).frame["name"])
    test.text_input(key="search").set_value("zzz nobody").run()
    assert "Nobody fits this choice" in shown(test)
    test.selectbox(key="stage-widget").set_value("all").run()
    test.text_input(key="search").set_value("maria pena").run()
    assert test.dataframe[0].value["name"].tolist() == ["María José de la Cruz y Peña"]
    assert test.query_params == {"class": big}


def test_names_are_compared_without_case_and_accents() -> None:
    assert student_filter.normalize("Łukasz JOSÉ") == "lukasz jose"


# Matrix


def test_the_matrix_has_every_student_and_assignment_in_its_state(big: str, practised: Workspace) -> None:
    cohort = practised.cohorts.cohort(big)
    cells = matrix.cells(matrix.order_students(cohort, "name").frame)
    assert len(cells) == len(cohort.students) * len(cohort.assignments)
    counts = cells["state"].value_counts()
    blockers = catalog.blockers(cohort).frame
    assert counts["completed"] == blockers["completed"].sum()
    assert counts["stuck"] == blockers["stuck"].sum()
    assert counts["in_progress"] + counts["stuck"] == blockers["in_progress"].sum()
    assert cells["number"].tolist()[: len(cohort.assignments)] == list(range(1, len(cohort.assignments) + 1))
    names = cells["name"].str.casefold().tolist()
    assert names == sorted(names)


def test_a_large_class_is_cut_to_what_a_browser_can_draw(
    big: str, practised: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "MAX_STUDENTS", 10)
    assert (
        matrix.cells(matrix.order_students(practised.cohorts.cohort(big), "risk").frame)[
            "student_id"
        ].nunique()
        == 10
    )
    assert "The first 10 of 63 students" in shown(page("matrix", {"class": big}))


# Filters


def test_a_type_and_a_day_narrow_every_page_and_stay(big: str, practised: Workspace) -> None:
    day = (practised.cohorts.cohort(big).local_date - timedelta(days=21)).isoformat()
    test = page("blockers", {"class": big, "as_of": day}, unfold=["not-ranked"])
    test.sidebar.selectbox(key="type-widget").set_value(digest("quiz")).run()
    assert not test.exception
    assert test.query_params["as_of"] == day
    chosen = test.query_params["type"]
    assert "as it was at the end of" in test.text[0].value
    for link in test.sidebar.get("page_link"):
        assert f"as_of={day}" in link.proto.query_string
        assert f"type={chosen}" in link.proto.query_string
    ranked, unranked = test.dataframe[0].value, test.dataframe[1].value
    cohort = practised.cohorts.cohort(big, as_of=day)
    assert len(ranked) + len(unranked) == (cohort.assignments["type"] == "quiz").sum()
    for name in DATA_PAGES:
        assert not page(name, {"class": big, "as_of": day, "type": chosen}).exception


def digest(name: str) -> str:
    return blake2b(name.encode(), digest_size=4).hexdigest()


@pytest.mark.parametrize(
    "query", [{"type": "x"}, {"as_of": "yesterday"}, {"as_of": "1066-10-14"}, {"as_of": "9999-12-31"}]
)
def test_a_filter_that_means_nothing_is_left_out(big: str, query: dict[str, str]) -> None:
    test = page("overview", {"class": big} | query)
    assert not test.exception
    assert not test.error
    assert test.query_params == {"class": big}


def test_a_day_before_everything_is_no_error(big: str) -> None:
    for name in DATA_PAGES:
        test = page(name, {"class": big, "as_of": "2001-01-01"})
        assert not test.exception
        assert not test.error


def test_the_day_is_chosen_in_the_sidebar_and_taken_back(big: str, practised: Workspace) -> None:
    test = page("trends", {"class": big})
    day = practised.cohorts.cohort(big).local_date - timedelta(days=7)
    test.sidebar.date_input(key="as_of-widget").set_value(day).run()
    assert test.query_params["as_of"] == day.isoformat()
    test.sidebar.date_input(key="as_of-widget").set_value(None).run()
    assert "as_of" not in test.query_params


# Anonymous


@pytest.mark.parametrize("name", DATA_PAGES)
def test_no_name_is_left_in_anonymous_mode(big: str, practised: Workspace, name: str) -> None:
    cohort = practised.cohorts.cohort(big)
    query = {"class": big, "anonymous": "1"}
    if name == "student":
        query["student"] = str(cohort.students.index[5])
    if name == "assignment":
        query["assignment"] = str(cohort.assignments.index[5])
    test = page(name, query)
    assert not test.exception
    assert test.sidebar.toggle(key="anonymous-widget").value
    page_text = everything(test)
    for last_name in cohort.students["last_name"].dropna():
        assert f" {last_name}" not in page_text
    for real in cohort.students.index:
        assert real not in page_text
        assert real not in str(test.query_params)
    for link in test.sidebar.get("page_link"):
        assert "anonymous=1" in link.proto.query_string
    if name == "student":
        assert test.metric


def test_the_mentor_is_not_named_either(workspace: Workspace, school: Running, use: Use) -> None:
    workspace.connect(
        api_base=school.url,
        app_id=practice.APP_ID,
        origin=practice.ORIGIN,
        email=practice.EMAIL,
        password=practice.PASSWORD,
        asked_by="test",
    )
    use(workspace)
    for anonymous in (True, False):
        test = page("connect", {"anonymous": "1"} if anonymous else {})
        page_text = shown(test) + "".join(field.value or "" for field in test.text_input)
        assert (practice.EMAIL in page_text) is not anonymous


# Overview


def test_all_classes_are_looked_at_unless_a_group_is_picked(big: str, practised: Workspace) -> None:
    test = page("overview", {"class": big})
    active = [practised.cohorts.cohort(status.id) for status in practised.cohorts.statuses(active_only=True)]
    entries = catalog.triage(active, 7).records()
    links = test.main.get("page_link")
    for row in entries:
        if row["student_id"] is not None:
            assert any(f"student={row['student_id']}" in link.proto.query_string for link in links)
        assert row["class_name"] in shown(test)


def test_a_student_who_is_behind_and_silent_is_listed_once(practised: Workspace, use: Use) -> None:
    use(practised)
    were_both = 0
    for status in practised.cohorts.statuses(active_only=True):
        for group in [None, *(group.id for group in groups(practised.cohorts.cohort(status.id)))]:
            test = page(
                "overview", {"class": status.id, "scope": "this"} | ({"group": group} if group else {})
            )
            assert not test.exception
            assert not test.error
            keys = [button.key for button in test.menu_button]
            cohort = practised.cohorts.cohort(status.id, group=group)
            listed = {key.removeprefix(f"hide-{status.id}-") for key in keys if key}
            were_both += len(listed & set(catalog.engagement_gap(cohort).frame["student_id"]))
    assert were_both


@pytest.mark.parametrize("scope", ["this", "all"])
def test_a_student_is_hidden_and_listed_again(big: str, practised: Workspace, scope: str) -> None:
    test = page("overview", {"class": big, "scope": scope})
    first = test.menu_button[0]
    assert first.options == [
        "Until tomorrow",
        "For a week",
        "Until they come back",
        "For good",
        "Wrongly listed",
    ]
    listed = [menu.key for menu in test.menu_button]
    first.click("today").run()
    assert not test.exception
    (today_hide,) = practised.cohorts.load_hides()
    tomorrow = datetime.now(practised.cohorts.cohort(big).tz).date() + timedelta(days=1)
    assert (today_hide.kind, today_hide.until) == ("done", tomorrow)
    assert first.key == f"hide-{today_hide.class_id}-{today_hide.student_id}"
    assert first.key not in [menu.key for menu in test.menu_button]
    assert [element.value for element in test.text if ": until " in element.value]
    assert [element.value for element in test.caption if " is hidden until " in element.value]
    (again,) = [button for button in test.button if button.label == "Show again"]
    again.click().run()
    assert practised.cohorts.load_hides() == []
    assert [menu.key for menu in test.menu_button] == listed
    test.menu_button[1].click("week").run()
    test.menu_button[1].click("exempt").run()
    exempt, week = practised.cohorts.load_hides()
    assert (exempt.kind, exempt.until) == ("exempt", None)
    assert week.until == tomorrow + timedelta(days=6)
    for hide in (exempt, week):
        practised.show_again(hide.class_id, hide.student_id)


def test_the_headline_compares_with_a_week_ago(big: str, practised: Workspace) -> None:
    cohort = practised.cohorts.cohort(big)
    then = catalog.progress_summary(
        practised.cohorts.cohort(big, cohort.as_of - pd.Timedelta(days=7))
    ).record()
    now = catalog.progress_summary(cohort).record()
    (metric,) = [
        metric for metric in page("overview", {"class": big}).metric if metric.label == "Average completion"
    ]
    # The difference of the two percentages that are shown.
    before, after = (math.floor(100 * row["avg_completion"] + 0.5) for row in (then, now))
    assert metric.delta == f"{after - before:+} points"


def test_the_alarm_says_what_it_compares() -> None:
    def script() -> None:
        from cohort_core.dashboard.sections import headline

        headline.show_pace({"alarm": True, "velocity": 1.04, "usual_velocity": 4.2})

    assert r"1\.0 completions a student" in AppTest.from_function(script).run().warning[0].value


@pytest.mark.parametrize(
    ("alarm", "share", "text"),
    [(True, 0.4, "slowed down"), (False, 0.79, "slower"), (False, 0.8, "usual"), (False, 1.3, "faster")],
)
def test_the_verdict_says_how_the_class_moves(alarm: bool, share: float, text: str) -> None:
    assert text in headline.verdict_text({"alarm": alarm, "share": share})
    assert "early" in headline.verdict_text({"alarm": False, "share": None})
    assert headline.pace_text({"velocity": None}) == "No week is over yet."
