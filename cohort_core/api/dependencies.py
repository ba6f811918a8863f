"""Parameters and dependencies that routes share: class, anonymous mode, time, group, reader, commands."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from cohort_core import errors
from cohort_core.http.encoded_paths import decoded
from cohort_core.metrics.cohort import Cohort
from cohort_core.services.account_commands import AccountCommands
from cohort_core.services.admin_commands import AdminCommands
from cohort_core.services.commands import Commands
from cohort_core.services.messages import MessageCommands
from cohort_core.services.principal import Principal
from cohort_core.services.reader import Reader
from cohort_core.services.services import Services
from cohort_core.timeutils import INSTANT_PATTERN

CLASS_PATH = "/classes/{class_id}"
STUDENT_PATH = f"{CLASS_PATH}/students/{{student_id}}"
ASSIGNMENT_PATH = f"{CLASS_PATH}/assignments/{{assignment_id}}"


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _principal(request: Request) -> Principal:
    principal: Principal = request.state.access
    return principal


InServices = Annotated[Services, Depends(_services)]
By = Annotated[Principal, Depends(_principal)]
Anonymous = Annotated[
    bool,
    Query(description="Pseudonyms for names and emails, and other ids for students and records."),
]


def _reader(services: InServices, principal: By, anonymous: Anonymous = False) -> Reader:
    return services.reader(principal, anonymous=anonymous)


def _plain_reader(services: InServices, principal: By) -> Reader:
    return services.reader(principal)


def _commands(services: InServices, principal: By) -> Commands:
    return services.commands(principal)


def _admin_commands(services: InServices, principal: By) -> AdminCommands:
    return services.admin(principal)


def _account_commands(services: InServices, principal: By) -> AccountCommands:
    return services.accounts(principal)


def _message_commands(services: InServices, principal: By) -> MessageCommands:
    return services.messages(principal)


Read = Annotated[Reader, Depends(_reader)]
"""For routes that read data, within the classes that the principal may see.

Adds the query parameter `anonymous`.
"""

ReadSyncs = Annotated[Reader, Depends(_plain_reader)]
"""For routes that read data in which there are no people."""

CommandsFor = Annotated[Commands, Depends(_commands)]
"""For routes that change something, within the classes that the principal may see."""

AdminFor = Annotated[AdminCommands, Depends(_admin_commands)]
"""For routes of admins, who see all classes. The audit names the principal."""

AccountsFor = Annotated[AccountCommands, Depends(_account_commands)]
"""For routes of admins about the accounts of people."""

MessagesFor = Annotated[MessageCommands, Depends(_message_commands)]
"""For routes about messages that leave the school."""

_EXAMPLES = ["2025-01-04", "2025-01-04T15:30:00Z"]


def _check_digits(value: object) -> object:
    """Refuse 1_0 and 1.0, which Pydantic accepts but the schema does not."""
    if isinstance(value, str) and not re.fullmatch(r"-?\d+", value, re.ASCII):
        raise PydanticCustomError("int_parsing", "Input should be a whole number in digits")
    return value


DIGITS_ONLY = BeforeValidator(_check_digits)


def instant(description: str) -> Any:
    """Declare a query parameter for a time, or a day in the class's time zone."""
    return Query(
        description=f"{description} A day, or a time; one without an offset is in the class's time zone.",
        examples=_EXAMPLES,
        # Only documented here. `Reader.cohort` checks it, and its error says what to write instead.
        json_schema_extra={"pattern": f"^{INSTANT_PATTERN}$"},
    )


_SLASHES = BeforeValidator(decoded)
ClassReference = Annotated[
    str,
    Path(alias="class_id", description="A class's id or friendly id.", examples=["sd-cohort-12"]),
    _SLASHES,
]
StudentInPath = Annotated[
    str,
    Path(alias="student_id", description="The id of a student of the class, or one of before."),
    _SLASHES,
]
AssignmentId = Annotated[str, Path(alias="assignment_id", description="The id of an assignment."), _SLASHES]
JobNumber = Annotated[
    int, Path(alias="job", ge=1, le=2**53, description="The number of a sync."), DIGITS_ONLY
]
ContactNumber = Annotated[
    int, Path(alias="contact", ge=1, le=2**53, description="The number of a contact."), DIGITS_ONLY
]
DestinationNumber = Annotated[
    int, Path(alias="destination", ge=1, le=2**53, description="The number of a destination."), DIGITS_ONLY
]
DeliveryNumber = Annotated[
    int, Path(alias="delivery", ge=1, le=2**53, description="The number of a message."), DIGITS_ONLY
]
RequestNumber = Annotated[
    int, Path(alias="request", ge=1, le=2**53, description="The number of a request for help."), DIGITS_ONLY
]
AccountId = Annotated[
    int, Path(alias="account", ge=1, le=2**53, description="The number of an account."), DIGITS_ONLY
]
OfAccount = Annotated[
    int | None,
    Query(alias="account", ge=1, le=2**53, description="The number of an account."),
    DIGITS_ONLY,
]
TokenName = Annotated[str, Path(alias="name", description="The name of a token.", examples=["ci"])]
DraftKind = Annotated[
    Literal["never_started", "silent", "silent_and_stuck", "stuck", "behind", "back_again", "praise"],
    Path(alias="kind", description="The reason for which the draft is.", examples=["silent"]),
]
Group = Annotated[
    str | None,
    Query(description="A night or region of the roster, or a group's id.", examples=["Tuesday"]),
]
AsOf = Annotated[
    str | None,
    instant(
        "Answer as it was at this instant, or at the end of this day. Default: the end of the last sync."
    ),
]
Type = Annotated[
    str | None,
    Query(
        alias="type",
        description="Count assignments of this type only, such as quiz. Risk and activity stay.",
        examples=["quiz"],
    ),
]


def _cohort(
    read: Read,
    class_id: ClassReference,
    as_of: AsOf = None,
    group: Group = None,
    type_: Type = None,
) -> Cohort:
    return read.cohort(class_id, as_of=as_of, group=group, type=type_)


InCohort = Annotated[Cohort, Depends(_cohort)]


def _student_id(read: Read, class_id: ClassReference, student_id: StudentInPath) -> str:
    return read.present_student_id(class_id, student_id)


StudentId = Annotated[str, Depends(_student_id)]
"""The present id of the student in the path."""


def refuse_unclear_parameters(request: Request) -> None:
    """Refuse unknown and repeated query parameters.

    Otherwise a typing error would silently be answered like a different request. Raises ``BadInput``.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    allowed = _parameter_names(route.dependant)
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name in allowed and given.count(name) > 1:
            raise errors.BadInput(f"{name} is given more than once. Give it once.", parameter=name)
        if name not in allowed:
            names = ", ".join(sorted(allowed)) or "none"
            raise errors.BadInput(
                f"There is a parameter that this path does not know. It knows: {names}.",
                parameter="query",
            )


def _parameter_names(dependant: Dependant) -> set[str]:
    """Return the names of the query parameters of a route, including those of its dependencies."""
    own = {field.alias for field in dependant.query_params}
    return own.union(*(_parameter_names(inner) for inner in dependant.dependencies))


def api_router() -> APIRouter:
    """Return a router whose routes refuse unclear parameters and are named after their functions."""
    return APIRouter(
        dependencies=[Depends(refuse_unclear_parameters)],
        generate_unique_id_function=lambda route: route.name,
    )
