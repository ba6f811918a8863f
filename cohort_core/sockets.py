"""Listening sockets for the servers of this package."""

from __future__ import annotations

import contextlib
import socket

BACKLOG = 128
FILES = 4096


def listen(host: str, port: int) -> socket.socket:
    """A listening socket at an address. Raises ``OSError`` or ``OverflowError`` if that cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only of a socket that is said to be TCP does asyncio send small answers at once; else each waits 40 ms
    # for the other side to confirm the one before.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if hasattr(socket, "SO_REUSEPORT"):
            # On Windows this option would let two servers share the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def allow_many_files() -> None:
    """Let this process hold more connections than a shell allows at first, where the system lets us."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
