"""The digest of a day: from the triage that the Overview shows to a receiver, once."""

from __future__ import annotations

from tests.notify.conftest import School
from tests.notify.receivers import Receiver


def test_a_digest_arrives_once_a_day(made: School, receiver: Receiver) -> None:
    made.sync()
    made.add("slack", f"{receiver.url}/slack/SECRET")
    (sent,) = made.messages.send_digests()
    assert (sent.state, sent.answer) == ("delivered", "200")
    (request,) = receiver.requests
    assert receiver.problems == []
    assert "Today 3 need a message." in request.json["text"]
    (again,) = made.messages.send_digests()
    assert again.state == "sent_before"
    made.messenger.step()
    assert len(receiver.requests) == 1
