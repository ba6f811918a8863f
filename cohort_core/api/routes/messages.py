"""Messages that leave the school: the digest, its destinations, and what became of messages.

Destinations are for admins only, because no rule of `cohort_core.http.auth` names their paths.
"""

from __future__ import annotations

import json
from http import HTTPStatus

from fastapi.responses import JSONResponse, Response

from cohort_core.api.dependencies import (
    DeliveryNumber,
    DestinationNumber,
    MessagesFor,
    Read,
    api_router,
)
from cohort_core.api.message_schemas import (
    DeliveryRow,
    DestinationChange,
    DestinationRequest,
    DestinationRow,
    DigestResponse,
    NewDestination,
    NewSecret,
    SentMessage,
)
from cohort_core.api.pagination import Moment, SendList, list_of
from cohort_core.export import tables
from cohort_core.services.message_rows import destination_row, message_row, sent_row
from cohort_core.store.destinations import Wanted

router = api_router()
_UNCACHED = {"Cache-Control": "no-store"}
_LIMIT = 1000


@router.get("/digest", response_model=DigestResponse, tags=["Service"])
def digest(read: Read) -> JSONResponse:
    """Say who needs a message today, as a digest does. Nothing is sent.

    It has at most ten students, and links only where the setting `public_url` is known.
    """
    return JSONResponse(json.loads(read.digest().to_json()), headers=_UNCACHED)


@router.get("/destinations", response_model=list_of(DestinationRow), tags=["Administration"])
def destinations(messages: MessagesFor, send: SendList) -> Response:
    """List the places to which digests and events go, without their addresses."""
    rows = [destination_row(item) for item in messages.destinations()]
    return send(tables.Table("destinations", DestinationRow, rows), Moment())


@router.post(
    "/destinations", response_model=NewDestination, status_code=HTTPStatus.CREATED, tags=["Administration"]
)
def add_destination(messages: MessagesFor, body: DestinationRequest) -> JSONResponse:
    """Add a destination.

    Only this response has the secret of a webhook; addresses are in none.
    """
    wanted = Wanted(**body.model_dump(include=set(Wanted.__dataclass_fields__)))
    made, secret = messages.add(wanted, body.address)
    return JSONResponse(destination_row(made) | {"secret": secret}, HTTPStatus.CREATED, _UNCACHED)


@router.patch("/destinations/{destination}", response_model=DestinationRow, tags=["Administration"])
def change_destination(
    messages: MessagesFor, destination: DestinationNumber, body: DestinationChange
) -> JSONResponse:
    """Change what is named: how students are named, time, days, and whether it is on."""
    return JSONResponse(destination_row(messages.change(destination, **body.model_dump(exclude_unset=True))))


@router.post("/destinations/{destination}/test", response_model=SentMessage, tags=["Administration"])
def send_test(messages: MessagesFor, destination: DestinationNumber) -> JSONResponse:
    """Send a message without students now, once, and say what came of it.

    A webhook gets the event `ping`.
    """
    return JSONResponse(sent_row(messages.send_test(destination)))


@router.post(
    "/destinations/{destination}/secret",
    response_model=NewSecret,
    status_code=HTTPStatus.CREATED,
    tags=["Administration"],
)
def new_secret(messages: MessagesFor, destination: DestinationNumber) -> JSONResponse:
    """Give a webhook a new secret.

    For a day the one of before signs as well.
    """
    return JSONResponse({"secret": messages.rotate_secret(destination)}, HTTPStatus.CREATED, _UNCACHED)


@router.get(
    "/destinations/{destination}/deliveries",
    response_model=list_of(DeliveryRow),
    tags=["Administration"],
)
def deliveries(messages: MessagesFor, destination: DestinationNumber, send: SendList) -> Response:
    """List the latest messages to a destination, newest first, without their contents."""
    rows = [message_row(item) for item in messages.messages(destination, _LIMIT)]
    return send(tables.Table("deliveries", DeliveryRow, rows), Moment())


@router.post(
    "/destinations/{destination}/deliveries/{delivery}/redeliver",
    response_model=DeliveryRow,
    tags=["Administration"],
)
def redeliver(
    messages: MessagesFor, destination: DestinationNumber, delivery: DeliveryNumber
) -> JSONResponse:
    """Send a message again that failed or was perhaps sent."""
    return JSONResponse(message_row(messages.send_again(destination, delivery)))


@router.delete("/destinations/{destination}", status_code=HTTPStatus.NO_CONTENT, tags=["Administration"])
def remove_destination(messages: MessagesFor, destination: DestinationNumber) -> None:
    """Remove a destination, with its address and what waits for it."""
    messages.remove(destination)
