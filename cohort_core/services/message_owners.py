"""The owner of a destination, by which classes and names are limited."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cohort_core.services.principal import Principal
from cohort_core.store.destinations import NAMES, Destination, Names

if TYPE_CHECKING:
    from cohort_core.services.reader import Reader
    from cohort_core.services.workspace import Workspace


@dataclass(frozen=True)
class Owner:
    """The person of a destination, as roles and settings are at this moment."""

    principal: Principal
    """Limited to the classes of the destination."""
    names: Names

    @property
    def who(self) -> str:
        """The name in the audit."""
        return self.principal.who


def owner_of(workspace: Workspace, destination: Destination) -> Owner | None:
    """Return the owner of a destination.

    None for an account that may not sign in any more: nothing is sent for it.
    """
    from cohort_core.services.services import Services

    if destination.account_id is None:
        principal: Principal | None = Principal("program", "admin")
    else:
        principal = Services(workspace).account_principal(destination.account_id)
    if principal is None:
        return None
    names = allowed_names(workspace, principal, destination.names)
    if destination.class_ids is not None:
        chosen = frozenset(destination.class_ids)
        seen = chosen if principal.class_ids is None else principal.class_ids & chosen
        principal = replace(principal, class_ids=seen)
    return Owner(principal, names)


def allowed_names(workspace: Workspace, principal: Principal, wanted: Names) -> Names:
    """Return how students may be named to a destination: as it asks, or less.

    Administrators decide for themselves; for others it is what they allow in the settings.
    """
    settings = workspace.settings()
    if settings.anonymous or not principal.may_see_names:
        return "pseudonym"
    most: Names = "full" if principal.may_administer else settings.message_names
    return min(wanted, most, key=NAMES.index)


def reader_of(workspace: Workspace, owner: Owner) -> Reader:
    """Return a reader of what an owner sees, with pseudonyms where names must stay."""
    from cohort_core.services.services import Services

    return Services(workspace).reader(owner.principal, anonymous=owner.names == "pseudonym")


def zone_of(workspace: Workspace, destination: Destination) -> ZoneInfo:
    """Return the time zone in which a destination's digest is due."""
    return ZoneInfo(destination.timezone or workspace.settings().default_timezone)
