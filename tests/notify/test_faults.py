"""Faults of receivers: each against a real server on this computer."""

from __future__ import annotations

import socket
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from cohort_core.clock import utc_now
from cohort_core.errors import BadInput
from cohort_core.notify import network, posting, retries
from cohort_core.notify.network import Outcome, Place, Refused, parse_url, resolve
from cohort_core.services.messenger import Messenger
from tests.notify.conftest import School
from tests.notify.receivers import Receiver


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "READ_SECONDS", 0.5)
    monkeypatch.setattr(network, "TOTAL_SECONDS", 1.0)


def state(made: School) -> tuple[Any, ...]:
    with made.workspace.database.reading() as connection:
        row = connection.execute("SELECT state, answer, tries, next_try_at FROM outbox").fetchone()
        return tuple(row)


def waits(next_try_at: str) -> float:
    """Return the seconds until then."""
    return (datetime.fromisoformat(next_try_at) - utc_now()).total_seconds()


def test_retry_after_is_kept_and_is_no_try(made: School, receiver: Receiver) -> None:
    made.sync()
    made.add("slack", f"{receiver.url}/slack")
    receiver.faults.append({"status": 429, "Retry-After": "600"})
    (sent,) = made.messages.send_digests()
    assert (sent.state, sent.answer) == ("waiting", "429")
    what, _, tries, at = state(made)
    assert (what, tries) == ("waiting", 0)
    assert 590 < waits(at) <= 601
    made.messenger.step()
    assert len(receiver.requests) == 1, "not before it is time"


def test_503_is_tried_again_later_and_arrives(made: School, receiver: Receiver) -> None:
    made.sync()
    made.add("slack", f"{receiver.url}/slack")
    receiver.faults.append(503)
    made.messages.send_digests()
    what, answer, tries, at = state(made)
    assert (what, answer, tries) == ("waiting", "503", 1)
    assert 29 < waits(at) < 37
    with made.workspace.database.writing() as connection:
        connection.execute("UPDATE outbox SET next_try_at = made_at")
    made.messenger.step()
    assert state(made)[0] == "delivered"
    assert made.value("SELECT count(*) FROM deliveries") == 2


@pytest.mark.parametrize("fault", ["hang", "drip", "reset"])
def test_without_a_response_a_digest_was_perhaps_sent(made: School, receiver: Receiver, fault: str) -> None:
    """It is not sent again by itself, whatever the receiver did with it."""
    made.sync()
    made.add("slack", f"{receiver.url}/slack")
    receiver.faults.append(fault)
    begun = time.monotonic()
    (sent,) = made.messages.send_digests()
    assert time.monotonic() - begun < 3, "a byte from time to time must not hold it up"
    assert (sent.state, sent.answer) == ("perhaps_sent", "no response")
    made.messenger.step()
    assert len(receiver.requests) == 1
    (message,) = made.messages.messages("slack")
    assert made.messages.send_again("slack", message.id).state == "delivered"
    assert len(receiver.requests) == 2
    with pytest.raises(BadInput):
        made.messages.send_again("slack", message.id)


def test_a_redirect_is_not_followed(made: School, receiver: Receiver) -> None:
    made.sync()
    made.add("slack", f"{receiver.url}/slack")
    receiver.faults.append({"status": 307, "Location": f"{receiver.url}/elsewhere"})
    (sent,) = made.messages.send_digests()
    assert (sent.state, sent.answer) == ("failed", "307, a redirect")
    assert [request.path for request in receiver.requests] == ["/slack"]
    assert made.messages.find("slack").notice is not None


@pytest.mark.parametrize(("status", "expected"), [(400, "failed"), (404, "failed"), (500, "waiting")])
def test_other_statuses(made: School, receiver: Receiver, status: int, expected: str) -> None:
    made.sync()
    made.add("slack", f"{receiver.url}/slack")
    receiver.faults.append(status)
    assert made.messages.send_digests()[0].state == expected


def test_410_switches_a_destination_off(made: School, receiver: Receiver) -> None:
    made.sync()
    made.add("discord", f"{receiver.url}/discord")
    receiver.faults.append(410)
    made.messages.send_digests()
    gone = made.messages.find("discord")
    assert not gone.is_on
    assert "410" in (gone.notice or "")
    with pytest.raises(BadInput):
        made.messages.send_test("discord")


