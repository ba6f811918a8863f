"""The shape of answers: lists that can be sorted, narrowed and cut, and single rows; as JSON or as a file."""

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

from cohort_core.api.dependencies import IN_DIGITS, Read
from cohort_core.errors import BadInput
from cohort_core.export import tables
from cohort_core.export.tables import Tabular
from cohort_core.http.guards import problem, qualities
from cohort_core.metrics.cohort import Cohort
from cohort_core.reports.report import Report, unwrap
from cohort_core.store.class_data import ClassData
from cohort_core.store.database import utc_text

MAX_ROWS = 1_000_000
"""More than any class has; a number beyond it is a mistake."""

CACHE_KEY = "kept_for"
"""In the state of a request: its answer may be given again until the store changes; if this is the reference
of a class, until the facts of that class do."""

HEADERS = {
    "total": "X-Total-Count",
    "limit": "X-Limit",
    "offset": "X-Offset",
    "as_of": "X-As-Of",
    "synced_at": "X-Synced-At",
}
"""What stands beside the rows of a list, for those that are bare, and for files."""


class _ListResponse(BaseModel):
    """What stands beside the rows of a list."""

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
    """The model of a list of such rows: StuckList of StuckRow."""
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
    IN_DIGITS,
]
Offset = Annotated[
    int, Query(ge=0, le=MAX_ROWS, description="Leave out so many rows first.", examples=[0]), IN_DIGITS
]


@dataclass(frozen=True)
class Moment:
    """What an answer is about: an instant, and the data that was there; both UTC text.

    `is_of_class`: the answer is made of the facts of its class alone, so that it holds as long as they do.
    `is_passing`: it may be another one although nothing was written.
    """

    as_of: str | None = None
    synced_at: str | None = None
    is_of_class: bool = False
    is_passing: bool = False

    @classmethod
    def of(cls, source: Cohort | ClassData | Sequence[Cohort], *, is_all: bool = True) -> Moment:
        """Of several cohorts, the latest. A class that was never synced has no instant.

        `is_all` is False for an answer that is made of more than this.
        """
        if isinstance(source, ClassData):
            return cls(None, _text(source.synced_at), is_all)
        if isinstance(source, Cohort):
            was_synced = source.class_data.synced_at is not None or source.as_of.timestamp() > 0
            return cls(
                _text(source.as_of) if was_synced else None, _text(source.class_data.synced_at), is_all
            )
        moments = [cls.of(one) for one in source]
        return cls(
            max((one.as_of for one in moments if one.as_of), default=None),
            max((one.synced_at for one in moments if one.synced_at), default=None),
        )

    def told(self) -> dict[str, str | None]:
        return {"as_of": self.as_of, "synced_at": self.synced_at}


def _text(at: pd.Timestamp | None) -> str | None:
    return None if at is None else utc_text(at.to_pydatetime(warn=False))


@dataclass(frozen=True)
class ListSender:
    """Sorts, narrows and cuts a list as asked, and sends it in the format that is wanted."""

    request: Request
    read: Read
    sort: Sort = None
    fields: Fields = None
    limit: Limit = None
    offset: Offset = 0

    def __call__(self, answer: Tabular, moment: Moment, *, default_limit: int | None = None) -> Response:
        limit = default_limit if self.limit is None else self.limit
        fields, whole = _chosen(self.fields, answer.row), _sorted(answer, self.sort)
        part = slice(self.offset, None if limit is None else self.offset + limit)
        shown: Tabular
        if isinstance(whole, tables.Table):
            total, shown = len(whole.rows), replace(whole, rows=whole.rows[part], fields=fields)
        else:
            total, shown = len(whole.frame), replace(whole, frame=whole.frame[part], fields=fields)
        excluded_path = {"total": total, "limit": limit, "offset": self.offset, **moment.told()}
        is_bare = get_origin(self.request.scope["route"].response_model) is list
        headers = {HEADERS[name]: str(value) for name, value in excluded_path.items() if value is not None}

        def content() -> Any:
            rows = shown.records()
            return rows if is_bare else {"items": rows, **excluded_path}

        return _sent(self.request, self.read, moment, shown, content, headers)


@dataclass(frozen=True)
class RowSender:
    """Sends the only row of an answer in the format that is wanted."""

    request: Request
    read: Read

    def __call__(self, answer: Report, moment: Moment) -> Response:
        headers = {HEADERS[name]: value for name, value in moment.told().items() if value is not None}
        return _sent(self.request, self.read, moment, answer, answer.record, headers)


SendList = Annotated[ListSender, Depends()]
SendRow = Annotated[RowSender, Depends()]


