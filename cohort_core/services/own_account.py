"""Actions of a person on their own account.

What would let somebody at an open browser take the account over asks once more who it is: for the password,
or for a code of the second factor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from cohort_core.clock import utc_now
from cohort_core.errors import BadInput, NotAllowed
from cohort_core.formatting import count
from cohort_core.services.account_commands import live_sessions
from cohort_core.services.passwords import check_password, hash_password, is_password
from cohort_core.services.principal import Principal
from cohort_core.services.sign_in import Guesses
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts
from cohort_core.store.accounts import Account, Session
from cohort_core.store.database import utc_text

FRESH = timedelta(minutes=10)
"""A person without password and second factor has to have signed in so recently."""
_guesses = Guesses()


@dataclass(frozen=True)
class OwnAccount:
    """The account of the person who signed in.

    ``proof`` and ``session`` of its methods are those of `check_proof`.
    """

    _workspace: Workspace = field(repr=False)
    principal: Principal

    @property
    def account(self) -> Account:
        """The account as it is now."""
        if self.principal.account_id is None:
            raise NotAllowed("Nobody is signed in.")
        return accounts.find_account(self._workspace.database, self.principal.account_id)

    @property
    def has_proof(self) -> bool:
        """True if there is a password or a second factor that can be asked for."""
        return bool(self.account.password_hash or self.account.totp_secret)

    def change_password(self, old: str, new: str) -> None:
        """Change the password, and end all sessions of the account."""
        account = self.account
        self._limit(account)
        if not is_password(old, account.password_hash):
            raise BadInput("This is not your present password. Type it again.", parameter="password")
        self._forget(account)
        check_password(new, name=account.name, email=account.email)
        self._change(account, password_hash=hash_password(new))

    def change_email(self, email: str, proof: str, session: str | None = None) -> None:
        """Change the email, with which the person can also sign in."""
        self.check_proof(proof, session)
        self._change(self.account, email=email)

    def begin_second_factor(self) -> str:
        """Return the address of a new secret, for an authenticator app.

        It counts only once a code of it was confirmed.
        """
        from cohort_core.services import second_factor

        return second_factor.new_address(self.account.name)

    def confirm_second_factor(self, address: str, code: str, proof: str, session: str | None = None) -> None:
        """Switch the second factor of an address on, and end all sessions.

        Raises ``BadInput`` for a code that is no present one.
        """
        from cohort_core.services import second_factor

        self.check_proof(proof, session)
        account, secret = self.account, second_factor.secret_of(address)
        step = second_factor.matching_step(secret, code)
        if step is None:
            raise BadInput("This is not the code that the app shows now. Type that one.", parameter="code")
        self._change(account, totp_secret=second_factor.sealed(self._workspace.home, secret, step))

    def remove_second_factor(self, proof: str, session: str | None = None) -> None:
        """Switch the second factor off, and end all sessions."""
        self.check_proof(proof, session)
        self._change(self.account, totp_secret=None)

    def sessions(self) -> list[Session]:
        """Return the sessions of the account that are not over, the latest first."""
        everything = live_sessions(self._workspace)
        return [session for session in everything if session.account_id == self.principal.account_id]

    def end_other_sessions(self, current: str | None, proof: str) -> int:
        """End all sessions but one; return their number."""
        self.check_proof(proof, current)
        return accounts.end_sessions(self._workspace.database, self.account.id, but=current)

    def check_proof(self, proof: str, session: str | None = None) -> None:
        """Check that it is the person, by their password or a present code.

        Who has neither, as they come by the school's sign-in, has to have opened this session in the last
        ten minutes. Raises ``BadInput`` otherwise, and after too many attempts.
        """
        from cohort_core.services import second_factor

        account = self.account
        if not self.has_proof:
            since = utc_text(utc_now() - FRESH)
            if not any(item.digest == session and item.opened_at >= since for item in self.sessions()):
                raise BadInput(
                    "Sign out and in again, then do this within ten minutes.", parameter="password"
                )
            return
        self._limit(account)
        code = proof.replace(" ", "")
        if not (
            is_password(proof, account.password_hash)
            or second_factor.is_code(self._workspace.database, account, code)
        ):
            wanted = (
                "neither your password nor the code that the app shows now"
                if account.totp_secret
                else "not your password"
            )
            raise BadInput(f"This is {wanted}. Type it again.", parameter="password")
        self._forget(account)

    def _limit(self, account: Account) -> None:
        if wait := _guesses.begin(str(account.id), str(self._workspace.home.folder)):
            raise BadInput(
                f"Too many attempts. Wait {count(wait, 'second')}, and try again.", parameter="password"
            )

    def _forget(self, account: Account) -> None:
        _guesses.forget(str(account.id), str(self._workspace.home.folder))

    def _change(self, account: Account, **columns: str | None) -> None:
        accounts.change_account(self._workspace.database, account.id, asked_by=self.principal.who, **columns)
