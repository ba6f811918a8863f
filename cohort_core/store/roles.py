"""The roles of people and tokens."""

from typing import Literal, get_args

Role = Literal["viewer", "mentor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Roles in ascending order: read; also sync and write notes; also settings and tokens."""
