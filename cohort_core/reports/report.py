"""The type of every report: a frame and the model of its rows."""

from __future__ import annotations

import types
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np
import pandas as pd
from pydantic.fields import FieldInfo

from cohort_core.reports.row_models import RiskParts, Row, TriageKind
from cohort_core.timeutils import instants


@dataclass(frozen=True)
class Report:
    """A frame with the columns and dtypes of its row model.

    `fields` are the chosen columns, in their order; empty means all columns of the model.
    """

    name: str
    frame: pd.DataFrame
    row: type[Row]
    fields: tuple[str, ...] = ()

    def columns(self) -> dict[str, list[Any]]:
        """Return the chosen columns as plain values.

        Missing values are None, instants are text like "2025-03-04T10:00:00.000Z" and dates "2025-03-04".
        """
        fields = self.row.model_fields
        return {
            name: plain_values(self.frame[name], fields[name].annotation) for name in self.fields or fields
        }

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as plain values."""
        columns = self.columns()
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def record(self) -> dict[str, Any]:
        """Return the only row of a report that always has one."""
        (only,) = self.records()
        return only


def unit(field: FieldInfo) -> str:
    """Return the unit of a column in words, empty for none."""
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def type_name(annotation: Any) -> str:
    """Return the type of a column in words."""
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
    list[TriageKind]: "list of texts",
    RiskParts: "object",
}


_DTYPES = {
    bool: "bool",
    list[str]: "object",
    list[TriageKind]: "object",
    RiskParts: "object",
    str: "str",
    int: "int64",
    float: "float64",
    datetime: "datetime64[us, UTC]",
    date: "datetime64[us]",
}


def make_report(name: str, frame: pd.DataFrame, row: type[Row]) -> Report:
    """Make a report from a frame; columns that the row model lacks are dropped."""
    columns = {}
    for field, info in row.model_fields.items():
        column, dtype = frame[field], dtype_of(info.annotation)
        # A needless cast costs more than the rest of the report of a small class.
        columns[field] = column if column.dtype == dtype else column.astype(dtype)  # type: ignore[call-overload]
    return Report(name, pd.DataFrame(columns, index=frame.index), row)


def dtype_of(annotation: Any) -> str:
    """Return the pandas dtype of a column whose model has this type."""
    bare, optional = unwrap(annotation)
    if bare is int and optional:
        return "Int64"
    return "str" if get_origin(bare) is Literal else _DTYPES[bare]


def unwrap(annotation: Any) -> tuple[Any, bool]:
    """Return the type without None, and whether None was in it."""
    if get_origin(annotation) not in (types.UnionType, Union):
        return annotation, False
    (bare,) = (part for part in get_args(annotation) if part is not type(None))
    return bare, True


def plain_values(column: pd.Series[Any], annotation: Any) -> list[Any]:
    """Return the values of a column as Python objects that JSON and files can hold.

    Only here do missing values become None.
    """
    bare, _ = unwrap(annotation)
    if bare is datetime:
        moments = instants(column)
        present, texts = ~np.isnat(moments), np.full(len(moments), None, dtype=object)
        texts[present] = np.datetime_as_string(moments[present], unit="ms", casting="unsafe", timezone="UTC")
        return texts.tolist()
    if bare is date:
        column = column.dt.strftime("%Y-%m-%d")
    values: list[Any] = column.tolist()
    missing = column.isna().to_numpy()
    if missing.any():
        return [None if is_missing else value for value, is_missing in zip(values, missing, strict=True)]
    return values
