"""Links to students' own pages, and what students ask there."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus

from fastapi.responses import JSONResponse, Response

from cohort_core.api.dependencies import (
    CLASS_PATH,
    STUDENT_PATH,
    ClassReference,
    CommandsFor,
    Read,
    RequestNumber,
    StudentInPath,
    api_router,
)
from cohort_core.api.pagination import Moment, SendList, list_of
from cohort_core.api.student_page_schemas import HelpRequestRow, NewStudentLink, StudentLinkRow
from cohort_core.export import tables

router = api_router()


@router.get(f"{CLASS_PATH}/student-links", response_model=list_of(StudentLinkRow), tags=["Class"])
def student_links(read: Read, class_id: ClassReference, send: SendList) -> Response:
    """List the links to students' own pages, newest first, those that ended included."""
    rows = [asdict(link) for link in read.student_links(class_id)]
    return send(tables.Table("student-links", StudentLinkRow, rows), Moment.of(read.class_data(class_id)))


@router.post(
    f"{STUDENT_PATH}/link",
    response_model=NewStudentLink,
    status_code=HTTPStatus.CREATED,
    tags=["Student"],
)
def make_student_link(
    commands: CommandsFor, class_id: ClassReference, student_id: StudentInPath
) -> JSONResponse:
    """Make a link to a student's own page, for 30 days.

    Earlier links of the student end. An administrator switches the page on first, by the setting
    `student_page`.
    """
    content = {"address": commands.make_student_link(class_id, student_id)}
    return JSONResponse(content, HTTPStatus.CREATED, {"Cache-Control": "no-store"})


@router.delete(f"{STUDENT_PATH}/link", status_code=HTTPStatus.NO_CONTENT, tags=["Student"])
def end_student_link(commands: CommandsFor, class_id: ClassReference, student_id: StudentInPath) -> None:
    """End the links of a student, and close the pages that they opened."""
    commands.end_student_link(class_id, student_id)


@router.get(f"{CLASS_PATH}/help-requests", response_model=list_of(HelpRequestRow), tags=["Class"])
def help_requests(read: Read, class_id: ClassReference, send: SendList) -> Response:
    """List what students asked on their own pages, newest first, with who answered it."""
    rows = [asdict(item) for item in read.help_requests(class_id)]
    return send(tables.Table("help-requests", HelpRequestRow, rows), Moment.of(read.class_data(class_id)))


@router.post(
    f"{CLASS_PATH}/help-requests/{{request}}/answer", status_code=HTTPStatus.NO_CONTENT, tags=["Class"]
)
def answer_help_request(commands: CommandsFor, class_id: ClassReference, request_id: RequestNumber) -> None:
    """Note that you answered a student. Who does so first stays noted."""
    commands.answer_help(class_id, request_id)
