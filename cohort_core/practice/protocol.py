"""The calls of the OpenClass API, and the rosters of the practice school.

Shapes follow upstream exactly, with its oddities: a response is a JSON text inside JSON, in a list for
most calls and as a bare string for one of them.
"""

from __future__ import annotations

import base64
import csv
import hmac
import io
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cohort_core.practice.faults import Fault, Faults
from cohort_core.practice.school import MENTOR_COLUMNS, STUDENT_COLUMNS, Row, School, row_id

FAULTS = "practice.faults"
"""The key in the scope of a request that holds the faults which hit it."""

JSON = "application/json"
_DEFAULT_RETURN_COUNT = 30


class Tokens:
    """JSON Web Tokens like those of the real service, revocable all at once."""

    def __init__(self, key: bytes, life: timedelta) -> None:
        self._key = key
        self._life = life
        self._generation = 0

    def issue(self, user_id: str) -> str:
        now = int(time.time())
        life = int(self._life.total_seconds())
        claims = {"sub": user_id, "iat": now, "exp": now + life, "gen": self._generation}
        signed = f"{_b64({'alg': 'HS256', 'typ': 'JWT'})}.{_b64(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def is_good(self, token: str | None) -> bool:
        try:
            signed, _, signature = (token or "").rpartition(".")
            if not hmac.compare_digest(signature, self._signature(signed)):
                return False
            claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        except (ValueError, TypeError):
            return False
        return bool(claims["exp"] > time.time() and claims["gen"] == self._generation)

    def expire_all(self) -> None:
        self._generation += 1

    def _signature(self, signed: str) -> str:
        digest = hmac.digest(self._key, signed.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _b64(claims: dict[str, Any]) -> str:
    text = json.dumps(claims, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def text_of(value: Any) -> str:
    # Not escaped to ASCII, so that a test notices a client that trusts a wrong charset.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # Half a surrogate pair exists as an escape alone.
    return text if _is_unicode(text) else json.dumps(value, separators=(",", ":"))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def answer(value: Any, status: int = 200) -> Response:
    return Response(text_of(value).encode(), status, media_type=JSON)


def refusal(status: int, message: str) -> Response:
    return answer({"error": {"status": status, "message": message}}, status)


def newest_first(rows: Sequence[Any]) -> list[Any]:
    """Sort rows by completion, newest first, and rows of the same instant by id.

    Rows without a readable completion come last.
    """

    def instant(row: Any) -> float:
        text = row.get("completed_assignment_at") if isinstance(row, dict) else None
        try:
            moment = datetime.fromisoformat(text)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return float("-inf")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    return sorted(sorted(rows, key=lambda row: row_id(row) or ""), key=instant, reverse=True)


class Calls:
    """The routes over a school."""

    def __init__(self, school: School, faults: Faults, tokens: Tokens, page_cap: int) -> None:
        self._school = school
        self._faults = faults
        self._tokens = tokens
        self._page_cap = page_cap
        self._sorted: dict[str, tuple[Sequence[Row], list[Row]]] = {}
        self._pages: dict[tuple[str, int, int], bytes] = {}

    def routes(self, *, faults_over_http: bool) -> list[Route]:
        routes = [
            Route("/v1/auth/login", self._login, methods=["POST"]),
            Route("/v1/classes", self._classes),
            # An id may hold a slash.
            Route("/v1/classes/{class_id:path}/progressions", self._progressions),
            Route("/v1/classes/{class_id:path}", self._class),
            Route("/practice/students.csv", self._students_csv),
            Route("/practice/mentors.csv", self._mentors_csv),
        ]
        if faults_over_http:
            routes.append(Route("/practice/faults", self._switch_faults, methods=["GET", "POST", "DELETE"]))
        return routes

    # --- permission ----------------------------------------------------------------------------

    def _wrong_school(self, request: Request) -> Response | None:
        right = (self._school.origin, self._school.app_id)
        if (request.headers.get("origin"), request.headers.get("x-openclass-app-id")) != right:
            return refusal(403, "Origin or X-OpenClass-App-Id is not of this school")
        return None

    def _refused(self, request: Request) -> Response | None:
        if refused := self._wrong_school(request):
            return refused
        if not self._tokens.is_good(request.headers.get("bearer")):
            return refusal(401, "unauthorized")
        return None

    # --- the four calls ------------------------------------------------------------------------

    async def _login(self, request: Request) -> Response:
        if refused := self._wrong_school(request):
            return refused
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return refusal(400, "expected a form")
        form = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        user = self._school.login(form.get("email", [""])[0], form.get("password", [""])[0])
        if user is None:
            return refusal(401, "invalid email or password")
        return answer({"result": {"objects": [text_of(user)], "token": self._tokens.issue(user["id"])}})

    async def _classes(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        data = [
            {**entry, "units": self._school.units(entry["id"])} if isinstance(entry, dict) else entry
            for entry in self._school.classes()
        ]
        metadata = {"total": len(data), "page": 0, "results_per_page": max(len(data), _DEFAULT_RETURN_COUNT)}
        return answer({"result": {"objects": text_of({"metadata": metadata, "data": data})}})

    async def _class(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        class_id = request.path_params["class_id"]
        for entry in self._school.classes():
            if isinstance(entry, dict) and entry.get("id") == class_id:
                data = [{**entry, "units": self._school.units(class_id)}]
                return answer({"result": {"objects": [text_of({"data": data})]}})
        return refusal(404, "no such class")

    async def _progressions(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        faults: dict[str, Fault] = {fault.kind: fault for fault in request.scope[FAULTS]}
        cap = int(faults["cap"].value or 2) if "cap" in faults else self._page_cap
        try:
            page = int(request.query_params.get("page", "0"))
            count = min(int(request.query_params.get("return_count", _DEFAULT_RETURN_COUNT)), cap)
        except ValueError:
            return refusal(400, "page and return_count are numbers")
        if page < 0 or count < 1:
            return refusal(400, "page counts from 0, return_count from 1")
        newest = request.query_params.get("sort_by_completed_at") == "-1"
        class_id = request.path_params["class_id"]
        try:
            rows = self._school.rows(class_id)
        except KeyError:
            return refusal(404, "no such class")
        if not newest:
            # The order that upstream uses then is unknown. This order is useless, so that a client notices.
            by_id = sorted(rows, key=lambda row: row_id(row) or "")
            return Response(page_of(by_id, page, count, faults), media_type=JSON)
        sorted_rows, ordered = self._sorted.get(class_id, (None, []))
        if sorted_rows is not rows:
            ordered = newest_first(rows)
            self._sorted[class_id] = (rows, ordered)
            self._pages = {key: body for key, body in self._pages.items() if key[0] != class_id}
        if faults:
            return Response(page_of(ordered, page, count, faults), media_type=JSON)
        key = (class_id, count, page)
        if key not in self._pages:
            self._pages[key] = page_of(ordered, page, count, {})
        return Response(self._pages[key], media_type=JSON)

    # --- beside the protocol -------------------------------------------------------------------

    async def _students_csv(self, request: Request) -> Response:
        wanted = request.query_params.get("class")
        friendly = {entry["id"]: entry["friendly_id"] for entry in self._school.classes()}
        chosen = [i for i in friendly if wanted in (i, friendly[i])] if wanted else self._school.rosters()
        if not chosen and wanted:
            return refusal(404, "no such class")
        return _csv(STUDENT_COLUMNS, [line for class_id in chosen for line in self._school.roster(class_id)])

    async def _mentors_csv(self, request: Request) -> Response:
        return _csv(MENTOR_COLUMNS, self._school.mentors())

    async def _switch_faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._faults.clear()
        elif request.method == "POST":
            try:
                self._faults.add_described(json.loads(await request.body()))
            except (ValueError, TypeError) as error:
                return refusal(422, str(error))
        active = [
            {k: v for k, v in vars(fault).items() if not callable(v)} for fault in self._faults.active()
        ]
        return answer({"faults": active})


def page_of(ordered: Sequence[Any], page: int, count: int, faults: dict[str, Fault]) -> bytes:
    data = list(ordered[page * count : (page + 1) * count])
    metadata = {
        "total": len(ordered),
        "page": page,
        "results_per_page": count,
        "can_load_more": (page + 1) * count < len(ordered),
    }
    if fault := faults.get("page"):
        metadata["page"] = page + 1 if fault.value is None else fault.value
    if fault := faults.get("total"):
        metadata["total"] += 7 if fault.value is None else fault.value
    if fault := faults.get("rows"):
        data = fault.edited(data)
    return text_of({"result": {"objects": [text_of({"metadata": metadata, "data": data})]}}).encode()


def _csv(columns: Sequence[str], lines: Sequence[dict[str, str]]) -> Response:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(lines)
    return Response(text.getvalue().encode(), media_type="text/csv; charset=utf-8")


async def on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(error.status_code, error.detail)
