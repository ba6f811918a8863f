"""The settings of the Rust tool, with the password in plain text.

Nothing is taken without asking.
"""

from __future__ import annotations

import tomllib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

FILE_NAME = ".cohort-tracker.toml"


@dataclass(frozen=True)
class RustToolSettings:
    """The login that the tool used.

    Each value is None if the file does not have it.
    """

    path: Path
    email: str | None
    password: str | None = field(repr=False)
    api_base: str | None


def find_settings() -> RustToolSettings | None:
    """Read the tool's file in the user's folder.

    Returns None if there is none, or if it has no email.
    """
    with suppress(OSError, RuntimeError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        path = Path.home() / FILE_NAME
        given = tomllib.loads(path.read_text("utf-8"))
        email, password, api_base = (_text(given.get(name)) for name in ("email", "password", "api_base"))
        if email:
            return RustToolSettings(path, email, password, api_base)
    return None


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
