"""Principals: the persons and programs that make requests, and their rights."""

from __future__ import annotations

from dataclasses import dataclass, field

from cohort_core.store.tokens import Role


@dataclass(frozen=True)
class Principal:
    """A person or program that makes requests, with its role and classes.

    ``class_ids`` is None for all classes. API routes read it from ``request.state.access``. Cached responses
    are shared between principals with equal ``class_ids``.
    """

    who: str
    role: Role
    class_ids: frozenset[str] | None = None
    token: str | None = field(default=None, repr=False)
    """The digest of its token, None without one."""


OWNER = Principal("api", "admin")
NOBODY = Principal("nobody", "viewer", frozenset())
