"""The next step after an attempt: done, again later, or never again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cohort_core.notify.network import Outcome

DIGEST_LIFE = timedelta(hours=12)
"""A digest that could not go out for so long is of yesterday."""
WEBHOOK_WAITS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600)
)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
JITTER = 0.2


@dataclass(frozen=True)
class Next:
    """The state of a message after an attempt."""

    state: str
    at: datetime | None
    tries: int
    notice: str | None = None
    """The words for its owner on the settings page, if any."""
    switches_off: bool = False


def after_webhook(
    tries: int, outcome: Outcome, now: datetime, chance: Callable[[], float] = random.random
) -> Next:
    """Decide about a webhook, which goes again under the same id."""
    if outcome.is_good:
        return Next(outcome.result, None, tries + 1)
    if outcome.result == "gone":
        return Next("failed", None, tries + 1, "The receiver wants no more events (410).", True)
    if outcome.result == "refused":
        return Next("failed", None, tries + 1, f"Switched off: {outcome.answer}.", True)
    tries += outcome.counts
    if tries > len(WEBHOOK_WAITS):
        return Next(
            "failed", None, tries, f"Switched off after {tries} attempts. The last: {outcome.answer}.", True
        )
    return Next("waiting", _later(WEBHOOK_WAITS[max(tries, 1) - 1], outcome, now, chance), tries)


def after_digest(
    tries: int,
    made_at: datetime,
    outcome: Outcome,
    now: datetime,
    chance: Callable[[], float] = random.random,
) -> Next:
    """Decide about a digest.

    If nobody can say whether it arrived, it does not go again.
    """
    if outcome.is_good:
        return Next(outcome.result, None, tries + 1)
    if outcome.result == "unknown":
        return Next("perhaps_sent", None, tries + 1, "A message was perhaps sent: no response came.")
    if outcome.result in ("failed", "refused", "gone"):
        notice = f"A message was not taken: {outcome.answer}. Check the address, then send a test."
        return Next("failed", None, tries + 1, notice, outcome.result == "gone")
    wait = min(FIRST_WAIT * 2 ** min(tries, 12), LONGEST_WAIT)
    at = _later(wait, outcome, now, chance)
    tries += outcome.counts
    if at > made_at + DIGEST_LIFE:
        notice = f"A digest was dropped, as it could not be sent for 12 hours: {outcome.answer}."
        return Next("dropped", None, tries, notice)
    return Next("waiting", at, tries)


def _later(wait: timedelta, outcome: Outcome, now: datetime, chance: Callable[[], float]) -> datetime:
    """Return the later of the own wait, with jitter, and what the receiver asks for."""
    own = wait * (1 + JITTER * chance())
    return now + max(own, timedelta(seconds=outcome.retry_after or 0))
