"""Accounts that are linked to a person at the school's identity provider, by (issuer, subject)."""

from __future__ import annotations

from datetime import datetime

from cohort_core.store.accounts import Account, load_accounts
from cohort_core.store.audit import add_event
from cohort_core.store.database import Database, utc_text


def find_linked(database: Database, issuer: str, subject: str) -> Account | None:
    """Return the account that is linked to a person at a provider.

    It may be a disabled one.
    """
    wanted = (issuer, subject)
    linked = (item for item in load_accounts(database) if (item.oidc_issuer, item.oidc_subject) == wanted)
    return next(linked, None)


def link_invited(database: Database, issuer: str, subject: str, email: str, now: datetime) -> Account | None:
    """Link the invited account of an email to a person at a provider.

    Return it, or None if no account of this email has an invitation that can be used, or if it is linked
    already. The link uses the invitation up, and ends the sessions of the account.
    """
    with database.writing() as connection:
        row = connection.execute(
            "SELECT id, name FROM accounts WHERE email = ? AND is_active AND deleted_at IS NULL "
            "AND oidc_issuer IS NULL AND oidc_subject IS NULL AND EXISTS "
            "(SELECT 1 FROM invitations WHERE account_id = accounts.id AND used_at IS NULL AND ends_at > ?) "
            "AND NOT EXISTS (SELECT 1 FROM accounts WHERE oidc_issuer = ? AND oidc_subject = ?)",
            (email, utc_text(now), issuer, subject),
        ).fetchone()
        if row is None:
            return None
        connection.execute(
            "UPDATE accounts SET oidc_issuer = ?, oidc_subject = ? WHERE id = ?", (issuer, subject, row["id"])
        )
        connection.execute(
            "UPDATE invitations SET used_at = ? WHERE account_id = ? AND used_at IS NULL",
            (utc_text(now), row["id"]),
        )
        connection.execute("DELETE FROM sessions WHERE account_id = ?", (row["id"],))
        add_event(connection, f"account {row['name']}", "account linked", f"to a person at {issuer}")
    return find_linked(database, issuer, subject)
