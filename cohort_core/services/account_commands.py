"""The actions of an administrator on accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cohort_core.clock import utc_now
from cohort_core.config import credentials
from cohort_core.errors import BadInput, NotAllowed
from cohort_core.services.passwords import check_password, hash_password
from cohort_core.services.principal import Principal
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts, destinations
from cohort_core.store.accounts import Account, Session
from cohort_core.store.audit import save_event

if TYPE_CHECKING:
    from cohort_core.services.school_sign_in import SchoolSignIn


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
        """Create an account; without a password it needs an invitation.

        Raises ``BadInput`` if the very first account is no administrator's.
        """
        database = self._workspace.database
        if accounts.check_role(role) != "admin" and not accounts.has_accounts(database):
            raise BadInput(
                "The first account is an administrator's, as nobody else could let the others in. Give it "
                "the role admin.",
                parameter="role",
            )
        password_hash = None
        if password is not None:
            check_password(password, name=name, email=email)
            password_hash = hash_password(password)
        return accounts.create_account(
            database,
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
        """Delete an account, its places of messages, and when its person was last here.

        Its name stays taken.
        """
        accounts.delete_account(
            self._workspace.database, account_id, asked_by=self.principal.who, now=utc_now()
        )
        self._workspace.home.visits_of(account_id).unlink(missing_ok=True)
        self._remove_destinations({account_id})

    def invite(self, account_id: int) -> str:
        """Return the secret of a new invitation."""
        return accounts.create_invitation(
            self._workspace.database, account_id, asked_by=self.principal.who, now=utc_now()
        )

    def is_open_invitation(self, secret: str) -> bool:
        """Return whether an invitation can still be used."""
        return accounts.find_invited(self._workspace.database, secret, utc_now()) is not None

    def sessions(self) -> list[Session]:
        """Return the sessions that are not over, the latest first."""
        return live_sessions(self._workspace)

    def end_sessions(self, account_id: int) -> int:
        """End all sessions of an account; return their number. Raises ``BadInput`` for no account."""
        account = accounts.find_account(self._workspace.database, account_id)
        ended = accounts.end_sessions(self._workspace.database, account_id)
        save_event(self._workspace.database, self.principal.who, "sessions ended", account.name)
        return ended

    def end_all_sessions(self, but: str | None = None) -> int:
        """End the sessions of everybody, but not the one with this digest; return their number."""
        ended = accounts.end_all_sessions(self._workspace.database, but=but)
        save_event(self._workspace.database, self.principal.who, "sessions ended", "everybody's")
        return ended

    def find(self, reference: str | int) -> Account:
        """Return the account of this name or id. Raises ``BadInput`` if there is none."""
        return accounts.find_account(self._workspace.database, reference)

    def remove_all(self) -> int:
        """Remove all accounts, so that the dashboard needs no login; return their number."""
        home, database = self._workspace.home, self._workspace.database
        people = accounts.load_accounts(database, deleted=True)
        owners = {item.account_id for item in destinations.load_destinations(database)}
        self._remove_destinations(owners - {None})
        removed = accounts.remove_all_accounts(database, asked_by=self.principal.who)
        for person in people:
            home.visits_of(person.id).unlink(missing_ok=True)
        return removed

    def unlink(self, account_id: int) -> Account:
        """Forget who an account is at the school's sign-in.

        A new invitation can link it again.
        """
        return self.change(account_id, oidc_issuer=None, oidc_subject=None)

    def school_sign_in(self) -> SchoolSignIn:
        """Return the settings of the school's own sign-in."""
        from cohort_core.services import school_sign_in

        return school_sign_in.describe(self._workspace.settings())

    def connect_school_sign_in(
        self, issuer: str, client_id: str, secret: str | None, name: str | None = None
    ) -> None:
        """Let people sign in by the school's own sign-in. See `school_sign_in.connect`."""
        from cohort_core.services import school_sign_in

        school_sign_in.connect(self._workspace, issuer, client_id, secret, name, asked_by=self.principal.who)

    def disconnect_school_sign_in(self) -> None:
        """Let nobody in by the school's own sign-in any more."""
        from cohort_core.services import school_sign_in

        school_sign_in.disconnect(self._workspace, asked_by=self.principal.who)

    def _remove_destinations(self, account_ids: Collection[int | None]) -> None:
        """Remove the destinations of accounts, with their addresses."""
        database = self._workspace.database
        for item in destinations.load_destinations(database):
            if item.account_id in account_ids:
                with database.writing() as connection:
                    destinations.remove_destination(connection, item.id)
                credentials.delete_address(self._workspace.home, item.secret_ref)

    @property
    def has_public_address(self) -> bool:
        """True if the settings name the address under which people open this."""
        return self._workspace.settings().public_url is not None

    def address_of(self, secret: str) -> str:
        """Return the link of an invitation, from the public address or this computer's usual one."""
        base = self._workspace.settings().public_url or "http://127.0.0.1:3000"
        return f"{base}/invitation/{secret}"


def live_sessions(workspace: Workspace) -> list[Session]:
    """Return the sessions that are not over, the latest first."""
    now, idle = utc_now(), timedelta(hours=workspace.settings().session_idle_hours)
    return [session for session in accounts.load_sessions(workspace.database) if session.is_live(now, idle)]


def shown_fields(account: Account) -> dict[str, Any]:
    """Return the fields of an account that may be shown, without any secret."""
    return {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "role": account.role,
        "class_ids": None if account.class_ids is None else sorted(account.class_ids),
        "groups": list(account.groups),
        "is_active": account.is_active,
        "has_password": account.password_hash is not None,
        "has_second_factor": account.totp_secret is not None,
        "is_linked": account.oidc_subject is not None,
        "created_at": account.created_at,
        "last_seen_at": account.last_seen_at,
    }
