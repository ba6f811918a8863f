"""Lists of students with one line each, and an action at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.components.text import literal, markup
from cohort_core.dashboard.layout import link
from cohort_core.reports.labels import BandLook

STEP = 20
"""Rows that come with each press of "20 more".

Thousands at once would freeze a browser.
"""


@dataclass(frozen=True)
class StudentRow:
    """A student in a list."""

    class_id: str
    student_id: str
    name: str
    level: BandLook | None
    """The look of the risk level."""
    brief: str
    contact: str = ""
    """The last contact in a few words, empty without one."""
    class_name: str = ""
    """Shown if the list has several classes."""


def show(rows: Iterable[StudentRow], key: str, beside: Callable[[StudentRow], None] | None = None) -> None:
    """Show the rows.

    `beside` draws the action at the end of each. `key` must be unique on the page.
    """
    with st.container(key=f"people-{key}", gap=None):
        for row in rows:
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.html(_mark(row.level), width=124)
                also = {url_state.CLASS: row.class_id, "student": row.student_id}
                link("student", literal(row.name), icon=False, also=also, width=176)
                st.html(_words(row), width="stretch")
                if beside is not None:
                    beside(row)


def more(key: str, total: int, first: int) -> int:
    """Show a button such as "20 more", and return how many rows to show.

    Call it in a container below the list, before the list is drawn. `first` rows are there from the start.
    """
    shown: int = max(first, st.session_state.get(key, first))
    if total > shown:
        st.button(
            f"{min(STEP, total - shown)} more",
            key=f"more-{key}",
            on_click=_grow,
            args=(key, shown + STEP),
            icon=":material/expand_more:",
        )
    return shown


def _grow(key: str, number: int) -> None:
    st.session_state[key] = number


def _mark(look: BandLook | None) -> str:
    if look is None:
        return "<span class='ct-band'></span>"
    shape = f"<span class='ct-shape' style='color:{look.colour}' aria-hidden='true'>{look.shape}</span>"
    return f"<span class='ct-band'>{shape}<span>{markup(look.label)}</span></span>"


def _words(row: StudentRow) -> str:
    brief = " · ".join(filter(None, [row.brief, row.class_name]))
    contact = f"<span class='ct-contact'>{markup(row.contact or '—')}</span>"
    words = f"<span class='ct-brief' title='{markup(brief)}'>{markup(brief)}</span>"
    return f"<div class='ct-row'>{words}{contact}</div>"
