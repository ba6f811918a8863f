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
from cohort_core.reports.labels import ACCENT, NEUTRAL, SECOND


@cached_chart
def cumulative_progress(weeks: pd.DataFrame, height: int = 300) -> alt.LayerChart:
    """Draw the records completed (solid) and in progress (dashed) at the end of each week."""
    words = {"completed": "Completed", "in_progress": "In progress"}
    long = dated(weeks).melt(["week", "date"], list(words), "state", "records")
    legend = alt.Legend(title=None, orient="top", symbolType="stroke")
    base = alt.Chart(long.assign(state=long["state"].map(words))).encode(
        x=week_axis(),
        y=alt.Y("records:Q", title="Assignments", axis=alt.Axis(format=",d", tickMinStep=1)),
        color=alt.Color(
            "state:N", scale=alt.Scale(domain=list(words.values()), range=[ACCENT, SECOND]), legend=legend
        ),
        tooltip=[
            WEEK_TOOLTIP,
            alt.Tooltip("state:N", title="State"),
            alt.Tooltip("records:Q", title="Assignments", format=",d"),
        ],
    )
    lines = base.mark_line(strokeWidth=2.5).encode(
        strokeDash=alt.StrokeDash(
            "state:N", scale=alt.Scale(domain=list(words.values()), range=[[1, 0], [5, 3]]), legend=legend
        )
    )
    chart: alt.LayerChart = (lines + base.mark_point(filled=True, size=30)).properties(height=height)
    return chart


@cached_chart
def weekly(weeks: pd.DataFrame, field: str, title: str, height: int = 240) -> alt.Chart:
    """Draw a bar for each week.

    The last week may not be over and is paler.
    """
    data = dated(weeks[["week", field]])
    data["counted"] = ["Whole week"] * (len(data) - 1) + ["So far"] if len(data) else []
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_bar(color=ACCENT)
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

    `fields` maps a column to its label.
    """
    long = dated(weeks[["week", *fields]]).melt(["week", "date"], list(fields), "what", "value")
    long["shown"] = long["value"].map(IN_WORDS[unit])
    labels = list(fields.values())
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", direction="vertical", labelLimit=300)
    base = alt.Chart(long.assign(what=long["what"].map(fields)).dropna()).encode(
        x=week_axis(),
        y=alt.Y("value:Q", title=title, axis=number_axis(unit)),
        color=alt.Color(
            "what:N", scale=alt.Scale(domain=labels, range=[ACCENT, SECOND][: len(labels)]), legend=legend
        ),
        tooltip=[
            WEEK_TOOLTIP,
            alt.Tooltip("what:N", title="What"),
            alt.Tooltip("shown:N", title=title),
        ],
    )
    drawn = base.mark_line(strokeWidth=2.5).encode(
        strokeDash=alt.StrokeDash(
            "what:N", scale=alt.Scale(domain=labels, range=[[1, 0], [5, 3]][: len(labels)]), legend=legend
        )
    )
    chart: alt.LayerChart = (drawn + base.mark_point(filled=True, size=30)).properties(height=height)
    return chart


@cached_chart
def course_weeks(
    own: tuple[str, pd.DataFrame],
    others: Iterable[tuple[str, pd.DataFrame]],
    field: str,
    title: str,
    height: int = 320,
) -> alt.LayerChart:
    """Draw a share by week of the course, for several classes.

    The class that is shown is in colour, the others are grey.     Each class is given as its name and the
    frame of its report ``by_course_week``. The names stand at the right, in the order in which the lines end.
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
    base = alt.Chart(data).encode(
        x=alt.X(
            "course_week:Q",
            title="Week of the course",
            axis=alt.Axis(tickMinStep=1, format="d"),
            # Leaves room for the names after the last week.
            scale=alt.Scale(domain=[1, max(data["course_week"].max(), 2) * 1.3], nice=False),
        ),
        y=alt.Y("share:Q", title=title, axis=number_axis("percent"), scale=alt.Scale(domain=[0, 1])),
        detail="label:N",
        color=alt.when(is_own).then(alt.value(ACCENT)).otherwise(alt.value(NEUTRAL)),
        tooltip=[
            alt.Tooltip("label:N", title="Class"),
            alt.Tooltip("course_week:Q", title="Week of the course"),
            alt.Tooltip("shown:N", title=title),
        ],
    )
    lines = base.mark_line().encode(
        strokeWidth=alt.when(is_own).then(alt.value(3)).otherwise(alt.value(1.2)),
    )
    points = base.mark_point(filled=True).encode(
        size=alt.when(is_own).then(alt.value(40)).otherwise(alt.value(12))
    )
    last = data.loc[data.groupby("label")["course_week"].idxmax()].sort_values("share")
    names = (
        alt.Chart(last.assign(course_week=data["course_week"].max(), share=_apart(last["share"])))
        .mark_text(align="left", dx=8, fontSize=11, limit=150)
        .encode(
            x="course_week:Q",
            y="share:Q",
            text="label:N",
            color=alt.when(is_own).then(alt.value(ACCENT)).otherwise(alt.value("#7d878c")),
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
