"""Emails: to a real SMTP server on this computer, with TLS, a login and a certificate of its own."""

from __future__ import annotations

import asyncio
import email
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from cohort_core.errors import BadInput
from cohort_core.notify import mail, network
from cohort_core.notify.digest import Digest, line
from cohort_core.notify.network import parse_url
from cohort_core.notify.posting import post
from cohort_core.store.destinations import DAYS, Wanted
from tests.notify.certificates import write_certificate
from tests.notify.conftest import EVIL, School


class Box:
    """Keeps what a mail server takes."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.answer = "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.raw.append(envelope.content)
            self.mails.append(email.message_from_bytes(envelope.content, policy=default))
        return self.answer


def login(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"kim", b"right"), handled=False)


@contextmanager
def mail_server(box: Box, certificate: Path, security: str) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    options: dict[str, Any] = {}
    if security == "starttls":
        options = {"tls_context": context, "require_starttls": True}
    elif security == "tls":
        options = {"auth_require_tls": False}

    def protocol() -> SMTP:
        return SMTP(box, hostname="test", authenticator=login, auth_required=True, loop=loop, **options)

    loop = asyncio.new_event_loop()
    serving = loop.create_server(protocol, "127.0.0.1", 0, ssl=context if security == "tls" else None)
    server = loop.run_until_complete(serving)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = write_certificate(tmp_path, "trusted", "localhost", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return file


def add(made: School, port: int, **address: Any) -> None:
    values = {"email": "kim@example.org", "host": "localhost", "port": port, "sender": "bot@example.org"}
    made.messages.add(
        Wanted("mail", "email", days=DAYS, names="full"),
        values | {"user": "kim", "password": "right"} | address,
    )


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_digest_by_email(
    made: School, box: Box, certificate: Path, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COHORT_PUBLIC_URL", "https://tracker.example.org")
    made.names[0] = ("<b>Ana</b>\r\nBcc: x@evil.test", "Öztürk")
    made.served.school.put_row(made.class_id, made.row(0, 1, 39))
    made.sync()
    with mail_server(box, certificate, security) as port:
        add(made, port, security=security)
        (sent,) = made.messages.send_digests()
        assert (sent.state, sent.answer) == ("delivered", "250")
        assert made.messages.send_digests()[0].state == "sent_before"
    (message,) = box.mails
    assert message["To"] == "kim@example.org"
    assert message["Bcc"] is None
    leave = "<https://tracker.example.org/dashboard/settings?part=messages>"
    assert str(message["List-Unsubscribe"]).strip() == leave
    assert str(message["Subject"]).startswith("Today 3 need a message.")
    text, html = (cast(EmailMessage, part).get_content() for part in message.iter_parts())
    assert "<b>Ana</b> Bcc: x@evil.test Öztürk" in text
    assert "&lt;b&gt;Ana&lt;/b&gt;" in html
    assert "<b>Ana" not in html
    assert f"student={made.student_id(0)}" in html


def test_an_unknown_certificate_is_refused(made: School, box: Box, certificate: Path, tmp_path: Path) -> None:
    other = write_certificate(tmp_path, "unknown", "localhost")
    made.sync()
    with mail_server(box, other, "starttls") as port:
        add(made, port)
        (sent,) = made.messages.send_digests()
    assert (sent.state, sent.answer) == ("failed", "its certificate is not trusted")
    assert box.raw == []


def test_a_certificate_of_another_name_is_refused(
    made: School, box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_certificate(tmp_path, "trusted", "elsewhere.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with mail_server(box, file, "tls") as port:
        add(made, port, security="tls")
        assert made.messages.send_test("mail").answer == "its certificate is not trusted"


def test_a_wrong_login_is_no_reason_to_try_again(made: School, box: Box, certificate: Path) -> None:
    made.sync()
    with mail_server(box, certificate, "starttls") as port:
        add(made, port, password="wrong")
        (sent,) = made.messages.send_digests()
    assert sent.state == "failed"
    assert "login refused" in (sent.answer or "")
    assert "wrong" not in str(made.messages.messages("mail"))


@pytest.mark.parametrize(
    ("answer", "expected"), [("451 later", ("waiting", "451")), ("550 no", ("failed", "550"))]
)
def test_answers_of_a_mail_server(
    made: School, box: Box, certificate: Path, answer: str, expected: tuple[str, str]
) -> None:
    made.sync()
    box.answer = answer
    with mail_server(box, certificate, "starttls") as port:
        add(made, port)
        (sent,) = made.messages.send_digests()
    assert (sent.state, sent.answer) == expected


def test_a_mail_server_that_loses_the_connection(
    made: School, box: Box, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the content is under way, nobody can say whether it arrived."""
    made.sync()

    async def lose(_server: Any, _session: Any, envelope: Any) -> str:
        box.raw.append(envelope.content)
        _server.transport.abort()
        return "250 OK"

    monkeypatch.setattr(box, "handle_DATA", lose)
    monkeypatch.setattr(network, "READ_SECONDS", 1.0)
    with mail_server(box, certificate, "starttls") as port:
        add(made, port)
        (sent,) = made.messages.send_digests()
    assert sent.state == "perhaps_sent"
    assert len(box.raw) == 1


