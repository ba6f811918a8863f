"""The notice that a new version of the risk score has moved bands."""

from __future__ import annotations

import streamlit as st

from cohort_core.dashboard.components.text import count
from cohort_core.dashboard.layout import View


def show(view: View) -> None:
    """Say how many students the new version moved, until somebody has read it."""
    change = view.reader.score_change()
    if change is None or not change.students:
        return
    moved = f"{change.moved:,} of {count(change.students, 'student')}"
    is_or_are = "is" if change.moved == 1 else "are"
    with st.container(border=True):
        st.write(
            "The risk score has a new version: assignments without grades now count together, so that many "
            f"lessons cannot hide a student. By this alone {moved} {is_or_are} in another risk level than "
            "before. What changed does not list them."
        )
        if view.commands:
            st.button("Got it", on_click=view.commands.confirm_score_change)
