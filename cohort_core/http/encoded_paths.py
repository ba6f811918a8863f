"""Ids of upstream in paths: they may hold any character, also a slash.

A path arrives decoded, so a slash in an id would end its part of the path. Here such a slash gets a place
holder, which the parameters of the routes turn back.
"""

from __future__ import annotations

import re
from collections.abc import Container
from urllib.parse import quote, unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from cohort_core.http.guards import is_below

_PLACEHOLDER = "\U0010fffd"  # of private use
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)


class EncodedSlashes:
    """Keeps an encoded slash within its part of the path, except below ``excluded_path``."""

    def __init__(self, app: ASGIApp, *, excluded_path: str) -> None:
        self._app = app
        self._excluded_path = excluded_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw: bytes = scope.get("raw_path") or b""
        if b"%2f" in raw.lower() and not is_below(scope["path"], self._excluded_path):
            text = raw.decode("latin-1").partition("?")[0]
            scope = {**scope, "path": unquote(_ENCODED_SLASH.sub(quote(_PLACEHOLDER), text))}
        await self._app(scope, receive, send)


def decoded(part: str) -> str:
    """Return a part of a path as it was meant, with its slashes."""
    return part.replace(_PLACEHOLDER, "/")


def find_id(part: str, ids: Container[str]) -> str:
    """Return the id that a part of a path means, else the part.

    An id that no path can hold, such as "..", may be encoded twice.
    """
    return part if part in ids or unquote(part) not in ids else unquote(part)
