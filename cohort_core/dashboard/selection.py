"""Which class and group a page is about.

The address holds it, as opaque ids, so that it survives reload, back and a copy to another window; the
session remembers it for addresses that say nothing. Widgets show it and never hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import streamlit as st

from cohort_core.cohort import Group
from cohort_core.store.classes import ClassStatus

CLASS, GROUP = "class", "group"
_REMEMBERED = "selection"
_EARLIEST = date(2000, 1, 1)
T = TypeVar("T", bound=str)


@dataclass(frozen=True)
class Chosen:
    """What to show, and a sentence if it is not what the address asked for."""

    id: str | None
    notice: str | None = None


def choose_class(active: Sequence[ClassStatus]) -> Chosen:
    """The class of the address, else the one looked at before, else the first that has data."""
    ids = {one.id for one in active}
    asked = st.query_params.get(CLASS)
    for wanted in (asked, _remembered().get(CLASS)):
        if wanted in ids:
            chosen = Chosen(wanted)
            break
    else:
        first = next((one for one in active if one.synced_at), active[0] if active else None)
        chosen = Chosen(first.id if first else None)
    if asked and asked != chosen.id:
        return Chosen(
            chosen.id,
            "The address asks for a class that is not among your active classes. "
            "This is another one; choose yours in the sidebar, or activate it under Classes.",
        )
    return chosen


def choose_group(groups: Sequence[Group], class_id: str) -> Chosen:
    """The group of the address, else the one looked at before in this class, else everyone."""
    ids = {group.id for group in groups}
    asked = st.query_params.get(GROUP)
    if asked:
        if asked in ids:
            return Chosen(asked)
        return Chosen(None, "The address asks for a group that this class does not have. This is everyone.")
    before = _remembered()
    # An address that names a class and no group means everyone in it.
    if st.query_params.get(CLASS) is None and before.get(CLASS) == class_id and before.get(GROUP) in ids:
        return Chosen(before[GROUP])
    return Chosen(None)


def remember(class_id: str | None, group_id: str | None) -> None:
    """Keep the selection, in the session and in the address."""
    selection = {name: value for name, value in ((CLASS, class_id), (GROUP, group_id)) if value is not None}
    st.session_state[_REMEMBERED] = selection
    for name in (CLASS, GROUP):
        write(name, selection.get(name))


def in_links() -> dict[str, str]:
    """What every link to another page carries."""
    return dict(_remembered())


def write(name: str, value: str | None) -> None:
    """Put a value into the address, or take it out. An address that says so already stays as it is."""
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def choose(
    name: str,
    widget: Callable[..., str | None],
    label: str,
    options: Sequence[T],
    *,
    default: T,
    **kwargs: object,
) -> T:
    """Let the person choose, by a widget that takes label, options and key; the address keeps it."""
    key = f"{name}-widget"
    asked = st.query_params.get(name)
    value = next((option for option in options if option == asked), default)

    def changed() -> None:
        picked = st.session_state.get(key) or default
        write(name, None if picked == default else picked)

    st.session_state[key] = value
    widget(label, options, key=key, on_change=changed, **kwargs)
    return value


def choose_day(name: str, label: str, *, default: date, latest: date) -> date:
    """Let the person choose a day up to `latest`; the address keeps it."""
    key = f"{name}-widget"
    try:
        asked = date.fromisoformat(st.query_params.get(name, ""))
    except ValueError:
        asked = default
    value = min(max(asked, _EARLIEST), latest)

    def changed() -> None:
        picked = st.session_state.get(key) or default
        write(name, None if picked == default else picked.isoformat())

    st.session_state[key] = value
    st.date_input(
        label, key=key, min_value=_EARLIEST, max_value=latest, format="YYYY-MM-DD", on_change=changed
    )
    return value


def _remembered() -> dict[str, str]:
    return st.session_state.get(_REMEMBERED, {})
