"""The record of syncs in a mentor's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from cohort_core.dashboard import sync
from cohort_core.dashboard.tables import MOST_ROWS, ROW_PIXELS
from cohort_core.dashboard.words import instant, literal
from cohort_core.store.runs import Job, Run
from cohort_core.workspace import Reader, Workspace

MOST_SYNCS = 20

RESULTS = {
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Stopped",
    "interrupted": "Broke off",
    "running": "Running",
    "waiting": "Waiting",
}
ASKED_BY = {"dashboard": "Dashboard", "cli": "Command line", "api": "API", "schedule": "By itself"}

COLUMNS = {
    "when": st.column_config.DatetimeColumn("When", format="distance", help="When the sync began."),
    "class": st.column_config.TextColumn("Class"),
    "result": st.column_config.TextColumn("Result"),
    "records": st.column_config.NumberColumn("Records", format="localized", help="Rows read from OpenClass."),
    "new": st.column_config.NumberColumn("New", format="localized"),
    "changed": st.column_config.NumberColumn("Changed", format="localized"),
    "removed": st.column_config.NumberColumn(
        "Removed", format="localized", help="Rows that OpenClass has no more."
    ),
    "set_aside": st.column_config.NumberColumn(
        "Set aside",
        format="localized",
        help="Rows that could not be read. They are kept, and counted nowhere.",
    ),
    "kind": st.column_config.TextColumn(
        "Read", help="Everything, or only the pages that may hold something new."
    ),
    "clean": st.column_config.TextColumn(
        "Verified", help="Whether what was stored was seen to agree with OpenClass's own count."
    ),
    "seconds": st.column_config.NumberColumn("Seconds", format="%.1f"),
    "asked_by": st.column_config.TextColumn("Started from"),
    "note": st.column_config.TextColumn("What happened", width="large"),
}
SET_ASIDE_COLUMNS = {
    "class": st.column_config.TextColumn("Class"),
    "reason": st.column_config.TextColumn("Why", width="large"),
    "since": st.column_config.DatetimeColumn("Since", format="distance", help="When a sync first met it so."),
    "seen": st.column_config.DatetimeColumn("Last seen", format="distance"),
    "id": st.column_config.TextColumn(
        "Record", help="Its OpenClass id, or a mark of its content if it has none."
    ),
}


def show(workspace: Workspace) -> None:
    jobs = workspace.jobs(MOST_SYNCS)
    if not jobs:
        st.info("Nothing has been synced yet. Press Sync now in the sidebar.")
        return
    if problem := _latest_problem(jobs):
        st.warning(literal(problem))
    st.dataframe(
        pd.DataFrame(rows(jobs)),
        column_config=COLUMNS,
        hide_index=True,
        placeholder="–",
        key="syncs",
        alt="The latest syncs, class by class, newest first",
    )


def show_set_aside(reader: Reader, names: Mapping[str, str]) -> None:
    """Records that could not be read, with the reason; `names` are those of the classes by id."""
    records = reader.set_aside()
    if not records:
        return
    st.subheader("Records that were set aside", anchor=False)
    st.caption(
        "OpenClass sent them in a form that cannot be used. They are counted nowhere, and taken in by "
        "themselves as soon as a sync finds them mended."
    )
    frame = pd.DataFrame(
        {
            "class": names.get(one.class_id, one.class_id),
            "reason": one.reason,
            "since": instant(one.first_seen_at),
            "seen": instant(one.last_seen_at),
            "id": one.id,
        }
        for one in records
    )
    st.dataframe(
        frame,
        column_config=SET_ASIDE_COLUMNS,
        hide_index=True,
        height=(min(len(frame), MOST_ROWS) + 1) * ROW_PIXELS + 3,
        key="set-aside",
        alt="Records that were set aside, the latest first",
    )


def rows(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """One row for each class in each sync, newest first."""
    return [_row(job, run) for job in jobs for run in job.runs]


def _row(job: Job, run: Run) -> dict[str, Any]:
    # A killed sync leaves its runs as they were.
    state = job.state if job.state == "interrupted" and run.state in {"running", "waiting"} else run.state
    return {
        "when": instant(run.started_at or job.started_at),
        "class": run.name,
        "result": RESULTS.get(state, state),
        "records": run.records,
        "new": run.added,
        "changed": run.changed,
        "removed": run.removed,
        "set_aside": run.quarantined,
        "kind": {"full": "Everything", "incremental": "What is new"}.get(run.kind or "", run.kind),
        "clean": {True: "Yes", False: "No"}.get(run.is_clean) if run.is_clean is not None else None,
        "seconds": run.seconds,
        "asked_by": ASKED_BY.get(job.asked_by, job.asked_by),
        "note": run.error or (job.error if state != "done" else None),
    }


def _latest_problem(jobs: Sequence[Job]) -> str | None:
    """What went wrong in the latest sync that has ended, in its own sentences; None if nothing did."""
    ended = next((job for job in jobs if not job.is_running), None)
    return None if ended is None or sync.is_good(ended) else sync.outcome(ended)
