"""Charts as Vega-Lite: cached, clickable, with their data inside or beside the spec.

Charts are cached because a page draws the same ones again and again, and Altair takes as long for a chart as
pandas for the numbers in it.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from hashlib import blake2b
from typing import Any, ParamSpec, TypeVar

import altair as alt
import pandas as pd

MAX_CHARTS_OF_A_KIND = 16
"""Enough for a mentor who goes back and forth between a few selections."""
MAX_SPECS = 64

P = ParamSpec("P")
T = TypeVar("T")


def cached_chart(draw: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that draws charts: the same values give the same chart.

    The chart is shared by all callers: make a copy before you change it.
    """

    @lru_cache(maxsize=MAX_CHARTS_OF_A_KIND)
    def draw_once(call: _Call) -> T:
        return draw(*call.args, **call.kwargs)

    @wraps(draw)
    def get(*args: P.args, **kwargs: P.kwargs) -> T:
        return draw_once(_Call(_digest((args, kwargs)), args, kwargs))

    return get


@dataclass(frozen=True)
class _Call:
    """The arguments of a call, compared by their digest, since frames cannot be compared."""

    digest: str
    args: tuple[Any, ...] = field(compare=False)
    kwargs: dict[str, Any] = field(compare=False)


def _digest(value: Any) -> str:
    """Return a digest of a value.

    Equal values nearly always have the same digest. If they do not, the chart is only drawn again.
    """
    return blake2b(pickle.dumps(value), digest_size=16).hexdigest()


def whole_spec(chart: Any) -> dict[str, Any]:
    """Return the chart as Vega-Lite with its data inside, however many rows.

    Altair has a setting for this, but it holds for the whole process, and another thread may change it. The
    spec is not validated, as `light_spec` explains.
    """
    made: dict[int, Any] = {}

    def inside(frame: pd.DataFrame) -> Any:
        # Several layers of a chart show one frame.
        if id(frame) not in made:
            made[id(frame)] = alt.Data(values=alt.to_values(frame)["values"])  # type: ignore[no-untyped-call]
        return made[id(frame)]

    spec: dict[str, Any] = _with_data(chart, inside).to_dict(validate=False)
    return spec


def light_spec(chart: Any, *picked: str) -> dict[str, Any]:
    """Return the chart as Vega-Lite with its frames beside it, under ``datasets``.

    `picked` are fields whose values a click on a mark reports, as `pickable` explains.

    The spec is not validated against the schema of Vega-Lite. That would take more than half of the time, the
    tests do it, and no choice of a mentor makes a chart invalid.
    """
    text, frames = _light_spec(_ByIdentity(chart), picked)
    return {**json.loads(text), "datasets": dict(frames)}


class _ByIdentity:
    """A chart that is equal only to itself, since Altair's charts cannot be compared."""

    def __init__(self, chart: Any) -> None:
        self.chart = chart

    def __hash__(self) -> int:
        return id(self.chart)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.chart is other.chart


@lru_cache(maxsize=MAX_SPECS)
def _light_spec(shared: _ByIdentity, picked: tuple[str, ...]) -> tuple[str, dict[str, pd.DataFrame]]:
    """Return the spec as JSON, since Streamlit writes into what it gets, and the frames."""
    frames: dict[str, pd.DataFrame] = {}

    def named(frame: pd.DataFrame) -> Any:
        name = _digest(frame)
        frames[name] = frame
        return alt.NamedData(name=name)

    chart = pickable(shared.chart, *picked) if picked else shared.chart
    return json.dumps(_with_data(chart, named).to_dict(validate=False), allow_nan=False), frames


def _with_data(chart: Any, of_frame: Callable[[pd.DataFrame], Any]) -> Any:
    """Return the chart with each of its frames replaced."""
    copied = chart.copy(deep=False)
    if isinstance(copied.data, pd.DataFrame):
        copied.data = of_frame(copied.data)
    if isinstance(copied, alt.LayerChart):
        copied.layer = [_with_data(layer, of_frame) for layer in copied.layer]
    return copied


def pickable(chart: Any, *fields: str) -> Any:
    """Return the chart with clickable marks that report the values of these fields.

    Each field has a selection of its name. In a chart with layers the first field belongs to the first layer,
    and so on. A click anywhere asks all layers, so no two layers may contain the same field of `fields`.
    """
    picks = [alt.selection_point(name=field, fields=[field], on="click", clear=False) for field in fields]
    if not isinstance(chart, alt.LayerChart):
        return chart.add_params(*picks)
    copied = chart.copy(deep=False)
    copied.layer = [
        layer.add_params(picks[index]) if index < len(picks) else layer
        for index, layer in enumerate(chart.layer)
    ]
    return copied
