"""The services of one home, for principals of every role."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from cohort_core.errors import BadInput, CohortError
from cohort_core.services.principal import Principal, principal_of
from cohort_core.services.reader import Reader
from cohort_core.services.workspace import Workspace, shared_workspace
from cohort_core.store.accounts import find_account, has_accounts
from cohort_core.store.guard import is_closed

if TYPE_CHECKING:
    from cohort_core.services.account_commands import AccountCommands
    from cohort_core.services.admin_commands import AdminCommands
    from cohort_core.services.arrangement import OwnArrangement
    from cohort_core.services.commands import Commands
    from cohort_core.services.messages import MessageCommands
    from cohort_core.services.own_account import OwnAccount


class Services:
    """Hands out readers and commands over one workspace, each bound to a principal."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def last_sync(self) -> str | None:
        """Return the end of the latest successful sync of any class: UTC text, or None."""
        return self._workspace.last_sync()

    def is_closed(self) -> bool:
        """Return True if the tokens that protected this home are lost.

        Then nobody may be let in.
        """
        return is_closed(self._workspace.database)

    def has_accounts(self) -> bool:
        """Return True if the dashboard wants a session, also where that cannot be read now."""
        try:
            return has_accounts(self._workspace.database)
        except CohortError:
            return "accounts" in self._workspace.home.guards()

    def account_principal(self, account_id: int) -> Principal | None:
        """Return the principal of an account; None if it may not sign in.

        Where the settings demand a second factor of administrators, one without it may only look.
        """
        with suppress(BadInput):
            account = find_account(self._workspace.database, account_id)
            if account.may_sign_in:
                principal = principal_of(account)
                lacks = principal.may_administer and account.totp_secret is None
                if lacks and self._workspace.settings().demand_second_factor:
                    return replace(principal, role="viewer")
                return principal
        return None

    def reader(self, principal: Principal, *, anonymous: bool = False) -> Reader:
        """Return a reader, with pseudonyms if asked for.

        The caller, the settings or the role of the principal can ask for them.
        """
        wanted = anonymous or not principal.may_see_names
        return Reader(self._workspace, principal, self._workspace.cohorts.is_anonymous(wanted))

    def commands(self, principal: Principal) -> Commands:
        """Return the daily actions. Raises ``NotAllowed`` for a principal that may only read."""
        from cohort_core.services.commands import Commands

        return Commands(self._workspace, principal)

    def admin(self, principal: Principal) -> AdminCommands:
        """Return the actions of an administrator. Raises ``NotAllowed`` for others."""
        from cohort_core.services.admin_commands import AdminCommands

        return AdminCommands(self._workspace, principal)

    def messages(self, principal: Principal) -> MessageCommands:
        """Return the actions on messages. Raises ``NotAllowed`` for a principal that may only read."""
        from cohort_core.services.messages import MessageCommands

        return MessageCommands(self._workspace, principal)

    def accounts(self, principal: Principal) -> AccountCommands:
        """Return the actions on accounts. Raises ``NotAllowed`` for others than administrators."""
        from cohort_core.services.account_commands import AccountCommands

        return AccountCommands(self._workspace, principal)

    def own_arrangement(self, principal: Principal) -> OwnArrangement:
        """Return how a person, or without accounts this computer, arranges the dashboard."""
        from cohort_core.services.arrangement import OwnArrangement

        return OwnArrangement(self._workspace, principal)

    def own_account(self, principal: Principal) -> OwnAccount:
        """Return what a person who signed in may do with their own account."""
        from cohort_core.services.own_account import OwnAccount

        return OwnAccount(self._workspace, principal)


def shared_services() -> Services:
    """Return the services of this process, from the environment."""
    return Services(shared_workspace())
