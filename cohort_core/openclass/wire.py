"""The shape of OpenClass's answers, and what becomes of each value.

An answer as a whole either has the known shape or is refused (``UpstreamChanged``). A single progression
that does not fit is turned into a ``BadRow`` with the reason, so that one bad row never costs a page.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    TypeAdapter,
    ValidationError,
)

from cohort_core.errors import UpstreamChanged
from cohort_core.openclass.values import clean_grade, clean_id, clean_instant, clean_object_id, clean_text
from cohort_core.store.classes import ListedClass, Unit
from cohort_core.store.records import Assignment, BadRow, Progression, Student

Identifier = Annotated[str, BeforeValidator(clean_id)]
Text = Annotated[str | None, BeforeValidator(clean_text)]
Instant = Annotated[str | None, BeforeValidator(clean_instant)]
Grade = Annotated[tuple[float | None, float | None], BeforeValidator(clean_grade)]

# More than any class has, and little enough for every number that is made of it.
MOST_RECORDS = 10_000_000

Model = TypeVar("Model", bound=BaseModel)

_LENIENT = ConfigDict(extra="ignore", hide_input_in_errors=True)


class _User(BaseModel):
    model_config = _LENIENT
    id: Identifier
    first_name: Text = None
    last_name: Text = None
    email: Text = None


class _Assignment(BaseModel):
    model_config = _LENIENT
    id: Identifier
    name: Text = None
    type: Text = None


class _Progression(BaseModel):
    model_config = _LENIENT
    id: Annotated[str, BeforeValidator(clean_object_id), Field(alias="_id")]
    user: _User
    assignment: _Assignment
    grade: Grade = (None, None)
    started_assignment_at: Instant = None
    completed_assignment_at: Instant = None
    reviewed_at: Instant = None


class _PageMetadata(BaseModel):
    model_config = _LENIENT
    total: Annotated[StrictInt, Field(ge=0, le=MOST_RECORDS)]
    page: StrictInt
    results_per_page: Annotated[StrictInt, Field(ge=1, le=MOST_RECORDS)]
    can_load_more: StrictBool


class _Page(BaseModel):
    model_config = _LENIENT
    metadata: _PageMetadata
    data: list[Any]


class _ListedClass(BaseModel):
    model_config = _LENIENT
    id: Identifier
    friendly_id: Text = None
    name: Text = None
    is_published: bool | None = None


class _ClassList(BaseModel):
    model_config = _LENIENT
    data: list[dict[str, Any]]


class _Unit(BaseModel):
    model_config = _LENIENT
    name: Text = None
    assignments: list[Identifier] | None = None


class _ClassDetail(BaseModel):
    model_config = _LENIENT
    units: list[_Unit] | None = None


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


class Page(NamedTuple):
    """One page of progressions, validated row by row, in upstream's order."""

    number: int
    total: int
    size: int
    can_load_more: bool
    rows: list[Progression]
    bad_rows: list[BadRow]
    students: list[Student]
    assignments: list[Assignment]
    digests: dict[str, int]
    """What each row said, good or bad, by its key: differs when the row differs."""
    is_contradictory: bool
    """Whether the page holds one key with two contents. The first of them counts."""


def read_token(body: Any) -> str:
    """The token in the answer to a login."""
    token = _validated(_Envelope, body, "the login").result.token
    if not token:
        raise _changed("the login")
    return token


def read_classes(body: Any) -> list[ListedClass]:
    """The classes in the answer to ``GET /v1/classes``."""
    listing = _validated(_ClassList, _inner(body, "the list of classes"), "the list of classes")
    classes = []
    for raw in listing.data:
        # `id` is the observed name; a class without it can still be told by its `_id`.
        one = _validated(_ListedClass, {**raw, "id": raw.get("id") or _oid_of(raw)}, "the list of classes")
        classes.append(
            ListedClass(one.id, one.friendly_id, one.name or one.friendly_id or one.id, one.is_published)
        )
    return classes


def read_units(body: Any) -> list[Unit]:
    """The units in the answer to ``GET /v1/classes/{id}``."""
    details = _validated(_ClassDetails, _inner(body, "a class"), "a class")
    return [
        Unit(unit.name or f"Unit {number}", tuple(unit.assignments or ()))
        for number, unit in enumerate(details.data[0].units or (), start=1)
    ]


def read_page(body: Any) -> Page:
    """One page of ``GET /v1/classes/{id}/progressions``."""
    page = _validated(_Page, _inner(body, "a page of progressions"), "a page of progressions")
    rows: list[Progression] = []
    bad_rows: list[BadRow] = []
    students: dict[str, Student] = {}
    assignments: dict[str, Assignment] = {}
    digests: dict[str, int] = {}
    is_contradictory = False
    for raw in page.data:
        parsed: _Progression | None = None
        try:
            parsed = _PROGRESSION.validate_python(raw)
            row = _as_progression(parsed)
            key, digest = row.id, hash(row)
        except ValidationError as error:
            bad = _bad_row(raw, error)
            key, digest = bad.key, hash(bad.payload)
        if key in digests:
            is_contradictory = is_contradictory or digests[key] != digest
            continue
        digests[key] = digest
        if parsed is None:
            bad_rows.append(bad)
            continue
        rows.append(row)
        user, assignment = parsed.user, parsed.assignment
        students.setdefault(user.id, Student(user.id, user.first_name, user.last_name, user.email))
        assignments.setdefault(assignment.id, Assignment(assignment.id, assignment.name, assignment.type))
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


_PROGRESSION = TypeAdapter(_Progression)


def _as_progression(parsed: _Progression) -> Progression:
    grade, raw_grade = parsed.grade
    return Progression(
        id=parsed.id,
        student_id=parsed.user.id,
        assignment_id=parsed.assignment.id,
        grade=grade,
        started_at=parsed.started_assignment_at,
        completed_at=parsed.completed_assignment_at,
        reviewed_at=parsed.reviewed_at,
        raw_grade=raw_grade,
    )


def _bad_row(raw: Any, error: ValidationError) -> BadRow:
    """Reasons name fields and what is wrong with them, never a value: values are the payload's."""
    try:
        payload = json.dumps(raw, sort_keys=True, ensure_ascii=True)
    except RecursionError:
        payload = "(nested too deeply to be kept)"
    reasons = [
        f"{'.'.join(str(part) for part in problem['loc']) or 'row'} "
        f"{problem['msg'].removeprefix('Value error, ').removeprefix('Input should be ')}"
        for problem in error.errors(include_input=False, include_url=False)
    ]
    try:
        key = clean_object_id(raw.get("_id")) if isinstance(raw, dict) else None
    except ValueError:
        key = None
    return BadRow(key or f"?{hashlib.sha256(payload.encode()).hexdigest()[:24]}", "; ".join(reasons), payload)


def _oid_of(raw: dict[str, Any]) -> Any:
    outer = raw.get("_id")
    return outer.get("$oid") if isinstance(outer, dict) else outer


def _inner(body: Any, what: str) -> Any:
    """The JSON text inside the JSON: seen as one string and as a list of one string."""
    objects = _validated(_Envelope, body, what).result.objects
    if isinstance(objects, list) and len(objects) == 1:
        objects = objects[0]
    if not isinstance(objects, str):
        raise _changed(what)
    try:
        return json.loads(objects)
    except (ValueError, RecursionError):
        pass
    try:
        # Python reads no integer of thousands of digits. Such a value is wrong, but only in its own row.
        return json.loads(objects, parse_int=_lenient_integer)
    except (ValueError, RecursionError):
        raise _changed(what) from None


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
