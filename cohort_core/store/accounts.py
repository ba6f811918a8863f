"""Accounts of people, their sessions and invitations.

The database holds only digests of secrets: of the cookie of a session and of the link of an invitation the
SHA-256, since both have 256 random bits; of a password the Argon2id hash, which `services.sign_in` makes.

The row of a deleted account stays, so that its name is never another person's in notes and the audit, and so
that the dashboard goes on asking for a session.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cohort_core.errors import BadInput
from cohort_core.store.audit import CREATED_ACCOUNT, REMOVED_ACCOUNTS, add_event
from cohort_core.store.classes import find_class
from cohort_core.store.database import Database, utc_text
from cohort_core.store.roles import ROLES, Role
from cohort_core.store.tokens import digest

INVITATION_LIFETIME = timedelta(days=7)
_SECRET_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f<>\"]{1,64}@[^@\s\x00-\x1f\x7f<>\"]{1,190}")
_JSON_COLUMNS = ("class_ids", "groups", "settings")


@dataclass(frozen=True)
class Account:
    """A person who may sign in.

    Times are UTC text. ``class_ids`` is None for an account that sees all classes; ``groups`` are preselected
    on pages, and limit nothing.
    """

    id: int
    name: str
    email: str | None
    role: Role
    class_ids: frozenset[str] | None
    groups: tuple[str, ...]
    is_active: bool
    created_at: str
    last_seen_at: str | None
    deleted_at: str | None
    oidc_issuer: str | None
    oidc_subject: str | None = field(repr=False)
    settings: dict[str, Any]
    password_hash: str | None = field(repr=False)
    totp_secret: str | None = field(repr=False)
    """The encrypted secret of the second factor, None without one."""

    @property
    def may_sign_in(self) -> bool:
        """True if the account is neither disabled nor deleted."""
        return self.is_active and self.deleted_at is None


@dataclass(frozen=True)
class Session:
    """A signed-in browser, without its secret. Times are UTC text."""

    digest: str = field(repr=False)
    account_id: int
    opened_at: str
    seen_at: str
    ends_at: str
    label: str
    """Browser and system, by which a person recognises it."""

    def is_live(self, now: datetime, idle: timedelta) -> bool:
        """Return True if the session has neither ended nor been idle for too long."""
        return self.ends_at > utc_text(now) and self.seen_at > utc_text(now - idle)


def load_accounts(database: Database, *, deleted: bool = False) -> list[Account]:
    """Load the accounts in the order of their creation, with `deleted` the deleted ones too."""
    if not database.exists:
        return []
    with database.reading() as connection:
        rows = connection.execute("SELECT * FROM accounts ORDER BY id").fetchall()
    accounts = [_read_account(row) for row in rows]
    return [account for account in accounts if deleted or account.deleted_at is None]


def has_accounts(database: Database) -> bool:
    """Return True if there is an account of any state.

    Then the dashboard wants a session.
    """
    if not database.exists:
        return False
    with database.reading() as connection:
        return connection.execute("SELECT 1 FROM accounts LIMIT 1").fetchone() is not None


def find_account(database: Database, reference: str | int) -> Account:
    """Return the account of this id or name. Raises ``BadInput`` if there is none."""
    for account in load_accounts(database):
        if reference == account.id or str(reference).casefold() == account.name.casefold():
            return account
    raise unknown_account()


def unknown_account() -> BadInput:
    """Make the error for an account that does not exist."""
    return BadInput("There is no account of this name. The list of accounts has all.", parameter="name")


def create_account(
    database: Database,
    name: str,
    role: str,
    references: Iterable[str] | None = None,
    *,
    email: str | None = None,
    groups: Sequence[str] = (),
    password_hash: str | None = None,
    asked_by: str,
    now: datetime,
) -> Account:
    """Create an account.

    Without a password hash, it needs an invitation before anybody can sign in.

    ``references`` are the ids or friendly ids of the classes that it sees, None for all. Raises ``BadInput``
    for a name or email in use, also by a deleted account, for an unknown role or no class, and
    ``UnknownClass``.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(
            "An account's name has letters, digits, dots, hyphens and underscores, no spaces, at most 64. "
            "Choose another.",
            parameter="name",
        )
    class_ids = _checked_classes(database, check_role(role), references)
    with database.writing() as connection:
        taken = connection.execute("SELECT deleted_at FROM accounts WHERE name = ?", (name,)).fetchone()
        if taken:
            had = "was" if taken["deleted_at"] else "is"
            raise BadInput(f"There {had} an account of this name. Choose another.", parameter="name")
        made = connection.execute(
            "INSERT INTO accounts (name, email, password_hash, role, class_ids, groups, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                name,
                _checked_email(connection, email, None),
                password_hash,
                role,
                _json(class_ids),
                _json(list(groups)),
                utc_text(now),
            ),
        )
        add_event(connection, asked_by, CREATED_ACCOUNT, f"{name}, {_described(role, class_ids)}")
        account_id = made.lastrowid
    database.home.mark_guarded("accounts")
    return next(account for account in load_accounts(database) if account.id == account_id)


