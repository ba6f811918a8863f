"""All students by all assignments, as one picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from cohort_core.charts import shapes, student_charts
from cohort_core.dashboard.files.questions import Source
from cohort_core.metrics.cohort import Cohort
from cohort_core.reports import catalog
from cohort_core.reports.report import Report

MAX_STUDENTS = 120
"""A browser does not draw a higher picture well."""

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


def chart(matrix: pd.DataFrame) -> Any:
    return student_charts.matrix(cells(matrix))


def cells(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return the rows for the chart: those of the first MAX_STUDENTS, with label and number."""
    people = matrix.drop_duplicates("student_id").head(MAX_STUDENTS)
    labels = dict(zip(people["student_id"], shapes.unique_labels(people["name"]), strict=True))
    shown = matrix[matrix["student_id"].isin(labels)]
    return shown.assign(label=shown["student_id"].map(labels), number=shown["position"] + 1)[
        ["label", "student_id", "name", "number", "assignment_id", "assignment", "state", "grade"]
    ]
