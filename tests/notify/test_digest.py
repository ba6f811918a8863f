"""The digest of a day: from the triage that the Overview shows to a receiver, once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cohort_core.clock import utc_now
from cohort_core.config.settings import Preferences
from cohort_core.errors import BadInput
from cohort_core.notify import digest as digests
from cohort_core.notify import slack
from cohort_core.notify.digest import Digest
from cohort_core.notify.sender import PAYLOADS
from cohort_core.services.messenger import Messenger
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.store.destinations import DAYS, Wanted
from cohort_core.store.help_requests import add_request
from cohort_core.store.student_links import StudentKey
from tests.notify.conftest import EVIL, School
from tests.notify.receivers import Receiver, limits_broken


def digest_of(made: School, **wanted: Any) -> Digest:
    """Return what would be sent to a new destination."""
    destination = made.add("slack", "http://127.0.0.1:9/slack", **wanted)
    digest = made.messages.preview(destination.id)
    made.messages.remove(destination.id)
    return digest


def test_a_digest_arrives_once_a_day(made: School, receiver: Receiver) -> None:
    made.sync()
    made.add("slack", f"{receiver.url}/slack/SECRET")
    (sent,) = made.messages.send_digests()
    assert (sent.state, sent.answer) == ("delivered", "200")
    (request,) = receiver.requests
    assert receiver.problems == []
    assert request.json["text"].startswith("Today 3 need a message. Data of ")
    (again,) = made.messages.send_digests()
    assert again.state == "sent_before"
    made.messenger.step()
    assert len(receiver.requests) == 1
    assert made.value("SELECT count(*) FROM outbox WHERE body IS NOT NULL") == 0


def test_it_lists_what_the_overview_lists(made: School) -> None:
    made.sync()
    triage = Services(made.workspace).reader(CLI_OWNER).triage(100)
    digest = digest_of(made, names="full")
    assert [line.name for line in digest.students] == [row["name"] for row in triage.records()]
    assert [line.reason for line in digest.students] == [row["brief"] for row in triage.records()]
    made.workspace.hide_student(made.class_id, made.student_id(0), "exempt")
    assert len(digest_of(made).students) == 2


def test_it_says_how_many_ask_for_help_and_not_what(made: School) -> None:
    made.sync()
    key = StudentKey(made.class_id, made.student_id(0))
    with made.workspace.database.writing() as connection:
        add_request(connection, key, None, "My cat is ill", utc_now())
    digest = digest_of(made, names="full")
    assert digest.notes == ("1 student asks for help.",)
    assert "cat" not in repr(digest)
    (request,) = Services(made.workspace).reader(CLI_OWNER).help_requests()
    Services(made.workspace).commands(CLI_OWNER).answer_help(made.class_id, request.id)
    assert digest_of(made).notes == ()


@pytest.mark.parametrize(
    ("names", "expected"),
    [("full", "First0 Last0"), ("initial", "First0 L."), ("pseudonym", None)],
)
def test_names_leave_as_they_were_allowed(
    made: School, names: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COHORT_PUBLIC_URL", "https://tracker.example.org")
    made.sync()
    digest = digest_of(made, names=names)
    listed = {line.name for line in digest.students}
    text = digest.to_json()
    assert (expected in listed) == (expected is not None)
    assert ("First0" in text) == (names != "pseudonym")
    assert ("Last0" in text) == (names == "full")
    assert (made.student_id(0) in text) == (names == "full")
    assert "secret.test" not in text
    assert all(str(line.url).startswith("https://tracker.example.org/dashboard/") for line in digest.students)
    made.workspace.change_preferences(Preferences(anonymous=True), asked_by="test")
    assert "First0" not in digest_of(made, names=names).to_json()


def test_who_is_new_is_marked_and_who_came_back_is_counted(made: School, receiver: Receiver) -> None:
    made.sync()
    destination = made.add("slack", f"{receiver.url}/slack")
    made.messages.send_digests()
    made.workspace.hide_student(made.class_id, made.student_id(1), "exempt")
    with made.workspace.database.writing() as connection:
        connection.execute("DELETE FROM outbox_students WHERE student_id = ?", (made.student_id(2),))
        connection.execute("UPDATE outbox SET key = '2026-01-01'")
    made.add_row(0, 3, 0)
    made.sync()
    digest = made.messages.preview(destination.id)
    assert digest.headline.startswith("Today 2 need a message (1 new). Came back: 1."), digest
    assert sorted(line.is_new for line in digest.students) == [False, True]


def test_a_failed_sync_comes_first_and_old_data_alone(made: School, monkeypatch: pytest.MonkeyPatch) -> None:
    made.sync()
    with made.workspace.database.writing() as connection:
        connection.execute("UPDATE jobs SET state = 'failed', error_code = 'x', error = 'It is down.'")
    digest = digest_of(made)
    assert digest.warnings == ("The last sync failed: It is down.",)
    assert len(digest.students) == 3
    later = utc_now() + timedelta(hours=27)
    monkeypatch.setattr("cohort_core.services.messenger.utc_now", lambda: later)
    digest = digest_of(made)
    assert digest.students == ()
    assert (
        digest.headline == "The data is 27 hours old, so there is no list today. Sync, and see if it works."
    )
    assert digest.warnings == ("The last sync failed: It is down.",)


def test_a_quiet_day_is_a_line(made: School) -> None:
    made.sync()
    for number in range(3):
        made.workspace.hide_student(made.class_id, made.student_id(number), "exempt")
    digest = digest_of(made)
    assert digest.headline.startswith("A quiet day: nobody needs a message. Data of ")
    assert digests.plain_text(digest) == digest.headline + "\n"


def at(made: School, monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Let the messenger believe that it is another time."""
    monkeypatch.setattr("cohort_core.services.messenger.utc_now", lambda: moment)


