"""The selection in the address: class, part of it, day, names or pseudonyms.

The address holds the selection as opaque ids. So it survives a reload, the Back button and a copy to another
window. The session remembers it for addresses without a selection. Widgets show it but never hold it.
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
_REMEMBERED, _JUST_CHOSEN = "selection", "class-just-chosen"
EARLIEST = date(2000, 1, 1)
T = TypeVar("T", bound=str)


@dataclass(frozen=True)
class Chosen:
    """The id to show, and a notice if the address asked for something else."""

    id: str | None
    notice: str | None = None


def choose_class(
    active: Sequence[ClassStatus], *, are_all: bool = True, preferred: str | None = None
) -> Chosen:
    """Choose the class in the address, else the last shown, else `preferred`.

    Without any of them it is the first with data. `are_all` is False for a person who sees some of the
    classes: the notice does not say whether there are others.
    """
    requested = st.query_params.get(CLASS)
    named, before = _id_of(requested, active), _id_of(_remembered().get(CLASS), active)
    before = before or (preferred if preferred in {status.id for status in active} else None)
    first = next((status for status in active if status.synced_at), active[0] if active else None)
    chosen = named or before or (first.id if first else None)
    if requested and named is None and not are_all:
        return Chosen(
            chosen,
            "The address asks for a class that is not among your classes. "
            "This is another class. Choose yours in the sidebar.",
        )
    if requested and named is None:
        return Chosen(
            chosen,
            "The address asks for a class that you do not follow. "
            "This is another class. Choose yours in the sidebar, or follow it on the page Classes.",
        )
    return Chosen(chosen)


def _id_of(reference: str | None, classes: Sequence[ClassStatus]) -> str | None:
    """Return the id of the class with this id or friendly id.

    The result is None if no class has it, or if several share the friendly id.
    """
    if reference is None or reference in {status.id for status in classes}:
        return reference
    named = [status.id for status in classes if status.friendly_id == reference]
    return named[0] if len(named) == 1 else None


def choose_part(
    name: str, ids: Collection[str], class_id: str, otherwise: str, *, preferred: str | None = None
) -> Chosen:
    """Choose the part of the class in the address, else the last shown, else `preferred`.

    `otherwise` is the notice if the class has no such part. `preferred` counts when a person comes to the
    class without an address, or chooses it in the sidebar.
    """
    requested = st.query_params.get(name)
    if requested:
        return Chosen(requested) if requested in ids else Chosen(None, otherwise)
    before = _remembered()
    if class_id == st.session_state.get(_JUST_CHOSEN):
        return Chosen(preferred)
    # An address with a class but without a part means the whole class.
    if st.query_params.get(CLASS) is not None:
        return Chosen(None)
    if before.get(CLASS) == class_id:
        return Chosen(before[name] if before.get(name) in ids else None)
    return Chosen(preferred)


def choose_as_of(latest: date | None) -> Chosen:
    """Choose the day at whose end to show the class, as text.

    The result is None for the last sync, which was on the day `latest`.
    """
    requested = st.query_params.get(AS_OF)
    if requested is None and st.query_params.get(CLASS) is None:
        requested = _remembered().get(AS_OF)
    if requested is None or latest is None:
        return Chosen(None)
    try:
        day = date.fromisoformat(requested)
    except ValueError:
        return Chosen(None, "The address asks for a day that cannot be read. This is the last sync.")
    if day < EARLIEST:
        return Chosen(None, "The address asks for a day before any class. This is the last sync.")
    return Chosen(day.isoformat() if day < latest else None)


def choose_anonymous() -> bool:
    """Return True if the page must show pseudonyms: from the first request until switched off."""
    return YES in (st.query_params.get(ANONYMOUS), _remembered().get(ANONYMOUS))


def remember(chosen: Mapping[str, str | None]) -> None:
    """Keep the selection, in the session and in the address."""
    st.session_state.pop(_JUST_CHOSEN, None)
    selection = {name: value for name in FILTERS if (value := chosen.get(name)) is not None}
    st.session_state[_REMEMBERED] = selection
    for name in FILTERS:
        write(name, selection.get(name))


def change(**changes: str | None) -> None:
    """Change the selection, as the callback of a widget."""
    is_other_class = CLASS in changes and changes[CLASS] != _remembered().get(CLASS)
    remember(_merge(changes))
    if is_other_class:
        st.session_state[_JUST_CHOSEN] = changes[CLASS]


def link_parameters(also: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Return the parameters of a link to another page: the selection, and `also`."""
    return {name: value for name, value in _merge(also or {}).items() if value is not None}


def _merge(changes: Mapping[str, str | None]) -> dict[str, str | None]:
    before = _remembered()
    # Another class has other groups and types, so these do not carry over.
    is_other_class = CLASS in changes and changes[CLASS] != before.get(CLASS)
    return {**before, **dict.fromkeys((GROUP, TYPE) if is_other_class else ()), **changes}


def write(name: str, value: str | None) -> None:
    """Put a value into the address, or with None take it out.

    An address that already has the value stays untouched.
    """
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
    """Show a widget for a choice that the address keeps, and return the choice.

    `widget` must take a label, options and a key.
    """
    key = f"{name}-widget"
    requested = st.query_params.get(name)
    value = next((option for option in options if option == requested), default)

    def save_choice() -> None:
        picked = st.session_state.get(key) or default
        write(name, None if picked == default else picked)

    st.session_state[key] = value
    widget(label, options, key=key, on_change=save_choice, **kwargs)
    return value


def choose_day(name: str, label: str, *, default: date, latest: date) -> date:
    """Show a widget for a day that the address keeps, and return the day.

    The day is at most `latest`.
    """
    key = f"{name}-widget"
    try:
        requested = date.fromisoformat(st.query_params.get(name, ""))
    except ValueError:
        requested = default
    value = min(max(requested, EARLIEST), latest)

    def save_choice() -> None:
        picked = st.session_state.get(key) or default
        write(name, None if picked == default else picked.isoformat())

    st.session_state[key] = value
    st.date_input(
        label, key=key, min_value=EARLIEST, max_value=latest, format="YYYY-MM-DD", on_change=save_choice
    )
    return value


def instant_in_address(name: str) -> datetime | None:
    """Return the instant in the address; None if it has none, or nonsense."""
    try:
        instant = datetime.fromisoformat(st.query_params.get(name, ""))
    except ValueError:
        return None
    return instant if instant.tzinfo and instant.year >= EARLIEST.year else None


def _remembered() -> dict[str, str]:
    selection: dict[str, str] = st.session_state.get(_REMEMBERED, {})
    return selection
