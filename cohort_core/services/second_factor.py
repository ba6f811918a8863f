"""The second factor of accounts: codes of an authenticator app."""

from __future__ import annotations

from cohort_core.config.paths import Home
from cohort_core.store.accounts import Account


def is_code(home: Home, account: Account, code: str) -> bool:
    """Return whether a code is the present one of an account's second factor."""
    return False
