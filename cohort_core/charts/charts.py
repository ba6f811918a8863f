"""Reports as charts.

A shape, a label or an order always says the same as a colour. Every colour stands out from white and from
near-black, so charts need no second version for dark mode, and colour-blind people can tell the colours of
each set apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import altair as alt
import pandas as pd

from cohort_core.charts.vega import cached_chart
from cohort_core.formatting import (
    AXIS_ONE_DECIMAL,
    AXIS_PERCENT,
    long_day,
    one_decimal,
    percent,
    percent_range,
    whole,
)
from cohort_core.reports.labels import ACCENT, BANDS, DIFFICULTY_PARTS, NEUTRAL, RISK_PARTS, SECOND, STATES
from cohort_core.reports.row_models import Ranking

_BAR_PIXELS, _AXIS_PIXELS, _HEADING_PIXELS = 24, 50, 26
_MAX_LABEL_PIXELS = 190
Unit = Literal["percent", "one_decimal", "whole"]
_IN_WORDS: dict[Unit, Callable[[float], str]] = {
    "percent": percent,
    "one_decimal": one_decimal,
    "whole": whole,
}
"""The text of a number in a tooltip, since browsers round differently."""
_RANKINGS: dict[str, tuple[str, str, Unit]] = {
    "completions": ("completion_rate", "Completed, of those who came that far", "percent"),
    "grade": ("avg_grade", "Average grade", "percent"),
    "duration": ("median_days", "Days within which half complete it", "one_decimal"),
    "stuck": ("stuck", "Students stuck", "whole"),
}
"""Column, title and unit of the bars, by the ranking of the assignments."""
_WEEK_TOOLTIP = alt.Tooltip("date:N", title="Week of")


@cached_chart
def risk_parts(health: pd.DataFrame) -> alt.Chart:
    """Draw a bar for each student, stacked from the four parts of the risk score.

    Bars are in the order of the frame. The chart has no legend: the page shows RISK_PARTS above it, where a
    phone has room for all of it.
    """
    return _stacked_parts(health, RISK_PARTS, "Risk points", "Student", "student_id")


@cached_chart
def blockers(frame: pd.DataFrame, by: Ranking) -> alt.Chart:
    """Draw a bar for each assignment by the number that ranks it.

    Bars are in the order of the frame. A ranking by difficulty is stacked from its parts; the page shows
    DIFFICULTY_PARTS above it as a legend.
    """
    if by == "difficulty":
        return _stacked_parts(frame, DIFFICULTY_PARTS, "Difficulty points", "Assignment", "assignment_id")
    field, title, unit = _RANKINGS[by]
    data = _labelled(frame)
    data = data.assign(shown=data[field].map(_IN_WORDS[unit]))
    # The axis of a share ends at 1.
    scale = alt.Scale(domain=[0, 1]) if unit == "percent" else alt.Scale(zero=True)
    axis = _axis(unit)
    return _sized(
        alt.Chart(data[["label", "name", "assignment_id", field, "shown"]])
        .mark_bar(color=ACCENT, cursor="pointer")
        .encode(
            x=alt.X(f"{field}:Q", title=title, axis=axis, scale=scale),
            y=_rows(data),
            detail="assignment_id:N",
            tooltip=[
                alt.Tooltip("name:N", title="Assignment"),
                alt.Tooltip("shown:N", title=title),
            ],
        ),
        data,
    )


@cached_chart
def cumulative_progress(weeks: pd.DataFrame, height: int = 300) -> alt.LayerChart:
    """Draw the records completed (solid) and in progress (dashed) at the end of each week."""
    words = {"completed": "Completed", "in_progress": "In progress"}
    long = _dated(weeks).melt(["week", "date"], list(words), "state", "records")
    legend = alt.Legend(title=None, orient="top", symbolType="stroke")
    base = alt.Chart(long.assign(state=long["state"].map(words))).encode(
        x=_weeks(),
        y=alt.Y("records:Q", title="Assignments", axis=alt.Axis(format=",d", tickMinStep=1)),
        color=alt.Color(
            "state:N", scale=alt.Scale(domain=list(words.values()), range=[ACCENT, SECOND]), legend=legend
        ),
        tooltip=[
            _WEEK_TOOLTIP,
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
    data = _dated(weeks[["week", field]])
    data["counted"] = ["Whole week"] * (len(data) - 1) + ["So far"] if len(data) else []
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_bar(color=ACCENT)
        .encode(
            x=_weeks(),
            y=alt.Y(f"{field}:Q", title=title, axis=alt.Axis(format=",d", tickMinStep=1)),
            opacity=alt.when(alt.datum.counted == "So far").then(alt.value(0.45)).otherwise(alt.value(1.0)),
            tooltip=[
                _WEEK_TOOLTIP,
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
    long = _dated(weeks[["week", *fields]]).melt(["week", "date"], list(fields), "what", "value")
    long["shown"] = long["value"].map(_IN_WORDS[unit])
    labels = list(fields.values())
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", direction="vertical", labelLimit=300)
    base = alt.Chart(long.assign(what=long["what"].map(fields)).dropna()).encode(
        x=_weeks(),
        y=alt.Y("value:Q", title=title, axis=_axis(unit)),
        color=alt.Color(
            "what:N", scale=alt.Scale(domain=labels, range=[ACCENT, SECOND][: len(labels)]), legend=legend
        ),
        tooltip=[
            _WEEK_TOOLTIP,
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
def risk_history(weeks: pd.DataFrame, height: int = 220) -> alt.LayerChart:
    """Draw the risk score at the end of each week.

    Colour and shape show the band.
    """
    data = _dated(weeks[["week", "risk", "risk_score"]])
    data = data.assign(
        band=data["risk"].map({band: look.label for band, look in BANDS.items()}),
        shown=data["risk_score"].map(one_decimal),
    )
    looks = list(BANDS.values())
    domain = [look.label for look in looks]
    base = alt.Chart(data).encode(
        x=_weeks(),
        y=alt.Y("risk_score:Q", title="Risk points", scale=alt.Scale(domain=[0, 100])),
        tooltip=[
            _WEEK_TOOLTIP,
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
            y=alt.Y("finished_share:Q", title="Done", axis=_axis("percent"), scale=alt.Scale(domain=[0, 1])),
            tooltip=[
                alt.Tooltip("after:N", title="Days"),
                alt.Tooltip("shown:N", title="Done by then"),
            ],
        )
        .properties(height=height)
    )
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
        y=alt.Y("share:Q", title=title, axis=_axis("percent"), scale=alt.Scale(domain=[0, 1])),
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
            y=alt.Y("share:Q", title="Students", axis=_axis("percent"), scale=alt.Scale(domain=[0, 1])),
            color=_states(list(parts)),
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
def matrix(cells: pd.DataFrame) -> alt.LayerChart:
    """Draw a square for each student and assignment, students in the order of the frame.

    `cells` has the columns label, student_id, name, number, assignment_id, assignment, state, grade. A click
    on a square picks its student_id, and a click on the number of an assignment its heading_id.
    """
    students = list(dict.fromkeys(cells["label"]))
    data = _matrix_data(cells)
    base = _matrix_base(data, students)
    squares = base.mark_rect(cursor="pointer", stroke="#93a0a430", strokeWidth=0.5).encode(
        color=_states(list(STATES)), detail=["student_id:N", "assignment_id:N"]
    )
    marks = (
        base.transform_filter("datum.mark != ''")
        .mark_text(fontSize=11, fontWeight="bold", color="#14191b", cursor="pointer")
        .encode(text="mark:N")
    )
    chart: alt.LayerChart = (squares + _matrix_headings(data) + marks).properties(
        height=len(students) * 17 + _AXIS_PIXELS
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
            axis=_label_axis(),
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


def _states(states: list[str]) -> alt.Color:
    return alt.Color(
        "state:N",
        scale=alt.Scale(
            domain=[STATES[state][0] for state in states], range=[STATES[state][1] for state in states]
        ),
        legend=None,
    )


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


def _stacked_parts(
    frame: pd.DataFrame, parts: dict[str, tuple[str, str]], title: str, subject: str, identity: str
) -> alt.Chart:
    """Draw a bar for each row of the frame, stacked from its parts.

    `parts` maps a column to its label and colour. `subject` names a row in the tooltip, and `identity` is the
    column of its id.
    """
    data = _labelled(frame)
    long = data[["label", "name", identity, *parts]].melt(
        ["label", "name", identity], list(parts), "part", "points"
    )
    order = list(parts)
    long = long.assign(
        shown=long["points"].map(one_decimal),
        order=long["part"].map(order.index),
        part=long["part"].map(lambda part: parts[part][0]),
    )
    return _sized(
        alt.Chart(long)
        .mark_bar(cursor="pointer")
        .encode(
            x=alt.X("points:Q", title=title, axis=alt.Axis(format="d", tickCount=6)),
            y=_rows(data),
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


def _axis(unit: Unit) -> alt.Axis:
    """Return an axis for numbers of this unit; counts have whole steps."""
    match unit:
        case "percent":
            return alt.Axis(labelExpr=AXIS_PERCENT)
        case "one_decimal":
            return alt.Axis(format=AXIS_ONE_DECIMAL)
        case "whole":
            return alt.Axis(format="d", tickMinStep=1)


def _labelled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(label=list(unique_labels(frame["name"])))


def _rows(data: pd.DataFrame) -> alt.Y:
    return alt.Y("label:N", sort=data["label"].tolist(), title=None, axis=_label_axis())


def _label_axis() -> alt.Axis:
    return alt.Axis(labelLimit=_MAX_LABEL_PIXELS, labelOverlap=False, labelFlush=False, ticks=False)


def _sized(chart: alt.Chart, data: pd.DataFrame) -> alt.Chart:
    """Make the chart high enough for every bar and the axis, as Streamlit needs it."""
    return chart.properties(height=len(data) * _BAR_PIXELS + _AXIS_PIXELS)


def _dated(weeks: pd.DataFrame) -> pd.DataFrame:
    """Return weeks as text.

    A browser would move a date without a time zone into its own zone.
    """
    return weeks.assign(date=weeks["week"].map(long_day), week=weeks["week"].dt.strftime("%Y-%m-%d"))


def _weeks() -> alt.X:
    axis = alt.Axis(labelExpr="utcFormat(toDate(datum.value), '%-d %b')", labelAngle=0, labelOverlap=True)
    return alt.X("week:O", title=None, axis=axis)
