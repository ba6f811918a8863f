"""The password, which is kept apart from the other settings.

It is kept in the system keyring or, without a keyring, in a file that only its owner can read.
Tokens are never stored: a process that syncs logs in once and keeps the token in memory.
"""

from __future__ import annotations

import json

from cohort_core.config.paths import Home
from cohort_core.config.settings import Settings, load_settings
from cohort_core.errors import BadSettings


def save_password(home: Home, email: str, password: str) -> str:
    """Save a password in the keyring, else in a private file.

    Returns the place in words.
    """
    if _save_in_keyring(home, email, password):
        home.credentials.unlink(missing_ok=True)
        return "the system keyring"
    home.write_private(home.credentials, json.dumps({"email": email, "password": password}))
    return str(home.credentials)


def load_password(home: Home, settings: Settings) -> str | None:
    """Load the password that belongs to these settings, None if there is none.

    That of the environment takes precedence. Raises ``BadSettings`` if the file that holds it cannot be read.
    """
    if settings.password is not None:
        return settings.password.get_secret_value()
    email = settings.email
    if not email:
        return None
    if home.credentials.exists():
        try:
            stored = json.loads(home.credentials.read_text("utf-8"))
            if stored.get("email") == email:
                return str(stored["password"])
        except (ValueError, KeyError, AttributeError, OSError):
            raise BadSettings(
                f"The password in {home.credentials} cannot be read. Run `cohort-tracker init` again."
            ) from None
    import keyring
    import keyring.errors

    try:
        return keyring.get_password(_keyring_service(home), email)
    except keyring.errors.KeyringError:
        return None


def password_place(home: Home) -> str | None:
    """Describe in words where the password is kept; None if there is none.

    Raises what `load_password` raises.
    """
    settings = load_settings(home)
    if settings.password is not None:
        return "in the environment variable COHORT_PASSWORD"
    if load_password(home, settings) is None:
        return None
    if home.credentials.exists():
        return f"in the file {home.credentials.name}, for your eyes only"
    return "in the system keyring"


def _save_in_keyring(home: Home, email: str, password: str) -> bool:
    import keyring
    import keyring.errors

    service = _keyring_service(home)
    try:
        keyring.set_password(service, email, password)
        # A null keyring accepts every password and keeps none.
        return keyring.get_password(service, email) == password
    except (keyring.errors.KeyringError, RuntimeError):
        return False


def _keyring_service(home: Home) -> str:
    return f"cohort-tracker {home.folder}"
