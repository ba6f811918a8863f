"""Actions of a person on their own account."""

from __future__ import annotations

from dataclasses import dataclass, field

from cohort_core.errors import BadInput, NotAllowed
from cohort_core.services.passwords import check_password, hash_password, is_password
from cohort_core.services.principal import Principal
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts
from cohort_core.store.accounts import Account, Session


@dataclass(frozen=True)
class OwnAccount:
    """The account of the person who signed in."""

    _workspace: Workspace = field(repr=False)
    principal: Principal

    @property
    def account(self) -> Account:
        """The account as it is now."""
        if self.principal.account_id is None:
            raise NotAllowed("Nobody is signed in.")
        return accounts.find_account(self._workspace.database, self.principal.account_id)

    def change_password(self, old: str, new: str) -> None:
        """Change the password, and end all sessions of the account."""
        account = self.account
        if not is_password(old, account.password_hash):
            raise BadInput("This is not your present password. Type it again.", parameter="password")
        check_password(new, name=account.name, email=account.email)
        accounts.change_account(
            self._workspace.database,
            account.id,
            asked_by=self.principal.who,
            password_hash=hash_password(new),
        )

    def begin_second_factor(self) -> str:
        """Return the address of a new secret, for an authenticator app.

        It counts only once a code of it was confirmed.
        """
        from cohort_core.services import second_factor

        return second_factor.new_address(self.account.name)

    def confirm_second_factor(self, address: str, code: str) -> None:
        """Switch the second factor of an address on, and end all sessions of the account.

        Raises ``BadInput`` for a code that is no present one.
        """
        from cohort_core.services import second_factor

        account, secret = self.account, second_factor.secret_of(address)
        step = second_factor.matching_step(secret, code)
        if step is None:
            raise BadInput("This is not the present code. Type the one that the app shows.", parameter="code")
        accounts.change_account(
            self._workspace.database,
            account.id,
            asked_by=self.principal.who,
            totp_secret=second_factor.sealed(self._workspace.home, secret, step),
        )

    def remove_second_factor(self, password: str) -> None:
        """Switch the second factor off, and end all sessions of the account.

        Raises ``BadInput`` for a wrong password.
        """
        account = self.account
        if not is_password(password, account.password_hash):
            raise BadInput("This is not your password. Type it again.", parameter="password")
        accounts.change_account(
            self._workspace.database, account.id, asked_by=self.principal.who, totp_secret=None
        )

    def sessions(self) -> list[Session]:
        """Return the sessions of the account, the latest first."""
        everything = accounts.load_sessions(self._workspace.database)
        return [session for session in everything if session.account_id == self.principal.account_id]

    def end_other_sessions(self, current: str | None) -> int:
        """End all sessions but one; return their number."""
        return accounts.end_sessions(self._workspace.database, self.account.id, but=current)
