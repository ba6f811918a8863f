"""A report as a table whose columns explain themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import pandas as pd
import streamlit as st
from pydantic import BaseModel

from cohort_core import formatting
from cohort_core.dashboard.components.text import meaning
from cohort_core.dashboard.layout import open_page

ROW_PIXELS = 35
MAX_ROWS = 15
_ROUNDING = {
    "percent": (100, 0),
    "share": (100, 0),
    "bar": (1, 0),
    "days": (1, 1),
    "seconds": (1, 1),
    "points": (1, 1),
}
"""Scale and decimals by the kind of a column."""

# Columns must be selectable too: otherwise a click on a heading would select the first cell below it.
_CLICKABLE: dict[str, Any] = {"on_select": "rerun", "selection_mode": ["single-cell", "single-column"]}
_TICKED = _CLICKABLE | {"selection_mode": ["single-cell", "single-column", "multi-row"]}


@dataclass(frozen=True)
class Column:
    """How a table shows a field: its heading, and the kind of its values."""

    label: str
    kind: str = "text"
    """One of the kinds below.

    text, whole, percent, days, seconds, points, date; instant (local, without a zone); ago (the time from
    an instant until now); share (a bar, of 1); bar (a bar, of 100 points).
    """
    width: str | None = None
    pinned: bool = False


def show(
    frame: pd.DataFrame,
    row: type[BaseModel],
    columns: Mapping[str, Column],
    *,
    key: str,
    alt: str,
    opens: str | None = None,
    also: Mapping[str, Mapping[str, str]] | None = None,
    has_ticks: bool = False,
) -> list[str]:
    """Show these columns of a report.

    On hover, each heading shows the description of its field from the row model.

    `opens` is the page that a click on a row opens: student or assignment. The frame must have its ids.
    `also` holds further parameters of the address, by the column that is clicked. With `has_ticks` rows can
    be ticked; the ids of these are returned.
    """
    selection = _TICKED if has_ticks else _CLICKABLE if opens else {}
    if not opens:
        _table(frame, row, columns, key=key, alt=alt, selection=selection)
        return []
    ids = frame[f"{opens}_id"]
    # A table whose rows are replaced in place loses the first click, so other rows get another key.
    event = _table(frame, row, columns, key=f"{key}-{digest(ids)}", alt=alt, selection=selection)
    if event.selection.cells:
        place, column = event.selection.cells[0]
        open_page(opens, **{opens: str(ids.iloc[place])}, **(also or {}).get(column, {}))
    return [str(ids.iloc[place]) for place in event.selection.rows] if has_ticks else []


def pick(
    frame: pd.DataFrame, row: type[BaseModel], columns: Mapping[str, Column], *, key: str, alt: str
) -> int | None:
    """Show these columns of a report, and return the row that was clicked.

    It is the place of the row in the frame, None before a click.
    """
    event = _table(frame, row, columns, key=key, alt=alt, selection=_CLICKABLE)
    return event.selection.cells[0][0] if event.selection.cells else None


def _table(
    frame: pd.DataFrame,
    row: type[BaseModel],
    columns: Mapping[str, Column],
    *,
    key: str,
    alt: str,
    selection: Mapping[str, Any],
) -> Any:
    config = {name: _configure(row, name, column) for name, column in columns.items()}
    return st.dataframe(
        _round(frame[list(columns)], columns),
        column_config=config,
        hide_index=True,
        # Half a row more at the bottom shows that others follow.
        height=round((min(len(frame), MAX_ROWS + 0.5) + 1) * ROW_PIXELS) + 3,
        placeholder=formatting.MISSING,
        key=key,
        alt=alt,
        **selection,
    )


def picture(figure: Any, *, alt: str) -> None:
    """Show a chart without clicks."""
    from cohort_core.charts import vega

    st.vega_lite_chart(spec=_in_theme(vega.light_spec(figure)), alt=alt)


def chart(
    figure: Any,
    *,
    alt: str,
    key: str,
    opens: Mapping[str, str | None],
    on_select: Callable[[], None] | None = None,
) -> None:
    """Show a chart whose marks open the page of their student or assignment.

    `opens` maps a field of the marks to the name of the page; see `vega.pickable`. With `on_select` the
    caller decides what a click does, and no page opens.
    """
    from cohort_core.charts import vega

    event: Any = st.vega_lite_chart(
        spec=_in_theme(vega.light_spec(figure, *opens)),
        alt=alt,
        key=key,
        on_select=on_select or "rerun",
        selection_mode=list(opens),
    )
    for field, page in opens.items():
        picked = event.selection.get(field)
        if page and picked and picked[0].get(field):
            open_page(page, **{page: str(picked[0][field])})


def _in_theme(spec: dict[str, Any]) -> dict[str, Any]:
    """Give texts inside a chart a colour that suits the page.

    Files keep black on white.
    """
    colour = "#e8eced" if st.context.theme.type == "dark" else "#20292c"
    return {**spec, "config": {**spec.get("config", {}), "text": {"color": colour}}}


def _round(frame: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    """Round the numbers as sentences do; shares become percents.

    The browser only writes them: it would round the last bits in its own way.
    """

    def rounded(name: str, scale: int, digits: int) -> pd.Series[float]:
        values = frame[name].astype("float64") * scale
        return values.map(lambda value: formatting.round_half_up(value, digits))

    exact = {name: _ROUNDING[column.kind] for name, column in columns.items() if column.kind in _ROUNDING}
    return frame.assign(**{name: rounded(name, *how) for name, how in exact.items()})


def digest(ids: pd.Series[str]) -> str:
    """Return a short hash of these ids in this order."""
    return blake2b("\n".join(ids).encode(), digest_size=6).hexdigest()


def _configure(row: type[BaseModel], name: str, column: Column) -> Any:
    field = row.model_fields.get(name)
    common: dict[str, Any] = {
        "label": column.label,
        "help": meaning(field.description) if field and field.description else None,
        "width": column.width,
        "pinned": column.pinned,
    }
    match column.kind:
        case "share" | "bar":
            format_ = formatting.TABLE_PERCENT if column.kind == "share" else formatting.TABLE_WHOLE
            return st.column_config.ProgressColumn(
                **common, format=format_, min_value=0.0, max_value=100.0, color="primary"
            )
        case "percent":
            return st.column_config.NumberColumn(**common, format=formatting.TABLE_PERCENT)
        case "whole":
            return st.column_config.NumberColumn(**common, format="localized")
        case "days" | "seconds" | "points":
            return st.column_config.NumberColumn(**common, format=formatting.TABLE_ONE_DECIMAL)
        case "instant":
            return st.column_config.DatetimeColumn(**common, format="ddd D MMM YYYY, HH:mm")
        case "ago":
            return st.column_config.DatetimeColumn(**common, format="distance")
        case "date":
            return st.column_config.DateColumn(**common, format="D MMM YYYY")
        case _:
            return st.column_config.TextColumn(**common)
