"""Keeps a home closed whose tokens or accounts are lost.

A mark beside the database says what protected it. So a database that is lost, damaged or put back from a
backup, which holds neither tokens nor accounts, does not open the door to everybody.
"""

from __future__ import annotations

from cohort_core.store.accounts import has_accounts
from cohort_core.store.audit import OPENED, save_event
from cohort_core.store.database import Database
from cohort_core.store.tokens import load_tokens


def is_closed(database: Database) -> bool:
    """Return True if the tokens or accounts that protected this home are lost.

    Then nobody may be let in.

    Tokens are only revoked, and of deleted accounts a row stays: a database without any is another one.
    """
    guards = database.home.guards()
    if not guards or has_accounts(database):
        return False
    return "accounts" in guards or not load_tokens(database)


def open_again(database: Database, *, asked_by: str) -> None:
    """Let this computer in again, although the tokens or accounts of before are lost."""
    if is_closed(database):
        save_event(database, asked_by, OPENED)
        database.home.unmark_guarded("accounts")
        if not load_tokens(database):
            database.home.unmark_guarded("tokens")
