"""Posting a message to a web address."""

from __future__ import annotations

import email.utils
import http.client
import ssl
from collections.abc import Mapping
from datetime import UTC

from cohort_core.clock import utc_now
from cohort_core.notify.network import (
    Outcome,
    Place,
    Refused,
    connect,
    deadline,
    resolve,
    tls_context,
)

MAX_WAIT_SECONDS = 6 * 3600.0
"""The most that a receiver may ask to wait."""
_PUT_OFF = (429, 503)
_LATER = (408, 425, *_PUT_OFF)


def post(place: Place, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> Outcome:
    """Post a body once, and say what came of it. Never raises.

    No redirect is followed and no body of a response is read.
    """
    has_begun = False
    connection: http.client.HTTPConnection | None = None
    try:
        target = resolve(place, allow_private=allow_private)
        plain = connect(target)
        connection = http.client.HTTPConnection(place.host, place.port)
        connection.sock = plain
        with deadline(plain) as is_over:
            if place.scheme == "https":
                connection.sock = tls_context().wrap_socket(plain, server_hostname=place.host)
            has_begun = True
            connection.request(
                "POST",
                place.path,
                body,
                {
                    "Host": place.host_header,
                    "User-Agent": "cohort-tracker",
                    "Connection": "close",
                    **headers,
                },
            )
            response = connection.getresponse()
        if is_over.is_set():
            return Outcome("unknown", "no response")
        return outcome_of(response.status, response.headers.get("Retry-After"))
    except Refused as error:
        return Outcome("refused", error.reason)
    except ssl.SSLCertVerificationError:
        return Outcome("failed", "its certificate is not trusted")
    except (OSError, http.client.HTTPException, ValueError):
        if has_begun:
            return Outcome("unknown", "no response")
        return Outcome("retry", "no connection")
    finally:
        if connection is not None:
            connection.close()


def outcome_of(status: int, retry_after: str | None = None) -> Outcome:
    """Say what a status means."""
    answer = str(status)
    if status == 202:
        return Outcome("accepted", answer)
    if 200 <= status < 300:
        return Outcome("delivered", answer)
    if status == 410:
        return Outcome("gone", answer)
    if status in _LATER or status >= 500:
        wait = parse_retry_after(retry_after)
        return Outcome("retry", answer, wait, counts=wait is None or status not in _PUT_OFF)
    if 300 <= status < 400:
        return Outcome("failed", f"{answer}, a redirect")
    return Outcome("failed", answer)


def parse_retry_after(text: str | None) -> float | None:
    """Read the header Retry-After as seconds, at most six hours; None without a usable one."""
    if not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdecimal():
        seconds = float(text[:9])
    else:
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - utc_now()).total_seconds()
    return min(max(seconds, 0.0), MAX_WAIT_SECONDS)
