"""What the page of a student says in words, and its tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, tzinfo
from typing import Any

import pandas as pd
import streamlit as st

from cohort_core.dashboard.components import lists, tables
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.components.text import markup, upper_first
from cohort_core.metrics.cohort import Cohort
from cohort_core.reports.labels import STATES
from cohort_core.reports.report import Report

HALF_OF_THE_CLASS = 0.5

STUCK = {"name": Column("Assignment", pinned=True), "days": Column("Days open", "whole")}
MISSING = {
    "name": Column("Assignment", pinned=True),
    "status": Column("State"),
    "class_completion_rate_all": Column("Class", "percent"),
}
ASSIGNMENTS = {
    "position": Column("Number", "whole"),
    "name": Column("Assignment", pinned=True, width="medium"),
    "status": Column("State"),
    "grade": Column("Grade", "percent"),
    "class_avg_grade": Column("Class grade", "percent"),
    "class_completion_rate_all": Column("Class completed", "percent"),
    "days": Column("Days", "days"),
    "section": Column("Section"),
    "type": Column("Type"),
}

TIMELINE = {
    "at": Column("When", "instant"),
    "event": Column("What"),
    "assignment": Column("Assignment", width="large"),
    "grade": Column("Grade", "percent"),
}


def head(cohort: Cohort, health: Mapping[str, Any]) -> None:
    """Band, where to reach the student, and why the score is what it is."""
    known = cohort.students.loc[health["student_id"]]
    contact = [one for one in (known["email"], known["night"], known["region"]) if isinstance(one, str)]
    lines = [f"{lists.band(health['risk'])} · {markup(lists.class_data(health))}"]
    lines += [markup(" · ".join(contact))] if contact else []
    lines += [markup(reason) for reason in health["reasons"]]
    st.html("".join(f"<div class='ct-line'>{line}</div>" for line in lines))


def stuck(assignments: pd.DataFrame) -> pd.DataFrame:
    return assignments[assignments["status"] == "stuck"].sort_values("days", ascending=False)


def missing(assignments: pd.DataFrame) -> pd.DataFrame:
    """What half of the class has completed and this student neither completed nor is stuck in."""
    is_open = assignments["status"].isin(["not_started", "in_progress"])
    return assignments[is_open & (assignments["class_completion_rate_all"] >= HALF_OF_THE_CLASS)]


def missing_words(missing: int, stuck: int) -> str:
    """ "10 more missing", beside those that the student is stuck in."""
    if not missing:
        return "Missing"
    return f"{missing} {'more ' if stuck else ''}missing"


def told(assignments: pd.DataFrame) -> pd.DataFrame:
    """With states in words and places counted from 1."""
    words = {state: f"{mark} {word}".strip() for state, (word, _, mark) in STATES.items()}
    return assignments.assign(status=assignments["status"].map(words), position=assignments["position"] + 1)


def pace_words(percentile: float | None) -> str:
    """ "First fifth", "Middle", "Last fifth" of the class."""
    if percentile is None:
        return "–"
    for limit, words in (
        (0.2, "First fifth"),
        (0.4, "Before most"),
        (0.6, "In the middle"),
        (0.8, "After most"),
    ):
        if percentile <= limit:
            return words
    return "Last fifth"


def forecast_words(forecast: Mapping[str, Any]) -> str:
    if forecast["outcome"] == "not_at_this_pace":
        return "Not at this pace"
    on = date.fromisoformat(forecast["finishes_on"])
    day = f"{on.day} {on:%b %Y}"
    return f"Done, {day}" if forecast["outcome"] == "finished" else day


def timeline(report: Report, tz: tzinfo) -> None:
    if report.frame.empty:
        st.caption("Nothing yet.")
        return
    told = report.frame.assign(
        at=report.frame["at"].dt.tz_convert(tz).dt.tz_localize(None),
        event=report.frame["event"].map(upper_first),
    )
    tables.show(
        told,
        report.row,
        TIMELINE,
        key="timeline",
        alt="What the student did, the latest first",
        opens="assignment",
    )
