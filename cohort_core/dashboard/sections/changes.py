"""The changes since the last visit, the sync before, or a chosen day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from cohort_core.dashboard import url_state, visits
from cohort_core.dashboard.components import downloads, lists, tables
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.components.text import ago, count, moment, parse_instant, percent, upper_first
from cohort_core.dashboard.files.questions import Source
from cohort_core.dashboard.layout import View, lazy_expander
from cohort_core.dashboard.sections import closing
from cohort_core.reports.labels import BANDS
from cohort_core.reports.report import Report
from cohort_core.reports.row_models import ChangeRow

MAX_SHOWN = 8
SINCE, KIND = "since", "kind"
VISIT, SYNC_BEFORE, A_WEEK_AGO, A_DAY = "visit", "sync", "week", "day"
ALL = "all"
COLUMNS = {
    "name": Column("Student", pinned=True, width="medium"),
    "kind": Column("What", width="medium"),
    "at": Column("When", "instant"),
}

KINDS = {
    "completed": ("completion", "completions"),
    "started": ("start", "starts"),
    "graded": ("new grade", "new grades"),
    "regraded": ("changed grade", "changed grades"),
    "reviewed": ("review", "reviews"),
    "new_student": ("new student", "new students"),
    "came_back": ("student back", "students back"),
    "left": ("student left", "students left"),
    "band_moved": ("changed risk level", "changed risk level"),
    "reopened": ("reopened", "reopened"),
    "removed": ("removed", "removed"),
    "returned": ("returned", "returned"),
}
"""In the order in which a mentor wants to read the counts."""


@dataclass(frozen=True)
class Since:
    """The start of the period whose changes are shown.

    `value` goes to ``Reader.changes``; None means the sync before.
    """

    value: str | None
    text: str


def show(view: View) -> None:
    """Show this section of the Overview."""
    if view.shown is not None and view.shown.closed_on is not None:
        st.header("What changed", anchor=False)
        st.caption(f"This class is {closing.closed_text(view.shown.closed_on)}, so there is no news of it.")
        return
    heading_place = st.container()
    since = _choose_since(view)
    report = view.reader.changes(view.class_id, since.value, view.as_of, view.group_id)
    counts = report.frame["kind"].value_counts().to_dict()
    kind = ALL
    if counts:
        kind = url_state.choose(
            KIND,
            st.pills,
            f"Since {since.text}",
            (ALL, *(name for name in KINDS if name in counts)),
            default=ALL,
            wrap=True,
            format_func=lambda name: "Everything" if name == ALL else count(counts[name], *KINDS[name]),
        )
    shown = replace(report, frame=of_kind(report.frame, kind))
    with heading_place:
        downloads.heading(
            view,
            "What changed",
            report=shown,
            ask=partial(changes_since, since=since.value),
            narrow=partial(of_kind, kind=kind),
            help="What syncs saw change counts from when they saw it; what the first sync found, from when "
            "it happened.",
        )
    if counts:
        _list(shown, view.now)
    else:
        st.caption(f"Nothing has changed since {since.text}.")


def changes_since(source: Source, since: str | None) -> Report:
    """Return the report ``changes``, for a file."""
    return source.reader.changes(source.class_id, since, source.selection.as_of, source.selection.group)


def of_kind(changes: pd.DataFrame, kind: str) -> pd.DataFrame:
    return changes if kind == ALL else changes[changes["kind"] == kind]


def _list(report: Report, now: datetime) -> None:
    first = replace(report, frame=report.frame[:MAX_SHOWN])
    lists.show_events((_to_event(row, now) for row in first.records()), "changed")
    if len(report.frame) > MAX_SHOWN:
        lazy_expander(f"All {len(report.frame):,}", "all-changes", _table, report, now.tzinfo or UTC)


def _table(report: Report, tz: tzinfo) -> None:
    """Show all changes as sentences, with their time in the class's zone."""
    changes = report.frame
    rows = changes.assign(
        at=changes["at"].dt.tz_convert(tz).dt.tz_localize(None),
        kind=[upper_first(" ".join(filter(None, describe_change(row)))) for row in report.records()],
    )
    tables.show(rows, ChangeRow, COLUMNS, key="changes", alt="All changes, the latest first", opens="student")


