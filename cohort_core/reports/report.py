"""The type of every report: a frame and the model of its rows."""

from __future__ import annotations

import types
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np
import pandas as pd
from pydantic.fields import FieldInfo

from cohort_core.reports.rows import (
    Need,
    RiskParts,
    Row,
)
from cohort_core.timeutils import instants


@dataclass(frozen=True)
class Report:
    """One answer: a frame whose columns and dtypes are those of its row model.

    `fields` are the columns that were chosen, in their order; all of the model's if none were.
    """

    name: str
    frame: pd.DataFrame
    row: type[Row]
    fields: tuple[str, ...] = ()

    def columns(self) -> dict[str, list[Any]]:
        """Plain values: missing is None, an instant "…Z" in milliseconds, a date "YYYY-MM-DD"."""
        known = self.row.model_fields
        return {name: plain_values(self.frame[name], known[name].annotation) for name in self.fields or known}

    def records(self) -> list[dict[str, Any]]:
        """The rows, as plain values."""
        columns = self.columns()
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def record(self) -> dict[str, Any]:
        """The only row of an answer that has one."""
        (only,) = self.records()
        return only


def unit(field: FieldInfo) -> str:
    """The unit of a column in words, empty for none."""
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def type_name(annotation: Any) -> str:
    """The type of a column in words."""
    bare, optional = unwrap(annotation)
    name = " / ".join(get_args(bare)) if get_origin(bare) is Literal else _TYPE_NAMES[bare]
    return f"{name} or null" if optional else name


_TYPE_NAMES = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "yes or no",
    datetime: "time",
    date: "date",
    list[str]: "list of texts",
    list[Need]: "list of texts",
    RiskParts: "object",
}


_DTYPES = {
    bool: "bool",
    list[str]: "object",
    list[Need]: "object",
    RiskParts: "object",
    str: "str",
    int: "int64",
    float: "float64",
    datetime: "datetime64[us, UTC]",
    date: "datetime64[us]",
}


def make_report(name: str, frame: pd.DataFrame, row: type[Row]) -> Report:
    columns = {}
    for field, info in row.model_fields.items():
        column, dtype = frame[field], dtype_of(info.annotation)
        # A cast to the type that it has already costs more than the whole answer of a small class.
        columns[field] = column if column.dtype == dtype else column.astype(dtype)  # type: ignore[call-overload]
    return Report(name, pd.DataFrame(columns, index=frame.index), row)


def dtype_of(annotation: Any) -> str:
    bare, optional = unwrap(annotation)
    if bare is int and optional:
        return "Int64"
    return "str" if get_origin(bare) is Literal else _DTYPES[bare]


def unwrap(annotation: Any) -> tuple[Any, bool]:
    """The type without None, and whether None was in it."""
    if get_origin(annotation) not in (types.UnionType, Union):
        return annotation, False
    (bare,) = (part for part in get_args(annotation) if part is not type(None))
    return bare, True


def plain_values(column: pd.Series[Any], annotation: Any) -> list[Any]:
    """The one place where missing values become None."""
    bare, _ = unwrap(annotation)
    if bare is datetime:
        moments = instants(column)
        known, texts = ~np.isnat(moments), np.full(len(moments), None, dtype=object)
        texts[known] = np.datetime_as_string(moments[known], unit="ms", casting="unsafe", timezone="UTC")
        return texts.tolist()
    if bare is date:
        column = column.dt.strftime("%Y-%m-%d")
    values: list[Any] = column.tolist()
    missing = column.isna().to_numpy()
    if missing.any():
        return [None if is_missing else value for value, is_missing in zip(values, missing, strict=True)]
    return values
