"""The figures at the top of the Overview: now, since a week ago, and the way there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from cohort_core import charts, reports
from cohort_core.dashboard import lists
from cohort_core.dashboard.frame import View
from cohort_core.dashboard.words import literal, meanings, percent, upper_first

WEEK_DAYS = 7
OLD_DAYS = 2
A_WEEK_AGO = "in a week"


def alarm(row: Mapping[str, Any]) -> None:
    """Say so when the class as a whole has slowed down; `row` is that of the report ``cohort_alarm``."""
    if row["alarm"]:
        st.warning(
            f"The class as a whole has slowed down: {row['velocity']:.1f} completions a student in the last "
            f"full week, {row['usual_velocity']:.1f} in the weeks before. No comparison between students "
            "shows that.",
            icon=":material/trending_down:",
        )


def show(view: View) -> None:
    now, then = (reports.progress_summary(one).record() for one in (view.cohort, view.earlier(WEEK_DAYS)))
    meaning = meanings(reports.ProgressSummaryRow)
    weeks = reports.progress_over_time(view.cohort).frame
    with st.container(horizontal=True, key="headline"):
        st.metric(
            "Students",
            f"{now['total_students']:,}",
            **_change(_more(now["total_students"], then["total_students"])),
            help=meaning["total_students"],
            width=120,
        )
        st.metric(
            "Average completion",
            percent(now["avg_completion"]),
            **_change(_points(now["avg_completion"], then["avg_completion"])),
            help=meaning["avg_completion"],
            chart_data=_line(weeks, "completed"),
            chart_type="area",
            width=215,
        )
        st.metric(
            "Active in 7 days",
            f"{now['active_this_week_count']:,}",
            **_change(_more(now["active_this_week_count"], then["active_this_week_count"])),
            help=meaning["active_this_week_count"],
            chart_data=_line(weeks[:-1], "active_students"),
            chart_type="bar",
            width=215,
        )
        st.metric("Last sync", upper_first(view.age.words), help=literal(view.age.moment), width=200)
    if view.age.days >= OLD_DAYS and not view.as_of:
        st.warning(f"These numbers are old: this class was last synced {view.age.words}. Press Sync now.")
    lists.split(
        [
            lists.Part("Completed everything", now["completed_count"], charts.ACCENT),
            lists.Part("In progress", now["in_progress_count"], charts.BANDS["medium"].colour),
            lists.Part("Not started", now["not_started_count"], charts.NEUTRAL),
        ],
        "student",
    )


def _change(delta: str | None) -> dict[str, Any]:
    """An arrow without a judgement: fewer students or a quiet week need not be bad."""
    return {"delta": delta, "delta_description": A_WEEK_AGO, "delta_color": "primary"} if delta else {}


def _line(weeks: pd.DataFrame, field: str) -> list[float] | None:
    return weeks[field].tolist() if len(weeks) > 1 else None


def _more(now: int, then: int) -> str | None:
    return f"{now - then:+,}" if now != then else None


def _points(now: float | None, then: float | None) -> str | None:
    """ "+4 points", of percent."""
    if now is None or then is None:
        return None
    points = round(100 * (now - then))
    return f"{points:+} {'point' if abs(points) == 1 else 'points'}" if points else None
