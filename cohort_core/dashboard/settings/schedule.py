"""How often classes sync automatically; a running server applies a change at once."""

from __future__ import annotations

from datetime import UTC, timedelta, tzinfo

import streamlit as st

from cohort_core.clock import utc_now
from cohort_core.config.settings import Preferences, set_by_environment
from cohort_core.dashboard import sync_panel
from cohort_core.dashboard.components import notices
from cohort_core.dashboard.components.text import count, moment
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.dashboard.page_words import FIXED
from cohort_core.sync.scheduler import interval_text

OFF = timedelta(0)
INTERVALS = (OFF, *(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 360, 720, 1440)))
_PROBLEM = "schedule-problem"


def show(view: View) -> None:
    plan = view.reader.plan
    is_fixed = "sync_every" in set_by_environment()
    now = plan.every if plan else OFF
    st.selectbox(
        "Sync automatically",
        sorted({*INTERVALS, now}),
        index=sorted({*INTERVALS, now}).index(now),
        format_func=interval_label,
        key=f"sync-every-{now}",
        on_change=_save,
        args=(view, f"sync-every-{now}"),
        disabled=is_fixed,
        width=320,
    )
    if is_fixed:
        st.caption(FIXED)
    notices.show(_PROBLEM)
    if plan is None:
        st.caption("Classes are synced when you press Sync now.")
    else:
        zone: tzinfo = view.maybe_cohort.tz if view.maybe_cohort else UTC
        st.text(f"{sync_panel.plan_text(plan, utc_now())} That is {moment(plan.next_at, zone)}.")
    st.caption(
        "It syncs for as long as Cohort Tracker is open on this computer. While OpenClass fails, it tries "
        "less and less often."
    )


def _save(view: View, key: str) -> None:
    every: timedelta = st.session_state[key]
    wanted = Preferences(sync_every=interval_text(every) if every else None)
    with guarded("settings", stop=False) as problems:
        admin_of(view).change_settings(wanted)
    notices.keep(_PROBLEM, problems, None)


def interval_label(every: timedelta) -> str:
    """Describe an interval, such as "Off", "Every 30 minutes" or "Every 1.5 hours"."""
    if every == OFF:
        return "Off"
    for unit, noun in (
        (timedelta(days=1), "day"),
        (timedelta(hours=1), "hour"),
        (timedelta(minutes=1), "minute"),
    ):
        if every >= unit:
            number = every / unit
            return f"Every {noun}" if number == 1 else f"Every {number:g} {noun}s"
    return f"Every {count(int(every.total_seconds()), 'second')}"
