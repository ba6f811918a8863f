"""Which class a page is about, which part of it, as of when, and whether with names.

The address holds it, as opaque ids, so that it survives reload, back and a copy to another window; the
session remembers it for addresses that say nothing. Widgets show it and never hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

import streamlit as st

from cohort_core.store.classes import ClassStatus

CLASS, GROUP, TYPE, AS_OF, ANONYMOUS = "class", "group", "type", "as_of", "anonymous"
FILTERS = (CLASS, GROUP, TYPE, AS_OF, ANONYMOUS)
YES = "1"
_REMEMBERED = "selection"
EARLIEST = date(2000, 1, 1)
T = TypeVar("T", bound=str)


@dataclass(frozen=True)
class Chosen:
    """What to show, and a sentence if it is not what the address asked for."""

    id: str | None
    notice: str | None = None


def choose_class(active: Sequence[ClassStatus]) -> Chosen:
    """The class of the address, else the one looked at before, else the first that has data."""
    asked = st.query_params.get(CLASS)
    named, before = _id_of(asked, active), _id_of(_remembered().get(CLASS), active)
    first = next((one for one in active if one.synced_at), active[0] if active else None)
    chosen = named or before or (first.id if first else None)
    if asked and named is None:
        return Chosen(
            chosen,
            "The address asks for a class that is not among your active classes. "
            "This is another one; choose yours in the sidebar, or activate it under Classes.",
        )
    return Chosen(chosen)


def _id_of(reference: str | None, classes: Sequence[ClassStatus]) -> str | None:
    """The id of the class with this id or friendly id; None if there is none, or several are called so."""
    if reference is None or reference in {one.id for one in classes}:
        return reference
    named = [one.id for one in classes if one.friendly_id == reference]
    return named[0] if len(named) == 1 else None


def choose_part(name: str, ids: Collection[str], class_id: str, otherwise: str) -> Chosen:
    """The part of the class that the address asks for, else the one looked at before, else all of it."""
    asked = st.query_params.get(name)
    if asked:
        return Chosen(asked) if asked in ids else Chosen(None, otherwise)
    before = _remembered()
    # An address that names a class and no part of it means all of it.
    if st.query_params.get(CLASS) is None and before.get(CLASS) == class_id and before.get(name) in ids:
        return Chosen(before[name])
    return Chosen(None)


def choose_as_of(latest: date | None) -> Chosen:
    """The day at whose end to look, as text; None for the last sync, which was on `latest`."""
    asked = st.query_params.get(AS_OF)
    if asked is None and st.query_params.get(CLASS) is None:
        asked = _remembered().get(AS_OF)
    if asked is None or latest is None:
        return Chosen(None)
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        return Chosen(None, "The address asks for a day that cannot be read. This is the last sync.")
    if day < EARLIEST:
        return Chosen(None, "The address asks for a day before any class. This is the last sync.")
    return Chosen(day.isoformat() if day < latest else None)


def choose_anonymous() -> bool:
    """Whether people are shown with pseudonyms: once asked for, until it is switched off."""
    return YES in (st.query_params.get(ANONYMOUS), _remembered().get(ANONYMOUS))


def remember(chosen: Mapping[str, str | None]) -> None:
    """Keep the selection, in the session and in the address."""
    selection = {name: value for name in FILTERS if (value := chosen.get(name)) is not None}
    st.session_state[_REMEMBERED] = selection
    for name in FILTERS:
        write(name, selection.get(name))


def change(**changes: str | None) -> None:
    """What a widget does that changes the selection. Another class has other parts."""
    remember(_changed(changes))


def in_links(also: Mapping[str, str] | None = None) -> dict[str, str]:
    """What every link to another page carries, and what this one says besides."""
    return {name: value for name, value in _changed(also or {}).items() if value is not None}


def _changed(changes: Mapping[str, str | None]) -> dict[str, str | None]:
    before = _remembered()
    is_other_class = CLASS in changes and changes[CLASS] != before.get(CLASS)
    return {**before, **dict.fromkeys((GROUP, TYPE) if is_other_class else ()), **changes}


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
    value = min(max(asked, EARLIEST), latest)

    def changed() -> None:
        picked = st.session_state.get(key) or default
        write(name, None if picked == default else picked.isoformat())

    st.session_state[key] = value
    st.date_input(
        label, key=key, min_value=EARLIEST, max_value=latest, format="YYYY-MM-DD", on_change=changed
    )
    return value


def instant_in_address(name: str) -> datetime | None:
    """The instant that the address names; None without one, or with something else."""
    try:
        at = datetime.fromisoformat(st.query_params.get(name, ""))
    except ValueError:
        return None
    return at if at.tzinfo and at.year >= EARLIEST.year else None


def _remembered() -> dict[str, str]:
    return st.session_state.get(_REMEMBERED, {})
