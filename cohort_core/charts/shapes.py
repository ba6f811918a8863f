"""The parts that several charts share: labels, axes, colours, bars stacked from parts.

A shape, a label or an order always says the same as a colour. Every colour stands out from white and from
near-black, so charts need no second version for dark mode, and colour-blind people can tell the colours of
each set apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import altair as alt
import pandas as pd

from cohort_core.formatting import AXIS_ONE_DECIMAL, AXIS_PERCENT, long_day, one_decimal, percent, whole
from cohort_core.reports.labels import STATES

_BAR_PIXELS, AXIS_PIXELS = 24, 50
_MAX_LABEL_PIXELS = 190
Unit = Literal["percent", "one_decimal", "whole"]
IN_WORDS: dict[Unit, Callable[[float], str]] = {
    "percent": percent,
    "one_decimal": one_decimal,
    "whole": whole,
}
"""The text of a number in a tooltip, since browsers round differently."""
WEEK_TOOLTIP = alt.Tooltip("date:N", title="Week of")


def unique_labels(names: Iterable[str]) -> Iterator[str]:
    """Yield names as axis labels, with a number behind every repeated name.

    Without it two people of the same name would share a bar.
    """
    taken: set[str] = set()
    for name in names:
        label, number = name, 1
        while label in taken:
            number += 1
            label = f"{name} ({number})"
        taken.add(label)
        yield label


def stacked_parts(
    frame: pd.DataFrame, parts: dict[str, tuple[str, str]], title: str, subject: str, identity: str
) -> alt.Chart:
    """Draw a bar for each row of the frame, stacked from its parts.

    `parts` maps a column to its label and colour. `subject` names a row in the tooltip, and `identity` is the
    column of its id.
    """
    data = labelled(frame)
    long = data[["label", "name", identity, *parts]].melt(
        ["label", "name", identity], list(parts), "part", "points"
    )
    order = list(parts)
    long = long.assign(
        shown=long["points"].map(one_decimal),
        order=long["part"].map(order.index),
        part=long["part"].map(lambda part: parts[part][0]),
    )
    return with_height_of(
        alt.Chart(long)
        .mark_bar(cursor="pointer")
        .encode(
            x=alt.X("points:Q", title=title, axis=alt.Axis(format="d", tickCount=6)),
            y=label_rows(data),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(
                    domain=[label for label, _ in parts.values()],
                    range=[colour for _, colour in parts.values()],
                ),
                legend=None,
            ),
            order=alt.Order("order:Q"),
            detail=f"{identity}:N",
            tooltip=[
                alt.Tooltip("name:N", title=subject),
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("shown:N", title="Points"),
            ],
        ),
        data,
    )


def number_axis(unit: Unit) -> alt.Axis:
    """Return an axis for numbers of this unit; counts have whole steps."""
    match unit:
        case "percent":
            return alt.Axis(labelExpr=AXIS_PERCENT)
        case "one_decimal":
            return alt.Axis(format=AXIS_ONE_DECIMAL)
        case "whole":
            return alt.Axis(format="d", tickMinStep=1)


def labelled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(label=list(unique_labels(frame["name"])))


def label_rows(data: pd.DataFrame) -> alt.Y:
    return alt.Y("label:N", sort=data["label"].tolist(), title=None, axis=label_axis())


def label_axis() -> alt.Axis:
    return alt.Axis(labelLimit=_MAX_LABEL_PIXELS, labelOverlap=False, labelFlush=False, ticks=False)


def with_height_of(chart: alt.Chart, data: pd.DataFrame) -> alt.Chart:
    """Make the chart high enough for every bar and the axis, as Streamlit needs it."""
    return chart.properties(height=len(data) * _BAR_PIXELS + AXIS_PIXELS)


def dated(weeks: pd.DataFrame) -> pd.DataFrame:
    """Return weeks as text.

    A browser would move a date without a time zone into its own zone.
    """
    return weeks.assign(date=weeks["week"].map(long_day), week=weeks["week"].dt.strftime("%Y-%m-%d"))


def week_axis() -> alt.X:
    axis = alt.Axis(labelExpr="utcFormat(toDate(datum.value), '%-d %b')", labelAngle=0, labelOverlap=True)
    return alt.X("week:O", title=None, axis=axis)


def state_colours(states: list[str]) -> alt.Color:
    return alt.Color(
        "state:N",
        scale=alt.Scale(
            domain=[STATES[state][0] for state in states], range=[STATES[state][1] for state in states]
        ),
        legend=None,
    )
