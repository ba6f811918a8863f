"""The default time zone, and for each class its own zone and its first day."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import streamlit as st

from cohort_core.config.settings import Preferences, set_by_environment
from cohort_core.dashboard import url_state
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.store.classes import Calendar, ClassStatus

_NOTICE = "time-zone-notice"
_NONE = ""


def show(view: View) -> None:
    settings = admin_of(view).all_settings()
    st.caption(
        "Days, weeks and hours are counted in the time zone of the class. Type part of a name to find one."
    )
    st.selectbox(
        "Time zone of classes without one of their own",
        [_NONE, *_zones(settings.timezone)],
        index=0 if settings.timezone is None else 1 + _zones(settings.timezone).index(settings.timezone),
        format_func=lambda zone: (
            _clock(zone) if zone else f"As this computer: {_clock(_computer_zone(view))}"
        ),
        key=f"timezone-{settings.timezone}",
        on_change=_save_default,
        args=(view, f"timezone-{settings.timezone}"),
        disabled="timezone" in set_by_environment(),
    )
    if "timezone" in set_by_environment():
        st.caption("It is set by the environment of the server; change it there.")
    active = [status for status in view.classes if status.is_active]
    if active:
        st.header("Classes", anchor=False)
        st.caption(
            "Without a date, a class starts on the day of its first activity. Set one if something was tried "
            "out before."
        )
    calendars = admin_of(view).calendars()
    for status in active:
        _ask(view, status, calendars[status.id], settings.default_timezone)
    if notice := st.session_state.pop(_NOTICE, None):
        st.toast(notice)


def _ask(view: View, status: ClassStatus, calendar: Calendar, default: str) -> None:
    zones = [_NONE, *_zones(calendar.timezone)]
    # The keys hold the stored values, so after a change new widgets appear that show what is stored.
    key = f"{status.id}-{calendar.timezone}-{calendar.starts_on}"
    with st.container(border=True, gap="small"):
        st.text(status.name)
        zone, start = st.columns([3, 2])
        zone.selectbox(
            "Time zone",
            zones,
            index=zones.index(calendar.timezone or _NONE),
            format_func=lambda zone: _clock(zone) if zone else f"As above: {_clock(default)}",
            key=f"zone-{key}",
            on_change=_save,
            args=(view, status.id, key),
        )
        start.date_input(
            "Starts on",
            value=calendar.starts_on,
            min_value=url_state.EARLIEST,
            format="YYYY-MM-DD",
            key=f"start-{key}",
            on_change=_save,
            args=(view, status.id, key),
        )


def _save_default(view: View, key: str) -> None:
    wanted = Preferences(timezone=st.session_state[key] or None)
    with guarded("settings", stop=False) as problems:
        admin_of(view).change_settings(wanted)
    st.session_state[_NOTICE] = problems[0] if problems else "Saved."


def _save(view: View, class_id: str, key: str) -> None:
    calendar = Calendar(st.session_state[f"zone-{key}"] or None, st.session_state[f"start-{key}"])
    with guarded("settings", stop=False) as problems:
        admin_of(view).save_calendar(class_id, calendar)
    st.session_state[_NOTICE] = problems[0] if problems else "Saved."


@cache
def _named_zones() -> tuple[str, ...]:
    """Return UTC and all zones that are named after a place.

    The other names mean the same zones, or exist only for old programs.
    """
    odd = ("Etc/", "SystemV/", "US/", "Canada/", "posix/", "right/")
    places = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(odd))
    return ("UTC", *places)


def _zones(chosen: str | None) -> list[str]:
    zones = list(_named_zones())
    return zones if chosen is None or chosen in zones else [chosen, *zones]


def _computer_zone(view: View) -> str:
    return admin_of(view).all_settings().model_copy(update={"timezone": None}).default_timezone


def _clock(zone: str) -> str:
    """Describe a zone with its present time, such as "Europe/Berlin, now 10:25"."""
    return f"{zone}, now {datetime.now(ZoneInfo(zone)):%H:%M}"
