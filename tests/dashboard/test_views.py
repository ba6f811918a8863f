"""The pages of a student, of an assignment and of the whole class; filters and pseudonyms."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import get_args
from urllib.parse import parse_qs

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from cohort_core import practice
from cohort_core.charts.vega import whole_spec
from cohort_core.dashboard.sections import headline, matrix, student, student_filter
from cohort_core.metrics.groups import groups
from cohort_core.practice.server import Running
from cohort_core.reports import catalog, row_models
from cohort_core.reports.labels import STATES, STUDENT_STATES
from cohort_core.services.workspace import Workspace
from tests.conftest import sample
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
    test = page("assignment", {"class": big, "assignment": first["assignment_id"], "state": "all"})
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
    cells = matrix.cells(cohort, matrix.order_students(cohort, "name").frame)
    assert len(cells) == len(cohort.students) * len(cohort.assignments)
    counts = cells["state"].value_counts()
    blockers = catalog.blockers(cohort).frame
    assert counts["completed"] == blockers["completed"].sum()
    assert counts["stuck"] == blockers["stuck"].sum()
    assert counts["in_progress"] + counts["stuck"] == blockers["in_progress"].sum()
    assert cells["number"].tolist()[: len(cohort.assignments)] == list(range(1, len(cohort.assignments) + 1))
    names = cells["name"].str.casefold().tolist()
    assert names == sorted(names)


def test_the_matrix_is_also_a_table_with_sections_over_the_names(big: str, practised: Workspace) -> None:
    cohort = practised.cohorts.cohort(big)
    test = page("matrix", {"class": big, "order": "name"}, unfold=["matrix-table"])
    assert not test.error
    table = test.dataframe[0].value
    assert table.shape == (len(cohort.students), len(cohort.assignments))
    assert set(table.columns.get_level_values(0)) == set(cohort.assignments["section"])
    assert table.columns.get_level_values(1).tolist() == cohort.assignments["name"].tolist()
    blockers = catalog.blockers(cohort).frame
    texts = pd.Series(table.to_numpy().ravel())
    assert (texts == "Stuck").sum() == blockers["stuck"].sum()
    assert texts.str.startswith("Completed").sum() == blockers["completed"].sum()


def test_sections_stand_above_the_names_of_their_assignments(big: str, practised: Workspace) -> None:
    cohort = practised.cohorts.cohort(big)
    chart = matrix.chart(cohort, matrix.order_students(cohort, "risk").frame)
    layers = whole_spec(chart)["layer"]
    texts = {
        layer["encoding"]["text"]["field"]: layer["data"]["values"]
        for layer in layers
        if layer["mark"]["type"] == "text" and layer["encoding"]["text"]["field"] != "mark"
    }
    assert [row["assignment"] for row in texts["assignment"]] == cohort.assignments["name"].tolist()
    assert [row["short"] for row in texts["short"]][:3] == ["Week 1", "Week 2", "Week 3"]


def test_a_large_class_is_cut_to_what_a_browser_can_draw(
    big: str, practised: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "MAX_STUDENTS", 10)
    cohort = practised.cohorts.cohort(big)
    cells = matrix.cells(cohort, matrix.order_students(cohort, "risk").frame)
    assert cells["student_id"].nunique() == 10
    assert "The first 10 of 63 students" in shown(page("matrix", {"class": big}))


# Filters


def test_a_type_and_a_day_narrow_every_page_and_stay(big: str, practised: Workspace) -> None:
    day = (practised.cohorts.cohort(big).local_date - timedelta(days=21)).isoformat()
    test = page("blockers", {"class": big, "as_of": day})
    test.sidebar.selectbox(key="type-widget").set_value(digest("quiz")).run()
    assert not test.exception
    assert test.query_params["as_of"] == day
    chosen = test.query_params["type"]
    assert "as it was at the end of" in test.text[0].value
    for link in test.sidebar.get("page_link"):
        assert f"as_of={day}" in link.proto.query_string
        assert f"type={chosen}" in link.proto.query_string
    cohort = practised.cohorts.cohort(big, as_of=day)
    assert len(test.dataframe[0].value) == (cohort.assignments["type"] == "quiz").sum()
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
    entries = [row for row in catalog.triage(active, 50).records() if row["student_id"]][:7]
    links = test.main.get("page_link")
    for row in entries:
        assert any(f"student={row['student_id']}" in link.proto.query_string for link in links)
        assert row["class_name"] in shown(test)


def listed(test: AppTest) -> list[str]:
    """Return the ids of the listed students."""
    queries = [parse_qs(link.proto.query_string) for link in test.main.get("page_link")]
    return [query["student"][0] for query in queries if "student" in query]


def test_a_student_who_is_behind_and_silent_is_listed_once(practised: Workspace, use: Use) -> None:
    use(practised)
    were_both = 0
    for status in practised.cohorts.statuses(active_only=True):
        names = [None, *(group.id for group in groups(practised.cohorts.cohort(status.id)))]
        for group in sample(names, 2):
            test = page(
                "overview", {"class": status.id, "scope": "this"} | ({"group": group} if group else {})
            )
            assert not test.exception
            assert not test.error
            popovers = [element.proto.popover for element in test.get("popover")]
            cohort = practised.cohorts.cohort(status.id, group=group)
            rows = catalog.triage([practised.cohorts.cohort(status.id)], limit=500).records()
            mine = [row for row in rows if row["student_id"] in set(cohort.students.index)][:7]
            assert listed(test)[: len(mine)] == [row["student_id"] for row in mine]
            were_both += sum(bool(row["also"]) for row in mine)
            assert len([popover for popover in popovers if popover.label.startswith("Message")]) == len(mine)
    assert were_both


def test_twenty_more_come_with_each_press_and_never_all(big: str) -> None:
    test = page("overview", {"class": big, "scope": "all"})
    first = listed(test)[:7]
    (more,) = [button for button in test.button if button.label.endswith(" more")]
    left = next(caption.value for caption in test.caption if caption.value.startswith("Not shown yet"))
    more.click().run()
    assert not test.exception
    assert listed(test)[:7] == first
    assert len(set(listed(test)[:27])) == 27
    assert next(c.value for c in test.caption if c.value.startswith("Not shown yet")) != left


def test_this_class_is_remembered_on_the_way_to_another_page_and_back(big: str) -> None:
    test = page("overview", {"class": big})
    test.button_group(key="scope-widget").set_value("this").run()
    assert test.query_params["scope"] == "this"
    again = page("overview", {"class": big}, state={"scope-chosen": "this"})
    assert again.button_group(key="scope-widget").value == "this"


@pytest.mark.parametrize("scope", ["this", "all"])
def test_a_student_is_hidden_and_listed_again(big: str, practised: Workspace, scope: str) -> None:
    def messages(test: AppTest) -> list[str]:
        """Return class and student of each row, as the keys of its widgets end."""
        queries = [parse_qs(link.proto.query_string) for link in test.main.get("page_link")]
        return [f"{query['class'][0]}-{query['student'][0]}" for query in queries if "student" in query][:7]

    query = {"class": big, "scope": scope}
    before = messages(page("overview", query))
    test = page("overview", query, unfold=[f"message-{before[0]}"])
    first = test.menu_button(key=f"hide-{before[0]}")
    assert first.options == [
        "Until tomorrow",
        "For a week",
        "Until they come back",
        "For good",
        "Wrongly listed",
    ]
    first.click("today").run()
    assert not test.exception
    (today_hide,) = practised.cohorts.load_hides()
    tomorrow = datetime.now(practised.cohorts.cohort(big).tz).date() + timedelta(days=1)
    assert (today_hide.kind, today_hide.until) == ("done", tomorrow)
    assert f"{today_hide.class_id}-{today_hide.student_id}" == before[0]
    assert before[0] not in messages(test)
    assert [element.value for element in test.text if ": until " in element.value]
    assert [element.value for element in test.caption if " is hidden until " in element.value]
    (again,) = [button for button in test.button if button.label.startswith("Show again")]
    again.click().run()
    assert practised.cohorts.load_hides() == []
    assert messages(test) == before
    for chosen, row in (("week", before[0]), ("exempt", before[1])):
        test = page("overview", query, unfold=[f"message-{row}"])
        test.menu_button(key=f"hide-{row}").click(chosen).run()
    week, exempt = sorted(practised.cohorts.load_hides(), key=lambda hide: hide.kind)
    assert (exempt.kind, exempt.until) == ("exempt", None)
    assert week.until == tomorrow + timedelta(days=6)
    for hide in (exempt, week):
        practised.show_again(hide.class_id, hide.student_id)


def test_undo_brings_back_the_hide_of_before(big: str, practised: Workspace) -> None:
    student = catalog.student_health(practised.cohorts.cohort(big)).frame["student_id"].iloc[0]
    practised.hide_student(big, student, "done", reason="until_active", who="account:ana")
    (before,) = practised.cohorts.load_hides()
    test = page("student", {"class": big, "student": student})
    test.menu_button(key=f"hide-{big}-{student}").click("exempt").run()
    assert practised.cohorts.load_hides()[0].kind == "exempt"
    test.button(key="undo").click().run()
    assert not test.exception
    assert practised.cohorts.load_hides() == [before]


def test_the_headline_compares_with_a_week_ago(big: str, practised: Workspace) -> None:
    cohort = practised.cohorts.cohort(big)
    then = catalog.progress_summary(
        practised.cohorts.cohort(big, cohort.as_of - pd.Timedelta(days=7))
    ).record()
    now = catalog.progress_summary(cohort).record()
    # The difference of the two percentages that are shown.
    before, after = (math.floor(100 * row["avg_completion"] + 0.5) for row in (then, now))
    label, _, change, _ = headline.figures_of(now, then)[0]
    assert (label, change) == ("Average completion", f"{after - before:+} points")
    assert f"{change} in a week" in shown(page("overview", {"class": big}))


@pytest.mark.parametrize(
    ("alarm", "share", "text"),
    [(True, 0.4, "slowed down"), (False, 0.79, "slower"), (False, 0.8, "usual"), (False, 1.3, "Faster")],
)
def test_the_verdict_says_how_the_class_moves(alarm: bool, share: float, text: str) -> None:
    row = {"alarm": alarm, "share": share, "velocity": 1.04, "usual_velocity": 4.2}
    assert text in headline.verdict_text(row)
    assert "1.0 completions per student last week, usually 4.2" in headline.verdict_text(row)
    assert "early" in headline.verdict_text({"alarm": False, "share": None, "velocity": 1.0})
    assert "no week is over" in headline.verdict_text({"alarm": False, "share": None, "velocity": None})