def test_the_time_of_the_day(made: School, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped at 7:59 and started at 8:05: one digest. After 12 hours it is of yesterday."""
    made.sync()
    day = (utc_now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    made.add("slack", f"{receiver.url}/slack", at="08:00")
    for hour, minute, count in ((7, 59, 0), (8, 5, 1), (8, 6, 1), (23, 0, 1)):
        at(made, monkeypatch, day + timedelta(hours=hour, minutes=minute))
        # Each time as by a program that was just started.
        Messenger(made.workspace).step()
        assert len(receiver.requests) == count, (hour, minute)
    at(made, monkeypatch, day + timedelta(days=1, hours=20, minutes=1))
    Messenger(made.workspace).step()
    assert len(receiver.requests) == 1, "too late for that day"
    # The clock is set back by a day.
    at(made, monkeypatch, day + timedelta(hours=9))
    Messenger(made.workspace).step()
    assert len(receiver.requests) == 1


def test_only_on_its_days_and_not_before_it_was_made(
    made: School, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.sync()
    tomorrow = utc_now() + timedelta(days=1)
    other = [day for number, day in enumerate(DAYS) if number != tomorrow.weekday()]
    made.add("slack", f"{receiver.url}/slack", days=other, at="00:00", name="other days")
    made.add("slack", f"{receiver.url}/slack", at="00:00", name="today already over")
    Messenger(made.workspace).step()
    assert receiver.requests == []
    at(made, monkeypatch, tomorrow.replace(hour=1))
    Messenger(made.workspace).step()
    assert len(receiver.requests) == 1


def test_summer_time_makes_one_digest(
    made: School, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Berlin 02:30 came twice on 25 October 2026, and does not exist on 28 March 2027."""
    made.sync()
    made.add("slack", f"{receiver.url}/slack", at="02:30", timezone="Europe/Berlin")
    with made.workspace.database.writing() as connection:
        connection.execute("UPDATE destinations SET changed_at = '2026-01-01T00:00:00.000Z'")
    for first, day in (
        (datetime(2026, 10, 25, 0, 0, tzinfo=UTC), 1),
        (datetime(2027, 3, 28, 0, 30, tzinfo=UTC), 2),
    ):
        for minutes in range(0, 180, 15):
            at(made, monkeypatch, first + timedelta(minutes=minutes))
            Messenger(made.workspace).step()
        assert len(receiver.requests) == day


def test_two_programs_send_one(made: School, receiver: Receiver) -> None:
    made.sync()
    for number in range(5):
        made.add("slack", f"{receiver.url}/slack", name=f"team {number}")
    threads = []
    for _ in range(4):
        messenger = Messenger(made.workspace)
        wanted = made.messages.destinations()
        threads.append(threading.Thread(target=messenger.send_digests, args=(wanted,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.requests) == 5
    assert made.value("SELECT count(*) FROM outbox WHERE state = 'delivered'") == 5


@pytest.mark.parametrize("kind", ["slack", "discord", "teams"])
def test_every_message_keeps_the_limits_of_its_service(kind: str) -> None:
    url = "https://tracker.example.org/dashboard/student?" + "x" * 300
    for name in ("A" * 5000, EVIL * 20, "&<>" * 400, "*_[]()`~|\\" * 100):
        lines = tuple(digests.line(name, name, is_new=True, url=url) for _ in range(10))
        assert all(len(f"{line.name} (new): {line.reason}") <= 280 for line in lines)
        whole = Digest(
            digests.headline(10, 3, 2, digests.describe_stuck(name, 9), "05:31"),
            warnings=(digests.clean(name),),
            notes=(digests.count_classes([name] * 5, "slowed down as a whole"),),
            students=lines,
            more=1234,
            url=url,
            footer="x" * 60,
        )
        body = PAYLOADS[kind](whole)
        assert limits_broken(f"/{kind}", body) is None


def test_slack_pings_nobody() -> None:
    digest = Digest("Head", students=(digests.line(EVIL, EVIL, is_new=False, url="https://x.test/?a=1|b"),))
    text = slack.payload(digest)["blocks"][1]["text"]["text"]
    assert "<!" not in text
    assert text.count("<") == 1, "the link to the page alone"
    assert "*b*" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "fax"}, {"names": "all"}, {"at": "8"}, {"days": ["someday"]}, {"days": []}, {"name": ""}],
)
def test_choices_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        Wanted(**({"name": "x", "kind": "slack"} | wrong))
