"""Contacts with students: what a mentor noted, and notes it again."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response

from cohort_core.api.dependencies import (
    CLASS_PATH,
    STUDENT_PATH,
    AsOf,
    ClassReference,
    CommandsFor,
    ContactNumber,
    DraftKind,
    Group,
    Read,
    ReadSyncs,
    StudentInPath,
    api_router,
    instant,
)
from cohort_core.api.pagination import CACHE_KEY, Moment, SendList, list_of
from cohort_core.api.schemas import (
    ContactRequest,
    ContactRow,
    DraftRequest,
    DraftRow,
    HandoverNoteRequest,
    NotedContact,
    PdfResponse,
)
from cohort_core.export import director as director_page
from cohort_core.export import handover, tables
from cohort_core.reports.row_models import DirectorRow, OutcomeRow, OutcomesByKindRow
from cohort_core.services.drafts import Draft
from cohort_core.store.contacts import Contact

router = api_router()

PageBefore = Annotated[
    str | None, instant("Begin here. Default: the page of an earlier day before, or 28 days ago.")
]


@router.get("/drafts", response_model=list_of(DraftRow), tags=["Administration"])
def drafts(read: ReadSyncs, send: SendList) -> Response:
    """List the drafts of messages, one for each reason, with their placeholders unfilled."""
    rows = [_draft_row(draft) for draft in read.drafts().values()]
    return send(tables.Table("drafts", DraftRow, rows), Moment())


@router.put("/drafts/{kind}", response_model=DraftRow, tags=["Administration"])
def save_draft(commands: CommandsFor, kind: DraftKind, wanted: DraftRequest) -> JSONResponse:
    """Write your own draft in place of the present one."""
    return JSONResponse(_draft_row(commands.save_draft(kind, wanted.subject, wanted.body)))


@router.delete("/drafts/{kind}", response_model=DraftRow, tags=["Administration"])
def reset_draft(commands: CommandsFor, kind: DraftKind) -> JSONResponse:
    """Go back to the draft that comes with the program, and return it."""
    return JSONResponse(_draft_row(commands.reset_draft(kind)))


@router.get(f"{CLASS_PATH}/contacts", response_model=list_of(ContactRow), tags=["Class"])
def class_contacts(read: Read, class_id: ClassReference, send: SendList) -> Response:
    """List the contacts with students of a class, newest first; deleted ones are gone."""
    rows = [_row(contact) for contact in read.contacts(class_id)]
    return send(tables.Table("contacts", ContactRow, rows), Moment.of(read.class_data(class_id)))


@router.get(f"{STUDENT_PATH}/contacts", response_model=list_of(ContactRow), tags=["Student"])
def contacts(read: Read, class_id: ClassReference, student_id: StudentInPath, send: SendList) -> Response:
    """List the contacts with a student, newest first; deleted ones are gone."""
    rows = [_row(contact) for contact in read.contacts(class_id, student_id)]
    return send(tables.Table("contacts", ContactRow, rows), Moment.of(read.class_data(class_id)))


@router.get(f"{CLASS_PATH}/metrics/outcomes", response_model=list_of(OutcomeRow), tags=["Metrics"])
def outcomes(
    read: Read, class_id: ClassReference, send: SendList, as_of: AsOf = None, group: Group = None
) -> Response:
    """List the contacts with students of a class, newest first, with what came of each."""
    report = read.report("outcomes", class_id, as_of=as_of, group=group)
    return send(report, Moment.of(read.cohort(class_id, as_of, group)))


@router.get(
    f"{CLASS_PATH}/metrics/outcomes-by-kind", response_model=list_of(OutcomesByKindRow), tags=["Metrics"]
)
def outcomes_by_kind(
    read: Read, class_id: ClassReference, send: SendList, as_of: AsOf = None, group: Group = None
) -> Response:
    """Count what came of contacts, beside the usual rate of coming back without a message."""
    report = read.report("outcomes_by_kind", class_id, as_of=as_of, group=group)
    return send(report, Moment.of(read.cohort(class_id, as_of, group)))


@router.get(f"{CLASS_PATH}/handover.pdf", response_class=PdfResponse, tags=["Class"])
def handover_sheet(
    request: Request, read: Read, class_id: ClassReference, as_of: AsOf = None, group: Group = None
) -> PdfResponse:
    """Write a class or group for the next mentor.

    Each student with contacts and what came of them, answers to four questions, and who is hidden and why.
    With pseudonyms there are no answers.
    """
    request.scope["state"][CACHE_KEY] = True
    cohort = read.cohort(class_id, as_of, group)
    file = handover.handover(
        *(cohort, read.contact_frame(class_id), read.holding_hides(cohort), read.handover_notes(class_id)),
        anonymous=read.anonymous,
    )
    name = tables.file_name(class_id, "handover", "pdf", anonymous=read.anonymous)
    return PdfResponse(file, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get(f"{CLASS_PATH}/director", response_model=list_of(DirectorRow), tags=["Class"])
def director(
    read: Read,
    class_id: ClassReference,
    send: SendList,
    since: PageBefore = None,
    as_of: AsOf = None,
    group: Group = None,
) -> Response:
    """Show the figures of the director's page, now and then.

    *Then* is the page of an earlier day. Nothing in it is a name.
    """
    page = read.director_page(class_id, since, as_of, group)
    return send(page.figures, Moment.of(page.after))


@router.get(f"{CLASS_PATH}/director.pdf", response_class=PdfResponse, tags=["Class"])
def director_sheet(
    request: Request,
    read: Read,
    class_id: ClassReference,
    since: PageBefore = None,
    as_of: AsOf = None,
    group: Group = None,
    names: Annotated[
        bool, Query(description="Name the students who moved to a higher risk level or left.")
    ] = False,
) -> PdfResponse:
    """Make one page for a programme director: what changed since the last one.

    Students are not named unless it is asked for. The next page begins where this one ends, unless the
    token may only read.
    """
    page = read.director_page(class_id, since, as_of, group)
    file = director_page.director_page(page, names=names, anonymous=read.anonymous)
    if not getattr(request.state, "is_head", False):
        read.record_director_page(page.after)
    name = tables.file_name(class_id, "director", "pdf", anonymous=read.anonymous)
    return PdfResponse(file, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.put(f"{CLASS_PATH}/handover-notes", status_code=HTTPStatus.NO_CONTENT, tags=["Class"])
def save_handover_note(commands: CommandsFor, class_id: ClassReference, note: HandoverNoteRequest) -> None:
    """Keep an answer for the handover; an empty text removes it.

    With `before`, the answer that you saw, another one that somebody wrote meanwhile stays: the response is
    409 with it in `present`.
    """
    commands.save_handover_note(class_id, **note.model_dump())


@router.post(
    f"{STUDENT_PATH}/contacts",
    response_model=NotedContact,
    status_code=HTTPStatus.CREATED,
    responses={200: {"model": NotedContact, "description": "Noted already within the last ten minutes."}},
    tags=["Student"],
)
def add_contact(
    commands: CommandsFor, class_id: ClassReference, student_id: StudentInPath, wanted: ContactRequest
) -> JSONResponse:
    """Note a message or talk, and hide the student from triage for some days.

    The same contact within ten minutes is noted once: the first is returned, with status 200. A longer hide
    of the student stays.
    """
    noted = commands.add_contact(class_id, student_id, **wanted.model_dump())
    content = _row(noted.contact) | {"hidden_until": noted.hidden_until and noted.hidden_until.isoformat()}
    return JSONResponse(content, HTTPStatus.CREATED if noted.is_new else HTTPStatus.OK)


@router.delete(f"{STUDENT_PATH}/contacts/{{contact}}", status_code=HTTPStatus.NO_CONTENT, tags=["Student"])
def delete_contact(
    commands: CommandsFor, class_id: ClassReference, student_id: StudentInPath, contact: ContactNumber
) -> None:
    """Delete a contact with its note, and bring back the hide of before it."""
    commands.delete_contact(class_id, student_id, contact)


def _row(contact: Contact) -> dict[str, Any]:
    return asdict(contact)


def _draft_row(draft: Draft) -> dict[str, Any]:
    about = {name: value for name, value in asdict(draft).items() if name != "template"}
    return {**about, **asdict(draft.template)}
