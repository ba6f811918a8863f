"""The messenger, which makes events and digests, and sends what waits.

Any number of processes may do this at once: each message is made and claimed in a transaction.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cohort_core.clock import utc_now
from cohort_core.config import credentials
from cohort_core.errors import BadSettings, CohortError
from cohort_core.notify import digest as digests
from cohort_core.notify import retries, sender, webhook
from cohort_core.notify.network import Outcome
from cohort_core.services.digests import Before, Made, make_digest
from cohort_core.services.message_events import catch_up
from cohort_core.services.message_owners import Owner, owner_of, reader_of, zone_of
from cohort_core.store import destinations, outbox
from cohort_core.store.audit import add_event
from cohort_core.store.database import utc_text
from cohort_core.store.destinations import DAYS, Destination
from cohort_core.store.outbox import Message

if TYPE_CHECKING:
    from cohort_core.services.workspace import Workspace

logger = logging.getLogger(__name__)

MAX_MESSAGES = 500
"""The most messages of one pass."""
TESTS = ("test", "ping")
"""Kinds of messages that are tried once."""


@dataclass(frozen=True)
class Sent:
    """The outcome of a message that somebody asked for."""

    destination: Destination
    state: str
    answer: str | None


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """Log an error of the block, and go on with the other destinations."""
    try:
        yield
    except CohortError as error:
        logger.warning("Making %s waits: %s", what, error.code)
    except Exception as error:  # noqa: BLE001 - a defect that shows in one need not concern the others
        logger.error("Making %s met an unexpected %s", what, type(error).__name__)


class Messenger:
    """Sends the messages of one home."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._database = workspace.database
        self._me = f"{os.getpid()}-{secrets.token_hex(6)}"

    def step(self) -> None:
        """Do all that is due at this moment."""
        now = utc_now()
        outbox.end_lost_claims(self._database, now, repeated=("webhook",))
        with _alone("events"):
            catch_up(self._workspace, now)
        for destination in destinations.load_destinations(self._database):
            if destination.gets_digests and destination.is_on and self._is_due(destination, now):
                with _alone("a digest"):
                    self.make_digest_message(destination, now)
        self.deliver()
        outbox.tidy(self._database, utc_now())

    def _is_due(self, destination: Destination, now: datetime) -> bool:
        """Return True for some hours from the time of today's digest on."""
        zone = zone_of(self._workspace, destination)
        today = now.astimezone(zone).date()
        hour, minute = map(int, destination.at.split(":"))
        due = datetime(today.year, today.month, today.day, hour, minute, tzinfo=zone)
        was_there = destination.changed_at <= utc_text(due)
        is_time = due <= now < due + retries.DIGEST_LIFE
        return DAYS[today.weekday()] in destination.days and is_time and was_there

    # Digests

    def preview(self, destination: Destination, now: datetime | None = None) -> Made:
        """Return the digest that would be sent now. Nothing is written."""
        moment = now or utc_now()
        owner = owner_of(self._workspace, destination)
        if owner is None:
            return Made(digests.Digest("The person of this destination may not sign in, so nothing is sent."))
        return self._make(destination, owner, moment)

    def _make(self, destination: Destination, owner: Owner, now: datetime) -> Made:
        before = None
        with self._database.reading() as connection:
            students = outbox.last_digest_students(connection, destination.id)
            last_at = outbox.last_digest_at(connection, destination.id)
        if students is not None and last_at is not None:
            before = Before({student_id for _, student_id in students}, datetime.fromisoformat(last_at))
        return make_digest(
            reader_of(self._workspace, owner),
            owner.names,
            now=now,
            zone=zone_of(self._workspace, destination),
            public_url=self._workspace.settings().public_url,
            before=before,
        )

    def make_digest_message(self, destination: Destination, now: datetime) -> int | None:
        """Write the digest of this day into the outbox; return its id.

        None if it is there already, or nothing may be sent for its owner.
        """
        key = now.astimezone(zone_of(self._workspace, destination)).date().isoformat()
        with self._database.reading() as connection:
            if outbox.has_message(connection, destination.id, key):
                return None
        owner = owner_of(self._workspace, destination)
        if owner is None:
            return None
        made = self._make(destination, owner, now)
        with self._database.writing() as connection:
            message_id = outbox.add_message(
                *(connection, destination.id, "digest", key, made.digest.to_json(), now), made.students
            )
            if message_id is not None:
                what = f"destination {destination.id} ({destination.kind})"
                add_event(
                    connection, owner.who, "digest", f"{what}, {len(made.students)} students, {owner.names}"
                )
        return message_id

    def send_digests(self, wanted: Sequence[Destination], *, any_day: bool = False) -> list[Sent]:
        """Send today's digest to each destination now, unless it went there already."""
        now = utc_now()
        sent = []
        for destination in wanted:
            today = DAYS[now.astimezone(zone_of(self._workspace, destination)).weekday()]
            if not destination.is_on:
                sent.append(Sent(destination, "off", destination.notice))
            elif not any_day and today not in destination.days:
                sent.append(Sent(destination, "not_today", None))
            else:
                message_id = self.make_digest_message(destination, now)
                sent.append(
                    self._send_now(destination, message_id)
                    if message_id
                    else Sent(destination, "sent_before", None)
                )
        return sent

    def send_test(self, destination: Destination) -> Sent:
        """Send a message without students, once."""
        now = utc_now()
        if destination.kind == "webhook":
            kind, key = "ping", webhook.new_id()
            body = webhook.payload("ping", {}, now)
        else:
            kind, key = "test", f"test-{secrets.token_hex(8)}"
            when = f"at {destination.at}"
            body = digests.test_message(destination.name, when).to_json()
        with self._database.writing() as connection:
            message_id = outbox.add_message(connection, destination.id, kind, key, body, now)
        return self._send_now(destination, message_id or 0)

    def _send_now(self, destination: Destination, message_id: int) -> Sent:
        message = outbox.claim_next(self._database, self._me, utc_now(), only=message_id)
        if message is not None:
            self._attempt(message, destination)
            self._database.forget_log()
        latest = outbox.load_message(self._database, destination.id, message_id)
        return Sent(destination, latest.state, latest.answer)

    # Delivery

    def deliver(self) -> int:
        """Send what is due; return the number of attempts.

        After a failure a destination gets nothing more in this pass.
        """
        failed: set[int] = set()
        attempts = 0
        while attempts < MAX_MESSAGES:
            message = outbox.claim_next(self._database, self._me, utc_now(), without=failed)
            if message is None:
                break
            attempts += 1
            by_id = {item.id: item for item in destinations.load_destinations(self._database)}
            destination = by_id.get(message.destination_id)
            if destination is not None and not self._attempt(message, destination):
                failed.add(destination.id)
        if attempts:
            self._database.forget_log()
        return attempts

    def _attempt(self, message: Message, destination: Destination) -> bool:
        """Send a claimed message once, and note what came of it."""
        outcome = self._send(message, destination)
        now = utc_now()
        if message.kind in TESTS:
            state = outcome.result if outcome.is_good else "failed"
            then = retries.Next(state, None, message.tries + 1)
        elif destination.kind == "webhook":
            then = retries.after_webhook(message.tries, outcome, now)
        else:
            then = retries.after_digest(message.tries, datetime.fromisoformat(message.made_at), outcome, now)
        with self._database.writing() as connection:
            is_noted = outbox.save_outcome(
                *(connection, message, self._me, now),
                outcome=outcome.result,
                answer=outcome.answer,
                state=then.state,
                next_try_at=then.at,
                tries=then.tries,
            )
            if is_noted and (then.notice or outcome.is_good):
                destinations.save_notice(connection, destination.id, then.notice, off=then.switches_off)
        return outcome.is_good

    def _send(self, message: Message, destination: Destination) -> Outcome:
        if owner_of(self._workspace, destination) is None:
            return Outcome("refused", "its person may not sign in")
        try:
            address = credentials.load_address(self._workspace.home, destination.secret_ref)
        except BadSettings as error:
            return sender.unreadable(error)
        return sender.send(message, destination, address, utc_now())

    def unreadable(self) -> list[Destination]:
        """Return the destinations whose addresses cannot be read by this process."""
        lost = []
        for destination in destinations.load_destinations(self._database):
            try:
                credentials.load_address(self._workspace.home, destination.secret_ref)
            except BadSettings:
                lost.append(destination)
        return lost
