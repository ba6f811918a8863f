"""Time zones: that of classes which have none of their own, and each class's; and when a class starts."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import streamlit as st

from cohort_core.config.settings import Preferences, set_by_environment
from cohort_core.dashboard import url_state
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View
from cohort_core.store.classes import Calendar, ClassStatus, load_calendars, save_calendar

_TOLD = "calendar-told"
_NONE = ""


def show(view: View) -> None:
    known = view.workspace.settings()
    st.caption(
        "Days, weeks and hours are counted in the time zone of the class. Type part of a name to find one."
    )
    st.selectbox(
        "Time zone of classes without one of their own",
        [_NONE, *_zones(known.timezone)],
        index=0 if known.timezone is None else 1 + _zones(known.timezone).index(known.timezone),
        format_func=lambda one: _clock(one) if one else f"As this computer: {_clock(_computer(view))}",
        key=f"timezone-{known.timezone}",
        on_change=_keep_default,
        args=(view, f"timezone-{known.timezone}"),
        disabled="timezone" in set_by_environment(),
    )
    if "timezone" in set_by_environment():
        st.caption("It is set by the environment of the server; change it there.")
    active = [one for one in view.classes if one.is_active]
    if active:
        st.subheader("Classes", anchor=False)
        st.caption(
            "Without a date, a class starts on the day of its first activity. Set one if something was tried "
            "out before."
        )
    calendars = load_calendars(view.workspace.database)
    for status in active:
        _ask(view, status, calendars[status.id], known.default_timezone)
    if told := st.session_state.pop(_TOLD, None):
        st.toast(told)


def _ask(view: View, status: ClassStatus, calendar: Calendar, default: str) -> None:
    zones = [_NONE, *_zones(calendar.timezone)]
    # A widget that was used is made anew, so it shows what is stored.
    mark = f"{status.id}-{calendar.timezone}-{calendar.starts_on}"
    with st.container(border=True, gap="small"):
        st.text(status.name)
        zone, start = st.columns([3, 2])
        zone.selectbox(
            "Time zone",
            zones,
            index=zones.index(calendar.timezone or _NONE),
            format_func=lambda one: _clock(one) if one else f"As above: {_clock(default)}",
            key=f"zone-{mark}",
            on_change=_keep,
            args=(view, status.id, mark),
        )
        start.date_input(
            "Starts on",
            value=calendar.starts_on,
            min_value=url_state.EARLIEST,
            format="YYYY-MM-DD",
            key=f"start-{mark}",
            on_change=_keep,
            args=(view, status.id, mark),
        )


def _keep_default(view: View, key: str) -> None:
    wanted = Preferences(timezone=st.session_state[key] or None)
    with guarded("settings", stop=False) as told:
        view.workspace.change_preferences(wanted, asked_by="dashboard")
    st.session_state[_TOLD] = told[0] if told else "Saved."


def _keep(view: View, class_id: str, mark: str) -> None:
    calendar = Calendar(st.session_state[f"zone-{mark}"] or None, st.session_state[f"start-{mark}"])
    with guarded("settings", stop=False) as told:
        save_calendar(view.workspace.database, class_id, calendar)
    st.session_state[_TOLD] = told[0] if told else "Saved."


@cache
def _named_zones() -> tuple[str, ...]:
    """Those that are named after a place, and UTC; the others mean the same or are left for old programs."""
    odd = ("Etc/", "SystemV/", "US/", "Canada/", "posix/", "right/")
    places = sorted(one for one in available_timezones() if "/" in one and not one.startswith(odd))
    return ("UTC", *places)


def _zones(chosen: str | None) -> list[str]:
    zones = list(_named_zones())
    return zones if chosen is None or chosen in zones else [chosen, *zones]


def _computer(view: View) -> str:
    return view.workspace.settings().model_copy(update={"timezone": None}).default_timezone


def _clock(zone: str) -> str:
    """ "Europe/Berlin, now 10:25"."""
    return f"{zone}, now {datetime.now(ZoneInfo(zone)):%H:%M}"
