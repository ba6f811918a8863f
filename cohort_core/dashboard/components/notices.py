"""The result of the last press, shown once in a place that is always there."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cohort_core.dashboard.components.text import literal


def show(key: str) -> None:
    """Show the result that `keep` kept under this key, once.

    Its place is there without a result too. So nothing below moves when it comes or goes, and no
    button is gone while somebody presses it.
    """
    with st.container():
        if notice := st.session_state.pop(key, None):
            is_good, sentence = notice
            (st.success if is_good else st.error)(literal(sentence))


def keep(key: str, problems: Sequence[str], success: str | None) -> None:
    """Keep the result of a callback for the run of the page that follows it.

    That is the first problem, or else the words of success; None shows nothing.
    """
    if problems or success:
        st.session_state[key] = (False, problems[0]) if problems else (True, success)
