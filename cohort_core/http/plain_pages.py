"""Pages of plain HTML without a script, under a content policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from http import HTTPStatus

from starlette.responses import HTMLResponse, Response

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title><style>{style}</style></head>
<body><main><h1>{title}</h1>{body}</main></body></html>
"""


class PlainPages:
    """Pages of one style."""

    def __init__(self, style: str) -> None:
        self._style = style
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self.headers = {
            "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            "Cache-Control": "no-store",
            # With "no-referrer", browsers would call the origin of the form null.
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }

    def response(self, title: str, body: str, status: int = HTTPStatus.OK) -> Response:
        """Make a response. ``title`` is plain text, ``body`` is HTML."""
        content = _PAGE.format(title=escape(title), style=self._style, body=body)
        return HTMLResponse(content, status, self.headers)
