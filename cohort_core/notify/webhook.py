"""Events for programs, by the rules of Standard Webhooks.

The receiver sees by the signature who sent an event, and by its id whether it has it already.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cohort_core.store.database import utc_text

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """Make a secret with which a receiver checks signatures."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def new_id() -> str:
    """Make the id of an event, which stays the same however often it is sent."""
    return f"msg_{secrets.token_hex(16)}"


def payload(kind: str, data: Mapping[str, Any], at: datetime) -> str:
    """Write the body of an event that happened at an instant."""
    return json.dumps({"type": kind, "timestamp": utc_text(at), "data": dict(data)}, allow_nan=False)


def headers(message_id: str, body: str, keys: Sequence[str], now: datetime) -> dict[str, str]:
    """Return the headers of an attempt at an instant, signed with each of the secrets."""
    timestamp = str(int(now.timestamp()))
    signatures = [signature(key, message_id, timestamp, body) for key in keys]
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def signature(key: str, message_id: str, timestamp: str, body: str) -> str:
    """Sign an attempt: version 1, HMAC-SHA256."""
    try:
        raw = base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a secret is no base64") from error
    text = f"{message_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(raw, text, hashlib.sha256).digest()).decode()
