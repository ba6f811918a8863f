"""The cookie of a session that somebody opened by signing in.

Over TLS it has the prefix `__Host-`, so that no other host and no unencrypted page can set or read it. A
browser takes such a name over TLS alone, so on loopback the cookie has none.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import Response

PERSON, STUDENT = "cohort", "cohort-student"
"""The names of the cookies, to which `__Host-` comes over TLS.

A mentor who looks at a student's link keeps their own session.
"""


def is_encrypted(scope: MutableMapping[str, Any]) -> bool:
    """Return whether a request came over TLS, also to a trusted proxy."""
    return scope.get("scheme") in {"https", "wss"}


def secret_of(scope: MutableMapping[str, Any], name: str = PERSON) -> str | None:
    """Return the secret of the session that a request belongs to, None without a cookie."""
    return HTTPConnection(scope).cookies.get(_full_name(scope, name)) or None


def set_secret(
    response: Response, scope: MutableMapping[str, Any], secret: str, seconds: int, name: str = PERSON
) -> None:
    """Give the browser the secret of a session."""
    response.set_cookie(
        _full_name(scope, name),
        secret,
        max_age=seconds,
        path="/",
        secure=is_encrypted(scope),
        httponly=True,
        samesite="lax",
    )


def clear_secret(response: Response, scope: MutableMapping[str, Any], name: str = PERSON) -> None:
    """Take the secret from the browser."""
    set_secret(response, scope, "", 0, name)


def _full_name(scope: MutableMapping[str, Any], name: str) -> str:
    return f"__Host-{name}" if is_encrypted(scope) else name
