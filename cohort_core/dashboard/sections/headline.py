"""The top of the Overview: the state of the class, and its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from cohort_core import formatting
from cohort_core.dashboard.components import downloads, lists
from cohort_core.dashboard.components.text import count, literal, meanings, percent, upper_first
from cohort_core.dashboard.layout import View
from cohort_core.reports import catalog
from cohort_core.reports.row_models import ProgressSummaryRow

WEEK_DAYS = 7
OLD_DAYS = 2
A_WEEK_AGO = "in a week"
SLOWER_BELOW, FASTER_ABOVE = 0.8, 1.25
_VERDICT_HELP = (
    "Completions a student in the last full week against the mean of the four before it: slowed down below "
    "half of that, a little slower below four fifths, faster above five quarters. The bar counts students by "
    "risk band; on pace means on pace with the cohort, not safe."
)


def verdict(view: View) -> None:
    """Show in a few words how the class moves, with the class report beside them."""
    alarm = catalog.cohort_alarm(view.cohort).record()
    summary = catalog.progress_summary(view.cohort)
    health = catalog.student_health(view.cohort).frame
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="titled-verdict"
    ):
        st.header(verdict_text(alarm), anchor=False, help=_VERDICT_HELP)
        downloads.class_report_menu(view, summary)
    show_pace(alarm)
    counts = health["risk"].value_counts().to_dict()
    lists.band_counts(counts)


def show_pace(alarm: Mapping[str, Any]) -> None:
    if alarm["alarm"]:
        st.warning(literal(pace_text(alarm)), icon=":material/trending_down:")
    else:
        st.markdown(literal(pace_text(alarm)))


def verdict_text(alarm: Mapping[str, Any]) -> str:
    """Describe how the class moves; `alarm` is the row of the report ``cohort_alarm``."""
    share = alarm["share"]
    if share is None:
        return "○ Too early to say how the class moves"
    if alarm["alarm"]:
        return "▼ The class as a whole has slowed down"
    if share < SLOWER_BELOW:
        return "◐ The class is a little slower than usual"
    return "▲ The class is faster than usual" if share > FASTER_ABOVE else "● The class moves as usual"


def pace_text(alarm: Mapping[str, Any]) -> str:
    if alarm["velocity"] is None:
        return "No week is over yet."
    last = f"{formatting.one_decimal(alarm['velocity'])} completions a student in the last full week"
    if alarm["usual_velocity"] is None:
        return f"{last}; four weeks before it are needed to compare."
    comparison = f"{last}, {formatting.one_decimal(alarm['usual_velocity'])} in the four before it."
    return f"{comparison} No comparison between students shows that." if alarm["alarm"] else comparison


def show(view: View) -> None:
    now = catalog.progress_summary(view.cohort).record()
    then = catalog.progress_summary(view.earlier(WEEK_DAYS)).record()
    meaning = meanings(ProgressSummaryRow)
    weeks = catalog.progress_over_time(view.cohort).frame
    if view.age.days >= OLD_DAYS and not view.as_of:
        st.warning(f"These numbers are old: this class was last synced {view.age.text}. Press Sync now.")
    with st.container(horizontal=True, key="headline"):
        with st.container(width=215, gap="xxsmall"):
            st.metric(
                "Average completion",
                percent(now["avg_completion"]),
                **_change_of_share(now["avg_completion"], then["avg_completion"]),
                help=meaning["avg_completion"],
            )
            lists.sparkline(weeks["completed"].tolist(), "Completed so far, week by week")
        with st.container(width=215, gap="xxsmall"):
            st.metric(
                "Active in 7 days",
                f"{now['active_this_week_count']:,}",
                **_change(now["active_this_week_count"] - then["active_this_week_count"]),
                help=meaning["active_this_week_count"],
            )
            # The last week has not ended yet.
            lists.sparkline(weeks["active_students"].tolist()[:-1], "Active students, week by week")
        st.metric(
            "Students",
            f"{now['total_students']:,}",
            **_change(now["total_students"] - then["total_students"]),
            help=meaning["total_students"],
            width=120,
        )
        st.metric("Last sync", upper_first(view.age.text), help=literal(view.age.moment), width=200)
    st.caption(
        f"{count(now['completed_count'], 'student has', 'students have')} completed everything, "
        f"{now['in_progress_count']:,} {'is' if now['in_progress_count'] == 1 else 'are'} on the way, "
        f"{now['not_started_count']:,} never started."
    )


def _change_of_share(now: float | None, then: float | None) -> dict[str, Any]:
    return _change(formatting.percent_points(now, then), formatting.signed_points)


def _change(number: int, in_words: Callable[[int], str] = formatting.signed) -> dict[str, Any]:
    """Return the arguments for an arrow in a neutral colour.

    Without a change there is none. Fewer students or a quiet week need not be bad, so the arrow is neither
    green nor red.
    """
    if not number:
        return {}
    return {
        "delta": in_words(number),
        "delta_arrow": "up" if number > 0 else "down",
        "delta_description": A_WEEK_AGO,
        "delta_color": "primary",
    }
