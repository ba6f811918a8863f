"""Charts of assignments: rankings, the course from its first to its last, grades, durations."""

from __future__ import annotations

import altair as alt
import pandas as pd

from cohort_core.charts.shapes import (
    IN_WORDS,
    Unit,
    label_rows,
    labelled,
    number_axis,
    stacked_parts,
    state_colours,
    with_height_of,
)
from cohort_core.charts.vega import cached_chart
from cohort_core.formatting import one_decimal, percent, percent_range
from cohort_core.reports.labels import ACCENT, DIFFICULTY_PARTS, STATES
from cohort_core.reports.row_models import Ranking

_RANKINGS: dict[str, tuple[str, str, Unit]] = {
    "completions": ("completion_rate", "Completed, of those who came that far", "percent"),
    "grade": ("avg_grade", "Average grade", "percent"),
    "duration": ("median_days", "Days within which half complete it", "one_decimal"),
    "stuck": ("stuck", "Students stuck", "whole"),
}
"""Column, title and unit of the bars, by the ranking of the assignments."""


@cached_chart
def blockers(frame: pd.DataFrame, by: Ranking) -> alt.Chart:
    """Draw a bar for each assignment by the number that ranks it.

    Bars are in the order of the frame. A ranking by difficulty is stacked from its parts; the page shows
    DIFFICULTY_PARTS above it as a legend.
    """
    if by == "difficulty":
        return stacked_parts(frame, DIFFICULTY_PARTS, "Difficulty points", "Assignment", "assignment_id")
    field, title, unit = _RANKINGS[by]
    data = labelled(frame)
    data = data.assign(shown=data[field].map(IN_WORDS[unit]))
    # The axis of a share ends at 1.
    scale = alt.Scale(domain=[0, 1]) if unit == "percent" else alt.Scale(zero=True)
    axis = number_axis(unit)
    return with_height_of(
        alt.Chart(data[["label", "name", "assignment_id", field, "shown"]])
        .mark_bar(color=ACCENT, cursor="pointer")
        .encode(
            x=alt.X(f"{field}:Q", title=title, axis=axis, scale=scale),
            y=label_rows(data),
            detail="assignment_id:N",
            tooltip=[
                alt.Tooltip("name:N", title="Assignment"),
                alt.Tooltip("shown:N", title=title),
            ],
        ),
        data,
    )


@cached_chart
def course(blockers: pd.DataFrame, students: int, height: int = 260) -> alt.Chart:
    """Draw how far the class has come, assignment by assignment in course order.

    Each bar is stacked from the shares of all students who completed it, are in progress or are stuck.
    """
    data = blockers.sort_values("position")
    parts = {
        "completed": data["completed"],
        "in_progress": data["in_progress"] - data["stuck"],
        "stuck": data["stuck"],
    }
    wide = data[["assignment_id", "name", "position", "section"]].assign(
        number=data["position"] + 1, **{name: count / max(students, 1) for name, count in parts.items()}
    )
    long = wide.melt(
        ["assignment_id", "name", "position", "section", "number"], list(parts), "state", "share"
    )
    long = long.assign(
        shown=long["share"].map(percent),
        order=long["state"].map(list(parts).index),
        state=long["state"].map(lambda state: STATES[state][0]),
    )
    chart: alt.Chart = (
        alt.Chart(long)
        .mark_bar(cursor="pointer")
        .encode(
            x=alt.X(
                "number:O",
                title="Assignment, in course order",
                axis=alt.Axis(labelAngle=0, labelOverlap=True),
            ),
            y=alt.Y("share:Q", title="Students", axis=number_axis("percent"), scale=alt.Scale(domain=[0, 1])),
            color=state_colours(list(parts)),
            order=alt.Order("order:Q"),
            detail="assignment_id:N",
            tooltip=[
                alt.Tooltip("number:O", title="Number"),
                alt.Tooltip("name:N", title="Assignment"),
                alt.Tooltip("section:N", title="Section"),
                alt.Tooltip("state:N", title="State"),
                alt.Tooltip("shown:N", title="Students"),
            ],
        )
        .properties(height=height)
    )
    return chart


@cached_chart
def grades(ranges: pd.DataFrame, height: int = 220) -> alt.Chart:
    """Draw a bar for each range of grades."""
    labels = [
        percent_range(lower, upper) for lower, upper in zip(ranges["lower"], ranges["upper"], strict=True)
    ]
    chart: alt.Chart = (
        alt.Chart(ranges[["count"]].assign(range=labels, shown=ranges["share"].map(percent)))
        .mark_bar(color=ACCENT)
        .encode(
            x=alt.X("range:O", sort=labels, title="Grade", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("count:Q", title="Completions", axis=alt.Axis(format=",d", tickMinStep=1)),
            tooltip=[
                alt.Tooltip("range:O", title="Grade"),
                alt.Tooltip("count:Q", title="Completions", format=",d"),
                alt.Tooltip("shown:N", title="Share"),
            ],
        )
        .properties(height=height)
    )
    return chart


@cached_chart
def durations(curve: pd.DataFrame, height: int = 220) -> alt.Chart:
    """Draw the share that is expected to be done, by days since the start."""
    chart: alt.Chart = (
        alt.Chart(
            curve[["days", "finished_share"]].assign(
                after=curve["days"].map(one_decimal), shown=curve["finished_share"].map(percent)
            )
        )
        .mark_line(interpolate="step-after", color=ACCENT, strokeWidth=2.5, point=True)
        .encode(
            x=alt.X("days:Q", title="Days since the start", scale=alt.Scale(zero=True)),
            y=alt.Y(
                "finished_share:Q", title="Done", axis=number_axis("percent"), scale=alt.Scale(domain=[0, 1])
            ),
            tooltip=[
                alt.Tooltip("after:N", title="Days"),
                alt.Tooltip("shown:N", title="Done by then"),
            ],
        )
        .properties(height=height)
    )
    return chart
