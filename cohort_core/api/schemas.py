"""Models of requests and responses. Those of the reports are in `cohort_core.reports.row_models`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cohort_core.config.settings import Preferences
from cohort_core.config.thresholds import Thresholds
from cohort_core.store.contacts import MAX_NOTE, Channel
from cohort_core.store.roles import TokenRole

JobState = Literal["running", "done", "partial", "failed", "cancelled", "interrupted"]


def _check_day_is_text(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError("must be a day such as 2025-01-06")
    return value


class Health(BaseModel):
    """The state of the service."""

    status: str = Field(description="ok, or there is a problem instead.", examples=["ok"])
    last_sync: datetime | None = Field(
        examples=["2025-01-04T15:30:00.000Z"],
        description="End of the latest successful sync of any class, UTC; null before the first.",
    )


class StatusResponse(BaseModel):
    """The counts of everything that may be seen."""

    last_sync: datetime | None = Field(
        description="End of the latest successful sync, UTC; null before the first.",
        examples=["2025-01-04T15:30:00.000Z"],
    )
    running: int | None = Field(description="The number of the sync that runs now; null for none.")
    classes: int = Field(description="Classes.")
    active_classes: int = Field(description="Classes that a sync without names includes.")
    students: int = Field(description="Students with records; each counts once, in however many classes.")
    assignments: int = Field(description="Assignments, counted in each class.")
    progressions: int = Field(description="Records.")
    quarantined: int = Field(description="Records that OpenClass sent in a form that cannot be used.")


class MentorRow(BaseModel):
    """A mentor of the last import."""

    name: str = Field(description="Name; a number in its place in anonymous mode.", examples=["Mira Mentor"])
    night: str | None = Field(description="The night on which they teach.", examples=["Tuesday"])


class ClassRow(BaseModel):
    """A class and how much of it is here."""

    id: str = Field(description="OpenClass id.")
    friendly_id: str | None = Field(
        description="Its id in words, which works wherever an id does.", examples=["sd-cohort-12"]
    )
    name: str = Field(description="As OpenClass has it.", examples=["Software Development, cohort 12"])
    is_active: bool = Field(description="Whether a sync that names no class includes this one.")
    is_published: bool | None = Field(description="As OpenClass has it; null if it does not say.")
    synced_at: datetime | None = Field(
        description="End of the last successful sync, UTC; null before the first."
    )
    students: int = Field(description="Students seen in progressions; the roster may know more.")
    assignments: int = Field(description="Assignments of its units, and any seen only in progressions.")
    progressions: int = Field(description="Records.")
    quarantined: int = Field(description="Records that OpenClass sent in a form that cannot be used.")
    closed_on: date | None = Field(
        description="The day on which it was closed; null while it is open. A closed class is not synced "
        "automatically and not in triage."
    )
    count_fits: bool = Field(
        description="False if OpenClass's count of its records differs from what it sends, sync after sync."
    )


class CloseRequest(BaseModel):
    """How a class ended: on which day, and who was lost."""

    model_config = ConfigDict(extra="forbid")
    lost: list[str] | None = Field(
        default=None,
        description="Ids of the students who were lost: they failed or withdrew. Without it those "
        "withdrawn on the roster, and without any no counts. Only counts are kept of it.",
    )
    closed_on: date | None = Field(
        default=None,
        description="The last day of the class; today if it is left out.",
        examples=["2025-01-06"],
    )
    contacts: Literal["keep", "delete"] = Field(
        default="keep",
        description="Keep contacts and handover notes for a year from the day of closing, or delete them "
        "now. Backups, and copies from before a restore or an update, still hold them.",
    )

    @field_validator("closed_on", mode="before")
    @classmethod
    def _check_is_text(cls, value: object) -> object:
        return _check_day_is_text(value)


class SetAsideRow(BaseModel):
    """A record that could not be used."""

    class_id: str = Field(description="OpenClass id of the class.")
    id: str = Field(description="Its OpenClass id, or a hash of it if it has none.")
    reason: str = Field(description="What is wrong with it.", examples=["grade is not a number"])
    student_id: str | None = Field(description="OpenClass id of the student; null if it does not tell.")
    student: str | None = Field(description="Name of the student; null if it does not tell.")
    assignment_id: str | None = Field(description="OpenClass id of the assignment; null if it does not tell.")
    assignment: str | None = Field(description="Name of the assignment; null if it does not tell.")
    first_seen_at: datetime = Field(description="When it was first seen, UTC.")
    last_seen_at: datetime = Field(description="When it was last seen in another form, UTC.")


class MarkRequest(BaseModel):
    """How long triage leaves a student out: for a time (*done*), or for good (*exempt*)."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["done", "exempt"] = Field(description="Why the student is not listed.")
    until: date | None = Field(
        default=None,
        description="The day from which the student is listed again; with *done* only.",
        examples=["2025-01-06"],
    )
    until_active: bool = Field(
        default=False,
        description="Instead of a day: until the student starts or completes something; with *done* only.",
        strict=True,
    )
    wrong: bool = Field(
        default=False, description="The student was wrongly listed; with *exempt* only.", strict=True
    )

    @field_validator("until", mode="before")
    @classmethod
    def _check_is_text(cls, value: object) -> object:
        return _check_day_is_text(value)


