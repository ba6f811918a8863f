"""Events: once for each spell, signed, and lost by nothing."""

from __future__ import annotations

from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from cohort_core.clock import utc_now
from cohort_core.config.settings import Preferences
from cohort_core.config.thresholds import Thresholds
from cohort_core.services import message_events
from cohort_core.store.destinations import EVENTS
from tests.notify.conftest import School
from tests.notify.receivers import Receiver


def types(receiver: Receiver) -> list[str]:
    return [request.json["type"] for request in receiver.requests]


def make_behind(made: School, students: range) -> None:
    """Let students lose all but their first two records: from one sync to the next they are far behind."""
    for student in students:
        for assignment in range(2, made.done):
            made.served.school.drop_row(made.class_id, made.row(student, assignment, 0)["_id"]["$oid"])


@pytest.fixture
def hooked(made: School, receiver: Receiver) -> School:
    """A class with a webhook, both as they are after the first sync."""
    made.sync()
    made.add("webhook", f"{receiver.url}/hook", names="full")
    made.sync()
    assert receiver.requests == [], "nothing happened yet"
    return made


def test_an_event_is_signed_and_says_who_without_a_name(hooked: School, receiver: Receiver) -> None:
    hooked.add_row(0, 3, 0)
    hooked.sync()
    events = {request.json["type"]: request for request in receiver.requests}
    assert "student.came_back" in events
    request = events["student.came_back"]
    payload = Webhook(str(hooked.secret)).verify(request.body, request.headers)
    assert payload["data"] == {
        "class_id": hooked.class_id,
        "student_id": hooked.student_id(0),
        "kind": "came_back",
        "days": 39,
        "url": None,
    }
    assert b"First0" not in receiver.everything
    with pytest.raises(WebhookVerificationError):
        Webhook(str(hooked.secret)).verify(request.body + b" ", request.headers)
    before = len(receiver.requests)
    hooked.sync()
    hooked.messenger.step()
    assert len(receiver.requests) == before, "once for each spell"


def test_a_need_begins_and_ends_once(hooked: School, receiver: Receiver) -> None:
    make_behind(hooked, range(5, 7))
    hooked.sync(full=True, accept_removals=True)
    hooked.sync(full=True, accept_removals=True)
    begun = [request.json for request in receiver.requests]
    assert {event["type"] for event in begun} == {"student.needs_attention"}
    about = {(event["data"]["student_id"], event["data"]["kind"]) for event in begun}
    assert len(about) == len(begun)
    assert {who for who, _ in about} == {hooked.student_id(5), hooked.student_id(6)}
    receiver.requests.clear()
    for student in (5, 6):
        for assignment in range(2, hooked.done):
            hooked.add_row(student, assignment, 40 - 5 * assignment)
    hooked.sync(full=True)
    ended = [request.json for request in receiver.requests]
    assert {(event["data"]["student_id"], event["data"]["kind"]) for event in ended} >= about - {
        (who, kind) for who, kind in about if kind == "came_back"
    }
    assert {event["type"] for event in ended} <= {"student.need_ended", "student.came_back"}


def test_ids_are_pseudonymous_unless_names_may_leave(made: School, receiver: Receiver) -> None:
    made.sync()
    made.add("webhook", f"{receiver.url}/hook", names="initial")
    made.add_row(0, 3, 0)
    made.sync()
    (event,) = [request.json for request in receiver.requests if request.json["type"].endswith("came_back")]
    shown = event["data"]["student_id"]
    assert shown != made.student_id(0)
    assert made.workspace.cohorts.student_id_for(made.class_id, shown) == made.student_id(0)
    assert made.student_id(0).encode() not in receiver.everything


def test_thresholds_and_pseudonyms_are_no_events(hooked: School, receiver: Receiver) -> None:
    hooked.workspace.change_preferences(
        Preferences(thresholds=Thresholds(high_gap=90, critical_gap=95)), asked_by="test"
    )
    hooked.messenger.step()
    hooked.workspace.change_preferences(Preferences(thresholds=Thresholds()), asked_by="test")
    hooked.sync()
    hooked.workspace.change_preferences(Preferences(anonymous=True), asked_by="test")
    hooked.sync()
    hooked.workspace.change_preferences(Preferences(anonymous=False), asked_by="test")
    hooked.sync()
    assert receiver.requests == []


def test_a_hidden_student_is_not_announced(hooked: School, receiver: Receiver) -> None:
    hooked.workspace.hide_student(hooked.class_id, hooked.student_id(5), "exempt")
    make_behind(hooked, range(5, 7))
    hooked.sync(full=True, accept_removals=True)
    hooked.sync(full=True, accept_removals=True)
    assert {request.json["data"]["student_id"] for request in receiver.requests} == {hooked.student_id(6)}


def test_at_most_fifty_events_and_then_one(
    hooked: School, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_events, "MAX_EVENTS", 2)
    make_behind(hooked, range(5, 8))
    hooked.sync(full=True, accept_removals=True)
    hooked.sync(full=True, accept_removals=True)
    assert types(receiver)[2] == "needs_attention.many"
    assert len(receiver.requests) == 3
    assert receiver.requests[2].json["data"]["classes"] == {
        hooked.class_id: receiver.requests[2].json["data"]["events"]
    }


def test_a_kill_before_the_transaction_ends_repeats_it(
    hooked: School, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: Any, **__: Any) -> None:
        raise Killed

    hooked.add_row(0, 3, 0)
    with monkeypatch.context() as patched:
        patched.setattr(message_events, "add_event", kill)
        with pytest.raises(Killed):
            hooked.sync()
    assert receiver.requests == []
    assert hooked.value("SELECT count(*) FROM outbox") == 0
    hooked.messenger.step()
    assert types(receiver).count("student.came_back") == 1


def test_syncs_are_events_where_wanted(made: School, receiver: Receiver) -> None:
    made.sync()
    made.add("webhook", f"{receiver.url}/hook", events=EVENTS)
    made.sync()
    made.messenger.step()
    assert types(receiver) == ["sync.finished"]
    made.served.school.password = "another"
    made.workspace._tokens.clear()
    with pytest.raises(Exception):  # noqa: B017
        made.sync()
    assert types(receiver) == ["sync.finished", "sync.failed"]
    assert receiver.requests[1].json["data"]["error"] == "login_refused"


def test_a_new_secret_and_the_old_one_sign_for_a_day(hooked: School, receiver: Receiver) -> None:
    old = str(hooked.secret)
    new = hooked.messages.rotate_secret("webhook")
    assert hooked.messages.send_test("webhook").state == "delivered"
    (request,) = receiver.requests
    for secret in (old, new):
        assert Webhook(secret).verify(request.body, request.headers)["type"] == "ping"
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    assert abs(int(request.headers["webhook-timestamp"]) - utc_now().timestamp()) < 5


def test_a_webhook_made_later_begins_with_silence(hooked: School, receiver: Receiver) -> None:
    hooked.messages.remove("webhook")
    make_behind(hooked, range(5, 7))
    hooked.sync(full=True, accept_removals=True)
    hooked.sync(full=True, accept_removals=True)
    hooked.add("webhook", f"{receiver.url}/hook")
    hooked.sync()
    assert receiver.requests == []
