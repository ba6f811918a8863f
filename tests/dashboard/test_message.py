"""The first message to a student is about the biggest obstacle, in the words of the present templates."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cohort_core.dashboard.components import message
from cohort_core.dashboard.components.message import Templates, kind_of, of_student
from cohort_core.errors import BadInput
from cohort_core.metrics.cohort import build
from cohort_core.reports.drafts import KINDS, OURS, PLACEHOLDERS, Template, check_template, fill
from cohort_core.services.workspace import Workspace
from tests.dashboard.conftest import EVIL, Use, page
from tests.metrics.school import UNITS, data_of, small_class, work

GOING_WELL: dict[str, Any] = {"days_silent": 1, "risk": "low", "completed": 7, "total": 9}
VALUES = dict.fromkeys(PLACEHOLDERS, "X")


@pytest.mark.parametrize(
    ("health", "stuck", "missing", "kind"),
    [
        ({"days_silent": None}, [], ["Loops"], "never_started"),
        ({}, ["Joins", "Sets"], ["Loops"], "stuck"),
        ({"days_silent": 30}, ["Joins", "Sets"], ["Loops"], "silent_and_stuck"),
        ({"days_silent": 12}, [], ["Loops"], "silent"),
        ({"risk": "high"}, [], ["Loops"], "behind"),
        ({"risk": "high"}, [], [], "behind"),
        ({"risk": "critical"}, [], [], "behind"),
        ({"risk": "medium"}, [], [], "behind"),
        ({}, [], ["Loops"], "praise"),
    ],
)
def test_the_biggest_obstacle_comes_first(
    health: dict[str, Any], stuck: list[str], missing: list[str], kind: str
) -> None:
    assert kind_of(GOING_WELL | health, stuck, missing, 7) == kind


@pytest.mark.parametrize(
    ("student", "kind", "said"),
    [
        ("ana", "silent", "for 13 days. Is everything"),
        ("cy", "silent_and_stuck", "If it was “A2” that stopped you"),
        ("ed", "behind", "through with “A1”, which"),
        ("fay", "never_started", "Most of the class began with “A1”."),
        ("bo", "praise", "your work on “A2”"),
        ("di", "back_again", "good to see you back"),
    ],
)
def test_each_student_gets_the_template_of_the_reason(student: str, kind: str, said: str) -> None:
    draft = of_student(small_class(), student)
    assert (draft.template, said in draft.text) == (kind, True)
    assert "{" not in draft.text


@pytest.mark.parametrize(
    ("student", "kind", "days"),
    [
        ("fay", "never_started", "25 days"),
        ("ana", "silent", "13 days"),
        ("cy", "silent_and_stuck", "18 days"),
        ("cy", "stuck", "18 days"),
        ("di", "back_again", "20 days"),
        ("ed", "behind", ""),
    ],
)
def test_days_are_those_of_the_reason(student: str, kind: str, days: str) -> None:
    own = Templates(OURS | {kind: Template("Hello", "Hi\n{days}")})
    assert of_student(small_class(), student, own, kind).text == f"Hi\n{days}".strip()


@pytest.mark.parametrize("risk", ["critical", "high", "medium", "low"])
def test_praise_is_for_those_on_pace_and_those_who_deserve_a_word(risk: str) -> None:
    for silent in (1, 30):
        for stuck in ([], ["Joins"]):
            for missing in ([], ["Loops"]):
                health = GOING_WELL | {"risk": risk, "days_silent": silent}
                if kind_of(health, stuck, missing, 7) == "praise":
                    assert risk == "low"
                praised = kind_of(health, stuck, missing, 7, is_praised=True)
                assert (praised == "praise") == (silent < 7)


def test_praise_goes_before_being_back() -> None:
    rows = [work("ana", "a1", "2025-03-01 10:00", "2025-03-02 10:00")]
    rows += [work("ana", f"a{n}", f"2025-03-2{n} 10:00", f"2025-03-2{n} 11:00") for n in (2, 3, 4)]
    cohort = build(data_of(rows, UNITS), date(2025, 3, 25))
    assert of_student(cohort, "ana").template == "praise"
    own = Templates({**OURS, "praise": Template("Well done", "{days}\n{assignment}\n{mentor}")}, "Kim")
    assert of_student(cohort, "ana", own).text == "20 days\n“A4”\nKim"


def test_a_line_without_a_value_is_left_out_and_the_greeting_stays() -> None:
    body = "Hi {first_name},\nYou are stuck in {assignment}.\n\nBest,\n{mentor}"
    template = Template("About {assignment}", body)
    none: dict[str, str | None] = dict.fromkeys(PLACEHOLDERS)
    assert fill(template, none).body == "Hi,\n\nBest,"
    assert fill(template, none).subject == "How are you getting on?"
    assert fill(template, VALUES).body == "Hi X,\nYou are stuck in X.\n\nBest,\nX"
    # A value that looks like a placeholder is a value.
    assert fill(template, {**VALUES, "first_name": "{mentor}"}).body.startswith("Hi {mentor},")


@pytest.mark.parametrize(
    ("subject", "body", "parameter"),
    [
        ("Hello", "Hi {name}", "body"),
        ("Hello", "Hi {first_name", "body"),
        ("Hello", "Hi first_name}", "body"),
        ("Hello", "Hi {{first_name}}", "body"),
        ("Hello", "Hi {first_name!r}", "body"),
        ("Hello", "Hi {first_name.__class__}", "body"),
        ("Hello", "Hi { first_name }", "body"),
        ("Hello", "Hi {}", "body"),
        ("Hello", "  \n ", "body"),
        ("Hello", "x" * 2001, "body"),
        ("Hello", "x\x00y", "body"),
        ("", "Hi", "subject"),
        ("x" * 201, "Hi", "subject"),
        ("Two\nlines", "Hi", "subject"),
        ("{grade}", "Hi", "subject"),
    ],
)
def test_what_cannot_be_a_template(subject: str, body: str, parameter: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_template(subject, body)
    assert caught.value.details == {"parameter": parameter}


def test_our_own_templates_pass_the_check() -> None:
    assert list(OURS) == list(KINDS)
    for template in OURS.values():
        assert check_template(template.subject, template.body) == template
        assert fill(template, VALUES).body.endswith("\nX")


def test_the_page_of_a_student_has_it_with_an_address_to_mail_it(hostile: Workspace, use: Use) -> None:
    use(hostile)
    cohort = hostile.cohorts.cohort("evil")
    identity = str(cohort.students.index[1])
    shown = page("student", {"student": identity})
    assert EVIL in shown.code[0].value
    mails = [link.proto.url for link in shown.get("link_button")]
    assert len(mails) == int(isinstance(cohort.students.loc[identity]["email"], str))
    assert all(mail.startswith("mailto:") and "<script>" not in mail for mail in mails)
    hidden = page("student", {"student": identity, "anonymous": "1"})
    assert EVIL not in hidden.code[0].value
    assert not hidden.get("link_button")


def test_without_a_first_name_it_greets_nobody_by_name() -> None:
    cohort = small_class()
    cohort.students.loc["ana", "first_name"] = None
    assert message.of_student(cohort, "ana").text.startswith("Hi,\nI have not seen you")
