"""The parts of a morning: the search, one message to several, the place in the list, weak grades."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd
import pytest

from cohort_core.clock import utc_now
from cohort_core.dashboard.sections import bulk, student
from cohort_core.export.tables import Table, csv_bytes
from cohort_core.reports import catalog
from cohort_core.services.workspace import Workspace
from cohort_core.store.hides import Kind
from tests.dashboard.conftest import EVIL, Use, page, shown


def test_a_first_name_is_filled_in_or_taken_out() -> None:
    assert bulk.fill_in("Hi {first_name},\nall well?", "Ana") == "Hi Ana,\nall well?"
    assert bulk.fill_in("Hi {first_name},\nall well?", None) == "Hi,\nall well?"
    assert bulk.fill_in("{first_name}!", "{first_name}") == "{first_name}!"


def test_one_email_goes_to_all_in_bcc_and_greets_nobody_by_name() -> None:
    address = bulk.bcc_address(["a@x.org", "b&c@x.org"], "How & when?", bulk.DRAFT)
    query = parse_qs(urlsplit(address).query)
    assert address.startswith("mailto:?bcc=")
    assert query["bcc"] == ["a@x.org,b&c@x.org"]
    assert query["subject"] == ["How & when?"]
    assert unquote(query["body"][0]).startswith("Hi,\n")


def test_the_file_for_a_mail_merge_has_a_message_for_each_and_no_formula(
    hostile: Workspace, use: Use
) -> None:
    use(hostile)
    cohort = hostile.cohorts.cohort("evil")
    lines = bulk.mail_lines(cohort, [*cohort.students.index[:2], "nobody"], "=1+1", "Hi {first_name}")
    assert [line.message for line in lines] == [f"Hi {EVIL}"] * 2
    written = csv_bytes(Table("mail_merge", bulk.MailLine, [vars(line) for line in lines])).decode()
    assert written.lstrip("\ufeff").splitlines()[0] == "name,email,subject,message"
    assert ",'=1+1," in written


def test_the_search_finds_by_email_and_without_accents_in_every_class(big: str, practised: Workspace) -> None:
    test = page("blockers", {"class": big})
    test.text_input(key="find").set_value("cruz pena").run()
    assert not test.exception
    # The only match opens at once; this test runner has no other page, so it stays.
    test = page("blockers", {"class": big})
    students = practised.cohorts.class_data(big).students
    first = students["first_name"].mode()[0]
    test.text_input(key="find").set_value(first.upper()).run()
    links = [parse_qs(link.proto.query_string) for link in test.sidebar.get("page_link")]
    hits = [query["student"][0] for query in links if "student" in query]
    assert set(students["student_id"][students["first_name"] == first]) <= set(hits)
    test.text_input(key="find").set_value("zzz nobody").run()
    assert "Nobody of your classes has this name or email." in shown(test)


def test_a_page_of_a_student_leads_to_the_next_of_the_list(big: str, practised: Workspace) -> None:
    entries = [
        row
        for row in catalog.triage([practised.cohorts.cohort(big)], limit=500).records()
        if row["student_id"]
    ]
    test = page("student", {"class": big, "student": entries[1]["student_id"], "scope": "this"})
    assert not test.exception
    assert f"2 of {len(entries)} who need attention" in shown(test)
    targets = [parse_qs(link.proto.query_string).get("student") for link in test.main.get("page_link")]
    assert targets == [[entries[0]["student_id"]], [entries[2]["student_id"]]]
    on_pace = next(
        row["student_id"]
        for row in catalog.student_health(practised.cohorts.cohort(big)).records()[::-1]
        if row["student_id"] not in {entry["student_id"] for entry in entries}
    )
    assert "who need attention" not in shown(page("student", {"class": big, "student": on_pace}))


@pytest.mark.parametrize("kind", ["exempt", "done"])
def test_a_hidden_student_keeps_the_place_and_is_not_counted(
    big: str, practised: Workspace, kind: Kind
) -> None:
    entries = [
        row
        for row in catalog.triage([practised.cohorts.cohort(big)], limit=500).records()
        if row["student_id"]
    ]
    student_id = entries[1]["student_id"]
    until = None if kind == "exempt" else (utc_now() + timedelta(days=30)).date()
    practised.hide_student(big, student_id, kind, until)
    try:
        test = page("student", {"class": big, "student": student_id, "scope": "this"})
        assert ("Hidden from Needs attention for good" in shown(test)) == (kind == "exempt")
        assert f"Hidden · {len(entries) - 1} others need attention" in shown(test)
        targets = [parse_qs(link.proto.query_string).get("student") for link in test.main.get("page_link")]
        assert targets == [[entries[0]["student_id"]], [entries[2]["student_id"]]]
    finally:
        practised.show_again(big, student_id)


@pytest.mark.parametrize(("grade", "is_weak"), [(0.7, True), (0.71, False), (None, False)])
def test_a_grade_is_weak_ten_points_below_the_class(grade: float | None, is_weak: bool) -> None:
    frame = pd.DataFrame({"grade": [grade], "class_avg_grade": [0.8]}, dtype="float64")
    assert len(student.weak_grades(frame)) == int(is_weak)


def test_silent_students_have_no_day_on_which_they_finish(big: str, practised: Workspace) -> None:
    health = catalog.student_health(practised.cohorts.cohort(big)).records()
    for stage, has_day in (("gone", False), ("active", True)):
        row = next(row for row in health if row["stage"] == stage)
        labels = [metric.label for metric in page("student", {"student": row["student_id"]}).metric]
        assert ("Finishes" in labels) is has_day
        assert "Work per week" in labels
