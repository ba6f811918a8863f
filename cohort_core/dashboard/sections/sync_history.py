"""Past syncs, and the records that a sync set aside, in a mentor's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st
from pydantic import Field

from cohort_core.dashboard import sync_panel
from cohort_core.dashboard.components import downloads, tables
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.components.text import literal
from cohort_core.dashboard.files.questions import Source
from cohort_core.dashboard.layout import View
from cohort_core.dashboard.page_words import for_page
from cohort_core.dashboard.sections import followed_classes
from cohort_core.export.tables import Table
from cohort_core.reports.row_models import Row
from cohort_core.services.reader import Reader
from cohort_core.store.sync_runs import Job, Run

MAX_SYNCS = 20

RESULTS = {
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Stopped",
    "interrupted": "Interrupted",
    "running": "Running",
    "waiting": "Waiting",
}
ASKED_BY = {"dashboard": "Dashboard", "cli": "Command line", "api": "API", "schedule": "Automatic sync"}


class SyncLine(Row):
    """One class in one sync."""

    started_at: datetime | None = Field(description="When the sync began; UTC in files.")
    class_name: str = Field(description="The class.")
    result: str = Field(description="How it ended.")
    records: int = Field(description="Records read from OpenClass.")
    new: int = Field(description="Records that are here for the first time.")
    changed: int = Field(description="Records that were here and are different now.")
    removed: int = Field(description="Records that OpenClass no longer has.")
    set_aside: int = Field(description="Records that cannot be used. They are kept, and count nowhere.")
    kind: str | None = Field(description="Everything, or only what may be new.")
    verified: str | None = Field(
        description="Whether everything that OpenClass counts was read. Records that it does not send any "
        "more stay until a second such sync does not see them either."
    )
    seconds: float | None = Field(description="How long it took.")
    asked_by: str = Field(description="From where it was started.")
    note: str | None = Field(description="What failed or is to come, and what to do about it.")


class SetAsideLine(Row):
    """A record that OpenClass sent in a form that cannot be used."""

    class_name: str = Field(description="The class.")
    student: str | None = Field(description="The student, if the record says it.")
    assignment: str | None = Field(description="The assignment, if the record says it.")
    reason: str = Field(description="Why it cannot be used.")
    first_seen_at: datetime = Field(description="When a sync first read it so; UTC in files.")
    last_seen_at: datetime = Field(description="When a sync last read it; UTC in files.")
    record_id: str = Field(description="Its OpenClass id, or a mark of its content if it has none.")


COLUMNS = {
    "started_at": Column("When", "ago"),
    "class_name": Column("Class"),
    "result": Column("Result"),
    "records": Column("Records", "whole"),
    "new": Column("New", "whole"),
    "changed": Column("Changed", "whole"),
    "removed": Column("Removed", "whole"),
    "set_aside": Column("Set aside", "whole"),
    "kind": Column("Read"),
    "verified": Column("Verified"),
    "seconds": Column("Seconds", "seconds"),
    "asked_by": Column("Started from"),
    "note": Column("What happened", width="large"),
}
SET_ASIDE_COLUMNS = {
    "class_name": Column("Class"),
    "student": Column("Student"),
    "assignment": Column("Assignment"),
    "reason": Column("Why", width="large"),
    "first_seen_at": Column("Since", "ago"),
    "last_seen_at": Column("Last seen", "ago"),
    "record_id": Column("Record"),
}


def show_problem(view: View) -> None:
    """Show a warning if the latest sync failed."""
    if problem := _latest_problem(view.reader.jobs(MAX_SYNCS)):
        st.warning(literal(problem))


def show(view: View) -> None:
    """Show the details of the latest syncs, and what was set aside."""
    jobs = view.reader.jobs(MAX_SYNCS)
    lines = Table("syncs", SyncLine, rows(jobs))
    downloads.heading(view.of_no_class(), "Syncs", report=lines, ask=sync_table)
    if jobs:
        _table(lines, COLUMNS, alt="The latest syncs, class by class, newest first")
    else:
        st.info("Nothing has been synced yet. Press Sync now in the sidebar.")
    followed_classes.show_full_sync(view)
    show_set_aside(view)


def show_set_aside(view: View) -> None:
    """Show the records that could not be used, with the reason."""
    lines = _set_aside(view.reader)
    if not lines.rows:
        return
    downloads.heading(view.of_no_class(), "Records that were set aside", report=lines, ask=set_aside_table)
    st.caption(
        "OpenClass sent them in a form that cannot be used. They count nowhere. As soon as OpenClass sends "
        "them in a good form, a sync takes them in."
    )
    _table(lines, SET_ASIDE_COLUMNS, alt="Records that were set aside, the latest first")


def sync_table(source: Source) -> Table:
    """Return the latest syncs, for a file."""
    return Table("syncs", SyncLine, rows(source.reader.jobs(MAX_SYNCS)))


def set_aside_table(source: Source) -> Table:
    """Return the records that were set aside, for a file."""
    return _set_aside(source.reader)


def _set_aside(reader: Reader) -> Table:
    names = {status.id: status.name for status in reader.statuses()}
    records = [
        {
            "class_name": names.get(record.class_id, record.class_id),
            "student": record.student,
            "assignment": record.assignment,
            "reason": record.reason,
            "first_seen_at": record.first_seen_at,
            "last_seen_at": record.last_seen_at,
            "record_id": record.id,
        }
        for record in reader.quarantined()
    ]
    return Table("set_aside", SetAsideLine, records)


def _table(lines: Table, columns: Mapping[str, Column], *, alt: str) -> None:
    frame = pd.DataFrame(lines.columns())
    for name, column in columns.items():
        if column.kind == "ago":
            frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    tables.show(frame, lines.row, columns, key=lines.name, alt=alt)


def rows(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Return one row for each class in each sync, newest first."""
    return [_to_row(job, run) for job in jobs for run in job.runs]


def _to_row(job: Job, run: Run) -> dict[str, Any]:
    # A sync that was killed leaves the state of its runs as it was.
    state = job.state if job.state == "interrupted" and run.state in {"running", "waiting"} else run.state
    return {
        "started_at": run.started_at or job.started_at,
        "class_name": run.name,
        "result": RESULTS.get(state, state),
        "records": run.records,
        "new": run.added,
        "changed": run.changed,
        "removed": run.removed,
        "set_aside": run.quarantined,
        "kind": {"full": "Everything", "incremental": "What is new"}.get(run.kind or "", run.kind),
        "verified": {True: "Yes", False: "No"}.get(run.is_clean) if run.is_clean is not None else None,
        "seconds": run.seconds,
        "asked_by": ASKED_BY.get(job.asked_by, job.asked_by),
        "note": _note(job, run, state),
    }


def _note(job: Job, run: Run, state: str) -> str | None:
    if note := run.error or run.note:
        return for_page(note, run.error_code)
    return for_page(job.error, job.error_code) if job.error and state != "done" else None


def _latest_problem(jobs: Sequence[Job]) -> str | None:
    """Return the sentences about the latest ended sync if it failed, else None."""
    ended = next((job for job in jobs if not job.is_running), None)
    return None if ended is None or sync_panel.is_good(ended) else sync_panel.outcome(ended)
