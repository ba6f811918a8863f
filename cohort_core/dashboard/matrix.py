"""Every student in every assignment, as one picture."""

from __future__ import annotations

import pandas as pd

from cohort_core import charts, reports
from cohort_core.cohort import Cohort

MOST_STUDENTS = 120
"""A browser draws no higher picture well."""

ORDERS = {"risk": "Risk", "name": "Name", "completed": "Completed"}


def cells(cohort: Cohort, order: str) -> pd.DataFrame:
    """One row a student and assignment: label, student_id, name, number, assignment_id, assignment, state,
    grade; the first MOST_STUDENTS in the order asked for, one of ORDERS."""
    health = reports.student_health(cohort).frame
    if order == "name":
        health = health.sort_values("name", key=lambda one: one.str.casefold(), kind="stable")
    elif order == "completed":
        health = health.sort_values("completed", ascending=False, kind="stable")
    health = health.head(MOST_STUDENTS)
    people = health[["student_id", "name"]].assign(label=list(charts.unique_labels(health["name"])))
    course = cohort.assignments.reset_index()
    work = pd.DataFrame(
        {
            "assignment_id": course["assignment_id"],
            "assignment": course["name"],
            "number": course["position"] + 1,
        }
    )
    keys = ["student_id", "assignment_id"]
    records = cohort.records[[*keys, "grade"]].assign(state="in_progress")
    records["state"] = records["state"].where(cohort.records["completed_at"].isna(), "completed")
    stuck = reports.stuck(cohort).frame[keys].assign(is_stuck=True)
    every = (
        people.merge(work, how="cross").merge(records, how="left", on=keys).merge(stuck, how="left", on=keys)
    )
    every["state"] = every["state"].fillna("not_started").where(every["is_stuck"].isna(), "stuck")
    return every.drop(columns="is_stuck")
