"""Rules of the network for messages.

Somebody who may enter an address must not be able to reach what only this computer can reach. So an address
is resolved once, all that it resolves to must be public, and the connection goes to what was resolved. No
redirect is followed, and neither proxies nor logins are taken from the environment.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from cohort_core.config.settings import LOOPBACK_HOSTS
from cohort_core.errors import BadInput

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 20.0
"""An attempt ends then, even if a byte comes from time to time."""

Result = Literal["delivered", "accepted", "retry", "failed", "refused", "gone", "unknown"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of an attempt.

    delivered; accepted (the receiver does the rest later); retry (it did not arrive, and may later); failed
    (the receiver does not want it); refused (our own rules forbid the address); gone (410); unknown (it may
    have arrived). `answer` has no address, no body and no name.
    """

    result: Result
    answer: str
    retry_after: float | None = None
    """Seconds that the receiver asks to wait."""
    counts: bool = True
    """False for an attempt that the receiver only put off."""

    @property
    def is_good(self) -> bool:
        """True if the receiver has it."""
        return self.result in ("delivered", "accepted")


class Refused(Exception):
    """Our own rules forbid an address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Place:
    """A host and port, with the path of a web address."""

    scheme: str
    host: str
    port: int
    path: str = "/"

    @property
    def host_header(self) -> str:
        """The host as a request names it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return name if self.port == usual else f"{name}:{self.port}"


def parse_url(text: str) -> Place:
    """Read a web address: https, or http on this computer.

    Raises ``BadInput``, whose message does not repeat the address.
    """
    problem = "The address must begin with https:// and be complete. Copy it again from where it was made."
    if (
        text != text.strip()
        or not text.isascii()
        or any(letter <= " " or letter == "\x7f" for letter in text)
    ):
        raise BadInput(problem, parameter="url")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadInput(problem, parameter="url") from None
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback_name(host or ""))
    if not host or not is_safe or "@" in parts.netloc or parts.fragment:
        raise BadInput(problem, parameter="url")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path)


def is_loopback_name(host: str) -> bool:
    """Return True for a host that is this computer by its very name."""
    return host.casefold() in LOOPBACK_HOSTS


def resolve(place: Place, *, allow_private: bool) -> tuple[str, int]:
    """Resolve a host once, and return the address to connect to.

    Raises ``Refused`` if it lies inside a private network and that is not allowed, and ``OSError`` if it
    cannot be resolved.
    """
    entries = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    if not addresses:
        raise OSError("no address")
    if is_loopback_name(place.host):
        # The resolver of a computer may be wrong about its own name.
        if not all(ipaddress.ip_address(address).is_loopback for address in addresses):
            raise Refused("not this computer")
    elif not allow_private and not all(map(_is_public, addresses)):
        raise Refused("an address inside a private network")
    # Most computers without IPv6 resolve it all the same.
    addresses.sort(key=lambda address: ":" in address)
    return addresses[0], place.port


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if mapped is not None:
        address = mapped
    in_nat64 = isinstance(address, ipaddress.IPv6Address) and address in _NAT64
    return address.is_global and not address.is_multicast and not in_nat64


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def connect(target: tuple[str, int]) -> socket.socket:
    """Connect to a resolved address."""
    connection = socket.create_connection(target, timeout=CONNECT_SECONDS)
    connection.settimeout(READ_SECONDS)
    return connection


def tls_context() -> ssl.SSLContext:
    """Return the rules of TLS: certificate and name are checked.

    The authorities are those of this computer, and those of certifi.
    """
    context = ssl.create_default_context()
    with contextlib.suppress(ImportError, OSError, ssl.SSLError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


@contextlib.contextmanager
def deadline(connection: socket.socket) -> Iterator[threading.Event]:
    """End a connection after TOTAL_SECONDS, whatever it does then.

    The event is set if that happened: what was read until then is no response.
    """
    is_over = threading.Event()
    # TLS takes the socket over, also in the middle of its handshake. The connection is the same.
    guard = connection.dup()

    def end() -> None:
        is_over.set()
        with contextlib.suppress(OSError):
            guard.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(TOTAL_SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        yield is_over
    finally:
        timer.cancel()
        guard.close()
