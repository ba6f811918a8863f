"""The progress of a class as two lines.

They are drawn without the libraries of the other charts. To load those is a fifth of the time until the
first Overview is complete. Trends has the same chart with clicks.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from typing import Any

import pandas as pd
import streamlit as st

from cohort_core.dashboard.components.text import count
from cohort_core.formatting import round_half_up, short_day
from cohort_core.reports.labels import ACCENT, SECOND

WIDTH, HEIGHT = 430, 240
LEFT, RIGHT, TOP, BOTTOM = 50, 345, 12, 210
"""The edges of the lines in pixels. Names stand at their right."""
NAME_GAP = 16
"""Names of lines that end closer to each other are moved apart."""


def show(weeks: pd.DataFrame, *, alt: str) -> None:
    """Show completed and begun work at the end of each week.

    `weeks` has the columns of ``WeekRow``.
    """
    st.markdown(draw(weeks, alt), unsafe_allow_html=True)


def picture(weeks: pd.DataFrame) -> Any:
    """Draw the chart for a file, as all others are drawn."""
    from cohort_core.charts.week_charts import cumulative_progress

    return cumulative_progress(weeks, height=240)


def draw(weeks: pd.DataFrame, alt: str) -> str:
    """Draw an SVG of `WIDTH` by `HEIGHT` pixels.

    A point says its week and number to the mouse.
    """
    days, last = list(weeks["week"]), len(weeks) - 1
    largest = int(weeks[["completed", "in_progress"]].max().max()) if days else 0
    step = _step(largest)
    top = max(step, -(-largest // step) * step)
    xs = [_pixel(LEFT + (RIGHT - LEFT) * (number / last if last > 0 else 0.5)) for number in range(len(days))]
    parts = [
        f'<svg class="ct-lines" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{alt}">',
        *(_level(value, top) for value in range(0, top + 1, step)),
        *(
            f'<text x="{xs[number]}" y="{HEIGHT - 8}" text-anchor="middle">{short_day(days[number])}</text>'
            for number in sorted({0, last // 2, last} if days else ())
        ),
    ]
    ends = []
    for column, name, colour, dashes in (
        ("completed", "Completed", ACCENT, ""),
        ("in_progress", "In progress", SECOND, ' stroke-dasharray="5 3"'),
    ):
        points = [(x, _y(int(value), top), int(value)) for x, value in zip(xs, weeks[column], strict=True)]
        parts.append(_line(points, days, name, colour, dashes))
        ends += [(points[-1][1], name)] if points else []
    parts += [
        f'<text x="{RIGHT + 9}" y="{y}">{name}</text>' for y, name in _apart([(y + 4, n) for y, n in ends])
    ]
    return "".join([*parts, "</svg>"])


def _step(largest: int) -> int:
    """Return the distance of the levels, of which at most five are above 0.

    It is 1, 2 or 5 times a power of ten.
    """
    power: int = 10 ** max(0, int(log10(max(largest, 1) / 2)))
    return next(factor * power for factor in (1, 2, 5, 10) if largest <= 5 * factor * power)


def _y(value: int, top: int) -> int:
    return _pixel(BOTTOM - (BOTTOM - TOP) * value / top)


def _pixel(value: float) -> int:
    return int(round_half_up(value))


def _level(value: int, top: int) -> str:
    y = _y(value, top)
    return (
        f'<line x1="{LEFT}" x2="{RIGHT}" y1="{y}" y2="{y}"/>'
        f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{value:,}</text>'
    )


def _line(
    points: Sequence[tuple[int, int, int]],
    days: Sequence[pd.Timestamp],
    name: str,
    colour: str,
    dashes: str,
) -> str:
    path = " ".join(f"{x},{y}" for x, y, _ in points)
    marks = "".join(
        f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}">'
        f"<title>{name} by the end of the week of {short_day(day)}: {count(value, 'assignment')}</title>"
        "</circle>"
        for (x, y, value), day in zip(points, days, strict=True)
    )
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"{dashes}/>{marks}'


def _apart(ends: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    upper, *rest = sorted(ends)[:2] or [(0, "")]
    return [upper, *((max(y, upper[0] + NAME_GAP), name) for y, name in rest)] if ends else []