def change_account(
    database: Database,
    account_id: int,
    *,
    asked_by: str,
    role: str | None = None,
    references: Iterable[str] | bool | None = False,
    **columns: Any,
) -> Account:
    """Change an account, and end its sessions if what it may do changes.

    ``references`` are classes as for `create_account`; False leaves them. ``columns`` are other columns with
    their values: email, groups, is_active, settings, password_hash, totp_secret, oidc_issuer, oidc_subject.
    Raises ``BadInput`` if there is no such account, if a value cannot be used, or if no administrator who can
    sign in would be left.
    """
    account = next((item for item in load_accounts(database) if item.id == account_id), None)
    if account is None:
        raise unknown_account()
    changes: dict[str, Any] = dict(columns)
    said = sorted(columns.keys() - {"password_hash", "totp_secret", "is_active"})
    if "is_active" in columns:
        said.append("enabled" if columns["is_active"] else "disabled")
    wanted = check_role(role) if role is not None else account.role
    if role is not None and wanted != account.role:
        changes["role"] = wanted
        said.append(f"role {wanted}")
    if references is not False:
        class_ids = _checked_classes(database, wanted, references)  # type: ignore[arg-type]
        changes["class_ids"] = _json(class_ids)
        said.append(f"classes {', '.join(class_ids) if class_ids else 'all'}")
    elif wanted == "admin" and account.class_ids is not None:
        changes["class_ids"] = None
    if "password_hash" in columns:
        said.append("password")
    if "totp_secret" in columns:
        said.append(f"second factor {'on' if columns['totp_secret'] else 'off'}")
    ends = changes.keys() & {"role", "class_ids", "is_active", "password_hash", "totp_secret", "oidc_subject"}
    with database.writing() as connection:
        if "email" in changes:
            changes["email"] = _checked_email(connection, changes["email"], account_id)
        for name in ("groups", "settings"):
            if name in changes:
                changes[name] = _json(changes[name])
        if changes:
            places = ", ".join(f"{name} = ?" for name in changes)
            connection.execute(
                f"UPDATE accounts SET {places} WHERE id = ?",  # noqa: S608
                (*changes.values(), account_id),
            )
            _require_administrator(connection, account)
            add_event(connection, asked_by, "account changed", f"{account.name}: {', '.join(said)}")
        if ends:
            connection.execute("DELETE FROM sessions WHERE account_id = ?", (account_id,))
    return next(item for item in load_accounts(database) if item.id == account_id)


def replace_second_factor(database: Database, account_id: int, held: str, new: str) -> bool:
    """Replace the second factor of an account, and keep its sessions.

    Return False if it is not the one that was held any more.
    """
    with database.writing() as connection:
        changed = connection.execute(
            "UPDATE accounts SET totp_secret = ? WHERE id = ? AND totp_secret = ?", (new, account_id, held)
        )
    return bool(changed.rowcount)


def delete_account(database: Database, account_id: int, *, asked_by: str, now: datetime) -> None:
    """Delete an account; its name stays taken. Raises ``BadInput`` as `change_account` does."""
    account = next((item for item in load_accounts(database) if item.id == account_id), None)
    if account is None:
        raise unknown_account()
    with database.writing() as connection:
        connection.execute(
            "UPDATE accounts SET deleted_at = ?, is_active = 0, email = NULL, password_hash = NULL, "
            "totp_secret = NULL, oidc_issuer = NULL, oidc_subject = NULL, settings = '{}' WHERE id = ?",
            (utc_text(now), account_id),
        )
        _require_administrator(connection, account)
        connection.execute("DELETE FROM sessions WHERE account_id = ?", (account_id,))
        connection.execute("DELETE FROM invitations WHERE account_id = ?", (account_id,))
        add_event(connection, asked_by, "account deleted", account.name)


