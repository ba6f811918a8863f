"""Sending a message to its destination, whatever kind that is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cohort_core.errors import BadInput, BadSettings
from cohort_core.notify import discord, mail, slack, teams, webhook
from cohort_core.notify.digest import Digest
from cohort_core.notify.network import Outcome, parse_url
from cohort_core.notify.posting import post
from cohort_core.store.destinations import Destination
from cohort_core.store.outbox import Message

PAYLOADS: Mapping[str, Callable[[Digest], dict[str, Any]]] = {
    "slack": slack.payload,
    "discord": discord.payload,
    "teams": teams.payload,
}


def send(message: Message, destination: Destination, address: Mapping[str, Any], now: datetime) -> Outcome:
    """Send a message once, and say what came of it.

    ``address`` is what `credentials.load_address` returns for the destination.
    """
    if message.body is None:
        return Outcome("failed", "its content was deleted")
    try:
        if destination.kind == "email":
            digest = Digest.from_json(message.body)
            written = mail.make_message(
                digest, address, f"{message.key}.{message.id}.{destination.secret_ref}"
            )
            return mail.send(written, address, allow_private=destination.allow_private)
        place = parse_url(str(address["url"]))
        if destination.kind == "webhook":
            headers = webhook.headers(message.key, message.body, keys_of(address, now), now)
            body = message.body
        else:
            headers = {"Content-Type": "application/json"}
            body = json.dumps(PAYLOADS[destination.kind](Digest.from_json(message.body)), allow_nan=False)
        return post(place, body.encode(), headers, allow_private=destination.allow_private)
    except (BadInput, KeyError, ValueError):
        return Outcome("refused", "its address cannot be used")


def keys_of(address: Mapping[str, Any], now: datetime) -> list[str]:
    """Return the secrets that sign now.

    After a rotation the one of before signs as well, until its end.
    """
    keys = [str(address["secret"])]
    if address.get("old_secret") and str(address.get("old_until", "")) > now.isoformat():
        keys.append(str(address["old_secret"]))
    return keys


def unreadable(error: BadSettings) -> Outcome:
    """Make the outcome where the address cannot be read at this moment."""
    return Outcome("retry", "its address cannot be read here")