def test_nobody_listens_there(made: School) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    made.sync()
    made.add("slack", f"http://127.0.0.1:{port}/slack")
    (sent,) = made.messages.send_digests()
    assert (sent.state, sent.answer) == ("waiting", "no connection")


def test_a_failing_destination_holds_up_no_other(made: School, receiver: Receiver) -> None:
    made.sync()
    made.add("slack", f"{receiver.url}/slack")
    made.add("discord", f"{receiver.url}/discord")
    receiver.faults.append("hang")
    assert [sent.state for sent in made.messages.send_digests()] == ["perhaps_sent", "delivered"]


def test_a_digest_is_dropped_after_twelve_hours() -> None:
    made_at = utc_now()
    tries, now, outcome = 0, made_at, Outcome("retry", "503")
    states = []
    while now < made_at + timedelta(hours=24):
        then = retries.after_digest(tries, made_at, outcome, now, lambda: 1.0)
        states.append(then.state)
        if then.at is None:
            break
        assert then.at > now
        tries, now = then.tries, then.at
    assert states[-1] == "dropped"
    assert now <= made_at + timedelta(hours=12)
    assert "12 hours" in (then.notice or "")


def test_a_webhook_is_tried_for_a_day_and_then_switched_off() -> None:
    now, tries, waited = utc_now(), 0, []
    while True:
        then = retries.after_webhook(tries, Outcome("unknown", "no response"), now, lambda: 0.0)
        if then.at is None:
            break
        waited.append((then.at - now).total_seconds())
        tries = then.tries
    assert waited == [5, 300, 1800, 7200, 18000, 36000, 50400]
    assert then.switches_off


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), ("999999", 6 * 3600), ("-5", None), ("soon", None), ("", None), ("1e9", None)],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert posting.parse_retry_after(text) == seconds


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/x",
        "ftp://127.0.0.1/",
        "https://user:secret@hooks.example.org/",
        "https://",
        "https://hooks.example.org/x y",
        "https://hooks.example.org/x\r\nHost: other",
        "file:///etc/passwd",
        "https://hooks.example.org:99999/",
        "",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_url(url)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "192.168.1.1", "172.16.0.9", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104
        *(
            "127.0.0.2",
            "2130706433",
            "0x7f.1",
            "::ffff:10.0.0.1",
            "fd00::1",
            "fe80::1",
            "64:ff9b::a00:1",
            "224.0.0.1",
        ),
    ],
)
def test_an_address_inside_a_private_network_is_refused(host: str) -> None:
    place = Place("https", host, 443)
    with pytest.raises((Refused, OSError)):
        resolve(place, allow_private=False)
    assert posting.post(place, b"", {}, allow_private=False).result in ("refused", "retry")


def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is resolved once: what it resolves to later does not count."""
    asked = []

    def resolver(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    assert resolve(Place("https", "rebinding.test", 443), allow_private=False) == ("93.184.216.34", 443)
    with pytest.raises(Refused):
        resolve(Place("https", "rebinding.test", 443), allow_private=False)
    assert resolve(Place("https", "inside.test", 443), allow_private=True) == ("127.0.0.1", 443)


def test_proxies_of_the_environment_are_not_used(
    made: School, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    made.add("slack", f"{receiver.url}/slack")
    assert made.messages.send_test("slack").state == "delivered"


def test_a_killed_attempt_is_perhaps_sent_or_goes_again(made: School, receiver: Receiver) -> None:
    made.sync()
    made.add("slack", f"{receiver.url}/slack")
    made.add("webhook", f"{receiver.url}/hook")
    for name in ("slack", "webhook"):
        destination = made.messages.find(name)
        with made.workspace.database.writing() as connection:
            connection.execute(
                "INSERT INTO outbox (destination_id, kind, key, body, made_at, state, claimed_by, "
                "claimed_until) VALUES (?, ?, 'k', '{}', ?, 'sending', 'other', '2026-01-01T00:00:00.000Z')",
                (destination.id, "digest" if name == "slack" else "ping", "2026-11-29T00:00:00.000Z"),
            )
    Messenger(made.workspace).step()
    assert made.messages.messages("slack")[0].state == "perhaps_sent"
    assert made.messages.messages("webhook")[0].state == "delivered"
    assert [request.headers["webhook-id"] for request in receiver.requests] == ["k"]
