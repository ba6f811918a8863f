"""Digests by email: text and HTML, over SMTP with TLS."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from email.message import EmailMessage
from email.utils import formataddr, formatdate
from html import escape
from typing import Any

from cohort_core.notify.digest import Digest, Line, clean, plain_text
from cohort_core.notify.network import (
    TOTAL_SECONDS,
    Outcome,
    Place,
    Refused,
    connect,
    deadline,
    is_loopback_name,
    resolve,
    tls_context,
)

SECURITY = ("starttls", "tls", "none")
PORTS = {"starttls": 587, "tls": 465, "none": 25}


def make_message(digest: Digest, address: Mapping[str, Any], message_id: str) -> EmailMessage:
    """Write the email. A line end in a header raises ``ValueError``."""
    message = EmailMessage()
    message["Subject"] = clean(" ".join([*digest.warnings, digest.headline]), 140)
    message["From"] = formataddr(("Cohort Tracker", address["sender"]))
    message["To"] = address["email"]
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = f"<{message_id}@{address['sender'].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    leave = digest.settings_url or f"mailto:{address['sender']}?subject=unsubscribe"
    message["List-Unsubscribe"] = f"<{leave}>"
    message.set_content(plain_text(digest))
    message.add_alternative(html(digest), subtype="html")
    return message


def html(digest: Digest) -> str:
    """Write a digest as HTML, without scripts, pictures or anything from elsewhere."""
    parts = [f'<p style="color:#b3261e"><strong>{escape(text)}</strong></p>' for text in digest.warnings]
    parts.append(f"<p><strong>{escape(digest.headline)}</strong></p>")
    parts += [f"<p>{escape(text)}</p>" for text in digest.notes]
    if digest.students:
        items = "".join(f"<li>{_line(student)}</li>" for student in digest.students)
        parts.append(f"<ul>{items}</ul>")
    if digest.rest:
        parts.append(f"<p>{escape(digest.rest)}</p>")
    if digest.url:
        parts.append(f'<p><a href="{escape(digest.url)}">Open the overview</a></p>')
    if digest.settings_url:
        parts.append(f'<p><a href="{escape(digest.settings_url)}">Change or stop these messages</a></p>')
    if digest.footer:
        parts.append(f'<p style="color:#666">{escape(digest.footer)}</p>')
    style = "font-family:sans-serif;line-height:1.45;max-width:40em"
    return f'<!doctype html><html lang="en"><body style="{style}">{"".join(parts)}</body></html>'


def _line(student: Line) -> str:
    name = escape(student.name)
    if student.url:
        name = f'<a href="{escape(student.url)}">{name}</a>'
    return f"{name}{' <strong>new</strong>' if student.is_new else ''}: {escape(student.reason)}"


def place_of(address: Mapping[str, Any]) -> Place:
    """Return the mail server of a destination."""
    return Place("smtp", str(address["host"]), int(address["port"]))


def send(message: EmailMessage, address: Mapping[str, Any], *, allow_private: bool) -> Outcome:
    """Send an email, and say what came of it. Never raises.

    The certificate is checked. Without TLS it only goes to this computer itself.
    """
    place, security = place_of(address), str(address["security"])
    if security == "none" and not is_loopback_name(place.host):
        return Outcome("refused", "not encrypted")
    has_begun = False
    try:
        target = resolve(place, allow_private=allow_private)
        with ExitStack() as stack:
            server = stack.enter_context(_connected(place, target, security, stack))
            if security == "starttls":
                server.starttls(context=tls_context())
            if address.get("user"):
                server.login(str(address["user"]), str(address.get("password", "")))
            has_begun = True
            refused = server.send_message(message)
            # The server has taken it. What goes wrong with the goodbye changes nothing.
            return Outcome("delivered", "250") if not refused else Outcome("failed", "recipient refused")
    except Refused as error:
        return Outcome("refused", error.reason)
    except smtplib.SMTPAuthenticationError as error:
        return Outcome("failed", f"{error.smtp_code} login refused")
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        return _of_code(max(codes), "recipient refused")
    except smtplib.SMTPResponseException as error:
        return _of_code(error.smtp_code, "")
    except ssl.SSLCertVerificationError:
        return Outcome("failed", "its certificate is not trusted")
    except smtplib.SMTPNotSupportedError:
        return Outcome("failed", "the server offers no encryption or login")
    except (smtplib.SMTPServerDisconnected, OSError):
        return Outcome(
            "unknown" if has_begun else "retry", "connection lost" if has_begun else "no connection"
        )


def _of_code(code: int, what: str) -> Outcome:
    answer = f"{code} {what}".strip()
    # 4xx says that it may go later.
    return Outcome("retry" if 400 <= code < 500 else "failed", answer)


def _connected(place: Place, target: tuple[str, int], security: str, stack: ExitStack) -> smtplib.SMTP:
    """Connect to an address that was resolved before, and know the server by its name.

    The connection ends with the stack, or at its deadline.
    """

    class Pinned(smtplib.SMTP):
        def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
            plain = connect(target)
            stack.enter_context(deadline(plain))
            return tls_context().wrap_socket(plain, server_hostname=host) if security == "tls" else plain

        def __exit__(self, *error: object) -> None:
            try:
                super().__exit__(*error)  # type: ignore[arg-type]
            except (smtplib.SMTPException, OSError):
                self.close()

    return Pinned(place.host, place.port, local_hostname="localhost", timeout=TOTAL_SECONDS)
