"""The classes that a mentor follows, with a switch for each class."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import streamlit as st
from pydantic import Field

from cohort_core.clock import utc_now
from cohort_core.dashboard import sync_panel
from cohort_core.dashboard.components import downloads
from cohort_core.dashboard.components.text import about, ago, count, literal, parse_instant
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.files.questions import Source
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.dashboard.page_words import SEE_CLASSES, for_page
from cohort_core.dashboard.sections import closing
from cohort_core.errors import RemovalsRefused
from cohort_core.export import tables
from cohort_core.reports.row_models import Row
from cohort_core.store.classes import ClassStatus
from cohort_core.store.sync_runs import Run

MAX_UNPAGED = 100
PAGE_LENGTH = 50
"""A browser takes long over hundreds of switches."""
_NOTICE = "classes-notice"


class ClassLine(Row):
    """A class, and how much data of it is stored here."""

    class_id: str = Field(description="OpenClass id.")
    friendly_id: str | None = Field(description="The short name in its address.")
    name: str = Field(description="Its name.")
    is_active: bool = Field(description="Whether you follow it: it is synced and can be chosen.")
    students: int = Field(description="Students in it.")
    assignments: int = Field(description="Assignments in it.")
    records: int = Field(description="Records of a student in an assignment.")
    set_aside: int = Field(description="Records that cannot be used. They count nowhere.")
    synced_at: datetime | None = Field(description="End of the last good sync, UTC.")
    closed_on: date | None = Field(description="The day on which it was closed; empty while it is open.")


def show(view: View) -> None:
    """Show every class with a switch.

    The key of a switch holds its state. So after a click Streamlit makes a new switch, which shows the stored
    state.
    """
    classes = view.classes
    downloads.heading(view.of_no_class(), "Your classes", report=_table(classes), ask=class_table)
    if view.admin:
        st.caption(
            "Switch on the classes that you follow: they are synced, and can be chosen in the sidebar. "
            "A class that you switch off keeps its data."
        )
    latest = view.reader.latest_runs()
    is_running = view.reader.running_job() is not None
    for status in _shown(view, classes) if len(classes) > MAX_UNPAGED else classes:
        with st.container(border=True, gap=None):
            _show_class(view, status, latest.get(status.id), is_running=is_running)
    if view.admin:
        st.button("Look for new classes", on_click=_look_for_classes, args=(view,), icon=":material/refresh:")
    if notice := st.session_state.pop(_NOTICE, None) or closing.pop_notice():
        st.info(literal(notice))


def _show_class(view: View, status: ClassStatus, run: Run | None, *, is_running: bool) -> None:
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"class-{status.id}",
    ):
        if view.admin:
            key = f"active-{status.id}-{status.is_active}"
            st.toggle(
                literal(status.name),
                value=status.is_active,
                key=key,
                on_change=_follow,
                args=(view, key, status),
            )
        else:
            st.text(status.name)
        if view.commands and status.is_active and status.is_open:
            st.button(
                about("Sync this class", status.name),
                key=f"sync-class-{status.id}",
                on_click=sync_panel.press,
                args=(view, [status.id]),
                icon=":material/sync:",
                type="tertiary",
                disabled=is_running,
            )
    st.caption(literal(_describe_class(status)))
    closing.offer(view, status)
    if view.commands and run and (run.error_code == RemovalsRefused.code or run.unaccepted):
        _offer_removal(view, run, is_running)


def show_full_sync(view: View) -> None:
    """Show the button for a sync that reads all records again."""
    if view.commands:
        st.button(
            "Download everything again",
            on_click=sync_panel.press,
            args=(view,),
            kwargs={"full": True},
            icon=":material/sync_saved_locally:",
            disabled=view.reader.running_job() is not None or not view.reader.latest_runs(),
            help="Syncs the classes that you follow as if for the first time. Use it when a number looks "
            "wrong. Nothing is lost; it takes longer.",
        )


def _shown(view: View, classes: Sequence[ClassStatus]) -> Sequence[ClassStatus]:
    """Offer a search and pages, and return the classes of the page.

    All that match can be followed, or followed no more, at once.
    """
    wanted = st.text_input("Search by name", key="classes-search").strip().casefold()
    matching = [
        status for status in classes if wanted in f"{status.name} {status.friendly_id or ''}".casefold()
    ]
    if not matching:
        st.write("No class has this in its name.")
        return []
    followed = [status.id for status in matching if status.is_active]
    others = [status.id for status in matching if not status.is_active]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(
            f"{count(len(matching), 'class', 'classes')}, {len(followed):,} of them followed", width="content"
        )
        if view.admin:
            all_of = "all of them" if wanted else "all"
            for label, class_ids, active in (
                (f"Follow {all_of}", others, True),
                (f"Follow none{' of them' if wanted else ''}", followed, False),
            ):
                st.button(
                    label,
                    on_click=_switch,
                    args=(view, class_ids),
                    kwargs={"active": active},
                    disabled=not class_ids,
                )
    pages = -(-len(matching) // PAGE_LENGTH)
    # The search is part of the key, so that another search begins at its first page.
    page = st.pagination(pages, key=f"classes-page-{wanted}") if pages > 1 else 1
    return matching[(page - 1) * PAGE_LENGTH : page * PAGE_LENGTH]


def class_table(source: Source) -> tables.Table:
    """Return all classes, for a file."""
    return _table(source.reader.statuses())


def _table(classes: Sequence[ClassStatus]) -> tables.Table:
    return tables.Table("classes", ClassLine, [_to_row(status) for status in classes])


def _to_row(status: ClassStatus) -> dict[str, Any]:
    return {
        "class_id": status.id,
        "records": status.progressions,
        "set_aside": status.quarantined,
        **{
            name: getattr(status, name)
            for name in ("friendly_id", "name", "is_active", "students", "assignments", "synced_at")
        },
        "closed_on": status.closed_on,
    }


def _offer_removal(view: View, run: Run, is_running: bool) -> None:
    problem = run.error or run.note or "OpenClass no longer has many records of this class."
    # What to do stands below it.
    st.warning(literal(for_page(problem, RemovalsRefused.code).removesuffix(SEE_CLASSES).rstrip()))
    st.caption(
        "So much going at once may be right, as when students left or an assignment was taken out of the "
        "course, or a mistake at OpenClass. Look at the class there first. What is removed counts no more "
        "here; should OpenClass have it again, the next sync brings it back."
    )
    st.button(
        "Remove them here too",
        key=f"remove-{run.class_id}",
        on_click=sync_panel.press,
        args=(view, [run.class_id]),
        kwargs={"full": True, "accept_removals": True},
        icon=":material/delete_sweep:",
        disabled=is_running,
    )


def _follow(view: View, key: str, status: ClassStatus) -> None:
    # Streamlit may call this for a switch that nobody touched. Only its value says what is wanted.
    wanted = st.session_state.get(key, status.is_active)
    if wanted != status.is_active:
        _switch(view, [status.id], active=wanted)


def _switch(view: View, class_ids: Sequence[str], *, active: bool) -> None:
    with guarded("classes", stop=False) as problems:
        admin_of(view).set_active(class_ids, active=active)
    if problems:
        st.session_state[_NOTICE] = problems[0]


def _look_for_classes(view: View) -> None:
    with guarded("classes", stop=False) as problems:
        admin_of(view).refresh_classes()
    notice = problems[0] if problems else "These are all classes that OpenClass lists for you."
    st.session_state[_NOTICE] = notice


def _describe_class(status: ClassStatus) -> str:
    """Describe a class, such as "63 students · 90 assignments · synced 5 minutes ago"."""
    parts = []
    if status.synced_at is None:
        parts.append("never synced")
    else:
        parts += [
            count(status.students, "student"),
            count(status.assignments, "assignment"),
            f"synced {ago(parse_instant(status.synced_at), utc_now())}",
        ]
    if status.quarantined:
        parts.append(f"{count(status.quarantined, 'record')} set aside")
    if not status.count_fits:
        parts.append("OpenClass's count does not fit")
    if status.closed_on is not None:
        parts.append(closing.closed_text(status.closed_on))
    if status.is_published is False:
        parts.append("not published")
    return " · ".join(parts)
