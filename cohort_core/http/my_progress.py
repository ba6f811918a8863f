"""The addresses of a student's own page: link, page, file, and asking for help."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cohort_core.errors import BadInput, CohortError
from cohort_core.http.my_progress_html import (
    ASK_PATH,
    BACK_PATH,
    CSV_PATH,
    LEAVE_PATH,
    PAGE,
    ROOT,
    link_page,
    plain_page,
    whole_page,
)
from cohort_core.http.rate_limit import FixedWindow
from cohort_core.http.session_cookie import OF_STUDENT, clear_secret, set_secret, value_of
from cohort_core.http.sign_in_html import provider_link, read_form
from cohort_core.http.sign_in_pages import is_from_here
from cohort_core.http.workers import Busy, Workers
from cohort_core.metrics.own_progress import OwnProgress
from cohort_core.services.commands import LINK_PATH
from cohort_core.services.own_page import OwnPage
from cohort_core.services.sign_in import Opened
from cohort_core.services.student_pages import StudentPages

MAX_WAITING = 1_000
"""So many requests may wait; a page takes some milliseconds."""
MAX_REST_SECONDS = 0.01
MAX_SENT = 30
"""Forms that a student may send in a minute."""
DID = {
    "asked": "Your mentor gets your question. It was good to ask.",
    "again": "You asked about this already. Your mentor sees it.",
    "back": "It is taken back.",
}
_ASK_FOR_A_LINK = "Ask your mentor for a new one; it takes them a moment."
_ENDS = {
    "expired": (
        "This link is over",
        ("A link works for 30 days, and this one had its time. Your work is safe.", _ASK_FOR_A_LINK),
    ),
    "revoked": (
        "This link has ended",
        (
            "Your mentor ended it, most likely because there is a newer one. Look at their latest message.",
            _ASK_FOR_A_LINK,
        ),
    ),
    "unknown": (
        "This link does not work",
        ("Perhaps a part of it got lost on the way. Copy the whole link from the message.", _ASK_FOR_A_LINK),
    ),
}
_Form = dict[str, str] | None
_Handle = Callable[[Request, _Form], Response]


class MyProgressPages:
    """The handlers of a student's own page.

    ``write_csv`` makes the file of a student's work.
    """

    def __init__(self, students: StudentPages, write_csv: Callable[[OwnProgress], bytes]) -> None:
        self._students = students
        self._write_csv = write_csv
        self._sent = FixedWindow(MAX_SENT)
        self._workers = Workers(at_work=1, waiting=MAX_WAITING)

    def routes(self) -> list[Route]:
        """Return the routes, which take a link or the session that it opened."""
        handlers: tuple[tuple[str, str, _Handle], ...] = (
            ("GET", ROOT, self._show),
            ("GET", CSV_PATH, self._send_file),
            ("POST", ASK_PATH, self._ask),
            ("POST", BACK_PATH, self._take_back),
            ("POST", LEAVE_PATH, self._leave),
            ("GET", f"{LINK_PATH}/{{secret}}", self._show_link),
            ("POST", f"{LINK_PATH}/{{secret}}", self._open_link),
        )
        return [
            Route(path, self._guarded(handle), methods=[method], include_in_schema=False)
            for method, path, handle in handlers
        ]

    def _guarded(self, handle: _Handle) -> Callable[[Request], Awaitable[Response]]:
        """Refuse forms of other sites and too many, and answer errors with a page."""

        async def respond(request: Request) -> Response:
            try:
                form: _Form = {}
                if request.method == "POST":
                    if refusal := self._refusal(request):
                        return refusal
                    form = await read_form(request)
                return await self._run(partial(self._respond, handle, request, form))
            except (Busy, CohortError):
                response = _page(
                    "One moment please",
                    "This page cannot be shown just now. Your work is safe. Load it again in a minute.",
                    status=HTTPStatus.SERVICE_UNAVAILABLE,
                )
                response.headers["Retry-After"] = "60"
                return response

        return respond

    def _refusal(self, request: Request) -> Response | None:
        if not is_from_here(request):
            return _page(
                "Nothing was done",
                "This form was sent from another web site. Open your page, and do it there.",
                status=HTTPStatus.FORBIDDEN,
            )
        who = request.path_params.get("secret") or value_of(request.scope, OF_STUDENT) or ""
        if wait := self._sent.wait(who):
            response = _page(
                "One moment please",
                "That was a lot in a short time. Wait a minute, and go on then.",
                status=HTTPStatus.TOO_MANY_REQUESTS,
            )
            response.headers["Retry-After"] = str(wait)
            return response
        return None

    def _respond(self, handle: _Handle, request: Request, form: _Form) -> Response:
        if not self._students.is_on():
            return _page(
                "This page is not in use",
                "Your school does not use this page at the moment. Your mentor can tell you how you are "
                "getting on.",
                status=HTTPStatus.NOT_FOUND,
            )
        return handle(request, form)

    def _show(self, request: Request, _form: _Form) -> Response:
        page = self._page_of(request)
        if page is None:
            return self._no_session()
        return PAGE.response(*whole_page(page.view(), DID.get(request.query_params.get("did", ""), "")))

    def _send_file(self, request: Request, _form: _Form) -> Response:
        page = self._page_of(request)
        if page is None:
            return self._no_session()
        progress = page.view().progress
        if progress is None:
            return RedirectResponse(ROOT, HTTPStatus.SEE_OTHER, PAGE.headers)
        headers = {
            "Content-Disposition": 'attachment; filename="my-progress.csv"',
            "Cache-Control": "no-store",
        }
        return Response(self._write_csv(progress), HTTPStatus.OK, headers, "text/csv; charset=utf-8")

    def _ask(self, request: Request, form: _Form) -> Response:
        page = self._page_of(request)
        if page is None:
            return self._no_session()
        if form is None:
            return _with_problem(page, "That is too long. Say it in fewer words.")
        assignment_id, text = form.get("assignment") or None, form.get("text", "")
        if assignment_id is None and not text.strip():
            return _with_problem(page, "Write in a few words what would help you.")
        try:
            is_new = page.ask_for_help(assignment_id, text)
        except BadInput as error:
            return _with_problem(page, error.message)
        return _back_to_page("asked" if is_new else "again")

    def _take_back(self, request: Request, form: _Form) -> Response:
        page = self._page_of(request)
        if page is None:
            return self._no_session()
        number = (form or {}).get("request", "")
        if number.isascii() and number.isdecimal() and len(number) < 16:
            page.take_back(int(number))
        return _back_to_page("back")

    def _leave(self, request: Request, _form: _Form) -> Response:
        if secret := value_of(request.scope, OF_STUDENT):
            self._students.leave(secret)
        response = _page(
            "Your page is closed on this device", "Your link opens it again, as long as it works. See you!"
        )
        clear_secret(response, request.scope, OF_STUDENT)
        return response

    def _show_link(self, request: Request, _form: _Form) -> Response:
        secret = request.path_params["secret"]
        state = self._students.link_state(secret)
        return PAGE.response(*link_page(f"{LINK_PATH}/{secret}")) if state == "works" else _ended(state)

    def _open_link(self, request: Request, _form: _Form) -> Response:
        old = value_of(request.scope, OF_STUDENT)
        opened = self._students.open(request.path_params["secret"], old)
        if not isinstance(opened, Opened):
            return _ended(opened)
        response = RedirectResponse(ROOT, HTTPStatus.SEE_OTHER, PAGE.headers)
        set_secret(response, request.scope, opened.secret, opened.seconds, OF_STUDENT)
        return response

    def _no_session(self) -> Response:
        sentences = (
            "Open it with the link that your mentor sent you.",
            f"If you do not have the link any more, or it is over: {_ASK_FOR_A_LINK[0].lower()}"
            f"{_ASK_FOR_A_LINK[1:]}",
        )
        button = provider_link(self._students.sign_in_name())
        return PAGE.response(*plain_page("A page for students", sentences, button), HTTPStatus.UNAUTHORIZED)

    def _page_of(self, request: Request) -> OwnPage | None:
        return self._students.page_of(value_of(request.scope, OF_STUDENT))

    async def _run(self, work: Callable[[], Response]) -> Response:
        """Run work in a thread, one at a time, with as much rest as work.

        So a whole class that opens its pages at once slows down no mentor.
        """

        def work_and_rest() -> Response:
            since = time.perf_counter()
            try:
                return work()
            finally:
                time.sleep(min(time.perf_counter() - since, MAX_REST_SECONDS))

        return await self._workers.run(work_and_rest)


def is_my_progress_path(path: str) -> bool:
    """Return whether a path is that of a page of this module."""
    return path in {ROOT, CSV_PATH} or path.startswith(f"{ROOT}/")


def _page(title: str, *sentences: str, status: int = HTTPStatus.OK) -> Response:
    return PAGE.response(*plain_page(title, sentences), status)


def _with_problem(page: OwnPage, problem: str) -> Response:
    title, body = whole_page(page.view(), problem, is_error=True)
    return PAGE.response(title, body, HTTPStatus.UNPROCESSABLE_ENTITY)


def _ended(state: str) -> Response:
    title, sentences = _ENDS[state]
    return _page(title, *sentences, status=HTTPStatus.NOT_FOUND if state == "unknown" else HTTPStatus.GONE)


def _back_to_page(did: str) -> Response:
    return RedirectResponse(f"{ROOT}?did={did}", HTTPStatus.SEE_OTHER, PAGE.headers)