class ContactRow(BaseModel):
    """A message to a student, or a talk. What was said is not kept."""

    id: int = Field(description="Its number.", examples=[1])
    class_id: str = Field(description="OpenClass id of the class.")
    student_id: str = Field(description="OpenClass id of the student.")
    at: datetime = Field(description="When, UTC.", examples=["2025-01-04T15:30:00.000Z"])
    who: str = Field(description="dashboard, cli, api, or token: and its name.", examples=["token:ci"])
    channel: Channel = Field(description="*copied* is a draft that was copied, to be sent elsewhere.")
    kind: str | None = Field(
        description="The triage entry that it was about; null for none.", examples=["risk"]
    )
    assignment_id: str | None = Field(description="The assignment that it was about; null for none.")
    template: str | None = Field(description="The draft that was used; null for none.")
    days: int | None = Field(description="For how many days it had been so then.")
    note: str | None = Field(
        description="What the mentor noted, which the student may read; null with pseudonyms."
    )


class NotedContact(ContactRow):
    """A contact as it was noted."""

    hidden_until: date | None = Field(
        description="The day from which triage lists the student again; null if it lists them now, or hides "
        "them without a day.",
        examples=["2025-01-11"],
    )


class ContactRequest(BaseModel):
    """A contact to note."""

    model_config = ConfigDict(extra="forbid", strict=True)
    channel: Channel = Field(description="How.", examples=["email"])
    kind: Literal["never_started", "risk", "stuck", "engagement_gap"] | None = Field(
        default=None,
        description="The triage entry that it is about; the present one of the student if it is left out.",
    )
    assignment_id: str | None = Field(
        default=None,
        max_length=200,
        description="The assignment that it is about; that of the entry if it is left out.",
    )
    template: str | None = Field(
        default=None, max_length=40, description="The draft that was used.", examples=["silent"]
    )
    note: str | None = Field(
        default=None,
        max_length=MAX_NOTE,
        description="What the student may read, since they may ask for it.",
        examples=["Works nights until March; asked for a call on Friday."],
    )
    hide_days: int = Field(
        default=7, ge=0, le=366, description="Leave the student out of triage for so many days; 0 for none."
    )


class DraftRow(BaseModel):
    """A draft of a message for one reason."""

    kind: str = Field(description="The reason, such as silent or praise.")
    subject: str = Field(description="Its subject; it may have placeholders.")
    body: str = Field(
        description="Its text. The placeholders {first_name}, {assignment}, {days}, {missing} and {mentor} "
        "stand for values of a student; a line with one that has no value is left out."
    )
    is_ours: bool = Field(description="Whether it is the draft that comes with the program.")
    changed_at: datetime | None = Field(description="UTC; null for a draft that comes with the program.")
    who: str | None = Field(description="Who wrote it; null for a draft that comes with the program.")


