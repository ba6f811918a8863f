"""A message to several: it is checked as a draft is, and nothing leaves it that no student could read."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.dashboard.sections import bulk
from cohort_core.errors import BadInput
from cohort_core.reports.drafts import check_template
from cohort_core.services.workspace import Workspace
from tests.conftest import sample
from tests.dashboard.conftest import page
from tests.metrics.school import small_class

ACTIONS = {"copy-bulk", "note-bulk", "copy-addresses"}


def opened(class_id: str, workspace: Workspace) -> AppTest:
    """Return the page of an assignment with the message to all who are listed."""
    assignment = workspace.cohorts.class_data(class_id).assignments["assignment_id"].iloc[0]
    return page("assignment", {"class": class_id, "assignment": assignment}, ["write-to"])


def test_each_has_the_subject_and_message_with_the_first_name() -> None:
    cohort = small_class()
    cohort.students.loc["bo", "first_name"] = None
    cohort.students.loc["cy", "first_name"] = "{mentor}"
    subject, body = "{first_name}: how is it going?", "Hi {first_name},\nall well?\n{mentor}"
    lines = bulk.mail_lines(cohort, ["cy", "bo", "ana"], subject, body, "Kim")
    name = str(cohort.students["first_name"]["ana"])
    # A name with braces is a name.
    assert [line.subject for line in lines] == [
        "{mentor}: how is it going?",
        ": how is it going?",
        f"{name}: how is it going?",
    ]
    assert lines[0].message == "Hi {mentor},\nall well?\nKim"
    assert lines[1].message == "Hi,\nall well?\nKim"
    address = bulk.bcc_address(["a@x.org"], "For {first_name}", body)
    assert parse_qs(urlsplit(address).query)["subject"] == ["For"]


@pytest.mark.parametrize(
    "text", ["x = {1, 2}", 'd = {"a": 1}', "if (x) {\n  return;\n}", "{}", ":-}", "f() { return x; }"]
)
def test_braces_of_plain_text_stay(text: str) -> None:
    body = f"Hi {{first_name}},\n{text}\n{{mentor}}"
    assert check_template("Loops", body, ("first_name", "mentor")).body == body
    (line,) = bulk.mail_lines(small_class(), ["ana"], "Loops", body)
    assert line.message.split("\n", 1)[1] == text
    # A draft that is kept has placeholders and no other braces.
    with pytest.raises(BadInput):
        check_template("Loops", body)


@pytest.mark.parametrize(
    "text",
    sample(
        ["Hi {days}", "Hi {first_name", "Hi {name}", "{ first_name }", "{first name}", "{first_name.x}"], 2
    ),
)
@pytest.mark.parametrize("field", ["bulk-subject", "bulk-body"])
def test_a_message_that_cannot_be_filled_says_why_and_offers_nothing(
    big: str, practised: Workspace, text: str, field: str
) -> None:
    test = opened(big, practised)
    assert {button.key for button in test.button} & ACTIONS
    fields = [*test.text_input, *test.text_area]
    next(widget for widget in fields if widget.key == field).set_value(text).run()
    assert not test.exception
    (warning,) = test.warning
    said = warning.value.replace("\\", "")
    assert said.startswith("The subject" if field == "bulk-subject" else "The message")
    assert said.endswith("{first_name}, {mentor}.")
    assert not {button.key for button in test.button} & ACTIONS
    assert not test.get("link_button")
