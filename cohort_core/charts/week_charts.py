"""Charts over time: calendar weeks, weeks of the course, and the hours of a week."""

from __future__ import annotations

from collections.abc import Iterable

import altair as alt
import pandas as pd

from cohort_core.charts.shapes import (
    IN_WORDS,
    WEEK_TOOLTIP,
    Unit,
    dated,
    number_axis,
    unique_labels,
    week_axis,
)
from cohort_core.charts.vega import cached_chart
from cohort_core.formatting import percent
from cohort_core.reports.labels import ACCENT, SECOND

_CLASS_COLOURS = [ACCENT, SECOND, "#8a6bb0", "#c8452b", "#6f8fb5", "#7d878c", "#a06a3a", "#5f8a3c", "#b3588f"]
_CLASS_DASHES = [[1, 0], [6, 3], [2, 2], [8, 2, 2, 2], [4, 4], [1, 3], [10, 3], [6, 2, 2, 2, 2, 2], [3, 1]]
"""By class, the shown class first."""


@cached_chart
def cumulative_progress(weeks: pd.DataFrame, height: int = 300) -> alt.LayerChart:
    """Draw the records completed (solid) and in progress (dashed) at the end of each week.

    A click on a point picks its week.
    """
    words = {"completed": "Completed", "in_progress": "In progress"}
    long = dated(weeks).melt(["week", "date"], list(words), "state", "records")
    return _named_lines(
        long.assign(state=long["state"].map(words)),
        "state",
        alt.Y("records:Q", title="Assignments", axis=alt.Axis(format=",d", tickMinStep=1)),
        [
            WEEK_TOOLTIP,
            alt.Tooltip("state:N", title="State"),
            alt.Tooltip("records:Q", title="Assignments", format=",d"),
        ],
        room=0.22,
        height=height,
    )


def _named_lines(
    data: pd.DataFrame, name: str, y: alt.Y, tooltip: list[alt.Tooltip], *, room: float, height: int
) -> alt.LayerChart:
    """Draw up to two lines, each with its name at its end.

    The first is solid, the second dashed. `data` has the columns week, date, `name` and that of `y`.
    `room` is the width for the names, as a share of that of the weeks.
    """
    labels = list(dict.fromkeys(data[name]))
    colour = alt.Color(
        f"{name}:N", scale=alt.Scale(domain=labels, range=[ACCENT, SECOND][: len(labels)]), legend=None
    )
    dash = alt.StrokeDash(
        f"{name}:N", scale=alt.Scale(domain=labels, range=[[1, 0], [5, 3]][: len(labels)]), legend=None
    )
    base = alt.Chart(data).encode(x=week_axis(list(dict.fromkeys(data["week"])), room), y=y, tooltip=tooltip)
    # The points come first, since the first layer is the one that a click asks.
    points = base.mark_point(filled=True, size=60, opacity=1, cursor="pointer").encode(color=colour)
    lines = base.mark_line(strokeWidth=2.5).encode(color=colour, strokeDash=dash)
    last = data[data["week"] == data["week"].max()].sort_values(y.shorthand.split(":")[0])
    # Lines that end close to each other do not have their names on top of each other.
    lower = alt.Chart(last.head(1)).mark_text(align="left", baseline="top", dx=9, fontSize=12)
    upper = alt.Chart(last.iloc[1:]).mark_text(align="left", baseline="bottom", dx=9, fontSize=12)
    chart: alt.LayerChart = points + lines
    for names in (lower, upper):
        chart += names.encode(x=base.encoding.x, y=y, text=f"{name}:N")
    return chart.properties(height=height)


@cached_chart
def weekly(weeks: pd.DataFrame, field: str, title: str, height: int = 240) -> alt.Chart:
    """Draw a bar for each week; a click picks its week.

    The last week may not be over and is paler.
    """
    data = dated(weeks[["week", field]])
    data["counted"] = ["Whole week"] * (len(data) - 1) + ["So far"] if len(data) else []
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_bar(color=ACCENT, cursor="pointer")
        .encode(
            x=week_axis(),
            y=alt.Y(f"{field}:Q", title=title, axis=alt.Axis(format=",d", tickMinStep=1)),
            opacity=alt.when(alt.datum.counted == "So far").then(alt.value(0.45)).otherwise(alt.value(1.0)),
            tooltip=[
                WEEK_TOOLTIP,
                alt.Tooltip("counted:N", title="Counted"),
                alt.Tooltip(f"{field}:Q", title=title, format=",d"),
            ],
        )
        .properties(height=height)
    )
    return chart


@cached_chart
def lines(
    weeks: pd.DataFrame, fields: dict[str, str], title: str, unit: Unit, height: int = 240
) -> alt.LayerChart:
    """Draw up to two fields week by week: a solid line and a dashed one.

    `fields` maps a column to its label. A click on a point picks its week.
    """
    long = dated(weeks[["week", *fields]]).melt(["week", "date"], list(fields), "what", "value")
    long["shown"] = long["value"].map(IN_WORDS[unit])
    return _named_lines(
        long.assign(what=long["what"].map(fields)).dropna(),
        "what",
        alt.Y("value:Q", title=title, axis=number_axis(unit)),
        [
            WEEK_TOOLTIP,
            alt.Tooltip("what:N", title="What"),
            alt.Tooltip("shown:N", title=title),
        ],
        room=0.45,
        height=height,
    )


