"""The ranking, the tables and the notices of the Blockers page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cohort_core.charts import assignment_charts
from cohort_core.dashboard.components import downloads, lists, tables
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.components.text import and_more, count, literal
from cohort_core.dashboard.files.questions import Source
from cohort_core.dashboard.layout import View
from cohort_core.reports import catalog
from cohort_core.reports.report import Report

MAX_NAMES = 8
OUTSIDE = "Outside all sections"
MAX_STUCK = 20
"""Names below an assignment; a link leads to the others."""
PAGE_LENGTH = 10
COLUMNS = {
    "name": Column("Assignment", pinned=True, width="medium"),
    "stuck": Column("Stuck", "whole"),
    "in_progress": Column("In progress", "whole"),
    "completion_rate": Column("Completed", "percent"),
    "avg_grade": Column("Average grade", "percent"),
    "median_days": Column("Half finish within, days", "days"),
    "p80_days": Column("80 % finish within, days", "days"),
    "difficulty": Column("Difficulty", "bar"),
    "students_reached": Column("Reached", "whole"),
    "section": Column("Section"),
    "type": Column("Type"),
}
SHOWS = {
    "stuck": {"state": "stuck"},
    "in_progress": {"state": "in_progress"},
    "completion_rate": {"state": "completed"},
    "avg_grade": {"state": "completed"},
    "students_reached": {"state": "all"},
}
"""Which students a click on a number shows, on the page of the assignment."""
SECTIONS = {
    "section": Column("Section", pinned=True, width="medium"),
    "completion_rate": Column("Completed", "share"),
    "students_completed_share": Column("Students who completed all of it", "share"),
    "in_progress": Column("In progress", "whole"),
    "avg_grade": Column("Average grade", "percent"),
    "assignments": Column("Assignments", "whole"),
}
IN_SECTION = {
    "name": Column("Student", pinned=True, width="medium"),
    "assignment": Column("Stuck in", width="medium"),
    "days_open": Column("Days", "days"),
}


def show_ranking(view: View) -> None:
    """Show the assignments to teach again, with the students stuck in each."""
    report = catalog.reteach(view.cohort)
    key = f"reteach-shown-{view.class_id}"
    shown = st.session_state.get(key, PAGE_LENGTH)
    lists.reteach(view, report, max_assignments=shown, max_names=MAX_STUCK)
    if (more := len(report.frame) - shown) > 0:
        label = f"{min(more, PAGE_LENGTH)} more assignments"
        st.button(label, key="reteach-more", on_click=_show_more, args=(key, shown))


def _show_more(key: str, shown: int) -> None:
    st.session_state[key] = shown + PAGE_LENGTH


def show_all(view: View, report: Report) -> None:
    """Show every assignment in course order; a number opens the students that it counts."""
    downloads.heading(view, "All assignments", report=report, ask=in_order, name="blockers")
    st.caption("In course order. Click a number to see the students behind it, or a heading to sort by it.")
    tables.show(
        report.frame,
        report.row,
        COLUMNS,
        key="all",
        alt="All assignments, in course order",
        opens="assignment",
        also=SHOWS,
    )


def show_sections(view: View) -> None:
    """Show the sections of the course, and who is stuck in the chosen section."""
    sections = catalog.by_section(view.cohort)
    if not sections.frame["section"].notna().any():
        return
    downloads.heading(view, "Sections", report=sections)
    st.caption("Click a section to see who is stuck in it.")
    named = sections.frame.assign(section=sections.frame["section"].fillna(OUTSIDE))
    picked = tables.pick(
        named, sections.row, SECTIONS, key="sections", alt="Progress by section, in course order"
    )
    if picked is not None:
        _show_stuck_in(view, str(named["section"].iloc[picked]))


def _show_stuck_in(view: View, section: str) -> None:
    report = catalog.stuck(view.cohort)
    chosen = report.frame[report.frame["section"].fillna(OUTSIDE) == section]
    if chosen.empty:
        st.text(f"{section}: nobody is stuck.")
        return
    st.text(f"{section}: {count(chosen['student_id'].nunique(), 'student is', 'students are')} stuck.")
    alt = "Students who are stuck in this section"
    tables.show(chosen, report.row, IN_SECTION, key="in-section", alt=alt, opens="student")
    st.caption("Click a row to open the student.")


def in_order(source: Source) -> Report:
    """Return the report ``blockers`` in the order of the course, for a file."""
    return catalog.in_course_order(catalog.blockers(source.cohort))


def course_chart(source: Source) -> Any:
    """Draw how far the class has come, for a file."""
    return assignment_charts.course(in_order(source).frame, len(source.cohort.students))


def name_unclear_grades(blockers: Report) -> None:
    """Name the assignments whose grades fit no scale, and the students left out."""
    unclear = [row for row in blockers.records() if row["grades_left_out"]]
    if unclear:
        named = [
            f"{row['name']} ({count(row['grades_left_out'], 'grade')}: "
            f"{and_more(row['left_out_students'], MAX_NAMES)})"
            for row in unclear
        ]
        st.warning(
            literal(
                "The grades of some assignments fit no scale: some go up to 1, others above. No number "
                f"counts the smaller part: {and_more(named, MAX_NAMES)}. Give them one scale at OpenClass, "
                "then sync."
            )
        )