class DraftRequest(BaseModel):
    """The text of a draft.

    No other placeholders than those of the row can be used.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    subject: str = Field(
        default="How are you getting on?",
        min_length=1,
        max_length=200,
        description="One line.",
        examples=["How are you getting on?"],
    )
    body: str = Field(
        min_length=1,
        max_length=2000,
        description="The text, with placeholders such as {first_name}.",
        examples=["Hi {first_name},\nhow are you?\n{mentor}"],
    )


class ClassNightTalk(BaseModel):
    """A student to talk to on a class night."""

    student_id: str = Field(description="OpenClass id.")
    name: str = Field(description="First and last name.")
    about: str | None = Field(description="The assignment to talk about; null for none.")


class ClassNightLesson(BaseModel):
    """An assignment to teach again on a class night."""

    assignment: str = Field(description="Its name.")
    students: list[str] = Field(description="Names of the students who are stuck in it.")


class ClassNightSheet(BaseModel):
    """The sheet of a class night, without any band, score, grade or note."""

    first: list[ClassNightTalk] = Field(
        description="At most 6 students to talk to first, hidden ones left out."
    )
    teach_again: list[ClassNightLesson] = Field(description="At most 3 assignments.")
    came_back: list[str] = Field(
        description="Names: active in the last 7 days, after 14 silent days or more."
    )
    not_talked_to: list[str] = Field(description="Names: no contact is noted in the last 21 days.")
    new: list[str] = Field(description="Names: enrolled in the last 7 days.")


class HandoverNoteRequest(BaseModel):
    """An answer for the handover: about a student, a group, or without both the class."""

    model_config = ConfigDict(extra="forbid", strict=True)
    question: Literal["helps", "careful", "promised", "else"] = Field(
        description="What helps, what to be careful with, what was promised, or what else."
    )
    text: str = Field(max_length=2000, description="The answer; empty removes it.", examples=["A call."])
    student_id: str | None = Field(default=None, description="OpenClass id of the student.")
    group: str | None = Field(default=None, description="A night or region of the roster.")
    before: str | None = Field(
        default=None,
        description="The answer that you saw, empty for none. If there is another one by now, it stays, and "
        "the response is 409 with it in `present`. Without `before` any answer is replaced.",
    )


class SyncRequest(BaseModel):
    """The classes to sync, and how.

    Classes are ids or friendly ids; without any, the active classes are synced.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    class_ids: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Ids or friendly ids; the active classes if it is left out.",
        examples=[["web-3"]],
    )
    full: bool = Field(default=False, description="Read every page, also of a large class.")
    accept_removals: bool = Field(
        default=False, description="Remove what OpenClass no longer has, however much it is."
    )


class SyncError(BaseModel):
    """The reason why a sync, or one of its classes, failed."""

    code: str | None = Field(description="Stable name, as in a problem.", examples=["upstream_down"])
    message: str | None = Field(description="What happened, and what to do about it.")


class SyncedClass(BaseModel):
    """One class in a sync."""

    class_id: str = Field(description="OpenClass id.")
    friendly_id: str | None = Field(description="OpenClass's short name of it.")
    name: str = Field(description="Name of the class.")
    state: str = Field(description="waiting, running, done, failed, cancelled or interrupted.")
    kind: str | None = Field(description="full or incremental; null before it began.")
    is_clean: bool | None = Field(description="Whether the pass could be verified; null while unknown.")
    started_at: datetime | None = Field(description="UTC.")
    ended_at: datetime | None = Field(description="UTC; null before its end.")
    seconds: float | None = Field(description="How long it took; null before its end or if it never began.")
    pages: int = Field(description="Pages read.")
    page_total: int | None = Field(description="Pages there are, as far as is known.")
    records: int = Field(description="Records read.")
    added: int = Field(description="Records that were new.")
    changed: int = Field(description="Records that said something else than before.")
    removed: int = Field(description="Records that OpenClass has no more.")
    quarantined: int = Field(description="Records that cannot be used.")
    note: str | None = Field(
        description="What you should know of it, such as that OpenClass's count does not fit; else null."
    )
    unaccepted: int = Field(
        description="Records that OpenClass no longer sends, and that stay until a sync with accept_removals."
    )
    error: SyncError | None = Field(description="What went wrong; null if nothing did.")


