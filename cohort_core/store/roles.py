"""The roles of people and tokens, and what each may do.

Roles are no ladder: a director may do less than a viewer in one way and look at more in another. So nothing
compares roles; everything asks for a right.
"""

from collections.abc import Mapping
from typing import Literal, get_args

Role = Literal["viewer", "mentor", "admin", "director"]
TokenRole = Literal["viewer", "mentor", "admin"]
Right = Literal["read", "names", "act", "administer"]
"""Read pages and files; see names; sync and keep contacts; do all the rest."""

ROLES: tuple[Role, ...] = get_args(Role)
TOKEN_ROLES: tuple[TokenRole, ...] = get_args(TokenRole)
RIGHTS: Mapping[Role, frozenset[Right]] = {
    "viewer": frozenset({"read", "names"}),
    "mentor": frozenset({"read", "names", "act"}),
    "admin": frozenset({"read", "names", "act", "administer"}),
    "director": frozenset({"read"}),
}


def role_with(right: Right) -> TokenRole:
    """Return the first role of tokens, in the order of `TOKEN_ROLES`, that has a right."""
    return next(role for role in TOKEN_ROLES if right in RIGHTS[role])