def test_without_tls_only_on_this_computer(made: School) -> None:
    with pytest.raises(BadInput):
        add(made, 25, host="mail.example.org", security="none")
    assert (
        mail.send(
            EmailMessage(), {"host": "mail.example.org", "port": 25, "security": "none"}, allow_private=True
        ).result
        == "refused"
    )


def test_no_name_makes_a_header() -> None:
    digest = Digest(
        "Head\r\nBcc: x@evil.test", warnings=("a\nb",), students=(line(EVIL, "x", is_new=True, url=None),)
    )
    message = mail.make_message(digest, {"email": "kim@example.org", "sender": "bot@example.org"}, "id")
    assert message["Bcc"] is None
    with pytest.raises(ValueError):
        mail.make_message(
            digest, {"email": "kim@example.org\nBcc: x@evil.test", "sender": "b@example.org"}, "id"
        )


@contextmanager
def dripping(greeting: bytes, certificate: Path | None) -> Iterator[int]:
    """Serve one connection that gets a byte from time to time, over TLS with a certificate."""
    stopping = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            if certificate is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(certificate)
                connection = context.wrap_socket(connection, server_side=True)
            for number in range(1000):
                connection.sendall(greeting[number % len(greeting) :][:1])
                if stopping.wait(0.05):
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopping.set()
        listener.close()
        thread.join(5)


@pytest.mark.parametrize("how", ["https", "https without a handshake", "smtp", "smtp over TLS"])
def test_a_byte_from_time_to_time_holds_up_nothing(
    certificate: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline holds in the greeting, in the handshake and in the response."""
    monkeypatch.setattr(network, "TOTAL_SECONDS", 0.5)
    is_mail = how.startswith("smtp")
    has_tls = how in ("https", "smtp over TLS")
    begun = time.monotonic()
    with dripping(b"220-x" if is_mail else b"HTTP/1.1 2", certificate if has_tls else None) as port:
        if is_mail:
            security = "tls" if has_tls else "starttls"
            outcome = mail.send(
                EmailMessage(), {"host": "localhost", "port": port, "security": security}, allow_private=False
            )
            assert outcome.result == "retry", "nothing was sent yet"
        else:
            outcome = post(parse_url(f"https://localhost:{port}/"), b"{}", {}, allow_private=False)
            assert outcome.result == ("unknown" if has_tls else "retry")
    assert time.monotonic() - begun < 5


def test_https_needs_a_trusted_certificate(certificate: Path, tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    for file, expected in (
        (certificate, "delivered"),
        (write_certificate(tmp_path, "other", "localhost"), "failed"),
    ):
        server = HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        url = f"https://localhost:{server.server_address[1]}/"
        assert post(parse_url(url), b"{}", {}, allow_private=False).result == expected
        thread.join(5)
        server.server_close()
