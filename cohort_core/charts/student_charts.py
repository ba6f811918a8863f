"""Charts of students: risk by its parts and by week, and the matrix."""

from __future__ import annotations

import altair as alt
import pandas as pd

from cohort_core.charts.shapes import (
    AXIS_PIXELS,
    WEEK_TOOLTIP,
    dated,
    label_axis,
    stacked_parts,
    state_colours,
    week_axis,
)
from cohort_core.charts.vega import cached_chart
from cohort_core.formatting import one_decimal, percent
from cohort_core.reports.labels import BANDS, NEUTRAL, RISK_PARTS, STATES

_HEADING_PIXELS = 26


@cached_chart
def risk_parts(health: pd.DataFrame) -> alt.Chart:
    """Draw a bar for each student, stacked from the four parts of the risk score.

    Bars are in the order of the frame. The chart has no legend: the page shows RISK_PARTS above it, where a
    phone has room for all of it.
    """
    return stacked_parts(health, RISK_PARTS, "Risk points", "Student", "student_id")


@cached_chart
def risk_history(weeks: pd.DataFrame, height: int = 220) -> alt.LayerChart:
    """Draw the risk score at the end of each week.

    Colour and shape show the band.
    """
    data = dated(weeks[["week", "risk", "risk_score"]])
    data = data.assign(
        band=data["risk"].map({band: look.label for band, look in BANDS.items()}),
        shown=data["risk_score"].map(one_decimal),
    )
    looks = list(BANDS.values())
    domain = [look.label for look in looks]
    base = alt.Chart(data).encode(
        x=week_axis(),
        y=alt.Y("risk_score:Q", title="Risk points", scale=alt.Scale(domain=[0, 100])),
        tooltip=[
            WEEK_TOOLTIP,
            alt.Tooltip("band:N", title="Band"),
            alt.Tooltip("shown:N", title="Risk points"),
        ],
    )
    legend = alt.Legend(title=None, orient="top", columns=2)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        color=alt.Color(
            "band:N", scale=alt.Scale(domain=domain, range=[look.colour for look in looks]), legend=legend
        ),
        shape=alt.Shape(
            "band:N",
            scale=alt.Scale(domain=domain, range=["diamond", "triangle-up", "circle", "square"]),
            legend=legend,
        ),
    )
    chart: alt.LayerChart = (base.mark_line(color=NEUTRAL) + points).properties(height=height)
    return chart


@cached_chart
def matrix(cells: pd.DataFrame) -> alt.LayerChart:
    """Draw a square for each student and assignment, students in the order of the frame.

    `cells` has the columns label, student_id, name, number, assignment_id, assignment, state, grade. A click
    on a square picks its student_id, and a click on the number of an assignment its heading_id.
    """
    students = list(dict.fromkeys(cells["label"]))
    data = _matrix_data(cells)
    base = _matrix_base(data, students)
    squares = base.mark_rect(cursor="pointer", stroke="#93a0a430", strokeWidth=0.5).encode(
        color=state_colours(list(STATES)), detail=["student_id:N", "assignment_id:N"]
    )
    marks = (
        base.transform_filter("datum.mark != ''")
        .mark_text(fontSize=11, fontWeight="bold", color="#14191b", cursor="pointer")
        .encode(text="mark:N")
    )
    chart: alt.LayerChart = (squares + _matrix_headings(data) + marks).properties(
        height=len(students) * 17 + AXIS_PIXELS
    )
    return chart


def _matrix_data(cells: pd.DataFrame) -> pd.DataFrame:
    data = cells.assign(
        mark=cells["state"].map(lambda state: STATES[state][2]),
        state=cells["state"].map(lambda state: STATES[state][0]),
        grade=cells["grade"].map(percent),
    )
    # As categories, names go to the browser once and not with every square: a seventh of the bytes.
    return data.astype(dict.fromkeys(data.select_dtypes("str").columns, "category"))


def _matrix_base(data: pd.DataFrame, students: list[str]) -> alt.Chart:
    return alt.Chart(data).encode(
        x=alt.X(
            "number:O",
            title="Assignment, in course order",
            axis=alt.Axis(labelAngle=0, labelOverlap=True, orient="top"),
        ),
        y=alt.Y(
            "label:N",
            sort=students,
            title=None,
            axis=label_axis(),
        ),
        tooltip=[
            alt.Tooltip("name:N", title="Student"),
            alt.Tooltip("number:O", title="Number"),
            alt.Tooltip("assignment:N", title="Assignment"),
            alt.Tooltip("state:N", title="State"),
            alt.Tooltip("grade:N", title="Grade"),
        ],
    )


def _matrix_headings(data: pd.DataFrame) -> alt.Chart:
    """Draw invisible marks over the numbers of the assignments.

    They carry the tooltip and the click, since the labels of an axis cannot.
    """
    assignments = data.drop_duplicates("number")[["number", "assignment_id", "assignment"]]
    chart: alt.Chart = (
        alt.Chart(assignments.rename(columns={"assignment_id": "heading_id"}))
        .mark_rect(color="transparent", cursor="pointer")
        .encode(
            x="number:O",
            y=alt.value(-_HEADING_PIXELS),
            y2=alt.value(0),
            detail="heading_id:N",
            tooltip=[
                alt.Tooltip("number:O", title="Number"),
                alt.Tooltip("assignment:N", title="Assignment"),
            ],
        )
    )
    return chart
