"""Reports as charts. Colours tell nothing that a shape, a label or an order does not tell as well.

Every colour here stands out from white and from near-black, so that a chart needs no second version for
dark mode, and the sets were chosen so that colour-blind people can tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import altair as alt
import pandas as pd

from cohort_core.reports import Band, Ranking


@dataclass(frozen=True)
class BandLook:
    """How a risk band is shown everywhere: word, shape, colour, in this order of need."""

    label: str
    shape: str
    colour: str

    @property
    def marked(self) -> str:
        return f"{self.shape} {self.label}"


BANDS: dict[Band, BandLook] = {
    "critical": BandLook("Critical", "◆", "#c8452b"),
    "high": BandLook("High", "▲", "#d98a1f"),
    "medium": BandLook("Medium", "●", "#6f8fb5"),
    "low": BandLook("On pace", "○", "#3f8f86"),
}

RISK_PARTS = {
    "missing_points": ("Not done", "#2f7f88"),
    "marks_points": ("Marks lost", "#d98a1f"),
    "late_points": ("Late", "#8a6bb0"),
    "quiet_points": ("Silent", "#7d878c"),
}
DIFFICULTY_PARTS = {
    "incomplete_points": ("Not completed", "#2f7f88"),
    "marks_points": ("Marks lost", "#d98a1f"),
    "slow_points": ("Slow", "#8a6bb0"),
}
ACCENT, SECOND, NEUTRAL = "#2f7f88", "#d98a1f", "#93a0a4"

_BAR_PIXELS, _AXIS_PIXELS = 24, 50
_LABEL_PIXELS = 190
_WEEK_TOOLTIP = alt.Tooltip("date:N", title="Week of")


def risk_parts(health: pd.DataFrame) -> alt.Chart:
    """A bar a student, made of the four parts of the risk score, in the order of the frame. It has no legend:
    the page shows RISK_PARTS above it, where a phone has room for all of it."""
    return _stacked_parts(health, RISK_PARTS, "Risk points", "Student")


def blockers(frame: pd.DataFrame, by: Ranking) -> alt.Chart:
    """A bar an assignment, in the order of the frame, by what it is ranked by. Of its difficulty, the page
    shows DIFFICULTY_PARTS above it as a legend."""
    if by == "difficulty":
        return _stacked_parts(frame, DIFFICULTY_PARTS, "Difficulty points", "Assignment")
    field, title, format_ = {
        "completions": ("completion_rate", "Completed, of those who came that far", ".0%"),
        "grade": ("avg_grade", "Average grade", ".0%"),
        "duration": ("median_days", "Days within which half complete it", ".1f"),
        "stuck": ("stuck", "Students stuck", "d"),
    }[by]
    data = _labelled(frame)
    # A share is read against the whole, and a count has no halves.
    scale = alt.Scale(domain=[0, 1]) if format_ == ".0%" else alt.Scale(zero=True)
    axis = alt.Axis(format=format_, tickMinStep=1 if format_ == "d" else 0)
    return _sized(
        alt.Chart(data[["label", "name", field]])
        .mark_bar(color=ACCENT)
        .encode(
            x=alt.X(f"{field}:Q", title=title, axis=axis, scale=scale),
            y=_rows(data),
            tooltip=[
                alt.Tooltip("name:N", title="Assignment"),
                alt.Tooltip(f"{field}:Q", title=title, format=format_),
            ],
        ),
        data,
    )


def cumulative_progress(weeks: pd.DataFrame, height: int = 300) -> alt.LayerChart:
    """Records completed and in progress at the end of each week: a whole line and a dashed one."""
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
    return (lines + base.mark_point(filled=True, size=30)).properties(height=height)


def weekly(weeks: pd.DataFrame, field: str, title: str, height: int = 240) -> alt.Chart:
    """A bar a week; the last one, which may not have ended, is paler."""
    data = _dated(weeks[["week", field]])
    data["counted"] = ["Whole week"] * (len(data) - 1) + ["So far"] if len(data) else []
    return (
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


def unique_labels(names: Iterable[str]) -> Iterator[str]:
    """Names as axis labels: a namesake further down gets a number, or two people would share a bar."""
    taken: set[str] = set()
    for name in names:
        label, number = name, 1
        while label in taken:
            number += 1
            label = f"{name} ({number})"
        taken.add(label)
        yield label


def _stacked_parts(
    frame: pd.DataFrame, parts: dict[str, tuple[str, str]], title: str, what: str
) -> alt.Chart:
    data = _labelled(frame)
    long = data[["label", "name", *parts]].melt(["label", "name"], list(parts), "part", "points")
    order = list(parts)
    long = long.assign(
        order=long["part"].map(order.index), part=long["part"].map(lambda part: parts[part][0])
    )
    return _sized(
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=alt.X("sum(points):Q", title=title, axis=alt.Axis(format="d", tickCount=6)),
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
            tooltip=[
                alt.Tooltip("name:N", title=what),
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("sum(points):Q", title="Points", format=".1f"),
            ],
        ),
        data,
    )


def _labelled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(label=list(unique_labels(frame["name"])))


def _rows(data: pd.DataFrame) -> alt.Y:
    axis = alt.Axis(labelLimit=_LABEL_PIXELS, labelOverlap=False, labelFlush=False, ticks=False)
    return alt.Y("label:N", sort=data["label"].tolist(), title=None, axis=axis)


def _sized(chart: alt.Chart, data: pd.DataFrame) -> alt.Chart:
    """High enough for every bar: the height that Streamlit takes includes the axis."""
    return chart.properties(height=len(data) * _BAR_PIXELS + _AXIS_PIXELS)


def _dated(weeks: pd.DataFrame) -> pd.DataFrame:
    """Weeks as text, since a browser would move a date without a zone into its own."""
    return weeks.assign(
        date=weeks["week"].dt.strftime("%d %B %Y").str.lstrip("0"), week=weeks["week"].dt.strftime("%Y-%m-%d")
    )


def _weeks() -> alt.X:
    axis = alt.Axis(labelExpr="utcFormat(toDate(datum.value), '%-d %b')", labelAngle=0, labelOverlap=True)
    return alt.X("week:O", title=None, axis=axis)
