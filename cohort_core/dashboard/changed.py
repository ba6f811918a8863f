"""What changed since the sync before, or since a day: counts by kind, and a list that reads by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import streamlit as st

from cohort_core.charts import BANDS
from cohort_core.dashboard import lists, selection
from cohort_core.dashboard.words import ago, count, instant, moment, percent
from cohort_core.reports import Report
from cohort_core.store.changes import load_sync_ends
from cohort_core.workspace import Reader, Workspace

MOST_SHOWN = 8
MOST_LISTED = 200
SINCE, KIND = "since", "kind"
SYNC_BEFORE, A_WEEK_AGO, A_DAY = "sync", "week", "day"
LABELS = {SYNC_BEFORE: "The sync before", A_WEEK_AGO: "A week ago", A_DAY: "A day"}
ALL = "all"

KINDS = {
    "completed": ("completion", "completions"),
    "started": ("start", "starts"),
    "graded": ("new grade", "new grades"),
    "regraded": ("changed grade", "changed grades"),
    "reviewed": ("review", "reviews"),
    "new_student": ("new student", "new students"),
    "came_back": ("student back", "students back"),
    "band_moved": ("moved band", "moved bands"),
    "reopened": ("reopened", "reopened"),
    "removed": ("removed", "removed"),
    "returned": ("returned", "returned"),
}
"""In the order in which a mentor wants to read the counts."""


@dataclass(frozen=True)
class Since:
    """From when on; `asked` as ``Workspace.changes`` takes it, None for the sync before."""

    asked: str | None
    words: str


def show(reader: Reader, class_id: str, group: str | None, as_of: str | None, now: datetime) -> None:
    """The whole part of the Overview; `now` in the class's zone."""
    st.subheader(
        "What changed",
        anchor=False,
        help="What syncs saw change counts from when they saw it; what the first sync found, from when it "
        "happened.",
    )
    since = _choose_since(reader.workspace, class_id, as_of, now)
    report = reader.changes(class_id, since.asked, as_of, group)
    counts = report.frame["kind"].value_counts().to_dict()
    if not counts:
        st.caption(f"Nothing has changed since {since.words}.")
        return
    kind = selection.choose(
        KIND,
        st.pills,
        f"Since {since.words}",
        (ALL, *(one for one in KINDS if one in counts)),
        default=ALL,
        format_func=lambda one: "Everything" if one == ALL else count(counts[one], *KINDS[one]),
    )
    _list(report, kind, now)


def _list(report: Report, kind: str, now: datetime) -> None:
    events = [one for one in report.records() if kind in (ALL, one["kind"])]
    lists.events(map(_event(now), events[:MOST_SHOWN]))
    rest = events[MOST_SHOWN:MOST_LISTED]
    if rest:
        with st.expander(f"{len(events) - MOST_SHOWN:,} more"):
            lists.events(map(_event(now), rest))
            if len(events) > MOST_LISTED:
                st.caption(f"The latest {MOST_LISTED} of {len(events):,}.")


def _choose_since(workspace: Workspace, class_id: str, as_of: str | None, now: datetime) -> Since:
    ends = load_sync_ends(workspace.database, class_id, limit=2)
    has_sync_before = len(ends) > 1 and as_of is None
    options = (SYNC_BEFORE, A_WEEK_AGO, A_DAY) if has_sync_before else (A_WEEK_AGO, A_DAY)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = selection.choose(
            SINCE,
            st.segmented_control,
            "Changes since",
            options,
            default=options[0],
            format_func=LABELS.__getitem__,
        )
        if by == SYNC_BEFORE:
            selection.write(A_DAY, None)
            return Since(None, f"the sync before, {ago(ends[1].to_pydatetime(), now)}")
        if by == A_WEEK_AGO:
            selection.write(A_DAY, None)
            day = now.date() - timedelta(days=7)
        else:
            day = selection.choose_day(
                A_DAY, "From the start of", default=now.date() - timedelta(days=1), latest=now.date()
            )
    return Since(day.isoformat(), _day(day))


def _event(now: datetime) -> Any:
    def tell(row: Mapping[str, Any]) -> lists.Event:
        at = instant(row["at"])
        return lists.Event(
            ago(at, now), moment(at, now.tzinfo or UTC), row["name"] or row["student_id"], in_words(row)
        )

    return tell


def in_words(row: Mapping[str, Any]) -> str:
    """What happened to the student in a row of the report ``changes``."""
    what, grade = row["assignment"] or row["assignment_id"] or "", percent(row["grade_after"])
    graded = row["grade_after"] is not None
    match row["kind"]:
        case "completed":
            return f"completed {what} with {grade}" if graded else f"completed {what}"
        case "started":
            return f"started {what}"
        case "graded":
            return f"got {grade} for {what}"
        case "regraded":
            return f"{what}: grade {percent(row['grade_before'])} → {grade}"
        case "reviewed":
            return f"{what} was reviewed"
        case "reopened":
            return f"{what} is open again"
        case "removed":
            return f"{what}: OpenClass no longer has the record"
        case "returned":
            return f"{what}: OpenClass has the record again"
        case "new_student":
            return "is new in this class"
        case "came_back":
            return "is back after two weeks or more without activity"
        case "band_moved":
            before, after = BANDS[row["band_before"]], BANDS[row["band_after"]]
            return f"moved from {before.marked} to {after.marked}"
    return ""


def _day(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B}"
