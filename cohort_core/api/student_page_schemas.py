"""Responses about students' own pages: links and requests for help."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class StudentLinkRow(BaseModel):
    """A link to a student's own page, without its address."""

    class_id: str = Field(description="OpenClass id of the class.")
    student_id: str = Field(description="OpenClass id of the student.")
    made_by: str = Field(description="dashboard, cli, api, or token: or account: and its name.")
    made_at: datetime = Field(description="When, UTC.", examples=["2025-01-04T15:30:00.000Z"])
    ends_at: datetime = Field(description="It works until then, UTC.", examples=["2025-02-03T15:30:00.000Z"])
    revoked_at: datetime | None = Field(description="When it was ended, UTC; null if it was not.")


class NewStudentLink(BaseModel):
    """A new link to a student's own page."""

    address: str = Field(
        description="What to send to the student alone. Nobody can read it again.",
        examples=["https://cohort.example.org/my-progress/open/…"],
    )


class HelpRequestRow(BaseModel):
    """A request for help, sent by a student from their own page."""

    id: int = Field(description="Its number.", examples=[1])
    class_id: str = Field(description="OpenClass id of the class.")
    student_id: str = Field(description="OpenClass id of the student.")
    assignment_id: str | None = Field(description="The assignment that it is about; null for none.")
    text: str | None = Field(
        description="What the student wrote; null with pseudonyms, and for those who may only read."
    )
    at: datetime = Field(description="When, UTC.", examples=["2025-01-04T15:30:00.000Z"])
    answered_at: datetime | None = Field(description="When somebody answered it, UTC; null before.")
    who: str | None = Field(description="Who answered it; null before.", examples=["account:ana"])
