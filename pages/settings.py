"""The settings of a mentor, one part at a time."""

import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.layout import begin
from cohort_core.dashboard.settings import (
    connection,
    data_and_privacy,
    drafts,
    messages,
    people,
    roster_import,
    schedule,
    students,
    thresholds,
    time_zones,
)

PARTS = {
    "connection": "Connection",
    "people": "People",
    "students": "Students",
    "thresholds": "Thresholds",
    "roster": "Groups and mentors",
    "drafts": "Drafts",
    "messages": "Messages to you",
    "sync": "Automatic sync",
    "time": "Time zones",
    "data": "Privacy and data",
}

OF_MENTORS = ("drafts", "messages")
"""The parts that a mentor may change; an administrator sees all."""

with begin("settings", needs_class=False) as view:
    parts = tuple(PARTS) if view.admin else OF_MENTORS
    part = url_state.choose(
        "part",
        st.pills,
        "Part",
        parts,
        default=parts[0],
        format_func=PARTS.__getitem__,
        label_visibility="collapsed",
    )
    match part:
        case "people":
            people.show(view)
        case "students":
            students.show(view)
        case "thresholds":
            thresholds.show(view)
        case "roster":
            roster_import.show(view)
        case "drafts":
            drafts.show(view)
        case "messages":
            messages.show(view)
        case "sync":
            schedule.show(view)
        case "time":
            time_zones.show(view)
        case "data":
            data_and_privacy.show(view)
        case _:
            connection.show_settings(view)
