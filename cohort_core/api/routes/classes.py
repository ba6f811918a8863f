"""The classes, what is in each of them, and the class report."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Body, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from cohort_core.api.dependencies import (
    CLASS_PATH,
    AsOf,
    ClassReference,
    CommandsFor,
    Group,
    InServices,
    Read,
    api_router,
    instant,
)
from cohort_core.api.pagination import CACHE_KEY, Moment, SendList, list_of
from cohort_core.api.schemas import ClassNightSheet, ClassRow, CloseRequest, Health, PdfResponse, SetAsideRow
from cohort_core.errors import BadInput
from cohort_core.export import class_night, pdf, tables
from cohort_core.metrics import listings
from cohort_core.reports import catalog
from cohort_core.reports.row_models import AssignmentRow, ChangeRow, ProgressionRow, StudentRow
from cohort_core.store.classes import ClassStatus

router = api_router()


Since = Annotated[
    str | None, instant("What happened after this instant or from this day on. Default: the sync before.")
]


Until = Annotated[
    str | None, instant("What happened up to this instant or the end of this day. Default: the last sync.")
]


CompletedAfter = Annotated[
    str | None, instant("Completed at this instant or later, or on this day or later.")
]


CompletedBefore = Annotated[str | None, instant("Completed before this instant, or before this day.")]


AllClasses = Annotated[
    bool, Query(alias="all", description="Every class, which is the default; for clients that say so.")
]


ActiveClasses = Annotated[
    bool, Query(alias="active", description="Only those that a sync without names includes.")
]


@router.get("/", include_in_schema=False)
def root() -> RedirectResponse:
    return RedirectResponse("/docs")


@router.get("/health", response_model=Health, tags=["Service"])
def health(request: Request, services: InServices) -> JSONResponse:
    """Show that the service runs, and when any class was last synced."""
    request.scope["state"][CACHE_KEY] = True
    return JSONResponse({"status": "ok", "last_sync": services.last_sync()})


@router.get("/classes", response_model=list[ClassRow], tags=["Class"])
def classes(read: Read, send: SendList, all_: AllClasses = False, active: ActiveClasses = False) -> Response:
    """List every class that OpenClass has for the mentor.

    Active classes come first, and of these the open ones.
    """
    if all_ and active:
        raise BadInput("all and active exclude each other. Leave one of them out.", parameter="active")
    rows = [_class_row(status) for status in read.statuses(active_only=active)]
    return send(tables.Table("classes", ClassRow, rows), Moment(synced_at=read.last_sync()))


@router.post(f"{CLASS_PATH}/close", response_model=ClassRow, tags=["Class"])
def close_class(
    commands: CommandsFor, class_id: ClassReference, wanted: Annotated[CloseRequest | None, Body()] = None
) -> JSONResponse:
    """Close a class that has ended.

    It stays readable, but is not synced automatically and not in triage. Of who was lost only counts are
    kept, by risk band and quarter of the course: `GET /risk-bands` adds them to what may be said. Contacts
    and handover notes are kept for a year, or deleted at once.
    """
    wanted = wanted or CloseRequest()
    erases = wanted.contacts == "delete"
    status = commands.close_class(class_id, wanted.lost, wanted.closed_on, erases_contacts=erases)
    return JSONResponse(_class_row(status))


@router.post(f"{CLASS_PATH}/open", response_model=ClassRow, tags=["Class"])
def open_class(commands: CommandsFor, class_id: ClassReference) -> JSONResponse:
    """Open a closed class again. The counts that its closing kept are removed."""
    return JSONResponse(_class_row(commands.open_class(class_id)))


def _class_row(status: ClassStatus) -> dict[str, Any]:
    return {name: getattr(status, name) for name in ClassRow.model_fields}


@router.get(f"{CLASS_PATH}/students", response_model=list[StudentRow], tags=["Class"])
def students(read: Read, class_id: ClassReference, send: SendList, group: Group = None) -> Response:
    """List everyone enrolled by last name, including withdrawn students."""
    class_data = read.class_data(class_id)
    return send(catalog.students(class_data, group), Moment.of(class_data))


@router.get(f"{CLASS_PATH}/assignments", response_model=list[AssignmentRow], tags=["Class"])
def assignments(read: Read, class_id: ClassReference, send: SendList) -> Response:
    """List the assignments in course order."""
    class_data = read.class_data(class_id)
    return send(catalog.assignments(class_data), Moment.of(class_data))


@router.get(f"{CLASS_PATH}/progressions", response_model=list[ProgressionRow], tags=["Class"])
def progressions(
    read: Read,
    class_id: ClassReference,
    send: SendList,
    student_id: Annotated[str | None, Query(description="Of this student only.")] = None,
    assignment_id: Annotated[str | None, Query(description="Of this assignment only.")] = None,
    completed_after: CompletedAfter = None,
    completed_before: CompletedBefore = None,
    status: Annotated[listings.Status | None, Query(description="In this state only.")] = None,
) -> Response:
    """List the records as OpenClass has them, newest completion first.

    Nothing is merged or left out.
    """
    class_data = read.class_data(class_id)
    report = catalog.progressions(
        class_data,
        student_id=student_id and read.present_student_id(class_id, student_id),
        assignment_id=assignment_id,
        completed_after=completed_after,
        completed_before=completed_before,
        status=status,
    )
    return send(report, Moment.of(class_data))


@router.get(f"{CLASS_PATH}/changes", response_model=list_of(ChangeRow), tags=["Class"])
def changes(
    read: Read,
    class_id: ClassReference,
    send: SendList,
    since: Since = None,
    until: Until = None,
    group: Group = None,
) -> Response:
    """List what happened between two instants, newest first."""
    report = read.changes(class_id, since, until, group)
    return send(report, Moment.of(read.cohort(class_id, until)))


@router.get(f"{CLASS_PATH}/quarantine", response_model=list_of(SetAsideRow), tags=["Class"])
def quarantine(read: Read, class_id: ClassReference, send: SendList) -> Response:
    """List records that OpenClass sent in a form that cannot be used, with the reason.

    Every sync tries them again.
    """
    rows = [asdict(record) for record in read.quarantined(class_id)]
    return send(tables.Table("quarantine", SetAsideRow, rows), Moment.of(read.class_data(class_id)))


@router.get(f"{CLASS_PATH}/office-hours", response_model=ClassNightSheet, tags=["Class"])
def office_hours(
    read: Read, class_id: ClassReference, as_of: AsOf = None, group: Group = None
) -> ClassNightSheet:
    """List the students to talk to first on a class night, and what about.

    Also what to teach again, who came back, who is new and who was not talked to for three weeks.
    Nothing in it is a band, score, grade or note.
    """
    night = read.class_night(class_id, as_of, group)[1]
    return ClassNightSheet.model_validate(night, from_attributes=True)


@router.get(f"{CLASS_PATH}/office-hours.pdf", response_class=PdfResponse, tags=["Class"])
def office_hours_sheet(
    request: Request, read: Read, class_id: ClassReference, as_of: AsOf = None, group: Group = None
) -> PdfResponse:
    """Make the sheet of a class night on one page."""
    request.scope["state"][CACHE_KEY] = True
    cohort, night = read.class_night(class_id, as_of, group)
    file = class_night.class_night_sheet(cohort, night, anonymous=read.anonymous)
    name = tables.file_name(class_id, "class-night", "pdf", anonymous=read.anonymous)
    return PdfResponse(file, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get(f"{CLASS_PATH}/report.pdf", response_class=PdfResponse, tags=["Class"])
def class_report(
    request: Request, read: Read, class_id: ClassReference, as_of: AsOf = None, group: Group = None
) -> PdfResponse:
    """Make the class report: summary, who needs attention, blockers, trends, definitions."""
    request.scope["state"][CACHE_KEY] = True
    cohort, said = read.cohort(class_id, as_of, group), read.band_meanings()
    file = pdf.class_report(cohort, said, anonymous=read.anonymous)
    name = tables.file_name(class_id, "report", "pdf", anonymous=read.anonymous)
    return PdfResponse(file, headers={"Content-Disposition": f'attachment; filename="{name}"'})
