"""All students by all assignments, as one picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from cohort_core.charts import shapes, student_charts
from cohort_core.dashboard.components import tables
from cohort_core.dashboard.files.questions import Source
from cohort_core.dashboard.layout import open_page
from cohort_core.formatting import percent
from cohort_core.metrics.cohort import Cohort
from cohort_core.reports import catalog
from cohort_core.reports.labels import STATES
from cohort_core.reports.report import Report

MAX_STUDENTS = 120
"""A browser does not draw a higher picture well."""

NAMES_PIXELS, COLUMN_PIXELS = 160, 12
"""The width of the students' names, and the least width of a column."""

ORDERS = {
    "risk": "Risk",
    "name": "Name",
    "completed": "Completed",
    "activity": "Last activity",
    "stuck": "Stuck",
}


def order_students(cohort: Cohort, order: str) -> Report:
    """Return the report ``matrix`` with its students in this order, a key of ORDERS."""
    report, health = catalog.matrix(cohort), catalog.student_health(cohort).frame
    match order:
        case "name":
            health = health.sort_values("name", key=lambda names: names.str.casefold(), kind="stable")
        case "completed" | "stuck":
            health = health.sort_values(order, ascending=False, kind="stable")
        case "activity":
            health = health.sort_values("last_activity_at", na_position="first", kind="stable")
    place = pd.Series(range(len(health)), index=pd.Index(health["student_id"]))
    rows = report.frame["student_id"].map(place).argsort(kind="stable")
    return replace(report, frame=report.frame.iloc[rows].reset_index(drop=True))


def matrix_table(source: Source, order: str) -> Report:
    """Return the report ``matrix`` in this order, for a file."""
    return order_students(source.cohort, order)


def matrix_chart(source: Source, order: str) -> Any:
    """Draw the matrix in this order, for a file."""
    return chart(source.cohort, order_students(source.cohort, order).frame)


def chart(cohort: Cohort, matrix: pd.DataFrame) -> Any:
    return student_charts.matrix(cells(cohort, matrix))


def cells(cohort: Cohort, matrix: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the first MAX_STUDENTS, with label, number and section."""
    people = matrix.drop_duplicates("student_id").head(MAX_STUDENTS)
    labels = dict(zip(people["student_id"], shapes.unique_labels(people["name"]), strict=True))
    shown = matrix[matrix["student_id"].isin(labels)]
    return shown.assign(
        label=shown["student_id"].map(labels),
        number=shown["position"] + 1,
        section=shown["assignment_id"].map(cohort.assignments["section"]),
    )[["label", "student_id", "name", "number", "assignment_id", "assignment", "section", "state", "grade"]]


def show_table(cohort: Cohort, matrix: pd.DataFrame) -> None:
    """Show the matrix as a table, for the keyboard and for screen readers.

    A column is an assignment, under its section.
    """
    people = matrix.drop_duplicates("student_id")
    words = matrix["state"].map(lambda state: STATES[state][0])
    texts = words + matrix["grade"].map(lambda grade: "" if pd.isna(grade) else f", {percent(grade)}")
    wide = texts.to_numpy(dtype=object).reshape(len(people), -1)
    course = cohort.assignments
    headings = pd.MultiIndex.from_arrays(
        [course["section"].fillna("No section"), list(shapes.unique_labels(course["name"]))]
    )
    frame = pd.DataFrame(wide, columns=headings, index=pd.Index(people["name"], name="Student"))
    event: Any = st.dataframe(
        frame,
        key=f"matrix-table-{tables.digest(people['student_id'])}",
        on_select="rerun",
        selection_mode=["single-cell", "single-column"],
        alt="Students by assignments, with the state and the grade of each",
    )
    if event.selection.cells:
        open_page("student", student=str(people["student_id"].iloc[event.selection.cells[0][0]]))
