"""The cookie of a session that somebody opened by signing in.

Over TLS it has the prefix `__Host-`, so that no other host and no unencrypted page can set or read it. A
browser takes such a name over TLS alone, so on loopback the cookie has none.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import Response

NAME, NAME_OVER_TLS = "cohort", "__Host-cohort"


def is_encrypted(scope: MutableMapping[str, Any]) -> bool:
    """Return whether a request came over TLS, also to a trusted proxy."""
    return scope.get("scheme") in {"https", "wss"}


def secret_of(scope: MutableMapping[str, Any]) -> str | None:
    """Return the secret of the session that a request belongs to, None without a cookie."""
    name = NAME_OVER_TLS if is_encrypted(scope) else NAME
    return HTTPConnection(scope).cookies.get(name) or None


def set_secret(response: Response, scope: MutableMapping[str, Any], secret: str, seconds: int) -> None:
    """Give the browser the secret of a session."""
    is_safe = is_encrypted(scope)
    response.set_cookie(
        NAME_OVER_TLS if is_safe else NAME,
        secret,
        max_age=seconds,
        path="/",
        secure=is_safe,
        httponly=True,
        samesite="lax",
    )


def clear_secret(response: Response, scope: MutableMapping[str, Any]) -> None:
    """Take the secret from the browser."""
    set_secret(response, scope, "", 0)