def remove_all_accounts(database: Database, *, asked_by: str) -> int:
    """Remove all accounts with their sessions, and return their number.

    Then the dashboard needs no login.
    """
    with database.writing() as connection:
        connection.execute("DELETE FROM sessions")
        connection.execute("DELETE FROM invitations")
        removed = connection.execute("DELETE FROM accounts").rowcount
        add_event(connection, asked_by, REMOVED_ACCOUNTS, f"{removed}")
    database.home.unmark_guarded("accounts")
    return removed


def create_invitation(database: Database, account_id: int, *, asked_by: str, now: datetime) -> str:
    """Return the secret of a link that sets the password of an account.

    It works once, within seven days.

    Earlier invitations of the account end. Raises ``BadInput`` if there is no such account or it is disabled.
    """
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with database.writing() as connection:
        row = connection.execute(
            "SELECT name, is_active FROM accounts WHERE id = ? AND deleted_at IS NULL", (account_id,)
        ).fetchone()
        if row is None:
            raise unknown_account()
        if not row["is_active"]:
            raise BadInput("This account is disabled. Enable it first.", parameter="name")
        connection.execute("DELETE FROM invitations WHERE account_id = ? AND used_at IS NULL", (account_id,))
        connection.execute(
            "INSERT INTO invitations (digest, account_id, ends_at) VALUES (?, ?, ?)",
            (digest(secret), account_id, utc_text(now + INVITATION_LIFETIME)),
        )
        add_event(connection, asked_by, "invitation made", row["name"])
    return secret


def find_invited(database: Database, secret: str, now: datetime) -> Account | None:
    """Return the account of an invitation; None if it is used, over or unknown."""
    with database.reading() as connection:
        row = connection.execute(
            "SELECT accounts.* FROM invitations JOIN accounts ON accounts.id = account_id "
            "WHERE digest = ? AND used_at IS NULL AND ends_at > ? AND is_active AND deleted_at IS NULL",
            (digest(secret), utc_text(now)),
        ).fetchone()
    return None if row is None else _read_account(row)


def use_invitation(database: Database, secret: str, password_hash: str, *, now: datetime) -> Account | None:
    """Set the password of an invited account, and end its sessions; None as for `find_invited`."""
    with database.writing() as connection:
        used = connection.execute(
            "UPDATE invitations SET used_at = ? WHERE digest = ? AND used_at IS NULL AND ends_at > ? "
            "AND account_id IN (SELECT id FROM accounts WHERE is_active AND deleted_at IS NULL) "
            "RETURNING account_id",
            (utc_text(now), digest(secret), utc_text(now)),
        ).fetchone()
        if used is None:
            return None
        account_id = used["account_id"]
        connection.execute("UPDATE accounts SET password_hash = ? WHERE id = ?", (password_hash, account_id))
        connection.execute("DELETE FROM sessions WHERE account_id = ?", (account_id,))
        row = connection.execute("SELECT * FROM accounts WHERE id = ?", (account_id,)).fetchone()
        add_event(connection, f"account {row['name']}", "password set", "by an invitation")
    return _read_account(row)


def open_session(
    database: Database,
    account_id: int,
    *,
    label: str,
    lifetime: timedelta,
    now: datetime,
    proven: Account | None = None,
) -> str | None:
    """Open a session and return its secret; None if the account may not sign in.

    ``proven`` is the account as it was when its person proved who they are. If password, second factor or
    link have changed since, the proof is of before, and no session opens.
    """
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    at = utc_text(now)
    with database.writing() as connection:
        connection.execute("DELETE FROM sessions WHERE ends_at <= ?", (at,))
        opened = connection.execute(
            "INSERT INTO sessions (digest, account_id, opened_at, seen_at, ends_at, label) "
            "SELECT ?, id, ?, ?, ?, ? FROM accounts WHERE id = ? AND is_active AND deleted_at IS NULL "
            "AND (? OR password_hash IS ? AND (totp_secret IS NULL) = ? "
            "AND oidc_issuer IS ? AND oidc_subject IS ?)",
            (
                *(digest(secret), at, at, utc_text(now + lifetime), label[:200], account_id),
                *(proven is None, proven and proven.password_hash, proven and proven.totp_secret is None),
                *(proven and proven.oidc_issuer, proven and proven.oidc_subject),
            ),
        )
        if not opened.rowcount:
            return None
        connection.execute("UPDATE accounts SET last_seen_at = ? WHERE id = ?", (at, account_id))
    return secret


