"""The first message to a student is about the biggest obstacle."""

from __future__ import annotations

from typing import Any

import pytest

from cohort_core.dashboard.components.message import draft
from cohort_core.services.workspace import Workspace
from tests.dashboard.conftest import EVIL, Use, page

GOING_WELL: dict[str, Any] = {"days_silent": 1, "risk": "low", "completed": 7, "total": 9}


@pytest.mark.parametrize(
    ("health", "stuck", "missing", "said", "not_said"),
    [
        ({"days_silent": None}, [], ["Loops"], "began with “Loops”", "silent"),
        ({"days_silent": None}, [], [], "would help you to begin", "Most of the class"),
        ({}, ["Joins", "Sets"], ["Loops"], "“Joins” has kept you busy", "Loops"),
        ({"days_silent": 30}, ["Joins", "Sets"], ["Loops"], "for 30 days. Is everything", "Loops"),
        ({"days_silent": 30}, ["Joins", "Sets"], ["Loops"], "it was “Joins” that", "has kept you busy"),
        ({"days_silent": 12}, [], ["Loops"], "for 12 days", "has kept you busy"),
        ({"risk": "high"}, [], ["Loops", "Sets", "Maps"], "through with “Loops” and “Sets”,", "Maps"),
        ({}, [], ["Loops"], "completed 7 of 9", "Loops"),
    ],
)
def test_the_biggest_obstacle_comes_first(
    health: dict[str, Any], stuck: list[str], missing: list[str], said: str, not_said: str
) -> None:
    text = draft("Ada", GOING_WELL | health, stuck, missing, silent_days=7)
    assert text.startswith("Hi Ada,\n")
    assert said in text
    assert not_said not in text


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
    assert draft(None, GOING_WELL, [], [], silent_days=7).startswith("Hi,\nYou have completed")
