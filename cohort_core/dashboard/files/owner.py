"""The browser, or the signed-in session, that a download link belongs to.

With accounts, links belong to the session that the door names, and end with it. Without, they belong to a
browser: when it fetches a file, Streamlit gives no hint of its session in which the link stood. So each
browser gets a cookie of ours with its first page. The script of a page reads it from the handshake of its
WebSocket, and the route of the files compares it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from types import MappingProxyType

from cohort_core.http.door import SESSION_HEADER

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
COOKIE = "cohort-browser"
_RANDOM_BYTES = 32
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


def owner(cookies: Mapping[str, str], headers: Mapping[str, str] = NO_HEADERS) -> str | None:
    """Return the owner of a page's links; None without session and cookie.

    Without the cookie no link would ever work, so a page shows a sentence in the place of its links. The
    id of a Streamlit session is no substitute: no fetch carries it.

    The result is compared, and means nothing else.
    """
    session = headers.get(SESSION_HEADER)
    if session is not None:
        return f"session:{session}"
    value = cookies.get(COOKIE, "")
    return f"browser:{value}" if _VALUE.fullmatch(value) else None


def new_cookie(root_path: str) -> str:
    """Return a header value that gives a browser a new cookie.

    It is for one mount of the dashboard, and ends with the browser's session. Scripts cannot read it, and
    other sites cannot make the browser send it.
    """
    value = secrets.token_urlsafe(_RANDOM_BYTES)
    return f"{COOKIE}={value}; Path={root_path or '/'}; HttpOnly; SameSite=Strict"
