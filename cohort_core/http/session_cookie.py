"""The cookie of a session that somebody opened by signing in.

Over TLS it has the prefix `__Host-`, so that no other host and no unencrypted page can set or read it. A
browser takes such a name over TLS alone, so on loopback the cookie has none.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.responses import Response

NAME = "cohort"
OF_ATTEMPT = "cohort-oidc"
"""The cookie that binds an attempt at the school's sign-in to a browser."""
OF_STUDENT = "cohort-student"
"""The cookie of a student's own page.

A mentor who looks at a student's link keeps their own session.
"""


def is_encrypted(scope: MutableMapping[str, Any]) -> bool:
    """Return whether a request came over TLS, also to a trusted proxy."""
    return scope.get("scheme") in {"https", "wss"}


def secret_of(scope: MutableMapping[str, Any]) -> str | None:
    """Return the secret of the session that a request belongs to, None without a cookie."""
    return value_of(scope, NAME)


def value_of(scope: MutableMapping[str, Any], name: str) -> str | None:
    r"""Return the value of a cookie of ours, None without it.

    The name counts byte by byte. Parsers that strip more than blanks take `\x85__Host-cohort` for the name
    with the prefix, and any host of the same domain can set such a cookie.
    """
    wanted, value = _full_name(scope, name).encode(), b""
    for header in (held for key, held in scope["headers"] if key == b"cookie"):
        for part in header.split(b";"):
            key, _, text = part.strip(b" \t").partition(b"=")
            if key == wanted:
                value = text.strip(b'"')
    return value.decode("latin-1") or None


def set_secret(
    response: Response, scope: MutableMapping[str, Any], secret: str, seconds: int, name: str = NAME
) -> None:
    """Give the browser the secret of a session, or that of another cookie of ours."""
    is_safe = is_encrypted(scope)
    response.set_cookie(
        _full_name(scope, name),
        secret,
        max_age=seconds,
        path="/",
        secure=is_safe,
        httponly=True,
        samesite="lax",
    )


def clear_secret(response: Response, scope: MutableMapping[str, Any], name: str = NAME) -> None:
    """Take the secret from the browser."""
    set_secret(response, scope, "", 0, name)


def _full_name(scope: MutableMapping[str, Any], name: str) -> str:
    return f"__Host-{name}" if is_encrypted(scope) else name
