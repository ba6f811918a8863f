"""Charts as Vega-Lite: drawn once, clickable, with their data inside or beside them.

Altair takes as long for a chart as pandas for the numbers in it, and a page draws the same ones again and
again.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from hashlib import blake2b
from typing import Any, ParamSpec, TypeVar

import altair as alt
import pandas as pd

KEPT_OF_EACH = 16
"""Charts of each kind: what a mentor sees while going back and forth between a few selections."""
SPECS_KEPT = 64

P = ParamSpec("P")
T = TypeVar("T")


def cached_chart(draw: Callable[P, T]) -> Callable[P, T]:
    """A function that makes a chart of frames, and gives the same one for the same values. It is for looking
    at: who changes it makes a copy first.
    """

    @lru_cache(maxsize=KEPT_OF_EACH)
    def answer(asked: _Asked) -> T:
        return draw(*asked.args, **asked.kwargs)

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        return answer(_Asked(_mark((args, kwargs)), args, kwargs))

    return drawn


@dataclass(frozen=True)
class _Asked:
    mark: str
    args: tuple[Any, ...] = field(compare=False)
    kwargs: dict[str, Any] = field(compare=False)


def _mark(value: Any) -> str:
    """Equal for equal values, most of the time: what is equal and looks different is drawn again."""
    return blake2b(pickle.dumps(value), digest_size=16).hexdigest()


def whole_spec(chart: Any) -> dict[str, Any]:
    """The chart as Vega-Lite with its data in it, however many rows.

    Altair's own way depends on a setting of the process, which a page that is drawn meanwhile may change.
    """
    spec: dict[str, Any] = _with_data(
        chart, lambda frame: alt.Data(values=alt.to_values(frame)["values"])
    ).to_dict()
    return spec


def light_spec(chart: Any, *picked: str) -> dict[str, Any]:
    """The chart as Vega-Lite with its frames beside it, under ``datasets``.

    Its marks tell, when clicked, what these fields of theirs are.

    It is not held against Vega-Lite's whole schema: that is more than half of the cost, the tests do it, and
    no choice of a mentor makes a chart invalid.
    """
    spec, frames = _light_spec(_Same(chart), picked)
    return {**copy.deepcopy(spec), "datasets": dict(frames)}


class _Same:
    """A chart as what it is, since charts cannot be compared."""

    def __init__(self, chart: Any) -> None:
        self.chart = chart

    def __hash__(self) -> int:
        return id(self.chart)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.chart is other.chart


@lru_cache(maxsize=SPECS_KEPT)
def _light_spec(one: _Same, picked: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    frames: dict[str, pd.DataFrame] = {}

    def named(frame: pd.DataFrame) -> Any:
        name = _mark(frame)
        frames[name] = frame
        return alt.NamedData(name=name)

    chart = pickable(one.chart, *picked) if picked else one.chart
    return _with_data(chart, named).to_dict(validate=False), frames


def _with_data(chart: Any, of_frame: Callable[[pd.DataFrame], Any]) -> Any:
    made = chart.copy(deep=False)
    if isinstance(made.data, pd.DataFrame):
        made.data = of_frame(made.data)
    if isinstance(made, alt.LayerChart):
        made.layer = [_with_data(one, of_frame) for one in made.layer]
    return made


def pickable(chart: Any, *fields: str) -> Any:
    """The chart with marks that tell, when clicked, what a field of theirs is, by the name of the field.

    Of a chart in layers the first field belongs to the first layer, and so on; a click anywhere asks all of
    them, so that no two layers may have a field in common by which they are picked.
    """
    picks = [alt.selection_point(name=field, fields=[field], on="click", clear=False) for field in fields]
    if not isinstance(chart, alt.LayerChart):
        return chart.add_params(*picks)
    made = chart.copy(deep=False)
    made.layer = [
        layer.add_params(picks[index]) if index < len(picks) else layer
        for index, layer in enumerate(chart.layer)
    ]
    return made
