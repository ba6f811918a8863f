"""The second factor of accounts: codes of an authenticator app (RFC 6238).

The secret is encrypted with a key that is kept where the OpenClass password is, so that the database alone
gives nobody a code. Beside it stands the last step that was used, since each code works once.
"""

from __future__ import annotations

import hmac
import json

import pyotp
from cryptography.fernet import Fernet, InvalidToken

from cohort_core.clock import utc_now
from cohort_core.config.credentials import load_or_make_key
from cohort_core.config.paths import Home
from cohort_core.store.accounts import Account, replace_second_factor
from cohort_core.store.database import Database

ISSUER = "Cohort Tracker"
_STEP_SECONDS = 30
_DRIFT_STEPS = 1


def new_address(name: str) -> str:
    """Return the address of a new secret, as authenticator apps read it from a picture."""
    return pyotp.TOTP(pyotp.random_base32()).provisioning_uri(name=name, issuer_name=ISSUER)


def secret_of(address: str) -> str:
    """Return the secret of an address that `new_address` made."""
    return str(pyotp.parse_uri(address).secret)


def sealed(home: Home, secret: str, last_step: int = 0) -> str:
    """Return a secret with the last step that was used, encrypted for the database."""
    text = json.dumps({"secret": secret, "step": last_step}, allow_nan=False)
    return Fernet(load_or_make_key(home)).encrypt(text.encode()).decode()


def matching_step(secret: str, code: str, after: int = 0) -> int | None:
    """Return the step whose code this is, if it is a present one and later than `after`."""
    present = int(utc_now().timestamp()) // _STEP_SECONDS
    totp = pyotp.TOTP(secret)
    for step in range(present - _DRIFT_STEPS, present + _DRIFT_STEPS + 1):
        wanted = totp.generate_otp(step)
        if step > after and hmac.compare_digest(wanted.encode(), code.encode("utf-8", "surrogatepass")):
            return step
    return None


def is_code(database: Database, account: Account, code: str) -> bool:
    """Return whether a code is a present one of an account, and use it up.

    False too if the secret cannot be read, since its key is lost: an administrator then makes a new link
    without a second factor.
    """
    held = account.totp_secret
    if held is None:
        return False
    try:
        kept = json.loads(Fernet(load_or_make_key(database.home)).decrypt(held.encode()))
    except InvalidToken:
        return False
    step = matching_step(kept["secret"], code, kept["step"])
    if step is None:
        return False
    return replace_second_factor(database, account.id, held, sealed(database.home, kept["secret"], step))
