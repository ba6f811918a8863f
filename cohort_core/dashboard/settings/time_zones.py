"""The default time zone, and the zone and the first day of each class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from cohort_core.config.settings import Preferences, set_by_environment
from cohort_core.dashboard import url_state
from cohort_core.dashboard.components.text import literal
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.dashboard.page_words import FIXED
from cohort_core.dashboard.settings.cities import NO_CITY, City, cities, city_of
from cohort_core.store.classes import Calendar, ClassStatus

CLASSES_SHOWN = 20
_NOTICE, _SHOWN = "time-zone-notice", "time-zone-classes"


def show(view: View) -> None:
    settings = admin_of(view).all_settings()
    st.caption(
        "Days, weeks and hours are counted in the time zone of the class. Type a city to find its zone."
    )
    key = f"timezone-{settings.timezone}"
    computer = city_of(_computer_zone(view))
    is_fixed = "timezone" in set_by_environment()
    _choose(
        st.selectbox,
        "Time zone of classes without one of their own",
        settings.timezone,
        f"As this computer: {computer.clock}",
        key=key,
        on_change=_save_default,
        args=(view, key),
        disabled=is_fixed,
    )
    if is_fixed:
        st.caption(FIXED)
    active = [status for status in view.classes if status.is_active]
    if active:
        st.header("Classes", anchor=False)
        st.caption(
            "Without a date, a class starts on the day of its first activity. Set the first day if somebody "
            "tried something out before it."
        )
    calendars = admin_of(view).calendars()
    shown = st.session_state.get(_SHOWN, CLASSES_SHOWN)
    for status in active[:shown]:
        _ask(view, status, calendars[status.id], settings.default_timezone)
    if (more := len(active) - shown) > 0:
        st.button(f"{min(more, CLASSES_SHOWN)} more classes", on_click=_show_more, args=(shown,))
    if notice := st.session_state.pop(_NOTICE, None):
        st.toast(literal(notice))


def _show_more(shown: int) -> None:
    st.session_state[_SHOWN] = shown + CLASSES_SHOWN


def _ask(view: View, status: ClassStatus, calendar: Calendar, default: str) -> None:
    # The keys hold the stored values, so after a change new widgets appear that show what is stored.
    key = f"{status.id}-{calendar.timezone}-{calendar.starts_on}"
    with st.container(border=True, gap="small"):
        st.text(status.name)
        zone, start = st.columns([3, 2])
        _choose(
            zone.selectbox,
            "Time zone",
            calendar.timezone,
            f"As above: {city_of(default).clock}",
            key=f"zone-{key}",
            on_change=_save,
            args=(view, status.id, key),
        )
        start.date_input(
            "First day",
            value=calendar.starts_on,
            min_value=url_state.EARLIEST,
            format="YYYY-MM-DD",
            key=f"start-{key}",
            on_change=_save,
            args=(view, status.id, key),
        )


def _choose(
    widget: Callable[..., object], label: str, zone: str | None, otherwise: str, **kwargs: Any
) -> None:
    """Show a choice of cities; `otherwise` is the text for none of them."""
    chosen = NO_CITY if zone is None else city_of(zone)
    options = [NO_CITY, *(() if chosen in (NO_CITY, *cities()) else (chosen,)), *cities()]
    widget(
        label,
        options,
        index=options.index(chosen),
        format_func=lambda city: otherwise if city == NO_CITY else city.clock,
        # Other modes find letters that stand apart: Stockholm for "EST".
        filter_mode="contains",
        **kwargs,
    )


def _save_default(view: View, key: str) -> None:
    chosen: City = st.session_state[key]
    with guarded("settings", stop=False) as problems:
        admin_of(view).change_settings(Preferences(timezone=chosen.zone or None))
    st.session_state[_NOTICE] = problems[0] if problems else "Saved."


def _save(view: View, class_id: str, key: str) -> None:
    chosen: City = st.session_state[f"zone-{key}"]
    calendar = Calendar(chosen.zone or None, st.session_state[f"start-{key}"])
    with guarded("settings", stop=False) as problems:
        admin_of(view).save_calendar(class_id, calendar)
    st.session_state[_NOTICE] = problems[0] if problems else "Saved."


def _computer_zone(view: View) -> str:
    return admin_of(view).all_settings().model_copy(update={"timezone": None}).default_timezone
