"""Requests and responses about messages that leave the school."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cohort_core.store.destinations import DEFAULT_AT, DEFAULT_EVENTS, WORKDAYS, Kind, Names

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
EventType = Literal[
    "student.needs_attention",
    "student.need_ended",
    "student.came_back",
    "class.alarm",
    "sync.failed",
    "sync.finished",
]
_AT = Field(description="The local time of the digest.", examples=["08:00"])
_NAMES = "How students are named there: *pseudonym*, *initial* (first name and initial) or *full*."


class DestinationRow(BaseModel):
    """A place to which digests or events go, without its address."""

    destination: int = Field(description="Its number.", examples=[1])
    name: str = Field(description="Its name.", examples=["team"])
    kind: Kind = Field(description="A *webhook* gets events, the others get digests.")
    names: Names = Field(description=_NAMES)
    class_ids: list[str] | None = Field(description="The classes that it is about; null for all.")
    at: str = _AT
    days: list[str] = Field(description="The days of the digest.", examples=[["mon", "tue"]])
    timezone: str | None = Field(description="The time zone of the time; null for that of the settings.")
    events: list[str] = Field(description="The events that a webhook gets; empty for others.")
    allow_private: bool = Field(description="True if its address may lie inside a private network.")
    is_on: bool = Field(description="False if nothing is sent there.")
    notice: str | None = Field(description="What went wrong last; null for nothing.")
    made_at: datetime = Field(description="UTC.", examples=["2025-01-04T15:30:00.000Z"])


class NewDestination(DestinationRow):
    """A new destination. Only this response has the secret of a webhook."""

    secret: str | None = Field(
        description="With it a receiver checks signatures; null for other kinds. It is not shown again.",
        examples=["whsec_…"],
    )


class NewSecret(BaseModel):
    """A new secret of a webhook, which is not shown again."""

    secret: str = Field(description="With it a receiver checks signatures.", examples=["whsec_…"])


class DestinationRequest(BaseModel):
    """A destination to add, with `url`.

    An email has `email` and the mail server in its place.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(description="A name for it, of one line.", max_length=60, examples=["team"])
    kind: Kind = Field(description="A *webhook* gets events, the others get digests.", examples=["slack"])
    url: str | None = Field(
        default=None,
        max_length=4000,
        description="The address of the webhook, https. It is kept apart and never shown.",
        examples=["https://hooks.slack.com/services/…"],
    )
    names: Names = Field(default="pseudonym", description=_NAMES)
    class_ids: list[str] | None = Field(
        default=None, min_length=1, description="Ids or friendly ids of the classes; all if it is left out."
    )
    at: str = Field(default=DEFAULT_AT, pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="Local time.")
    days: list[Day] = Field(default=list(WORKDAYS), description="The days of the digest.")  # type: ignore[arg-type]
    timezone: str | None = Field(default=None, max_length=80, description="The time zone of `at`.")
    events: list[EventType] = Field(default=list(DEFAULT_EVENTS), description="What a webhook gets.")  # type: ignore[arg-type]
    allow_private: bool = Field(default=False, description="The address may lie inside a private network.")
    email: str | None = Field(default=None, max_length=254, description="Where an email goes.")
    host: str | None = Field(default=None, max_length=253, description="The mail server.")
    port: int | None = Field(default=None, ge=1, le=65535, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="*none* on this computer only."
    )
    user: str | None = Field(default=None, max_length=254, description="The user name at the mail server.")
    password: str | None = Field(default=None, max_length=1000, description="Kept apart, never shown.")
    sender: str | None = Field(default=None, max_length=254, description="The sender; by default `email`.")

    @property
    def address(self) -> dict[str, Any]:
        """The fields that say where messages go, which are kept apart."""
        return self.model_dump(
            include={"url", "email", "host", "port", "security", "user", "password", "sender"}
        )


class DestinationChange(BaseModel):
    """Changes of a destination. What is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)
    names: Names = Field(default="pseudonym", description=_NAMES)
    at: str = Field(default=DEFAULT_AT, pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="Local time.")
    days: list[Day] = Field(default=list(WORKDAYS), min_length=1, description="The days of the digest.")  # type: ignore[arg-type]
    is_on: bool = Field(default=True, description="False sends nothing there.")


class SentMessage(BaseModel):
    """The outcome of a message."""

    destination: int = Field(description="The number of the destination.", examples=[1])
    state: str = Field(description="*delivered*, *accepted*, *failed* and others.", examples=["delivered"])
    answer: str | None = Field(description="The receiver's status, or why there is none.", examples=["200"])


class DeliveryRow(BaseModel):
    """A message to a destination, without its content."""

    delivery: int = Field(description="Its number.", examples=[7])
    kind: str = Field(description="*digest*, *test*, or the type of an event.", examples=["digest"])
    key: str = Field(description="The day of a digest, or the id of an event for its receiver.")
    made_at: datetime = Field(description="UTC.", examples=["2025-01-04T15:30:00.000Z"])
    tried_at: datetime | None = Field(description="The last attempt, UTC; null before the first.")
    next_try_at: datetime | None = Field(description="The next attempt, UTC; null for none.")
    tries: int = Field(description="Attempts that count.")
    state: Literal["waiting", "sending", "delivered", "accepted", "perhaps_sent", "failed", "dropped"] = (
        Field(
            description="*perhaps_sent*: nobody can say whether it arrived; it is not sent again by itself."
        )
    )
    answer: str | None = Field(description="The receiver's status, or why there is none.")
    may_repeat: bool = Field(description="True if it can be sent again.")


class DigestLine(BaseModel):
    """A student who needs a message."""

    name: str = Field(description="The name, or the pseudonym.", examples=["Ana Souza"])
    reason: str = Field(description="A short reason.", examples=["silent for 12 days"])
    is_new: bool = Field(description="True if the last digest did not list the student; here always false.")
    url: str | None = Field(description="The student's page; null without `public_url`.")


class DigestResponse(BaseModel):
    """The present content of a digest."""

    headline: str = Field(description="All of it in a line.", examples=["Today 4 need a message."])
    warnings: list[str] = Field(description="A failed sync.")
    notes: list[str] = Field(description="Lines about whole classes.")
    students: list[DigestLine] = Field(description="At most ten, the most urgent first.")
    more: int = Field(description="Students who need a message and are not listed.")
    url: str | None = Field(description="The overview; null without `public_url`.")
    settings_url: str | None = Field(description="The page of these messages; null without `public_url`.")
    footer: str = Field(description="What the names are.")
