"""Principals: the people and programs that ask, with what they may see and do."""

from __future__ import annotations

from dataclasses import dataclass, field

from cohort_core.store.roles import ROLES, Role


@dataclass(frozen=True)
class Principal:
    """A person or program that asks.

    ``class_ids`` are the classes it may see, None for all. ``who`` is its name in the audit: ``dashboard``,
    ``cli``, ``api`` or ``token NAME``. A route finds its principal in ``request.state.access``. Responses are
    cached by ``class_ids``.
    """

    who: str
    role: Role
    class_ids: frozenset[str] | None = None
    token: str | None = field(default=None, repr=False)
    """The digest of the token, if there is one."""

    @property
    def interface(self) -> str:
        """How the principal reaches this program: dashboard, cli or api."""
        return self.who if self.who in {"dashboard", "cli"} else "api"

    @property
    def kept_who(self) -> str:
        """Its name as contacts, hides and drafts keep it: dashboard, cli, api or token:NAME."""
        return self.who.replace("token ", "token:", 1)

    @property
    def may_act(self) -> bool:
        """True if the principal may sync, and hide students."""
        return ROLES.index(self.role) >= ROLES.index("mentor")

    @property
    def may_administer(self) -> bool:
        """True if the principal may change settings, classes, rosters and tokens."""
        return self.role == "admin" and self.class_ids is None

    def may_see(self, class_id: str) -> bool:
        """Return True if the principal may see this class."""
        return self.class_ids is None or class_id in self.class_ids


OWNER = Principal("api", "admin")
"""A request on this computer while there is no token."""

DASHBOARD_OWNER = Principal("dashboard", "admin")
CLI_OWNER = Principal("cli", "admin")
NOBODY = Principal("nobody", "viewer", frozenset())
