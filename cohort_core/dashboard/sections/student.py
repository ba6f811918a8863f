"""The text and the tables of the Student page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, tzinfo
from typing import Any

import pandas as pd
import streamlit as st

from cohort_core import formatting
from cohort_core.dashboard.components import lists, tables
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.components.text import (
    and_more,
    literal,
    markup,
    meanings,
    percent,
    points,
    upper_first,
)
from cohort_core.dashboard.sidebar import mentors_of
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.detail import missing_work, stuck_work
from cohort_core.reports import catalog
from cohort_core.reports.band_meaning import Meanings
from cohort_core.reports.labels import STATES, look_of
from cohort_core.reports.report import Report
from cohort_core.reports.row_models import PaceRow, StudentHealthRow
from cohort_core.services.set_aside import SetAsideRecord
from cohort_core.store.roster import Mentor

MAX_NAMES = 3
WEAK_BELOW = 0.1
"""A grade so far below that of the class is weak."""

STUCK = {"name": Column("Assignment", pinned=True), "days": Column("Days open", "whole")}
MISSING = {
    "name": Column("Assignment", pinned=True),
    "status": Column("State"),
    "class_completion_rate_all": Column("Class", "percent"),
}
WEAK = {
    "name": Column("Assignment", pinned=True),
    "grade": Column("Grade", "percent"),
    "class_avg_grade": Column("Class grade", "percent"),
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


def head(cohort: Cohort, health: Mapping[str, Any], mentors: Sequence[Mentor]) -> None:
    """Show risk level and main numbers, and how to reach the student."""
    student = cohort.students.loc[health["student_id"]]
    night = student["night"] if isinstance(student["night"], str) else None
    contact = [text for text in (student["email"], night, student["region"]) if isinstance(text, str)]
    if names := mentors_of(mentors, night):
        contact.append(f"mentor {' and '.join(names)}")
    lines = [f"{lists.level(look_of(health))} · {markup(lists.health_text(health))}"]
    lines += [markup(" · ".join(contact))] if contact else []
    st.html("".join(f"<div class='ct-line'>{line}</div>" for line in lines))


def show_reasons(health: Mapping[str, Any], said: Meanings) -> None:
    """Show the reasons for the risk in sentences, and what the level means."""
    if health["reasons"]:
        st.html("".join(f"<div class='ct-line'>{markup(reason)}</div>" for reason in health["reasons"]))
    st.caption(literal(said.of[health["risk"]]), help=literal(" ".join(said.limits)))


def show_figures(cohort: Cohort, health: Mapping[str, Any]) -> None:
    """Show the student's main figures.

    A silent student has no day on which they finish.
    """
    student_id = health["student_id"]
    meaning = meanings(StudentHealthRow)
    pace = catalog.pace(cohort, student_id).record()
    forecast = catalog.forecast(cohort, student_id).record()
    with st.container(horizontal=True, key="headline"):
        st.metric(
            "Completed", f"{health['completed']} of {health['total']}", help=meaning["completed"], width=112
        )
        # The reasons above are about work of every type.
        of_type = f", {literal(cohort.type)}" if cohort.type else ""
        st.metric(
            f"Average grade{of_type}", percent(health["avg_grade"]), help=meaning["avg_grade"], width=118
        )
        st.metric("Risk", points(health["risk_score"]), help=meaning["risk_score"], width=130)
        st.metric(
            "Work per week",
            formatting.one_decimal(forecast["per_week"]),
            help="Assignments completed in a week, over the last four weeks in which the student worked.",
            width=112,
        )
        st.metric(
            "Place in class",
            pace_text(pace["pace_percentile"]),
            help=meanings(PaceRow)["pace_percentile"],
            width=172,
        )
        if health["stage"] not in ("quiet", "gone", "never_started"):
            st.metric(
                "Finishes",
                forecast_text(forecast),
                help="At the pace of the last four weeks in which the student worked.",
                width=150,
            )


def hint_at_namesakes(cohort: Cohort, student_id: str) -> None:
    """Show who else in the class has the same first and last name."""
    report = catalog.students(cohort.class_data)
    students = {row["id"]: row for row in report.records()}
    names = [students[other]["name"] for other in students[student_id]["same_name_ids"]]
    if names:
        st.info(
            literal(
                f"{and_more(names, MAX_NAMES)} has the same name. One person with two accounts? The "
                "numbers of each account stand alone."
            )
        )


def note_set_aside(records: Sequence[SetAsideRecord], student_id: str) -> None:
    """Show which records of the student count nowhere, so that their work looks undone."""
    aside = [record for record in records if record.student_id == student_id]
    if aside:
        names = and_more(
            [record.assignment or "an assignment that is not named" for record in aside], MAX_NAMES
        )
        reasons = " and ".join(dict.fromkeys(record.reason for record in aside))
        st.warning(
            literal(
                f"{names}: what OpenClass sent cannot be used ({reasons}), so this work looks undone here. "
                "Look at OpenClass before you write about it."
            )
        )


stuck, missing = stuck_work, missing_work


def weak_grades(assignments: pd.DataFrame) -> pd.DataFrame:
    """Return the assignments graded at least 0.1 below the class, the weakest first."""
    gap = assignments["class_avg_grade"] - assignments["grade"]
    weak = assignments.assign(gap=gap)[gap.round(9) >= WEAK_BELOW]
    return weak.sort_values("gap", ascending=False, kind="stable").drop(columns="gap")


def missing_text(missing: int, stuck: int) -> str:
    """Return a heading such as "10 more missing"; *more* means besides those that are stuck."""
    if not missing:
        return "Missing"
    return f"{missing} {'more ' if stuck else ''}missing"


def to_rows(assignments: pd.DataFrame) -> pd.DataFrame:
    """Return the assignments ready for a table: states as labels, and positions from 1."""
    labels = {state: f"{mark} {word}".strip() for state, (word, _, mark) in STATES.items()}
    return assignments.assign(status=assignments["status"].map(labels), position=assignments["position"] + 1)


def pace_text(percentile: float | None) -> str:
    """Describe a student's place in the class, such as "First fifth" or "In the middle"."""
    if percentile is None:
        return formatting.MISSING
    for limit, label in (
        (0.2, "First fifth"),
        (0.4, "Before most"),
        (0.6, "In the middle"),
        (0.8, "After most"),
    ):
        if percentile <= limit:
            return label
    return "Last fifth"


def forecast_text(forecast: Mapping[str, Any]) -> str:
    if forecast["outcome"] == "not_at_this_pace":
        return "Not at this pace"
    on = date.fromisoformat(forecast["finishes_on"])
    day = formatting.medium_day(on)
    return f"Done, {day}" if forecast["outcome"] == "finished" else day


def show_timeline(report: Report, tz: tzinfo) -> None:
    if report.frame.empty:
        st.caption("Nothing yet.")
        return
    rows = report.frame.assign(
        at=report.frame["at"].dt.tz_convert(tz).dt.tz_localize(None),
        event=report.frame["event"].map(upper_first),
    )
    tables.show(
        rows,
        report.row,
        TIMELINE,
        key="timeline",
        alt="What the student did, the latest first",
        opens="assignment",
    )
