"""The assignments in which the class is held up."""

from dataclasses import replace
from functools import partial
from typing import get_args

import streamlit as st

from cohort_core.charts import assignment_charts
from cohort_core.dashboard import url_state
from cohort_core.dashboard.components import downloads, lists, tables
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.files.questions import report_of
from cohort_core.dashboard.layout import View, begin, lazy_expander, part
from cohort_core.dashboard.sections import blockers
from cohort_core.reports import catalog
from cohort_core.reports.labels import DIFFICULTY_PARTS, STATES
from cohort_core.reports.report import Report
from cohort_core.reports.row_models import Ranking

MAX_RETEACH = 8
RANKINGS = {
    "difficulty": "Difficulty",
    "completions": "Fewest completions",
    "grade": "Lowest grade",
    "duration": "Longest time",
    "stuck": "Most stuck",
}
COLUMNS = {
    "name": Column("Assignment", pinned=True, width="medium"),
    "difficulty": Column("Difficulty", "bar"),
    "completion_rate": Column("Completed", "percent"),
    "stuck": Column("Stuck", "whole"),
    "avg_grade": Column("Average grade", "percent"),
    "median_days": Column("Days, half done", "days"),
    "p80_days": Column("Days, 4 in 5 done", "days"),
    "in_progress": Column("In progress", "whole"),
    "students_reached": Column("Came this far", "whole"),
    "section": Column("Section"),
    "type": Column("Kind"),
}
SECTIONS = {
    "section": Column("Section", pinned=True, width="medium"),
    "completion_rate": Column("Work completed", "share"),
    "students_completed_share": Column("Students through", "share"),
    "in_progress": Column("In progress", "whole"),
    "avg_grade": Column("Average grade", "percent"),
    "assignments": Column("Assignments", "whole"),
}


def show_ranking(view: View) -> None:
    min_students = view.cohort.thresholds.least_ranked
    heading_place = st.container()
    by = url_state.choose(
        "by",
        st.segmented_control,
        "Rank by",
        get_args(Ranking),
        default="difficulty",
        format_func=RANKINGS.__getitem__,
    )
    report = catalog.blockers(view.cohort, by=by)
    ranked = report.frame[report.frame["rank"].notna()]
    unranked = report.frame[report.frame["rank"].isna()]
    bars = blockers.ranking_chart(report.frame, by)
    with heading_place:
        downloads.heading(
            view,
            "Blockers",
            report=report,
            ask=partial(report_of, name="blockers", by=by),
            picture=partial(blockers.ranking_chart, by=by) if bars else None,
            title=f"Blockers: {RANKINGS[by].lower()}",
        )

    if bars is None:
        st.info(
            "Nothing can be ranked yet: an assignment needs at least "
            f"{min_students} students who came that far."
        )
    else:
        if by == "difficulty":
            lists.legend(DIFFICULTY_PARTS)
        tables.chart(
            bars,
            alt=f"The first {blockers.MAX_BARS} assignments by this ranking: {RANKINGS[by].lower()}",
            key="bars",
            opens={"assignment_id": "assignment"},
        )
        tables.show(
            ranked,
            report.row,
            COLUMNS,
            key="ranked",
            alt="Assignments, the worst first",
            opens="assignment",
        )
        st.caption("Click a bar or a row to open the assignment.")
    if not unranked.empty:
        lazy_expander(
            f"Not ranked ({len(unranked)})",
            "not-ranked",
            show_unranked,
            replace(report, frame=unranked),
            min_students,
        )


def show_unranked(unranked: Report, min_students: int) -> None:
    st.caption(
        f"Fewer than {min_students} students have come this far, or the number is not known: "
        "too little to rank."
    )
    tables.show(
        unranked.frame,
        unranked.row,
        COLUMNS,
        key="unranked",
        alt="Assignments without a rank",
        opens="assignment",
    )


with begin("blockers") as view:
    in_order = catalog.in_course_order(catalog.blockers(view.cohort))
    course_chart = assignment_charts.course(in_order.frame, len(view.cohort.students))
    downloads.heading(
        view,
        "The course so far",
        report=in_order,
        ask=blockers.in_order,
        scene=blockers.course_chart,
        name="course",
        help="For each assignment the share of all students who completed it, are in it, or are stuck in it.",
    )
    lists.legend({state: STATES[state][:2] for state in ("completed", "in_progress", "stuck")})
    tables.chart(
        course_chart,
        alt="Share of students who completed, are in, or are stuck in each assignment, in course order",
        key="course",
        opens={"assignment_id": "assignment"},
    )
    blockers.name_unclear_grades(in_order)
    part(show_ranking, view)
    lists.reteach(view, catalog.reteach(view.cohort), max_assignments=MAX_RETEACH, max_names=40)
    sections = catalog.by_section(view.cohort)
    if sections.frame["section"].notna().any():
        downloads.heading(view, "Sections", report=sections)
        tables.show(
            sections.frame, sections.row, SECTIONS, key="sections", alt="Progress by section, in course order"
        )
