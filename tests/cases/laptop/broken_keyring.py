"""Keyring back ends that fail as they do in the wild: mostly with errors that are not keyring's own.

``RING`` chooses which: Windows without a logon session, a desktop without a secret service, D-Bus, or locked.
"""

from __future__ import annotations

import os
from typing import NoReturn

import keyring.errors
from keyring.backend import KeyringBackend


class DBusErrorResponse(Exception):
    """As jeepney raises it; it is no KeyringError."""


FAILURES: dict[str, Exception] = {
    "os": OSError(1312, "A specified logon session does not exist. It may already have been terminated."),
    "conn": ConnectionRefusedError(111, "Connection refused"),
    "other": DBusErrorResponse(
        "[org.freedesktop.DBus.Error.ServiceUnknown] ('The name org.freedesktop.secrets was not provided by "
        "any .service files',)"
    ),
    "init": keyring.errors.InitError("Failed to unlock the collection!"),
    "locked": keyring.errors.KeyringLocked("Failed to unlock the collection!"),
}


class Keyring(KeyringBackend):
    """Fails at every use."""

    priority = 9

    def _fail(self) -> NoReturn:
        raise FAILURES[os.environ.get("RING", "os")]

    def get_password(self, service: str, username: str) -> str | None:
        self._fail()

    def set_password(self, service: str, username: str, password: str) -> None:
        self._fail()

    def delete_password(self, service: str, username: str) -> None:
        self._fail()
