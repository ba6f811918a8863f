"""The parser of OpenClass's responses.

A response as a whole must have the expected format, else its reader raises ``UpstreamChanged``. A single
progression that cannot be used becomes a ``BadRow`` with the reason, so that one bad row never costs a page.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import pydantic_core
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
)

from cohort_core.errors import UpstreamChanged
from cohort_core.sources.base import Page, Subject
from cohort_core.sources.values import clean_email, clean_grade, clean_id, clean_instant, clean_name
from cohort_core.store.classes import ListedClass, Unit
from cohort_core.store.records import Assignment, BadRow, Progression, Student

# More than any class has, and small enough for all arithmetic with it.
MAX_RECORDS = 10_000_000
MAX_CACHED = 4096

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")

_LENIENT = ConfigDict(extra="ignore", hide_input_in_errors=True)


class _PageMetadata(BaseModel):
    model_config = _LENIENT
    total: Annotated[StrictInt, Field(ge=0, le=MAX_RECORDS)]
    page: StrictInt
    results_per_page: Annotated[StrictInt, Field(ge=1, le=MAX_RECORDS)]
    can_load_more: StrictBool


class _Page(BaseModel):
    model_config = _LENIENT
    metadata: _PageMetadata
    data: list[Any]


class _ClassList(BaseModel):
    model_config = _LENIENT
    data: list[Any]


class _ClassDetail(BaseModel):
    model_config = _LENIENT
    units: list[Any] | None = None


class _ClassDetails(BaseModel):
    model_config = _LENIENT
    data: Annotated[list[_ClassDetail], Field(min_length=1)]


class _Result(BaseModel):
    model_config = _LENIENT
    objects: Any
    token: str | None = None


class _Envelope(BaseModel):
    model_config = _LENIENT
    result: _Result


def read_token(body: Any) -> str:
    """Read the token in the response to a login."""
    token = _validated(_Envelope, body, "the login").result.token
    if not token:
        raise _changed("the login")
    return token


def read_classes(body: Any) -> list[ListedClass]:
    """Read the classes in the response to ``GET /v1/classes``.

    An entry without a usable id is left out. Raises ``UpstreamChanged`` if that is true of all entries.
    """
    listing = _validated(_ClassList, _inner(body, "the list of classes"), "the list of classes")
    classes = [item for raw in listing.data if (item := _read_listed(raw))]
    if listing.data and not classes:
        raise _changed("the list of classes")
    return classes


def _read_listed(raw: Any) -> ListedClass | None:
    if not isinstance(raw, dict):
        return None
    # The observed name is `id`. A class without it can still be identified by its `_id`.
    class_id = _usable(clean_id, raw.get("id")) or _usable(clean_id, _oid_of(raw))
    if class_id is None:
        return None
    friendly_id, is_published = _usable(clean_id, raw.get("friendly_id")), raw.get("is_published")
    name = _usable(clean_name, raw.get("name")) or friendly_id or class_id
    return ListedClass(class_id, friendly_id, name, is_published if isinstance(is_published, bool) else None)


def read_units(body: Any) -> list[Unit]:
    """Read the units in the response to ``GET /v1/classes/{id}``.

    What cannot be used of a unit is left out, and nothing else.
    """
    details = _validated(_ClassDetails, _inner(body, "a class"), "a class")
    return [
        _read_unit(raw, number)
        for number, raw in enumerate(details.data[0].units or (), start=1)
        if isinstance(raw, dict)
    ]


def _read_unit(raw: dict[str, Any], number: int) -> Unit:
    assignments = raw.get("assignments")
    ids = [_usable(clean_id, entry) for entry in (assignments if isinstance(assignments, list) else ())]
    return Unit(_usable(clean_name, raw.get("name")) or f"Unit {number}", tuple(filter(None, ids)))


def _usable(clean: Callable[[Any], Result | None], value: Any) -> Result | None:
    """Return the cleaned value, or None if it cannot be used."""
    try:
        return clean(value)
    except ValueError:
        return None


def read_page(body: Any) -> Page:
    """Read a page of ``GET /v1/classes/{id}/progressions``."""
    page = _validated(_Page, _inner(body, "a page of progressions"), "a page of progressions")
    rows: list[Progression] = []
    bad_rows: list[BadRow] = []
    students: dict[str, Student] = {}
    assignments: dict[str, Assignment] = {}
    digests: dict[str, int] = {}
    is_contradictory = False
    for raw in page.data:
        read: Progression | BadRow
        try:
            read, student, assignment = _read_row(raw)
            key, digest = read.id, hash(read)
        except ValueError:
            read = _bad_row(raw)
            key, digest = read.key, hash(read.payload)
        if key in digests:
            is_contradictory = is_contradictory or digests[key] != digest
            continue
        digests[key] = digest
        if isinstance(read, BadRow):
            bad_rows.append(read)
            continue
        rows.append(read)
        students.setdefault(student.id, student)
        assignments.setdefault(assignment.id, assignment)
    meta = page.metadata
    return Page(
        meta.page,
        meta.total,
        meta.results_per_page,
        meta.can_load_more,
        rows,
        bad_rows,
        list(students.values()),
        list(assignments.values()),
        digests,
        is_contradictory,
    )


def _read_row(raw: Any) -> tuple[Progression, Student, Assignment]:
    """Read a row, with the student and the assignment that it names.

    It is read without pydantic, since a class has thousands of rows. Raises ``ValueError`` for a bad row.
    """
    user, work = (raw.get("user"), raw.get("assignment")) if isinstance(raw, dict) else (None, None)
    if not isinstance(user, dict) or not isinstance(work, dict):
        raise ValueError("is not an object")
    try:
        student = _read_student(
            user.get("id"), user.get("first_name"), user.get("last_name"), user.get("email")
        )
        assignment = _read_assignment(work.get("id"), work.get("name"), work.get("type"))
    except TypeError:
        raise ValueError("holds an object in place of text") from None
    row = Progression(
        _clean_object_id(raw.get("_id")),
        student.id,
        assignment.id,
        clean_grade(raw.get("grade")),
        clean_instant(raw.get("started_assignment_at")),
        clean_instant(raw.get("completed_assignment_at")),
        clean_instant(raw.get("reviewed_at")),
    )
    return row, student, assignment


# Every row repeats its student and its assignment, so most of them have been read before.
@functools.lru_cache(maxsize=MAX_CACHED)
def _read_student(id_: Any, first_name: Any, last_name: Any, email: Any) -> Student:
    return Student(clean_id(id_), clean_name(first_name), clean_name(last_name), clean_email(email))


@functools.lru_cache(maxsize=MAX_CACHED)
def _read_assignment(id_: Any, name: Any, type_: Any) -> Assignment:
    return Assignment(clean_id(id_), clean_name(name), clean_name(type_))


def _clean_object_id(value: Any) -> str:
    """Normalise an id in either of its forms: text, or an object with ``$oid``."""
    return clean_id(value.get("$oid") if isinstance(value, dict) else value)


_CLEANERS: dict[str, Callable[[Any], object]] = {
    "_id": _clean_object_id,
    "user.id": clean_id,
    "user.first_name": clean_name,
    "user.last_name": clean_name,
    "user.email": clean_email,
    "assignment.id": clean_id,
    "assignment.name": clean_name,
    "assignment.type": clean_name,
    "grade": clean_grade,
    "started_assignment_at": clean_instant,
    "completed_assignment_at": clean_instant,
    "reviewed_at": clean_instant,
}


def _bad_row(raw: Any) -> BadRow:
    """Describe a row that cannot be used.

    The reason names fields and their problems, but never a value: values are in the payload alone.
    """
    payload = json.dumps(raw, sort_keys=True, ensure_ascii=True)
    reasons = [f"{field} {problem}" for field in _CLEANERS if (problem := _problem(raw, field))]
    key = None if _problem(raw, "_id") else _clean_object_id(raw["_id"])
    return BadRow(key or f"?{hashlib.sha256(payload.encode()).hexdigest()[:24]}", "; ".join(reasons), payload)


def _problem(raw: Any, field: str) -> str | None:
    value = raw
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    try:
        _CLEANERS[field](value)
    except ValueError as error:
        return str(error)
    return None


def read_person(payload: str) -> tuple[str | None, str | None]:
    """Read the student's id and email in the payload of a bad row.

    Each is None unless it is text.
    """
    raw = json.loads(payload)
    user = raw.get("user") if isinstance(raw, dict) else None
    if not isinstance(user, dict):
        return None, None
    student_id, address = user.get("id"), user.get("email")
    return (
        student_id if isinstance(student_id, str) else None,
        address if isinstance(address, str) else None,
    )


def read_subject(payload: str) -> Subject:
    """Read the student and the assignment in the payload of a bad row.

    What cannot be used of them is left out; an id is empty then.
    """
    raw = json.loads(payload)
    user, work = (raw.get("user"), raw.get("assignment")) if isinstance(raw, dict) else (None, None)
    student = assignment = None
    if isinstance(user, dict):
        student = Student(
            _usable(clean_id, user.get("id")) or "",
            _usable(clean_name, user.get("first_name")),
            _usable(clean_name, user.get("last_name")),
            _usable(clean_email, user.get("email")),
        )
    if isinstance(work, dict):
        name, kind = (_usable(clean_name, work.get(name)) for name in ("name", "type"))
        assignment = Assignment(_usable(clean_id, work.get("id")) or "", name, kind)
    return Subject(student, assignment)


def _oid_of(raw: dict[str, Any]) -> Any:
    outer = raw.get("_id")
    return outer.get("$oid") if isinstance(outer, dict) else outer


def _inner(body: Any, what: str) -> Any:
    """Parse the JSON text inside the JSON: a string, or a list of one string."""
    objects = _validated(_Envelope, body, what).result.objects
    if isinstance(objects, list) and len(objects) == 1:
        objects = objects[0]
    if not isinstance(objects, str):
        raise _changed(what)
    try:
        return read_json(objects)
    except ValueError:
        raise _changed(what) from None


def read_json(text: str | bytes) -> Any:
    """Parse JSON. Raises ``ValueError`` if the text is not JSON.

    The fast parser refuses half a surrogate pair and integers of thousands of digits. Such a value must cost
    its own row alone, so Python's parser reads what the fast one refuses.
    """
    try:
        return pydantic_core.from_json(text)
    except ValueError:
        pass
    try:
        return json.loads(text, parse_int=_lenient_integer)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _lenient_integer(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _validated(model: type[Model], value: Any, what: str) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError:
        raise _changed(what) from None


def _changed(what: str) -> UpstreamChanged:
    return UpstreamChanged(
        f"OpenClass answered with {what} in a format that this version does not know. Nothing was lost; "
        "check the API address, and look for a newer version of Cohort Tracker."
    )
