"""Principals: the people and programs that ask, with what they may see and do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cohort_core.store.roles import RIGHTS, Right, Role

if TYPE_CHECKING:
    from cohort_core.store.accounts import Account


@dataclass(frozen=True)
class Principal:
    """A person or program that asks.

    ``class_ids`` are the classes it may see, None for all. ``who`` is its name in the audit: ``dashboard``,
    ``cli``, ``api``, ``token NAME`` or ``account NAME``. A route finds its principal in
    ``request.state.access``. Responses are cached by ``class_ids``.
    """

    who: str
    role: Role
    class_ids: frozenset[str] | None = None
    token: str | None = field(default=None, repr=False)
    """The digest of the token, if there is one."""
    account_id: int | None = None
    """The id of the account of a person who signed in, if there is one."""
    groups: tuple[str, ...] = ()
    """The groups that pages preselect for the person; they limit nothing."""
    signs_as: str | None = None
    """The name below the messages of a person who signed in."""

    @property
    def interface(self) -> str:
        """How the principal reaches this program: dashboard, cli or api."""
        if self.account_id is not None:
            return "dashboard"
        return self.who if self.who in {"dashboard", "cli"} else "api"

    @property
    def actor(self) -> str:
        """The name as contacts, hides and drafts keep it.

        It is dashboard, cli, api, token:NAME or account:NAME.
        """
        return self.who.replace(" ", ":", 1)

    def may(self, right: Right) -> bool:
        """Return True if the role of the principal has a right."""
        return right in RIGHTS[self.role]

    @property
    def may_act(self) -> bool:
        """True if the principal may sync, and hide students."""
        return self.may("act")

    @property
    def may_see_names(self) -> bool:
        """True if the principal may see who the students are; others see pseudonyms."""
        return self.may("names")

    @property
    def may_administer(self) -> bool:
        """True if the principal may change settings, classes, rosters, tokens and accounts."""
        return self.may("administer") and self.class_ids is None

    def may_see(self, class_id: str) -> bool:
        """Return True if the principal may see this class."""
        return self.class_ids is None or class_id in self.class_ids


def principal_of(account: Account) -> Principal:
    """Return the principal of a person who signed in."""
    return Principal(
        f"account {account.name}",
        account.role,
        account.class_ids,
        account_id=account.id,
        groups=account.groups,
        signs_as=account.settings.get("mentor_name"),
    )


OWNER = Principal("api", "admin")
"""A request on this computer while there is no token."""

DASHBOARD_OWNER = Principal("dashboard", "admin")
CLI_OWNER = Principal("cli", "admin")
NOBODY = Principal("nobody", "viewer", frozenset())
