"""Who asks, and what they may see and do."""

from __future__ import annotations

from dataclasses import dataclass, field

from cohort_core.store.tokens import Role


@dataclass(frozen=True)
class Principal:
    """Who asks, and what they may see: ``class_ids`` is None for all classes.

    A route finds it in ``request.state.access``; what is kept for others to have is kept by ``class_ids``.
    """

    who: str
    role: Role
    class_ids: frozenset[str] | None = None
    token: str | None = field(default=None, repr=False)
    """The digest of theirs."""


OWNER = Principal("api", "admin")


NOBODY = Principal("nobody", "viewer", frozenset())
