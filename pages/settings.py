"""What a mentor can set, one part at a time."""

import streamlit as st

from cohort_core import dashboard
from cohort_core.dashboard import calendars, connecting, importing, keeping, scheduling, selection, thresholds

PARTS = {
    "connection": "Connection",
    "thresholds": "Thresholds",
    "roster": "Groups and mentors",
    "sync": "Automatic sync",
    "time": "Time zones",
    "data": "Privacy and data",
}

with dashboard.begin("settings", needs_class=False) as view:
    part = selection.choose(
        "part",
        st.pills,
        "Part",
        tuple(PARTS),
        default="connection",
        format_func=PARTS.__getitem__,
        label_visibility="collapsed",
    )
    match part:
        case "thresholds":
            thresholds.show(view)
        case "roster":
            importing.show(view)
        case "sync":
            scheduling.show(view)
        case "time":
            calendars.show(view)
        case "data":
            keeping.show(view)
        case _:
            connecting.show_settings(view.workspace, anonymous=view.reader.anonymous)
