"""One week of the class: who started and completed what."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pandas as pd
import streamlit as st
from pydantic import Field

from cohort_core.dashboard.components import tables
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.components.text import count
from cohort_core.dashboard.layout import View
from cohort_core.formatting import long_day
from cohort_core.metrics.cohort import Cohort
from cohort_core.reports.row_models import Row
from cohort_core.timeutils import local_midnight

_PICKED, _DRAWN, _OPENED = "week-picked", "week-charts-drawn", "week-opened"
WORDS = {"completed": "Completed", "started": "Started"}


class WeekLine(Row):
    """A start or a completion in a week."""

    name: str = Field(description="The student.")
    what: str = Field(description="Whether the student started or completed the assignment.")
    assignment: str = Field(description="The assignment.")
    at: datetime = Field(description="When, in the class's time zone.")


COLUMNS = {
    "name": Column("Student", pinned=True, width="medium"),
    "what": Column("What"),
    "assignment": Column("Assignment", width="large"),
    "at": Column("When", "instant"),
}


def events(cohort: Cohort, week: date) -> pd.DataFrame:
    """List the starts and completions of the week that begins on this Monday, by student.

    Returns one row an event. Columns: student_id, name, what (Completed or Started), assignment_id,
    assignment, at (local).
    """
    begin, end = (local_midnight(week + timedelta(days=days), cohort.tz) for days in (0, 7))
    parts = []
    for event, word in WORDS.items():
        at = cohort.records[f"{event}_at"]
        chosen = cohort.records[(at >= begin) & (at < end)]
        parts.append(chosen[["student_id", "assignment_id"]].assign(what=word, at=at[chosen.index]))
    frame = pd.concat(parts, ignore_index=True)
    frame["name"] = frame["student_id"].map(cohort.students["name"])
    frame["assignment"] = frame["assignment_id"].map(cohort.assignments["name"])
    frame["at"] = frame["at"].dt.tz_convert(cohort.tz).dt.tz_localize(None)
    return frame.sort_values(["name", "student_id", "at"], kind="stable").reset_index(drop=True)


def summary(frame: pd.DataFrame) -> str:
    """Sum the events up, such as "53 students were active. They completed 210 assignments."."""
    completed = int((frame["what"] == WORDS["completed"]).sum())
    students = frame["student_id"].nunique()
    return (
        f"{count(students, 'student was', 'students were')} active. Together they completed "
        f"{count(completed, 'assignment')} and started {count(len(frame) - completed, 'assignment')}."
    )


def clickable_chart(figure: object, *, alt: str, key: str) -> None:
    """Show a chart of weeks; a click on a week opens it."""

    def note_pick() -> None:
        picked = st.session_state[widget_key].selection.get("week")
        if picked and picked[0].get("week"):
            pick(date.fromisoformat(picked[0]["week"]))

    # Another key after each pick, or a second click on the same week would change nothing.
    widget_key = f"{key}-{st.session_state.get(_DRAWN, 0)}"
    tables.chart(figure, alt=alt, key=widget_key, opens={"week": None}, on_select=note_pick)


def pick(week: date) -> None:
    """Remember the week to open at the end of this run of the page."""
    st.session_state[_PICKED] = week
    st.session_state[_DRAWN] = st.session_state.get(_DRAWN, 0) + 1


def show_once(view: View, week: date) -> None:
    """Open a week that was picked in a table, once for each pick."""
    if st.session_state.get(_OPENED) != week:
        st.session_state[_OPENED] = week
        _open(view, week)


def open_picked(view: View) -> None:
    """Open the week that was clicked, if there is one."""
    week: date | None = st.session_state.pop(_PICKED, None)
    if week is not None:
        _open(view, week)


def _open(view: View, week: date) -> None:
    st.dialog(f"Week of {long_day(pd.Timestamp(week))}", width="large")(_show)(view, week)


def _show(view: View, week: date) -> None:
    frame = events(view.cohort, week)
    st.text(summary(frame))
    if not frame.empty:
        tables.show(frame, WeekLine, COLUMNS, key="week", alt="What was done in the week", opens="student")
        st.caption("Click a row to open the student.")
