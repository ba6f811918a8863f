"""Settings, Messages to you: add a place, look at what would be sent, try it, see what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.practice.server import Running
from cohort_core.services.workspace import Workspace
from tests.dashboard import conftest
from tests.dashboard.conftest import Use, page
from tests.notify.conftest import School
from tests.notify.conftest import made as made  # a fixture
from tests.notify.receivers import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def shown(test: AppTest) -> str:
    """Return the text of the page as a person reads it."""
    return conftest.shown(test).replace("\\", "")


def press(test: AppTest, label: str) -> AppTest:
    (button,) = [button for button in test.button if button.label.startswith(label)]
    return button.click().run()


def field(test: AppTest, kind: str, label: str) -> Any:
    return next(item for item in getattr(test, kind) if item.label == label)


@pytest.fixture
def opened(made: School, use: Use) -> AppTest:
    made.sync()
    use(made.workspace)
    return page("settings", {"part": "messages"})


def test_a_digest_to_slack_in_a_few_steps(opened: AppTest, made: School, receiver: Receiver) -> None:
    assert "What leaves the school" in shown(opened)
    field(opened, "text_input", "Address").set_value(f"{receiver.url}/slack/SECRET")
    test = press(opened, "Add and send a test")
    assert "A test went to Slack: look there now." in shown(test)
    (request,) = receiver.requests
    assert "This is a test" in request.json["text"]
    assert "SECRET" not in shown(test)
    assert "Slack · on weekdays at 08:00 · invented names" in shown(test)
    test = press(test, "Show what would be sent")
    (preview,) = test.code
    assert preview.value.startswith("Today 3 need a message.")
    assert "First0" not in preview.value
    assert len(receiver.requests) == 1
    assert "Test · delivered" in shown(test)
    test = press(test, "Switch off")
    assert "switched off" in shown(test)
    test = press(test, "Remove")
    assert "Nothing more is sent there" in shown(test)
    assert made.messages.destinations() == []


def test_a_wrong_address_is_said(opened: AppTest, made: School, receiver: Receiver) -> None:
    field(opened, "text_input", "Address").set_value("http://elsewhere.example.org/x")
    test = press(opened, "Add and send a test")
    assert "must begin with https" in shown(test)
    receiver.faults.append(404)
    field(test, "text_input", "Address").set_value(f"{receiver.url}/slack")
    test = press(test, "Add and send a test")
    assert "did not arrive (404)" in shown(test)
    assert len(made.messages.destinations()) == 1


def test_a_webhook_shows_its_secret_once(opened: AppTest, made: School, receiver: Receiver) -> None:
    test = field(opened, "button_group", "Where").set_value("webhook").run()
    field(test, "text_input", "Address").set_value(f"{receiver.url}/hook")
    test = press(test, "Add and send a test")
    (secret,) = [code.value for code in test.code]
    assert secret.startswith("whsec_")
    test = press(test, "Done")
    assert not test.code
    assert "whsec_" not in shown(page("settings", {"part": "messages"}))


def test_pseudonyms_on_the_page_hide_a_preview_with_names(made: School, use: Use, receiver: Receiver) -> None:
    made.sync()
    made.add("slack", f"{receiver.url}/slack", names="full")
    use(made.workspace)
    test = press(page("settings", {"part": "messages", "anonymous": "1"}), "Show what would be sent")
    assert not test.code
    assert "First0" not in shown(test)
    test = press(page("settings", {"part": "messages"}), "Show what would be sent")
    assert "First0 Last0" in test.code[0].value


def test_what_was_perhaps_sent_can_be_sent_again(
    made: School, use: Use, receiver: Receiver, workspace: Workspace, school: Running
) -> None:
    made.sync()
    made.add("slack", f"{receiver.url}/slack")
    receiver.faults.append("reset")
    made.messages.send_digests()
    use(made.workspace)
    test = page("settings", {"part": "messages"})
    assert "perhaps sent (no response)" in shown(test)
    test = press(test, "Send again")
    assert "Sent again: delivered." in shown(test)
    assert len(receiver.requests) == 2
