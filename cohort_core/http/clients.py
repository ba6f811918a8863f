"""Which computer a request comes from, as far as that can be seen."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.types import Scope

from cohort_core.config.settings import LOOPBACK_HOSTS
from cohort_core.http.guards import host_name, plain_address

PROXY_HEADERS = re.compile(
    r"forwarded|via|cdn-loop|true-client-ip|cf-.*|fastly-.*|fly-.*|tailscale-.*|x-azure-.*|x-envoy-.*|"
    r"x-(original-)?forwarded-.*|x-real-ip|x-(cluster-)?client-ip"
)
"""Headers of a proxy.

The client behind it is unknown, even if the proxy runs on this computer.
"""


_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Return whether only this computer can reach this address."""
    try:
        return host in LOOPBACK_HOSTS or ipaddress.ip_address(plain_address(host)).is_loopback
    except ValueError:
        return False


def is_foreign(scope: Scope) -> bool:
    """Return whether another computer may be asking, itself or through a proxy."""
    return _is_from_elsewhere(scope) or _is_proxied(scope, Headers(scope=scope))


def _is_from_elsewhere(scope: Scope) -> bool:
    """Return whether another computer connects.

    `uvicorn api:app --host 0.0.0.0` lets others connect, and the app cannot know.
    """
    client = plain_address((scope.get("client") or ("",))[0])
    try:
        return not ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False


def _is_proxied(scope: Scope, headers: Headers) -> bool:
    """Return whether a request comes through a proxy, or under a foreign name.

    HTTP/1.0 counts as a proxy: nginx before 1.29.7 uses it by default, under the name of this computer.
    """
    is_old = scope.get("http_version") == "1.0"
    has_local_name = is_loopback(host_name(headers) or "")
    return is_old or not has_local_name or any(PROXY_HEADERS.fullmatch(name) for name in headers)


def client_network(scope: Scope) -> str:
    """Return the address of the client, or the /64 network of an IPv6 client."""
    return _network(plain_address((scope.get("client") or ("unknown", 0))[0]))


@lru_cache(maxsize=256)
def _network(client: str) -> str:
    """Return the address of a client, or the /64 network of an IPv6 client.

    Such a client can send from any address of its network.
    """
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if address.version == 6 and not address.is_loopback:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return client


def browser_label(user_agent: str) -> str:
    """Return browser and system, such as "Firefox on Windows"."""
    browser = next((name for mark, name in _BROWSERS if f"{mark}/" in user_agent), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser
