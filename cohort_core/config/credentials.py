"""The password, which is kept apart from the other settings.

It is kept in the system keyring or, without a keyring, in a file that only its owner can read.
Tokens are never stored: a process that syncs logs in once and keeps the token in memory.
"""

from __future__ import annotations

import base64
import json
import os
from contextlib import suppress
from pathlib import Path

from cohort_core.config.paths import Home
from cohort_core.config.settings import Settings, load_settings, unreadable
from cohort_core.errors import BadSettings

_KEY_NAME, _KEY_BYTES = "key of second factors", 32
_OIDC_NAME = "client secret of the sign-in"


def save_password(home: Home, email: str, password: str) -> str:
    """Save a password in the keyring, else in a private file.

    Returns the place in words, and why it is not the keyring.
    """
    problem = _save_in_keyring(home, email, password)
    if problem is None:
        home.credentials.unlink(missing_ok=True)
        return "the system keyring"
    home.write_private(home.credentials, json.dumps({"email": email, "password": password}, allow_nan=False))
    return f"{home.credentials}, for your eyes only, since {problem}"


def load_password(home: Home, settings: Settings) -> str | None:
    """Load the password that belongs to these settings, None if there is none.

    That of the environment takes precedence. Raises ``BadSettings`` if the file that holds it cannot be
    read, or if the keyring is locked.
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
        except OSError as error:
            raise BadSettings(unreadable(home.credentials, error)) from None
        except (ValueError, KeyError, AttributeError):
            raise BadSettings(
                f"The password in {home.credentials} cannot be read. Run `cohort-tracker init` again."
            ) from None
    try:
        import keyring

        return keyring.get_password(_keyring_service(home), email)
    except Exception as error:  # noqa: BLE001 - keyrings fail with errors of any kind
        if _is_locked(error):
            raise BadSettings(
                "The system keyring is locked, so the password in it cannot be read. Unlock it, set "
                "COHORT_PASSWORD, or connect again to keep the password in a private file."
            ) from None
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


def load_or_make_key(home: Home) -> bytes:
    """Load the key that encrypts secrets in the database, or make it.

    It is kept in the keyring, else in a private file. Raises ``BadSettings`` if it cannot be read.
    """
    kept = _load_secret(home, _KEY_NAME, home.secrets_key)
    if kept:
        return kept.encode()
    key = base64.urlsafe_b64encode(os.urandom(_KEY_BYTES))
    _save_secret(home, _KEY_NAME, home.secrets_key, key.decode())
    return key


def save_oidc_secret(home: Home, secret: str | None) -> None:
    """Save the client secret of the school's sign-in, where the key is kept.

    None removes it.
    """
    if secret is not None:
        _save_secret(home, _OIDC_NAME, home.oidc_secret, secret)
        return
    home.oidc_secret.unlink(missing_ok=True)
    # A keyring without it, or no keyring at all.
    with suppress(Exception):
        import keyring

        keyring.delete_password(_keyring_service(home), _OIDC_NAME)


def load_oidc_secret(home: Home, settings: Settings) -> str | None:
    """Load the client secret of the school's sign-in, None if there is none.

    That of the environment takes precedence. Raises ``BadSettings`` if it cannot be read.
    """
    if settings.oidc_client_secret is not None:
        return settings.oidc_client_secret.get_secret_value()
    return _load_secret(home, _OIDC_NAME, home.oidc_secret)


def _load_secret(home: Home, name: str, file: Path) -> str | None:
    """Load a secret from its file, else from the keyring.

    Raises ``BadSettings`` if it cannot be read.
    """
    if file.exists():
        try:
            return file.read_bytes().decode("utf-8", "replace")
        except OSError as error:
            raise BadSettings(unreadable(file, error)) from None
    try:
        import keyring

        return keyring.get_password(_keyring_service(home), name)
    except Exception as error:  # noqa: BLE001 - keyrings fail with errors of any kind
        if _is_locked(error):
            raise BadSettings("The system keyring is locked. Unlock it, then try again.") from None
        return None


def _save_secret(home: Home, name: str, file: Path, secret: str) -> None:
    """Save a secret in the keyring, else in a private file."""
    if _save_in_keyring(home, name, secret) is None:
        file.unlink(missing_ok=True)
    else:
        home.write_private(file, secret)


def _save_in_keyring(home: Home, email: str, password: str) -> str | None:
    """Return None if the keyring keeps the password, else why it does not."""
    try:
        import keyring

        service = _keyring_service(home)
        keyring.set_password(service, email, password)
        # A null keyring accepts every password and keeps none.
        is_kept = keyring.get_password(service, email) == password
        return None if is_kept else "the keyring of this computer keeps nothing"
    except Exception as error:  # noqa: BLE001 - keyrings fail with errors of any kind
        return "the system keyring is locked" if _is_locked(error) else "this computer has no usable keyring"


def _is_locked(error: Exception) -> bool:
    import keyring.errors

    return isinstance(error, keyring.errors.KeyringLocked)


def _keyring_service(home: Home) -> str:
    return f"cohort-tracker {home.folder}"
