"""The HTML of the pages of signing in: plain, without any script."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from http import HTTPStatus
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

LOGIN_PATH, LOGOUT_PATH, INVITATION_PATH = "/login", "/logout", "/invitation"
OIDC_PATH, OIDC_CODE_PATH = "/login/oidc", "/login/oidc/code"
MAX_FORM_BYTES = 16 * 1024
FORGOTTEN = "Forgot your password, or lost the phone? Ask an administrator for a new link."

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#66757a, #8d9a9e);
  --tint: light-dark(#14545b, #8fd3da); }
* { box-sizing: border-box; }
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 24rem; margin: 8vh auto; padding: 0 1.2rem;
  background: light-dark(#fff, #14191b); color: light-dark(#1e2a2d, #e4eaea); overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1.2rem; }
label { display: block; margin: 0 0 1rem; font-weight: 600; }
label small { display: block; font-weight: 400; font-size: .9rem; }
input { display: block; width: 100%; margin-top: .25rem; padding: .6rem .7rem; font: inherit;
  color: inherit; background: light-dark(#fff, #1f272a);
  border: 1px solid var(--line); border-radius: .4rem; }
button { width: 100%; padding: .7rem; font: inherit; font-weight: 600; border: 0; border-radius: .4rem;
  background: var(--tint); color: light-dark(#fff, #14191b); cursor: pointer; }
a.button { display: block; padding: .6rem; font-weight: 600; text-align: center; text-decoration: none;
  border: 1px solid var(--tint); border-radius: .4rem; }
:focus-visible { outline: 3px solid var(--tint); outline-offset: 2px; }
.notice { border-left: 4px solid var(--tint);
  padding: .5rem .8rem; background: light-dark(#eef4f4, #1f272a); }
.error { border-color: light-dark(#a3341a, #f0a48f); }
a { color: var(--tint); }
"""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Cohort Tracker</title><style>{style}</style></head>
<body><main><p>Cohort Tracker</p><h1>{title}</h1>{body}</main></body></html>
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    # With "no-referrer", browsers would call the origin of the form null.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


async def read_form(request: Request) -> dict[str, str] | None:
    """Return the fields of a form; None if it is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM_BYTES:
            return None
    text = body.decode("utf-8", "replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=20, errors="replace"))
    except ValueError:
        return None


def page(title: str, body: str, status: int = HTTPStatus.OK) -> Response:
    """Return a page of this title."""
    content = _PAGE.format(title=escape(title), style=_STYLE, body=body)
    return HTMLResponse(content, status, HEADERS)


def notice(sentence: str, *, is_error: bool = True) -> str:
    """Return a sentence above a form."""
    kind, role = ("notice error", "alert") if is_error else ("notice", "status")
    return f'<p id="notice" class="{kind}" role="{role}">{escape(sentence)}</p>'


def login_link() -> str:
    """Return a link to the form of name and password."""
    return f'<p><a href="{LOGIN_PATH}">Sign in</a></p>'


def login_form(
    target: str, above: str = "", name: str = "", *, is_wrong: bool = False, provider: str | None = None
) -> str:
    """Return the form of name and password, with the button of the school's own sign-in."""
    described = ' aria-describedby="notice"' if above else ""
    wrong = f'{described} aria-invalid="true"' if is_wrong else described
    focus_name, focus_password = ("", " autofocus") if name else (" autofocus", "")
    return f"""{above}<form method="post" action="{LOGIN_PATH}">
<input type="hidden" name="next" value="{escape(target)}">
<label>Name or email<input name="name" value="{escape(name[:256])}" autocomplete="username"
 autocapitalize="none" spellcheck="false" maxlength="256" required{wrong}{focus_name}></label>
<label>Password<input name="password" type="password" autocomplete="current-password" maxlength="1024"
 required{wrong}{focus_password}></label>
<label>Code<small>Only if you set up a second factor: the six digits that the app on your phone
 shows.</small>
<input name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="16"></label>
<button>Sign in</button></form>{provider_link(provider, target)}
<p>{FORGOTTEN}</p>"""


def provider_link(provider: str | None, target: str = "") -> str:
    """Return the button of the school's own sign-in; nothing without one."""
    if provider is None:
        return ""
    address = f"{OIDC_PATH}?next={quote(target, safe='/')}" if target else OIDC_PATH
    return f'<p><a class="button" href="{escape(address)}">Sign in with {escape(provider)}</a></p>'


def code_form(above: str = "") -> str:
    """Return the form of the code, after the school's own sign-in."""
    described = ' aria-describedby="notice" aria-invalid="true"' if above else ""
    return f"""{above}<form method="post" action="{OIDC_CODE_PATH}">
<label>Code<small>Your authenticator app shows it.</small><input name="code" inputmode="numeric"
 autocomplete="one-time-code" maxlength="16" required autofocus{described}></label>
<button>Sign in</button></form>"""


def invitation_form(name: str, above: str = "", *, provider: str | None = None) -> str:
    """Return the form with which an invited person chooses a password."""
    described = ' aria-describedby="notice" aria-invalid="true"' if above else ""
    return f"""{above}<form method="post">
<label>Your name for signing in<input name="name" value="{escape(name)}" autocomplete="username"
 readonly></label>
<label>New password<small>At least 12 letters; a few words in a row are good.</small><input name="password"
 type="password" autocomplete="new-password" minlength="12" maxlength="256" required autofocus
{described}></label>
<label>The same password again<input name="again" type="password" autocomplete="new-password" maxlength="256"
 required{described}></label>
<button>Set the password</button></form>{provider_link(provider)}"""