class _SyncBase(BaseModel):
    """Fields shared by all responses about a sync."""

    job: int = Field(description="Its number, for /sync/{job}.")
    state: JobState = Field(description="*partial*: some of its classes failed.")
    asked_by: str = Field(description="api, cli, dashboard or schedule.", examples=["api"])
    started_at: datetime = Field(description="UTC.")
    ended_at: datetime | None = Field(description="UTC; null while it runs.")
    seconds: float | None = Field(description="How long it took; null before its end.")
    records: int = Field(description="Records read.")
    added: int = Field(description="Records that were new.")
    changed: int = Field(description="Records that said something else than before.")
    removed: int = Field(description="Records that OpenClass has no more.")
    quarantined: int = Field(description="Records that cannot be used.")


class SyncResponse(_SyncBase):
    """A sync: its state, and for each class the records that were read and changed."""

    error: SyncError | None = Field(description="What went wrong; null if nothing did.")
    classes: list[SyncedClass] = Field(description="Its classes, in the order in which they are read.")


class SyncRow(_SyncBase):
    """The summary of a sync; `GET /sync/{job}` has the details."""

    error_code: str | None = Field(description="Stable name of what went wrong; null if nothing did.")
    class_ids: list[str] = Field(description="OpenClass ids of its classes.")


class TokenRow(BaseModel):
    """The properties of a token. The token itself is not stored."""

    name: str = Field(description="What it is for.", examples=["ci"])
    role: TokenRole = Field(
        description="*viewer* reads, *mentor* also syncs and writes notes, *admin* does all."
    )
    class_ids: list[str] | None = Field(
        description="OpenClass ids of the classes that it may see; null for all."
    )
    created_at: datetime = Field(description="UTC.", examples=["2025-01-04T15:30:00.000Z"])
    expires_at: datetime | None = Field(description="UTC; null: lives until it is revoked.")
    revoked_at: datetime | None = Field(description="UTC; null: was not revoked.")
    last_used_at: datetime | None = Field(description="To the minute, UTC; null before the first use.")


class NewToken(TokenRow):
    """A new token. This is the only response with the token itself."""

    token: str = Field(
        description="The token itself, for `Authorization: Bearer …`. Keep it now, it is not shown again.",
        examples=["cohort_…"],
    )


class TokenRequest(BaseModel):
    """A token to make.

    Without classes it sees all of them. Without an end it is valid until it is revoked.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(
        description="What it is for: letters, digits, dots, hyphens and underscores, at most 64.",
        examples=["ci"],
    )
    role: TokenRole = Field(default="viewer", description="What it may do. An admin sees all classes.")
    class_ids: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Ids or friendly ids of the classes that it may see; all if it is left out.",
        examples=[["web-3"]],
    )
    expires: str | None = Field(
        default=None, description="Its life, such as 12h, 90d or 8w.", examples=["90d"]
    )


class AuditRow(BaseModel):
    """An entry of the audit. It names no student."""

    at: datetime = Field(description="When, UTC.", examples=["2025-01-04T15:30:00.000Z"])
    who: str = Field(
        description="cli, dashboard, api, token and its name, or program for what nobody asked.",
        examples=["token ci"],
    )
    action: str = Field(description="What was done.", examples=["settings"])
    detail: str = Field(description="More about it; may be empty.", examples=["thresholds, timezone"])


class SettingsResponse(Preferences):
    """The settings that can be changed while the server runs.

    The connection to OpenClass is not among them.
    """

    set_by_environment: list[str] = Field(
        description="Settings that the environment of the server gives, single thresholds by their own "
        "names. A change does not move them.",
        examples=[["timezone"]],
    )


def _remove_defaults(schema: dict[str, Any]) -> None:
    """Remove the defaults from a schema of changes.

    A generated client would send them, while a field that is not sent must keep its value.
    """
    for field in schema["properties"].values():
        field.pop("default", None)


class ThresholdsChange(Thresholds):
    """The thresholds to change. The others stay as they are."""

    model_config = ConfigDict(json_schema_extra=_remove_defaults)

    @model_validator(mode="after")
    def _rise(self) -> ThresholdsChange:
        # Overrides the check of the order, which is possible only together with the other thresholds.
        return self


class SettingsChange(Preferences):
    """The settings to change. The others stay as they are."""

    model_config = ConfigDict(json_schema_extra=_remove_defaults)

    thresholds: ThresholdsChange = Field(
        default=ThresholdsChange(), description="Where bands, stages and ranks begin."
    )


class PdfResponse(Response):
    media_type = "application/pdf"


class EventStream(StreamingResponse):
    media_type = "text/event-stream"
