"""Destinations and messages as the API and the command line show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohort_core.store.destinations import Destination
from cohort_core.store.outbox import Message

if TYPE_CHECKING:
    from cohort_core.services.messenger import Sent


def destination_row(item: Destination) -> dict[str, Any]:
    """Return a destination without what is secret."""
    return {
        "destination": item.id,
        "name": item.name,
        "kind": item.kind,
        "names": item.names,
        "class_ids": None if item.class_ids is None else list(item.class_ids),
        "at": item.at,
        "days": list(item.days),
        "timezone": item.timezone,
        "events": list(item.events) if item.kind == "webhook" else [],
        "allow_private": item.allow_private,
        "is_on": item.is_on,
        "notice": item.notice,
        "made_at": item.made_at,
    }


def message_row(item: Message) -> dict[str, Any]:
    """Return a message without its content."""
    return {
        "delivery": item.id,
        "kind": item.kind,
        "key": item.key,
        "made_at": item.made_at,
        "tried_at": item.tried_at,
        "next_try_at": item.next_try_at,
        "tries": item.tries,
        "state": item.state,
        "answer": item.answer,
        "may_repeat": item.may_repeat,
    }


def sent_row(item: Sent) -> dict[str, Any]:
    """Return what came of a message."""
    return {"destination": item.destination.id, "state": item.state, "answer": item.answer}
