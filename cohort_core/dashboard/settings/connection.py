"""Connect to a school, step by step: first its address, then the classes to follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from cohort_core.dashboard import sync_panel
from cohort_core.dashboard.components import lists
from cohort_core.dashboard.components.text import literal
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, admin_of, link
from cohort_core.store.classes import ListedClass

KEPT_BACK = "kept back in anonymous mode"
_LISTED, _PLACE = "connect-listed", "connect-place"


def listed_classes() -> list[ListedClass]:
    """Return the classes of a new connection, until the mentor has chosen some of them."""
    listed: list[ListedClass] = st.session_state.get(_LISTED, [])
    return listed


def show_connection(view: View) -> None:
    settings, anonymous = admin_of(view).all_settings(), view.reader.anonymous
    if settings.practice:
        st.success("You are connected to the practice school. Everybody in it is invented.")
    else:
        st.success("You are connected.")
        if not anonymous:
            st.text(f"{settings.email} at {settings.api_base}")
    st.caption("Connect again below to change school, mentor or password, or to choose classes anew.")


def show_settings(view: View) -> None:
    """Show the settings of the connection.

    In anonymous mode it leaves out everything that identifies the mentor or the school.
    """
    settings, anonymous = admin_of(view).all_settings(), view.reader.anonymous
    if not view.reader.is_connected():
        st.info("Cohort Tracker does not know your school yet.")
        link("connect", "Connect to your school, or try the practice school")
        return
    place = admin_of(view).password_place()
    if settings.practice:
        st.caption("You are connected to the practice school. Everybody in it is invented.")
    entries = {
        "Address of OpenClass": settings.api_base,
        "Application id": settings.app_id,
        "Class site": settings.origin,
        "Email": settings.email,
    }
    shown = {name: KEPT_BACK if anonymous else value for name, value in entries.items()}
    shown["Password"] = f"Kept {place}" if place else "Not there any more: connect again"
    lists.definitions(shown)
    link("connect", "Change school, mentor or password")


def offer_practice_school(view: View) -> None:
    st.header("No credentials yet?", anchor=False)
    st.write(
        "The practice school runs on this computer. It has three invented coding classes in mid-course and "
        "three real ones from 2013 with invented names, and time passes in it: sync again later for new work."
    )
    if st.button("Use the practice school", icon=":material/school:"):
        with guarded("connect"):
            with st.spinner("Starting the practice school…"):
                listed = admin_of(view).use_practice_school()
            offer(listed, None)


def choose_classes(view: View, listed: Sequence[ListedClass]) -> None:
    """Let the mentor choose the classes to follow.

    Then the first sync starts, and the Overview opens and waits for it.
    """
    if place := st.session_state.get(_PLACE):
        st.success(literal(f"Connected. {place}"))
    else:
        st.success("Connected.")
    st.header("Which classes do you want to follow?", anchor=False)
    st.caption("You can change this at any time under Classes.")
    active = {status.id for status in view.reader.statuses(active_only=True)}
    chosen = []
    for item in listed:
        is_published = item.is_published is not False
        is_ticked = st.checkbox(
            literal(item.name if is_published else f"{item.name} (not published)"),
            value=item.id in active if active else is_published,
            key=f"follow-{item.id}",
        )
        if is_ticked:
            chosen.append(item.id)
    with st.container(horizontal=True):
        if st.button("Follow and sync", type="primary", disabled=not chosen):
            _follow(view, listed, chosen)
        if st.button("Back"):
            _forget()
            st.rerun()


def offer(listed: list[ListedClass], place: str | None) -> None:
    if not listed:
        st.warning(
            "You are connected, but OpenClass lists no class for you. Ask your school to add you to one."
        )
        return
    st.session_state[_LISTED], st.session_state[_PLACE] = listed, place
    st.rerun()


def _follow(view: View, listed: Sequence[ListedClass], chosen: Sequence[str]) -> None:
    with guarded("connect"):
        unchosen = [item.id for item in listed if item.id not in chosen]
        admin_of(view).set_active(unchosen, active=False)
        admin_of(view).set_active(chosen, active=True)
        sync_panel.start(view)
        _forget()
        st.switch_page(_overview())


def _overview() -> Any:
    from cohort_core.dashboard.layout import PAGES

    return PAGES["overview"].streamlit_page()


def _forget() -> None:
    for key in (_LISTED, _PLACE):
        st.session_state.pop(key, None)
