"""The choices in the sidebar: class, group, type of assignment, day, and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.components.text import count, markup
from cohort_core.dashboard.keyboard_script import KEYS
from cohort_core.metrics.groups import Group
from cohort_core.store.classes import ClassStatus
from cohort_core.store.roster import Mentor, folded

_ALL = ""
KINDS = {"night": "Class night", "region": "Region"}


def show(
    active: Sequence[ClassStatus],
    groups: Sequence[Group],
    types: Mapping[str, str],
    latest: date | None,
    mentors: Sequence[Mentor],
    *,
    is_forced: bool,
    may_see_names: bool,
) -> None:
    """Show the choices; each widget shows what `url_state` remembers.

    `latest` is the day of the last sync. With `is_forced` the settings demand pseudonyms, so the switch
    cannot be changed here. A person who never sees names has no switch.
    """
    _select(
        "Class",
        url_state.CLASS,
        {status.id: f"{status.name} (closed)" if status.closed_on else status.name for status in active},
    )
    if groups:
        _select(
            "Group",
            url_state.GROUP,
            {_ALL: "Everyone"}
            | {
                group.id: " · ".join(
                    [
                        f"{KINDS[group.kind]} {group.label} ({count(group.students, 'student')})",
                        *mentors_of(mentors, group.label if group.kind == "night" else None),
                    ]
                )
                for group in groups
            },
            help="Numbers are the group's own. Who is stuck or at risk is measured against the whole class.",
        )
    if len(types) > 1:
        _select(
            "Type of assignment",
            url_state.TYPE,
            {_ALL: "All types", **types},
            help="Counts, rates and grades are those of this type. Risk and activity stay as they are.",
        )
    if latest:
        _select_day(latest)
    if may_see_names:
        _switch_names(is_forced)
    else:
        st.caption("All names, emails and ids of students are invented.")


def mentors_of(mentors: Sequence[Mentor], night: str | None) -> list[str]:
    """Return the names of the mentors of a class night; none without a night."""
    if night is None:
        return []
    return [mentor.name for mentor in mentors if mentor.night and folded(mentor.night) == folded(night)]


def show_keys() -> None:
    """Show a menu that says which key does what."""
    with st.popover("Keys", key="keys", type="tertiary", icon=":material/keyboard:"):
        st.html(
            "<dl class='ct-facts ct-marked'>"
            + "".join(
                f"<dt><kbd>{markup(key)}</kbd></dt><dd>{markup(does)}</dd>" for key, does in KEYS.items()
            )
            + "</dl>"
        )


def _select(label: str, name: str, labels: Mapping[str, str], **kwargs: Any) -> None:
    key = f"{name}-widget"

    def save_choice() -> None:
        url_state.change(**{name: st.session_state[key] or None})

    st.session_state[key] = url_state.link_parameters().get(name, _ALL)
    st.selectbox(
        label,
        list(labels),
        format_func=lambda option: labels.get(option, option),
        key=key,
        on_change=save_choice,
        **kwargs,
    )


def _select_day(latest: date) -> None:
    key = f"{url_state.AS_OF}-widget"
    chosen = url_state.link_parameters().get(url_state.AS_OF)
    st.session_state[key] = date.fromisoformat(chosen) if chosen else None

    def save_choice() -> None:
        picked = st.session_state[key]
        url_state.change(**{url_state.AS_OF: picked.isoformat() if picked else None})

    st.date_input(
        "As of",
        key=key,
        min_value=url_state.EARLIEST,
        max_value=latest,
        format="YYYY-MM-DD",
        on_change=save_choice,
        help="Choose a day to see the class as it was at its end. Empty: as of the last sync.",
    )


def _switch_names(is_forced: bool) -> None:
    key = f"{url_state.ANONYMOUS}-widget"

    def save_choice() -> None:
        url_state.change(**{url_state.ANONYMOUS: url_state.YES if st.session_state[key] else None})

    st.session_state[key] = is_forced or url_state.ANONYMOUS in url_state.link_parameters()
    st.toggle(
        "Anonymous",
        key=key,
        on_change=save_choice,
        disabled=is_forced,
        help="Invented names, emails and ids for everybody, for screenshots and talks.",
    )