def _sent(
    request: Request,
    read: Read,
    moment: Moment,
    shown: Tabular,
    content: Callable[[], Any],
    headers: Mapping[str, str],
) -> Response:
    if not moment.is_passing:
        request.scope["state"][CACHE_KEY] = request.path_params["class_id"] if moment.is_of_class else None
    wanted = wanted_format(request.scope["route"].path, ", ".join(request.headers.getlist("accept")))
    headers = {"Vary": "Accept", **headers}
    if wanted == "json":
        return Response(to_json(content()), headers=headers, media_type="application/json")
    if wanted is None:
        known = ", ".join(
            ["application/json", *(kind.media_type.split(";")[0] for kind in tables.KINDS.values())]
        )
        return problem(
            HTTPStatus.NOT_ACCEPTABLE,
            f"This can be had as {known}. Ask for one of them in the header Accept, or for */*.",
            "not_acceptable",
        )
    kind = tables.KINDS[wanted]
    reference = request.path_params.get("class_id")
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
    """The format in which the address ends, else the one that Accept likes best; None for none of ours."""
    for extension in tables.KINDS:
        if path.endswith(extension) and path[-len(extension) - 1] == ".":
            return extension
    return _liked_format(accept) if accept.strip() else "json"


@lru_cache(maxsize=256)
def _liked_format(accept: str) -> Format | None:
    """Of equals the one that is named first."""
    wanted = qualities(accept)
    places = list(wanted)
    best: tuple[float, int, Format | None] = (0.0, 0, None)
    for media_type, found in _FORMATS.items():
        named = next((one for one in _ranges(media_type) if one in wanted), None)
        if named is None:
            continue
        quality, place = wanted[named], -places.index(named)
        if quality and (best[2] is None or (quality, place) > best[:2]):
            best = quality, place, found
    return best[2]


def _ranges(media_type: str) -> tuple[str, str, str]:
    """By what a media type can be asked for; what says more counts before what says less."""
    return media_type, f"{media_type.partition('/')[0]}/*", "*/*"


def sortable(row: type[BaseModel]) -> list[str]:
    """The fields by which rows can be sorted: all but lists and objects."""
    return [name for name, field in row.model_fields.items() if not _is_nested(field.annotation)]


def _is_nested(annotation: Any) -> bool:
    bare, _ = unwrap(annotation)
    return get_origin(bare) is list or (isinstance(bare, type) and issubclass(bare, BaseModel))


def _check(names: Sequence[str], known: Sequence[str], parameter: str) -> None:
    if set(names) - set(known):
        raise BadInput(
            f"{parameter} has a field that this list cannot be asked for. Choose from: {', '.join(known)}.",
            parameter=parameter,
        )


def _chosen(fields: str | None, row: type[BaseModel]) -> tuple[str, ...]:
    if fields is None:
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in fields.split(",")))
    _check(names, list(row.model_fields), "fields")
    return names


def _sorted(answer: Tabular, sort: str | None) -> Tabular:
    if sort is None:
        return answer
    turned: dict[str, bool] = {}
    for part in sort.split(","):
        turned.setdefault(part.strip().removeprefix("-"), part.strip().startswith("-"))
    _check(list(turned), sortable(answer.row), "sort")
    if isinstance(answer, tables.Table):
        return replace(answer, rows=_sorted_rows(answer.rows, answer.row, turned))
    fields = answer.row.model_fields
    compared = {name: _comparable(answer.frame[name], fields[name].annotation).array for name in turned}
    order = pd.DataFrame(compared).sort_values(
        list(turned), ascending=[not one for one in turned.values()], na_position="last", kind="stable"
    )
    return replace(answer, frame=answer.frame.iloc[order.index])


def _comparable(column: pd.Series[Any], annotation: Any) -> pd.Series[Any]:
    """Text in any case; words of a fixed set by their place in it."""
    bare, _ = unwrap(annotation)
    if get_origin(bare) is Literal:
        return column.map(_places(bare)).astype("float64")
    if bare is str:
        return column.str.casefold()
    return column


def _sorted_rows(
    rows: Sequence[Mapping[str, Any]], row: type[BaseModel], turned: Mapping[str, bool]
) -> list[Mapping[str, Any]]:
    ordered = list(rows)
    for name, is_turned in reversed(list(turned.items())):
        bare, _ = unwrap(row.model_fields[name].annotation)
        places = _places(bare) if get_origin(bare) is Literal else {}
        there = [one for one in ordered if one[name] is not None]
        there.sort(key=lambda one: places.get(one[name], _folded(one[name])), reverse=is_turned)
        ordered = there + [one for one in ordered if one[name] is None]
    return ordered


def _places(words: Any) -> dict[str, float]:
    return {word: float(place) for place, word in enumerate(get_args(words))}


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
