"""Sends lists and single rows as JSON, CSV or XLSX.

Lists can be sorted, and limited to some fields and rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache
from http import HTTPStatus
from typing import Annotated, Any, Literal, get_args, get_origin

import pandas as pd
from fastapi import Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, create_model
from pydantic_core import to_json

from cohort_core.api.dependencies import DIGITS_ONLY, Read
from cohort_core.errors import BadInput
from cohort_core.export import tables
from cohort_core.export.tables import Tabular
from cohort_core.http.encoded_paths import decoded
from cohort_core.http.guards import problem, qualities
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.triage import ClassTriage
from cohort_core.reports.report import Report, unwrap
from cohort_core.store.class_data import ClassData
from cohort_core.store.database import utc_text

MAX_ROWS = 1_000_000
"""No class has more rows; a larger number is a mistake."""

CACHE_KEY = "is_cacheable"
"""A route sets this key in the request's state to allow caching.

The response is then kept until the store or the settings change.
"""

HEADERS = {
    "total": "X-Total-Count",
    "limit": "X-Limit",
    "offset": "X-Offset",
    "as_of": "X-As-Of",
    "synced_at": "X-Synced-At",
}
"""Headers with the fields of a list.

Bare lists and files need them, since they contain only the rows.
"""


class _ListResponse(BaseModel):
    """The fields of a list beside its rows."""

    total: int = Field(description="Rows there are, before `limit` and `offset`.", examples=[83])
    limit: int | None = Field(description="As asked; null for all.", examples=[50])
    offset: int = Field(description="As asked: rows left out first.", examples=[0])
    as_of: datetime | None = Field(
        description="The instant that the answer is about, UTC; null for what is not about one. Of several "
        "classes the latest.",
        examples=["2025-01-04T15:30:00.000Z"],
    )
    synced_at: datetime | None = Field(
        description="End of the last successful sync, UTC; null before the first. Of several classes the "
        "latest.",
        examples=["2025-01-04T15:30:00.000Z"],
    )


@cache
def list_of(row: type[BaseModel]) -> type[BaseModel]:
    """Return the model of a list of these rows: StuckList for StuckRow."""
    name = f"{row.__name__.removesuffix('Row')}List"
    items = Field(description="The rows.")
    return create_model(name, __base__=_ListResponse, __doc__=row.__doc__ or "", items=(list[row], items))  # type: ignore[valid-type]


Sort = Annotated[
    str | None,
    Query(
        description="Fields to sort by, the first one first; a minus turns one round: `-pct,name`. Text in "
        "any case, words such as a band in the order in which they are listed, nothing last. What is equal "
        "stays in the order that the list has by itself.",
        examples=["-pct,name"],
    ),
]
Fields = Annotated[
    str | None,
    Query(
        description="Send these fields only, in this order: `student_id,pct`.",
        examples=["student_id,pct"],
    ),
]
Limit = Annotated[
    int | None,
    Query(ge=0, le=MAX_ROWS, description="At most so many rows; all by default.", examples=[50]),
    DIGITS_ONLY,
]
Offset = Annotated[
    int, Query(ge=0, le=MAX_ROWS, description="Leave out so many rows first.", examples=[0]), DIGITS_ONLY
]


@dataclass(frozen=True)
class Moment:
    """The instant of a response and the last sync of its data.

    Both are UTC text. `is_passing`: the response can change although nothing is written, so it is not cached.
    """

    as_of: str | None = None
    synced_at: str | None = None
    is_passing: bool = False

    @classmethod
    def of(cls, source: Cohort | ClassData | Sequence[ClassTriage]) -> Moment:
        """Return the moment of a class or cohort, or the latest one of several classes.

        A class that was never synced has no instant.
        """
        if isinstance(source, ClassData):
            return cls(None, _text(source.synced_at))
        if isinstance(source, Cohort):
            return cls._of_class(source.as_of, source.class_data.synced_at)
        moments = [cls._of_class(part.as_of, part.synced_at) for part in source]
        return cls(
            max((moment.as_of for moment in moments if moment.as_of), default=None),
            max((moment.synced_at for moment in moments if moment.synced_at), default=None),
        )

    @classmethod
    def _of_class(cls, as_of: pd.Timestamp, synced_at: pd.Timestamp | None) -> Moment:
        was_synced = synced_at is not None or as_of.timestamp() > 0
        return cls(_text(as_of) if was_synced else None, _text(synced_at))

    def as_dict(self) -> dict[str, str | None]:
        return {"as_of": self.as_of, "synced_at": self.synced_at}


def _text(at: pd.Timestamp | None) -> str | None:
    return None if at is None else utc_text(at.to_pydatetime(warn=False))


@dataclass(frozen=True)
class ListSender:
    """Sends a list in the requested format, after sorting and choosing fields and rows."""

    request: Request
    read: Read
    sort: Sort = None
    fields: Fields = None
    limit: Limit = None
    offset: Offset = 0

    def __call__(self, answer: Tabular, moment: Moment, *, default_limit: int | None = None) -> Response:
        limit = default_limit if self.limit is None else self.limit
        fields, rows = _chosen_fields(self.fields, answer.row), _sorted(answer, self.sort)
        page = slice(self.offset, None if limit is None else self.offset + limit)
        shown: Tabular
        if isinstance(rows, tables.Table):
            total, shown = len(rows.rows), replace(rows, rows=rows.rows[page], fields=fields)
        else:
            total, shown = len(rows.frame), replace(rows, frame=rows.frame[page], fields=fields)
        envelope = {"total": total, "limit": limit, "offset": self.offset, **moment.as_dict()}
        is_bare = get_origin(self.request.scope["route"].response_model) is list
        headers = {HEADERS[name]: str(value) for name, value in envelope.items() if value is not None}

        def content() -> Any:
            records = shown.records()
            return records if is_bare else {"items": records, **envelope}

        return _response(self.request, self.read, moment, shown, content, headers)


@dataclass(frozen=True)
class RowSender:
    """Sends the only row of a report in the requested format."""

    request: Request
    read: Read

    def __call__(self, answer: Report, moment: Moment) -> Response:
        headers = {HEADERS[name]: value for name, value in moment.as_dict().items() if value is not None}
        return _response(self.request, self.read, moment, answer, answer.record, headers)


SendList = Annotated[ListSender, Depends()]
SendRow = Annotated[RowSender, Depends()]


def _response(
    request: Request,
    read: Read,
    moment: Moment,
    shown: Tabular,
    content: Callable[[], Any],
    headers: Mapping[str, str],
) -> Response:
    if not moment.is_passing:
        request.scope["state"][CACHE_KEY] = True
    wanted = wanted_format(request.scope["route"].path, ", ".join(request.headers.getlist("accept")))
    headers = {"Vary": "Accept", **headers}
    if wanted == "json":
        return Response(
            to_json(content(), inf_nan_mode="null"), headers=headers, media_type="application/json"
        )
    if wanted is None:
        media_types = ", ".join(
            ["application/json", *(kind.media_type.split(";")[0] for kind in tables.KINDS.values())]
        )
        return problem(
            HTTPStatus.NOT_ACCEPTABLE,
            f"This can be had as {media_types}. Ask for one of them in the header Accept, or for */*.",
            "not_acceptable",
        )
    kind = tables.KINDS[wanted]
    reference = decoded(request.path_params.get("class_id", "")) or None
    about = {"Class": reference} if reference else {}
    about |= {name: text for name, text in request.query_params.items() if name in ("as_of", "type")}
    name = tables.file_name(reference, shown.name, wanted, anonymous=read.anonymous)
    headers |= {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(kind.write(shown, about), headers=headers, media_type=kind.media_type)


Format = Literal["json"] | tables.FileFormat
_FORMATS: dict[str, Format] = {
    "application/json": "json",
    **{kind.media_type.split(";")[0]: extension for extension, kind in tables.KINDS.items()},
}


def wanted_format(path: str, accept: str) -> Format | None:
    """Return the format of the path's extension, or the one that `Accept` prefers.

    None if `Accept` allows none of our formats.
    """
    for extension in tables.KINDS:
        if path.endswith(extension) and path[-len(extension) - 1] == ".":
            return extension
    return _preferred_format(accept) if accept.strip() else "json"


@lru_cache(maxsize=256)
def _preferred_format(accept: str) -> Format | None:
    """Return the format with the highest quality; among equal ones, the one named first."""
    wanted = qualities(accept)
    places = list(wanted)
    best: tuple[float, int, Format | None] = (0.0, 0, None)
    for media_type, candidate in _FORMATS.items():
        matching = next((name for name in _media_ranges(media_type) if name in wanted), None)
        if matching is None:
            continue
        quality, place = wanted[matching], -places.index(matching)
        if quality and (best[2] is None or (quality, place) > best[:2]):
            best = quality, place, candidate
    return best[2]


def _media_ranges(media_type: str) -> tuple[str, str, str]:
    """Return the entries of `Accept` that match a media type, the most specific first."""
    return media_type, f"{media_type.partition('/')[0]}/*", "*/*"


def sortable_fields(row: type[BaseModel]) -> list[str]:
    """Return the fields by which rows can be sorted: all except lists and objects."""
    return [name for name, field in row.model_fields.items() if not _is_nested(field.annotation)]


def _is_nested(annotation: Any) -> bool:
    bare, _ = unwrap(annotation)
    return get_origin(bare) is list or (isinstance(bare, type) and issubclass(bare, BaseModel))


def _check_fields(names: Sequence[str], allowed: Sequence[str], parameter: str) -> None:
    if set(names) - set(allowed):
        raise BadInput(
            f"{parameter} has a field that this list cannot be asked for. Choose from: {', '.join(allowed)}.",
            parameter=parameter,
        )


def _chosen_fields(fields: str | None, row: type[BaseModel]) -> tuple[str, ...]:
    if fields is None:
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in fields.split(",")))
    _check_fields(names, list(row.model_fields), "fields")
    return names


def _sorted(answer: Tabular, sort: str | None) -> Tabular:
    if sort is None:
        return answer
    descending: dict[str, bool] = {}
    for part in sort.split(","):
        descending.setdefault(part.strip().removeprefix("-"), part.strip().startswith("-"))
    _check_fields(list(descending), sortable_fields(answer.row), "sort")
    if isinstance(answer, tables.Table):
        return replace(answer, rows=_sorted_rows(answer.rows, answer.row, descending))
    fields = answer.row.model_fields
    keys = {name: _sort_key(answer.frame[name], fields[name].annotation).array for name in descending}
    ascending = [not is_descending for is_descending in descending.values()]
    order = pd.DataFrame(keys).sort_values(
        list(descending), ascending=ascending, na_position="last", kind="stable"
    )
    return replace(answer, frame=answer.frame.iloc[order.index])


def _sort_key(column: pd.Series[Any], annotation: Any) -> pd.Series[Any]:
    """Return what a column is sorted by.

    Text is sorted without regard to case, the words of a Literal by their order in it.
    """
    bare, _ = unwrap(annotation)
    if get_origin(bare) is Literal:
        return column.map(_places(bare)).astype("float64")
    if bare is str:
        return column.str.casefold()
    return column


def _sorted_rows(
    rows: Sequence[Mapping[str, Any]], row: type[BaseModel], descending: Mapping[str, bool]
) -> list[Mapping[str, Any]]:
    ordered = list(rows)
    for name, is_descending in reversed(list(descending.items())):
        bare, _ = unwrap(row.model_fields[name].annotation)
        places = _places(bare) if get_origin(bare) is Literal else {}
        present = [record for record in ordered if record[name] is not None]
        present.sort(
            key=lambda record: places.get(record[name], _without_case(record[name])), reverse=is_descending
        )
        ordered = present + [record for record in ordered if record[name] is None]
    return ordered


def _places(words: Any) -> dict[str, float]:
    return {word: float(place) for place, word in enumerate(get_args(words))}


def _without_case(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