def _choose_since(view: View) -> Since:
    now = view.now
    ends = view.reader.sync_ends(view.class_id, limit=2)
    visit, visit_text = _visit(view)
    labels = {A_WEEK_AGO: "A week ago", A_DAY: "A day of your choice"}
    if len(ends) > 1 and view.as_of is None:
        labels = {SYNC_BEFORE: "The sync before"} | labels
    if visit is not None:
        labels = {VISIT: upper_first(visit_text.removeprefix("your "))} | labels
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = url_state.choose(
            SINCE,
            st.segmented_control,
            "Changes since",
            tuple(labels),
            default=next(iter(labels)),
            format_func=labels.__getitem__,
        )
        if by != A_DAY:
            url_state.write(A_DAY, None)
        url_state.write(VISIT, visits.to_text(visit) if visit is not None and by == VISIT else None)
        if by == VISIT and visit is not None:
            return Since(visits.to_text(visit), f"{visit_text}, {ago(visit, now)}")
        if by == SYNC_BEFORE:
            return Since(None, f"the sync before, {ago(ends[1].to_pydatetime(), now)}")
        if by == A_WEEK_AGO:
            day = now.date() - timedelta(days=7)
        else:
            day = url_state.choose_day(
                A_DAY, "From the start of", default=now.date() - timedelta(days=1), latest=now.date()
            )
    return Since(day.isoformat(), _day(day))


def _visit(view: View) -> tuple[datetime | None, str]:
    """Return the end of the last visit, and its name on the page.

    Without a visit the end is None.

    The address holds the instant, so a copied address shows another mentor the same changes. But for the
    mentor whose visit it was, the address always means the last visit: a bookmark of the Overview must show
    the news of the day.
    """
    if view.as_of:
        return None, ""
    own = visits.load(view.reader.visits_file)
    requested = url_state.instant_in_address(VISIT)
    if requested is not None and requested not in own.ends and requested < view.now:
        local = requested.astimezone(view.now.tzinfo)
        return requested, f"{_day(local.date())}, {local:%H:%M}"
    return own.last, "your last visit"


def _to_event(row: Mapping[str, Any], now: datetime) -> lists.Event:
    happened_at = parse_instant(row["at"])
    before, assignment, after = describe_change(row)
    # A level is compared between the two ends of the time that is shown; when it changed is not known.
    is_between = row["kind"] == "band_moved"
    return lists.Event(
        "since then" if is_between else ago(happened_at, now),
        moment(happened_at, now.tzinfo or UTC),
        [
            # Nobody can open the page of a student who left.
            str(row["name"])
            if row["kind"] == "left"
            else lists.Linked(row["name"], "student", row["student_id"]),
            before,
            lists.Linked(assignment, "assignment", row["assignment_id"]) if assignment else "",
            after,
        ],
    )


def describe_change(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Describe a row of the report ``changes``, without the student's name.

    The result has three parts: the text before the assignment, the assignment, and the text after it. Any
    of them may be empty.
    """
    assignment, grade = row["assignment"] or "an assignment", percent(row["grade_after"])
    graded = row["grade_after"] is not None
    match row["kind"]:
        case "completed":
            return "completed", assignment, f"with {grade}" if graded else ""
        case "started":
            return "started", assignment, ""
        case "graded":
            return f"got {grade} for", assignment, ""
        case "regraded":
            return "got another grade for", assignment, f"{percent(row['grade_before'])} → {grade}"
        case "reviewed":
            return "had", assignment, "reviewed"
        case "reopened":
            return "has", assignment, "open again"
        case "removed":
            return "has no record of", assignment, "at OpenClass any more"
        case "returned":
            return "has a record of", assignment, "at OpenClass again"
        case "new_student":
            return "is new in this class", "", ""
        case "came_back" if row["records"] is not None:
            return f"is back in this class ({count(row['records'], 'record')})", "", ""
        case "left":
            return f"is no longer in this class ({count(row['records'], 'record')})", "", ""
        case "came_back":
            return "is back after two weeks or more without activity", "", ""
        case "band_moved":
            before, after = BANDS[row["band_before"]], BANDS[row["band_after"]]
            return f"moved from {before.marked} to {after.marked}", "", ""
    return "", "", ""


def _day(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B}"
