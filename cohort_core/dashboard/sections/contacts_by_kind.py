"""Outcomes of messages by their reason, beside the usual rate without a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from cohort_core.dashboard.components import downloads, tables
from cohort_core.dashboard.components.tables import Column
from cohort_core.dashboard.files.questions import Source
from cohort_core.dashboard.layout import View, lazy_expander
from cohort_core.formatting import percent, percent_range
from cohort_core.metrics.outcomes import HORIZONS, MIN_FOR_SHARE
from cohort_core.reports.labels import KINDS
from cohort_core.reports.report import Report
from cohort_core.reports.row_models import OutcomesByKindRow

TITLE = "What came of your messages"
COLUMNS = {
    "kind": Column("Reason", pinned=True),
    "days": Column("Within days", "whole", "small"),
    "contacts": Column("Messages", "whole", "small"),
    "share": Column("Came back, of those whose days are over"),
    "usual_share": Column("Usual rate without a message"),
    "came_back": Column("Came back so far", "whole"),
    "nothing_since": Column("Nothing since", "whole"),
    "left": Column("Left", "whole"),
    "too_early": Column("Too early", "whole"),
}
HELP = (
    "Came back means that the student started or completed something after the message. The usual rate is "
    "that of students with the same reason, in weeks in which nobody wrote to them."
)


def show(view: View) -> None:
    """Show the counts; while nothing is noted they are computed only when somebody opens them."""
    if view.reader.contact_frame(view.class_id).empty:
        lazy_expander(TITLE, "contacts-by-kind", _show, view, has_heading=False)
    else:
        _show(view)


def offer_director_page(view: View) -> None:
    """Offer the page for a programme director."""
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="titled-director",
    ):
        st.header(
            "Director's page",
            anchor=False,
            help="One page without names: what changed since the last one that you made on an earlier day.",
        )
        downloads.director_menu(view)


def of_source(source: Source) -> Report:
    """Return the counts of the class or group that the page shows, for a file."""
    chosen = source.selection
    return source.reader.report("outcomes_by_kind", source.class_id, as_of=chosen.as_of, group=chosen.group)


def _show(view: View, *, has_heading: bool = True) -> None:
    report = view.reader.report("outcomes_by_kind", view.class_id, as_of=view.as_of, group=view.group_id)
    if has_heading:
        downloads.heading(view, TITLE, report=report, ask=of_source, help=HELP)
    else:
        st.caption("You have noted no message or talk yet. This is how many come back without one.")
        downloads.menu(view, report=report, ask=of_source)
    if report.frame.empty:
        st.caption("There is nothing to count yet: nobody needed attention two weeks ago or earlier.")
        return
    rows = [_row(row) for row in report.records()]
    tables.show(
        pd.DataFrame(rows, columns=list(COLUMNS)),
        OutcomesByKindRow,
        COLUMNS,
        key="contacts-by-kind-table",
        alt="Messages and what came of them, by reason, beside the usual rate without a message",
    )
    st.caption(
        f"A share is shown from {MIN_FOR_SHARE} messages on whose {HORIZONS[0]} or {HORIZONS[1]} days are "
        "over, with the range in which it lies with 95 % certainty. You choose the students, so a "
        "difference from the usual rate is no proof."
    )


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    kind = row["kind"]
    return {
        **{name: row[name] for name in COLUMNS},
        "kind": KINDS[kind] if kind else "No reason on the list",
        "share": _share_text(row),
        "usual_share": _usual_text(row),
    }


def _share_text(row: Mapping[str, Any]) -> str:
    if not row["contacts"]:
        return "no messages"
    if not row["judged"]:
        return "too early to tell"
    counts = f"{row['judged_came_back']} of {row['judged']}"
    if row["share"] is None:
        return f"{counts}: too few to tell"
    between = percent_range(row["share_low"], row["share_high"])
    return f"{counts}: {percent(row['share'])} (between {between})"


def _usual_text(row: Mapping[str, Any]) -> str:
    if row["kind"] is None:
        return "none: there is no usual rate without a reason"
    counts = f"{row['usual_came_back']} of {row['usual_entries']}"
    if row["usual_share"] is None:
        return f"{counts}: too few to tell"
    return f"{counts}: {percent(row['usual_share'])}"
