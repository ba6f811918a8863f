"""Which classes a mentor follows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import streamlit as st

from cohort_core.dashboard import sync
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.words import ago, count, instant, literal
from cohort_core.errors import RemovalsRefused
from cohort_core.store.classes import ClassStatus, set_active
from cohort_core.store.runs import Run, load_latest_runs
from cohort_core.workspace import Workspace

_TOLD = "classes-told"


def show(workspace: Workspace, classes: Iterable[ClassStatus]) -> None:
    """Every class with a switch. A switch that was used is made anew, so it shows what is stored."""
    latest = load_latest_runs(workspace.database)
    is_running = workspace.running_job() is not None
    for status in classes:
        with st.container(border=True, gap=None):
            st.toggle(
                literal(status.name),
                value=status.is_active,
                key=f"active-{status.id}-{status.is_active}",
                on_change=_switch,
                args=(workspace, status),
            )
            st.caption(literal(_in_words(status)))
            run = latest.get(status.id)
            if run is not None and run.error_code == RemovalsRefused.code:
                _offer_removal(workspace, run, is_running)
    with st.container(horizontal=True):
        st.button(
            "Look for new classes", on_click=_look_for_classes, args=(workspace,), icon=":material/refresh:"
        )
        st.button(
            "Read everything",
            on_click=sync.press,
            args=(workspace,),
            kwargs={"full": True},
            icon=":material/sync_saved_locally:",
            disabled=is_running or not latest,
            help="Syncs the classes that you follow as if for the first time: every page, not only those "
            "that may hold something new. Nothing is lost by it; it takes longer.",
        )
    if told := st.session_state.pop(_TOLD, None):
        st.info(literal(told))


def _offer_removal(workspace: Workspace, run: Run, is_running: bool) -> None:
    st.warning(literal(run.error or "OpenClass no longer has many records of this class."))
    st.caption(
        "So much going at once may be right, as when an assignment was taken out of the course, or a mistake "
        "at OpenClass. Look at the class there first. What is removed counts no more here; should OpenClass "
        "have it again, the next sync brings it back."
    )
    st.button(
        "Remove them here too",
        key=f"remove-{run.class_id}",
        on_click=sync.press,
        args=(workspace, [run.class_id]),
        kwargs={"full": True, "accept_removals": True},
        icon=":material/delete_sweep:",
        disabled=is_running,
    )


def _switch(workspace: Workspace, status: ClassStatus) -> None:
    with guarded("classes", stop=False) as told:
        set_active(workspace.database, [status.id], active=not status.is_active)
    if told:
        st.session_state[_TOLD] = told[0]


def _look_for_classes(workspace: Workspace) -> None:
    with guarded("classes", stop=False) as told:
        workspace.refresh_classes()
    st.session_state[_TOLD] = told[0] if told else "These are all classes that OpenClass lists for you."


def _in_words(status: ClassStatus) -> str:
    """ "sd-cohort-12 · 63 students · 90 assignments · 3,781 records · synced 5 minutes ago"."""
    parts = [status.friendly_id] if status.friendly_id else []
    if status.synced_at is None:
        parts.append("never synced")
    else:
        parts += [
            count(status.students, "student"),
            count(status.assignments, "assignment"),
            count(status.progressions, "record"),
            f"synced {ago(instant(status.synced_at), datetime.now(UTC))}",
        ]
    if status.quarantined:
        parts.append(f"{count(status.quarantined, 'row')} set aside")
    if status.is_published is False:
        parts.append("not published")
    return " · ".join(parts)
