"""Which assignments stand in the way."""

from typing import get_args

import streamlit as st

from cohort_core import charts, dashboard, reports
from cohort_core.dashboard import lists, selection, tables
from cohort_core.dashboard.tables import Column

MOST_BARS = 12
RANKINGS = {
    "difficulty": "Difficulty",
    "completions": "Fewest completions",
    "grade": "Lowest grade",
    "duration": "Longest time",
    "stuck": "Most stuck",
}
COLUMNS = {
    "rank": Column("Rank", "whole"),
    "name": Column("Assignment", pinned=True, width="medium"),
    "difficulty": Column("Difficulty", "bar"),
    "completion_rate": Column("Completed", "percent"),
    "avg_grade": Column("Average grade", "percent"),
    "median_days": Column("Days, half done", "days"),
    "p80_days": Column("Days, 4 in 5 done", "days"),
    "stuck": Column("Stuck", "whole"),
    "in_progress": Column("In progress", "whole"),
    "students_reached": Column("Came this far", "whole"),
    "section": Column("Section"),
    "type": Column("Kind"),
}

with dashboard.begin("blockers") as view:
    by = selection.choose(
        "by",
        st.segmented_control,
        "Rank by",
        get_args(reports.Ranking),
        default="difficulty",
        format_func=RANKINGS.__getitem__,
    )
    answer = reports.blockers(view.cohort, by=by)
    ranked = answer.frame[answer.frame["rank"].notna()]
    unranked = answer.frame[answer.frame["rank"].isna()]

    if ranked.empty:
        st.info("Nothing can be ranked yet: an assignment needs at least 5 students who came that far.")
    else:
        if by == "difficulty":
            lists.legend(charts.DIFFICULTY_PARTS)
        st.altair_chart(
            charts.blockers(ranked.head(MOST_BARS), by),
            alt=f"The first {MOST_BARS} assignments by this ranking: {RANKINGS[by].lower()}",
        )
        tables.show(ranked, answer.row, COLUMNS, key="ranked", alt="Assignments, the worst first")
    if not unranked.empty:
        with st.expander(f"Not ranked ({len(unranked)})"):
            st.caption(
                "Fewer than 5 students have come this far, or the number is not known: too little to rank."
            )
            unranked_columns = {name: column for name, column in COLUMNS.items() if name != "rank"}
            tables.show(
                unranked, answer.row, unranked_columns, key="unranked", alt="Assignments without a rank"
            )
