"""The actions of an administrator on accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cohort_core.clock import utc_now
from cohort_core.errors import NotAllowed
from cohort_core.services.passwords import check_password, hash_password
from cohort_core.services.principal import Principal
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts
from cohort_core.store.accounts import Account, Session


@dataclass(frozen=True)
class AccountCommands:
    """Accounts, their invitations and sessions, for administrators alone."""

    _workspace: Workspace = field(repr=False)
    principal: Principal

    def __post_init__(self) -> None:
        """Raise ``NotAllowed`` for a principal that is no administrator."""
        if not self.principal.may_administer:
            raise NotAllowed("This takes the role admin. Ask an administrator.")

    def accounts(self) -> list[Account]:
        """Return the accounts in the order of their creation."""
        return accounts.load_accounts(self._workspace.database)

    def create(
        self,
        name: str,
        role: str,
        references: Iterable[str] | None = None,
        *,
        email: str | None = None,
        groups: Sequence[str] = (),
        password: str | None = None,
    ) -> Account:
        """Create an account; without a password it needs an invitation."""
        password_hash = None
        if password is not None:
            check_password(password, name=name, email=email)
            password_hash = hash_password(password)
        return accounts.create_account(
            self._workspace.database,
            name,
            role,
            references,
            email=email,
            groups=groups,
            password_hash=password_hash,
            asked_by=self.principal.who,
            now=utc_now(),
        )

    def change(self, account_id: int, **what: Any) -> Account:
        """Change an account, as `accounts.change_account` does."""
        return accounts.change_account(
            self._workspace.database, account_id, asked_by=self.principal.who, **what
        )

    def delete(self, account_id: int) -> None:
        """Delete an account; its name stays taken."""
        accounts.delete_account(
            self._workspace.database, account_id, asked_by=self.principal.who, now=utc_now()
        )

    def invite(self, account_id: int) -> str:
        """Return the secret of a new invitation."""
        return accounts.create_invitation(
            self._workspace.database, account_id, asked_by=self.principal.who, now=utc_now()
        )

    def sessions(self) -> list[Session]:
        """Return all sessions that are kept."""
        return accounts.load_sessions(self._workspace.database)

    def end_sessions(self, account_id: int) -> int:
        """End all sessions of an account; return their number."""
        return accounts.end_sessions(self._workspace.database, account_id)
