"""The route of the files: `/dashboard/files/{id}`.

It lies below the path of the dashboard, so other hosts and other computers are refused as they are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cohort_core.dashboard.components.text import markup
from cohort_core.dashboard.errors import sentence_for
from cohort_core.dashboard.files.owner import owner
from cohort_core.dashboard.files.registry import FileRegistry
from cohort_core.dashboard.identity import principal_of_request
from cohort_core.errors import BadInput, DatabaseBusy, NotAllowed, UnknownClass
from cohort_core.services.reader import Reader
from cohort_core.services.services import Services

if TYPE_CHECKING:
    from cohort_core.dashboard.files.questions import Question

GONE = "This download is no longer there. Go back to the page, reload it, and download it again."
MAX_AT_ONCE = 4
"""How many files are made at the same time.

They have threads of their own, so the API keeps all of its own.
"""

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Download · Cohort Tracker</title>
<style>:root {{ color-scheme: light dark; }}
body {{ font: 1.05rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1rem; }}
</style></head><body><main><p>{sentence}</p></main></body></html>
"""


def file_route(registry: FileRegistry, load_services: Callable[[], Services]) -> Route:
    """Create the route that answers the questions of a registry."""
    limiters: list[anyio.CapacityLimiter] = []

    async def send_file(request: Request) -> Response:
        question = registry.find(owner(request.headers, request.cookies), request.path_params["file_id"])
        if question is None:
            return _error_page(HTTPStatus.NOT_FOUND, GONE)
        # A limiter belongs to an event loop, so the first request creates it.
        if not limiters:
            limiters.append(anyio.CapacityLimiter(MAX_AT_ONCE))
        is_handed_out = request.method == "GET"
        make = partial(_respond, question, load_services, request.headers, is_handed_out=is_handed_out)
        return await anyio.to_thread.run_sync(make, limiter=limiters[0])

    return Route("/files/{file_id}", send_file, methods=["GET"], name="file")


def _respond(
    question: Question,
    load_services: Callable[[], Services],
    headers: Mapping[str, str],
    *,
    is_handed_out: bool,
) -> Response:
    """Answer a question, and write it into the audit before anybody gets the file."""
    # Imported here, as it takes as long as Streamlit itself, and no page needs it to begin.
    from cohort_core.dashboard.files.questions import answer

    try:
        services = load_services()
        # The rights are those of this moment, not those of the page.
        reader = services.reader(principal_of_request(headers), anonymous=question.anonymous)
        content = answer(question, services, reader)
        if is_handed_out:
            _save_export(question, reader)
    except (BadInput, UnknownClass, NotAllowed):
        # The student, the class, the group or the right to it is no longer there.
        return _error_page(HTTPStatus.NOT_FOUND, GONE)
    except Exception as error:  # noqa: BLE001 - the last fence before a mentor's screen
        is_busy = isinstance(error, DatabaseBusy)
        status = HTTPStatus.SERVICE_UNAVAILABLE if is_busy else HTTPStatus.INTERNAL_SERVER_ERROR
        return _error_page(status, sentence_for(error, "download"))
    disposition = f'attachment; filename="{question.file_name}"'
    return Response(
        content, media_type=question.media_type, headers={**_HEADERS, "Content-Disposition": disposition}
    )


def _save_export(question: Question, reader: Reader) -> None:
    chosen = question.selection
    class_id = chosen.class_id
    if class_id and (question.name, question.extension) == ("director", "pdf"):
        reader.record_director_page(reader.cohort(class_id, chosen.as_of, chosen.group))
    details = [f"{question.name}.{question.extension}", f"class {class_id}" if class_id else ""]
    details.append("pseudonyms" if reader.anonymous else "")
    action = "report" if question.extension == "pdf" else "export"
    reader.record_export(action, ", ".join(filter(None, details)))


def _error_page(status: HTTPStatus, sentence: str) -> Response:
    content = _PAGE.format(sentence=markup(sentence))
    headers = {**_HEADERS, "Content-Security-Policy": f"{_PAGE_POLICY}frame-ancestors 'none'"}
    return Response(content, status, headers, media_type="text/html")
