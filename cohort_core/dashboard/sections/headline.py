"""The top of the Overview: one line about the class, and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from cohort_core import formatting
from cohort_core.dashboard.components import downloads, lists
from cohort_core.dashboard.components.text import count, literal, markup, percent
from cohort_core.dashboard.layout import View
from cohort_core.reports import catalog
from cohort_core.reports.row_models import ProgressSummaryRow

WEEK_DAYS = 7
OLD_DAYS = 2
SLOWER_BELOW, FASTER_ABOVE = 0.8, 1.25
_VERDICT_HELP = (
    "Completions per student in the last full week against the mean of the four before it: slowed down below "
    "half of that, a little slower below four fifths, faster above five quarters. The bar counts students by "
    "risk level; on pace means on pace with the class, not safe."
)


def show(view: View) -> None:
    """Show how the class moves, and below it bands and main figures."""
    alarm = catalog.cohort_alarm(view.cohort).record()
    summary = catalog.progress_summary(view.cohort)
    if view.age.days >= OLD_DAYS and not view.as_of:
        advice = "Press Sync now." if view.commands else "A mentor or an administrator can sync it."
        st.warning(f"These numbers are old: this class was last synced {view.age.text}. {advice}")
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="titled-verdict"
    ):
        text = literal(verdict_text(alarm))
        st.markdown(f"**{text}**" if alarm["alarm"] else text, help=_VERDICT_HELP, width="content")
        downloads.class_report_menu(view, summary)
    health = catalog.student_health(view.cohort).frame
    before = catalog.progress_summary(view.earlier(WEEK_DAYS)).record()
    bands = lists.band_bar(health["risk"].value_counts().to_dict())
    figures = "".join(_figure(*figure) for figure in figures_of(summary.record(), before))
    st.html(f"<div class='ct-strip'><div>{bands}</div><dl class='ct-figures'>{figures}</dl></div>")


def verdict_text(alarm: Mapping[str, Any]) -> str:
    """Describe how the class moves in one line.

    `alarm` is the row of the report ``cohort_alarm``. For example "◐ A little slower than
    usual: 3.3 completions per student last week, usually 4.4".
    """
    if alarm["velocity"] is None:
        return "○ Too early to say how the class moves: no week is over yet"
    last = f"{formatting.one_decimal(alarm['velocity'])} completions per student last week"
    if alarm["share"] is None:
        return f"○ Too early to compare: {last}, and four weeks before it are needed"
    return f"{_verdict(alarm)}: {last}, usually {formatting.one_decimal(alarm['usual_velocity'])}"


def _verdict(alarm: Mapping[str, Any]) -> str:
    if alarm["alarm"]:
        return "▼ The class as a whole has slowed down"
    if alarm["share"] < SLOWER_BELOW:
        return "◐ A little slower than usual"
    return "▲ Faster than usual" if alarm["share"] > FASTER_ABOVE else "● As usual"


def figures_of(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return the main figures: label, value, change in a week (empty for none), and meaning."""
    meaning = {name: field.description or "" for name, field in ProgressSummaryRow.model_fields.items()}

    def share(label: str, name: str) -> tuple[str, str, str, str]:
        change = formatting.percent_points(now[name], then[name])
        return (
            label,
            percent(now[name]),
            formatting.signed_points(change) if change else "",
            meaning[name],
        )

    def number(label: str, name: str) -> tuple[str, str, str, str]:
        change = now[name] - then[name]
        return label, f"{now[name]:,}", formatting.signed(change) if change else "", meaning[name]

    return [
        share("Average completion", "avg_completion"),
        share("Average grade", "avg_grade"),
        number("Active in 7 days", "active_this_week_count"),
        number("Students", "total_students"),
    ]


def _figure(label: str, value: str, change: str, meaning: str) -> str:
    small = f"<small>{markup(change)} in a week</small>" if change else ""
    return f"<div title='{markup(meaning)}'><dt>{markup(label)}</dt><dd>{markup(value)} {small}</dd></div>"


def show_counts(view: View) -> None:
    """Show in a sentence how many students have completed everything, or nothing."""
    now = catalog.progress_summary(view.cohort).record()
    st.caption(
        f"{count(now['completed_count'], 'student has', 'students have')} completed everything, "
        f"{now['in_progress_count']:,} {'is' if now['in_progress_count'] == 1 else 'are'} in progress, "
        f"{now['not_started_count']:,} never started."
    )
