"""Faults between a school and its client, switchable while the server runs.

| kind | what a client sees | parameters |
|---|---|---|
| ``status`` | that status with a JSON error | ``status``; ``retry_after``: seconds, or a text |
| ``delay`` | the right answer, late | ``seconds`` |
| ``hang`` | no answer at all | |
| ``reset`` | the connection is reset before the first byte | |
| ``cut`` | half of the body that Content-Length promised, then the end | |
| ``html`` | 200 with a web page | |
| ``shape`` | 200 with ``value`` as JSON, or with JSON of another protocol | ``value`` |
| ``redirect`` | 302 to ``location`` | ``location`` |
| ``charset`` | the right bytes under a Content-Type that names another charset | ``value``: the charset |
| ``expire`` | all tokens so far are void, also that of this request; a new login works | |
| ``page`` | another page number in the metadata | ``value``, default the next |
| ``cap`` | pages no larger than ``value`` (2) | ``value`` |
| ``total`` | a total in the metadata that is too large by ``value`` (7) | ``value`` |
| ``rows`` | rows replaced | ``edit``: a function or a name in ``BAD_ROWS``; ``first``: how many |
| ``insert`` | a new row on top, before this page is read | ``value``: the row, else an invented row |
| ``call`` | whatever ``edit()`` does to the school before this request is answered | ``edit`` |

The kinds from ``page`` on concern progressions only. Faults of different kinds can hit the same request.
Faults of the same kind form a queue: the first that is not used up hits.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from email.utils import formatdate
from fnmatch import fnmatchcase
from typing import Any

KINDS = (
    *("status", "delay", "hang", "reset", "cut", "html", "shape", "redirect", "charset", "expire"),
    *("page", "cap", "total", "rows", "insert", "call"),
)


def _without(key: str) -> Callable[[dict[str, Any]], Any]:
    return lambda row: {k: v for k, v in row.items() if k != key}


def _with(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda row: {**row, **changes}


def _within(part: str, **changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda row: {**row, part: {**row[part], **changes}}


BAD_ROWS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "not_an_object": lambda row: "a row",
    "no_id": _without("_id"),
    "null_id": _with(_id=None),
    "empty_oid": _with(_id={}),
    "number_id": _with(_id=17),
    "no_user": _without("user"),
    "null_user": _with(user=None),
    "user_is_text": _with(user="Jane Doe"),
    "user_without_id": _within("user", id=None),
    "null_names": _within("user", first_name=None, last_name=None),
    "no_assignment": _without("assignment"),
    "null_assignment": _with(assignment=None),
    "assignment_without_id": _within("assignment", id=None),
    "null_assignment_name": _within("assignment", name=None),
    "grade_text": _with(grade="abc"),
    "grade_percent": _with(grade=85),
    "grade_negative": _with(grade=-0.5),
    "grade_huge": _with(grade=100.5),
    "grade_list": _with(grade=[1]),
    "grade_true": _with(grade=True),
    "times_unparsable": _with(started_assignment_at="yesterday", completed_assignment_at="2026-13-45T99:00"),
    "times_number": _with(completed_assignment_at=1765494171781),
    "times_empty": _with(started_assignment_at="", completed_assignment_at="", reviewed_at=""),
    "times_without_zone": _with(completed_assignment_at="2026-01-05T10:00:00"),
    "times_absent": lambda row: {
        k: v for k, v in row.items() if k not in ("started_assignment_at", "completed_assignment_at")
    },
}
"""Ways in which a row can be unusual or unusable, by name.

Each function turns a good row into a bad row.

>>> BAD_ROWS["grade_text"]({"grade": 1})
{'grade': 'abc'}
"""


def http_date(seconds_from_now: float) -> str:
    """Write an instant as a ``Retry-After`` header that is a date."""
    return formatdate(time.time() + seconds_from_now, usegmt=True)


@dataclass
class Fault:
    """A fault, and the requests that it hits.

    ``path`` is a pattern such as ``*/progressions``. A pattern with a query, such as
    ``*/progressions[?]*page=1*``, is compared with path and query together. The first ``after``
    requests that match are spared; the next ``times`` are hit (None: all of them).
    """

    kind: str
    path: str = "/v1/*"
    method: str | None = None
    after: int = 0
    times: int | None = 1
    status: int = 500
    retry_after: int | str | None = None
    seconds: float = 1.0
    location: str = "http://127.0.0.1:9/elsewhere"
    value: Any = None
    first: int | None = None
    edit: Callable[..., Any] | str | None = None
    seen: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault of kind {self.kind!r}; choose one of {', '.join(KINDS)}")
        for name in ("after", "times", "status", "seconds", "first"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, (int, float)):
                raise ValueError(f"{name} is a number, not {value!r}")
        if isinstance(self.edit, str) and self.edit not in BAD_ROWS:
            raise ValueError(f"no bad row named {self.edit!r}; choose one of {', '.join(BAD_ROWS)}")
        if self.kind == "call" and not callable(self.edit):
            raise ValueError("a fault of kind 'call' needs a function as its edit")
        if self.kind == "rows" and self.edit is None:
            raise ValueError("a fault of kind 'rows' needs an edit: a function or the name of a bad row")

    def matches(self, method: str, path: str, query: str) -> bool:
        target = f"{path}?{query}" if "?" in self.path else path
        return self.method in (None, method) and fnmatchcase(target, self.path)

    def edited(self, rows: list[Any]) -> list[Any]:
        """Return a copy of a page's rows after ``edit``."""
        edit = BAD_ROWS[self.edit] if isinstance(self.edit, str) else self.edit
        assert edit is not None
        return [
            edit(copy.deepcopy(row)) if self.first is None or number < self.first else row
            for number, row in enumerate(rows)
        ]


class Faults:
    """The faults of a running server, safe to use from any thread."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._faults = list(faults)

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._faults.extend(faults)

    def add_described(self, descriptions: Any) -> None:
        """Add faults from JSON, or raise ``ValueError`` that says what is wrong with them."""
        if not isinstance(descriptions, list) or not all(isinstance(item, dict) for item in descriptions):
            raise ValueError("send a JSON list of objects, such as [{'kind': 'status', 'status': 503}]")
        names = {field.name for field in fields(Fault)} - {"seen", "hits"}
        for item in descriptions:
            if unknown := set(item) - names:
                raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(names))}")
            if "kind" not in item:
                raise ValueError("each fault needs a kind")
        self.add(*[Fault(**item) for item in descriptions])

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def active(self) -> list[Fault]:
        """Return the faults that can still hit a request."""
        with self._lock:
            return [fault for fault in self._faults if fault.times is None or fault.hits < fault.times]

    def take(self, method: str, path: str, query: str) -> list[Fault]:
        """Return the faults that hit this request, and count it in all matching faults."""
        taken: list[Fault] = []
        with self._lock:
            for fault in self._faults:
                if not fault.matches(method, path, query):
                    continue
                fault.seen += 1
                usable = fault.times is None or fault.hits < fault.times
                if fault.seen > fault.after and usable and fault.kind not in {f.kind for f in taken}:
                    fault.hits += 1
                    taken.append(fault)
        return taken
