"""Charts of students: risk by its parts and by week, and the matrix."""

from __future__ import annotations

import altair as alt
import pandas as pd

from cohort_core.charts.shapes import (
    WEEK_TOOLTIP,
    dated,
    stacked_parts,
    state_colours,
    week_axis,
)
from cohort_core.charts.vega import cached_chart
from cohort_core.formatting import one_decimal, percent
from cohort_core.reports.labels import BANDS, NEUTRAL, RISK_PARTS, STATES

_ROW_PIXELS, _NAME_PIXELS, _HEADING_PIXELS, _SECTION_PIXELS = 17, 120, 118, 60
HEADINGS_PIXELS = _HEADING_PIXELS + 46


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
            alt.Tooltip("band:N", title="Risk level"),
            alt.Tooltip("shown:N", title="Risk points"),
        ],
    )
    legend = alt.Legend(title=None, orient="top", columns=2)
    colours = [look.colour for look in looks]
    # The marks of the lists: On pace is a ring.
    points = base.mark_point(size=70, opacity=1, strokeWidth=2).encode(
        stroke=alt.Stroke("band:N", scale=alt.Scale(domain=domain, range=colours), legend=legend),
        fill=alt.Fill(
            "band:N", scale=alt.Scale(domain=domain, range=[*colours[:-1], "transparent"]), legend=legend
        ),
        shape=alt.Shape(
            "band:N",
            scale=alt.Scale(domain=domain, range=["diamond", "triangle-up", "circle", "circle"]),
            legend=legend,
        ),
    )
    chart: alt.LayerChart = (base.mark_line(color=NEUTRAL) + points).properties(height=height)
    return chart


@cached_chart
def matrix(cells: pd.DataFrame) -> alt.LayerChart:
    """Draw a square for each student and assignment, students in the order of the frame.

    `cells` has the columns label, student_id, name, number, assignment_id, assignment, section, state, grade.
    Above the squares stand the names of the assignments, and above these the sections of the course. A click
    on a square picks its student_id, and a click on the name of an assignment its heading_id.
    """
    students = list(dict.fromkeys(cells["label"]))
    height = len(students) * _ROW_PIXELS
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
    assignments = cells.drop_duplicates("number")[["number", "assignment_id", "assignment", "section"]]
    headings = [*_matrix_headings(assignments), *_matrix_sections(assignments)]
    chart: alt.LayerChart = squares + headings[0]
    for layer in (*headings[1:], marks):
        chart += layer
    return chart.properties(height=height + HEADINGS_PIXELS)


def _matrix_data(cells: pd.DataFrame) -> pd.DataFrame:
    data = cells.drop(columns="section").assign(
        mark=cells["state"].map(lambda state: STATES[state][2]),
        state=cells["state"].map(lambda state: STATES[state][0]),
        grade=cells["grade"].map(percent),
    )
    # As categories, names go to the browser once and not with every square: a seventh of the bytes.
    return data.astype(dict.fromkeys(data.select_dtypes("str").columns, "category"))


def _matrix_base(data: pd.DataFrame, students: list[str]) -> alt.Chart:
    return alt.Chart(data).encode(
        # The axis only keeps room for the headings. They are marks, since its labels know no click.
        x=alt.X(
            "number:O",
            axis=alt.Axis(
                orient="top", labels=False, ticks=False, title=" ", titlePadding=HEADINGS_PIXELS - 20
            ),
        ),
        y=alt.Y(
            "label:N",
            sort=students,
            title=None,
            axis=alt.Axis(labelLimit=_NAME_PIXELS, labelOverlap=False, labelFlush=False, ticks=False),
        ),
        tooltip=[
            alt.Tooltip("name:N", title="Student"),
            alt.Tooltip("number:O", title="Number"),
            alt.Tooltip("assignment:N", title="Assignment"),
            alt.Tooltip("state:N", title="State"),
            alt.Tooltip("grade:N", title="Grade"),
        ],
    )


def _matrix_headings(assignments: pd.DataFrame) -> list[alt.Chart]:
    """Draw the names of the assignments.

    Invisible marks behind them carry the tooltip and the click.
    """
    base = alt.Chart(assignments.rename(columns={"assignment_id": "heading_id"})).encode(
        x="number:O",
        tooltip=[
            alt.Tooltip("number:O", title="Number"),
            alt.Tooltip("assignment:N", title="Assignment"),
        ],
    )
    return [
        base.mark_rect(color="transparent", cursor="pointer").encode(
            y=alt.value(-_HEADING_PIXELS), y2=alt.value(0), detail="heading_id:N"
        ),
        base.mark_text(
            angle=270, align="left", baseline="middle", fontSize=10, limit=_HEADING_PIXELS, cursor="pointer"
        ).encode(y=alt.value(-5), text="assignment:N"),
    ]


def _matrix_sections(assignments: pd.DataFrame) -> list[alt.Chart]:
    """Draw a heading and a line for each section.

    Of "Week 3: Repetition" there is room for "Week 3" alone; the tooltip has the rest. Without sections the
    list is empty.
    """
    named = assignments.dropna(subset=["section"])
    first = named[named["section"] != named["section"].shift()]
    if first.empty:
        return []
    base = alt.Chart(
        first.assign(short=first["section"].str.split(":").str[0])[["number", "section", "short"]]
    )
    tooltip = [alt.Tooltip("section:N", title="Section")]
    return [
        base.mark_rule(color=NEUTRAL, strokeWidth=1).encode(
            x=alt.X("number:O", bandPosition=0),
            y=alt.value(-HEADINGS_PIXELS + 24),
            y2=alt.value("height"),
        ),
        base.mark_text(align="left", dx=3, fontSize=11, fontWeight="bold", limit=_SECTION_PIXELS).encode(
            x=alt.X("number:O", bandPosition=0),
            y=alt.value(-HEADINGS_PIXELS + 30),
            text="short:N",
            tooltip=tooltip,
        ),
    ]
