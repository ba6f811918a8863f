"""Requests and responses about accounts and sessions."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from cohort_core.store.roles import Role


class AccountRow(BaseModel):
    """The properties of a person's account, without any secret."""

    id: int = Field(description="The number of the account.", examples=[1])
    name: str = Field(description="The name with which the person signs in.", examples=["ana"])
    email: str | None = Field(description="The person's email; null for none.")
    role: Role = Field(
        description="*viewer* looks, *mentor* also syncs and writes notes, *admin* does all, *director* "
        "looks without names."
    )
    class_ids: list[str] | None = Field(
        description="OpenClass ids of the classes that it sees; null for all."
    )
    groups: list[str] = Field(description="Nights or regions that pages choose first.")
    is_active: bool = Field(description="False for a disabled account, which cannot sign in.")
    has_password: bool = Field(description="False until the person used an invitation.")
    has_second_factor: bool = Field(description="True if signing in asks for a code too.")
    is_linked: bool = Field(description="True if the person comes in by the school's own sign-in.")
    created_at: datetime = Field(description="UTC.", examples=["2025-01-04T15:30:00.000Z"])
    last_seen_at: datetime | None = Field(description="To some minutes, UTC; null before the first time.")


class NewAccount(AccountRow):
    """A new account. Only this response has its invitation."""

    invitation: str | None = Field(
        description="A link that sets the password, once, within seven days; null if one was given.",
        examples=["https://tracker.example.org/invitation/…"],
    )


class Invitation(BaseModel):
    """A link that sets a password."""

    invitation: str = Field(
        description="It works once, within seven days. It is not shown again.",
        examples=["https://tracker.example.org/invitation/…"],
    )


class AccountRequest(BaseModel):
    """An account to make. Without classes it sees all of them."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(
        description="Letters, digits, dots, hyphens and underscores, at most 64.", examples=["ana"]
    )
    role: Role = Field(description="What the person may do. An admin sees all classes.")
    class_ids: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Ids or friendly ids of the classes that it sees; all if it is left out.",
        examples=[["web-3"]],
    )
    email: str | None = Field(default=None, description="The person's email.", examples=["ana@example.org"])
    groups: list[str] = Field(default=[], description="Nights or regions that pages choose first.")
    password: str | None = Field(
        default=None, description="12 to 256 letters. Without it there is an invitation."
    )


class AccountChange(BaseModel):
    """Changes of an account. What is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)
    role: Role = Field(default="viewer", description="Another role.")
    class_ids: list[str] | None = Field(
        default=None, min_length=1, description="Ids or friendly ids of classes; null for all."
    )
    email: str | None = Field(default=None, description="Another email; null for none.")
    groups: list[str] = Field(default=[], description="Other nights or regions.")
    is_active: bool = Field(default=True, description="False lets the person in no more.")


class SessionRow(BaseModel):
    """A browser in which somebody is signed in."""

    account_id: int = Field(description="The number of the account.", examples=[1])
    name: str | None = Field(description="The name of the account.", examples=["ana"])
    label: str = Field(description="Browser and system.", examples=["Firefox on Linux"])
    opened_at: datetime = Field(description="UTC.", examples=["2025-01-04T15:30:00.000Z"])
    seen_at: datetime = Field(description="To some minutes, UTC.", examples=["2025-01-04T15:30:00.000Z"])
    ends_at: datetime = Field(description="UTC, at the latest.", examples=["2025-01-18T15:30:00.000Z"])
