"""Accounts for tests that sign in, over HTTP and in a browser."""

from __future__ import annotations

from collections.abc import Mapping

from cohort_core.clock import utc_now
from cohort_core.services.passwords import hash_password
from cohort_core.store import accounts
from cohort_core.store.database import Database

PASSWORD = "seven green bicycles"


def make_people(database: Database, roles: Mapping[str, str]) -> None:
    """Make an account with `PASSWORD` and an email for each name."""
    password_hash = hash_password(PASSWORD)
    for name, role in roles.items():
        accounts.create_account(
            database,
            name,
            role,
            email=f"{name}@example.org",
            password_hash=password_hash,
            asked_by="test",
            now=utc_now(),
        )
