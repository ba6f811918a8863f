"""Every page run cold: its content, names that look like markup, and pages without data."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.runtime.fragment import MemoryFragmentStorage
from streamlit.testing.v1 import AppTest

from cohort_core import formatting
from cohort_core.config.paths import Home
from cohort_core.dashboard.components import text
from cohort_core.dashboard.errors import UNEXPECTED
from cohort_core.export import handover
from cohort_core.practice.server import Running
from cohort_core.reports import catalog
from cohort_core.services.contact_frame import contact_frame
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import set_active
from cohort_core.store.roster import Enrolment
from cohort_core.store.roster_imports import save_roster
from tests.conftest import sample
from tests.dashboard.conftest import DATA_PAGES, EVIL, LINKED, PAGES, PROJECT, Use, page, shown


@pytest.mark.parametrize("name", PAGES)
def test_a_page_run_cold_has_its_title_and_the_whole_sidebar(big: str, name: str) -> None:
    test = page(name, {"class": big})
    assert not test.exception
    assert [title.value for title in test.title] == [
        {"risk": "Student risk"}.get(name, name.capitalize().replace("_", " ")),
    ]
    assert len(test.sidebar.get("page_link")) == len(LINKED)
    assert test.sidebar.selectbox(key="class-widget").value == big
    assert test.sidebar.button(key="sync-now").label == "Sync now"
    assert not test.error


@pytest.mark.parametrize(
    "name", sample(["overview", "settings/drafts", "handover", "student", *PAGES, "settings/thresholds"], 4)
)
def test_no_part_that_reruns_alone_is_inside_another(
    big: str, practised: Workspace, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # When the outer part reruns before its last answer was sent, the browser gets the rest of the inner
    # one without the place for it, and shows a broken page.
    inside: list[str] = []
    register = MemoryFragmentStorage.register

    def note(
        self: MemoryFragmentStorage,
        key: str,
        fragment: Any,
        *,
        parent_fragment_id: str | None = None,
        **rest: Any,
    ) -> None:
        register(self, key, fragment, parent_fragment_id=parent_fragment_id, **rest)
        if parent_fragment_id is not None:
            inside.append(key)

    monkeypatch.setattr(MemoryFragmentStorage, "register", note)
    students = catalog.student_health(practised.cohorts.cohort(big)).frame["student_id"]
    name, _, section = name.partition("/")
    keys = ("handover-students", "matrix-table", "more-praise", "more-not", "all-changes", "every-assignment")
    unfold = [*keys, "contacts-by-kind", "what-they-did", "numbers", "write-to", f"download-{name}"]
    query = {"class": big, "student": students.iloc[0], "part": section}
    test = page(name, {key: value for key, value in query.items() if value}, unfold)
    assert not test.exception
    assert not inside


def test_the_entry_shows_the_overview(big: str) -> None:
    test = AppTest.from_file(PROJECT / "app.py", default_timeout=20).run()
    assert not test.exception
    assert test.title[0].value == "Overview"


def test_overview_agrees_with_the_reports(big: str, practised: Workspace) -> None:
    test = page("overview", {"class": big, "scope": "this"})
    summary = catalog.progress_summary(practised.cohorts.cohort(big)).record()
    strip = next(element.value for element in test.html if "ct-strip" in element.value)
    for label, value in (
        ("Students", str(summary["total_students"])),
        ("Average completion", formatting.percent(summary["avg_completion"])),
        ("Average grade", formatting.percent(summary["avg_grade"])),
    ):
        assert f"<dt>{label}</dt><dd>{value} " in strip
    assert "Last sync" not in strip
    entries = [
        row
        for row in catalog.triage([practised.cohorts.cohort(big)], limit=7).records()
        if row["student_id"] is not None
    ]
    assert [link.proto.label for link in test.main.get("page_link")][: len(entries)] == [
        text.literal(row["name"]) for row in entries
    ]
    for row in entries:
        assert text.markup(row["brief"]) in shown(test)


def stuck_lists(test: AppTest) -> list[str]:
    """Return the ids of the assignments under which names of stuck students stand."""
    keys = [str(pill.key) for pill in test.main.button_group]
    return [key.removeprefix("stuck-") for key in keys if key.startswith("stuck-")]


def test_blockers_has_a_single_ranking_and_says_how_it_is_made(big: str, practised: Workspace) -> None:
    test = page("blockers", {"class": big})
    assert not test.exception
    cohort = practised.cohorts.cohort(big)
    assert "First comes the assignment in which the largest share" in shown(test)
    stuck = stuck_lists(test)
    ranked = catalog.reteach(cohort).frame
    assert stuck == ranked["assignment_id"].head(10).tolist()
    more = next(button for button in test.main.button if button.label.endswith("more assignments"))
    test = more.click().run()
    assert len(stuck_lists(test)) == min(20, len(ranked))
    every = test.dataframe[0].value
    assert every["name"].tolist() == cohort.assignments["name"].tolist()


def test_an_assignment_shows_who_is_in_each_state(big: str, practised: Workspace) -> None:
    cohort = practised.cohorts.cohort(big)
    assignment_id = catalog.reteach(cohort).frame["assignment_id"].iloc[0]
    students = catalog.assignment_students(cohort, assignment_id).frame
    query = {"class": big, "assignment": assignment_id}
    test = page("assignment", query)
    stuck = students.loc[students["state"] == "stuck", "name"].tolist()
    assert test.dataframe[0].value["name"].tolist() == stuck
    assert f"{len(stuck)} students are stuck" in shown(test)
    assert f"Write to {len(stuck)}" in [expander.label for expander in test.expander]
    for state in students["state"].unique():
        test = page("assignment", query | {"state": state})
        assert (
            test.dataframe[0].value["name"].tolist()
            == students.loc[students["state"] == state, "name"].tolist()
        ), state
    assert len(page("assignment", query | {"state": "all"}).dataframe[0].value) == len(students)


def test_risk_is_ranked_filtered_and_does_not_claim_too_much(big: str, practised: Workspace) -> None:
    health = catalog.student_health(practised.cohorts.cohort(big)).frame
    test = page("risk", {"class": big})
    assert test.dataframe[0].value["name"].tolist() == health["name"].tolist()
    assert "does not foresee who will drop out" in shown(test)
    assert "not safe" in shown(test)
    test.button_group(key="band-widget").set_value("critical").run()
    assert len(test.dataframe[0].value) == int((health["risk"] == "critical").sum())
    test.button_group(key="band-widget").set_value("low").run()
    rows = test.dataframe[0].value
    assert set(rows["risk"]) == {"○ On pace", "○ On pace so far"}
    # Beside a silence or an assignment that holds them up it is not said that they keep pace.
    has_stopped = (rows["days_silent"] >= 7) | (rows["stuck"] > 0)
    assert set(rows["risk"][has_stopped]) == {"○ On pace so far"}
    assert set(rows["risk"][~has_stopped & rows["days_silent"].notna()]) == {"○ On pace"}


def test_on_pace_never_stands_alone_beside_a_silence(big: str, practised: Workspace) -> None:
    cohort = practised.cohorts.cohort(big)
    health = catalog.student_health(cohort).frame
    chosen = health[(health["risk"] == "low") & health["stage"].isin(["cooling", "quiet"])].iloc[0]
    overview = page("overview", {"class": big, "scope": "this"})
    for _ in range(20):
        if not (more := [button for button in overview.main.button if str(button.key).startswith("more-")]):
            break
        overview = more[0].click().run()
    marks = [html.value for html in overview.main.html if "ct-band" in html.value and "○" in html.value]
    assert marks
    assert all("On pace so far" in mark for mark in marks)
    head = next(
        html.value
        for html in page("student", {"class": big, "student": chosen["student_id"]}).html
        if "ct-line" in html.value
    )
    assert "On pace so far" in head
    lines = handover.content(cohort, contact_frame([]), [], [])["students"]
    assert next(item for item in lines if item["name"] == chosen["name"])["lines"][0].startswith(
        "On pace so far; "
    )


def test_trends_shows_every_week(big: str, practised: Workspace) -> None:
    test = page("trends", {"class": big}, unfold=["numbers"])
    weeks = catalog.progress_over_time(practised.cohorts.cohort(big)).frame
    assert len(test.dataframe[-1].value) == len(weeks)
    assert len(test.get("vega_lite_chart")) == 7


def test_classes_lists_all_classes_and_the_results_of_syncs(big: str, practised: Workspace) -> None:
    test = page("classes")
    assert len(test.main.toggle) == len(practised.cohorts.statuses())
    # The details are for somebody who looks for the reason of a number.
    assert not test.dataframe
    assert "3,781 records" not in shown(test)
    test = page("classes", unfold=["sync-details"])
    syncs = test.dataframe[0].value
    assert set(syncs["result"]) == {"Done"}
    assert set(syncs["kind"]) == {"Everything"}
    assert syncs.set_index("class_name")["records"]["Software Development, Cohort 12"] == 3781


# Class and group in the address


def test_the_address_chooses_class_and_group_and_links_keep_them(big: str, practised: Workspace) -> None:
    from cohort_core.metrics.groups import groups

    group = groups(practised.cohorts.cohort(big))[0]
    test = page("risk", {"class": big, "group": group.id})
    assert len(test.dataframe[0].value) == group.students
    for link in test.sidebar.get("page_link"):
        assert f"class={big}" in link.proto.query_string
        assert f"group={group.id}" in link.proto.query_string


def test_choosing_another_class_changes_the_address_and_forgets_the_group(
    big: str, practised: Workspace
) -> None:
    from cohort_core.metrics.groups import groups

    other = next(status.id for status in practised.cohorts.statuses(active_only=True) if status.id != big)
    test = page("overview", {"class": big, "group": groups(practised.cohorts.cohort(big))[0].id})
    test.sidebar.selectbox(key="class-widget").set_value(other).run()
    assert test.query_params == {"class": other}
    assert test.text[0].value == next(
        status.name for status in practised.cohorts.statuses() if status.id == other
    )


def test_choosing_a_group_narrows_the_page(big: str, practised: Workspace) -> None:
    from cohort_core.metrics.groups import groups

    group = groups(practised.cohorts.cohort(big))[0]
    test = page("overview", {"class": big})
    test.sidebar.selectbox(key="group-widget").set_value(group.id).run()
    assert test.query_params == {"class": big, "group": group.id}
    assert f"<dt>Students</dt><dd>{group.students} " in shown(test)


def test_an_address_may_name_a_class_by_its_friendly_id(big: str, practised: Workspace) -> None:
    wanted = next(status for status in practised.cohorts.statuses(active_only=True) if status.id != big)
    assert wanted.friendly_id
    test = page("overview", {"class": wanted.friendly_id})
    assert not test.info
    assert test.query_params == {"class": wanted.id}
    assert test.text[0].value == wanted.name


@pytest.mark.parametrize("query", [{"class": "nothing"}, {"group": "nothing"}])
def test_an_address_that_means_nothing_falls_back_with_a_notice(big: str, query: dict[str, str]) -> None:
    test = page("overview", {"class": big} | query)
    assert not test.exception
    assert "The address asks for a" in test.info[0].value
    assert "nothing" not in str(test.query_params)


# Names


@pytest.mark.parametrize("name", PAGES)
def test_an_evil_name_is_nowhere_read_as_markdown(hostile: Workspace, use: Use, name: str) -> None:
    use(hostile)
    test = page(name)
    assert not test.exception
    for element in [*test.title, *test.header, *test.markdown, *test.caption, *test.info, *test.metric]:
        assert "127.0.0.1:9" not in str(element.value)
    for element in test.html:
        assert "<script>" not in element.value.replace("<style>", "")
    if name in DATA_PAGES:
        assert EVIL in [text_element.value for text_element in test.text]
    for link in test.get("page_link"):
        assert "![" not in link.proto.label
    if name == "overview":
        assert "&lt;script&gt;alert(1)" in shown(test)


# Nothing to show


@pytest.mark.parametrize("name", ["blockers", "risk", "trends", "classes"])
def test_without_a_school_a_page_says_how_to_connect(workspace: Workspace, use: Use, name: str) -> None:
    use(workspace)
    test = page(name)
    assert not test.exception
    assert "does not know your school" in shown(test)
    assert test.sidebar.button(key="sync-now").disabled


def test_without_a_school_the_entry_leads_to_connect(workspace: Workspace, use: Use) -> None:
    use(workspace)
    test = AppTest.from_file(PROJECT / "app.py", default_timeout=20).run()
    assert not test.exception
    assert test.title[0].value == "Connect"
    assert [field.label for field in test.text_input] == ["Email", "Password"]
    test.selectbox[0].select("Another school").run()
    assert [field.label for field in test.text_input] == [
        "Address of OpenClass",
        "Application id",
        "Class site",
        "Email",
        "Password",
    ]


@pytest.mark.parametrize("name", DATA_PAGES)
def test_without_an_active_class_a_page_leads_to_classes(
    upstream_and_workspace: tuple[Running, Workspace], name: str
) -> None:
    test = page(name)
    assert not test.exception
    assert "You do not follow a class yet" in test.info[0].value


def test_a_class_whose_people_are_only_on_the_roster_says_so(
    upstream_and_workspace: tuple[Running, Workspace],
) -> None:
    school, workspace = upstream_and_workspace
    first = school.school.add_class("First day", units=[{"name": "Week 1", "assignments": ["a1"]}])
    workspace.refresh_classes()
    set_active(workspace.database, [first], active=True)
    workspace.prepare_sync(asked_by="test").run()
    people = [Enrolment(email=f"{name}@example.org", first_name=name) for name in ("Ana", "Bo", "Cy")]
    save_roster(workspace.database, {first: people})
    test = page("overview")
    assert not test.exception
    assert "3 students are on the roster" in test.info[0].value
    assert "no students" not in shown(test)


@pytest.mark.parametrize("name", DATA_PAGES)
def test_a_class_that_was_never_synced_says_so(
    upstream_and_workspace: tuple[Running, Workspace], name: str
) -> None:
    _, workspace = upstream_and_workspace
    set_active(workspace.database, ["alpha"], active=True)
    test = page(name)
    assert not test.exception
    assert "Press Sync now" in test.info[0].value


@pytest.mark.parametrize("name", DATA_PAGES)
def test_a_class_without_students_says_so(
    upstream_and_workspace: tuple[Running, Workspace], name: str
) -> None:
    _, workspace = upstream_and_workspace
    set_active(workspace.database, ["beta"], active=True)
    workspace.prepare_sync(asked_by="test").run()
    test = page(name)
    assert not test.exception
    assert "no students here yet" in test.info[0].value


# Something is wrong


@pytest.mark.parametrize("name", PAGES)
def test_a_database_of_tomorrow_is_a_sentence_and_the_links_stay(home: Home, use: Use, name: str) -> None:
    home.ensure()
    home.database.write_bytes(b"this is no database, but long enough to be looked at" * 50)
    use(Workspace(home))
    test = page(name)
    assert not test.exception
    assert "database" in test.error[0].value
    # There is one more link, to Connect, because there is no school yet.
    assert len(test.sidebar.get("page_link")) == len(LINKED) + 1


def test_an_unexpected_error_is_a_plain_sentence_without_data(
    big: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "Ada " + "Lovelace"

    def fail(*_: object) -> None:
        raise ZeroDivisionError(f"{secret} has no grade")

    monkeypatch.setattr(catalog, "student_health", fail)
    test = page("risk", {"class": big})
    assert not test.exception
    assert test.error[0].value.replace("\\", "") == UNEXPECTED
    assert "ZeroDivisionError" in caplog.text
    assert secret not in caplog.text