def load_sessions(database: Database) -> list[Session]:
    """Load all sessions that are kept, the latest first; some may have ended."""
    if not database.exists:
        return []
    with database.reading() as connection:
        rows = connection.execute("SELECT * FROM sessions ORDER BY opened_at DESC").fetchall()
    return [Session(**dict(row)) for row in rows]


def note_seen(database: Database, uses: Mapping[str, datetime]) -> None:
    """Note when sessions were last used, by their digests."""
    rows = [(utc_text(at), item) for item, at in uses.items()]
    with database.writing() as connection:
        connection.executemany("UPDATE sessions SET seen_at = max(seen_at, ?) WHERE digest = ?", rows)
        connection.executemany(
            "UPDATE accounts SET last_seen_at = max(coalesce(last_seen_at, ''), ?) "
            "WHERE id = (SELECT account_id FROM sessions WHERE digest = ?)",
            rows,
        )


def end_session(database: Database, session_digest: str) -> bool:
    """End a session at once; return whether there was one."""
    with database.writing() as connection:
        ended = connection.execute("DELETE FROM sessions WHERE digest = ?", (session_digest,))
    return bool(ended.rowcount)


def end_sessions(database: Database, account_id: int, *, but: str | None = None) -> int:
    """End all sessions of an account but one; return how many there were."""
    with database.writing() as connection:
        ended = connection.execute(
            "DELETE FROM sessions WHERE account_id = ? AND digest IS NOT ?", (account_id, but)
        )
    return ended.rowcount


def end_all_sessions(database: Database, *, but: str | None = None) -> int:
    """End the sessions of everybody but one; return how many there were."""
    with database.writing() as connection:
        ended = connection.execute("DELETE FROM sessions WHERE digest IS NOT ?", (but,))
    return ended.rowcount


def check_role(role: str) -> Role:
    """Return a role of accounts. Raises ``BadInput`` for any other text."""
    for known_role in ROLES:
        if role == known_role:
            return known_role
    raise BadInput(f"There is no such role. Choose one of: {', '.join(ROLES)}.", parameter="role")


def _checked_classes(database: Database, role: Role, references: Iterable[str] | None) -> list[str] | None:
    if references is None:
        return None
    class_ids = sorted({find_class(database, name) for name in references})
    if not class_ids:
        # A script whose list is empty by mistake must not open all classes.
        raise BadInput(
            "The list of classes is empty. Name at least one, or leave it out.", parameter="class_ids"
        )
    if role == "admin":
        raise BadInput(
            "An admin sees all classes. Leave the classes out, or choose another role.", parameter="role"
        )
    return class_ids


def _checked_email(connection: sqlite3.Connection, email: str | None, account_id: int | None) -> str | None:
    """Return an address without spaces around it.

    Raises ``BadInput`` if it is none or is in use.
    """
    text = (email or "").strip()
    if not text:
        return None
    if not _EMAIL.fullmatch(text) or not text.isprintable():
        raise BadInput("This is no email address. Correct it, such as ana@example.org.", parameter="email")
    # As a sign-in compares them; SQLite knows the case of A to Z alone.
    others = connection.execute(
        "SELECT email FROM accounts WHERE email IS NOT NULL AND id IS NOT ?", (account_id,)
    ).fetchall()
    if any(other["email"].casefold() == text.casefold() for other in others):
        raise BadInput("Another account has this email. Use another.", parameter="email")
    return text


def _require_administrator(connection: sqlite3.Connection, before: Account) -> None:
    """Raise ``BadInput`` if an administrator was the last one who can sign in."""
    if before.role != "admin" or not before.may_sign_in:
        return
    if not connection.execute(
        "SELECT 1 FROM accounts WHERE role = 'admin' AND is_active AND deleted_at IS NULL"
    ).fetchone():
        raise BadInput(
            "This is the last administrator. Make another account an administrator first.", parameter="role"
        )


def _described(role: str, class_ids: list[str] | None) -> str:
    return f"{role}, {', '.join(class_ids) if class_ids else 'all classes'}"


def _read_account(row: sqlite3.Row) -> Account:
    values = dict(row)
    class_ids, groups, settings = (json.loads(values.pop(name) or "null") for name in _JSON_COLUMNS)
    return Account(
        class_ids=None if class_ids is None else frozenset(class_ids),
        groups=tuple(groups or ()),
        is_active=bool(values.pop("is_active")),
        settings=settings or {},
        **values,
    )


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, allow_nan=False)