@cached_chart
def course_weeks(
    own: tuple[str, pd.DataFrame],
    others: Iterable[tuple[str, pd.DataFrame]],
    field: str,
    title: str,
    height: int = 320,
) -> alt.LayerChart:
    """Draw a share by week of the course, for several classes.

    Each class is given as its name and the frame of its report ``by_course_week``. The line of the class that
    is shown is thick, each of the others has a colour and a dash of its own, and all have their name at their
    end.
    """
    classes = [own, *others]
    labels = unique_labels(label for label, _ in classes)
    data = pd.concat(
        [
            frame[["course_week", field]].assign(label=label, is_own=index == 0)
            for index, (label, (_, frame)) in enumerate(zip(labels, classes, strict=True))
        ],
        ignore_index=True,
    )
    data = data.rename(columns={field: "share"}).dropna(subset=["share"])
    data["shown"] = data["share"].map(percent)
    is_own = alt.datum.is_own
    order = list(dict.fromkeys(data["label"]))
    weeks = max(data["course_week"].max(), 2)
    colour = alt.Color(
        "label:N", scale=alt.Scale(domain=order, range=_CLASS_COLOURS[: len(order)]), legend=None
    )
    base = alt.Chart(data).encode(
        x=alt.X(
            "course_week:Q",
            title="Week of the course",
            axis=alt.Axis(
                tickMinStep=1, format="d", values=list(range(1, int(weeks) + 1)), labelOverlap=True
            ),
            # Leaves room for the names after the last week.
            scale=alt.Scale(domain=[1, weeks * 1.45], nice=False),
        ),
        y=alt.Y("share:Q", title=title, axis=number_axis("percent"), scale=alt.Scale(domain=[0, 1])),
        detail="label:N",
        color=colour,
        tooltip=[
            alt.Tooltip("label:N", title="Class"),
            alt.Tooltip("course_week:Q", title="Week of the course"),
            alt.Tooltip("shown:N", title=title),
        ],
    )
    lines = base.mark_line().encode(
        strokeWidth=alt.when(is_own).then(alt.value(3)).otherwise(alt.value(1.5)),
        strokeDash=alt.StrokeDash(
            "label:N", scale=alt.Scale(domain=order, range=_CLASS_DASHES[: len(order)]), legend=None
        ),
    )
    points = base.mark_point(filled=True).encode(
        size=alt.when(is_own).then(alt.value(40)).otherwise(alt.value(14))
    )
    last = data.loc[data.groupby("label")["course_week"].idxmax()].sort_values("share")
    names = (
        alt.Chart(last.assign(share=_apart(last["share"])))
        .mark_text(align="left", dx=8, fontSize=11, limit=240)
        .encode(
            x="course_week:Q",
            y="share:Q",
            text="label:N",
        )
    )
    chart: alt.LayerChart = (lines + points + names).properties(height=height)
    return chart


def _apart(shares: pd.Series[float], gap: float = 0.055) -> list[float]:
    """Place labels near these shares, the lowest first, without overlap.

    Returns their heights, 0 to 1, at least `gap` apart.
    """
    placed: list[float] = []
    for share in shares:
        placed.append(max(share, placed[-1] + gap) if placed else share)
    over = max(placed[-1] - 1.0, 0.0) if placed else 0.0
    for index in range(len(placed) - 1, -1, -1):
        limit = placed[index + 1] - gap if index + 1 < len(placed) else placed[index] - over
        placed[index] = min(placed[index], limit)
    return placed


@cached_chart
def habits(slots: pd.DataFrame, height: int = 250) -> alt.Chart:
    """Draw a square for each weekday and hour.

    The colour is stronger the more was started and completed then.
    """
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    data = slots[["hour", "started", "completed"]].assign(
        day=slots["weekday"].map(lambda number: days[number - 1]),
        events=slots["started"] + slots["completed"],
    )
    hours = alt.Axis(labelAngle=0, values=list(range(0, 24, 3)), labelOverlap=False)
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_rect()
        .encode(
            x=alt.X("hour:O", title="Hour of the day", axis=hours),
            y=alt.Y("day:O", sort=days, title=None),
            color=alt.Color(
                "events:Q", title="Events", scale=alt.Scale(range=["#93a0a414", ACCENT]), legend=None
            ),
            tooltip=[
                alt.Tooltip("day:O", title="Day"),
                alt.Tooltip("hour:O", title="Hour"),
                alt.Tooltip("started:Q", title="Started"),
                alt.Tooltip("completed:Q", title="Completed"),
            ],
        )
        .properties(height=height)
    )
    return chart
